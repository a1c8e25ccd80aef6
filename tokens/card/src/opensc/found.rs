//! What a helper says of a card, checked and made [`Contents`]: the helper talks to whatever card is in the reader,
//! through code that nobody has read, so its word is outside bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_token::{Algorithm, Capabilities, Mechanism, PinPolicy, Purpose, TouchPolicy, Usage};

use super::protocol::{Found, FoundKey, FoundPublic, LONGEST_ID, hexadecimal};
use crate::chain::{Fields, chain};
use crate::{CardError, CardKey, Contents, Kind, PinRules, peer, spki};

/// Makes the contents of a card of what was found.
///
/// # Errors
/// [`CardError::Malformed`] where nothing tells this card from another.
pub(super) fn contents(found: Found) -> Result<Contents, CardError> {
    let mechanisms = mechanisms(&found.mechanisms);
    let (issuers, own) = found.keys.iter().partition::<Vec<&FoundKey>, _>(|key| is_issuer(key, &found.keys));
    let issuers: Vec<&[u8]> = issuers.iter().filter_map(|key| key.certificate.as_deref()).collect();
    let keys: Vec<CardKey> = own.into_iter().filter_map(|key| card_key(key, &issuers, &mechanisms)).collect();
    let serial = serial(&found, &keys)?;
    let capabilities = Capabilities {
        // OpenSC may fail and leave a key behind all the same.
        generates: BTreeSet::new(),
        imports: BTreeSet::new(),
        erases: false,
        data_limit: DATA_LIMIT,
        mechanisms,
    };
    let (shortest, longest) = (found.shortest_pin as usize, found.longest_pin as usize);
    Ok(Contents {
        kind: Kind::OpenSc,
        serial,
        name: name(&found),
        keys,
        capabilities: Arc::new(capabilities),
        // A card that gives no bounds has none here.
        pin: if longest == 0 || longest < shortest {
            PinRules { shortest: 1, longest: 255, digits_only: false }
        } else {
            PinRules { shortest, longest, digits_only: false }
        },
        tries_left: found.tries_left,
        puk_tries_left: None,
    })
}

/// Makes a key of what was found; `None` for one that cannot be named, read or used.
fn card_key(key: &FoundKey, issuers: &[&[u8]], mechanisms: &BTreeSet<Mechanism>) -> Option<CardKey> {
    if key.id.is_empty() || key.id.len() > LONGEST_ID {
        return None;
    }
    let (algorithm, public_key) = public_key(key)?;
    let can = |purpose| mechanisms.iter().any(|it| it.fits(algorithm) && it.serves(purpose));
    let all = algorithm.usage();
    let usage = Usage {
        sign: key.sign && all.sign && can(Purpose::Sign),
        decrypt: key.decrypt && all.decrypt && can(Purpose::Decrypt),
        derive: key.derive && all.derive && can(Purpose::Derive),
    };
    if usage.is_empty() {
        return None;
    }
    Some(CardKey {
        reference: hexadecimal(&key.id),
        algorithm,
        usage,
        pin_policy: match (key.open, key.always) {
            (_, true) => PinPolicy::Always,
            (true, false) => PinPolicy::Never,
            (false, false) => PinPolicy::Once,
        },
        // PKCS#11 knows no touch.
        touch_policy: TouchPolicy::Never,
        certificates: chain(key.certificate.as_deref(), &public_key, issuers),
        public_key: public_key.into(),
    })
}

/// Returns the public key: the object's, else the certificate's.
pub(super) fn public_key(key: &FoundKey) -> Option<(Algorithm, Vec<u8>)> {
    let (algorithm, document) = match &key.public {
        FoundPublic::Rsa { modulus, exponent } => spki::of_rsa(modulus, exponent)?,
        FoundPublic::Curve { parameters, point } => {
            let algorithm = curve(parameters)?;
            (algorithm, of_point(algorithm, point)?)
        }
        FoundPublic::None => {
            let document = Fields::of(key.certificate.as_deref()?)?.public_key;
            (spki::parse(document)?.0, document.to_vec())
        }
    };
    let (_, point) = spki::parse(&document)?;
    let sound = algorithm.modulus_size().is_some() || peer::is_sound(algorithm, point);
    sound.then_some((algorithm, document))
}

/// Takes a point as PKCS#11 has it, inside an OCTET STRING, or as some cards have it, bare or in a BIT STRING.
fn of_point(algorithm: Algorithm, point: &[u8]) -> Option<Vec<u8>> {
    let wrapped = match (spki::take(0x04, point), spki::take(0x03, point)) {
        (Some((inside, [])), _) => spki::of_point(algorithm, inside),
        (_, Some(([0, inside @ ..], []))) => spki::of_point(algorithm, inside),
        _ => None,
    };
    wrapped.or_else(|| spki::of_point(algorithm, point))
}

/// Returns the algorithm of a curve by its CKA_EC_PARAMS: the DER of its object identifier or, for RFC 8032's and
/// 7748's curves, of its name (PKCS#11 3.0, 6.3.5).
fn curve(parameters: &[u8]) -> Option<Algorithm> {
    CURVES.iter().find(|(form, _)| *form == parameters).map(|(_, algorithm)| *algorithm)
}

/// Returns true for what is only somebody's certificate: its private half was not seen, while others' were, or it
/// signed another certificate here, or it may sign others and is not its own.
fn is_issuer(key: &FoundKey, all: &[FoundKey]) -> bool {
    let Some(own) = key.certificate.as_deref().and_then(Fields::of).filter(|_| !key.seen) else {
        return false;
    };
    let signed = |other: &FoundKey| {
        let other = other.certificate.as_deref().and_then(Fields::of);
        other.is_some_and(|other| other.issuer == own.subject && other.public_key != own.public_key)
    };
    let others_are_seen = all.iter().any(|key| key.seen && !key.open);
    others_are_seen || all.iter().any(signed) || (own.is_authority() && own.issuer != own.subject)
}

/// Returns a serial as ids of tokens have it; `None` where a token says nothing.
pub(super) fn plain_serial(said: &str) -> Option<String> {
    let kept = |sign: char| sign.is_ascii_alphanumeric().then(|| sign.to_ascii_lowercase());
    let serial: String = said.chars().filter_map(kept).collect();
    serial.bytes().any(|byte| byte != b'0').then_some(serial)
}

/// Returns what tells this card from all others: the token's serial; where the driver has none, the first key.
fn serial(found: &Found, keys: &[CardKey]) -> Result<String, CardError> {
    if let Some(serial) = plain_serial(&found.serial) {
        return Ok(serial);
    }
    // The last bytes of an RSA document are its exponent, those before them random; so are those of a point.
    let tail = |key: &CardKey| key.public_key.iter().rev().skip(5).take(16).copied().collect::<Vec<u8>>();
    let first = keys.iter().min_by(|one, other| one.reference.cmp(&other.reference));
    let tail =
        first.map(tail).ok_or(CardError::Malformed("it has neither a serial number nor a key".into()))?;
    Ok(format!("key{}", hexadecimal(&tail)))
}

/// Returns what people call the card.
fn name(found: &Found) -> String {
    let clean = |text: &str| text.chars().filter(|sign| !sign.is_control()).take(64).collect::<String>();
    let words = [clean(&found.manufacturer), clean(&found.label), clean(&found.serial)];
    let words: Vec<&str> = words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Returns those mechanisms that the card itself does. Whatever only OpenSC would do, on the host, the daemon does
/// better on the host itself.
fn mechanisms(numbers: &[u64]) -> BTreeSet<Mechanism> {
    let ours = numbers.iter().filter_map(|number| Mechanism::from_number(*number));
    let mut found: BTreeSet<Mechanism> = ours.filter(|mechanism| OWN.contains(mechanism)).collect();
    if found.contains(&Mechanism::RsaX509) {
        found.retain(|mechanism| !matches!(mechanism, Mechanism::RsaPkcsPss | Mechanism::RsaPkcsOaep));
    }
    found
}

/// What cards do themselves. OpenSC offers more, computed on the host.
const OWN: [Mechanism; 7] = [
    Mechanism::RsaPkcs,
    Mechanism::RsaX509,
    Mechanism::RsaPkcsPss,
    Mechanism::RsaPkcsOaep,
    Mechanism::Ecdsa,
    Mechanism::Eddsa,
    Mechanism::Ecdh1Derive,
];

/// A digest, a DigestInfo, a block; for Ed25519 a message that fits into a few commands.
const DATA_LIMIT: usize = 1024;

const CURVES: [(&[u8], Algorithm); 9] = [
    (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", Algorithm::P256),
    (b"\x06\x05\x2b\x81\x04\x00\x22", Algorithm::P384),
    (b"\x06\x05\x2b\x81\x04\x00\x23", Algorithm::P521),
    (b"\x13\x0cedwards25519", Algorithm::Ed25519),
    (b"\x06\x03\x2b\x65\x70", Algorithm::Ed25519),
    (b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", Algorithm::Ed25519),
    (b"\x13\x0acurve25519", Algorithm::X25519),
    (b"\x06\x03\x2b\x65\x6e", Algorithm::X25519),
    (b"\x06\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01", Algorithm::X25519),
];
