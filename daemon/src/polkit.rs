//! polkit: who may do what beyond their own keys. It is asked on the system bus alone.
//!
//! Nothing is held while it decides: its own agent may be logging somebody in with our PAM module.

use std::collections::HashMap;
use std::time::Duration;

use claviger_core::Refusal;
use zbus::Variant;
use zbus::proxy::CacheProperties;

use crate::agents::Asking;
use crate::service::Service;
use crate::take_back::{TakeBack, question_id};

/// Asks whether the peer may do what `action` stands for.
///
/// # Errors
/// [`Refusal::MayNotAsk`] where it could be allowed after asking and the message does not allow to ask,
/// [`Refusal::Declined`] where the person gave up, [`Refusal::AccessDenied`] otherwise, also where polkit does not
/// answer.
pub(crate) async fn check(
    service: &Service,
    asking: Asking<'_>,
    action: &'static str,
) -> Result<(), Refusal> {
    let Asking { peer, may_ask, no_prompt: _ } = asking;
    let authority = authority(service).await.map_err(|error| silent(&error))?;
    let (id, name) = (question_id()?, peer.name.to_string());
    let open = TakeBack::new(service.runtime.clone(), take_back(authority.clone(), id.clone()));
    let patience = if may_ask { PERSON } else { PROGRAM };
    // The call has a task of its own, and so is never given up half written.
    let call = service.runtime.spawn(async move {
        let subject = ("system-bus-name", HashMap::from([("name", Variant::from(name))]));
        let flags = if may_ask { ALLOW_USER_INTERACTION } else { 0 };
        let details = HashMap::new();
        let asked = authority.check_authorization(&subject, action, &details, flags, &id);
        tokio::time::timeout(patience, asked).await
    });
    let answer = call.await.map_err(|_| Refusal::Cancelled)?;
    let answer = answer.map_err(|_| denied("polkit does not answer"))?;
    open.answered();
    verdict(answer.map_err(|error| silent(&error))?, may_ask)
}

/// Returns what polkit's answer means: authorized, a challenge is needed, details.
fn verdict(
    (authorized, challenge, details): (bool, bool, HashMap<String, String>),
    may_ask: bool,
) -> Result<(), Refusal> {
    match (authorized, challenge) {
        (true, _) => Ok(()),
        (false, _) if details.contains_key(DISMISSED) => Err(Refusal::Declined),
        (false, true) if !may_ask => Err(Refusal::MayNotAsk),
        (false, true) => Err(denied("polkit has no agent in your session to ask for a password")),
        (false, false) => Err(denied("polkit does not allow it")),
    }
}

fn silent(error: &zbus::Error) -> Refusal {
    Refusal::AccessDenied(format!("polkit, which decides this, does not answer ({error})").into())
}

const fn denied(why: &'static str) -> Refusal {
    Refusal::AccessDenied(std::borrow::Cow::Borrowed(why))
}

async fn authority(service: &Service) -> zbus::Result<AuthorityProxy<'static>> {
    AuthorityProxy::builder(service.connection()).cache_properties(CacheProperties::No).build().await
}

async fn take_back(authority: AuthorityProxy<'static>, id: String) -> zbus::Result<()> {
    authority.inner().call_noreply("CancelCheckAuthorization", &(id,)).await
}

/// The part of polkit that is needed (polkit 122, `org.freedesktop.PolicyKit1.Authority`).
#[zbus::proxy(
    interface = "org.freedesktop.PolicyKit1.Authority",
    default_service = "org.freedesktop.PolicyKit1",
    default_path = "/org/freedesktop/PolicyKit1/Authority"
)]
trait Authority {
    fn check_authorization(
        &self,
        subject: &(&str, HashMap<&str, Variant<'_>>),
        action: &str,
        details: &HashMap<&str, &str>,
        flags: u32,
        cancellation: &str,
    ) -> zbus::Result<(bool, bool, HashMap<String, String>)>;
}

/// `AllowUserInteraction` of `CheckAuthorizationFlags`.
const ALLOW_USER_INTERACTION: u32 = 1;
/// The detail that says that the person closed the question.
const DISMISSED: &str = "polkit.dismissed";
/// How long a person may take.
const PERSON: Duration = Duration::from_secs(120);
/// How long polkit may take without one; it may have to be started.
const PROGRAM: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use claviger_core::Refusal;

    use super::{DISMISSED, verdict};

    #[test]
    fn only_polkits_yes_is_a_yes_and_each_no_says_why() {
        let told = |authorized, challenge, may_ask| verdict((authorized, challenge, HashMap::new()), may_ask);
        for may_ask in [false, true] {
            assert_eq!(told(true, false, may_ask), Ok(()));
            assert!(matches!(told(false, false, may_ask), Err(Refusal::AccessDenied(_))));
        }
        assert_eq!(told(false, true, false), Err(Refusal::MayNotAsk));
        assert!(matches!(told(false, true, true), Err(Refusal::AccessDenied(_))));
        let dismissed = HashMap::from([(DISMISSED.to_owned(), "true".to_owned())]);
        assert_eq!(verdict((false, false, dismissed), true), Err(Refusal::Declined));
    }
}
