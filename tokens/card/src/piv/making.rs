//! How a key comes to stand on a card: GENERATE ASYMMETRIC KEY PAIR (SP 800-73-4 part 2, 3.3.1) and Yubico's import.

use claviger_token::{Algorithm, Generated, Secret, Site, TouchPolicy};
use zeroize::Zeroizing;

use super::application::{Application, Maker};
use super::management::{self, ManagementKey};
use super::metadata::{self, Metadata};
use super::place::Place;
use super::{attestation, certificate, made, number, object};
use crate::apdu::Command;
use crate::private_key::{Parts, PrivateKey, RsaParts};
use crate::status::Status;
use crate::{CardError, Contents, Exchange, tlv};

/// Makes a key. Whatever key was at a place that the site names is gone then.
///
/// # Errors
/// Among others [`CardError::AuthorityNeeded`] and [`CardError::WrongAuthority`] for the management key, and
/// [`CardError::DataInvalid`] where no place is named and the card does not tell which are free.
pub(crate) fn generate(
    card: &mut dyn Exchange,
    contents: &Contents,
    algorithm: Algorithm,
    site: &Site,
) -> Result<Generated, CardError> {
    let not_supported = CardError::AlgorithmNotSupported(algorithm);
    let number = number::of(algorithm).ok_or_else(|| not_supported.clone())?;
    if !contents.capabilities.generates.contains(&algorithm) {
        return Err(not_supported);
    }
    let named = named_place(site)?;
    let management = ManagementKey::new(site.authority.as_ref())?;

    let application = Application::select_again(card)?;
    let place = named.map_or_else(|| free_place(card, contents, algorithm), Ok)?;
    let policies = policies(card, &application, place, site)?;
    management.show(card)?;

    let template = tlv::element(0xAC, &[&[0x80, 1, number], &policies]);
    let answer = Command::new(0x47, 0x00, place.key()).with(template).answered().send(card)?;
    match answer.status {
        Status::OK => {}
        Status::WRONG_DATA | Status::WRONG_PARAMETERS | Status::NO_FUNCTION => return Err(not_supported),
        Status::SECURITY => return Err(CardError::AuthorityNeeded(management::NAME)),
        word => return Err(word.fault("GENERATE ASYMMETRIC KEY PAIR")),
    }
    let made = tlv::only(&answer.data, 0x7F49).and_then(|value| made::public_key(number, value));
    let (algorithm, public_key) =
        made.ok_or_else(|| CardError::Malformed("of GENERATE ASYMMETRIC KEY PAIR".into()))?;
    erase_stale_certificate(card, place, &public_key)?;
    // A card that cannot say how a key was made has made it all the same.
    let attestation = attestation::read(card, place, &public_key).unwrap_or_default();
    let usage = place.usage(algorithm);
    Ok(Generated { algorithm, usage, public_key, reference: place.reference(), record: None, attestation })
}

/// Takes a key that was made elsewhere. Whatever key was at a place that the site names is gone then.
///
/// # Errors
/// As [`generate`], [`CardError::DataInvalid`] for a key that is none, and [`CardError::NotSupported`] where the card
/// takes none from outside, as PIV itself does not provide for it.
pub(crate) fn import(
    card: &mut dyn Exchange,
    contents: &Contents,
    document: &Secret,
    site: &Site,
) -> Result<Generated, CardError> {
    const TAKES_NONE: CardError = CardError::NotSupported("take a key that was made elsewhere");
    let key = PrivateKey::from_pkcs8(document)?;
    let imports = &contents.capabilities.imports;
    let number = number::of(key.algorithm).filter(|_| imports.contains(&key.algorithm));
    let Some(number) = number else {
        let takes_others = !imports.is_empty();
        return Err(if takes_others { CardError::AlgorithmNotSupported(key.algorithm) } else { TAKES_NONE });
    };
    let named = named_place(site)?;
    let management = ManagementKey::new(site.authority.as_ref())?;

    let application = Application::select_again(card)?;
    let place = named.map_or_else(|| free_place(card, contents, key.algorithm), Ok)?;
    let policies = policies(card, &application, place, site)?;
    let data = match application.maker(card)? {
        Maker::Nitrokey if place != Place::AUTHENTICATION => {
            return Err(CardError::NotSupported(
                "take a key that was made elsewhere at another place than 9a",
            ));
        }
        Maker::Nitrokey => for_nitrokey(&key)?,
        Maker::Yubico(_) | Maker::Other => for_yubikey(&key, &policies)?,
    };
    management.show(card)?;

    let answer = Command::new(0xFE, number, place.key()).with(data).send(card)?;
    match answer.status {
        Status::OK => {}
        word if word.is_unknown_command() => return Err(TAKES_NONE),
        Status::WRONG_DATA | Status::WRONG_LENGTH => {
            return Err(CardError::DataInvalid("the card does not take this key".into()));
        }
        Status::WRONG_PARAMETERS => return Err(CardError::AlgorithmNotSupported(key.algorithm)),
        Status::SECURITY => return Err(CardError::AuthorityNeeded(management::NAME)),
        word => return Err(word.fault("IMPORT ASYMMETRIC KEY")),
    }
    erase_stale_certificate(card, place, &key.public_key)?;
    let PrivateKey { algorithm, public_key, .. } = key;
    Ok(Generated {
        algorithm,
        usage: place.usage(algorithm),
        public_key,
        reference: place.reference(),
        record: None,
        attestation: Vec::new(),
    })
}

fn named_place(site: &Site) -> Result<Option<Place>, CardError> {
    let Some(name) = &site.slot else { return Ok(None) };
    let place = Place::from_reference(name)
        .ok_or(CardError::DataInvalid("the places of a PIV card are 9a, 9c, 9d, 9e, and 82 to 95".into()))?;
    Ok(Some(place))
}

/// Returns a place with neither key nor certificate. A card that does not tell of keys may have one anywhere that
/// nobody can see, so there nothing is free but what its owner says is.
fn free_place(
    card: &mut dyn Exchange,
    contents: &Contents,
    algorithm: Algorithm,
) -> Result<Place, CardError> {
    if !metadata::is_told(card)? {
        return Err(CardError::DataInvalid(
            "this card does not tell which places are free: name one, such as 9a, 9d or 82".into(),
        ));
    }
    for place in Place::candidates(algorithm) {
        if contents.key(&place.reference()).is_none()
            && matches!(metadata::of_place(card, place)?, Metadata::Empty)
            && object::read(card, place.certificate())?.is_none()
        {
            return Ok(place);
        }
    }
    Err(CardError::DataInvalid("no place on the card is free".into()))
}

/// Returns Yubico's tags for when the key shall want the PIN and a touch. Other cards do not know them, and some of
/// those do not say so: there a wish is granted only where it is the habit of the place anyway.
fn policies(
    card: &mut dyn Exchange,
    application: &Application,
    place: Place,
    site: &Site,
) -> Result<Vec<u8>, CardError> {
    let pin = site.pin_policy.filter(|policy| *policy != place.pin_policy());
    let touch = site.touch_policy.filter(|policy| *policy != TouchPolicy::Never);
    if pin.is_none() && touch.is_none() {
        return Ok(Vec::new());
    }
    match application.maker(card)? {
        Maker::Yubico(version) if version >= [4, 0, 0] => {}
        _ => return Err(CardError::NotSupported("be told when a key wants the PIN or a touch")),
    }
    let pin = pin.map(|policy| [0xAA, 1, metadata::pin_number(policy)]);
    let touch = touch.map(|policy| [0xAB, 1, metadata::touch_number(policy)]);
    Ok(pin.into_iter().chain(touch).flatten().collect())
}

/// A certificate of the key that was there before would make the card lie about the new one.
fn erase_stale_certificate(
    card: &mut dyn Exchange,
    place: Place,
    public_key: &[u8],
) -> Result<(), CardError> {
    match certificate::read(card, place) {
        Ok(None) => Ok(()),
        Ok(Some(found)) if certificate::public_key(&found).is_some_and(|(_, key)| key == public_key) => {
            Ok(())
        }
        Ok(Some(_)) | Err(CardError::Malformed(_)) => object::write(card, place.certificate(), &[]),
        Err(error) => Err(error),
    }
}

/// Yubico's IMPORT ASYMMETRIC KEY: 01 to 05 the numbers of RSA, 06 a curve's, 07 Ed25519's, 08 X25519's.
fn for_yubikey(key: &PrivateKey, policies: &[u8]) -> Result<Zeroizing<Vec<u8>>, CardError> {
    let numbers = match &key.parts {
        Parts::Rsa(parts) => {
            let RsaParts { exponent, prime1, prime2, exponent1, exponent2, coefficient, .. } = &**parts;
            // The card is not told it.
            if exponent.as_slice() != [1, 0, 1] {
                return Err(CardError::DataInvalid(
                    "this card takes RSA keys with the exponent 65537 only".into(),
                ));
            }
            numbered(&[prime1, prime2, exponent1, exponent2, coefficient])
        }
        Parts::Curve(number) => {
            let tag = match key.algorithm {
                Algorithm::Ed25519 => 0x07,
                Algorithm::X25519 => 0x08,
                _ => 0x06,
            };
            tlv::element(tag, &[number.expose()])
        }
    };
    Ok(Zeroizing::new([&numbers[..], policies].concat()))
}

/// Nitrokey's own form of it: 01 and 02 the primes, 03 the public exponent.
fn for_nitrokey(key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>, CardError> {
    match &key.parts {
        Parts::Rsa(parts) => {
            let exponent = Secret::new(parts.exponent.clone());
            Ok(numbered(&[&parts.prime1, &parts.prime2, &exponent]))
        }
        Parts::Curve(_) => Err(CardError::AlgorithmNotSupported(key.algorithm)),
    }
}

/// Returns the numbers under the tags 01, 02 and so on.
fn numbered(numbers: &[&Secret]) -> Zeroizing<Vec<u8>> {
    let elements: Vec<_> =
        (1..).zip(numbers).map(|(tag, number)| tlv::element(tag, &[number.expose()])).collect();
    let elements: Vec<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
    Zeroizing::new(elements.concat())
}
