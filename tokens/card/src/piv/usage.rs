//! Using a key: GENERAL AUTHENTICATE (SP 800-73-4 part 2, 3.2.4, appendices A.3 to A.5).

use claviger_token::{Algorithm, Mechanism, Secret, TouchPolicy};
use zeroize::Zeroizing;

use super::place::Place;
use super::{ecdsa, number};
use crate::apdu::{Answer, Command};
use crate::status::Status;
use crate::{CardError, CardKey, Exchange, peer, spki, tlv};

/// A use of a key, ready to be sent: everything was checked that can be without the card.
pub(crate) struct Use<'a> {
    key: &'a CardKey,
    place: Place,
    /// What the card gets, and under which tag.
    data: Zeroizing<Vec<u8>>,
    tag: u32,
    result: Form,
}

/// What the card gives back.
#[derive(Clone, Copy)]
enum Form {
    /// So many bytes.
    Exactly(usize),
    /// DER of two numbers of so many bytes.
    Ecdsa(usize),
}

impl<'a> Use<'a> {
    /// Prepares a signature.
    ///
    /// # Errors
    /// [`CardError::MechanismNotSupported`], and [`CardError::DataInvalid`] for data that do not fit.
    pub(crate) fn sign(key: &'a CardKey, mechanism: Mechanism, data: &[u8]) -> Result<Self, CardError> {
        let not_supported = || CardError::MechanismNotSupported(mechanism, key.algorithm);
        let (data, result) = match (mechanism, key.algorithm) {
            (Mechanism::RsaX509, _) => rsa(key, mechanism, data)?,
            (Mechanism::Ecdsa, algorithm) => {
                let size = spki::field_size(algorithm).ok_or_else(not_supported)?;
                (digest(size, data)?, Form::Ecdsa(size))
            }
            // An empty challenge asks the card for one of its own.
            (Mechanism::Eddsa, Algorithm::Ed25519) if data.is_empty() => {
                return Err(CardError::DataInvalid("the card cannot sign an empty message".into()));
            }
            (Mechanism::Eddsa, Algorithm::Ed25519) => (Zeroizing::new(data.to_vec()), Form::Exactly(64)),
            _ => return Err(not_supported()),
        };
        Self::new(key, CHALLENGE, data, result)
    }

    /// Prepares a decryption. To the card it is the same as a signature: a power of a number.
    ///
    /// # Errors
    /// As [`Use::sign`].
    pub(crate) fn decrypt(key: &'a CardKey, mechanism: Mechanism, block: &[u8]) -> Result<Self, CardError> {
        if mechanism != Mechanism::RsaX509 {
            return Err(CardError::MechanismNotSupported(mechanism, key.algorithm));
        }
        let (data, result) = rsa(key, mechanism, block)?;
        Self::new(key, CHALLENGE, data, result)
    }

    /// Prepares an agreement.
    ///
    /// # Errors
    /// As [`Use::sign`].
    pub(crate) fn derive(key: &'a CardKey, peer: &[u8]) -> Result<Self, CardError> {
        let size = match key.algorithm {
            Algorithm::X25519 => 32,
            algorithm => spki::field_size(algorithm)
                .ok_or(CardError::MechanismNotSupported(Mechanism::Ecdh1Derive, algorithm))?,
        };
        let point = peer::parse(key.algorithm, peer)?;
        Self::new(key, EXPONENTIATION, Zeroizing::new(point.to_vec()), Form::Exactly(size))
    }

    fn new(key: &'a CardKey, tag: u32, data: Zeroizing<Vec<u8>>, result: Form) -> Result<Self, CardError> {
        let place = Place::from_reference(&key.reference).ok_or(CardError::NoSuchKey)?;
        Ok(Self { key, place, data, tag, result })
    }

    /// Lets the card do it.
    ///
    /// # Errors
    /// Why it did not, or [`CardError::Malformed`] for a result that cannot be one.
    pub(crate) fn perform(&self, card: &mut dyn Exchange, with_pin: bool) -> Result<Secret, CardError> {
        let number =
            number::of(self.key.algorithm).ok_or(CardError::AlgorithmNotSupported(self.key.algorithm))?;
        let request = tlv::element(RESPONSE, &[]);
        let data = tlv::element(self.tag, &[&self.data]);
        let template = tlv::element(TEMPLATE, &[&request, &data]);
        let answer = Command::new(0x87, number, self.place.key()).with(template).answered().send(card)?;
        if answer.status != Status::OK {
            return Err(self.refused(answer.status, with_pin));
        }
        self.result(&answer).ok_or_else(|| CardError::Malformed("of GENERAL AUTHENTICATE".into()))
    }

    fn result(&self, answer: &Answer) -> Option<Secret> {
        let result = tlv::only(tlv::only(&answer.data, TEMPLATE)?, RESPONSE)?;
        match self.result {
            Form::Exactly(size) => (result.len() == size).then(|| Secret::new(result.to_vec())),
            Form::Ecdsa(size) => ecdsa::raw(result, size).map(Secret::new),
        }
    }

    /// What a refusal means, which differs from card to card.
    fn refused(&self, word: Status, with_pin: bool) -> CardError {
        let wants_touch = self.key.touch_policy != TouchPolicy::Never;
        match word {
            Status::SECURITY if !with_pin => CardError::PinNeeded,
            Status::SECURITY | Status::CONDITIONS if wants_touch => CardError::NotTouched,
            Status::BLOCKED => CardError::PinBlocked,
            Status::CONDITIONS => CardError::NoSuchKey,
            word if word.is_absent() => CardError::NoSuchKey,
            Status::WRONG_PARAMETERS => CardError::Wrong("the key at that place is another".into()),
            Status::WRONG_DATA | Status::WRONG_LENGTH => {
                CardError::DataInvalid("the card does not take these data".into())
            }
            word => word.fault("GENERAL AUTHENTICATE"),
        }
    }
}

/// A padded block must be a number below the modulus: what a card does with others is its own affair.
fn rsa(key: &CardKey, mechanism: Mechanism, block: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Form), CardError> {
    let Some(size) = key.algorithm.modulus_size() else {
        return Err(CardError::MechanismNotSupported(mechanism, key.algorithm));
    };
    if block.len() != size {
        return Err(CardError::DataInvalid(
            format!("one block of {} has {size} bytes", key.algorithm).into(),
        ));
    }
    let numbers = spki::parse(&key.public_key).and_then(|(_, key)| spki::rsa_numbers(key));
    let (modulus, _) = numbers.ok_or_else(|| CardError::Malformed("of the card's public key".into()))?;
    if block >= modulus {
        return Err(CardError::DataInvalid("the block is not below the modulus".into()));
    }
    Ok((Zeroizing::new(block.to_vec()), Form::Exactly(size)))
}

/// Returns the digest in the field's size. FIPS 186-5, 6.4.1: of a longer digest the leftmost bits are signed; a shorter
/// one is a smaller number.
fn digest(size: usize, digest: &[u8]) -> Result<Zeroizing<Vec<u8>>, CardError> {
    if !(1..=64).contains(&digest.len()) {
        return Err(CardError::DataInvalid("a digest has 1 to 64 bytes".into()));
    }
    let kept = &digest[..digest.len().min(size)];
    let mut filled = Zeroizing::new(vec![0; size]);
    filled[size - kept.len()..].copy_from_slice(kept);
    Ok(filled)
}

/// Dynamic authentication template.
const TEMPLATE: u32 = 0x7C;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;
const EXPONENTIATION: u32 = 0x85;
