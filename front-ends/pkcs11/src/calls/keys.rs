use cryptoki_sys as sys;
use zeroize::Zeroizing;

use super::Delivery;
use crate::objects::{Held, Object};
use crate::operations::{self, Parameter};
use crate::rv::{Answer, Rv};
use crate::state::Module;
use crate::template::Template;

impl Module {
    /// Returns random bytes, of the operating system's generator: asking a phone for them could take a person.
    pub(crate) fn random(&self, session: sys::CK_SESSION_HANDLE, bytes: &mut [u8]) -> Answer<()> {
        let slot = self.world().view(session)?.slot;
        operations::random(self.store(), None, bytes).map_err(|code| self.failed(slot.id, code))
    }

    /// Refuses a seed.
    pub(crate) fn seed(&self, session: sys::CK_SESSION_HANDLE) -> Answer<()> {
        self.world().session(session)?;
        operations::seed()
    }

    /// Agrees on a secret, which becomes a secret key of the session.
    pub(crate) fn derive(
        &self,
        session: sys::CK_SESSION_HANDLE,
        parameter: &Parameter,
        key: sys::CK_OBJECT_HANDLE,
        template: Template,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let length = check_secret(&template)?;
        let Object::PrivateKey(held) = self.operand(session, key)? else {
            return Err(Rv::KEY_TYPE_INCONSISTENT);
        };
        check_use(&held)?;
        let slot = self.world().session(session)?.slot;
        let secret = operations::derive(self.store(), &held.key, parameter, length);
        let secret = secret.map_err(|code| self.failed(slot, code))?;
        self.keep_secret(session, secret.as_bytes(), private(template))
    }

    /// Wraps a secret key of the session with a public key.
    pub(crate) fn wrap(
        &self,
        session: sys::CK_SESSION_HANDLE,
        parameter: &Parameter,
        (wrapping, key): (sys::CK_OBJECT_HANDLE, sys::CK_OBJECT_HANDLE),
        room: Option<usize>,
    ) -> Answer<Delivery> {
        let object = self
            .operand(session, wrapping)
            .map_err(|code| wrapping_code(code, Rv::WRAPPING_KEY_HANDLE_INVALID))?;
        let public = object.public_key_for(sys::CKA_WRAP)?;
        let (value, template) = match self.operand(session, key)? {
            Object::SecretKey(value, template) => (value, template),
            Object::PrivateKey(_) => return Err(Rv::KEY_UNEXTRACTABLE),
            _ => return Err(Rv::KEY_NOT_WRAPPABLE),
        };
        if matches!(template.flag(sys::CKA_EXTRACTABLE), Ok(Some(false))) {
            return Err(Rv::KEY_UNEXTRACTABLE);
        }
        let length = operations::wrapped_length(public, parameter)?;
        let Some(room) = room else { return Ok(Delivery::Length(length)) };
        if room < length {
            return Ok(Delivery::TooSmall(length));
        }
        let slot = self.world().session(session)?.slot;
        let wrapped = operations::wrap(self.store(), public, parameter, &value);
        wrapped.map(|wrapped| Delivery::Bytes(wrapped.into())).map_err(|code| self.failed(slot, code))
    }

    /// Unwraps a secret key into the session.
    pub(crate) fn unwrap(
        &self,
        session: sys::CK_SESSION_HANDLE,
        (parameter, key): (&Parameter, sys::CK_OBJECT_HANDLE),
        wrapped: &[u8],
        template: Template,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let length = check_secret(&template)?;
        let key = self
            .operand(session, key)
            .map_err(|code| wrapping_code(code, Rv::UNWRAPPING_KEY_HANDLE_INVALID))?;
        let Object::PrivateKey(held) = key else { return Err(Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT) };
        check_use(&held)?;
        let slot = self.world().session(session)?.slot;
        let secret = operations::unwrap(self.store(), &held.key, parameter, wrapped);
        let secret = secret.map_err(|code| self.failed(slot, code))?;
        if length.is_some_and(|length| length != secret.as_bytes().len()) {
            return Err(Rv::TEMPLATE_INCONSISTENT);
        }
        self.keep_secret(session, secret.as_bytes(), private(template))
    }

    /// Makes a secret that only a key's holder can open: its ciphertext, and the secret as a key of the session. The
    /// handle is there where the ciphertext is.
    pub(crate) fn encapsulate(
        &self,
        session: sys::CK_SESSION_HANDLE,
        (parameter, key): (&Parameter, sys::CK_OBJECT_HANDLE),
        template: Template,
        room: Option<usize>,
    ) -> Answer<(Delivery, Option<sys::CK_OBJECT_HANDLE>)> {
        let wanted = check_secret(&template)?;
        let object = self.operand(session, key)?;
        let public = object.public_key_for(sys::CKA_ENCAPSULATE)?;
        let length = operations::ciphertext_length(public.algorithm(), parameter)?;
        let Some(room) = room else { return Ok((Delivery::Length(length), None)) };
        if room < length {
            return Ok((Delivery::TooSmall(length), None));
        }
        let slot = self.world().session(session)?.slot;
        let made = operations::encapsulate(self.store(), public, parameter);
        let (ciphertext, secret) = made.map_err(|code| self.failed(slot, code))?;
        let secret = shortened(secret.as_bytes(), wanted)?;
        let handle = self.keep_secret(session, secret, template)?;
        Ok((Delivery::Bytes(ciphertext.into()), Some(handle)))
    }

    /// Opens an encapsulated secret into the session.
    pub(crate) fn decapsulate(
        &self,
        session: sys::CK_SESSION_HANDLE,
        (parameter, key): (&Parameter, sys::CK_OBJECT_HANDLE),
        ciphertext: &[u8],
        template: Template,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let wanted = check_secret(&template)?;
        let Object::PrivateKey(held) = self.operand(session, key)? else {
            return Err(Rv::KEY_TYPE_INCONSISTENT);
        };
        check_use(&held)?;
        let slot = self.world().session(session)?.slot;
        let secret = operations::decapsulate(self.store(), &held.key, parameter, ciphertext);
        let secret = secret.map_err(|code| self.failed(slot, code))?;
        self.keep_secret(session, shortened(secret.as_bytes(), wanted)?, private(template))
    }

    /// Adds the value of a secret key to a digest.
    pub(crate) fn digest_key(
        &self,
        session: sys::CK_SESSION_HANDLE,
        key: sys::CK_OBJECT_HANDLE,
    ) -> Answer<()> {
        match self.operand(session, key)? {
            Object::SecretKey(value, _) => self.piece::<operations::Digest>(session, &value),
            _ => Err(Rv::KEY_INDIGESTIBLE),
        }
    }

    /// Puts a secret key into a session.
    pub(crate) fn keep_secret(
        &self,
        session: sys::CK_SESSION_HANDLE,
        value: &[u8],
        template: Template,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let object = Object::SecretKey(Zeroizing::new(value.to_vec()).into(), template.into());
        self.keep_object(session, object)
    }

    /// Puts an object into a session.
    pub(crate) fn keep_object(
        &self,
        session: sys::CK_SESSION_HANDLE,
        object: Object,
    ) -> Answer<sys::CK_OBJECT_HANDLE> {
        let mut world = self.world();
        let slot = world.session(session).map_err(|_| Rv::SESSION_CLOSED)?.slot;
        // "Only public objects can be created unless the normal user is logged in."
        if object.is_private() && !world.is_user(slot) {
            return Err(Rv::USER_NOT_LOGGED_IN);
        }
        Ok(world.objects.add(slot, session, object))
    }
}

/// Checks the template of a secret key, and returns the length that it wants.
///
/// # Errors
/// `CKR_TEMPLATE_INCONSISTENT` for anything but a secret key that lives in the session: no token keeps any.
pub(crate) fn check_secret(template: &Template) -> Answer<Option<usize>> {
    let class = template.number(sys::CKA_CLASS)?;
    if class.is_some_and(|class| class != sys::CKO_SECRET_KEY) || template.flag(sys::CKA_TOKEN)? == Some(true)
    {
        return Err(Rv::TEMPLATE_INCONSISTENT);
    }
    let length = template.number(sys::CKA_VALUE_LEN)?;
    let length = length.map(|length| usize::try_from(length).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID));
    length.transpose()
}

/// Returns the template of what came of a private key: it is gone with the login, unless the program wants it otherwise.
fn private(template: Template) -> Template {
    template.or(sys::CKA_PRIVATE, &[sys::CK_TRUE])
}

/// Refuses a key that wants its PIN before each use: only signing and decryption have a step at which it is given.
fn check_use(held: &Held) -> Answer<()> {
    if held.wants_pin { Err(Rv::KEY_FUNCTION_NOT_PERMITTED) } else { Ok(()) }
}

fn shortened(secret: &[u8], length: Option<usize>) -> Answer<&[u8]> {
    match length {
        Some(0) => Err(Rv::TEMPLATE_INCONSISTENT),
        Some(length) => secret.get(..length).ok_or(Rv::TEMPLATE_INCONSISTENT),
        None => Ok(secret),
    }
}

/// Returns the code that the wrapping functions have for a handle that is none.
fn wrapping_code(code: Rv, handle: Rv) -> Rv {
    if code == Rv::KEY_HANDLE_INVALID { handle } else { code }
}
