//! Which process this is: the one place that is looked at before any lock.

#![expect(
    unsafe_code,
    reason = "a place that is never freed is shared by a pointer, so that a child touches no lock"
)]

use std::ptr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::Place;

/// The place of the process that came here last. Places are never freed: a parent's is left alone by its children.
static PLACE: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// Returns this process's place, making it where the one that is found is a parent's.
pub(super) fn place() -> &'static Place {
    let process = rustix::process::getpid().as_raw_nonzero().get();
    let found = PLACE.load(Ordering::Acquire);
    // SAFETY: what was ever stored there came from `Box::into_raw` and is not freed.
    if let Some(place) = unsafe { found.as_ref() }
        && place.process == process
    {
        return place;
    }
    let made = Box::into_raw(Box::new(Place { process, module: RwLock::new(None) }));
    match PLACE.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: it was just made, and nobody frees it from now on.
        Ok(_) => unsafe { &*made },
        Err(other) => {
            // SAFETY: it was just made, and nobody else has seen it.
            drop(unsafe { Box::from_raw(made) });
            // SAFETY: as above. It is another thread's of this process: a child begins with one thread, and a
            // process's number does not change.
            unsafe { &*other }
        }
    }
}
