use std::io;
use std::os::fd::AsFd;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};

use crate::ffi;

/// Ends the process as soon as the other end of the connection is gone: OpenSC may be stuck for good then, holding
/// locks that no orderly end gets past. pcscd ends what a dead client held, and resets the card if it was in the
/// middle of a transaction.
///
/// # Errors
/// Where there can be no further thread.
pub(crate) fn start(connection: impl AsFd + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("watchdog".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || watch(connection))?;
    Ok(())
}

fn watch(connection: impl AsFd) -> ! {
    loop {
        // The end of a connection is reported whether it is asked for or not; RDHUP must be asked for.
        let mut watched = [PollFd::new(&connection, PollFlags::RDHUP)];
        match poll(&mut watched, None) {
            Ok(_) => ffi::end_process(0),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => ffi::end_process(1),
        }
    }
}
