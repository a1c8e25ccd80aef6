use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, State};

use crate::fault::{establish, is_service_lost};
use crate::presence::{Observed, Slot};
use crate::registry::Registry;

/// The thread that waits for pcscd to say that something changed.
///
/// It has a context of its own: one that waits answers nothing else.
pub(crate) struct Watcher {
    control: Arc<Control>,
}

#[derive(Default)]
struct Control {
    state: Mutex<Controlled>,
    changed: Condvar,
}

#[derive(Default)]
struct Controlled {
    stopping: bool,
    ended: bool,
    /// How often the watcher was told that it waits for the wrong time, and how often it had been when it last began to
    /// wait.
    nudges: u64,
    heeded: u64,
    context: Option<Context>,
}

impl Watcher {
    pub(crate) fn start(registry: &Arc<Registry>) -> Self {
        let control = Arc::new(Control::default());
        let watched = Arc::clone(&control);
        registry.spawn("card-watcher", move |registry| {
            run(registry, &watched);
            watched.state().ended = true;
            watched.changed.notify_all();
        });
        Self { control }
    }

    /// Ends it, off this thread: a pcscd that hangs does not answer to SCardCancel either.
    pub(crate) fn stop(self) {
        let Self { control } = self;
        control.state().stopping = true;
        control.changed.notify_all();
        cancel_until(control, |state| state.ended);
    }

    /// Has it find out anew until when to wait: it may wait for a time that is not the right one any more.
    pub(crate) fn nudge(&self) {
        let nudges = {
            let mut state = self.control.state();
            state.nudges += 1;
            state.nudges
        };
        // Without a context it does not wait for cards at all.
        let heeded = move |state: &Controlled| state.heeded >= nudges || state.context.is_none();
        cancel_until(Arc::clone(&self.control), move |state| state.ended || heeded(state));
    }
}

/// Ends the watcher's wait, off this thread, until that is so.
fn cancel_until(control: Arc<Control>, done: impl Fn(&Controlled) -> bool + Send + 'static) {
    let cancel = move || {
        // A cancellation that comes just before the wait begins is lost, so it is repeated.
        let mut state = control.state();
        while !done(&state) {
            let context = state.context.clone();
            drop(state);
            if let Some(Err(error)) = context.map(|context| context.cancel()) {
                tracing::debug!("cannot cancel the wait for cards: {error}");
            }
            state = control.wait(control.state(), Duration::from_millis(20));
        }
    };
    if let Err(error) = thread::Builder::new().name("card-cancel".into()).spawn(cancel) {
        tracing::error!("cannot start the thread that ends the wait for cards: {error}");
    }
}

impl Control {
    fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Says that the time until which to wait is found out from now on.
    fn heed(&self) {
        let mut state = self.state();
        state.heeded = state.nudges;
    }

    fn set_context(&self, context: Option<Context>) {
        let before = std::mem::replace(&mut self.state().context, context);
        drop(before);
    }

    /// Waits that long, or until it is to stop.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.stopping && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            state = self.wait(state, left);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, Controlled>, time: Duration) -> MutexGuard<'a, Controlled> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, Controlled> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(registry: &Arc<Registry>, control: &Control) {
    let mut back_off = SHORTEST_PAUSE;
    while !control.is_stopping() {
        match establish() {
            Err(error) => tracing::debug!("cannot reach pcscd: {error}"),
            Ok(context) => {
                tracing::info!("pcscd answers");
                back_off = SHORTEST_PAUSE;
                control.set_context(Some(context.clone()));
                let error = watch(registry, control, &context);
                control.set_context(None);
                if !control.is_stopping() {
                    tracing::warn!("pcscd is gone: {error}");
                    registry.lose();
                }
            }
        }
        control.pause(back_off);
        back_off = (back_off * 2).min(LONGEST_PAUSE);
    }
}

/// Follows every reader until pcscd is lost, and returns how that showed.
fn watch(registry: &Arc<Registry>, control: &Control, context: &Context) -> Error {
    let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
    // The first look does not wait, so that a pcscd without readers is known to answer.
    let mut relook = Duration::ZERO;
    // The time to wait has passed: a look without waiting shows that pcscd still answers, and that nothing is new.
    let mut due = false;
    loop {
        let began = Instant::now();
        let shrunk = match follow_list(context, &mut states) {
            Ok(shrunk) => shrunk,
            Err(error) => return error,
        };
        control.heed();
        let tick = registry.next_tick().map(|tick| tick.saturating_duration_since(Instant::now()));
        let is_new = shrunk || relook.is_zero();
        let at_once = is_new || due;
        let timeout = if at_once { Duration::ZERO } else { tick.unwrap_or(relook).min(relook) + ROUNDING };
        let outcome = context.get_status_change(timeout, &mut states);
        let at = Instant::now();
        if at > began + timeout + LATE {
            tracing::info!("pcscd did not answer for a while");
            registry.answers_again(at);
        }
        if control.is_stopping() {
            return Error::Cancelled;
        }
        match outcome {
            Ok(()) => relook = SHORTEST_LOOK,
            Err(Error::Timeout) if is_new => relook = SHORTEST_LOOK,
            Err(Error::Timeout) if due => {
                due = false;
                registry.tick();
                continue;
            }
            Err(Error::Timeout) => {
                due = true;
                relook = (relook * 2).min(LONGEST_LOOK);
                continue;
            }
            // Readers may come as the computer wakes.
            Err(Error::Cancelled) => {
                relook = relook.min(SHORTEST_LOOK);
                continue;
            }
            // A reader vanished between the list and the wait.
            Err(Error::UnknownReader) => continue,
            Err(error) => return error,
        }
        due = false;
        let observed: Vec<_> = states.iter().skip(1).filter_map(observed).collect();
        if registry.would_take_away(&observed)
            && let Err(error) = confirm(context)
        {
            tracing::info!("a card seemed to go, but it is pcscd that goes");
            return error;
        }
        registry.observe(at, &observed);
        states.iter_mut().for_each(ReaderState::sync_current_state);
    }
}

/// Makes the states follow the list of readers; the first is that of the list itself. Returns true where a reader
/// is there no longer.
fn follow_list(context: &Context, states: &mut Vec<ReaderState>) -> Result<bool, Error> {
    let names: Vec<CString> = context.list_readers_owned()?;
    let (before, mut index) = (states.len(), 0);
    states.retain(|state| {
        index += 1;
        index == 1 || names.iter().any(|name| name.as_c_str() == state.name())
    });
    let shrunk = states.len() < before;
    for name in names {
        if !states.iter().any(|state| state.name() == name.as_c_str()) {
            states.push(ReaderState::new(name, State::UNAWARE));
        }
    }
    Ok(shrunk)
}

/// Returns what pcscd says of a reader; `None` where it knows the reader no longer.
fn observed(state: &ReaderState) -> Option<Observed> {
    let event = state.event_state();
    if event.contains(State::UNKNOWN) {
        return None;
    }
    let slot = if event.contains(State::EMPTY) {
        Slot::Empty
    } else if event.contains(State::PRESENT) && !event.contains(State::MUTE) {
        Slot::Card
    } else {
        Slot::Unclear
    };
    Some(Observed {
        reader: state.name().to_string_lossy().into_owned(),
        slot,
        count: state.event_count() as u16,
        exclusive: event.contains(State::EXCLUSIVE),
    })
}

/// Makes sure that it is a card that went, not pcscd.
///
/// A pcscd that is told to end closes its readers first and its clients' connections after that, so a card seems
/// to be pulled on a context that is still valid. But it takes no new client any more: the new context is refused,
/// or it is answered by the next pcscd and then the old one is dead.
fn confirm(context: &Context) -> Result<(), Error> {
    match establish() {
        Err(error) if is_service_lost(error) => Err(error),
        Err(_) | Ok(_) => context.list_readers_len().map(drop),
    }
}

/// How long pcscd is left alone between two attempts to reach it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// libpcsclite before 2.3 does not tell of a reader that comes between the list and the wait. That instant is
/// short, and likely only when readers come several at once, so the list is read again soon after a change, and
/// ever more seldom then.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(300);

/// What answers so late after the time to wait did not answer for a while.
const LATE: Duration = Duration::from_secs(1);

/// PC/SC counts in milliseconds: a tick must not be asked for just before it is due.
const ROUNDING: Duration = Duration::from_millis(1);
