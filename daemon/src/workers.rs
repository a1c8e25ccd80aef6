//! Where slow computations run, and in which order: users take turns, so that one user's hundred RSA
//! signatures do not stand before another's single one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_core::Refusal;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// As many computations at a time as there are processors; the rest wait in one line per user.
#[derive(Debug)]
pub struct Workers {
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    lines: HashMap<u32, VecDeque<oneshot::Sender<Turn>>>,
    order: VecDeque<u32>,
}

/// The right to compute now; dropping it lets the next one.
#[derive(Debug)]
struct Turn {
    workers: Option<Arc<Workers>>,
}

impl Workers {
    /// Returns workers for so many computations at a time, on the threads of `runtime`.
    pub fn new(threads: usize, runtime: Handle) -> Arc<Self> {
        let state = State { free: threads.max(1), lines: HashMap::new(), order: VecDeque::new() };
        Arc::new(Self { runtime, state: Mutex::new(state) })
    }

    /// Runs `work` when it is the user's turn. When the caller gives up before, it never runs; when it gives
    /// up later, nobody hears the result.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        uid: u32,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.turn(uid).await?;
        let run = move || {
            let result = work();
            drop(turn);
            result
        };
        self.runtime.spawn_blocking(run).await.map_err(|_| Refusal::Cancelled)
    }

    /// Has `work` done on the thread at hand when it is the user's turn.
    pub async fn run_here<T>(
        self: &Arc<Self>,
        uid: u32,
        work: impl Future<Output = T>,
    ) -> Result<T, Refusal> {
        let _turn = self.turn(uid).await?;
        Ok(work.await)
    }

    async fn turn(self: &Arc<Self>, uid: u32) -> Result<Turn, Refusal> {
        let waiting = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn { workers: Some(Arc::clone(self)) });
            }
            let (sender, receiver) = oneshot::channel();
            let line = state.lines.entry(uid).or_default();
            let is_new = line.is_empty();
            line.retain(|waiting| !waiting.is_closed());
            line.push_back(sender);
            if is_new {
                state.order.push_back(uid);
            }
            receiver
        };
        waiting.await.map_err(|_| Refusal::Cancelled)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns who is next: the users in turn, each user's requests in their order.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let uid = self.order.pop_front()?;
        let line = self.lines.get_mut(&uid)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&uid);
        } else {
            self.order.push_back(uid);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(workers) = self.workers.take() else { return };
        let mut state = workers.state();
        while let Some(next) = state.next() {
            match next.send(Self { workers: Some(Arc::clone(&workers)) }) {
                Ok(()) => return,
                // Whoever gave up while waiting is passed over; this turn must not pass itself on in its drop.
                Err(mut back) => back.workers = None,
            }
        }
        state.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Handle, Workers};
    use std::sync::{Arc, Mutex, mpsc};

    #[tokio::test]
    async fn users_take_turns_however_much_one_of_them_asks() {
        let workers = Workers::new(1, Handle::current());
        let order = Arc::new(Mutex::new(Vec::new()));
        let (release, held) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let workers = Arc::clone(&workers);
            async move { workers.run(9, move || held.recv()).await }
        });
        while workers.state().free > 0 {
            tokio::task::yield_now().await;
        }
        let mut tasks = Vec::new();
        for uid in [1, 1, 1, 1, 2] {
            let waiting = workers.state().lines.values().map(std::collections::VecDeque::len).sum::<usize>();
            let (queue, order) = (Arc::clone(&workers), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                queue.run(uid, move || order.lock().expect("no panic").push(uid)).await
            }));
            while workers.state().lines.values().map(std::collections::VecDeque::len).sum::<usize>()
                == waiting
            {
                tokio::task::yield_now().await;
            }
        }
        release.send(()).expect("it waits");
        first.await.expect("no panic").expect("not cancelled").expect("sent");
        for task in tasks {
            task.await.expect("no panic").expect("not cancelled");
        }
        assert_eq!(*order.lock().expect("no panic"), [1, 2, 1, 1, 1]);
        assert_eq!(workers.state().free, 1);
    }

    #[tokio::test]
    async fn what_is_done_here_takes_its_turn_too() {
        let workers = Workers::new(1, Handle::current());
        let here = std::thread::current().id();
        let inside = async {
            assert_eq!(workers.state().free, 0);
            std::thread::current().id()
        };
        assert_eq!(workers.run_here(1, inside).await, Ok(here));
        assert_eq!(workers.state().free, 1);
        let elsewhere = workers.run(1, || std::thread::current().id()).await;
        assert_ne!(elsewhere, Ok(here));
    }

    #[tokio::test]
    async fn any_number_of_waiters_may_give_up() {
        let workers = Workers::new(1, Handle::current());
        let turn = workers.turn(1).await.expect("free");
        for number in 0..100_000 {
            let mut waiting = Box::pin(workers.turn(number % 3));
            assert!(futures_poll_once(&mut waiting).await, "it waits");
        }
        assert!(workers.state().lines.values().map(std::collections::VecDeque::len).sum::<usize>() <= 3);
        drop(turn);
        assert_eq!(workers.state().free, 1);
    }

    /// Polls once; returns true where the future is not ready.
    async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_passes_on() {
        let workers = Workers::new(1, Handle::current());
        let turn = workers.turn(1).await.expect("free");
        let given_up = {
            let workers = Arc::clone(&workers);
            tokio::spawn(async move { workers.turn(1).await.map(drop) })
        };
        while workers.state().lines.is_empty() {
            tokio::task::yield_now().await;
        }
        given_up.abort();
        assert!(given_up.await.is_err());
        drop(turn);
        assert_eq!(workers.run(2, || 7).await, Ok(7));
    }
}
