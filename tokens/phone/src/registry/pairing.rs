//! The one pairing that may be under way.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::live::Live;
use crate::registry::{Awaited, Registry};

impl Registry {
    /// Begins the one pairing that may be under way; returns the streams that come over the user's socket.
    pub(crate) fn begin_pairing(
        self: &Arc<Self>,
        uid: u32,
        socket: bool,
    ) -> Option<(PairingUnderWay, UnboundedReceiver<Live>)> {
        let (streams, coming) = unbounded_channel();
        let mut state = self.state();
        if state.pairing.is_some() {
            return None;
        }
        state.pairing = Some(Awaited { uid, socket, streams });
        self.changed.send_replace(());
        Some((PairingUnderWay { registry: Arc::clone(self) }, coming))
    }

    /// Gives a stream that came over the user's socket to the pairing under way; returns it where nobody wants it.
    pub(crate) fn offer_to_pairing(&self, uid: u32, live: Live) -> Option<Live> {
        match &self.state().pairing {
            Some(pairing) if pairing.uid == uid && pairing.socket => {
                pairing.streams.send(live).err().map(|unsent| unsent.0)
            }
            _ => Some(live),
        }
    }
}

/// The one pairing under way, until it is dropped.
pub(crate) struct PairingUnderWay {
    registry: Arc<Registry>,
}

impl Drop for PairingUnderWay {
    fn drop(&mut self) {
        let mut state = self.registry.state();
        state.pairing = None;
        self.registry.review_sockets(&mut state);
    }
}
