//! Work that is carried to its end although nobody may wait for it any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work that runs where it is awaited, without a hand-over; dropped before its end, it goes on on `runtime`.
///
/// What it awaits must not be bound to the runtime it begins on: locks, channels and joins are not, timers and
/// sockets are.
pub(crate) struct Carried<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    runtime: Handle,
}

impl<T: Send + 'static> Carried<T> {
    /// Returns the work, not begun.
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static, runtime: Handle) -> Self {
        Self { work: Some(Box::pin(work)), runtime }
    }
}

impl<T: Send + 'static> Future for Carried<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let poll = work.as_mut().poll(context);
        if poll.is_ready() {
            self.work = None;
        }
        poll
    }
}

impl<T: Send + 'static> Drop for Carried<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            drop(self.runtime.spawn(work));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Carried;
    use tokio::runtime::Handle;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_that_nobody_awaits_any_more_goes_on_elsewhere() {
        let (release, held) = oneshot::channel::<u32>();
        let (done, result) = oneshot::channel();
        let work = async move { done.send(held.await).is_ok() };
        let elsewhere = Handle::current();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            // It begins here, waits, and loses both its task and its runtime.
            let task = runtime.spawn(Carried::new(work, elsewhere));
            runtime.block_on(tokio::task::yield_now());
            drop((task, runtime));
        })
        .join()
        .expect("no panic");
        release.send(7).expect("somebody waits for it");
        assert_eq!(result.await, Ok(Ok(7)));
    }

    #[tokio::test]
    async fn work_that_is_awaited_gives_its_result() {
        assert_eq!(Carried::new(async { 7 }, Handle::current()).await, 7);
    }
}
