use claviger_token::{Algorithm, Hash, Mechanism};
use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKM_ECDSA, CKM_ECDSA_SHA3_224, CKM_ECDSA_SHA3_256, CKM_ECDSA_SHA3_384,
    CKM_ECDSA_SHA3_512, CKM_ECDSA_SHA224, CKM_ECDSA_SHA256, CKM_ECDSA_SHA384, CKM_ECDSA_SHA512, CKM_EDDSA,
    CKM_ML_DSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS,
    CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS,
    CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS,
    CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS,
    CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS,
};

/// A signature mechanism of PKCS#11: what signs, and the hash that the mechanism applies to the message first.
///
/// PKCS#11 has one mechanism for every pair; the key store has those that people use. The rest is a digest away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    pub(super) number: CK_MECHANISM_TYPE,
    pub(super) primitive: Primitive,
    pub(super) hash: Option<Hash>,
}

/// What signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primitive {
    Ecdsa,
    RsaPkcs,
    RsaPss,
    Eddsa,
    MlDsa,
}

const fn scheme(number: CK_MECHANISM_TYPE, primitive: Primitive, hash: Option<Hash>) -> Scheme {
    Scheme { number, primitive, hash }
}

impl Scheme {
    /// Every signature mechanism that the module knows. SHA-1 is in none: nobody signs with it here.
    pub(super) const ALL: [Self; 29] = [
        scheme(CKM_ECDSA, Primitive::Ecdsa, None),
        scheme(CKM_ECDSA_SHA224, Primitive::Ecdsa, Some(Hash::Sha224)),
        scheme(CKM_ECDSA_SHA256, Primitive::Ecdsa, Some(Hash::Sha256)),
        scheme(CKM_ECDSA_SHA384, Primitive::Ecdsa, Some(Hash::Sha384)),
        scheme(CKM_ECDSA_SHA512, Primitive::Ecdsa, Some(Hash::Sha512)),
        scheme(CKM_ECDSA_SHA3_224, Primitive::Ecdsa, Some(Hash::Sha3_224)),
        scheme(CKM_ECDSA_SHA3_256, Primitive::Ecdsa, Some(Hash::Sha3_256)),
        scheme(CKM_ECDSA_SHA3_384, Primitive::Ecdsa, Some(Hash::Sha3_384)),
        scheme(CKM_ECDSA_SHA3_512, Primitive::Ecdsa, Some(Hash::Sha3_512)),
        scheme(CKM_RSA_PKCS, Primitive::RsaPkcs, None),
        scheme(CKM_SHA224_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha224)),
        scheme(CKM_SHA256_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha256)),
        scheme(CKM_SHA384_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha384)),
        scheme(CKM_SHA512_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha512)),
        scheme(CKM_SHA3_224_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha3_224)),
        scheme(CKM_SHA3_256_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha3_256)),
        scheme(CKM_SHA3_384_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha3_384)),
        scheme(CKM_SHA3_512_RSA_PKCS, Primitive::RsaPkcs, Some(Hash::Sha3_512)),
        scheme(CKM_RSA_PKCS_PSS, Primitive::RsaPss, None),
        scheme(CKM_SHA224_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha224)),
        scheme(CKM_SHA256_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha256)),
        scheme(CKM_SHA384_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha384)),
        scheme(CKM_SHA512_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha512)),
        scheme(CKM_SHA3_224_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha3_224)),
        scheme(CKM_SHA3_256_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha3_256)),
        scheme(CKM_SHA3_384_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha3_384)),
        scheme(CKM_SHA3_512_RSA_PKCS_PSS, Primitive::RsaPss, Some(Hash::Sha3_512)),
        scheme(CKM_EDDSA, Primitive::Eddsa, None),
        scheme(CKM_ML_DSA, Primitive::MlDsa, None),
    ];

    /// Returns the scheme that a mechanism is.
    pub(super) fn of(mechanism: CK_MECHANISM_TYPE) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.number == mechanism)
    }

    /// Returns the key store's mechanism that does all of it, the hash included, where it has one.
    pub(super) fn whole(self) -> Option<Mechanism> {
        Mechanism::from_number(self.number)
    }

    /// Returns the key store's mechanism over a digest of the message; none for those that sign the message itself.
    pub(super) const fn over_digest(self) -> Option<Mechanism> {
        match self.primitive {
            Primitive::Ecdsa => Some(Mechanism::Ecdsa),
            Primitive::RsaPkcs => Some(Mechanism::RsaPkcs),
            Primitive::RsaPss => Some(Mechanism::RsaPkcsPss),
            Primitive::Eddsa | Primitive::MlDsa => None,
        }
    }

    /// Returns true where keys of the algorithm sign so.
    pub(super) const fn fits(self, algorithm: Algorithm) -> bool {
        let mechanism = match self.primitive {
            Primitive::Ecdsa => Mechanism::Ecdsa,
            Primitive::RsaPkcs => Mechanism::RsaPkcs,
            Primitive::RsaPss => Mechanism::RsaPkcsPss,
            Primitive::Eddsa => Mechanism::Eddsa,
            Primitive::MlDsa => Mechanism::MlDsa,
        };
        mechanism.fits(algorithm)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use std::collections::BTreeSet;

    use claviger_token::{Mechanism, Purpose};

    use super::Scheme;

    #[test]
    fn every_signature_of_the_key_store_is_offered_with_its_hash() {
        let offered = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.is_offered());
        for mechanism in offered.filter(|mechanism| mechanism.serves(Purpose::Sign)) {
            let scheme = Scheme::of(mechanism.number()).unwrap();
            assert_eq!(scheme.whole(), Some(mechanism));
            assert_eq!(scheme.hash, mechanism.hash(), "{mechanism}");
            for algorithm in claviger_token::Algorithm::ALL {
                assert_eq!(scheme.fits(algorithm), mechanism.fits(algorithm), "{mechanism} {algorithm}");
            }
        }
    }

    #[test]
    fn no_mechanism_stands_twice_and_the_bare_primitive_not_once() {
        let numbers: BTreeSet<u64> = Scheme::ALL.iter().map(|scheme| scheme.number).collect();
        assert_eq!(numbers.len(), Scheme::ALL.len());
        assert!(!numbers.contains(&Mechanism::RsaX509.number()));
    }
}
