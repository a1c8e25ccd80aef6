//! The keys of a card, as far as it lets itself be seen: PIV has no list of keys.
//!
//! A YubiKey since 5.3 tells of each ([`metadata`]). Of other cards only those keys are seen that have a certificate
//! beside them; a key without one is there but cannot be found, and is known only to whoever made it.

use claviger_token::TouchPolicy;

use super::metadata::{self, Metadata, Told};
use super::place::Place;
use super::{certificate, object};
use crate::{CardError, CardKey, Exchange};

/// Reads all keys.
///
/// # Errors
/// [`CardError::Malformed`] and [`CardError::Status`] for answers that cannot be, and what the exchange reports.
pub(crate) fn read(card: &mut dyn Exchange, is_told: bool) -> Result<Vec<CardKey>, CardError> {
    let no_retired = !is_told && object::tells_no_retired_certificates(card)?;
    let mut keys = Vec::new();
    for place in Place::all().filter(|place| !(no_retired && place.is_retired())) {
        keys.extend(read_one(card, place, is_told)?);
    }
    Ok(keys)
}

fn read_one(card: &mut dyn Exchange, place: Place, is_told: bool) -> Result<Option<CardKey>, CardError> {
    let told = match is_told.then(|| metadata::of_place(card, place)).transpose()? {
        Some(Metadata::Empty) => return Ok(None),
        Some(Metadata::Told(told)) => told,
        Some(Metadata::Untold) | None => Told::default(),
    };
    let certificate = certificate_of(card, place)?;
    let certified = certificate.as_deref().and_then(certificate::public_key);
    let (algorithm, public_key) = match (told.public_key, &certified, told.number) {
        (Some(key), ..) => key,
        (None, Some(key), None) => key.clone(),
        (None, Some(key), Some(number)) if super::number::of(key.0) == Some(number) => key.clone(),
        _ => return Ok(None),
    };
    // A certificate of another key than the one that is there speaks of a key that was there before.
    let is_its_own = certified.is_some_and(|(_, key)| key == public_key);
    Ok(Some(CardKey {
        reference: place.reference(),
        algorithm,
        public_key: public_key.into(),
        usage: place.usage(algorithm),
        pin_policy: told.pin_policy.unwrap_or(place.pin_policy()),
        touch_policy: told.touch_policy.unwrap_or(TouchPolicy::Never),
        certificates: certificate.into_iter().filter(|_| is_its_own).collect(),
    }))
}

/// What somebody wrote where a certificate should be must not hide the rest of the card.
fn certificate_of(card: &mut dyn Exchange, place: Place) -> Result<Option<Vec<u8>>, CardError> {
    let Some(content) = object::read(card, place.certificate())? else { return Ok(None) };
    Ok(certificate::unwrap(&content).unwrap_or_else(|error| {
        tracing::debug!(place = place.reference(), %error, "what is there is not a certificate");
        None
    }))
}
