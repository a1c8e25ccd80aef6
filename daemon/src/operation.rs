//! Operations that are under way at a peer, and whose thread they are on.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many operations of a channel's are under way.
#[derive(Debug, Default)]
pub struct Operations(AtomicUsize);

/// One that is, for as long as this is kept.
#[derive(Debug)]
pub struct Operation<'a>(Option<&'a Operations>);

/// The thread that an operation is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// A channel's, and nothing else waits for it: what takes long is done on it, and no other thread is woken for it.
    Free,
    /// Others' requests are on it, or others of the same caller's.
    Shared,
}

impl<'a> Operation<'a> {
    /// Notes that one begins; `operations` are those of a channel, which has a thread of its own.
    pub fn begin(operations: Option<&'a Operations>) -> Self {
        if let Some(Operations(count)) = operations {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Self(operations)
    }

    /// Returns the thread that it is on.
    pub fn thread(&self) -> Thread {
        match self.0 {
            Some(Operations(count)) if count.load(Ordering::Relaxed) == 1 => Thread::Free,
            Some(_) | None => Thread::Shared,
        }
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        if let Some(Operations(count)) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Operation, Operations, Thread};

    #[test]
    fn a_channels_thread_is_free_for_one_at_a_time() {
        let channel = Operations::default();
        let one = Operation::begin(Some(&channel));
        assert_eq!(one.thread(), Thread::Free);
        let other = Operation::begin(Some(&channel));
        assert_eq!((one.thread(), other.thread()), (Thread::Shared, Thread::Shared));
        drop(one);
        assert_eq!(other.thread(), Thread::Free);
    }

    #[test]
    fn the_bus_has_a_thread_for_everybody() {
        assert_eq!(Operation::begin(None).thread(), Thread::Shared);
    }
}
