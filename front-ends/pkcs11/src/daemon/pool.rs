use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_client::blocking::Client;
use claviger_client::{Bus, Error};

use crate::state;

/// The connections, each with a channel of its own.
pub(super) struct Pool {
    bus: Bus,
    connections: Mutex<Connections>,
}

/// Those that are kept, and how many are being made.
#[derive(Default)]
struct Connections {
    kept: Vec<Kept>,
    coming: usize,
}

/// A connection, and how many calls are under way on it.
struct Kept {
    client: Arc<Client>,
    calls: usize,
}

impl Pool {
    /// Makes the pool of connections to that bus, without any.
    pub(super) fn on(bus: Bus) -> Self {
        Self { bus, connections: Mutex::default() }
    }

    /// Asks over a connection that nobody else uses meanwhile; where all are in use, over the one that fewest use.
    pub(super) fn with<T>(&self, call: impl Fn(&Client) -> Result<T, Error>) -> Result<T, Error> {
        let client = self.take()?;
        let answer = call(&client);
        let is_broken = matches!(answer, Err(Error::Lost(_) | Error::NoBus(_) | Error::Timeout));
        self.give_back(&client, is_broken);
        answer
    }

    /// Keeps none any longer. Who uses one of them keeps it meanwhile.
    pub(super) fn forget(&self) {
        let gone = std::mem::take(&mut self.connections().kept);
        drop(gone);
    }

    fn take(&self) -> Result<Arc<Client>, Error> {
        let is_to_be_kept = {
            let mut connections = self.connections();
            let has_room = connections.kept.len() + connections.coming < KEPT;
            match connections.kept.iter_mut().min_by_key(|kept| kept.calls) {
                Some(kept) if kept.calls == 0 || !has_room => {
                    kept.calls += 1;
                    return Ok(Arc::clone(&kept.client));
                }
                Some(_) | None => {}
            }
            connections.coming += usize::from(has_room);
            has_room
        };
        // The daemon gives a user eight channels. Who comes while the first ones are being made does without.
        let builder = claviger_client::Client::builder(&self.bus).tell_sockets(state::remember);
        let made = Client::build(if is_to_be_kept { builder } else { builder.without_channel() });
        if !is_to_be_kept {
            return made.map(Arc::new);
        }
        let mut connections = self.connections();
        connections.coming -= 1;
        let client = Arc::new(made?);
        connections.kept.push(Kept { client: Arc::clone(&client), calls: 1 });
        Ok(client)
    }

    fn give_back(&self, client: &Arc<Client>, is_broken: bool) {
        let mut connections = self.connections();
        let place = connections.kept.iter().position(|kept| Arc::ptr_eq(&kept.client, client));
        let Some(place) = place else { return };
        connections.kept[place].calls -= 1;
        if is_broken {
            drop(connections.kept.swap_remove(place));
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most connections that are kept: the daemon allows eight channels to a user.
const KEPT: usize = 4;
