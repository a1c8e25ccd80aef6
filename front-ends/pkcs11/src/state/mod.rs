//! The module's state between `C_Initialize` and `C_Finalize`.

mod ffi;
mod sockets;
mod waiting;

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use crate::Store;
use crate::rv::{Answer, Rv};
use crate::world::World;
use sockets::Sockets;
use waiting::Waiters;
pub(crate) use waiting::Waiting;

/// The module, initialized. What waits for the key store holds no lock of it.
pub(crate) struct Module {
    store: Box<dyn Store>,
    world: Mutex<World>,
    /// Held while slots and keys are asked for and taken.
    renewing: Mutex<()>,
    /// True once `C_Finalize` was called; who waits is woken.
    finalized: Mutex<bool>,
    end: Condvar,
    /// Who is in `C_WaitForSlotEvent`.
    waiters: Arc<Waiters>,
}

/// What a process has of the module. Of its parent's a child looks at the sockets alone: locks in there may be held by
/// threads that the child has not.
struct Place {
    process: ffi::Process,
    module: RwLock<Option<Arc<Module>>>,
    sockets: Sockets,
}

impl Module {
    /// Makes the state over a key store.
    pub(crate) fn new(store: Box<dyn Store>) -> Self {
        Self {
            store,
            world: Mutex::default(),
            renewing: Mutex::default(),
            finalized: Mutex::new(false),
            end: Condvar::new(),
            waiters: Arc::default(),
        }
    }

    /// Returns the key store.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Returns slots, sessions and objects; nothing that can wait is done while they are held.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one at a time ask for slots and keys, and take them.
    pub(crate) fn renewing(&self) -> MutexGuard<'_, ()> {
        self.renewing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true once `C_Finalize` was called.
    pub(crate) fn is_finalized(&self) -> bool {
        *self.finalized.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes who waits: the module is no more.
    pub(crate) fn end(&self) {
        *self.finalized.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.notify_all();
        self.store.interrupt();
    }

    /// Waits a second, or until `C_Finalize` is called.
    pub(crate) fn pause(&self) {
        let finalized = self.finalized.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.end.wait_timeout_while(finalized, PAUSE, |finalized| !*finalized));
    }
}

/// Returns the module of this process.
///
/// # Errors
/// `CKR_CRYPTOKI_NOT_INITIALIZED`, also in the child of a process that initialized it.
pub(crate) fn current() -> Answer<Arc<Module>> {
    let module = ffi::place().module.read().unwrap_or_else(PoisonError::into_inner);
    module.clone().ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)
}

/// Takes notice of a socket of the module's: a child of this process closes it.
pub(crate) fn remember(socket: BorrowedFd<'_>) {
    ffi::place().sockets.remember(socket);
}

/// Returns the module of this process for a wait that `C_Finalize` ends.
///
/// # Errors
/// As [`current`].
pub(crate) fn waiting() -> Answer<Waiting> {
    // Counted before anybody can take the module away.
    let module = ffi::place().module.read().unwrap_or_else(PoisonError::into_inner);
    module.clone().map(Waiting::of).ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)
}

/// Initializes the module in this process.
///
/// # Errors
/// `CKR_CRYPTOKI_ALREADY_INITIALIZED`.
pub(crate) fn initialize(store: impl FnOnce() -> Box<dyn Store>) -> Answer<()> {
    let mut module = ffi::place().module.write().unwrap_or_else(PoisonError::into_inner);
    if module.is_some() {
        return Err(Rv::CRYPTOKI_ALREADY_INITIALIZED);
    }
    *module = Some(Arc::new(Module::new(store())));
    Ok(())
}

/// Ends the module in this process. Who waits for a slot has left it then: the program may unload the library. A thread
/// that is still in another call, which the standard does not foresee, finishes it with what it has.
///
/// # Errors
/// `CKR_CRYPTOKI_NOT_INITIALIZED`.
pub(crate) fn finalize() -> Answer<()> {
    let module = ffi::place().module.write().unwrap_or_else(PoisonError::into_inner).take();
    let module = module.ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)?;
    module.end();
    module.waiters.all_left();
    Ok(())
}

/// How long it is before somebody who does not tell is looked for again.
const PAUSE: Duration = Duration::from_secs(1);
