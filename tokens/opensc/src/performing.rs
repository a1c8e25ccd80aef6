use claviger_card::opensc::protocol::{PinGiven, Reply, has_serial, id, is_key, phrase};
use claviger_card::{CardError, CardOp, CardOutput};
use claviger_token::{Algorithm, Mechanism, Parameters, Purpose, Secret, Spare};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism as p11;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::attributes::objects;
use crate::card::Card;
use crate::mechanisms::mechanism;
use crate::reading::key;
use crate::refusal::{is_unsupported, refusal};
use crate::visit::Visit;

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
        let visit = Visit::begin(card)?;
        if !has_serial(&self.serial, visit.serial()) {
            return Err(CardError::Wrong("another card is in the reader".into()));
        }
        let session = visit.session();
        let output = match operation {
            CardOp::Verify { spare } => {
                if matches!(self.pin, PinGiven::None) {
                    return Err(CardError::PinNeeded);
                }
                visit.as_owner(&self.pin, spare, || Ok(CardOutput::Done))
            }
            CardOp::Sign { reference, algorithm, mechanism, parameters, data } => {
                let how = How { algorithm, mechanism, purpose: Purpose::Sign, spare: Spare::Last };
                let mechanism = how.mechanism(&parameters)?;
                let work = |key| session.sign(&mechanism, key, &data);
                self.use_key(&visit, &reference, &how, work).map(CardOutput::Signature)
            }
            CardOp::Authenticate { reference, algorithm, mechanism, parameters, data, spare } => {
                if matches!(self.pin, PinGiven::None) {
                    return Err(CardError::PinNeeded);
                }
                let how = How { algorithm, mechanism, purpose: Purpose::Sign, spare };
                let mechanism = how.mechanism(&parameters)?;
                let work = |key| session.sign(&mechanism, key, &data);
                self.use_key(&visit, &reference, &how, work).map(CardOutput::Signature)
            }
            CardOp::Decrypt { reference, algorithm, mechanism, parameters, ciphertext } => {
                let how = How { algorithm, mechanism, purpose: Purpose::Decrypt, spare: Spare::Last };
                let mechanism = how.mechanism(&parameters)?;
                let work = |key| session.decrypt(&mechanism, key, &ciphertext).map(Secret::new);
                self.use_key(&visit, &reference, &how, work).map(CardOutput::Plaintext)
            }
            CardOp::Derive { reference, algorithm, peer } => {
                let (mechanism, purpose, spare) = (Mechanism::Ecdh1Derive, Purpose::Derive, Spare::Last);
                let how = How { algorithm, mechanism, purpose, spare };
                let work = |key| agree(session, key, &peer);
                self.use_key(&visit, &reference, &how, work).map(CardOutput::SharedSecret)
            }
            CardOp::ChangePin { old, new, spare } => {
                visit.no_pad(phrase::CHANGE)?;
                let work = || visit.set_pin(&old, &new, phrase::CHANGE);
                visit.as_owner(&PinGiven::Given(old.clone()), spare, work).map(|()| CardOutput::Done)
            }
            CardOp::UnblockPin { puk, new } => {
                visit.no_pad(phrase::UNBLOCK)?;
                // Without a login, OpenSC takes the old PIN for the PUK (user_pin_unblock_style).
                let outcome = visit.set_pin(&puk, &new, phrase::UNBLOCK).map(|()| CardOutput::Done);
                outcome.map_err(|error| match error {
                    CardError::WrongPin { .. } | CardError::PinBlocked => {
                        CardError::WrongAuthority(phrase::PUK)
                    }
                    error => error,
                })
            }
            CardOp::Generate { .. } => Err(CardError::NotSupported(phrase::GENERATE)),
            CardOp::Import { .. } => Err(CardError::NotSupported(phrase::IMPORT)),
            CardOp::WriteCertificate { .. } => Err(CardError::NotSupported(phrase::CERTIFICATE)),
            CardOp::Initialize { .. } => Err(CardError::NotSupported(phrase::INITIALIZE)),
            CardOp::Attest { .. } => Err(CardError::NotSupported(phrase::ATTEST)),
        };
        output.map(Reply::Output)
    }

    /// Uses a private key; logs in for that where a PIN was given.
    fn use_key<T>(
        &self,
        visit: &Visit<'_>,
        reference: &str,
        how: &How,
        work: impl Fn(ObjectHandle) -> Result<T, Error>,
    ) -> Result<T, CardError> {
        if !visit.card().has(how.mechanism, how.purpose) {
            return Err(how.unsupported());
        }
        let id = id(reference).ok_or(CardError::NoSuchKey)?;
        let expected = self.public_key.as_deref().ok_or(CardError::NoSuchKey)?;
        match key(visit.session(), &id)? {
            Some(found) if is_key(&found, expected) => {}
            Some(_) => return Err(CardError::Wrong("another key is at that place".into())),
            None => return Err(CardError::NoSuchKey),
        }
        let is_open = matches!(self.pin, PinGiven::None);
        visit.as_owner(&self.pin, how.spare, || {
            let private = objects(visit.session(), ObjectClass::PRIVATE_KEY, Some(&id))?;
            // Hidden until somebody logs in, or not there at all.
            let absent = if is_open { CardError::PinNeeded } else { CardError::NoSuchKey };
            let key = private.into_iter().next().ok_or(absent)?;
            let outcome = match work(key) {
                // A key that wants the PIN right before each use, and the login was not right before.
                Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) if !is_open => {
                    visit.once_more(&self.pin)?;
                    work(key)
                }
                outcome => outcome,
            };
            outcome.map_err(|error| match error {
                // Whoever is logged in may not: the key is not for this.
                Error::Pkcs11(RvError::UserNotLoggedIn, _) if !is_open => how.unsupported(),
                error if is_unsupported(&error) => how.unsupported(),
                error => refusal(error),
            })
        })
    }
}

/// How a key is used.
struct How {
    algorithm: Algorithm,
    mechanism: Mechanism,
    purpose: Purpose,
    spare: Spare,
}

impl How {
    fn mechanism<'a>(&self, parameters: &'a Parameters) -> Result<p11::Mechanism<'a>, CardError> {
        mechanism(self.mechanism, self.algorithm, parameters)
    }

    fn unsupported(&self) -> CardError {
        CardError::MechanismNotSupported(self.mechanism, self.algorithm)
    }
}

/// Agrees on a secret, which PKCS#11 makes an object: takes its value and lets it go.
fn agree(session: &Session, key: ObjectHandle, peer: &[u8]) -> Result<Secret, Error> {
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
    let agreed = session.derive_key(&how, key, &template)?;
    let found = session.get_attributes(agreed, &[AttributeType::Value])?;
    let secret = found.into_iter().find_map(|attribute| match attribute {
        Attribute::Value(value) => Some(Secret::new(value)),
        _ => None,
    });
    session.destroy_object(agreed)?;
    secret.ok_or(Error::InvalidValue)
}
