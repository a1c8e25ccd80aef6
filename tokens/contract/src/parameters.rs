use crate::Hash;

/// What is done with an agreed secret before it is handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kdf {
    /// The shared secret as it is (PKCS#11 `CKD_NULL`): x coordinate, big-endian, or the X25519 output.
    #[default]
    Null,
    /// HKDF (RFC 5869) with `hash`, no salt, `shared-info` as info, `length` bytes out.
    Hkdf,
}

/// What a mechanism needs beside its data. A value that is absent means the mechanism's usual one;
/// a value that a mechanism does not know is refused by the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The digest of PSS, OAEP and HKDF. Default SHA-256.
    pub hash: Option<Hash>,
    /// The digest inside MGF1. Default: the same as `hash`.
    pub mgf_hash: Option<Hash>,
    /// PSS salt in bytes. Default: the size of the digest.
    pub salt_length: Option<u32>,
    /// OAEP label. Default empty.
    pub label: Option<Vec<u8>>,
    /// Key derivation after ECDH. Default [`Kdf::Null`].
    pub kdf: Option<Kdf>,
    /// HKDF's info. Default empty.
    pub shared_info: Option<Vec<u8>>,
    /// Bytes wanted from HKDF. Default: the size of the digest.
    pub length: Option<u32>,
    /// ML-DSA context, at most 255 bytes. Default empty.
    pub context: Option<Vec<u8>>,
}

impl Parameters {
    /// Returns the digest in force, SHA-256 unless told.
    pub fn hash_or_default(&self) -> Hash {
        self.hash.unwrap_or(Hash::Sha256)
    }

    /// Returns the digest inside MGF1: the one told, else that of the mechanism.
    pub fn mgf_hash_or(&self, hash: Hash) -> Hash {
        self.mgf_hash.unwrap_or(hash)
    }
}
