use std::fmt;

/// A message digest. The names are PKCS#11's digest mechanisms without `CKM_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hash {
    /// SHA-1 (FIPS 180-4): offered for the verification of old data and inside OAEP only.
    Sha1,
    /// SHA-224 (FIPS 180-4).
    Sha224,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
    /// SHA3-224 (FIPS 202).
    Sha3_224,
    /// SHA3-256 (FIPS 202).
    Sha3_256,
    /// SHA3-384 (FIPS 202).
    Sha3_384,
    /// SHA3-512 (FIPS 202).
    Sha3_512,
}

impl Hash {
    /// Every digest that exists here, weakest first.
    pub const ALL: [Self; 9] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// Returns the name as in PKCS#11 without `CKM_`, for example `SHA256` or `SHA_1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA_1",
            Self::Sha224 => "SHA224",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
            Self::Sha3_224 => "SHA3_224",
            Self::Sha3_256 => "SHA3_256",
            Self::Sha3_384 => "SHA3_384",
            Self::Sha3_512 => "SHA3_512",
        }
    }

    /// Returns the size of the digest in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// Returns the DER of a DigestInfo up to the digest: `SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING` (RFC 8017, 9.2).
    pub fn digest_info_prefix(self) -> Vec<u8> {
        const SHA_1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
        // 2.16.840.1.101.3.4.2, to which one number is added.
        const NIST: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
        let nist = |number: u8| [NIST, &[number]].concat();
        let oid = match self {
            Self::Sha1 => SHA_1.to_vec(),
            Self::Sha256 => nist(1),
            Self::Sha384 => nist(2),
            Self::Sha512 => nist(3),
            Self::Sha224 => nist(4),
            Self::Sha3_224 => nist(7),
            Self::Sha3_256 => nist(8),
            Self::Sha3_384 => nist(9),
            Self::Sha3_512 => nist(10),
        };
        // Every length is below 128, so one byte each: the parts below never exceed 20 + 64.
        let (oid_length, digest_length) = (oid.len() as u8, self.size() as u8);
        let algorithm = oid_length + 4;
        let head = [0x30, algorithm + digest_length + 4, 0x30, algorithm, 0x06, oid_length];
        [&head[..], &oid, &[0x05, 0x00, 0x04, digest_length]].concat()
    }

    /// Returns the digest that `name` stands for; `SHA256`, `sha256` and `SHA-256` are the same.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_uppercase();
        Self::ALL.into_iter().find(|hash| plain(hash.name()) == plain(name))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    #[test]
    fn every_name_is_understood_in_the_spellings_people_use() {
        for hash in Hash::ALL {
            assert_eq!(Hash::from_name(hash.name()), Some(hash));
        }
        assert_eq!(Hash::from_name("sha-256"), Some(Hash::Sha256));
        assert_eq!(Hash::from_name("SHA-1"), Some(Hash::Sha1));
        assert_eq!(Hash::from_name("sha3-512"), Some(Hash::Sha3_512));
        assert_eq!(Hash::from_name("md5"), None);
    }
}
