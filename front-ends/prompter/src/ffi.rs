//! The one place of this program where the compiler takes our word.
#![expect(
    unsafe_code,
    reason = "a pinentry is prepared between fork and exec, and tokio wants the promise that a descriptor stays the same"
)]

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::Signal;
use tokio::io::unix::AsyncFd;
use tokio::process::Command;

/// Makes the program lead a session of its own, as those that gpg-agent starts do: the terminal that it asks in is then
/// not its controlling one, so that no job control stops it, and everything that it starts can be ended with it. It is told to
/// end when this process dies without having ended it.
pub(crate) fn detach(command: &mut Command) {
    let prepare = || {
        rustix::process::setsid()?;
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        Ok(())
    };
    // SAFETY: the closure makes two system calls; it allocates nothing, takes no lock and touches no memory of the
    // parent.
    unsafe { command.pre_exec(prepare) };
}

/// Watches a descriptor.
pub(crate) fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor, and keeps it open, until it is dropped; it is moved
    // into the `AsyncFd`, which deregisters it first.
    unsafe { AsyncFd::register(descriptor) }.map_err(io::Error::from)
}
