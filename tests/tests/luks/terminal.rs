//! Somebody at a terminal, who answers what is asked.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use claviger_tests::DEADLINE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// What was said at a terminal.
#[derive(Debug)]
pub(crate) struct Said {
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Everything that stood there.
    pub(crate) text: String,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Said {
    /// Returns itself, if the program succeeded.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// Returns itself, if the program failed.
    pub(crate) fn failed(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "{self:#?}");
        self
    }
}

/// Runs a program on a terminal of its own, to its end. Whoever sits there gives the second word to each question that has the
/// first in it; a question is what is asked without showing what is typed.
pub(crate) async fn at_terminal(command: Command, answers: &[(&'static str, &str)]) -> Said {
    let answers: Vec<_> =
        answers.iter().map(|(question, answer)| (*question, (*answer).to_owned())).collect();
    tokio::task::spawn_blocking(move || Terminal::open().sit(command, &answers)).await.unwrap()
}

struct Terminal {
    ours: OwnedFd,
    theirs: File,
}

impl Terminal {
    fn open() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(Path::new(&path), flags, Mode::empty()).unwrap().into();
        Self { ours, theirs }
    }

    fn sit(self, command: Command, answers: &[(&'static str, String)]) -> Said {
        let began = Instant::now();
        let mut program = Command::new("/usr/bin/setsid");
        program.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        program.env_clear();
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => drop(program.env(name, value)),
                None => drop(program.env_remove(name)),
            }
        }
        let theirs = || Stdio::from(self.theirs.try_clone().unwrap());
        program.stdin(theirs()).stdout(theirs()).stderr(theirs());
        let mut running = program.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}"));
        // It has our copies of the terminal.
        drop(program);
        let mut ours = File::from(self.ours.try_clone().unwrap());
        let (mut said, mut answered) = (Vec::new(), 0);
        let status: ExitStatus = loop {
            let ended = running.try_wait().unwrap();
            read_what_there_is(&mut ours, &mut said);
            if let Some(status) = ended {
                break status;
            }
            let unanswered = String::from_utf8_lossy(&said[answered..]).into_owned();
            let asked = answers.iter().find(|(question, _)| unanswered.contains(question));
            // What is typed before that is thrown away.
            if let Some((_, answer)) = asked
                && !tcgetattr(&self.ours).unwrap().local_modes.contains(LocalModes::ECHO)
            {
                answered = said.len();
                ours.write_all(format!("{answer}\n").as_bytes()).unwrap();
            }
            if began.elapsed() > DEADLINE {
                running.kill().unwrap();
                panic!("it still runs, and said: {}", String::from_utf8_lossy(&said));
            }
        };
        Said {
            code: status.code(),
            text: String::from_utf8_lossy(&said).into_owned(),
            seconds: began.elapsed().as_secs_f64(),
        }
    }
}

/// Reads what is there now, or comes within some milliseconds.
fn read_what_there_is(terminal: &mut File, said: &mut Vec<u8>) {
    let mut bytes = [0; 4096];
    let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    while poll(&mut [PollFd::new(&*terminal, PollFlags::IN)], Some(&moment)).unwrap() > 0 {
        let length = terminal.read(&mut bytes).unwrap();
        said.extend_from_slice(&bytes[..length]);
    }
}
