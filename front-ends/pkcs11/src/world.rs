use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_client::{KeyRow, TokenRow};
use cryptoki_sys as sys;

use crate::chains::{Chains, Fetched};
use crate::objects::Objects;
use crate::rv::{Answer, Rv};
use crate::session::{Login, Session, View};
use crate::slot::{Slot, slots};

/// Slots, sessions, who is logged in, objects: all that changes, under one lock.
#[derive(Default)]
pub(crate) struct World {
    /// The slots as they were told last; `None` before the first time.
    slots: Option<Vec<Arc<Slot>>>,
    /// When that was.
    pub(crate) renewed: Option<Instant>,
    /// The slots whose tokens came or went since `C_WaitForSlotEvent` asked.
    events: BTreeSet<sys::CK_SLOT_ID>,
    pub(crate) chains: Chains,
    pub(crate) objects: Objects,
    /// Every slot that was ever told.
    ever: BTreeSet<sys::CK_SLOT_ID>,
    sessions: BTreeMap<sys::CK_SESSION_HANDLE, Session>,
    logins: BTreeMap<sys::CK_SLOT_ID, Login>,
    /// The slots of which the application saw `CKF_USER_PIN_FINAL_TRY` when it looked last.
    warned: BTreeSet<sys::CK_SLOT_ID>,
    /// The slots where somebody logged in and nothing was done since.
    fresh: BTreeSet<sys::CK_SLOT_ID>,
    last: sys::CK_SESSION_HANDLE,
}

impl World {
    /// Returns true once slots were told.
    pub(crate) const fn is_known(&self) -> bool {
        self.slots.is_some()
    }

    /// Returns true where slots were told a moment ago.
    pub(crate) fn is_fresh(&self) -> bool {
        self.renewed.is_some_and(|renewed| renewed.elapsed() < FRESH)
    }

    /// Returns the slots.
    pub(crate) fn slots(&self) -> &[Arc<Slot>] {
        self.slots.as_deref().unwrap_or_default()
    }

    /// Takes tokens and keys as they are now. Where a token is gone its sessions are: "when a token is removed, … all
    /// sessions … are automatically closed".
    pub(crate) fn renew(&mut self, tokens: Vec<(String, TokenRow)>, keys: Vec<(String, KeyRow)>) {
        // Who destroys the last key of a token has still its sessions there.
        let is_used = |slot: &&Arc<Slot>| self.sessions_of(slot.id).next().is_some();
        let used = self.slots().iter().filter(is_used).map(|slot| slot.token.clone()).collect();
        let now = slots(tokens, keys, &used);
        self.ever.extend(now.iter().map(|slot| slot.id));
        self.renewed = Some(Instant::now());
        let before = self.slots.replace(now).unwrap_or_else(|| self.slots().to_vec());
        let present = |slots: &[Arc<Slot>]| -> BTreeSet<sys::CK_SLOT_ID> {
            slots.iter().filter(|slot| slot.is_present()).map(|slot| slot.id).collect()
        };
        let (before, now) = (present(&before), present(self.slots()));
        self.events.extend(before.symmetric_difference(&now));
        for gone in before.difference(&now) {
            self.close_all(*gone);
        }
        let slots = self.slots().to_vec();
        self.chains.renew(&slots);
        self.objects.renew(&slots, &self.chains);
    }

    /// Takes the chains of some keys.
    pub(crate) fn renew_chains(&mut self, chains: &[Fetched]) {
        for (key, chain) in chains {
            self.chains.set(key, chain);
        }
        let slots = self.slots().to_vec();
        self.objects.renew(&slots, &self.chains);
    }

    /// Returns a slot where a token came or went, once.
    pub(crate) fn event(&mut self) -> Option<sys::CK_SLOT_ID> {
        self.events.pop_first()
    }

    /// Returns a slot.
    ///
    /// # Errors
    /// `CKR_SLOT_ID_INVALID`.
    pub(crate) fn slot(&self, id: sys::CK_SLOT_ID) -> Answer<Arc<Slot>> {
        self.slots().iter().find(|slot| slot.id == id).cloned().ok_or(Rv::SLOT_ID_INVALID)
    }

    /// Returns true for a slot that is there now, or was.
    pub(crate) fn was_slot(&self, id: sys::CK_SLOT_ID) -> bool {
        self.ever.contains(&id)
    }

    /// Opens a session on a slot whose token is there.
    ///
    /// # Errors
    /// `CKR_SESSION_COUNT`, `CKR_SESSION_READ_WRITE_SO_EXISTS`.
    pub(crate) fn open(&mut self, slot: sys::CK_SLOT_ID, writable: bool) -> Answer<sys::CK_SESSION_HANDLE> {
        if !writable && matches!(self.login(slot), Login::Officer(_)) {
            return Err(Rv::SESSION_READ_WRITE_SO_EXISTS);
        }
        if self.sessions.len() >= SESSIONS {
            return Err(Rv::SESSION_COUNT);
        }
        self.last += 1;
        self.sessions.insert(self.last, Session::new(slot, writable));
        Ok(self.last)
    }

    /// Closes a session. With the last one of a slot its login ends.
    ///
    /// # Errors
    /// `CKR_SESSION_HANDLE_INVALID`.
    pub(crate) fn close(&mut self, handle: sys::CK_SESSION_HANDLE) -> Answer<()> {
        let session = self.sessions.remove(&handle).ok_or(Rv::SESSION_HANDLE_INVALID)?;
        self.objects.end_session(handle);
        if self.sessions_of(session.slot).next().is_none() {
            self.end_login(session.slot);
        }
        Ok(())
    }

    /// Closes every session of a slot.
    pub(crate) fn close_all(&mut self, slot: sys::CK_SLOT_ID) {
        let handles: Vec<_> = self.sessions_of(slot).map(|(handle, _)| *handle).collect();
        for handle in handles {
            self.sessions.remove(&handle);
            self.objects.end_session(handle);
        }
        self.end_login(slot);
    }

    fn end_login(&mut self, slot: sys::CK_SLOT_ID) {
        self.logins.remove(&slot);
        self.fresh.remove(&slot);
    }

    /// Returns the sessions of a slot.
    pub(crate) fn sessions_of(
        &self,
        slot: sys::CK_SLOT_ID,
    ) -> impl Iterator<Item = (&sys::CK_SESSION_HANDLE, &Session)> {
        self.sessions.iter().filter(move |(_, session)| session.slot == slot)
    }

    /// Returns a session.
    ///
    /// # Errors
    /// `CKR_SESSION_HANDLE_INVALID`.
    pub(crate) fn session(&mut self, handle: sys::CK_SESSION_HANDLE) -> Answer<&mut Session> {
        self.sessions.get_mut(&handle).ok_or(Rv::SESSION_HANDLE_INVALID)
    }

    /// Returns what a function must know of a session.
    ///
    /// # Errors
    /// `CKR_SESSION_HANDLE_INVALID`, and `CKR_DEVICE_REMOVED` where its slot is no more.
    pub(crate) fn view(&self, handle: sys::CK_SESSION_HANDLE) -> Answer<View> {
        let session = self.sessions.get(&handle).ok_or(Rv::SESSION_HANDLE_INVALID)?;
        let slot = self.slot(session.slot).map_err(|_| Rv::DEVICE_REMOVED)?;
        Ok(View { slot, writable: session.writable, is_user: self.is_user(session.slot) })
    }

    /// Returns true where the private objects of a slot are there for the application: the user is logged in, or need not.
    pub(crate) fn is_user(&self, slot: sys::CK_SLOT_ID) -> bool {
        self.login(slot).is_user() || self.slot(slot).is_ok_and(|slot| !slot.wants_login())
    }

    /// Returns who is logged in at a slot.
    pub(crate) fn login(&self, slot: sys::CK_SLOT_ID) -> &Login {
        self.logins.get(&slot).unwrap_or(&Login::Public)
    }

    /// Notes who is logged in at a slot.
    pub(crate) fn set_login(&mut self, slot: sys::CK_SLOT_ID, login: Login) {
        if matches!(login, Login::Public) {
            self.objects.end_login(slot);
        }
        self.fresh.remove(&slot);
        self.logins.insert(slot, login);
    }

    /// Notes what the application sees of a slot's PIN: whether one try is left.
    pub(crate) fn set_warned(&mut self, slot: sys::CK_SLOT_ID, warned: bool) {
        if warned {
            self.warned.insert(slot);
        } else {
            self.warned.remove(&slot);
        }
    }

    /// Returns true where the application knows that one try is left, and may spend it.
    pub(crate) fn is_warned(&self, slot: sys::CK_SLOT_ID) -> bool {
        self.warned.contains(&slot)
    }

    /// Notes that the user has just given a PIN or pass phrase to log in.
    pub(crate) fn set_fresh(&mut self, slot: sys::CK_SLOT_ID) {
        self.fresh.insert(slot);
    }

    /// Returns true where the user has just logged in: what is done next needs no second PIN, as on a card. It is so once.
    pub(crate) fn take_fresh(&mut self, slot: sys::CK_SLOT_ID) -> bool {
        self.fresh.remove(&slot)
    }
}

/// How long a list of slots may be used that was not asked for anew.
const FRESH: Duration = Duration::from_secs(5);

/// The most sessions of an application.
pub(crate) const SESSIONS: usize = 1024;
