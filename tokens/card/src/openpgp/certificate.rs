//! Certificates beside the keys: the cardholder certificate, which a card has three times (4.4.1, 7.2.5).

use crate::openpgp::channel::{Channel, Expect, Order};
use crate::openpgp::slot::Slot;
use crate::status::Status;
use crate::{CardError, spki, tlv};

/// Reads the certificates at a place, the one of that public key first. What people keep there that is no
/// certificate of this key is left out: the object is free for anything.
pub(super) fn read(
    channel: &mut Channel<'_>,
    slot: Slot,
    public_key: &[u8],
) -> Result<Vec<Vec<u8>>, CardError> {
    if !select(channel, slot)? {
        return Ok(Vec::new());
    }
    let Some(data) = channel.get("reading a certificate", CERTIFICATE, Expect::Long)? else {
        return Ok(Vec::new());
    };
    let certificates = split(tlv::only(&data, u32::from(CERTIFICATE)).unwrap_or(&data));
    let is_of_key = certificates.first().is_some_and(|certificate| contains(certificate, public_key));
    Ok(if is_of_key { certificates } else { Vec::new() })
}

/// Reads the one certificate at a place, whatever it is.
pub(super) fn read_first(channel: &mut Channel<'_>, slot: Slot) -> Result<Option<Vec<u8>>, CardError> {
    if !select(channel, slot)? {
        return Ok(None);
    }
    let data = channel.get("reading a certificate", CERTIFICATE, Expect::Long)?;
    Ok(data.and_then(|data| split(&data).into_iter().next()))
}

/// Writes the certificate at a place; empty erases it. The Admin PIN was verified before.
pub(super) fn write(channel: &mut Channel<'_>, slot: Slot, certificate: &[u8]) -> Result<(), CardError> {
    if !certificate.is_empty() && split(certificate).len() != 1 {
        return Err(CardError::DataInvalid("the certificate is not DER".into()));
    }
    if !select(channel, slot)? {
        return Err(CardError::NotSupported("keep a certificate at that place"));
    }
    channel.put("writing a certificate", CERTIFICATE, certificate)
}

/// SELECT DATA: says which of the three the next GET DATA or PUT DATA means. False where the card has not this one:
/// before 3.0 there is only the first, for authentication.
fn select(channel: &mut Channel<'_>, slot: Slot) -> Result<bool, CardError> {
    let order = Order { what: "choosing a certificate", ins: 0xa5, p1: slot.certificate(), p2: 0x04 };
    let path = [0x60, 0x04, 0x5c, 0x02, 0x7f, 0x21];
    let answer = channel.send(order, &path, Expect::Nothing)?;
    let answer = match answer.status {
        // YubiKeys up to 5.4.3 want the length once more before it.
        Status::WRONG_DATA => {
            let prefixed = [&[path.len() as u8], &path[..]].concat();
            channel.send(order, &prefixed, Expect::Nothing)?
        }
        _ => answer,
    };
    match answer.status {
        Status::OK => Ok(true),
        status if status.is_unknown_command() || status.is_absent() => Ok(slot.certificate() == 0),
        Status::WRONG_DATA | Status::WRONG_PARAMETERS => Ok(slot.certificate() == 0),
        _ => answer.success(order.what).map(|_| true),
    }
}

/// Returns the DER sequences of which `data` consist; nothing where they consist of anything else.
fn split(data: &[u8]) -> Vec<Vec<u8>> {
    let mut certificates = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let Some((_, after)) = spki::take(0x30, rest) else { return Vec::new() };
        certificates.push(rest[..rest.len() - after.len()].to_vec());
        rest = after;
    }
    certificates
}

/// A certificate has the public key's document in it, byte for byte (RFC 5280, 4.1).
fn contains(certificate: &[u8], public_key: &[u8]) -> bool {
    certificate.windows(public_key.len()).any(|window| window == public_key)
}

const CERTIFICATE: u16 = 0x7f21;

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn only_whole_sequences_are_certificates() {
        assert_eq!(split(b"\x30\x01\xaa\x30\x00"), [b"\x30\x01\xaa".to_vec(), b"\x30\x00".to_vec()]);
        for data in [&b""[..], b"\x30", b"\x30\x02\xaa", b"\x30\x00\x00", b"hello"] {
            assert_eq!(split(data), Vec::<Vec<u8>>::new(), "{data:02x?}");
        }
    }
}
