//! New keys: made on the card, or brought to it (7.2.14, 4.4.3.12).

use std::time::{SystemTime, UNIX_EPOCH};

use claviger_token::{Algorithm, Generated, PinPolicy, Secret, Site, TouchPolicy};
use zeroize::Zeroizing;

use super::application::{self, Application};
use super::attributes::{self, Offer};
use super::channel::{Expect, Order};
use super::fingerprint::fingerprint;
use super::public_key;
use super::session::Session;
use super::slot::Slot;
use crate::private_key::{Parts, PrivateKey, RsaParts};
use crate::status::Status;
use crate::{CardError, tlv};

/// Makes a key on the card.
pub(super) fn generate(
    session: &mut Session<'_>,
    algorithm: Algorithm,
    site: &Site,
) -> Result<Generated, CardError> {
    let offer = prepare(session, algorithm, site)?;
    let key = public_key::generate(&mut session.channel, offer.slot, &offer.attributes)?;
    finish(session, offer.slot, key.algorithm, key.document)
}

/// Brings a key to the card.
pub(super) fn import(
    session: &mut Session<'_>,
    private_key: &Secret,
    site: &Site,
) -> Result<Generated, CardError> {
    let key = PrivateKey::from_pkcs8(private_key)?;
    let offer = prepare(session, key.algorithm, site)?;
    let order = Order { what: "importing a key", ins: 0xdb, p1: 0x3f, p2: 0xff };
    let answer = session.channel.send(order, &template(&offer, &key)?, Expect::Nothing)?;
    match answer.status {
        Status::NO_FUNCTION => return Err(CardError::AlgorithmNotSupported(key.algorithm)),
        _ => answer.success(order.what)?,
    };
    let made = finish(session, offer.slot, key.algorithm, key.public_key)?;
    let there = public_key::read(&mut session.channel, offer.slot, &offer.attributes)?;
    if there.is_some_and(|there| there.document == made.public_key) {
        Ok(made)
    } else {
        Err(CardError::Malformed("it made another key of the one that was imported".into()))
    }
}

/// Finds the place, and gives it what the new key shall have, by leave of the Admin PIN.
fn prepare(session: &mut Session<'_>, algorithm: Algorithm, site: &Site) -> Result<Offer, CardError> {
    let application = Application::read(&mut session.channel)?;
    let information = application::algorithm_information(&mut session.channel)?;
    let offer =
        choose(&application, attributes::offers(&application, information.as_ref()), algorithm, site)?;
    let touch = touch_flag(&application, offer.slot, site.touch_policy)?;
    let signs_once = signs_once(&application, offer.slot, site.pin_policy)?;
    session.verify_admin(&application, site.authority.as_ref())?;
    let attributes = attributes::value(&offer.attributes);
    if attributes != attributes::value(application.attributes(offer.slot)) {
        set_attributes(session, offer.slot, algorithm, &attributes)?;
    }
    if let Some(flag) = touch {
        session.channel.put("setting when it wants a touch", offer.slot.touch_tag(), &flag)?;
    }
    if let Some(once) = signs_once {
        session.channel.put("setting when it wants the PIN", 0xc4, &[u8::from(!once)])?;
    }
    Ok(offer)
}

/// Takes the place that was named, whatever stands there, or else the first empty one that can have such a key.
fn choose(
    application: &Application,
    offers: Vec<Offer>,
    algorithm: Algorithm,
    site: &Site,
) -> Result<Offer, CardError> {
    let mut fitting = offers.into_iter().filter(|offer| offer.algorithm == algorithm).peekable();
    if fitting.peek().is_none() {
        return Err(CardError::AlgorithmNotSupported(algorithm));
    }
    let Some(name) = &site.slot else {
        let rank = |slot: Slot| match slot {
            Slot::Sign => 0,
            Slot::Authenticate => 1,
            Slot::Decrypt => 2,
        };
        return fitting
            .filter(|offer| application.occupied(offer.slot) == Some(false))
            .min_by_key(|offer| rank(offer.slot))
            .ok_or(CardError::DataInvalid(
                "no place for such a key is known to be empty: name the one whose key may go".into(),
            ));
    };
    let slot = Slot::from_name(name).ok_or(CardError::DataInvalid(
        "the places on an OpenPGP card are sign, decrypt and authenticate".into(),
    ))?;
    fitting.find(|offer| offer.slot == slot).ok_or(CardError::AlgorithmNotSupported(algorithm))
}

/// Returns the user interaction flag to be written, if one is (4.4.3.6): its first byte is the policy, the second
/// says what the card has for it and stays.
fn touch_flag(
    application: &Application,
    slot: Slot,
    policy: Option<TouchPolicy>,
) -> Result<Option<[u8; 2]>, CardError> {
    let Some(policy) = policy.filter(|policy| *policy != application.touch_policy(slot)) else {
        return Ok(None);
    };
    let wanted = match policy {
        TouchPolicy::Never => 0,
        TouchPolicy::Always => 1,
        TouchPolicy::Cached => 3,
    };
    match application.touch(slot) {
        None => Err(CardError::NotSupported("ask for a touch")),
        Some([2 | 4, _]) => Err(CardError::NotSupported("change when it wants a touch at that place")),
        Some([_, features]) => Ok(Some([wanted, features])),
    }
}

/// Returns what is to be written about the PIN's being good for one signature, if anything is.
fn signs_once(
    application: &Application,
    slot: Slot,
    policy: Option<PinPolicy>,
) -> Result<Option<bool>, CardError> {
    let now = application.passwords.pw1_cds_valid_once();
    match (policy, slot) {
        (None, _) | (Some(PinPolicy::Once), Slot::Decrypt | Slot::Authenticate) => Ok(None),
        (Some(PinPolicy::Once), Slot::Sign) => Ok(now.then_some(false)),
        (Some(PinPolicy::Always), Slot::Sign) => Ok((!now).then_some(true)),
        (Some(PinPolicy::Never), _) => Err(CardError::NotSupported("use a key without its PIN")),
        (Some(PinPolicy::Always), _) => {
            Err(CardError::NotSupported("ask for the PIN at each use of a key at that place"))
        }
    }
}

fn set_attributes(
    session: &mut Session<'_>,
    slot: Slot,
    algorithm: Algorithm,
    attributes: &[u8],
) -> Result<(), CardError> {
    let [p1, p2] = slot.attributes_tag().to_be_bytes();
    let order = Order { what: "setting the algorithm of a place", ins: 0xda, p1, p2 };
    let answer = session.channel.send(order, attributes, Expect::Nothing)?;
    match answer.status {
        Status::WRONG_DATA | Status::NO_FUNCTION => Err(CardError::AlgorithmNotSupported(algorithm)),
        _ => answer.success(order.what).map(drop),
    }
}

/// Writes when the key was made, and the fingerprint of that: without them GnuPG does not see it.
fn finish(
    session: &mut Session<'_>,
    slot: Slot,
    algorithm: Algorithm,
    public_key: Vec<u8>,
) -> Result<Generated, CardError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // OpenPGP's clock ends in 2106.
    let time = u32::try_from(now).unwrap_or(u32::MAX);
    let print = fingerprint(slot, &public_key, time).ok_or(CardError::Malformed("a public key".into()))?;
    session.channel.put("writing a fingerprint", slot.fingerprint_tag(), &print)?;
    session.channel.put("writing when the key was made", slot.time_tag(), &time.to_be_bytes())?;
    let reference = slot.name().to_owned();
    let usage = slot.usage(algorithm);
    Ok(Generated { algorithm, usage, public_key, reference, record: None, attestation: Vec::new() })
}

/// Returns the extended header list that brings a private key (4.4.3.12).
fn template(offer: &Offer, key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>, CardError> {
    let unfit = || CardError::AlgorithmNotSupported(key.algorithm);
    match &key.parts {
        Parts::Rsa(parts) => rsa_template(offer, parts).ok_or_else(unfit),
        Parts::Curve(number) => {
            let mut number = Zeroizing::new(number.expose().to_vec());
            if key.algorithm == Algorithm::X25519 {
                // OpenPGP writes the number with its highest byte first, RFC 7748 with its lowest.
                number.reverse();
            }
            let (_, point) = crate::spki::parse(&key.public_key).ok_or_else(unfit)?;
            let native = [&[0x40], point].concat();
            let is_native = matches!(key.algorithm, Algorithm::Ed25519 | Algorithm::X25519);
            let point = if is_native { &native } else { point };
            let public = attributes::wants_public_key(&offer.attributes).then_some((0x99, point));
            Ok(header_list(offer.slot, [(0x92, &number[..])].into_iter().chain(public)))
        }
    }
}

/// The numbers that the import format names: 0 the primes, 1 with the modulus, 2 with what the Chinese remainder
/// theorem needs, 3 with both.
fn rsa_template(offer: &Offer, parts: &RsaParts) -> Option<Zeroizing<Vec<u8>>> {
    use openpgp_card::ocard::algorithm::AlgorithmAttributes;
    let AlgorithmAttributes::Rsa(attributes) = &offer.attributes else { return None };
    let format = attributes.import_format();
    let size = usize::from(attributes.len_e().div_ceil(8));
    let zeros = size.checked_sub(parts.exponent.len())?;
    let exponent = [&vec![0; zeros], &parts.exponent[..]].concat();
    let RsaParts { modulus, prime1, prime2, exponent1, exponent2, coefficient, .. } = parts;
    let primes = [(0x91, &exponent[..]), (0x92, prime1.expose()), (0x93, prime2.expose())];
    let remainder = [(0x94, coefficient.expose()), (0x95, exponent1.expose()), (0x96, exponent2.expose())];
    let mut numbers = primes.to_vec();
    if format & 2 != 0 {
        numbers.extend(remainder);
    }
    if format & 1 != 0 {
        numbers.push((0x97, modulus));
    }
    Some(header_list(offer.slot, numbers.into_iter()))
}

/// `4D { control reference template, 7F48 { tags and lengths }, 5F48 { the numbers one after the other } }`.
fn header_list<'a>(slot: Slot, numbers: impl Iterator<Item = (u32, &'a [u8])>) -> Zeroizing<Vec<u8>> {
    let (mut heads, mut values) = (Vec::new(), Vec::new());
    for (tag, number) in numbers {
        let whole = tlv::element(tag, &[number]);
        heads.extend_from_slice(&whole[..whole.len() - number.len()]);
        values.push(number);
    }
    let heads = tlv::element(0x7f48, &[&heads]);
    let values = tlv::element(0x5f48, &values);
    tlv::element(0x4d, &[&slot.template(), &heads, &values])
}
