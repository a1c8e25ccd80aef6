//! A reader with keys of its own, and somebody who types on them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::Notify;

use crate::place::Place;
use crate::{DEADLINE, in_time};

/// The keys. What is typed is given beforehand or while the reader waits, in the order of the reader's questions.
pub struct Pinpad {
    place: Place,
    shared: Arc<Shared>,
}

/// What the person at the keys does.
#[derive(Clone)]
pub enum Typed {
    /// Types this PIN and confirms it.
    Pin(String),
    /// Presses the red key.
    Cancel,
    /// Lets the reader's time run out, at once.
    Nothing,
}

/// What the reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The number of the reader's slot.
    pub slot: u16,
    /// The fewest digits.
    pub minimum: u8,
    /// The most digits.
    pub maximum: u8,
    /// How long the reader waits, in seconds.
    pub seconds: u32,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    typed: Condvar,
    asked: Notify,
}

#[derive(Default)]
struct State {
    questions: VecDeque<Question>,
    answers: VecDeque<Typed>,
}

impl Pinpad {
    /// Makes the keys; pcscd is told of [`Pinpad::socket`].
    pub(super) fn new() -> Self {
        let place = Place::new();
        let listener = UnixListener::bind(place.path().join(SOCKET)).unwrap();
        let shared = Arc::<Shared>::default();
        let its = Arc::downgrade(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // The keys are gone: `drop` has knocked.
                let Some(shared) = its.upgrade() else { break };
                std::thread::spawn(move || answer(connection, &shared));
            }
        });
        Self { place, shared }
    }

    /// Returns where the reader's driver asks.
    pub(super) fn socket(&self) -> PathBuf {
        self.place.path().join(SOCKET)
    }

    /// Does this at the reader's next question, or now if it waits.
    pub fn type_in(&self, typed: Typed) {
        self.shared.state.lock().unwrap().answers.push_back(typed);
        self.shared.typed.notify_all();
    }

    /// Waits until the reader asks, and returns what for.
    pub async fn asked(&self) -> Question {
        let asked = async {
            loop {
                let notified = self.shared.asked.notified();
                if let Some(question) = self.shared.state.lock().unwrap().questions.pop_front() {
                    return question;
                }
                notified.await;
            }
        };
        in_time("a question at the pin pad", asked).await
    }
}

impl Drop for Pinpad {
    fn drop(&mut self) {
        self.shared = Arc::default();
        // Wakes the listening thread, which then sees that it is over.
        drop(UnixStream::connect(self.socket()));
    }
}

fn answer(connection: UnixStream, shared: &Shared) {
    let mut line = String::new();
    BufReader::new(&connection).read_line(&mut line).unwrap();
    let Some(question) = parse(&line) else { return };
    let mut state = shared.state.lock().unwrap();
    state.questions.push_back(question);
    shared.asked.notify_one();
    let nothing_typed = |state: &mut State| state.answers.is_empty();
    let (mut state, _) = shared.typed.wait_timeout_while(state, DEADLINE, nothing_typed).unwrap();
    let said = match state.answers.pop_front() {
        Some(Typed::Pin(pin)) => format!("pin {pin}\n"),
        Some(Typed::Cancel) => "cancel\n".to_owned(),
        Some(Typed::Nothing) | None => "nothing\n".to_owned(),
    };
    // The reader may have given up.
    drop((&connection).write_all(said.as_bytes()));
}

/// Reads `verify SLOT MINIMUM MAXIMUM SECONDS`.
fn parse(line: &str) -> Option<Question> {
    let mut words = line.trim_end().strip_prefix("verify ")?.split(' ');
    Some(Question {
        slot: words.next()?.parse().ok()?,
        minimum: words.next()?.parse().ok()?,
        maximum: words.next()?.parse().ok()?,
        seconds: words.next()?.parse().ok()?,
    })
}

const SOCKET: &str = "pinpad";
