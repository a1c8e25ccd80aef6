//! What a YubiKey says of how a key was made (Yubico's extension, <https://developers.yubico.com/PGP/Attestation.html>).

use super::certificate;
use super::channel::Expect;
use super::session::Session;
use super::slot::Slot;
use crate::status::Status;
use crate::{CardError, Contents, Pin};

/// Has the card attest the key at a place: the statement, and the certificate that vouches for who signed it.
///
/// The card writes the statement over whatever certificate is at the place, so it is asked only where there is none,
/// or none but an earlier statement. The statement stays there.
pub(super) fn attest(
    session: &mut Session<'_>,
    contents: &Contents,
    slot: Slot,
    pin: Pin<'_>,
) -> Result<Vec<Vec<u8>>, CardError> {
    let issuer = session.channel.get("reading who attests", ATTESTATION_CERTIFICATE, Expect::Long)?;
    let issuer = issuer.filter(|issuer| !issuer.is_empty()).ok_or(NOT_SUPPORTED)?;
    let there = certificate::read_first(&mut session.channel, slot)?;
    if there.is_some_and(|there| !is_statement(&there)) {
        return Err(CardError::NotSupported("attest a key without losing the certificate beside it"));
    }
    session.verify_user(contents, slot.password(), pin)?;
    let answer = session.channel.send_raw(&[0x80, 0xfb, 1 + slot.index() as u8, 0x00])?;
    match answer.status {
        status if status.is_unknown_command() => return Err(NOT_SUPPORTED),
        // A key that was imported is not attested.
        Status::WRONG_DATA | Status::CONDITIONS => return Err(CardError::NotSupported("attest that key")),
        Status::SECURITY => return Err(CardError::NotTouched),
        _ => answer.success("attesting a key")?,
    };
    let statement = certificate::read_first(&mut session.channel, slot)?;
    let statement = statement.ok_or(CardError::Malformed("an attestation that is no certificate".into()))?;
    Ok(vec![statement, issuer.to_vec()])
}

/// Yubico's arc 1.3.6.1.4.1.41482.5, under which everything is that a statement says.
fn is_statement(certificate: &[u8]) -> bool {
    const ARC: &[u8] = b"\x2b\x06\x01\x04\x01\x82\xc4\x0a\x05";
    certificate.windows(ARC.len()).any(|window| window == ARC)
}

const ATTESTATION_CERTIFICATE: u16 = 0xfc;
const NOT_SUPPORTED: CardError = CardError::NotSupported("attest keys");
