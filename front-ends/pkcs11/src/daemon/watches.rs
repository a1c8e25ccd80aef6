use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use claviger_client::blocking::{Interrupt, Watch};
use claviger_client::{Bus, Error, Event};

use crate::state;

/// The connections on which events come: each who waits has one.
pub(super) struct Watches {
    bus: Bus,
    state: Mutex<State>,
}

/// Those at which nobody waits now, and what ends the wait at each.
#[derive(Default)]
struct State {
    idle: Vec<(u64, Watch)>,
    interrupts: BTreeMap<u64, Interrupt>,
    last: u64,
    /// True once nobody may wait any longer.
    ended: bool,
}

impl Watches {
    /// Makes the watches on that bus, without any.
    pub(super) fn on(bus: Bus) -> Self {
        Self { bus, state: Mutex::default() }
    }

    /// Waits until something happens, or until the [`end`](Self::end).
    ///
    /// # Errors
    /// Nobody is there who tells.
    pub(super) fn wait(&self) -> Result<(), Error> {
        let idle = self.state().idle.pop();
        let Some((number, mut watch)) = idle else {
            // What happened before nobody told: it is looked at once, before anything is waited for.
            let builder = claviger_client::Client::builder(&self.bus).tell_sockets(state::remember);
            let watch = Watch::build(builder)?;
            let mut state = self.state();
            state.last += 1;
            let number = state.last;
            state.interrupts.insert(number, watch.interrupt());
            state.idle.push((number, watch));
            return Ok(());
        };
        let event = loop {
            // What ends the wait is kept for the next one, where there is none yet: it cannot come too early.
            if self.state().ended {
                break Ok(Event::Gone);
            }
            match watch.next_within(WAIT) {
                Ok(Some(event)) => break Ok(event),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
        };
        let mut state = self.state();
        match event {
            Ok(Event::Gone) | Err(_) => drop(state.interrupts.remove(&number)),
            Ok(_) => state.idle.push((number, watch)),
        }
        event.map(drop)
    }

    /// Ends every wait, those under way and those to come.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.interrupts.values().for_each(Interrupt::interrupt);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long it is until somebody who waits looks whether he still should, though nothing happened.
const WAIT: Duration = Duration::from_secs(3600);
