//! What a YubiKey since 5.3 tells of a key or PIN without being asked to use it (Yubico's GET METADATA).

use claviger_token::{Algorithm, PinPolicy, TouchPolicy};

use super::made;
use super::place::Place;
use crate::apdu::Command;
use crate::status::Status;
use crate::{CardError, Exchange, tlv};

/// What a card says of one reference.
pub(crate) enum Metadata {
    /// The card does not tell: it knows no such command, or nothing to say here.
    Untold,
    /// There is nothing at that reference.
    Empty,
    /// What it tells.
    Told(Told),
}

/// What was told; each part where the card has it.
#[derive(Default)]
pub(crate) struct Told {
    /// The number of the algorithm.
    pub(crate) number: Option<u8>,
    /// When the key wants the PIN.
    pub(crate) pin_policy: Option<PinPolicy>,
    /// When the key wants a touch.
    pub(crate) touch_policy: Option<TouchPolicy>,
    /// The public key, DER SubjectPublicKeyInfo.
    pub(crate) public_key: Option<(Algorithm, Vec<u8>)>,
    /// How many tries are left.
    pub(crate) tries_left: Option<u32>,
}

/// Returns what the card tells of the key at a place.
///
/// # Errors
/// [`CardError::Malformed`], and what the exchange reports.
pub(crate) fn of_place(card: &mut dyn Exchange, place: Place) -> Result<Metadata, CardError> {
    of(card, place.key())
}

/// Returns what the card tells of a key, PIN or PUK.
///
/// # Errors
/// As [`of_place`].
pub(crate) fn of(card: &mut dyn Exchange, reference: u8) -> Result<Metadata, CardError> {
    let answer = Command::new(0xF7, 0x00, reference).answered().send(card)?;
    match answer.status {
        Status::OK if answer.data.is_empty() => Ok(Metadata::Untold),
        Status::OK => read(&answer.data)
            .map(Metadata::Told)
            .ok_or_else(|| CardError::Malformed("of GET METADATA".into())),
        status if status.is_absent() => Ok(Metadata::Empty),
        _ => Ok(Metadata::Untold),
    }
}

/// Returns true where the card tells of every key that it has: then a place of which it tells nothing is empty.
///
/// The management key is always there, so this asks for that. (A Nitrokey answers for 9E alone, and without a key.)
///
/// # Errors
/// As [`of_place`].
pub(crate) fn is_told(card: &mut dyn Exchange) -> Result<bool, CardError> {
    Ok(matches!(of(card, MANAGEMENT)?, Metadata::Told(Told { number: Some(_), .. })))
}

/// Reads an answer.
pub(crate) fn read(answer: &[u8]) -> Option<Told> {
    let elements = tlv::all(answer)?;
    let mut told = Told::default();
    for element in elements {
        match (element.tag, element.value) {
            (0x01, [number]) => told.number = Some(*number),
            (0x02, [pin, touch]) => {
                told.pin_policy = pin_policy(*pin);
                told.touch_policy = touch_policy(*touch);
            }
            (0x06, [_total, left]) => told.tries_left = Some(u32::from(*left)),
            (0x01 | 0x02 | 0x06, _) => return None,
            // A key of an algorithm that nobody here can use is not an error of the card's.
            (0x04, key) => told.public_key = told.number.and_then(|number| made::public_key(number, key)),
            _ => {}
        }
    }
    Some(told)
}

/// Returns Yubico's number of a policy.
pub(crate) const fn pin_number(policy: PinPolicy) -> u8 {
    match policy {
        PinPolicy::Never => 1,
        PinPolicy::Once => 2,
        PinPolicy::Always => 3,
    }
}

/// Returns Yubico's number of a policy.
pub(crate) const fn touch_number(policy: TouchPolicy) -> u8 {
    match policy {
        TouchPolicy::Never => 1,
        TouchPolicy::Always => 2,
        TouchPolicy::Cached => 3,
    }
}

fn pin_policy(number: u8) -> Option<PinPolicy> {
    PinPolicy::ALL.into_iter().find(|policy| pin_number(*policy) == number)
}

fn touch_policy(number: u8) -> Option<TouchPolicy> {
    TouchPolicy::ALL.into_iter().find(|policy| touch_number(*policy) == number)
}

/// The key reference of the management key.
pub(crate) const MANAGEMENT: u8 = 0x9B;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use claviger_token::{PinPolicy, TouchPolicy};

    use super::{pin_number, pin_policy, read, touch_number, touch_policy};

    #[test]
    fn every_policy_is_read_back_from_its_number() {
        for policy in PinPolicy::ALL {
            assert_eq!(pin_policy(pin_number(policy)), Some(policy));
        }
        for policy in TouchPolicy::ALL {
            assert_eq!(touch_policy(touch_number(policy)), Some(policy));
        }
        assert_eq!(pin_policy(0), None, "the habit of the place");
    }

    #[test]
    fn what_is_told_is_read() {
        let told = read(b"\x01\x01\xff\x05\x01\x01\x06\x02\x03\x02").unwrap();
        assert_eq!((told.number, told.tries_left), (Some(0xff), Some(2)));
        let told = read(b"\x01\x01\x11\x02\x02\x03\x02\x03\x01\x01").unwrap();
        assert_eq!(
            (told.pin_policy, told.touch_policy),
            (Some(PinPolicy::Always), Some(TouchPolicy::Always))
        );
        assert!(told.public_key.is_none());
        for broken in [&b"\x01"[..], b"\x01\x00", b"\x02\x01\x01", b"\x06\x01\x03", b"\x01\x02\x11\x11"] {
            assert!(read(broken).is_none(), "{broken:02x?}");
        }
    }
}
