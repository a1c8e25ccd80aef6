//! Step 5, settle: what only a person's yes allows, the owner's or, on the system bus, the one that polkit asks for.

use std::sync::Arc;

use claviger_core::policy::{Authorized, Caller, Verdict, still_holds};
use claviger_core::{Confirm, Refusal, Selector};

use claviger_dbus::names::{ADMINISTER_ACTION, PAIR_ACTION, REMOVAL_ACTION};
use claviger_token::Purpose;

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
            let at = of.request.and_then(|request| request.at.as_ref());
            let (placement, _) = of.seat.place(of.account, of.key, at)?;
            let of = KeyUse { placement: Some(placement), ..of };
            // Boxed: those who are not asked need not carry it.
            let authorized = challenge.answered(Box::pin(agents::confirm(service, caller, of)).await?)?;
            look_again(service, caller, of, authorized.purpose()).await?;
            Ok(authorized)
        }
    }
}

/// Decides once more after somebody was asked, for a person takes their time: meanwhile a key may have been revoked, or the
/// screen locked.
pub(crate) async fn look_again(
    service: &Service,
    caller: &Caller,
    of: KeyUse<'_>,
    purpose: Purpose,
) -> Result<(), Refusal> {
    let account = of.seat.callers(&service.table, caller).await?;
    let key = account.keys.iter().find(|key| key.id() == of.key.id()).ok_or(Refusal::NoSuchKey)?;
    still_holds(caller, &account.user, key, purpose, service.sessions.is_frozen(caller.uid))
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

/// Lets users change what happens to their own sessions: on the system bus polkit makes sure that it is they who sit
/// there.
pub(crate) async fn set_removal_action(
    service: &Service,
    asking: Asking<'_>,
    caller: &Caller,
) -> Result<(), Refusal> {
    if !service.asks_polkit() || service.administrator(caller).is_ok() {
        return Ok(());
    }
    polkit::check(service, asking, REMOVAL_ACTION).await
}

/// Lets users pair phones: on the system bus polkit makes sure that it is they who sit there.
pub(crate) async fn pair(service: &Service, asking: Asking<'_>, caller: &Caller) -> Result<(), Refusal> {
    if !service.asks_polkit() || service.administrator(caller).is_ok() {
        return Ok(());
    }
    polkit::check(service, asking, PAIR_ACTION).await
}

/// Asks the owner before a key asks less often. Whoever could not use the key now is not asked either.
pub(crate) async fn set_confirm(
    service: &Arc<Service>,
    asking: Asking<'_>,
    caller: &Arc<Caller>,
    (selector, confirm): (&Selector, Confirm),
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let account = seat.opened(&service.table, caller).await?;
    let key = selector.find(&account.keys, &account.user.defaults, None)?;
    if confirm >= key.confirm {
        return Ok(());
    }
    if service.sessions.is_frozen(caller.uid) {
        return Err(Refusal::SessionLocked);
    }
    let of = KeyUse { asking, seat: &seat, account: &account, key, placement: None, request: None };
    let yes = agents::confirm(service, caller, of).await?;
    if yes { Ok(()) } else { Err(Refusal::Declined) }
}
