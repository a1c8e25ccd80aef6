//! Reads and checks what lies on disk: `… | SHA-256 over everything before`.
//!
//! The sum tells damage from a wrong pass phrase; it protects against accidents, the seals against attackers.

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use super::SlotError;

/// Takes numbers and byte strings off the front.
pub(super) struct Reader<'bytes>(pub(super) &'bytes [u8]);

impl<'bytes> Reader<'bytes> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'bytes [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn word(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
}

/// Appends the sum.
pub(super) fn with_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = digest(&SHA256, &bytes);
    bytes.extend_from_slice(sum.as_ref());
    bytes
}

/// Returns what stands before the sum, where the sum is right.
pub(super) fn without_sum(bytes: &[u8]) -> Result<&[u8], SlotError> {
    let (body, sum) = bytes
        .len()
        .checked_sub(SHA256_OUTPUT_LEN)
        .and_then(|length| bytes.split_at_checked(length))
        .ok_or(SlotError::Damaged("it is cut off"))?;
    if digest(&SHA256, body).as_ref() == sum {
        Ok(body)
    } else {
        Err(SlotError::Damaged("its checksum does not fit"))
    }
}
