//! A dry run: where would it happen, in which steps.

use std::sync::Arc;

use claviger_core::plan::{After, Before, Padding, Plan, Unpadding, plan};
use claviger_core::policy::{Caller, Verdict, authorize};
use claviger_core::{Format, Input, Key, Placement, Refusal, Request, places};
use claviger_dbus::wire::Explanation;
use claviger_token::{Purpose, Token, TokenError, TokenKind};

use super::error;
use crate::accounts::token_name;
use crate::agents::Asking;
use crate::service::Service;

/// Returns what would happen; what only the data can tell is taken to be in order.
pub(super) async fn explain(
    service: &Service,
    (asking, caller): (Asking<'_>, &Caller),
    request: &Request,
) -> Result<Explanation, Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let account = seat.callers(&service.table, caller).await?;
    let user = &account.user;
    let key = request.selector.find(&account.keys, &user.defaults, Some(request.purpose))?;
    let at = request.at.as_ref();
    let place = seat.place(&account, key, at);
    let placement = place.as_ref().map_or_else(|_| places(key, at).next(), |(placement, _)| Some(*placement));
    let mechanism = request.mechanism.or(key.info.algorithm.default_signature());
    let mut explanation = Explanation {
        key: key.id().to_string(),
        algorithm: key.info.algorithm.name().to_owned(),
        mechanism: mechanism.map(|mechanism| mechanism.name().to_owned()).unwrap_or_default(),
        location: placement.map(|placement| placement.kind.name().to_owned()).unwrap_or_default(),
        token: placement.map(|placement| placement.token.to_string()).unwrap_or_default(),
        ..Explanation::default()
    };
    let circumstances = service.circumstances(asking, caller.uid, (key, request)).await;
    let verdict = authorize(caller, user, key, request.purpose, circumstances);
    if let Ok(Verdict::Ask(_)) = &verdict {
        explanation.prompts.push("your yes to the use of the key".to_owned());
    }
    if let Ok((placement, token)) = &place
        && !token.is_ready(&key.handle(placement))
    {
        let secret = match token.kind() {
            TokenKind::Local => "your pass phrase",
            TokenKind::Card => "the PIN",
            TokenKind::Phone => "unlocking the phone, on the phone",
        };
        explanation.prompts.push(secret.to_owned());
    }
    if let Ok((placement, _)) = &place
        && placement.kind == TokenKind::Phone
    {
        explanation.prompts.push(format!("your yes on the {}", token_name(&account, &placement.token)));
    }
    if let Some(reason) = &request.reason {
        explanation.prompts.iter_mut().for_each(|prompt| {
            prompt.push_str("; the program says: ");
            prompt.push_str(reason);
        });
    }
    let asked = asking.would_ask(service, caller.uid).await;
    match dry_run(asking, (verdict, asked), place, (key, request)) {
        Ok(plan) => explanation.steps = steps(&plan),
        Err(refusal) => {
            explanation.refusal = Some(error::name(&refusal).as_str().to_owned());
            explanation.refusal_text = Some(refusal.to_string());
        }
    }
    Ok(explanation)
}

fn dry_run(
    asking: Asking<'_>,
    (verdict, asked): (Result<Verdict, Refusal>, Result<(), Refusal>),
    place: Result<(&Placement, Arc<dyn Token>), Refusal>,
    (key, request): (&Key, &Request),
) -> Result<Plan, Refusal> {
    let authorized = match verdict? {
        Verdict::Allow(authorized) => authorized,
        Verdict::Ask(challenge) => {
            place.as_ref().map_err(Clone::clone)?;
            asked.clone()?;
            challenge.answered(true)?
        }
    };
    let (placement, token) = place?;
    asking.may_bother(&*token)?;
    let input = Input::Bytes(fitting_size(request, key));
    let plan = plan(authorized, request, &key.info, &token.capabilities(), input)?;
    // A phone asks its own person: no agent is needed.
    let ready = token.kind() == TokenKind::Phone || token.is_ready(&key.handle(placement));
    if ready || asked.is_ok() { Ok(plan) } else { Err(Refusal::of_token(token.kind(), TokenError::Locked)) }
}

/// Returns a size of data that the mechanism takes.
fn fitting_size(request: &Request, key: &Key) -> usize {
    match (request.purpose, key.info.algorithm.modulus_size()) {
        (Purpose::Decrypt, Some(size)) => size,
        _ => request.parameters.hash_or_default().size(),
    }
}

fn steps(plan: &Plan) -> Vec<String> {
    let before = match plan.before {
        Before::AsIs => None,
        Before::Digest(hash) => Some(format!("the host hashes the message with {hash}")),
        Before::DigestInfo(hash) => Some(format!("the host hashes with {hash} and builds the DigestInfo")),
        Before::Pad { padding: Padding::Pkcs1 { .. }, .. } => Some("the host pads (PKCS#1 v1.5)".to_owned()),
        Before::Pad { padding: Padding::Pss { hash, .. }, .. } => {
            Some(format!("the host pads (PSS with {hash})"))
        }
    };
    let after = match &plan.after {
        After::Signature(Format::Der) => Some("the host writes the signature as DER".to_owned()),
        After::Hkdf { hash, length, .. } => Some(format!("the host derives {length} bytes by HKDF, {hash}")),
        After::Unpad(Unpadding::Pkcs1) => Some("the host takes the PKCS#1 v1.5 padding off".to_owned()),
        After::Unpad(Unpadding::Oaep(_)) => Some("the host takes the OAEP padding off".to_owned()),
        After::Signature(Format::Raw) | After::Plaintext | After::Secret => None,
    };
    before.into_iter().chain([format!("the token does {}", plan.mechanism)]).chain(after).collect()
}
