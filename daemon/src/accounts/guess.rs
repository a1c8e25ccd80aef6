//! One guess at a secret: counted before it is checked, and one at a time.

use std::sync::Arc;

use claviger_core::{Guesses, Refusal, User};
use claviger_soft::{Cost, SlotError};

use super::Seat;
use crate::clock::now;
use crate::service::{Derivation, Service};

/// Checks a guess with `check`, which takes long. The count is on the disk before it begins: killing the service
/// meanwhile gains nothing.
///
/// `derivation` is waited for by the caller, who may still give up then; from here on it is carried out.
pub(super) async fn guess<T: Send + 'static>(
    service: &Arc<Service>,
    seat: &Seat,
    user: &User,
    derivation: Derivation,
    check: impl FnOnce(Cost) -> Result<T, SlotError> + Send + 'static,
) -> Result<T, Refusal> {
    let counted = user.guesses.attempt(now()).map_err(|seconds| Refusal::TryLater { seconds })?;
    let table = &service.table;
    seat.apply(table, table.set_guesses(seat.uid, counted)).await?;
    let result = derivation.run(check).await?;
    let after = match &result {
        Ok(_) => Guesses::default(),
        Err(SlotError::WrongSecret) => {
            tracing::info!(uid = seat.uid, failed = counted.failed, "a secret was not accepted");
            return Err(Refusal::WrongPassphrase);
        }
        // It was never looked at whether the secret is right.
        Err(_) => user.guesses,
    };
    seat.apply(table, table.set_guesses(seat.uid, after)).await?;
    result.map_err(refusal)
}

/// Returns what a fault of the key slots means to a caller.
pub(super) fn refusal(error: SlotError) -> Refusal {
    match error {
        SlotError::WrongSecret => Refusal::WrongPassphrase,
        SlotError::Damaged(_) => Refusal::StoreCorrupt(error.to_string().into()),
        SlotError::NoSuchSlot => {
            Refusal::NotSupported("that, without such a secret having been made,".into())
        }
        SlotError::HostSecretMissing { .. } => Refusal::NotSupported(
            format!("unlocking on this host ({error}; `claviger recovery use` sets a new one)").into(),
        ),
        SlotError::TooWeak(what) => Refusal::InvalidArguments(what.into()),
        SlotError::Internal(what) => Refusal::Internal(what.into()),
    }
}
