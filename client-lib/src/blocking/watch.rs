use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::Client;
use crate::{Bus, Error, Event};

/// What happens, for a program that looks now and then and waits a while at a time. It has a connection and a runtime of its
/// own: who waits here holds up nothing else, and what is done elsewhere does not wake it.
pub struct Watch {
    // The order matters: the connection goes before the runtime that it lives in.
    events: crate::Events,
    runtime: Runtime,
    interrupt: Interrupt,
}

/// Ends the wait at a [`Watch`], from another thread.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Notify>);

impl Watch {
    /// Connects to the daemon on that bus, and asks to be told what happens.
    pub fn on(bus: &Bus) -> Result<Self, Error> {
        Self::build(crate::Client::builder(bus))
    }

    /// Connects as the builder says, and asks to be told what happens.
    pub fn build(builder: crate::Builder) -> Result<Self, Error> {
        let Client { client, runtime } = Client::build(builder.without_channel())?;
        let events = runtime.block_on(client.subscribe())?;
        Ok(Self { events, runtime, interrupt: Interrupt(Arc::default()) })
    }

    /// Waits for the next event, but no longer than that: `None` where nothing happened or it was interrupted. The shortest
    /// wait, a millisecond, is for what was told before.
    ///
    /// # Errors
    /// [`Error::Lost`] once when the bus goes away; from then on it is `Gone` each time.
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Event>, Error> {
        let Self { events, runtime, interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                event = events.next() => event.map(|event| Some(event.unwrap_or(Event::Gone))),
                () = interrupt.0.notified() => Ok(None),
                () = tokio::time::sleep(limit.max(SHORTEST)) => Ok(None),
            }
        })
    }

    /// Returns what ends a wait.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }
}

impl Interrupt {
    /// Ends the wait that is under way; where there is none, the next one.
    pub fn interrupt(&self) {
        self.0.notify_one();
    }
}

/// In less the runtime may not come to look at the connection.
const SHORTEST: Duration = Duration::from_millis(1);
