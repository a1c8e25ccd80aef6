use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Module;

/// How many wait within the module.
#[derive(Default)]
pub(super) struct Waiters {
    count: Mutex<usize>,
    left: Condvar,
}

/// The module, for one who waits in it.
pub(crate) struct Waiting {
    // The order matters: the connections may end with the module, and he has left when they have.
    module: Arc<Module>,
    _counted: Counted,
}

/// One of those who wait.
struct Counted(Arc<Waiters>);

impl Waiters {
    fn change(&self, change: impl FnOnce(&mut usize)) {
        change(&mut self.count.lock().unwrap_or_else(PoisonError::into_inner));
        self.left.notify_all();
    }

    /// Waits until nobody waits in the module any longer. Somebody who was on the way to ask the key store what there is
    /// comes back first; one who never does, as where a signal ended the program in it, is not waited for.
    pub(super) fn all_left(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.left.wait_timeout_while(count, LONGEST, |count| *count > 0));
    }
}

impl Waiting {
    /// Counts one more.
    pub(super) fn of(module: Arc<Module>) -> Self {
        let waiters = Arc::clone(&module.waiters);
        waiters.change(|count| *count += 1);
        Self { module, _counted: Counted(waiters) }
    }
}

impl Deref for Waiting {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.module
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.change(|count| *count = count.saturating_sub(1));
    }
}

/// How long somebody who waits is waited for: longer than any answer to the two questions that he may be at takes.
const LONGEST: Duration = Duration::from_secs(10);
