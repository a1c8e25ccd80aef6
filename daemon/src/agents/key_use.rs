use std::sync::Arc;

use claviger_core::{Key, Placement, Request};
use claviger_dbus::wire::Prompt;
use claviger_token::TokenKind;

use super::Asking;
use crate::accounts::Seat;
use crate::errand::purpose;
use crate::table::Account;

/// What a question is about: the use of a key, or a change of how its use is asked for.
#[derive(Clone, Copy)]
pub struct KeyUse<'a> {
    /// Who asks.
    pub asking: Asking<'a>,
    /// Whose key it is.
    pub seat: &'a Arc<Seat>,
    /// The account as it is now.
    pub account: &'a Account,
    /// The key.
    pub key: &'a Key,
    /// Where it is used; `None` where it is not used.
    pub placement: Option<&'a Placement>,
    /// What for.
    pub request: Option<&'a Request>,
}

impl KeyUse<'_> {
    /// Returns what an agent is told in any case, but for the question's id and the process that wants it.
    pub(super) fn prompt(&self) -> Prompt {
        let Self { asking: _, seat: _, account, key, placement, request } = *self;
        let token = placement.map(|placement| &placement.token);
        let card = self.card();
        let enrolled = account.tokens.iter().find(|enrolled| Some(&enrolled.id) == token);
        let usual = key.info.algorithm.default_signature();
        let mechanism = request.and_then(|request| request.mechanism.or(usual));
        Prompt {
            token: token.map(ToString::to_string),
            token_kind: placement.map(|placement| placement.kind.name().to_owned()),
            token_name: enrolled.map(|enrolled| enrolled.name.clone()),
            reader: card.and_then(|card| card.reader()),
            key: Some(key.id().to_string()),
            label: Some(key.label.clone()).filter(|label| !label.is_empty()),
            algorithm: Some(key.info.algorithm.name().to_owned()),
            purpose: request.map(|request| purpose(request.purpose).to_owned()),
            mechanism: mechanism.map(|mechanism| mechanism.name().to_owned()),
            reason: request.and_then(|request| request.reason.clone()),
            host: Some(rustix::system::uname().nodename().to_string_lossy().into_owned()),
            ..Prompt::default()
        }
    }

    /// Returns the card that the key is used on.
    pub(super) fn card(&self) -> Option<Arc<claviger_card::CardToken>> {
        let placement = self.placement.filter(|placement| placement.kind == TokenKind::Card)?;
        self.seat.card(&placement.token).ok()
    }
}
