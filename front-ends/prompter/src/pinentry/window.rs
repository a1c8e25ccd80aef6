use std::future::Future;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Trouble;
use crate::assuan::{Line, Lines};
use crate::ffi;

/// A pinentry that runs. It goes with this value, within a twentieth of a second.
pub(super) struct Window {
    child: Option<Child>,
    /// Held until it has ended.
    place: Option<OwnedSemaphorePermit>,
    input: ChildStdin,
    output: ChildStdout,
    lines: Lines,
}

impl Window {
    /// Starts the program and waits for its greeting.
    pub(super) async fn open(program: &Path, place: Option<OwnedSemaphorePermit>) -> Result<Self, Trouble> {
        let start = |error| Trouble::Start(program.display().to_string(), error);
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        ffi::detach(&mut command);
        let mut child = command.spawn().map_err(start)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(start(io::ErrorKind::BrokenPipe.into()));
        };
        let mut window = Self { child: Some(child), place, input, output, lines: Lines::default() };
        soon(window.reply()).await?;
        Ok(window)
    }

    /// Tells it something that it must do.
    pub(super) async fn tell(&mut self, line: &str) -> Result<(), Trouble> {
        soon(async {
            self.write(line).await?;
            self.reply().await.map(drop)
        })
        .await
    }

    /// Tells it something that not every pinentry can do.
    pub(super) async fn suggest(&mut self, line: &str) -> Result<(), Trouble> {
        match self.tell(line).await {
            Ok(()) | Err(Trouble::Refused(_)) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Has it ask, and waits for the person.
    pub(super) async fn answer(&mut self, line: &str) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        soon(self.write(line)).await?;
        self.reply().await
    }

    /// Has it end by itself, as long as that takes no time.
    pub(super) async fn close(mut self) {
        let Self { child, input, .. } = &mut self;
        let Some(child) = child else { return };
        if input.write_all(b"BYE\n").await.is_ok() {
            // What has not ended by then is ended with the window.
            drop(timeout(FAREWELL, child.wait()).await);
        }
    }

    async fn write(&mut self, line: &str) -> Result<(), Trouble> {
        let written = self.input.write_all(format!("{line}\n").as_bytes()).await;
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Trouble::Ended,
            _ => Trouble::Pipe(error),
        })
    }

    /// Reads to the end of an answer; returns what it gave.
    async fn reply(&mut self) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let mut given = Zeroizing::new(Vec::with_capacity(SECRET_LIMIT));
        loop {
            match self.line().await? {
                Line::Done => return Ok(given),
                // A Vec that grew would leave a copy behind.
                Line::Data(data) if given.len() + data.len() > SECRET_LIMIT => return Err(Trouble::Garbage),
                Line::Data(data) => given.extend_from_slice(&data),
                Line::Failed(number) => return Err(Trouble::from_number(number)),
                Line::Passing => {}
            }
        }
    }

    async fn line(&mut self) -> Result<Line, Trouble> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return line.map_err(|_| Trouble::Garbage);
            }
            match self.output.read(self.lines.room()).await {
                Ok(0) => return Err(Trouble::Ended),
                Ok(count) => self.lines.read(count),
                Err(error) => return Err(Trouble::Pipe(error)),
            }
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let (Some(mut child), place) = (self.child.take(), self.place.take()) else { return };
        // Where it has ended, its number may be another's.
        let Some(leader) = child.id().and_then(|id| Pid::from_raw(id.try_into().unwrap_or_default())) else {
            return;
        };
        // Asked first: it gives the terminal back as it was.
        let _ = kill_process_group(leader, Signal::TERM);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if timeout(GRACE, child.wait()).await.is_err() {
                    let _ = kill_process_group(leader, Signal::KILL);
                    drop(child.wait().await);
                }
                drop(place);
            });
        }
    }
}

/// Waits for what no person is needed for.
async fn soon<T>(waiting: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout(PATIENCE, waiting).await.unwrap_or(Err(Trouble::Hangs))
}

/// How long a pinentry may take where no person is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to end once it has answered.
const FAREWELL: Duration = Duration::from_millis(200);

/// How long it may take to end when it is not wanted any more.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// The longest secret, in bytes: about twice what pinentries themselves allow.
const SECRET_LIMIT: usize = 4096;
