//! A program that runs on, and what it says and hears; also on a terminal.

use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::in_time;

/// A program that runs. It is killed with the value, though not what it has started itself.
pub struct Running {
    process: Child,
    stdin: Option<ChildStdin>,
    heard: Arc<Heard>,
    // How much of what it said has been listened to.
    listened: usize,
}

impl Running {
    /// Starts it. Its standard error goes where its standard output goes.
    pub fn start(mut command: Command) -> Self {
        let (said, writer) = pipe().unwrap();
        command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // It has our end of the pipe, which would never end otherwise.
        drop(command);
        let stdin = process.stdin.take();
        let heard = Arc::<Heard>::default();
        let ear = Arc::clone(&heard);
        std::thread::spawn(move || ear.listen(said));
        Self { process, stdin, heard, listened: 0 }
    }

    /// Writes a line.
    pub fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Writes bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("its input has not been closed");
        stdin.write_all(bytes).unwrap_or_else(|error| panic!("{error}; it said: {}", self.heard.text()));
    }

    /// Ends its input.
    pub fn close_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits until it says this, and returns what it said since the last time, this included. What comes after it is
    /// kept for the next time.
    pub async fn hear(&mut self, text: &str) -> String {
        let from = self.listened;
        let heard = in_time(&format!("hearing {text:?}"), self.heard.wait_for(from, text)).await;
        self.listened += heard.len();
        heard
    }

    /// Returns everything that it has said so far.
    pub fn said(&self) -> String {
        self.heard.text()
    }

    /// Waits until it has ended, and returns its exit code; `None` if a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        let ended = crate::until(|| {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        assert!(ended.await, "it still runs, and said: {}", self.said());
        status.and_then(|status| status.code())
    }

    /// Returns true if it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            eprintln!("a program said:\n{}", self.said());
        }
    }
}

/// What a program said, for whoever waits.
#[derive(Default)]
struct Heard {
    said: Mutex<Said>,
    changed: Notify,
}

#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    ended: bool,
}

impl Heard {
    fn listen(&self, mut pipe: PipeReader) {
        let mut bytes = [0; 4096];
        loop {
            let length = pipe.read(&mut bytes).unwrap_or(0);
            let mut said = self.said.lock().unwrap();
            said.bytes.extend(&bytes[..length]);
            said.ended = length == 0;
            self.changed.notify_one();
            if said.ended {
                return;
            }
        }
    }

    async fn wait_for(&self, from: usize, text: &str) -> String {
        loop {
            let changed = self.changed.notified();
            {
                let said = self.said.lock().unwrap();
                let found = memchr::memmem::find(&said.bytes[from..], text.as_bytes());
                if let Some(at) = found {
                    return String::from_utf8(said.bytes[from..from + at + text.len()].to_vec())
                        .expect("text");
                }
                let all = String::from_utf8_lossy(&said.bytes);
                assert!(!said.ended, "it never said {text:?}, but: {all}");
            }
            changed.await;
        }
    }

    fn text(&self) -> String {
        // Also where a test failed while it looked.
        let said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&said.bytes).into_owned()
    }
}
