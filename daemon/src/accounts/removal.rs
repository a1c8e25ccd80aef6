//! What a user wants to happen to their sessions when the token is removed.

use claviger_core::{Action, Refusal};

use crate::callers::Visit;
use crate::service::Service;

/// Sets what happens to the caller's sessions when their token is removed; `None` for what is configured.
pub async fn set_action(service: &Service, visit: &Visit, action: Option<Action>) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    seat.own(&service.table, &visit.caller).await?;
    seat.apply(&service.table, service.table.set_removal(seat.uid, action)).await?;
    service.sessions.prefer(seat.uid, action);
    tracing::info!(uid = seat.uid, action = action.map(Action::name), "another action on removal is wanted");
    Ok(())
}
