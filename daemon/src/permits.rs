//! The limits of each user, taken for as long as a guard lives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_core::{Caps, Limits, Refusal, Resource};

/// The limits, shared.
#[derive(Clone, Debug)]
pub struct Permits(Arc<Mutex<Limits>>);

/// One thing taken; dropping it gives it back.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    permits: Permits,
    uid: u32,
    resource: Resource,
}

impl Permits {
    /// Returns permits of which none is taken.
    pub fn new(caps: Caps) -> Self {
        Self(Arc::new(Mutex::new(Limits::new(caps))))
    }

    /// Takes one, or refuses.
    pub fn take(&self, uid: u32, resource: Resource) -> Result<Permit, Refusal> {
        self.limits().take(uid, resource)?;
        Ok(Permit { permits: self.clone(), uid, resource })
    }

    /// Returns how many are taken by all users together.
    pub fn taken(&self, resource: Resource) -> u32 {
        self.limits().taken(resource)
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.limits().release(self.uid, self.resource);
    }
}
