//! The data objects: GET DATA and PUT DATA (SP 800-73-4 part 2, 3.1.2 and 3.3.2), and what those hold that are not
//! certificates.

use zeroize::Zeroizing;

use crate::apdu::Command;
use crate::status::Status;
use crate::{CardError, Exchange, tlv};

/// Reads an object; `None` where there is none, it is empty, or it is not for everybody.
///
/// # Errors
/// [`CardError::Malformed`] for what is no object, [`CardError::Status`] for what a card does not answer to this.
pub(crate) fn read(card: &mut dyn Exchange, tag: u32) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
    let answer = Command::new(0xCB, 0x3F, 0xFF).with(name(tag)).answered().send(card)?;
    match answer.status {
        Status::OK => {}
        status if status.is_absent() || status == Status::SECURITY => return Ok(None),
        // Cards that know only some of the objects do not agree on how to say so.
        Status::WRONG_DATA | Status::WRONG_PARAMETERS | Status::NO_FUNCTION => return Ok(None),
        status => return Err(status.fault("GET DATA")),
    }
    // The discovery object comes as itself (SP 800-73-4 part 2, 3.1.2), everything else in a 53.
    let outer = if tag == DISCOVERY { DISCOVERY } else { 0x53 };
    let content = tlv::only(&answer.data, outer).ok_or_else(|| CardError::Malformed("of GET DATA".into()))?;
    Ok((!content.is_empty()).then(|| Zeroizing::new(content.to_vec())))
}

/// Writes an object; the management key must have been shown before. Nothing erases it.
///
/// # Errors
/// [`CardError::DataInvalid`] where it is too large for the card, [`CardError::Status`] for other refusals.
pub(crate) fn write(card: &mut dyn Exchange, tag: u32, content: &[u8]) -> Result<(), CardError> {
    if content.len() > SIZE_LIMIT {
        return Err(CardError::DataInvalid("that is too large for a card".into()));
    }
    let object = tlv::element(0x53, &[content]);
    let data = Zeroizing::new([&name(tag)[..], &object].concat());
    match Command::new(0xDB, 0x3F, 0xFF).with(data).send(card)?.status {
        Status::OK => Ok(()),
        Status::NO_SPACE | Status::WRONG_LENGTH => {
            Err(CardError::DataInvalid("that is too large for the card".into()))
        }
        Status::SECURITY => Err(CardError::AuthorityNeeded(super::management::NAME)),
        status => Err(status.fault("PUT DATA")),
    }
}

/// Reads the GUID of the card holder unique identifier; `None` where there is none, or it is all zeros, as on cards
/// that were numbered by FASC-N only (SP 800-73-4 part 1, 3.1.2).
///
/// # Errors
/// As [`read`]; [`CardError::Malformed`] where the object is none.
pub(crate) fn guid(card: &mut dyn Exchange) -> Result<Option<[u8; 16]>, CardError> {
    let Some(content) = read(card, CHUID)? else { return Ok(None) };
    let elements = tlv::all(&content).ok_or_else(|| CardError::Malformed("of the CHUID".into()))?;
    let Some(guid) = tlv::find(&elements, 0x34) else { return Ok(None) };
    let guid =
        <[u8; 16]>::try_from(guid).map_err(|_| CardError::Malformed("of the GUID in the CHUID".into()))?;
    Ok(Some(guid).filter(|guid| guid != &[0; 16]))
}

/// Returns true where the card says that no retired key has a certificate (SP 800-73-4 part 1, 3.3.3), which saves
/// asking for each.
///
/// # Errors
/// As [`read`].
pub(crate) fn tells_no_retired_certificates(card: &mut dyn Exchange) -> Result<bool, CardError> {
    let Some(content) = read(card, KEY_HISTORY)? else { return Ok(false) };
    let Some(elements) = tlv::all(&content) else { return Ok(false) };
    let (on_card, off_card) = (tlv::find(&elements, 0xC1), tlv::find(&elements, 0xC2));
    Ok(on_card == Some(&[0]) && off_card == Some(&[0]))
}

/// Returns true where the person has a PIN for the whole card and is used to entering that (SP 800-73-4 part 1, 3.3.2).
///
/// # Errors
/// As [`read`]; [`CardError::Malformed`] where the object is none.
pub(crate) fn prefers_global_pin(card: &mut dyn Exchange) -> Result<bool, CardError> {
    let Some(content) = read(card, DISCOVERY)? else { return Ok(false) };
    let elements =
        tlv::all(&content).ok_or_else(|| CardError::Malformed("of the discovery object".into()))?;
    Ok(matches!(tlv::find(&elements, 0x5F2F), Some([policy, 0x20]) if policy & 0x20 != 0))
}

/// Makes the content of a new CHUID: FASC-N and expiry that stand for a card outside the federal government
/// (SP 800-73-4 part 1, 3.1.2), and that GUID.
pub(crate) fn new_chuid(guid: &[u8; 16]) -> Zeroizing<Vec<u8>> {
    let elements = [
        tlv::element(0x30, &[NON_FEDERAL_FASC_N]),
        tlv::element(0x34, &[guid]),
        tlv::element(0x35, &[b"20991231"]),
        tlv::element(0x3E, &[]),
        tlv::element(0xFE, &[]),
    ];
    Zeroizing::new(elements.iter().flat_map(|element| element.iter().copied()).collect())
}

/// Makes the content of a new card capability container (SP 800-73-4 part 1, appendix A, table 8): nothing but what
/// must be there.
pub(crate) fn new_capabilities(number: &[u8; 14]) -> Zeroizing<Vec<u8>> {
    let mut elements = vec![tlv::element(0xF0, &[b"\xA0\x00\x00\x01\x16\xFF\x02", number])];
    let versions: [(u32, &[u8]); 5] =
        [(0xF1, &[0x21]), (0xF2, &[0x21]), (0xF3, &[]), (0xF4, &[0x00]), (0xF5, &[0x10])];
    elements.extend(versions.iter().map(|(tag, value)| tlv::element(*tag, &[value])));
    elements.extend([0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE].map(|tag| tlv::element(tag, &[])));
    Zeroizing::new(elements.iter().flat_map(|element| element.iter().copied()).collect())
}

fn name(tag: u32) -> Zeroizing<Vec<u8>> {
    let bytes = tag.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
    tlv::element(0x5C, &[&bytes[start..]])
}

/// Card holder unique identifier.
pub(crate) const CHUID: u32 = 0x5F_C1_02;
/// Card capability container.
pub(crate) const CAPABILITIES: u32 = 0x5F_C1_07;
/// Yubico: the certificate that the attestations of a YubiKey are signed by.
pub(crate) const ATTESTATION: u32 = 0x5F_FF_01;
const KEY_HISTORY: u32 = 0x5F_C1_0C;
const DISCOVERY: u32 = 0x7E;

/// The largest object that any card takes is far smaller.
const SIZE_LIMIT: usize = 32_768;

/// Agency 9999, system 9999, credential 999999, as every program that initialises such cards writes it.
const NON_FEDERAL_FASC_N: &[u8] =
    b"\xd4\xe7\x39\xda\x73\x9c\xed\x39\xce\x73\x9d\x83\x68\x58\x21\x08\x42\x10\x84\x21\xc8\x42\x10\xc3\xeb";
