//! Other programs, as some user or as root.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use crate::accounts::Person;

/// What a program gave.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Returns the standard output as text, without the last line's end.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("text").trim_end()
    }

    /// Returns itself, if the program succeeded.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), stdout: output.stdout, stderr }
    }
}

/// Makes a command that runs as `person`, in an environment of its own.
pub fn as_person(person: &Person, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.uid(person.uid).gid(person.gid).current_dir("/").env_clear();
    command.env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    command
}

/// Runs a command with `input` as its standard input, to its end.
pub async fn run(mut command: Command, input: &[u8]) -> Ran {
    let input = input.to_vec();
    let running = tokio::task::spawn_blocking(move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdin = child.stdin.take().unwrap();
        // A program may end without reading everything.
        let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        Ran::from(output)
    });
    crate::in_time("a program", running).await.unwrap()
}
