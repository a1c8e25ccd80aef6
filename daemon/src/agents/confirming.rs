use std::sync::Arc;

use claviger_core::policy::Caller;
use claviger_core::{Confirm, Refusal};
use claviger_dbus::wire::Prompt;
use tokio_util::sync::CancellationToken;
use zbus::names::OwnedUniqueName;

use super::flights::Matter;
use super::key_use::KeyUse;
use super::question::{Question, Unanswered};
use super::registry::Registration;
use super::yeses::Scope;
use crate::service::Service;

/// Asks the owner for a yes to the use of a key, and remembers it where the key wants it once in each session. What a program
/// wants asked is asked for itself, not together with what others want, and is remembered for nothing else: whoever lets a
/// program at the other end of a line use a key once has not let everybody use it.
/// Returns false where the owner says no.
///
/// # Errors
/// [`Refusal::MayNotAsk`], [`Refusal::NobodyToAsk`], [`Refusal::LimitsExceeded`], or that nobody answered.
pub async fn confirm(service: &Arc<Service>, caller: &Arc<Caller>, of: KeyUse<'_>) -> Result<bool, Refusal> {
    let asked = asked(service, caller, of).await?;
    if !is_remembered(of) {
        return asked.put(service).await;
    }
    let (key, scope) = (of.key.id(), of.asking.scope(service).await);
    let over = match &scope {
        Scope::Session(_) => CancellationToken::new(),
        Scope::Connection(_) => of.asking.peer.gone.clone(),
    };
    let matter = Matter::Yes(key, scope.clone());
    let work = || {
        let service = Arc::clone(service);
        async move {
            // Somebody may have been asked just before this began.
            if service.agents.yeses.contain(key, &scope) {
                return Ok(());
            }
            if !asked.put(&service).await? {
                return Err(Refusal::Declined);
            }
            service.agents.yeses.remember(key, scope, over);
            Ok(())
        }
    };
    match service.agents.flights.join(&service.runtime, matter, work).await {
        Ok(()) => Ok(true),
        Err(Refusal::Declined) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Returns true where a yes counts for longer than one use: the key wants it so, and the question is the key's. Without a use
/// there is nothing to remember it for.
fn is_remembered(of: KeyUse<'_>) -> bool {
    match of.key.confirm {
        Confirm::Session => of.request.is_some_and(|request| !request.confirm),
        Confirm::Always | Confirm::Never => false,
    }
}

/// What is asked, and who asks it.
struct Asked {
    uid: u32,
    peer: OwnedUniqueName,
    agent: Registration,
    prompt: Prompt,
}

async fn asked(service: &Arc<Service>, caller: &Caller, of: KeyUse<'_>) -> Result<Asked, Refusal> {
    let agent = of.asking.agent(service, caller.uid).await?;
    Ok(Asked { uid: caller.uid, peer: of.asking.peer.name.clone(), agent, prompt: of.prompt() })
}

impl Asked {
    async fn put(self, service: &Arc<Service>) -> Result<bool, Refusal> {
        let nobody = |unanswered| match unanswered {
            Unanswered::NoAgent => Refusal::NobodyToAsk,
            Unanswered::Refused(refusal) => refusal,
        };
        let Self { uid, peer, agent, prompt } = self;
        let question = Question::new(service, agent, (uid, &peer), prompt).await.map_err(nobody)?;
        match question.yes().await {
            Ok(yes) => Ok(yes),
            Err(Unanswered::Refused(Refusal::Declined)) => Ok(false),
            Err(unanswered) => Err(nobody(unanswered)),
        }
    }
}
