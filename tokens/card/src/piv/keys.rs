//! The keys of a card, as far as it lets itself be seen: PIV has no list of keys.
//!
//! A YubiKey since 5.3 tells of each ([`metadata`]). Of other cards only those keys are seen that have a certificate
//! beside them; a key without one is there but cannot be found, and is known only to whoever made it.

use claviger_token::TouchPolicy;

use super::metadata::{self, Metadata, Told};
use super::place::Place;
use super::{certificate, object};
use crate::chain::{Fields, chain};
use crate::{CardError, CardKey, Exchange};

/// Reads all keys.
///
/// # Errors
/// [`CardError::Malformed`] and [`CardError::Status`] for answers that cannot be, and what the exchange reports.
pub(crate) fn read(card: &mut dyn Exchange, is_told: bool) -> Result<Vec<CardKey>, CardError> {
    let no_retired = !is_told && object::tells_no_retired_certificates(card)?;
    let mut seen = Vec::new();
    for place in Place::all().filter(|place| !(no_retired && place.is_retired())) {
        seen.extend(read_one(card, place, is_told)?);
    }
    Ok(with_chains(seen))
}

/// A key that was seen, and whether the card itself told of it.
struct Seen {
    key: CardKey,
    told: bool,
}

/// Gives each certificate those of its issuers that stand on the card too. Somebody may have put an authority's where a
/// key's should be: that is no key, unless the card tells of one there.
fn with_chains(seen: Vec<Seen>) -> Vec<CardKey> {
    let certificates: Vec<Vec<u8>> =
        seen.iter().filter_map(|seen| seen.key.certificates.first().cloned()).collect();
    let issuers: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    let signed_another = |own: &CardKey| {
        let own = own.certificates.first().and_then(|own| Fields::of(own));
        own.is_some_and(|own| {
            let signed =
                |other: &Fields<'_>| other.issuer == own.subject && other.public_key != own.public_key;
            own.is_authority()
                && issuers.iter().filter_map(|other| Fields::of(other)).any(|other| signed(&other))
        })
    };
    let keys = seen.into_iter().filter(|seen| seen.told || !signed_another(&seen.key)).map(|seen| seen.key);
    let chained = |key: CardKey| {
        let chain = chain(key.certificates.first().map(Vec::as_slice), &key.public_key, &issuers);
        if chain.is_empty() { key } else { CardKey { certificates: chain, ..key } }
    };
    keys.map(chained).collect()
}

fn read_one(card: &mut dyn Exchange, place: Place, is_told: bool) -> Result<Option<Seen>, CardError> {
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
    let key = CardKey {
        reference: place.reference(),
        algorithm,
        public_key: public_key.into(),
        usage: place.usage(algorithm),
        pin_policy: told.pin_policy.unwrap_or(place.pin_policy()),
        touch_policy: told.touch_policy.unwrap_or(TouchPolicy::Never),
        certificates: certificate.into_iter().filter(|_| is_its_own).collect(),
    };
    Ok(Some(Seen { key, told: told.number.is_some() }))
}

/// What somebody wrote where a certificate should be must not hide the rest of the card.
fn certificate_of(card: &mut dyn Exchange, place: Place) -> Result<Option<Vec<u8>>, CardError> {
    let Some(content) = object::read(card, place.certificate())? else { return Ok(None) };
    Ok(certificate::unwrap(&content).unwrap_or_else(|error| {
        tracing::debug!(place = place.reference(), %error, "what is there is not a certificate");
        None
    }))
}
