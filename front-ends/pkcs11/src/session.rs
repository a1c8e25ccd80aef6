use std::sync::Arc;

use claviger_client::Secret;
use cryptoki_sys as sys;
use zeroize::Zeroizing;

use crate::operations::{Decrypt, Digest, Encrypt, Sign, Verify};
use crate::rv::{Answer, Rv};
use crate::slot::Slot;

/// A session that an application opened.
pub(crate) struct Session {
    /// The slot that it was opened on.
    pub(crate) slot: sys::CK_SLOT_ID,
    /// True for `CKF_RW_SESSION`.
    pub(crate) writable: bool,
    /// What `C_FindObjects` has still to give.
    pub(crate) found: Option<Vec<sys::CK_OBJECT_HANDLE>>,
    /// What is under way.
    pub(crate) active: Active,
    /// How often an operation was taken.
    taken: u64,
}

/// The operations under way in a session, one of each kind. One that is being used is out, so that nothing is held
/// while the key store is asked, and keeps its place.
#[derive(Default)]
pub(crate) struct Active {
    pub(crate) digest: Option<Running<Digest>>,
    pub(crate) sign: Option<Running<Sign>>,
    pub(crate) verify: Option<Running<Verify>>,
    pub(crate) encrypt: Option<Running<Encrypt>>,
    pub(crate) decrypt: Option<Running<Decrypt>>,
}

/// An operation under way.
pub(crate) struct Running<T> {
    /// What is left of it.
    pub(crate) stage: Stage<T>,
    /// True where its key wants the PIN before each use, and it was not given yet.
    pub(crate) wants_pin: bool,
}

/// How far an operation is.
pub(crate) enum Stage<T> {
    /// It takes data.
    Open(T),
    /// It is done; its result waits for a buffer that it fits into. `true` for one that took all its data at once.
    Done(Zeroizing<Vec<u8>>, bool),
    /// It is out: another thread is at it. The number is that of the time that it was taken.
    Busy(u64),
}

/// Who is logged in at a slot, in this application.
#[derive(Default)]
pub(crate) enum Login {
    /// Nobody.
    #[default]
    Public,
    /// The user.
    User,
    /// The security officer: a card's PUK, which is tried when the PIN is set with it.
    Officer(Secret),
}

impl Session {
    /// Opens a session.
    pub(crate) fn new(slot: sys::CK_SLOT_ID, writable: bool) -> Self {
        Self { slot, writable, found: None, active: Active::default(), taken: 0 }
    }

    /// Takes an operation out of its place, which stays taken, and returns it with the number of this time.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED`; `CKR_OPERATION_ACTIVE` where another thread is at it.
    pub(crate) fn take<T: Operation>(&mut self) -> Answer<(Running<T>, u64)> {
        self.taken += 1;
        let running = T::place(&mut self.active).as_mut().ok_or(Rv::OPERATION_NOT_INITIALIZED)?;
        if matches!(running.stage, Stage::Busy(_)) {
            return Err(Rv::OPERATION_ACTIVE);
        }
        let busy = Running { stage: Stage::Busy(self.taken), wants_pin: false };
        Ok((std::mem::replace(running, busy), self.taken))
    }

    /// Puts something in the place of an operation that was taken that time; nothing where it was cancelled meanwhile.
    pub(crate) fn settle<T: Operation>(&mut self, time: u64, running: Option<Running<T>>) {
        let place = T::place(&mut self.active);
        if place.as_ref().is_some_and(|running| matches!(running.stage, Stage::Busy(busy) if busy == time)) {
            *place = running;
        }
    }
}

/// An operation that has a place in sessions.
pub(crate) trait Operation: Sized {
    /// Returns the place of such operations.
    fn place(active: &mut Active) -> &mut Option<Running<Self>>;
}

/// Implements [`Operation`].
macro_rules! places {
    ($($type:ident: $place:ident),*) => {
        $(
            impl Operation for $type {
                fn place(active: &mut Active) -> &mut Option<Running<Self>> {
                    &mut active.$place
                }
            }
        )*
    };
}

places!(Digest: digest, Sign: sign, Verify: verify, Encrypt: encrypt, Decrypt: decrypt);

impl Active {
    /// Returns true where an operation is under way whose key wants the PIN again.
    pub(crate) fn wants_pin(&self) -> bool {
        let wants = |running: Option<bool>| running.unwrap_or(false);
        wants(self.sign.as_ref().map(|running| running.wants_pin))
            || wants(self.decrypt.as_ref().map(|running| running.wants_pin))
    }

    /// Takes notice of the PIN. It is good for one operation.
    pub(crate) fn authenticate(&mut self) {
        match (&mut self.sign, &mut self.decrypt) {
            (Some(sign), _) if sign.wants_pin => sign.wants_pin = false,
            (_, Some(decrypt)) => decrypt.wants_pin = false,
            (_, None) => {}
        }
    }
}

impl Login {
    /// Returns true where the user is logged in.
    pub(crate) const fn is_user(&self) -> bool {
        matches!(self, Self::User)
    }
}

/// A session as a function sees it that was called with its handle.
pub(crate) struct View {
    /// Its slot.
    pub(crate) slot: Arc<Slot>,
    /// True for `CKF_RW_SESSION`.
    pub(crate) writable: bool,
    /// True where the user is logged in, or need not be.
    pub(crate) is_user: bool,
}

impl View {
    /// Returns the `CK_SESSION_INFO`.
    pub(crate) fn info(&self, login: &Login) -> sys::CK_SESSION_INFO {
        let state = match (login, self.writable) {
            (Login::Public, false) => sys::CKS_RO_PUBLIC_SESSION,
            (Login::Public, true) => sys::CKS_RW_PUBLIC_SESSION,
            (Login::User, false) => sys::CKS_RO_USER_FUNCTIONS,
            (Login::User, true) => sys::CKS_RW_USER_FUNCTIONS,
            (Login::Officer(_), _) => sys::CKS_RW_SO_FUNCTIONS,
        };
        let writable = if self.writable { sys::CKF_RW_SESSION } else { 0 };
        let flags = sys::CKF_SERIAL_SESSION | writable;
        sys::CK_SESSION_INFO { slotID: self.slot.id, state, flags, ulDeviceError: 0 }
    }
}
