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

#[cfg(test)]
mod tests {
    use claviger_token::Hash;

    use super::{Hasher, digest, hash_of, number_of};

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
            let info = [hash.digest_info_prefix(), vec![7; hash.size()]].concat();
            assert_eq!(claviger_soft::check_digest_info(&info), Ok(hash));
        }
    }
}
