//! Step 5, settle: what only a person's yes allows, the owner's or, on the system bus, the one that polkit asks for.

use std::sync::Arc;

use claviger_core::Refusal;
use claviger_core::policy::{Authorized, Caller, Verdict};

use claviger_dbus::names::ADMINISTER_ACTION;

use crate::agents::{self, Asking, KeyUse};
use crate::polkit;
use crate::service::Service;

/// Asks the owner where the policy wants it. Of a key that stands nowhere near nobody is asked.
pub(crate) async fn settle(
    service: &Arc<Service>,
    caller: &Arc<Caller>,
    verdict: Verdict,
    of: KeyUse<'_>,
) -> Result<Authorized, Refusal> {
    match verdict {
        Verdict::Allow(authorized) => Ok(authorized),
        Verdict::Ask(challenge) => {
            let (placement, _) = of.seat.place(of.account, of.key)?;
            let of = KeyUse { placement: Some(placement), ..of };
            // Boxed: those who are not asked need not carry it.
            challenge.answered(Box::pin(agents::confirm(service, caller, of)).await?)
        }
    }
}

/// Lets administrators through: root is one; of others polkit says so, on the system bus.
pub(crate) async fn administer(
    service: &Service,
    asking: Asking<'_>,
    caller: &Caller,
) -> Result<(), Refusal> {
    match service.administrator(caller) {
        Err(_) if service.asks_polkit() => polkit::check(service, asking, ADMINISTER_ACTION).await,
        decided => decided,
    }
}
