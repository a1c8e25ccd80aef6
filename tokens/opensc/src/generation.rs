use claviger_card::CardError;
use claviger_card::opensc::protocol::{FoundKey, PinGiven, id, phrase};
use claviger_token::{Algorithm, PinPolicy, Site, TouchPolicy};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::Session;

use crate::reading::key;
use crate::refusal::{is_unsupported, refusal};
use crate::visit::Visit;

/// Makes a key pair, by the leave of the SO PIN where one is given, else of the PIN. Whether a card can do that is for
/// OpenSC's driver to know; many read only.
pub(crate) fn generate(
    visit: &Visit<'_>,
    pin: &PinGiven,
    algorithm: Algorithm,
    site: &Site,
) -> Result<FoundKey, CardError> {
    let Site { slot, authority, pin_policy, touch_policy } = site;
    let wishes = [None, Some(PinPolicy::Once)].contains(pin_policy)
        && [None, Some(TouchPolicy::Never)].contains(touch_policy);
    if !wishes {
        return Err(CardError::NotSupported(phrase::POLICY));
    }
    let session = visit.session();
    let id = match slot.as_deref() {
        Some(slot) => id(slot).ok_or(CardError::NotSupported(phrase::SLOT))?,
        None => free_id(session)?,
    };
    let make = || make_pair(session, algorithm, &id);
    match authority {
        Some(authority) => visit.as_officer(authority, make),
        None => visit.as_owner(pin, false, make),
    }
}

fn make_pair(session: &Session, algorithm: Algorithm, id: &[u8]) -> Result<FoundKey, CardError> {
    let (mechanism, kind) = kind(algorithm)?;
    let usage = algorithm.usage();
    let public = [
        Attribute::Token(true),
        Attribute::Id(id.to_vec()),
        Attribute::Verify(usage.sign),
        Attribute::Encrypt(usage.decrypt),
        Attribute::Derive(usage.derive),
        kind,
    ];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Id(id.to_vec()),
        Attribute::Sign(usage.sign),
        Attribute::Decrypt(usage.decrypt),
        Attribute::Derive(usage.derive),
    ];
    session.generate_key_pair(&mechanism, &public, &private).map_err(|error| {
        if is_unsupported(&error) { CardError::NotSupported(phrase::GENERATE) } else { refusal(error) }
    })?;
    key(session, id)?.ok_or(CardError::Malformed("the new key is not there".into()))
}

/// Returns the mechanism that makes such keys, and the attribute that says which.
fn kind(algorithm: Algorithm) -> Result<(Mechanism<'static>, Attribute), CardError> {
    let curve = |oid: &[u8]| Ok((Mechanism::EccKeyPairGen, Attribute::EcParams(oid.to_vec())));
    match algorithm {
        Algorithm::P256 => curve(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
        Algorithm::P384 => curve(b"\x06\x05\x2b\x81\x04\x00\x22"),
        Algorithm::P521 => curve(b"\x06\x05\x2b\x81\x04\x00\x23"),
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            let bits = 8 * algorithm.modulus_size().unwrap_or_default() as u64;
            Ok((Mechanism::RsaPkcsKeyPairGen, Attribute::ModulusBits(bits.into())))
        }
        Algorithm::Ed25519
        | Algorithm::X25519
        | Algorithm::MlDsa44
        | Algorithm::MlDsa65
        | Algorithm::MlDsa87
        | Algorithm::MlKem512
        | Algorithm::MlKem768
        | Algorithm::MlKem1024 => Err(CardError::AlgorithmNotSupported(algorithm)),
    }
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
