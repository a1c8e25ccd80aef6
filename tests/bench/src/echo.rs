//! The floor of what goes to a phone: as many bytes there and back by the same kind of line, between two processes that do
//! nothing else.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;

use crate::child::say_ready;
use crate::crew::{in_threads, obey};
use crate::error::{Doing, Error};

/// One end of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `tty:PATH`: a terminal that is raw already.
    Terminal(PathBuf),
    /// `unix:PATH`: the server listens there, the client connects.
    Socket(PathBuf),
}

impl Place {
    /// Returns the text that is read back.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Terminal(path) => format!("tty:{}", path.display()),
            Self::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    fn terminal(path: &PathBuf) -> Result<File, Error> {
        File::options().read(true).write(true).open(path).doing(format!("open {}", path.display()))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tty", path)) => Ok(Self::Terminal(path.into())),
            Some(("unix", path)) => Ok(Self::Socket(path.into())),
            _ => Err("write tty:PATH or unix:PATH".to_owned()),
        }
    }
}

/// How many bytes go there, and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) question: usize,
    pub(crate) answer: usize,
}

/// Answers until the line ends.
pub(crate) fn serve(place: &Place, sizes: Sizes) -> Result<(), Error> {
    match place {
        Place::Terminal(path) => {
            let terminal = Place::terminal(path)?;
            say_ready()?;
            answer(&terminal, sizes);
        }
        Place::Socket(path) => {
            let listener = UnixListener::bind(path).doing(format!("listen at {}", path.display()))?;
            // The line's pump goes where everybody may, as at the daemon's socket, and tries first whether somebody listens.
            fs::set_permissions(path, Permissions::from_mode(0o666)).doing("open the socket for all")?;
            say_ready()?;
            for stream in listener.incoming() {
                answer(&stream.doing("accept a connection")?, sizes);
            }
        }
    }
    Ok(())
}

fn answer<S>(stream: &S, Sizes { question, answer }: Sizes)
where
    for<'a> &'a S: Read + Write,
{
    let (mut stream, mut question, answer) = (stream, vec![0; question], vec![b'B'; answer]);
    while stream.read_exact(&mut question).is_ok() && stream.write_all(&answer).is_ok() {}
}

/// Asks as it is told; one client.
pub(crate) fn work(place: &Place, sizes: Sizes) -> Result<(), Error> {
    match place {
        Place::Terminal(path) => ask(Place::terminal(path)?, sizes),
        Place::Socket(path) => {
            ask(UnixStream::connect(path).doing(format!("connect to {}", path.display()))?, sizes)
        }
    }
}

fn ask<S: Read + Write + Send>(stream: S, Sizes { question, answer }: Sizes) -> Result<(), Error> {
    let question = vec![b'A'; question];
    let mut lanes = [(stream, vec![0; answer])];
    obey(|order| {
        in_threads(&mut lanes, order.shift, |(stream, answer)| {
            stream.write_all(&question).and_then(|()| stream.read_exact(answer)).doing("ask the echo")
        })
    })
}
