use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::wire::terminal;
use crate::accounts::Person;
use crate::in_time;

/// The terminal on which a phone asks its person, who is the test.
pub struct Screen {
    path: PathBuf,
    keyboard: File,
    shown: watch::Receiver<String>,
    looked: Mutex<usize>,
    _keeper: Arc<File>,
}

impl Screen {
    pub(super) fn of(person: &Person) -> Self {
        let (other, path, keeper) = terminal(person);
        let keyboard = File::from(other.try_clone().unwrap());
        let (show, shown) = watch::channel(String::new());
        let keeper = Arc::new(keeper);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let mut polled = [rustix::event::PollFd::new(&other, rustix::event::PollFlags::IN)];
                if rustix::event::poll(&mut polled, None).is_err() {
                    continue;
                }
                match rustix::io::read(&other, &mut buffer) {
                    Ok(count) => {
                        let text = String::from_utf8_lossy(&buffer[..count]).replace('\r', "");
                        show.send_modify(|shown| shown.push_str(&text));
                    }
                    Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                    Err(_) => return,
                }
            }
        });
        Self { path, keyboard, shown, looked: Mutex::new(0), _keeper: keeper }
    }

    pub(super) fn open(&self) -> File {
        File::options().read(true).write(true).open(&self.path).unwrap()
    }

    /// Waits until that stands on the screen, and returns what came since it was last looked at, up to its end.
    pub async fn see(&self, text: &str) -> String {
        let mut shown = self.shown.clone();
        let seeing = async {
            loop {
                {
                    let all = shown.borrow_and_update();
                    let mut looked = self.looked.lock().unwrap();
                    if let Some(at) = all[*looked..].find(text) {
                        let end = *looked + at + text.len();
                        let seen = all[*looked..end].to_owned();
                        *looked = end;
                        return seen;
                    }
                }
                shown.changed().await.expect("the screen is there");
            }
        };
        in_time(text, seeing).await
    }

    /// Waits for a question and returns it.
    pub async fn question(&self) -> String {
        self.see("Approve? ").await
    }

    /// Returns everything that it ever showed.
    pub fn all(&self) -> String {
        self.shown.borrow().clone()
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        let mut keyboard = &self.keyboard;
        keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for a question, answers it, and returns it.
    pub async fn answer(&self, line: &str) -> String {
        let question = self.question().await;
        self.enter(line);
        question
    }
}
