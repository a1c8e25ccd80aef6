use std::fmt;

use crate::{Algorithm, Hash};

/// What a mechanism does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Makes a signature; its public side verifies.
    Sign,
    /// Decrypts; its public side encrypts.
    Decrypt,
    /// Agrees on a secret with a peer's public key.
    Derive,
    /// Opens an encapsulated secret; its public side encapsulates.
    Decapsulate,
}

/// An operation's algorithm, named as in PKCS#11 without `CKM_`.
///
/// This is the one table for D-Bus, PKCS#11 and the phone link: names, numbers (PKCS#11 3.2, `pkcs11t.h`),
/// purpose, the hash a mechanism applies itself, and the keys it goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mechanism {
    /// ECDSA over a digest that the caller computed; the signature is r || s.
    Ecdsa,
    /// ECDSA with SHA-256 over the message.
    EcdsaSha256,
    /// ECDSA with SHA-384 over the message.
    EcdsaSha384,
    /// ECDSA with SHA-512 over the message.
    EcdsaSha512,
    /// Pure EdDSA over the message (RFC 8032).
    Eddsa,
    /// RSASSA-PKCS1-v1_5 over what is to be padded, usually a DigestInfo, and RSAES-PKCS1-v1_5 decryption (RFC 8017).
    RsaPkcs,
    /// RSASSA-PKCS1-v1_5 with SHA-256 over the message.
    Sha256RsaPkcs,
    /// RSASSA-PKCS1-v1_5 with SHA-384 over the message.
    Sha384RsaPkcs,
    /// RSASSA-PKCS1-v1_5 with SHA-512 over the message.
    Sha512RsaPkcs,
    /// RSASSA-PSS over a digest; `hash`, `mgf-hash`, `salt-length`.
    RsaPkcsPss,
    /// RSASSA-PSS with SHA-256 over the message.
    Sha256RsaPkcsPss,
    /// RSASSA-PSS with SHA-384 over the message.
    Sha384RsaPkcsPss,
    /// RSASSA-PSS with SHA-512 over the message.
    Sha512RsaPkcsPss,
    /// RSAES-OAEP decryption; `hash`, `mgf-hash`, `label`.
    RsaPkcsOaep,
    /// The RSA primitive on a padded block. Never offered to callers: a token that has only this gets its
    /// padding from the host.
    RsaX509,
    /// ECDH (SP 800-56A, RFC 7748) with a peer's public key; `kdf`, `hash`, `shared-info`, `length`.
    Ecdh1Derive,
    /// Pure ML-DSA over the message (FIPS 204); `context`.
    MlDsa,
    /// ML-KEM decapsulation (FIPS 203).
    MlKem,
}

/// One line of the table.
struct Row {
    name: &'static str,
    number: u64,
    hash: Option<Hash>,
}

const fn row(name: &'static str, number: u64, hash: Option<Hash>) -> Row {
    Row { name, number, hash }
}

impl Mechanism {
    /// Every mechanism, those that are only used towards tokens included.
    pub const ALL: [Self; 18] = [
        Self::Ecdsa,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Eddsa,
        Self::RsaPkcs,
        Self::Sha256RsaPkcs,
        Self::Sha384RsaPkcs,
        Self::Sha512RsaPkcs,
        Self::RsaPkcsPss,
        Self::Sha256RsaPkcsPss,
        Self::Sha384RsaPkcsPss,
        Self::Sha512RsaPkcsPss,
        Self::RsaPkcsOaep,
        Self::RsaX509,
        Self::Ecdh1Derive,
        Self::MlDsa,
        Self::MlKem,
    ];

    const fn row(self) -> Row {
        match self {
            Self::Ecdsa => row("ECDSA", 0x1041, None),
            Self::EcdsaSha256 => row("ECDSA_SHA256", 0x1044, Some(Hash::Sha256)),
            Self::EcdsaSha384 => row("ECDSA_SHA384", 0x1045, Some(Hash::Sha384)),
            Self::EcdsaSha512 => row("ECDSA_SHA512", 0x1046, Some(Hash::Sha512)),
            Self::Eddsa => row("EDDSA", 0x1057, None),
            Self::RsaPkcs => row("RSA_PKCS", 0x0001, None),
            Self::Sha256RsaPkcs => row("SHA256_RSA_PKCS", 0x0040, Some(Hash::Sha256)),
            Self::Sha384RsaPkcs => row("SHA384_RSA_PKCS", 0x0041, Some(Hash::Sha384)),
            Self::Sha512RsaPkcs => row("SHA512_RSA_PKCS", 0x0042, Some(Hash::Sha512)),
            Self::RsaPkcsPss => row("RSA_PKCS_PSS", 0x000D, None),
            Self::Sha256RsaPkcsPss => row("SHA256_RSA_PKCS_PSS", 0x0043, Some(Hash::Sha256)),
            Self::Sha384RsaPkcsPss => row("SHA384_RSA_PKCS_PSS", 0x0044, Some(Hash::Sha384)),
            Self::Sha512RsaPkcsPss => row("SHA512_RSA_PKCS_PSS", 0x0045, Some(Hash::Sha512)),
            Self::RsaPkcsOaep => row("RSA_PKCS_OAEP", 0x0009, None),
            Self::RsaX509 => row("RSA_X_509", 0x0003, None),
            Self::Ecdh1Derive => row("ECDH1_DERIVE", 0x1050, None),
            Self::MlDsa => row("ML_DSA", 0x001D, None),
            Self::MlKem => row("ML_KEM", 0x0017, None),
        }
    }

    /// Returns the name, for example `ECDSA_SHA256`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns PKCS#11's `CKM_` number.
    pub const fn number(self) -> u64 {
        self.row().number
    }

    /// Returns the hash that the mechanism itself applies to the message, if it does.
    pub const fn hash(self) -> Option<Hash> {
        self.row().hash
    }

    /// Returns the mechanism of that name, exactly as in PKCS#11, with or without `CKM_`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix("CKM_").unwrap_or(name);
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// Returns the mechanism with that PKCS#11 number.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.number() == number)
    }

    /// Returns true where callers may ask for the mechanism by name.
    pub const fn is_offered(self) -> bool {
        !matches!(self, Self::RsaX509)
    }

    /// Returns true where the mechanism serves that purpose. `RSA_PKCS` signs and decrypts.
    pub const fn serves(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Sign => matches!(
                self,
                Self::Ecdsa
                    | Self::EcdsaSha256
                    | Self::EcdsaSha384
                    | Self::EcdsaSha512
                    | Self::Eddsa
                    | Self::RsaPkcs
                    | Self::Sha256RsaPkcs
                    | Self::Sha384RsaPkcs
                    | Self::Sha512RsaPkcs
                    | Self::RsaPkcsPss
                    | Self::Sha256RsaPkcsPss
                    | Self::Sha384RsaPkcsPss
                    | Self::Sha512RsaPkcsPss
                    | Self::RsaX509
                    | Self::MlDsa
            ),
            Purpose::Decrypt => matches!(self, Self::RsaPkcs | Self::RsaPkcsOaep | Self::RsaX509),
            Purpose::Derive => matches!(self, Self::Ecdh1Derive),
            Purpose::Decapsulate => matches!(self, Self::MlKem),
        }
    }

    /// Returns true where a key of `algorithm` can be used with the mechanism.
    pub const fn fits(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::P256 | Algorithm::P384 | Algorithm::P521 => matches!(
                self,
                Self::Ecdsa | Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 | Self::Ecdh1Derive
            ),
            Algorithm::Ed25519 => matches!(self, Self::Eddsa),
            Algorithm::X25519 => matches!(self, Self::Ecdh1Derive),
            Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => matches!(
                self,
                Self::RsaPkcs
                    | Self::Sha256RsaPkcs
                    | Self::Sha384RsaPkcs
                    | Self::Sha512RsaPkcs
                    | Self::RsaPkcsPss
                    | Self::Sha256RsaPkcsPss
                    | Self::Sha384RsaPkcsPss
                    | Self::Sha512RsaPkcsPss
                    | Self::RsaPkcsOaep
                    | Self::RsaX509
            ),
            Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => matches!(self, Self::MlDsa),
            Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024 => matches!(self, Self::MlKem),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, Purpose};
    use crate::Algorithm;

    #[test]
    fn names_and_numbers_find_their_mechanism_and_no_other() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_name(mechanism.name()), Some(mechanism));
            assert_eq!(Mechanism::from_name(&format!("CKM_{}", mechanism.name())), Some(mechanism));
            assert_eq!(Mechanism::from_number(mechanism.number()), Some(mechanism));
        }
        assert_eq!(Mechanism::from_name("ecdsa"), None);
        assert_eq!(Mechanism::from_number(0), None, "CKM_RSA_PKCS_KEY_PAIR_GEN is none of ours");
    }

    #[test]
    fn every_mechanism_has_a_purpose_and_a_key_it_goes_with() {
        let purposes = [Purpose::Sign, Purpose::Decrypt, Purpose::Derive, Purpose::Decapsulate];
        for mechanism in Mechanism::ALL {
            assert!(purposes.iter().any(|purpose| mechanism.serves(*purpose)), "{mechanism}");
            assert!(Algorithm::ALL.iter().any(|algorithm| mechanism.fits(*algorithm)), "{mechanism}");
        }
    }

    #[test]
    fn the_default_signature_goes_with_the_key() {
        for algorithm in Algorithm::ALL {
            match algorithm.default_signature() {
                Some(mechanism) => {
                    assert!(mechanism.fits(algorithm) && mechanism.serves(Purpose::Sign), "{algorithm}");
                }
                None => assert!(!algorithm.usage().sign, "{algorithm}"),
            }
        }
    }
}
