//! Public keys as the card gives them (7.2.14), and as DER.

use claviger_token::Algorithm;
use openpgp_card::ocard::algorithm::AlgorithmAttributes;

use super::attributes;
use super::channel::{Channel, Expect, Order};
use super::slot::Slot;
use crate::status::Status;
use crate::{CardError, peer, spki, tlv};

/// The public key at a place.
pub(super) struct PublicKey {
    pub(super) algorithm: Algorithm,
    /// DER SubjectPublicKeyInfo.
    pub(super) document: Vec<u8>,
}

/// Reads the public key at a place; `None` where there is none.
pub(super) fn read(
    channel: &mut Channel<'_>,
    slot: Slot,
    attributes: &AlgorithmAttributes,
) -> Result<Option<PublicKey>, CardError> {
    let order = Order { what: "reading a public key", ins: 0x47, p1: 0x81, p2: 0x00 };
    let answer = channel.send(order, &slot.template(), expected(attributes))?;
    match answer.status {
        // 7.2.14: "6A88 Referenced data not found"; some say the same in other words.
        status if status.is_absent() || matches!(status, Status::WRONG_DATA | Status::CONDITIONS) => Ok(None),
        _ => parse(&answer.success(order.what)?, slot, attributes).map(Some),
    }
}

/// Has the card make a key, and returns its public key.
pub(super) fn generate(
    channel: &mut Channel<'_>,
    slot: Slot,
    attributes: &AlgorithmAttributes,
) -> Result<PublicKey, CardError> {
    let order = Order { what: "making a key", ins: 0x47, p1: 0x80, p2: 0x00 };
    let answer = channel.send(order, &slot.template(), expected(attributes))?;
    match (answer.status, attributes::algorithm(attributes, slot)) {
        (Status::NO_FUNCTION, Some(algorithm)) => Err(CardError::AlgorithmNotSupported(algorithm)),
        _ => parse(&answer.success(order.what)?, slot, attributes),
    }
}

/// An RSA key of 2048 bits and its wrapping have 270 bytes.
const fn expected(attributes: &AlgorithmAttributes) -> Expect {
    if matches!(attributes, AlgorithmAttributes::Rsa(_)) { Expect::Long } else { Expect::Short }
}

fn parse(data: &[u8], slot: Slot, attributes: &AlgorithmAttributes) -> Result<PublicKey, CardError> {
    let numbers = tlv::only(data, 0x7f49).and_then(tlv::all).ok_or_else(malformed)?;
    let algorithm = attributes::algorithm(attributes, slot).ok_or_else(malformed)?;
    let get = |tag| tlv::find(&numbers, tag);
    if algorithm.modulus_size().is_some() {
        let (modulus, exponent) = get(0x81).zip(get(0x82)).ok_or_else(malformed)?;
        let (found, document) = spki::of_rsa(modulus, exponent).ok_or_else(malformed)?;
        if found != algorithm {
            return Err(malformed());
        }
        return Ok(PublicKey { algorithm, document });
    }
    let point = point(algorithm, get(0x86).ok_or_else(malformed)?);
    if !peer::is_sound(algorithm, point) {
        return Err(malformed());
    }
    let document = spki::of_point(algorithm, point).ok_or_else(malformed)?;
    Ok(PublicKey { algorithm, document })
}

/// Returns the point as RFC 8410 has it: some cards put OpenPGP's 40 before the keys of curve 25519.
fn point(algorithm: Algorithm, point: &[u8]) -> &[u8] {
    match (algorithm, point) {
        (Algorithm::Ed25519 | Algorithm::X25519, [0x40, raw @ ..]) if raw.len() == 32 => raw,
        _ => point,
    }
}

fn malformed() -> CardError {
    CardError::Malformed("a public key".into())
}
