//! PIV (NIST SP 800-73-4 and 800-78-4), with Yubico's extensions where a card has them.
//!
//! | file | noun |
//! | --- | --- |
//! | `application` | SELECT, and whose extensions there are |
//! | `keys` | the keys that a card lets see |
//! | `place`, `number` | key references and algorithm numbers |
//! | `object`, `certificate` | GET DATA, PUT DATA and what the objects hold |
//! | `metadata`, `attestation` | what a YubiKey tells of a key, and what it signs of it |
//! | `pin` | VERIFY and its kin |
//! | `management` | the management key |
//! | `usage`, `ecdsa` | GENERAL AUTHENTICATE: signatures, decryptions, agreements |
//! | `making`, `made` | GENERATE and import, and the public key that comes of it |
//!
//! Every operation begins with SELECT and leaves nothing behind: a PIN that was shown is taken back before the transaction
//! ends, and after the management key was shown the card is reset. A signature is four commands: SELECT, VERIFY,
//! GENERAL AUTHENTICATE, and the VERIFY that logs out.
//!
//! What a key says of itself by Yubico's metadata, and the certificates, are believed; whether the card has the private key is
//! proved by a challenge at enrolment, not here.

mod application;
mod attestation;
mod certificate;
mod ecdsa;
mod keys;
mod made;
mod making;
mod management;
mod metadata;
mod number;
mod object;
mod pin;
mod place;
#[cfg(test)]
mod tests;
mod usage;

use std::sync::Arc;

use claviger_token::{Algorithm, Capabilities, Mechanism, PinPolicy, Secret, Spare};
use zeroize::Zeroizing;

use self::application::{Application, Maker};
use self::management::ManagementKey;
use self::metadata::Metadata;
use self::place::Place;
use self::usage::Use;
use crate::{CardError, CardKey, CardOp, CardOutput, Contents, Exchange, Kind, Pin, PinRules};

/// Reads what stands in the PIV application; `None` where the card has none.
///
/// # Errors
/// [`CardError::NotSupported`] for a card without identity: neither a CHUID with a GUID nor a number of its maker's.
/// Else [`CardError::Malformed`], [`CardError::Status`] and what the exchange reports.
pub(crate) fn read(card: &mut dyn Exchange) -> Result<Option<Contents>, CardError> {
    let Some(application) = Application::select(card)? else { return Ok(None) };
    let maker = application.maker(card)?;
    let number = maker.number(card)?;
    let guid = object::guid(card)?;
    let serial = serial(guid, number)
        .ok_or(CardError::NotSupported("be told from other cards: it has neither a CHUID nor a number"))?;
    if object::prefers_global_pin(card)? {
        tracing::debug!(serial, "the card has a PIN for all its applications; PIV's own is used here");
    }
    let is_told = metadata::is_told(card)?;
    Ok(Some(Contents {
        kind: Kind::Piv,
        name: name(&application, maker, number, guid.is_some()),
        keys: keys::read(card, is_told)?,
        capabilities: Arc::new(capabilities(&application, maker)),
        // SP 800-73-4 part 2, 2.4.3: six to eight digits. A YubiKey takes any characters.
        pin: PinRules { shortest: 6, longest: pin::LENGTH, digits_only: !matches!(maker, Maker::Yubico(_)) },
        tries_left: tries(card, is_told, pin::PIN)?,
        puk_tries_left: tries(card, is_told, pin::PUK)?,
        serial,
    }))
}

/// Selects PIV and holds that the card is the one of that serial.
///
/// # Errors
/// [`CardError::Wrong`] where it is another, or has no PIV; what the exchange reports.
pub(crate) fn recognize(card: &mut dyn Exchange, expected: &str) -> Result<(), CardError> {
    let application = Application::select_again(card)?;
    let found = if expected.starts_with(NUMBERED) {
        let maker = application.maker(card)?;
        serial(None, maker.number(card)?)
    } else {
        serial(object::guid(card)?, None)
    };
    if found.as_deref() == Some(expected) {
        Ok(())
    } else {
        Err(CardError::Wrong("another card is in the reader".into()))
    }
}

/// Returns true where the card tells how many tries its PIN has left.
///
/// # Errors
/// What the exchange reports.
pub(crate) fn tells_tries(card: &mut dyn Exchange) -> Result<bool, CardError> {
    Application::select_again(card)?;
    Ok(pin::count(card)?.is_some())
}

/// Does what is asked for.
///
/// # Errors
/// Whatever kept the card from it; see [`CardError`].
pub(crate) fn perform(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    op: CardOp,
) -> Result<CardOutput, CardError> {
    match op {
        CardOp::Verify { spare } => {
            as_owner(card, contents, pin, spare, |_| Ok(())).map(|()| CardOutput::Done)
        }
        CardOp::Sign { reference, algorithm, mechanism, parameters: _, data } => {
            let key = key(contents, &reference, algorithm)?;
            let signature = run(card, contents, pin, key, &Use::sign(key, mechanism, &data)?)?;
            Ok(CardOutput::Signature(signature.expose().to_vec()))
        }
        CardOp::Authenticate { reference, algorithm, mechanism, parameters: _, data, spare } => {
            let key = key(contents, &reference, algorithm)?;
            let wanted = Use::sign(key, mechanism, &data)?;
            let signature = as_owner(card, contents, pin, spare, |card| wanted.perform(card, true))?;
            Ok(CardOutput::Signature(signature.expose().to_vec()))
        }
        CardOp::Decrypt { reference, algorithm, mechanism, parameters: _, ciphertext } => {
            let key = key(contents, &reference, algorithm)?;
            let decryption = Use::decrypt(key, mechanism, &ciphertext)?;
            run(card, contents, pin, key, &decryption).map(CardOutput::Plaintext)
        }
        CardOp::Derive { reference, algorithm, peer } => {
            let key = key(contents, &reference, algorithm)?;
            let secret = run(card, contents, pin, key, &Use::derive(key, &peer)?)?;
            agreed(secret).map(CardOutput::SharedSecret)
        }
        CardOp::Generate { algorithm, site } => {
            making::generate(card, contents, algorithm, &site).map(CardOutput::Generated)
        }
        CardOp::Import { private_key, site } => {
            making::import(card, contents, &private_key, &site).map(CardOutput::Generated)
        }
        CardOp::WriteCertificate { reference, certificate, authority } => {
            write_certificate(card, contents, &reference, &certificate, authority.as_ref())
        }
        CardOp::ChangePin { old, new, spare } => {
            pin::check(contents.pin, &old)?;
            pin::check(contents.pin, &new)?;
            Application::select_again(card)?;
            pin::check_tries(card, spare)?;
            pin::change(card, &old, &new).map(|()| CardOutput::Done)
        }
        CardOp::UnblockPin { puk, new } => {
            pin::check_puk(&puk)?;
            pin::check(contents.pin, &new)?;
            Application::select_again(card)?;
            pin::unblock(card, &puk, &new).map(|()| CardOutput::Done)
        }
        CardOp::Initialize { authority } => initialize(card, authority.as_ref()),
        CardOp::Attest { reference } => {
            let key = contents.key(&reference).ok_or(CardError::NoSuchKey)?;
            let place = Place::from_reference(&reference).ok_or(CardError::NoSuchKey)?;
            Application::select_again(card)?;
            attestation::read(card, place, &key.public_key).map(CardOutput::Attestation)
        }
    }
}

/// Runs something with a PIN that was not tried before, and so only where it may be.
fn as_owner<T>(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    spare: Spare,
    run: impl FnOnce(&mut dyn Exchange) -> Result<T, CardError>,
) -> Result<T, CardError> {
    match pin {
        Pin::None => return Err(CardError::PinNeeded),
        Pin::Given(pin) => pin::check(contents.pin, pin)?,
        Pin::Pad => {}
    }
    Application::select_again(card)?;
    pin::check_tries(card, spare)?;
    pin::during(card, contents.pin, pin, run)
}

/// Reads bytes as everything that a card may send, for the fuzz targets; true where they are one of those.
///
/// # Panics
/// Where two readings contradict each other.
pub(crate) fn parse_anything(bytes: &[u8]) -> bool {
    let certificate = certificate::unwrap(bytes).ok().flatten();
    if let Some(certificate) = &certificate {
        let again = certificate::unwrap(&certificate::wrap(certificate));
        assert_eq!(again.ok().flatten().as_ref(), Some(certificate), "it is read differently");
    }
    let certified = certificate::public_key(certificate.as_deref().unwrap_or(bytes));
    let made = [0x05, 0x07, 0x11, 0x14, 0x16, 0xE0, 0xE1].map(|number| made::public_key(number, bytes));
    for (algorithm, public_key) in certified.iter().chain(made.iter().flatten()) {
        let found = crate::spki::parse(public_key).map(|(algorithm, _)| algorithm);
        assert_eq!(found, Some(*algorithm), "it is another key");
    }
    let signature = [32, 48].map(|size| ecdsa::raw(bytes, size));
    certificate.is_some()
        || certified.is_some()
        || made.iter().any(Option::is_some)
        || signature.iter().any(Option::is_some)
        || metadata::read(bytes).is_some()
        || Application::read(bytes).is_some()
}

/// Runs one use of a key: the PIN is shown only where the key wants it.
fn run(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    key: &CardKey,
    wanted: &Use<'_>,
) -> Result<Secret, CardError> {
    let pin = if key.pin_policy == PinPolicy::Never { Pin::None } else { pin };
    if let Pin::Given(pin) = pin {
        pin::check(contents.pin, pin)?;
    }
    Application::select_again(card)?;
    if matches!(pin, Pin::Pad) {
        // Whoever is asked at the reader does not see how many tries are left.
        pin::check_tries(card, Spare::Last)?;
    }
    let with_pin = !matches!(pin, Pin::None);
    pin::during(card, contents.pin, pin, |card| wanted.perform(card, with_pin))
}

fn write_certificate(
    card: &mut dyn Exchange,
    contents: &Contents,
    reference: &str,
    certificate: &[u8],
    authority: Option<&Secret>,
) -> Result<CardOutput, CardError> {
    let place = Place::from_reference(reference).ok_or(CardError::NoSuchKey)?;
    let content = if certificate.is_empty() {
        Zeroizing::default()
    } else {
        let (_, certified) = certificate::public_key(certificate).ok_or_else(|| {
            CardError::DataInvalid("that is not a certificate, in DER, of a key that such cards have".into())
        })?;
        if contents.key(reference).is_some_and(|key| *key.public_key != *certified) {
            return Err(CardError::DataInvalid("the certificate is of another key".into()));
        }
        certificate::wrap(certificate)
    };
    let management = ManagementKey::new(authority)?;
    Application::select_again(card)?;
    management.show(card)?;
    object::write(card, place.certificate(), &content)?;
    Ok(CardOutput::Done)
}

fn initialize(card: &mut dyn Exchange, authority: Option<&Secret>) -> Result<CardOutput, CardError> {
    let management = ManagementKey::new(authority)?;
    let mut guid = [0; 16];
    guid.copy_from_slice(&random(16)?);
    // RFC 9562, 5.4: a UUID of version 4.
    guid[6] = guid[6] & 0x0f | 0x40;
    guid[8] = guid[8] & 0x3f | 0x80;
    let mut number = [0; 14];
    number.copy_from_slice(&random(14)?);
    Application::select_again(card)?;
    management.show(card)?;
    object::write(card, object::CAPABILITIES, &object::new_capabilities(&number))?;
    // Last: a card that is called initialised is so altogether.
    object::write(card, object::CHUID, &object::new_chuid(&guid))?;
    Ok(CardOutput::Done)
}

fn key<'a>(contents: &'a Contents, reference: &str, algorithm: Algorithm) -> Result<&'a CardKey, CardError> {
    let key = contents.key(reference).ok_or(CardError::NoSuchKey)?;
    if key.algorithm == algorithm {
        Ok(key)
    } else {
        Err(CardError::Wrong(format!("the key at {reference} is {}, not {algorithm}", key.algorithm).into()))
    }
}

/// RFC 7748, 6.1: a secret of zeros is none; a card that does not look gives it for a point of low order.
fn agreed(secret: Secret) -> Result<Secret, CardError> {
    if secret.expose().iter().all(|byte| *byte == 0) {
        return Err(CardError::DataInvalid("the peer's key agrees on nothing secret".into()));
    }
    Ok(secret)
}

fn capabilities(application: &Application, maker: Maker) -> Capabilities {
    let algorithms = match &application.algorithms[..] {
        [] => maker.algorithms(),
        told => told.to_vec(),
    };
    let mut mechanisms = vec![Mechanism::Ecdsa, Mechanism::RsaX509, Mechanism::Ecdh1Derive];
    let has_edwards = algorithms.contains(&Algorithm::Ed25519);
    mechanisms.extend(has_edwards.then_some(Mechanism::Eddsa));
    let imports = algorithms.iter().copied().filter(|algorithm| match maker {
        Maker::Yubico(_) => true,
        Maker::Nitrokey => algorithm.modulus_size().is_some(),
        Maker::Other => false,
    });
    Capabilities {
        mechanisms: mechanisms.into_iter().collect(),
        imports: imports.collect(),
        generates: algorithms.iter().copied().collect(),
        erases: false,
        // One block of RSA-4096; a message for Ed25519, which the card hashes itself, as long as a YubiKey's buffer.
        data_limit: if has_edwards { 2048 } else { 512 },
    }
}

/// Returns how many tries are left; of the PUK only a card with metadata tells.
fn tries(card: &mut dyn Exchange, is_told: bool, reference: u8) -> Result<Option<u32>, CardError> {
    if is_told {
        let told = metadata::of(card, reference)?;
        return Ok(if let Metadata::Told(told) = told { told.tries_left } else { None });
    }
    if reference == pin::PIN { pin::tries_left(card) } else { Ok(None) }
}

/// Returns what tells the card from all others: the GUID of its CHUID, or else its maker's number.
fn serial(guid: Option<[u8; 16]>, number: Option<u32>) -> Option<String> {
    match (guid, number) {
        (Some(guid), _) => Some(guid.iter().map(|byte| format!("{byte:02x}")).collect()),
        (None, Some(number)) => Some(format!("{NUMBERED}{number}")),
        (None, None) => None,
    }
}

fn name(application: &Application, maker: Maker, number: Option<u32>, has_chuid: bool) -> String {
    let name = match (maker, number, &application.label) {
        (Maker::Yubico(_), Some(number), _) => format!("YubiKey {number}"),
        (Maker::Yubico(_), None, _) => "YubiKey".to_owned(),
        (_, _, Some(label)) => label.clone(),
        _ => "PIV card".to_owned(),
    };
    if has_chuid { name } else { format!("{name} (without CHUID)") }
}

fn random(count: usize) -> Result<Zeroizing<Vec<u8>>, CardError> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| CardError::Reader("the operating system gives no random bytes".into()))?;
    Ok(bytes)
}

/// Begins the serial of a YubiKey without CHUID; no GUID begins so.
const NUMBERED: &str = "yubikey-";
