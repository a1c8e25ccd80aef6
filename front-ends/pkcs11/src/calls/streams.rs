use claviger_client::Secret;
use cryptoki_sys as sys;
use zeroize::Zeroizing;

use super::taken::Taken;
use crate::Store;
use crate::key::Key;
use crate::objects::Object;
use crate::operations::{Decrypt, Digest, Encrypt, Parameter, Sign, Verify};
use crate::rv::{Answer, Rv};
use crate::session::{Operation, Running, Stage};
use crate::state::Module;

/// What comes of a function that gives bytes, for the buffer that it was given.
pub(crate) enum Delivery {
    /// The bytes; they fit.
    Bytes(Zeroizing<Vec<u8>>),
    /// So many bytes are needed: it was asked for that only.
    Length(usize),
    /// So many bytes are needed, and there is less room: `CKR_BUFFER_TOO_SMALL`.
    TooSmall(usize),
}

/// An operation that takes data in pieces and gives bytes.
pub(crate) trait Stream: Operation {
    /// True where the length is known before.
    const EXACT: bool;

    /// Returns how many bytes come out, or the most that can.
    fn length(&self) -> usize;

    /// Takes the next piece.
    fn update(&mut self, data: &[u8]) -> Answer<()>;

    /// Ends after the pieces.
    fn finish(self, store: &dyn Store) -> Answer<Zeroizing<Vec<u8>>>;

    /// Does all at once.
    fn once(self, store: &dyn Store, data: &[u8]) -> Answer<Zeroizing<Vec<u8>>>;
}

/// Implements [`Stream`] by the methods of the same names.
macro_rules! stream {
    ($type:ident, $exact:literal, |$operation:ident, $store:ident, $data:ident|
        $update:expr, $finish:expr, $once:expr) => {
        impl Stream for $type {
            const EXACT: bool = $exact;

            fn length(&self) -> usize {
                $type::length(self)
            }

            fn update(&mut self, $data: &[u8]) -> Answer<()> {
                let $operation = self;
                $update
            }

            fn finish(self, $store: &dyn Store) -> Answer<Zeroizing<Vec<u8>>> {
                let $operation = self;
                $finish
            }

            fn once(self, $store: &dyn Store, $data: &[u8]) -> Answer<Zeroizing<Vec<u8>>> {
                let $operation = self;
                $once
            }
        }
    };
}

stream!(
    Digest,
    true,
    |digest, _store, data| {
        digest.update(data);
        Ok(())
    },
    Ok(digest.finish().into()),
    digest.once(data).map(Zeroizing::new)
);
stream!(
    Sign,
    true,
    |sign, store, data| sign.update(data),
    sign.finish(store).map(Zeroizing::new),
    sign.once(store, data).map(Zeroizing::new)
);
stream!(
    Encrypt,
    true,
    |encrypt, store, data| encrypt.update(data),
    encrypt.finish(store).map(Zeroizing::new),
    encrypt.once(store, data).map(Zeroizing::new)
);
stream!(
    Decrypt,
    false,
    |decrypt, store, data| decrypt.update(data),
    decrypt.finish(store).map(copied),
    decrypt.once(store, data).map(copied)
);

fn copied(secret: Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.as_bytes().to_vec())
}

impl Module {
    /// Begins a digest.
    pub(crate) fn digest_init(&self, session: sys::CK_SESSION_HANDLE, parameter: &Parameter) -> Answer<()> {
        self.begin(session, false, || Digest::begin(parameter))
    }

    /// Begins a signature.
    pub(crate) fn sign_init(
        &self,
        session: sys::CK_SESSION_HANDLE,
        parameter: &Parameter,
        key: sys::CK_OBJECT_HANDLE,
    ) -> Answer<()> {
        self.begin_with(session, key, |key| Sign::begin(key, parameter))
    }

    /// Begins a decryption.
    pub(crate) fn decrypt_init(
        &self,
        session: sys::CK_SESSION_HANDLE,
        parameter: &Parameter,
        key: sys::CK_OBJECT_HANDLE,
    ) -> Answer<()> {
        self.begin_with(session, key, |key| Decrypt::begin(key, parameter))
    }

    /// Begins an encryption.
    pub(crate) fn encrypt_init(
        &self,
        session: sys::CK_SESSION_HANDLE,
        parameter: &Parameter,
        key: sys::CK_OBJECT_HANDLE,
    ) -> Answer<()> {
        let object = self.operand(session, key)?;
        let key = object.public_key_for(sys::CKA_ENCRYPT)?;
        self.begin(session, false, || Encrypt::begin(key, parameter))
    }

    /// Begins the check of a signature.
    pub(crate) fn verify_init(
        &self,
        session: sys::CK_SESSION_HANDLE,
        parameter: &Parameter,
        key: sys::CK_OBJECT_HANDLE,
    ) -> Answer<()> {
        let object = self.operand(session, key)?;
        let key = object.public_key_for(sys::CKA_VERIFY)?;
        self.begin(session, false, || Verify::begin(key, parameter))
    }

    /// Begins an operation with a private key.
    fn begin_with<T: Stream>(
        &self,
        session: sys::CK_SESSION_HANDLE,
        key: sys::CK_OBJECT_HANDLE,
        begin: impl FnOnce(&Key) -> Answer<T>,
    ) -> Answer<()> {
        match self.operand(session, key)? {
            Object::PrivateKey(held) => self.begin(session, held.wants_pin, || begin(&held.key)),
            _ => Err(Rv::KEY_FUNCTION_NOT_PERMITTED),
        }
    }

    fn begin<T: Operation>(
        &self,
        session: sys::CK_SESSION_HANDLE,
        wants_pin: bool,
        begin: impl FnOnce() -> Answer<T>,
    ) -> Answer<()> {
        let mut world = self.world();
        let place = T::place(&mut world.session(session)?.active);
        if place.is_some() {
            return Err(Rv::OPERATION_ACTIVE);
        }
        *place = Some(Running { stage: Stage::Open(begin()?), wants_pin });
        Ok(())
    }

    /// Does all at once: `C_Sign` and the like. `room` is how much fits into the buffer; `None` asks for the length.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED`, and what the operation ends with.
    pub(crate) fn whole<T: Stream>(
        &self,
        session: sys::CK_SESSION_HANDLE,
        data: &[u8],
        room: Option<usize>,
    ) -> Answer<Delivery> {
        self.deliver(session, room, true, |operation: T| operation.once(self.store(), data))
    }

    /// Ends after the pieces: `C_SignFinal` and the like.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub(crate) fn last<T: Stream>(
        &self,
        session: sys::CK_SESSION_HANDLE,
        room: Option<usize>,
    ) -> Answer<Delivery> {
        self.deliver(session, room, false, |operation: T| operation.finish(self.store()))
    }

    /// Takes a piece: `C_SignUpdate` and the like. An error ends the operation.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED`, and what the operation ends with.
    pub(crate) fn piece<T: Stream>(&self, session: sys::CK_SESSION_HANDLE, data: &[u8]) -> Answer<()> {
        let (mut running, taken) = self.take::<T>(session)?;
        match &mut running.stage {
            Stage::Open(operation) => operation.update(data)?,
            Stage::Done(..) | Stage::Busy(_) => {
                taken.put(running);
                return Err(Rv::OPERATION_ACTIVE);
            }
        }
        taken.put(running);
        Ok(())
    }

    /// Returns the most bytes that an operation under way can give.
    ///
    /// # Errors
    /// As [`piece`](Self::piece).
    pub(crate) fn most<T: Stream>(&self, session: sys::CK_SESSION_HANDLE) -> Answer<usize> {
        let (running, taken) = self.take::<T>(session)?;
        let most = match &running.stage {
            Stage::Open(operation) => Ok(operation.length()),
            Stage::Done(..) | Stage::Busy(_) => Err(Rv::OPERATION_ACTIVE),
        };
        taken.put(running);
        most
    }

    fn deliver<T: Stream>(
        &self,
        session: sys::CK_SESSION_HANDLE,
        room: Option<usize>,
        at_once: bool,
        perform: impl FnOnce(T) -> Answer<Zeroizing<Vec<u8>>>,
    ) -> Answer<Delivery> {
        let (Running { stage, wants_pin }, taken) = self.take::<T>(session)?;
        let slot = taken.slot;
        let keep = |stage: Stage<T>| taken.put(Running { stage, wants_pin });
        let bytes = match stage {
            Stage::Open(operation) => {
                let length = operation.length();
                let small = room.is_some_and(|room| T::EXACT && room < length);
                if room.is_none() || small {
                    keep(Stage::Open(operation));
                    return Ok(if small { Delivery::TooSmall(length) } else { Delivery::Length(length) });
                }
                // The key store may still have the PIN of another use: that is not for this one. OpenSSH gives none a second
                // time right after a login, where a card would take it too.
                let has_just_logged_in = self.world().take_fresh(slot);
                if wants_pin && !has_just_logged_in {
                    return Err(Rv::USER_NOT_LOGGED_IN);
                }
                perform(operation).map_err(|code| self.failed(slot, code))?
            }
            Stage::Done(bytes, way) if way == at_once => bytes,
            other @ (Stage::Done(..) | Stage::Busy(_)) => {
                keep(other);
                return Err(Rv::OPERATION_ACTIVE);
            }
        };
        match room {
            Some(room) if room >= bytes.len() => Ok(Delivery::Bytes(bytes)),
            small => {
                // Nobody is asked twice for what is done: it waits for a buffer.
                let length = bytes.len();
                keep(Stage::Done(bytes, at_once));
                Ok(if small.is_some() { Delivery::TooSmall(length) } else { Delivery::Length(length) })
            }
        }
    }

    /// Checks a signature of a whole message.
    ///
    /// # Errors
    /// `CKR_SIGNATURE_INVALID`, `CKR_SIGNATURE_LEN_RANGE`, and what the operation ends with.
    pub(crate) fn verify(
        &self,
        session: sys::CK_SESSION_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> Answer<()> {
        let (verify, taken) = self.take_verify(session)?;
        verify.once(self.store(), data, signature).map_err(|code| self.failed(taken.slot, code))
    }

    /// Takes the next piece of what was signed.
    ///
    /// # Errors
    /// As [`piece`](Self::piece).
    pub(crate) fn verify_piece(&self, session: sys::CK_SESSION_HANDLE, data: &[u8]) -> Answer<()> {
        let (mut verify, taken) = self.take_verify(session)?;
        verify.update(data)?;
        taken.put(Running { stage: Stage::Open(verify), wants_pin: false });
        Ok(())
    }

    /// Checks a signature of the pieces.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub(crate) fn verify_last(&self, session: sys::CK_SESSION_HANDLE, signature: &[u8]) -> Answer<()> {
        let (verify, taken) = self.take_verify(session)?;
        verify.finish(self.store(), signature).map_err(|code| self.failed(taken.slot, code))
    }

    fn take_verify(&self, session: sys::CK_SESSION_HANDLE) -> Answer<(Verify, Taken<'_, Verify>)> {
        match self.take(session)? {
            (Running { stage: Stage::Open(verify), .. }, taken) => Ok((verify, taken)),
            (Running { stage: Stage::Done(..) | Stage::Busy(_), .. }, _) => {
                Err(Rv::OPERATION_NOT_INITIALIZED)
            }
        }
    }
}
