use claviger_token::Hash;
use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKM_SHA_1, CKM_SHA3_224, CKM_SHA3_256, CKM_SHA3_384, CKM_SHA3_512, CKM_SHA224,
    CKM_SHA256, CKM_SHA384, CKM_SHA512,
};
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

/// A digest of data that come piece by piece, in this process.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha1(Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Sha3_224(Sha3_224),
    Sha3_256(Sha3_256),
    Sha3_384(Sha3_384),
    Sha3_512(Sha3_512),
}

impl Hasher {
    /// Begins.
    pub(super) fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1(Sha1::new()),
            Hash::Sha224 => Self::Sha224(Sha224::new()),
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            Hash::Sha384 => Self::Sha384(Sha384::new()),
            Hash::Sha512 => Self::Sha512(Sha512::new()),
            Hash::Sha3_224 => Self::Sha3_224(Sha3_224::new()),
            Hash::Sha3_256 => Self::Sha3_256(Sha3_256::new()),
            Hash::Sha3_384 => Self::Sha3_384(Sha3_384::new()),
            Hash::Sha3_512 => Self::Sha3_512(Sha3_512::new()),
        }
    }

    /// Takes the next piece.
    pub(super) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(data),
            Self::Sha224(hasher) => hasher.update(data),
            Self::Sha256(hasher) => hasher.update(data),
            Self::Sha384(hasher) => hasher.update(data),
            Self::Sha512(hasher) => hasher.update(data),
            Self::Sha3_224(hasher) => hasher.update(data),
            Self::Sha3_256(hasher) => hasher.update(data),
            Self::Sha3_384(hasher) => hasher.update(data),
            Self::Sha3_512(hasher) => hasher.update(data),
        }
    }

    /// Returns the digest.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha224(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
            Self::Sha3_224(hasher) => hasher.finalize().to_vec(),
            Self::Sha3_256(hasher) => hasher.finalize().to_vec(),
            Self::Sha3_384(hasher) => hasher.finalize().to_vec(),
            Self::Sha3_512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

/// Returns the digest of `data`.
pub(super) fn digest(hash: Hash, data: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(hash);
    hasher.update(data);
    hasher.finish()
}

/// Returns the digest that a mechanism is.
pub(super) fn hash_of(mechanism: CK_MECHANISM_TYPE) -> Option<Hash> {
    Hash::ALL.into_iter().find(|hash| number_of(*hash) == mechanism)
}

/// Returns the mechanism of a digest.
pub(super) const fn number_of(hash: Hash) -> CK_MECHANISM_TYPE {
    match hash {
        Hash::Sha1 => CKM_SHA_1,
        Hash::Sha224 => CKM_SHA224,
        Hash::Sha256 => CKM_SHA256,
        Hash::Sha384 => CKM_SHA384,
        Hash::Sha512 => CKM_SHA512,
        Hash::Sha3_224 => CKM_SHA3_224,
        Hash::Sha3_256 => CKM_SHA3_256,
        Hash::Sha3_384 => CKM_SHA3_384,
        Hash::Sha3_512 => CKM_SHA3_512,
    }
}

/// Returns the DER of a DigestInfo up to the digest: `SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING` (RFC 8017, 9.2).
pub(super) fn digest_info_prefix(hash: Hash) -> Vec<u8> {
    const SHA_1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
    // 2.16.840.1.101.3.4.2, to which one number is added.
    const NIST: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
    let nist = |number: u8| [NIST, &[number]].concat();
    let oid = match hash {
        Hash::Sha1 => SHA_1.to_vec(),
        Hash::Sha256 => nist(1),
        Hash::Sha384 => nist(2),
        Hash::Sha512 => nist(3),
        Hash::Sha224 => nist(4),
        Hash::Sha3_224 => nist(7),
        Hash::Sha3_256 => nist(8),
        Hash::Sha3_384 => nist(9),
        Hash::Sha3_512 => nist(10),
    };
    // Every length is below 128, so one byte each: the parts below never exceed 20 + 64.
    let (oid_length, digest_length) = (oid.len() as u8, hash.size() as u8);
    let algorithm = oid_length + 4;
    let head = [0x30, algorithm + digest_length + 4, 0x30, algorithm, 0x06, oid_length];
    [&head[..], &oid, &[0x05, 0x00, 0x04, digest_length]].concat()
}

#[cfg(test)]
mod tests {
    use claviger_token::Hash;

    use super::{Hasher, digest, digest_info_prefix, hash_of, number_of};

    #[test]
    fn every_digest_is_the_one_that_the_daemon_computes() {
        let message: Vec<u8> = (0..1000_u32).map(|number| (number % 251) as u8).collect();
        for hash in Hash::ALL {
            let expected = claviger_soft::digest(hash, &message);
            assert_eq!(digest(hash, &message), expected, "{hash}");
            assert_eq!(expected.len(), hash.size());
            let mut pieces = Hasher::new(hash);
            for piece in message.chunks(77) {
                pieces.update(piece);
            }
            assert_eq!(pieces.finish(), expected, "{hash}");
        }
    }

    #[test]
    fn every_digest_has_its_mechanism() {
        for hash in Hash::ALL {
            assert_eq!(hash_of(number_of(hash)), Some(hash));
        }
        assert_eq!(hash_of(cryptoki_sys::CKM_MD5), None);
    }

    #[test]
    fn every_digest_info_is_the_one_that_the_daemon_takes() {
        for hash in Hash::ALL {
            let info = [digest_info_prefix(hash), vec![7; hash.size()]].concat();
            assert_eq!(claviger_soft::check_digest_info(&info), Ok(hash));
        }
    }
}
