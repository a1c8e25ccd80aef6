//! Which process this is: the one place that is looked at before any lock; and what it inherited.

#![expect(
    unsafe_code,
    reason = "a place that is never freed is shared by a pointer, so that a child touches no lock; descriptors by number"
)]

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::{Place, Sockets};

/// The place of the process that came here last. Places are never freed: a parent's is left alone by its children.
static PLACE: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// Which process it is.
pub(super) enum Process {
    /// The one in which this word is not zero: the kernel wipes it for children.
    Marked(&'static AtomicU32),
    /// The one of that number, where the kernel wipes nothing. A child in another namespace may have the same.
    Numbered(i32),
}

/// Returns this process's place, making it where the one that is found is a parent's.
pub(super) fn place() -> &'static Place {
    let found = PLACE.load(Ordering::Acquire);
    // SAFETY: what was ever stored there came from `Box::into_raw` and is not freed.
    let found_place = unsafe { found.as_ref() };
    if let Some(place) = found_place
        && place.process.is_this()
    {
        return place;
    }
    let (process, sockets) = (Process::this(), Sockets::new());
    let made = Box::into_raw(Box::new(Place { process, module: RwLock::new(None), sockets }));
    match PLACE.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            // Once: another thread could have opened something else with the same number by the second time.
            if let Some(parents) = found_place {
                parents.sockets.close();
            }
            // SAFETY: it was just made, and nobody frees it from now on.
            unsafe { &*made }
        }
        Err(other) => {
            // SAFETY: it was just made, and nobody else has seen it.
            drop(unsafe { Box::from_raw(made) });
            // SAFETY: as above. It is another thread's of this process: a child begins with one thread, and a
            // process does not become another one.
            unsafe { &*other }
        }
    }
}

impl Process {
    fn this() -> Self {
        marked().map_or_else(|| Self::Numbered(number()), Self::Marked)
    }

    fn is_this(&self) -> bool {
        match self {
            Self::Marked(mark) => mark.load(Ordering::Relaxed) != 0,
            Self::Numbered(process) => *process == number(),
        }
    }
}

fn number() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Returns a word, not zero, that children find zero. It is never given back: a place is never freed.
fn marked() -> Option<&'static AtomicU32> {
    let flags = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let page = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), PAGE, flags.0, flags.1) }.ok()?;
    // SAFETY: the mapping is ours, whole pages, and what is in it is zero.
    let wiped = unsafe { rustix::mm::madvise(page, PAGE, Advice::LinuxWipeOnFork) };
    if wiped.is_err() {
        // SAFETY: nobody else has seen it. Where it is not given back, a page is lost.
        unsafe { rustix::mm::munmap(page, PAGE) }.ok();
        return None;
    }
    // SAFETY: it is aligned, holds zeros, which are one, and stays for as long as the process.
    let mark: &'static AtomicU32 = unsafe { &*page.cast::<AtomicU32>() };
    mark.store(1, Ordering::Relaxed);
    Some(mark)
}

/// Returns whether a number is that of a file that is the one that is meant.
pub(super) fn is(number: i32, meant: impl FnOnce(BorrowedFd<'_>) -> bool) -> bool {
    // SAFETY: it is looked at only, within this call; where it is no file's the kernel says so.
    number >= 0 && meant(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Closes the file of a number where it is the one that is meant.
pub(super) fn close_where(number: i32, meant: impl FnOnce(BorrowedFd<'_>) -> bool) {
    if is(number, meant) {
        // SAFETY: it is a copy of a socket of the parent's module. What owned it there nobody reaches in this process.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
}

/// A page has this size, or a multiple of it that the kernel rounds up to.
const PAGE: usize = 4096;
