use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use zbus::runtime::traits;

use super::lone::Shared;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something that runs beside the future that is waited for.
pub(super) struct Task {
    /// `None` while it runs, and when it has ended.
    work: Mutex<Option<Work>>,
    queued: AtomicBool,
    cancelled: AtomicBool,
    shared: Weak<Shared>,
}

impl Task {
    /// Runs it until it waits.
    pub(super) fn run(self: &Arc<Self>) {
        self.queued.store(false, Ordering::SeqCst);
        let Some(mut work) = locked(&self.work).take() else { return };
        let waker = Waker::from(self.clone());
        let waits = work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        if waits && !self.cancelled.load(Ordering::SeqCst) {
            *locked(&self.work) = Some(work);
        }
    }

    /// Drops it.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let work = locked(&self.work).take();
        drop(work);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let shared = self.shared.upgrade();
        if let Some(shared) = shared
            && !self.queued.swap(true, Ordering::SeqCst)
        {
            shared.schedule(self);
        }
    }
}

/// Who waits for a task's result. Dropped, it takes the task with it.
pub(super) struct Handle<T> {
    task: Arc<Task>,
    slot: Arc<Mutex<Slot<T>>>,
    detached: bool,
}

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T: Send + 'static> Handle<T> {
    /// Makes a task of a future; it is queued by the caller.
    pub(super) fn new(
        future: impl Future<Output = T> + Send + 'static,
        shared: Weak<Shared>,
    ) -> (Self, Arc<Task>) {
        let slot = Arc::new(Mutex::new(Slot { value: None, waker: None }));
        let result = slot.clone();
        let work = Box::pin(async move {
            let value = future.await;
            let waker = {
                let mut slot = locked(&result);
                slot.value = Some(value);
                slot.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        });
        let task = Arc::new(Task {
            work: Mutex::new(Some(work)),
            queued: AtomicBool::new(true),
            cancelled: AtomicBool::new(false),
            shared,
        });
        (Self { task: task.clone(), slot, detached: false }, task)
    }
}

impl<T: Send + 'static> Future for Handle<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let mut slot = locked(&self.slot);
        if let Some(value) = slot.value.take() {
            return Poll::Ready(Ok(value));
        }
        let before = slot.waker.replace(context.waker().clone());
        drop(slot);
        drop(before);
        Poll::Pending
    }
}

impl<T: Send + 'static> traits::TaskHandle<T> for Handle<T> {
    fn detach(mut self) {
        self.detached = true;
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if !self.detached {
            self.task.cancel();
        }
    }
}

/// The future that is waited for: whether it must be looked at.
pub(super) struct Root(AtomicBool);

impl Root {
    /// Returns one that must be looked at.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    /// Returns whether it must be looked at, which the caller does.
    pub(super) fn is_woken(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }

    /// Returns whether it must be looked at.
    pub(super) fn must_wake(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
