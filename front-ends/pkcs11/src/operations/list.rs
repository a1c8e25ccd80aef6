use claviger_client::TokenRow;
use claviger_token::{Algorithm, Hash, Mechanism};
use cryptoki_sys::{
    CK_FLAGS, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CKF_DECAPSULATE, CKF_DECRYPT, CKF_DERIVE, CKF_DIGEST,
    CKF_EC_F_P, CKF_EC_NAMEDCURVE, CKF_EC_UNCOMPRESS, CKF_ENCAPSULATE, CKF_ENCRYPT, CKF_GENERATE_KEY_PAIR,
    CKF_HW, CKF_SIGN, CKF_UNWRAP, CKF_VERIFY, CKF_WRAP, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN,
    CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKM_ML_DSA_KEY_PAIR_GEN, CKM_ML_KEM_KEY_PAIR_GEN,
    CKM_RSA_PKCS_KEY_PAIR_GEN,
};

use super::hasher::number_of;
use super::scheme::Scheme;
use crate::key::Key;

/// A mechanism that a slot offers: `CK_MECHANISM_INFO` and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    /// Its number.
    pub(crate) mechanism: CK_MECHANISM_TYPE,
    /// The smallest key; zero for digests.
    pub(crate) smallest: u64,
    /// The largest key; zero for digests.
    pub(crate) largest: u64,
    /// What it does, and where.
    pub(crate) flags: CK_FLAGS,
}

impl From<Info> for CK_MECHANISM_INFO {
    fn from(info: Info) -> Self {
        Self { ulMinKeySize: info.smallest, ulMaxKeySize: info.largest, flags: info.flags }
    }
}

/// Returns what a slot offers, by number: what its keys can, what the keys that can be made there could, the making of
/// them, and digests.
pub(crate) fn mechanisms(token: &TokenRow, keys: &[Key]) -> Vec<Info> {
    let generates: Vec<Algorithm> =
        token.generates.iter().filter_map(|name| Algorithm::from_name(name)).collect();
    let mut offered = Offered { hardware: token.kind != "local", list: Vec::new() };
    for key in keys {
        for mechanism in named(&key.row().mechanisms) {
            offered.add_use(mechanism, key.algorithm());
        }
    }
    for algorithm in generates {
        for mechanism in named(&token.mechanisms).filter(|mechanism| mechanism.fits(algorithm)) {
            offered.add_use(mechanism, algorithm);
        }
        offered.add(key_pair_generation(algorithm), algorithm, CKF_GENERATE_KEY_PAIR);
    }
    let digests =
        Hash::ALL.map(|hash| Info { mechanism: number_of(hash), smallest: 0, largest: 0, flags: CKF_DIGEST });
    offered.list.extend(digests);
    offered.list.sort_unstable_by_key(|info| info.mechanism);
    offered.list
}

fn named(names: &[String]) -> impl Iterator<Item = Mechanism> {
    names.iter().filter_map(|name| Mechanism::from_name(name)).filter(|mechanism| mechanism.is_offered())
}

struct Offered {
    hardware: bool,
    list: Vec<Info>,
}

impl Offered {
    /// Adds a mechanism of the key store with all that it is good for in PKCS#11.
    fn add_use(&mut self, mechanism: Mechanism, algorithm: Algorithm) {
        let flags = match mechanism {
            Mechanism::RsaPkcs => CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP,
            Mechanism::RsaPkcsOaep => CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP,
            Mechanism::Ecdh1Derive => CKF_DERIVE,
            Mechanism::MlKem => CKF_ENCAPSULATE | CKF_DECAPSULATE,
            Mechanism::Ecdsa
            | Mechanism::EcdsaSha256
            | Mechanism::EcdsaSha384
            | Mechanism::EcdsaSha512
            | Mechanism::Eddsa
            | Mechanism::Sha256RsaPkcs
            | Mechanism::Sha384RsaPkcs
            | Mechanism::Sha512RsaPkcs
            | Mechanism::RsaPkcsPss
            | Mechanism::Sha256RsaPkcsPss
            | Mechanism::Sha384RsaPkcsPss
            | Mechanism::Sha512RsaPkcsPss
            | Mechanism::RsaX509
            | Mechanism::MlDsa => CKF_SIGN | CKF_VERIFY,
        };
        self.add(mechanism.number(), algorithm, flags);
        // What signs digests signs every digest.
        for scheme in Scheme::ALL.iter().filter(|scheme| scheme.hash.is_some()) {
            if scheme.over_digest() == Some(mechanism) {
                self.add(scheme.number, algorithm, CKF_SIGN | CKF_VERIFY);
            }
        }
    }

    fn add(&mut self, mechanism: CK_MECHANISM_TYPE, algorithm: Algorithm, flags: CK_FLAGS) {
        let size = size(algorithm);
        let hardware = if self.hardware { CKF_HW } else { 0 };
        let flags = flags | hardware | curve_flags(algorithm);
        match self.list.iter_mut().find(|info| info.mechanism == mechanism) {
            Some(info) => {
                info.smallest = info.smallest.min(size);
                info.largest = info.largest.max(size);
                info.flags |= flags;
            }
            None => self.list.push(Info { mechanism, smallest: size, largest: size, flags }),
        }
    }
}

/// Returns a key's size in the unit of its mechanisms: bits of modulus and order, bytes of public keys of ML-DSA and
/// ML-KEM.
const fn size(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::P256 => 256,
        Algorithm::P384 => 384,
        Algorithm::P521 => 521,
        Algorithm::Ed25519 | Algorithm::X25519 => 255,
        Algorithm::Rsa2048 => 2048,
        Algorithm::Rsa3072 => 3072,
        Algorithm::Rsa4096 => 4096,
        Algorithm::MlDsa44 => 1312,
        Algorithm::MlDsa65 => 1952,
        Algorithm::MlDsa87 => 2592,
        Algorithm::MlKem512 => 800,
        Algorithm::MlKem768 => 1184,
        Algorithm::MlKem1024 => 1568,
    }
}

/// Returns what is said of the curves: over a prime field, by name, points uncompressed.
const fn curve_flags(algorithm: Algorithm) -> CK_FLAGS {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 | Algorithm::P521 => {
            CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS
        }
        Algorithm::Ed25519 | Algorithm::X25519 => CKF_EC_F_P | CKF_EC_NAMEDCURVE,
        Algorithm::Rsa2048
        | Algorithm::Rsa3072
        | Algorithm::Rsa4096
        | Algorithm::MlDsa44
        | Algorithm::MlDsa65
        | Algorithm::MlDsa87
        | Algorithm::MlKem512
        | Algorithm::MlKem768
        | Algorithm::MlKem1024 => 0,
    }
}

const fn key_pair_generation(algorithm: Algorithm) -> CK_MECHANISM_TYPE {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 | Algorithm::P521 => CKM_EC_KEY_PAIR_GEN,
        Algorithm::Ed25519 => CKM_EC_EDWARDS_KEY_PAIR_GEN,
        Algorithm::X25519 => CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => CKM_RSA_PKCS_KEY_PAIR_GEN,
        Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => CKM_ML_DSA_KEY_PAIR_GEN,
        Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024 => CKM_ML_KEM_KEY_PAIR_GEN,
    }
}

#[cfg(test)]
mod tests;
