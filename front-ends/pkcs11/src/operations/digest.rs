use super::hasher::{Hasher, hash_of};
use super::parameter::Parameter;
use crate::rv::{Answer, Rv};

/// A digest that is being computed: `C_DigestInit` and what comes after it.
#[derive(Clone)]
pub(crate) struct Digest {
    hasher: Hasher,
    length: usize,
    /// True after the first piece: `C_Digest` is for whole messages.
    begun: bool,
}

impl Digest {
    /// Begins.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID` where the mechanism is no digest.
    pub(crate) fn begin(parameter: &Parameter) -> Answer<Self> {
        let hash = hash_of(parameter.mechanism).ok_or(Rv::MECHANISM_INVALID)?;
        Ok(Self { hasher: Hasher::new(hash), length: hash.size(), begun: false })
    }

    /// Returns the digest's size in bytes.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Takes the next piece; `C_DigestKey` brings the value of a secret key.
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.begun = true;
        self.hasher.update(data);
    }

    /// Returns the digest of the pieces.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.hasher.finish()
    }

    /// Returns the digest of a whole message.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED` where pieces came already.
    pub(crate) fn once(mut self, data: &[u8]) -> Answer<Vec<u8>> {
        if self.begun {
            return Err(Rv::OPERATION_NOT_INITIALIZED);
        }
        self.update(data);
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use claviger_token::Hash;

    use super::Digest;
    use crate::operations::hasher::number_of;
    use crate::operations::parameter::{Parameter, Value};
    use crate::rv::Rv;

    fn begin(mechanism: u64) -> Result<Digest, Rv> {
        Digest::begin(&Parameter { mechanism, value: Value::None })
    }

    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        for hash in Hash::ALL {
            let whole = begin(number_of(hash)).unwrap();
            let mut pieces = whole.clone();
            for piece in [&b"in "[..], b"", b"pieces"] {
                pieces.update(piece);
            }
            assert_eq!(pieces.length(), hash.size());
            let digest = pieces.finish();
            assert_eq!(digest, whole.once(b"in pieces").unwrap());
            assert_eq!(digest, claviger_soft::digest(hash, b"in pieces"));
        }
    }

    #[test]
    fn a_digest_in_pieces_is_not_ended_by_a_whole_message() {
        let mut digest = begin(cryptoki_sys::CKM_SHA256).unwrap();
        digest.update(b"a");
        assert_eq!(digest.once(b"b"), Err(Rv::OPERATION_NOT_INITIALIZED));
    }

    #[test]
    fn what_is_no_digest_digests_nothing() {
        assert_eq!(begin(cryptoki_sys::CKM_ECDSA).err(), Some(Rv::MECHANISM_INVALID));
        assert_eq!(begin(u64::MAX).err(), Some(Rv::MECHANISM_INVALID));
    }
}
