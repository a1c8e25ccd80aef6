use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_core::Refusal;
use claviger_token::{KeyId, TokenId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::yeses::Scope;

/// What several requests can wait for together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Matter {
    /// A user's token is unlocked.
    Unlock(u32, TokenId),
    /// A key may be used in that scope.
    Yes(KeyId, Scope),
}

/// What is being asked on behalf of requests that wait for it: one question for each matter, however many wait.
#[derive(Debug, Default)]
pub(super) struct Flights {
    flying: Mutex<HashMap<Matter, Flight>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Flight {
    serial: u64,
    waiting: usize,
    outcome: watch::Receiver<Option<Result<(), Refusal>>>,
    given_up: CancellationToken,
}

/// A place among those who wait; the last one that is given up ends the flight.
struct Place {
    flights: Arc<Flights>,
    matter: Matter,
    serial: u64,
}

impl Flights {
    /// Waits for the outcome of what is being done in that matter; where nothing is, `work` is begun on `runtime`.
    pub(super) async fn join<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        matter: Matter,
        work: impl FnOnce() -> F,
    ) -> Result<(), Refusal>
    where
        F: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let (mut outcome, _place) = self.enter(runtime, matter, work);
        match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(Refusal::Cancelled)),
            Err(_) => Err(Refusal::Cancelled),
        }
    }

    fn enter<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        matter: Matter,
        work: impl FnOnce() -> F,
    ) -> (watch::Receiver<Option<Result<(), Refusal>>>, Place)
    where
        F: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let mut flying = self.flying();
        let flight = flying.entry(matter.clone()).or_insert_with(|| {
            let serial = self.next.fetch_add(1, Ordering::Relaxed);
            let (outcome, given_up) = self.begin(runtime, (matter.clone(), serial), work());
            Flight { serial, waiting: 0, outcome, given_up }
        });
        flight.waiting += 1;
        (flight.outcome.clone(), Place { flights: Arc::clone(self), matter, serial: flight.serial })
    }

    fn begin<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        (matter, serial): (Matter, u64),
        work: F,
    ) -> (watch::Receiver<Option<Result<(), Refusal>>>, CancellationToken)
    where
        F: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let (tell, outcome) = watch::channel(None);
        let given_up = CancellationToken::new();
        let (flights, ended) = (Arc::clone(self), given_up.clone());
        drop(runtime.spawn(async move {
            let outcome = tokio::select! {
                biased;
                () = ended.cancelled() => return,
                outcome = work => outcome,
            };
            // Who comes from here on looks anew; who came before hears this.
            flights.take_out(&matter, serial);
            tell.send_replace(Some(outcome));
        }));
        (outcome, given_up)
    }

    fn take_out(&self, matter: &Matter, serial: u64) {
        let mut flying = self.flying();
        if flying.get(matter).is_some_and(|flight| flight.serial == serial) {
            flying.remove(matter);
        }
    }

    fn flying(&self) -> MutexGuard<'_, HashMap<Matter, Flight>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut flying = self.flights.flying();
        let Some(flight) = flying.get_mut(&self.matter) else { return };
        if flight.serial != self.serial {
            return;
        }
        flight.waiting -= 1;
        if flight.waiting == 0 {
            flight.given_up.cancel();
            flying.remove(&self.matter);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use claviger_core::Refusal;
    use claviger_token::TokenId;
    use tokio::runtime::Handle;
    use tokio::sync::{Notify, oneshot};

    use super::{Flights, Matter};

    fn matter() -> Matter {
        Matter::Unlock(1, TokenId::local(1))
    }

    /// Lets so many requests wait for `work`, and returns when all do.
    async fn crowd<F>(
        flights: &Arc<Flights>,
        count: usize,
        work: impl Fn() -> F,
    ) -> Vec<tokio::task::JoinHandle<Result<(), Refusal>>>
    where
        F: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let mut crowd = Vec::new();
        for number in 1..=count {
            let (flights, work) = (Arc::clone(flights), work());
            let joining = Arc::clone(&flights);
            crowd
                .push(tokio::spawn(async move { joining.join(&Handle::current(), matter(), || work).await }));
            while flights.flying().values().map(|flight| flight.waiting).sum::<usize>() < number {
                tokio::task::yield_now().await;
            }
        }
        crowd
    }

    #[tokio::test]
    async fn many_that_want_the_same_are_asked_once_and_all_hear_it() {
        let flights = Arc::<Flights>::default();
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                answer.notified().await;
                Err(Refusal::Declined)
            }
        };
        let crowd = crowd(&flights, 50, work).await;
        answer.notify_one();
        for waiting in crowd {
            assert_eq!(waiting.await.expect("no panic"), Err(Refusal::Declined));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(flights.flying().is_empty());
        let again = flights.join(&Handle::current(), matter(), || async { Ok(()) }).await;
        assert_eq!(again, Ok(()), "what comes later looks anew");
    }

    #[tokio::test]
    async fn the_last_one_who_leaves_ends_it_and_no_earlier_one_does() {
        struct Tells(Option<oneshot::Sender<()>>);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.take().map(|tell| tell.send(()));
            }
        }
        let flights = Arc::<Flights>::default();
        let (tell, mut ended) = oneshot::channel();
        let first = std::sync::Mutex::new(Some(Tells(Some(tell))));
        let work = || {
            let tells = first.lock().expect("no panic").take();
            async move {
                let _tells = tells;
                std::future::pending().await
            }
        };
        let mut crowd = crowd(&flights, 3, work).await;
        let last = crowd.pop().expect("three");
        for leaving in crowd {
            leaving.abort();
            assert!(leaving.await.is_err());
        }
        assert!(ended.try_recv().is_err(), "one waits still");
        last.abort();
        assert!(last.await.is_err());
        assert_eq!(ended.await, Ok(()));
        assert!(flights.flying().is_empty());
    }
}
