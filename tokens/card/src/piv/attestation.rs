//! Yubico's ATTEST: the card signs that a key was made on it.

use super::place::Place;
use super::{certificate, object};
use crate::apdu::Command;
use crate::status::Status;
use crate::{CardError, Exchange, spki};

/// Returns the certificate that the card makes of the key at a place, and the one that this is signed by, DER.
///
/// # Errors
/// [`CardError::NotSupported`] where the card cannot, or the key was not made on it; [`CardError::Wrong`] where the
/// statement is of another key.
pub(crate) fn read(
    card: &mut dyn Exchange,
    place: Place,
    public_key: &[u8],
) -> Result<Vec<Vec<u8>>, CardError> {
    let answer = Command::new(0xF9, place.key(), 0x00).answered().send(card)?;
    match answer.status {
        Status::OK => {}
        word if word.is_unknown_command() || word.is_absent() => return Err(CANNOT),
        // A key that came from outside.
        Status::WRONG_DATA | Status::CONDITIONS | Status::SECURITY | Status::WRONG_PARAMETERS => {
            return Err(CANNOT);
        }
        word => return Err(word.fault("ATTEST")),
    }
    if !matches!(spki::take(0x30, &answer.data), Some((_, []))) {
        return Err(CardError::Malformed("of ATTEST".into()));
    }
    match certificate::public_key(&answer.data) {
        Some((_, key)) if key == public_key => {}
        _ => return Err(CardError::Wrong("the card's statement is of another key".into())),
    }
    let mut chain = vec![answer.data.to_vec()];
    chain.extend(certificate::read_object(card, object::ATTESTATION)?);
    Ok(chain)
}

const CANNOT: CardError = CardError::NotSupported("say how the key was made");
