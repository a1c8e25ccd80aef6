//! What the process itself does so that secrets stay in its memory alone; the unit file does the rest.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Keeps the memory from core dumps, debuggers of the same user, and swap.
pub fn harden() {
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!("the process stays readable by its own user: {error}");
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        tracing::warn!("core dumps stay possible: {error}");
    }
    raise_descriptors();
    lock_memory();
}

/// Channels and waiting secrets take descriptors: as many are allowed as the system lets one have.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!("the limit of open files stays low: {error}");
    }
}

/// Locks pages as they are first touched. Without the leave to lock as much as one likes this would make
/// allocations fail later, so it is only done with it: the unit file gives it.
fn lock_memory() {
    if rustix::process::getrlimit(Resource::Memlock).current.is_some() {
        tracing::debug!("memory is not locked: LimitMEMLOCK is not infinity");
        return;
    }
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if let Err(error) = rustix::mm::mlockall(flags) {
        tracing::warn!("memory may be swapped: {error}");
    }
}
