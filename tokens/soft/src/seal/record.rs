//! The sealed record of one private key: `version (1) | nonce (12) | AES-256-GCM(data key, PKCS#8) | tag (16)`.
//!
//! The key slots stand once per user and not in every record, so that a change of the pass phrase is one
//! durable write (docs/decisions/002-sealing.md).

use claviger_token::{Binding, Secret, TokenError};

use super::{DataKey, aead};

/// The version that is written.
const VERSION: u8 = 1;

/// Seals a private key so that it opens only as that key, of that user, made at that time.
///
/// # Errors
/// [`TokenError::Internal`] where the operating system gives no random bytes.
pub fn seal_record(
    key: &DataKey,
    binding: &Binding,
    public_key_spki: &[u8],
    pkcs8: &Secret,
) -> Result<Vec<u8>, TokenError> {
    let associated = associated(binding, public_key_spki);
    let sealed = aead::seal(key.expose(), &associated, pkcs8.expose())
        .map_err(|aead::Broken| TokenError::Internal("the record cannot be sealed".into()))?;
    let mut record = Vec::with_capacity(1 + sealed.len());
    record.push(VERSION);
    record.extend_from_slice(&sealed);
    Ok(record)
}

/// Opens a record and returns the PKCS#8 document in it.
///
/// # Errors
/// [`TokenError::Damaged`] where one bit differs, where it is another user's or key's, or of a later version.
pub fn open_record(
    key: &DataKey,
    binding: &Binding,
    public_key_spki: &[u8],
    record: &[u8],
) -> Result<Secret, TokenError> {
    let damaged = |how: &str| TokenError::Damaged(format!("the record of key {}: {how}", binding.key).into());
    match record {
        [VERSION, sealed @ ..] if sealed.len() > aead::OVERHEAD => {
            aead::open(key.expose(), &associated(binding, public_key_spki), sealed).map_err(
                |aead::NotGenuine| damaged("it was changed, or belongs to another user, key or data key"),
            )
        }
        [VERSION, ..] | [] => Err(damaged("it is cut off")),
        _ => Err(damaged("its version is not known here")),
    }
}

/// Returns what the seal vouches for beside the private key. Every part has a fixed size or its length before
/// it, so that no two bindings give the same bytes.
fn associated(binding: &Binding, public_key_spki: &[u8]) -> Vec<u8> {
    let Binding { uid, user_name, key, created } = binding;
    let mut bytes = Vec::with_capacity(64 + user_name.len() + public_key_spki.len());
    bytes.extend_from_slice(b"claviger record");
    bytes.push(VERSION);
    with_length(&mut bytes, user_name.as_bytes());
    bytes.extend_from_slice(&uid.to_be_bytes());
    bytes.extend_from_slice(key.as_bytes());
    with_length(&mut bytes, public_key_spki);
    bytes.extend_from_slice(&created.to_be_bytes());
    bytes
}

fn with_length(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
    bytes.extend_from_slice(part);
}
