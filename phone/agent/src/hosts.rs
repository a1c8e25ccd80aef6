//! The computers that this device is paired with, and their streams.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_phone_protocol::{Known, NewPairing, Notice, PairingId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::module::now;
use crate::store::{DamagedDocument, PairingDocument, Store, StoreError};

/// The book of paired computers.
pub struct Hosts {
    store: Arc<Store>,
    book: Mutex<Book>,
}

/// One paired computer.
#[derive(Clone)]
pub struct Host {
    /// What opens a channel.
    pub known: Known,
    /// Its name, as it gave it when it was paired.
    pub name: String,
    /// The user there.
    pub user: String,
    /// When it was paired, seconds since 1970.
    pub paired: i64,
}

/// What a stream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say that to the host.
    Say(Notice),
    /// Say good-bye and end.
    Leave(String),
    /// End: the host has come by another stream, or is forgotten.
    End,
}

/// The stream by which a host is there. While this is held the host counts as connected.
pub struct Presence {
    hosts: Arc<Hosts>,
    pairing: PairingId,
    number: u64,
}

#[derive(Default)]
struct Book {
    hosts: BTreeMap<PairingId, Arc<Host>>,
    streams: HashMap<PairingId, (u64, UnboundedSender<Order>)>,
    last: u64,
    /// Said to whoever comes once this device leaves.
    farewell: Option<Order>,
}

impl Hosts {
    /// Opens the book. Returns what of it is damaged as well.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Arc<Store>) -> Result<(Arc<Self>, Vec<DamagedDocument>), StoreError> {
        let (documents, damaged) = store.pairings()?;
        let hosts = documents.into_iter().map(|PairingDocument { known, host, user, paired }| {
            (known.pairing, Arc::new(Host { known, name: host, user, paired }))
        });
        let book = Mutex::new(Book { hosts: hosts.collect(), ..Book::default() });
        Ok((Arc::new(Self { store, book }), damaged))
    }

    /// Returns the host of that pairing.
    pub fn host(&self, pairing: PairingId) -> Option<Arc<Host>> {
        self.book().hosts.get(&pairing).cloned()
    }

    /// Returns every host, and whether it is connected.
    pub fn list(&self) -> Vec<(Arc<Host>, bool)> {
        let book = self.book();
        let hosts = book.hosts.iter();
        hosts.map(|(pairing, host)| (Arc::clone(host), book.streams.contains_key(pairing))).collect()
    }

    /// Returns true where another host shows the same name to people.
    pub fn has_namesake(&self, pairing: PairingId, name: &str) -> bool {
        let shown = |name| crate::text::clean(name, usize::MAX);
        let (name, book) = (shown(name), self.book());
        let mut others = book.hosts.iter().filter(|(other, _)| **other != pairing);
        others.any(|(_, host)| shown(&host.name) == name)
    }

    /// Keeps a host that was paired, durably.
    ///
    /// # Errors
    /// [`StoreError`]: then it is not paired.
    pub fn keep(&self, pairing: NewPairing) -> Result<Arc<Host>, StoreError> {
        let NewPairing { known, terms, phone: _, model: _ } = pairing;
        let host = Host { known, name: terms.host, user: terms.user, paired: now() };
        self.store.keep_pairing(&PairingDocument {
            known: host.known.clone(),
            host: host.name.clone(),
            user: host.user.clone(),
            paired: host.paired,
        })?;
        let host = Arc::new(host);
        self.book().hosts.insert(host.known.pairing, Arc::clone(&host));
        Ok(host)
    }

    /// Forgets a host: its key here is erased, its stream ends. Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]: then it is still known.
    pub fn forget(&self, pairing: PairingId) -> Result<Option<Arc<Host>>, StoreError> {
        if self.host(pairing).is_none() {
            return Ok(None);
        }
        self.store.erase_pairing(pairing)?;
        Ok(self.book().hosts.remove(&pairing))
    }

    /// Ends the stream of a host, if it has one.
    pub fn end(&self, pairing: PairingId, order: Order) {
        let ended = self.book().streams.remove(&pairing);
        if let Some((_, stream)) = ended {
            // A stream that is gone needs no order.
            drop(stream.send(order));
        }
    }

    /// Notes that the host has come by a stream, which is told what to do from now on. An earlier stream of it ends: the host
    /// opened another because it lost that one.
    pub fn arrive(self: &Arc<Self>, pairing: PairingId) -> (Presence, UnboundedReceiver<Order>) {
        let (orders, receiver) = unbounded_channel();
        let mut book = self.book();
        book.last += 1;
        let number = book.last;
        if let Some(farewell) = &book.farewell {
            drop(orders.send(farewell.clone()));
        }
        let earlier = book.streams.insert(pairing, (number, orders));
        drop(book);
        if let Some((_, earlier)) = earlier {
            drop(earlier.send(Order::End));
        }
        (Presence { hosts: Arc::clone(self), pairing, number }, receiver)
    }

    /// Tells every stream.
    pub fn tell_all(&self, order: &Order) {
        for (_, stream) in self.book().streams.values() {
            drop(stream.send(order.clone()));
        }
    }

    /// Says good-bye to everybody who is there, and to everybody who still comes.
    pub fn leave(&self, why: &str) {
        let farewell = Order::Leave(why.to_owned());
        self.book().farewell = Some(farewell.clone());
        self.tell_all(&farewell);
    }

    /// Returns true while a stream is there.
    pub fn is_anyone_here(&self) -> bool {
        !self.book().streams.is_empty()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut book = self.hosts.book();
        if book.streams.get(&self.pairing).is_some_and(|(number, _)| *number == self.number) {
            let gone = book.streams.remove(&self.pairing);
            drop(book);
            drop(gone);
        }
    }
}
