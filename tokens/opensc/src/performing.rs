use claviger_card::opensc::protocol::{PinGiven, Reply, has_serial, id, is_key, phrase};
use claviger_card::{CardError, CardOp, CardOutput};
use claviger_token::{Algorithm, Mechanism, Parameters, PinPolicy, Purpose, Secret, Site, TouchPolicy};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism as p11;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::{AuthPin, RawAuthPin};

use crate::attributes::objects;
use crate::card::Card;
use crate::ffi;
use crate::mechanisms::mechanism;
use crate::reading::{key, tries_left};
use crate::refusal::{is_unsupported, refusal};

/// For which card an operation is meant, and with which PIN.
pub(crate) struct Errand {
    /// The card's serial.
    pub(crate) serial: String,
    /// The public key at the place that the operation names.
    pub(crate) public_key: Option<Vec<u8>>,
    /// The PIN.
    pub(crate) pin: PinGiven,
}

impl Errand {
    /// Does it: login, the operation, logout; the card is locked for others from the first to the last, and what it
    /// does not log out of is reset (`fence`).
    pub(crate) fn perform(&self, card: &Card, operation: CardOp) -> Result<Reply, CardError> {
        if !has_serial(&self.serial, card.token()?.serial_number()) {
            return Err(CardError::Wrong("another card is in the reader".into()));
        }
        let session = card.session()?;
        let done = |()| Reply::Output(CardOutput::Done);
        match operation {
            CardOp::Verify { last_try } => {
                if matches!(self.pin, PinGiven::None) {
                    return Err(CardError::PinNeeded);
                }
                let login = Login { card, session: &session, pin: &self.pin, last_try };
                login.with(|| Ok(())).map(done)
            }
            CardOp::Sign { reference, algorithm, mechanism, parameters, data } => {
                let how = How { algorithm, mechanism, purpose: Purpose::Sign, parameters: &parameters };
                self.use_key(card, &session, &reference, &how, |key, how| session.sign(how, key, &data))
                    .map(|signature| Reply::Output(CardOutput::Signature(signature)))
            }
            CardOp::Decrypt { reference, algorithm, mechanism, parameters, ciphertext } => {
                let how = How { algorithm, mechanism, purpose: Purpose::Decrypt, parameters: &parameters };
                self.use_key(card, &session, &reference, &how, |key, how| {
                    session.decrypt(how, key, &ciphertext)
                })
                .map(|plaintext| Reply::Output(CardOutput::Plaintext(Secret::new(plaintext))))
            }
            CardOp::Derive { reference, algorithm, peer } => {
                let parameters = Parameters::default();
                let mechanism = Mechanism::Ecdh1Derive;
                let how = How { algorithm, mechanism, purpose: Purpose::Derive, parameters: &parameters };
                let agreed =
                    self.use_key(card, &session, &reference, &how, |key, _| agree(&session, key, &peer));
                let secret = value(&session, agreed?)?;
                Ok(Reply::Output(CardOutput::SharedSecret(secret)))
            }
            CardOp::Generate { algorithm, site } => self.generate(card, &session, algorithm, &site),
            CardOp::ChangePin { old, new, last_try } => {
                no_pad(card, phrase::CHANGE)?;
                let login = Login { card, session: &session, pin: &PinGiven::Given(old.clone()), last_try };
                login.with(|| set_pin(&session, &old, &new, phrase::CHANGE)).map(done)
            }
            CardOp::UnblockPin { puk, new } => {
                no_pad(card, phrase::UNBLOCK)?;
                // Without a login, OpenSC takes the old PIN for the PUK (user_pin_unblock_style).
                set_pin(&session, &puk, &new, phrase::UNBLOCK).map(done).map_err(|error| match error {
                    CardError::WrongPin { .. } | CardError::PinBlocked => {
                        CardError::WrongAuthority(phrase::PUK)
                    }
                    error => error,
                })
            }
            CardOp::Import { .. } => Err(CardError::NotSupported(phrase::IMPORT)),
            CardOp::WriteCertificate { .. } => Err(CardError::NotSupported(phrase::CERTIFICATE)),
            CardOp::Initialize { .. } => Err(CardError::NotSupported(phrase::INITIALIZE)),
            CardOp::Attest { .. } => Err(CardError::NotSupported(phrase::ATTEST)),
        }
    }

    /// Uses a private key; logs in for that where a PIN was given.
    fn use_key<T>(
        &self,
        card: &Card,
        session: &Session,
        reference: &str,
        how: &How<'_>,
        work: impl Fn(ObjectHandle, &p11::Mechanism<'_>) -> Result<T, Error>,
    ) -> Result<T, CardError> {
        let unsupported = || CardError::MechanismNotSupported(how.mechanism, how.algorithm);
        if !card.has(how.mechanism, how.purpose) {
            return Err(unsupported());
        }
        let id = id(reference).ok_or(CardError::NoSuchKey)?;
        let expected = self.public_key.as_deref().ok_or(CardError::NoSuchKey)?;
        match key(session, &id)? {
            Some(found) if is_key(&found, expected) => {}
            Some(_) => return Err(CardError::Wrong("another key is at that place".into())),
            None => return Err(CardError::NoSuchKey),
        }
        let login = Login { card, session, pin: &self.pin, last_try: false };
        login.with(|| {
            let Some(object) = objects(session, ObjectClass::PRIVATE_KEY, Some(&id))?.into_iter().next()
            else {
                // Hidden until somebody logs in, or not there at all.
                let hidden = matches!(self.pin, PinGiven::None);
                return Err(if hidden { CardError::PinNeeded } else { CardError::NoSuchKey });
            };
            let mechanism = match how.purpose {
                Purpose::Derive => p11::Mechanism::Ecdsa,
                _ => mechanism(how.mechanism, how.algorithm, how.parameters)?,
            };
            let mut outcome = work(object, &mechanism);
            // A key that wants the PIN right before each use: the login may not have been right before.
            let again = matches!(outcome, Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)));
            if again && !matches!(self.pin, PinGiven::None) {
                login.once_more()?;
                outcome = work(object, &mechanism);
            }
            outcome.map_err(|error| if is_unsupported(&error) { unsupported() } else { refusal(error) })
        })
    }

    /// Makes a key pair, by the leave of the SO PIN where one is given, else of the PIN.
    fn generate(
        &self,
        card: &Card,
        session: &Session,
        algorithm: Algorithm,
        site: &Site,
    ) -> Result<Reply, CardError> {
        let Site { slot, authority, pin_policy, touch_policy } = site;
        let wishes = [None, Some(PinPolicy::Once)].contains(pin_policy)
            && [None, Some(TouchPolicy::Never)].contains(touch_policy);
        if !wishes {
            return Err(CardError::NotSupported(phrase::POLICY));
        }
        let wanted =
            slot.as_deref().map(|slot| id(slot).ok_or(CardError::NotSupported(phrase::SLOT))).transpose()?;
        let make = || make_pair(session, algorithm, wanted.clone());
        match authority {
            Some(authority) => as_officer(session, authority, make),
            None => Login { card, session, pin: &self.pin, last_try: false }.with(make),
        }
    }
}

/// How a key is used.
struct How<'a> {
    algorithm: Algorithm,
    mechanism: Mechanism,
    purpose: Purpose,
    parameters: &'a Parameters,
}

/// A login of the card's owner.
struct Login<'a> {
    card: &'a Card,
    session: &'a Session,
    pin: &'a PinGiven,
    last_try: bool,
}

impl Login<'_> {
    /// Logs in, where there is a PIN, works, and logs out. After a failure OpenSC's module is let go altogether, which
    /// ends the login too (`Service::with_card`).
    fn with<T>(&self, work: impl FnOnce() -> Result<T, CardError>) -> Result<T, CardError> {
        if matches!(self.pin, PinGiven::None) {
            return work();
        }
        match tries_left(&self.card.token()?) {
            Some(0) => return Err(CardError::PinBlocked),
            Some(1) if !self.last_try => return Err(CardError::LastTry),
            _ => {}
        }
        self.send(UserType::User)?;
        ffi::fence().logged_in();
        let outcome = work();
        let logout = self.session.logout().map_err(refusal);
        outcome.and_then(|output| logout.map(|()| output))
    }

    /// Shows the PIN again, which the card just took, for a key that wants it right before each use.
    fn once_more(&self) -> Result<(), CardError> {
        self.send(UserType::ContextSpecific)
    }

    fn send(&self, user: UserType) -> Result<(), CardError> {
        let outcome = match self.pin {
            PinGiven::Given(pin) => self.session.login_with_raw(user, &raw(pin)),
            PinGiven::Pad if self.card.token()?.protected_authentication_path() => {
                self.session.login(user, None)
            }
            PinGiven::Pad | PinGiven::None => return Err(CardError::NotSupported(phrase::PAD)),
        };
        outcome.map_err(|error| match refusal(error) {
            CardError::WrongPin { .. } => CardError::WrongPin {
                tries_left: self.card.token().ok().and_then(|token| tries_left(&token)),
            },
            error => error,
        })
    }
}

/// Does something as the security officer.
fn as_officer<T>(
    session: &Session,
    authority: &Secret,
    work: impl FnOnce() -> Result<T, CardError>,
) -> Result<T, CardError> {
    session.login_with_raw(UserType::So, &raw(authority)).map_err(|error| match refusal(error) {
        CardError::WrongPin { .. } | CardError::PinBlocked => CardError::WrongAuthority(phrase::SO_PIN),
        error => error,
    })?;
    ffi::fence().logged_in();
    let outcome = work();
    let logout = session.logout().map_err(refusal);
    outcome.and_then(|output| logout.map(|()| output))
}

fn agree(session: &Session, key: ObjectHandle, peer: &[u8]) -> Result<ObjectHandle, Error> {
    let how = p11::Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), peer));
    // An uncompressed point is one byte and two numbers, an X25519 key one number.
    let size = if peer.len() == 32 { 32 } else { peer.len() / 2 };
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::ValueLen((size as u64).into()),
    ];
    session.derive_key(&how, key, &template)
}

/// Takes the value of an agreed secret and lets the object go.
fn value(session: &Session, object: ObjectHandle) -> Result<Secret, CardError> {
    let found = session.get_attributes(object, &[AttributeType::Value]).map_err(refusal)?;
    let secret = found.into_iter().find_map(|attribute| match attribute {
        Attribute::Value(value) => Some(Secret::new(value)),
        _ => None,
    });
    session.destroy_object(object).map_err(refusal)?;
    secret.ok_or(CardError::Malformed("there is no agreed secret".into()))
}

fn make_pair(session: &Session, algorithm: Algorithm, wanted: Option<Vec<u8>>) -> Result<Reply, CardError> {
    let id = match wanted {
        Some(id) => id,
        None => free_id(session)?,
    };
    let usage = algorithm.usage();
    let mut public = vec![Attribute::Token(true), Attribute::Id(id.clone()), Attribute::Verify(usage.sign)];
    let mut private = vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Id(id.clone()),
        Attribute::Sign(usage.sign),
        Attribute::Decrypt(usage.decrypt),
        Attribute::Derive(usage.derive),
    ];
    let curve = |oid: &[u8]| Attribute::EcParams(oid.to_vec());
    let how = match algorithm {
        Algorithm::P256 => {
            (p11::Mechanism::EccKeyPairGen, curve(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"))
        }
        Algorithm::P384 => (p11::Mechanism::EccKeyPairGen, curve(b"\x06\x05\x2b\x81\x04\x00\x22")),
        Algorithm::P521 => (p11::Mechanism::EccKeyPairGen, curve(b"\x06\x05\x2b\x81\x04\x00\x23")),
        _ => {
            let size = algorithm.modulus_size().ok_or(CardError::AlgorithmNotSupported(algorithm))?;
            public.extend([Attribute::Encrypt(true), Attribute::PublicExponent(vec![1, 0, 1])]);
            (p11::Mechanism::RsaPkcsKeyPairGen, Attribute::ModulusBits((8 * size as u64).into()))
        }
    };
    let (mechanism, kind) = how;
    public.push(kind);
    session.generate_key_pair(&mechanism, &public, &private).map_err(|error| {
        if is_unsupported(&error) { CardError::NotSupported(phrase::GENERATE) } else { refusal(error) }
    })?;
    key(session, &id)?.map(Reply::NewKey).ok_or(CardError::Malformed("the new key is not there".into()))
}

/// Returns an id that no key has.
fn free_id(session: &Session) -> Result<Vec<u8>, CardError> {
    for number in 1..=u8::MAX {
        if key(session, &[number])?.is_none() {
            return Ok(vec![number]);
        }
    }
    Err(CardError::NotSupported(phrase::GENERATE))
}

fn set_pin(session: &Session, old: &Secret, new: &Secret, what: &'static str) -> Result<(), CardError> {
    session
        .set_pin(&text(old)?, &text(new)?)
        .map_err(|error| if is_unsupported(&error) { CardError::NotSupported(what) } else { refusal(error) })
}

/// With a pin pad, OpenSC ignores the PINs that it is given.
fn no_pad(card: &Card, what: &'static str) -> Result<(), CardError> {
    if card.token()?.protected_authentication_path() { Err(CardError::NotSupported(what)) } else { Ok(()) }
}

/// Copies a PIN into what cryptoki takes, which is wiped too.
fn raw(pin: &Secret) -> RawAuthPin {
    RawAuthPin::new(Box::new(pin.expose().to_vec()))
}

/// The same for functions that take only text.
fn text(pin: &Secret) -> Result<AuthPin, CardError> {
    let text = std::str::from_utf8(pin.expose())
        .map_err(|_| CardError::SecretUnfit("the card takes only text as a PIN".into()))?;
    Ok(AuthPin::from(Box::<str>::from(text)))
}
