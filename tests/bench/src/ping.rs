//! The floor of everything that talks to another process: 32 bytes there and 64 back over a unix socket.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::child::say_ready;
use crate::crew::{in_threads, obey};
use crate::error::{Doing, Error};

const QUESTION: usize = 32;
const ANSWER: usize = 64;

/// Answers until it is ended; one thread for each connection, as nothing is faster for few of them.
pub(crate) fn serve(socket: &Path) -> Result<(), Error> {
    let listener = UnixListener::bind(socket).doing("listen for pings")?;
    say_ready()?;
    for stream in listener.incoming() {
        let mut stream = stream.doing("accept a connection")?;
        std::thread::spawn(move || {
            let mut question = [0; QUESTION];
            while stream.read_exact(&mut question).is_ok() && stream.write_all(&[7; ANSWER]).is_ok() {}
        });
    }
    Ok(())
}

/// Pings as it is told.
pub(crate) fn work(socket: &Path) -> Result<(), Error> {
    let mut connections = Vec::new();
    obey(|order| {
        while connections.len() < order.lanes {
            connections.push(UnixStream::connect(socket).doing("reach the ping server")?);
        }
        in_threads(&mut connections[..order.lanes], order.shift, ping)
    })
}

fn ping(stream: &mut UnixStream) -> Result<(), Error> {
    let mut answer = [0; ANSWER];
    stream.write_all(&[3; QUESTION]).and_then(|()| stream.read_exact(&mut answer)).doing("ping")
}
