use std::marker::PhantomData;

use cryptoki_sys as sys;

use crate::rv::Answer;
use crate::session::{Operation, Running};
use crate::state::Module;

/// The place of an operation that is out. When this goes the operation is over, unless it was put back.
pub(super) struct Taken<'module, T: Operation> {
    module: &'module Module,
    session: sys::CK_SESSION_HANDLE,
    /// The slot of its session.
    pub(super) slot: sys::CK_SLOT_ID,
    time: u64,
    kind: PhantomData<T>,
}

impl<T: Operation> Taken<'_, T> {
    /// Puts an operation back; nowhere, where its session was closed meanwhile or it was cancelled.
    pub(super) fn put(&self, running: Running<T>) {
        self.settle(Some(running));
    }

    fn settle(&self, running: Option<Running<T>>) {
        if let Ok(session) = self.module.world().session(self.session) {
            session.settle(self.time, running);
        }
    }
}

impl<T: Operation> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.settle(None);
    }
}

impl Module {
    /// Takes an operation out of its session. Its place stays taken until [`Taken`] goes.
    pub(super) fn take<T: Operation>(
        &self,
        session: sys::CK_SESSION_HANDLE,
    ) -> Answer<(Running<T>, Taken<'_, T>)> {
        let mut world = self.world();
        let found = world.session(session)?;
        let (running, time) = found.take()?;
        Ok((running, Taken { module: self, session, slot: found.slot, time, kind: PhantomData }))
    }
}
