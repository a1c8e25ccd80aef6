//! One guess at a secret: counted before it is checked.

use std::sync::Arc;

use claviger_core::{Guesses, Refusal, Registration, User};
use claviger_soft::{Cost, SlotError};

use super::Seat;
use crate::clock::now;
use crate::service::{Derivation, Service};

/// Which guesses are counted. A stranger at a login prompt must not slow down the user's own unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    /// Those at the user's own secrets, by the user.
    Own,
    /// Those at logins, by whoever stands there.
    Login,
}

/// What became of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The secret was right.
    Right,
    /// The secret was wrong.
    Wrong,
    /// It was never looked at whether it is right.
    Unchecked,
}

/// A guess that is counted on the disk, and not checked yet: killing the service meanwhile gains nothing.
#[must_use]
pub(super) struct Attempt {
    counter: Counter,
    before: Guesses,
    counted: Guesses,
}

impl Attempt {
    /// Counts a guess, or says how long to wait.
    pub(super) async fn begin(service: &Service, seat: &Seat, counter: Counter) -> Result<Self, Refusal> {
        let _counting = seat.counting.lock().await;
        let before = counter.read(service, seat).await?;
        let counted = before.attempt(now()).map_err(|seconds| Refusal::TryLater { seconds })?;
        counter.write(service, seat, counted).await?;
        Ok(Self { counter, before, counted })
    }

    /// Writes down what became of it.
    pub(super) async fn end(self, service: &Service, seat: &Seat, outcome: Outcome) -> Result<(), Refusal> {
        let Self { counter, before, counted } = self;
        let _counting = seat.counting.lock().await;
        let after = match outcome {
            Outcome::Right => Guesses::default(),
            Outcome::Wrong => {
                tracing::info!(uid = seat.uid, failed = counted.failed, "a secret was not accepted");
                return Ok(());
            }
            Outcome::Unchecked => match counter.read(service, seat).await? {
                current if current == counted => before,
                // Somebody else guessed meanwhile: only this one is taken back.
                current => Guesses { failed: current.failed.saturating_sub(1), ..current },
            },
        };
        counter.write(service, seat, after).await
    }
}

impl Counter {
    const fn of(self, user: &User) -> Guesses {
        match self {
            Self::Own => user.guesses,
            Self::Login => user.login_guesses,
        }
    }

    async fn read(self, service: &Service, seat: &Seat) -> Result<Guesses, Refusal> {
        let account = seat.account(&service.table).await?;
        let account = account.ok_or(Refusal::NotRegistered(Registration::None))?;
        Ok(self.of(&account.user))
    }

    async fn write(self, service: &Service, seat: &Seat, guesses: Guesses) -> Result<(), Refusal> {
        let table = &service.table;
        match self {
            Self::Own => seat.apply(table, table.set_guesses(seat.uid, guesses)).await,
            Self::Login => seat.apply(table, table.set_login_guesses(seat.uid, guesses)).await,
        }
    }
}

/// Checks a guess at the user's own secret with `check`, which takes long.
///
/// `derivation` is waited for by the caller, who may still give up then; from here on it is carried out.
pub(super) async fn guess<T: Send + 'static>(
    service: &Arc<Service>,
    seat: &Seat,
    derivation: Derivation,
    check: impl FnOnce(Cost) -> Result<T, SlotError> + Send + 'static,
) -> Result<T, Refusal> {
    let attempt = Attempt::begin(service, seat, Counter::Own).await?;
    let result = derivation.run(check).await?;
    attempt.end(service, seat, outcome(&result)).await?;
    result.map_err(refusal)
}

/// Returns what became of a guess at the key slots.
pub(super) const fn outcome<T>(result: &Result<T, SlotError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Right,
        Err(SlotError::WrongSecret) => Outcome::Wrong,
        Err(
            SlotError::Damaged(_)
            | SlotError::NoSuchSlot
            | SlotError::HostSecretMissing { .. }
            | SlotError::TooWeak(_)
            | SlotError::Internal(_),
        ) => Outcome::Unchecked,
    }
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
