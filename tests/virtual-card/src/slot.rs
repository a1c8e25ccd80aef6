//! What the test has done to the card: put it in, pulled it, told it to misbehave at some command.

use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::net::connect_unspec;

use crate::identity::Identity;

/// The place of the card, shared by the thread that is the card and the one that takes orders.
pub struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    identity: Identity,
    /// The card is in the reader, as far as the test is concerned.
    is_in: bool,
    /// The wire while there is one.
    cutter: Option<TcpStream>,
    /// How often the card was pulled.
    pulls: u64,
    /// The reader has noticed the card since it was put in.
    is_seen: bool,
    hangs: bool,
    count: u64,
    delay: Duration,
    plans: Vec<(u64, Plan)>,
    depth: Depth,
    log: Vec<String>,
}

/// What is to happen at a certain command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The card is pulled before it does anything.
    RemoveBefore,
    /// The card does what it is told and is pulled before it can answer.
    RemoveUnanswered,
    /// The card answers and is pulled.
    RemoveAfter,
    /// Only so many bytes of the answer come.
    Truncate(usize),
    /// This comes in place of the answer, of a card that did what it was told.
    Garble(Vec<u8>),
    /// Nothing comes until the test says so.
    Hang,
    /// The answer takes this long.
    Delay(Duration),
}

/// How much of the traffic is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Nothing.
    Off,
    /// The four bytes of the command's header, and the status.
    Headers,
    /// Every byte.
    Full,
}

impl Slot {
    /// Makes a place with a card beside it.
    pub fn new(identity: Identity) -> Self {
        let state = State {
            identity,
            is_in: false,
            cutter: None,
            pulls: 0,
            is_seen: false,
            hangs: false,
            count: 0,
            delay: Duration::ZERO,
            plans: Vec::new(),
            depth: Depth::Off,
            log: Vec::new(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    // What the test orders.

    /// Puts the card in.
    pub fn insert(&self) {
        let mut state = self.lock();
        if !state.is_in {
            (state.is_in, state.is_seen) = (true, false);
        }
        self.changed.notify_all();
    }

    /// Pulls the card.
    pub fn remove(&self) {
        let mut state = self.lock();
        state.is_in = false;
        state.pulls += 1;
        state.hangs = false;
        if let Some(wire) = state.cutter.take() {
            // A reset, which the reader sees at its next word, not an orderly end. It may be cut already.
            _ = connect_unspec(&wire);
        }
        self.changed.notify_all();
    }

    /// Returns true once the reader has noticed the card, and false if it does not in time.
    pub fn wait_until_seen(&self) -> bool {
        self.wait_until(|state| state.is_seen)
    }

    /// Returns true once there is a wire, noticed or not.
    pub fn wait_until_wired(&self) -> bool {
        self.wait_until(|state| state.cutter.is_some())
    }

    /// Replaces the card by another; false if one is in the reader.
    pub fn load(&self, identity: Identity) -> bool {
        let mut state = self.lock();
        let is_out = !state.is_in;
        if is_out {
            state.identity = identity;
        }
        is_out
    }

    /// Plans something for the `nth` command from now; 1 is the next.
    pub fn plan(&self, nth: u64, plan: Plan) {
        let mut state = self.lock();
        let at = state.count + nth;
        state.plans.push((at, plan));
    }

    /// Forgets all plans.
    pub fn forget_plans(&self) {
        self.lock().plans.clear();
    }

    /// Lets a card that hangs go on.
    pub fn resume(&self) {
        self.lock().hangs = false;
        self.changed.notify_all();
    }

    /// Makes every answer take this long.
    pub fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Returns how many commands have come.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Counts from zero again; plans keep their distance.
    pub fn reset_count(&self) {
        let mut state = self.lock();
        let count = std::mem::take(&mut state.count);
        for (at, _) in &mut state.plans {
            *at -= count.min(*at);
        }
    }

    /// Sets how much of the traffic is kept.
    pub fn set_depth(&self, depth: Depth) {
        self.lock().depth = depth;
    }

    /// Returns what was kept, and forgets it.
    pub fn drain_log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    /// Returns which card it is.
    pub fn identity(&self) -> Identity {
        self.lock().identity.clone()
    }

    // What the card's thread asks.

    /// Waits until the test puts the card in, and returns which one it is and the number of this stay.
    pub fn wait_for_insertion(&self) -> (Identity, u64) {
        let state = self.changed.wait_while(self.lock(), |state| !state.is_in);
        let state = state.expect("no thread panics with it");
        (state.identity.clone(), state.pulls)
    }

    /// Takes note of the wire; false if the card was pulled since this stay began.
    pub fn wired(&self, cutter: TcpStream, stay: u64) -> bool {
        let mut state = self.lock();
        let stays = state.is_in && state.pulls == stay;
        state.cutter = stays.then_some(cutter);
        self.changed.notify_all();
        stays
    }

    /// Returns true if the card was pulled since it was wired, though it may be in again.
    pub fn was_pulled_since(&self, stay: u64) -> bool {
        self.lock().pulls != stay
    }

    /// Takes note that the reader has noticed the card.
    pub fn seen(&self) {
        self.lock().is_seen = true;
        self.changed.notify_all();
    }

    /// Takes note that the wire is gone.
    pub fn unwired(&self) {
        let mut state = self.lock();
        state.cutter = None;
        state.is_seen = false;
    }

    /// Counts a command and returns what is planned for it.
    pub fn begin(&self) -> Vec<Plan> {
        let mut state = self.lock();
        state.count += 1;
        let (now, count) = (state.count, state.plans.len());
        let mut due = Vec::new();
        if count > 0 {
            let plans = std::mem::take(&mut state.plans);
            for (at, plan) in plans {
                if at == now { due.push(plan) } else { state.plans.push((at, plan)) }
            }
        }
        due
    }

    /// Waits as long as every command is to take, or until the card is pulled.
    pub fn wait_delay(&self, more: Duration) {
        let state = self.lock();
        let until = Instant::now() + state.delay + more;
        drop(self.pause(state, |_| until.saturating_duration_since(Instant::now())));
    }

    /// Begins to hang: from now on the test can say otherwise.
    pub fn begin_to_hang(&self) {
        let mut state = self.lock();
        state.hangs = state.is_in;
    }

    /// Hangs until the test says otherwise, or pulls the card.
    pub fn hang(&self) {
        drop(self.changed.wait_while(self.lock(), |state| state.hangs && state.is_in));
    }

    /// Keeps what was exchanged, if it is to be kept.
    pub fn note(&self, command: &[u8], answer: Option<&[u8]>) {
        let mut state = self.lock();
        let line = match state.depth {
            Depth::Off => return,
            Depth::Headers => {
                let status = answer.map(|answer| &answer[answer.len().saturating_sub(2)..]);
                format!("{}/{}", hex(&command[..command.len().min(4)]), status.map_or("-".into(), hex))
            }
            Depth::Full => format!("{}/{}", hex(command), answer.map_or("-".into(), hex)),
        };
        state.log.push(line);
    }

    /// Keeps that the power changed.
    pub fn note_power(&self, word: &str) {
        let mut state = self.lock();
        if state.depth != Depth::Off {
            state.log.push(word.to_owned());
        }
    }

    fn wait_until(&self, mut holds: impl FnMut(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), DEADLINE, |state| !holds(state));
        !waited.expect("no thread panics with it").1.timed_out()
    }

    /// Waits for what is `left`, or until the card is pulled.
    fn pause<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        left: impl Fn(&State) -> Duration,
    ) -> MutexGuard<'a, State> {
        loop {
            let left = left(&state);
            if left.is_zero() || !state.is_in {
                return state;
            }
            state = self.changed.wait_timeout(state, left).expect("no thread panics with it").0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with it")
    }
}

/// Returns the bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// How long a reader may take to notice a card.
const DEADLINE: Duration = Duration::from_secs(30);
