use std::fmt;

use crate::{Mechanism, Usage};

/// What kind of key it is. The names are those of the command line and of D-Bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// NIST P-256 (FIPS 186-5), for ECDSA and ECDH.
    P256,
    /// NIST P-384 (FIPS 186-5), for ECDSA and ECDH.
    P384,
    /// NIST P-521 (FIPS 186-5), for ECDSA and ECDH.
    P521,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// X25519 (RFC 7748).
    X25519,
    /// RSA with a modulus of 2048 bits (RFC 8017).
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
    /// ML-KEM-512 (FIPS 203).
    MlKem512,
    /// ML-KEM-768 (FIPS 203).
    MlKem768,
    /// ML-KEM-1024 (FIPS 203).
    MlKem1024,
}

impl Algorithm {
    /// Every algorithm that exists here.
    pub const ALL: [Self; 14] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::X25519,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::MlKem512,
        Self::MlKem768,
        Self::MlKem1024,
    ];

    /// Returns the name, for example `P-256` or `ML-DSA-65`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Ed25519 => "Ed25519",
            Self::X25519 => "X25519",
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
            Self::MlKem512 => "ML-KEM-512",
            Self::MlKem768 => "ML-KEM-768",
            Self::MlKem1024 => "ML-KEM-1024",
        }
    }

    /// Returns the algorithm of that name; case and hyphens do not matter (`p256`, `ML-DSA-65`).
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = |text: &str| text.replace('-', "").to_ascii_uppercase();
        Self::ALL.into_iter().find(|algorithm| plain(algorithm.name()) == plain(name))
    }

    /// Returns what a key of this algorithm can be used for at all.
    pub const fn usage(self) -> Usage {
        match self {
            Self::P256 | Self::P384 | Self::P521 => Usage { sign: true, decrypt: false, derive: true },
            Self::Ed25519 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => {
                Usage { sign: true, decrypt: false, derive: false }
            }
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => {
                Usage { sign: true, decrypt: true, derive: false }
            }
            Self::X25519 | Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 => {
                Usage { sign: false, decrypt: false, derive: true }
            }
        }
    }

    /// Returns the mechanism that signs a message with such a key when the caller names none.
    pub const fn default_signature(self) -> Option<Mechanism> {
        match self {
            Self::P256 => Some(Mechanism::EcdsaSha256),
            Self::P384 => Some(Mechanism::EcdsaSha384),
            Self::P521 => Some(Mechanism::EcdsaSha512),
            Self::Ed25519 => Some(Mechanism::Eddsa),
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => Some(Mechanism::Sha256RsaPkcs),
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => Some(Mechanism::MlDsa),
            Self::X25519 | Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 => None,
        }
    }

    /// Returns the size of the RSA modulus in bytes, for RSA keys.
    pub const fn modulus_size(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(256),
            Self::Rsa3072 => Some(384),
            Self::Rsa4096 => Some(512),
            _ => None,
        }
    }

    /// Returns true where so many bytes can be padded for a signature with such a key (EMSA-PKCS1-v1_5, RFC 8017, 9.2):
    /// one at least, and eleven less than the modulus has at most.
    pub const fn pads(self, length: usize) -> bool {
        match self.modulus_size() {
            Some(modulus) => 1 <= length && length + 11 <= modulus,
            None => false,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Algorithm;

    #[test]
    fn every_name_finds_its_algorithm() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_name("p256"), Some(Algorithm::P256));
        assert_eq!(Algorithm::from_name("rsa2048"), Some(Algorithm::Rsa2048));
        assert_eq!(Algorithm::from_name("DSA"), None);
    }

    /// RFC 8017, 9.2, step 3: "If emLen < tLen + 11, output "intended encoded message length too short"".
    #[test]
    fn what_is_padded_leaves_room_for_eight_bytes_of_padding() {
        for (length, fits) in [(0, false), (1, true), (245, true), (246, false), (usize::MAX - 11, false)] {
            assert_eq!(Algorithm::Rsa2048.pads(length), fits, "{length}");
        }
        assert!(Algorithm::Rsa4096.pads(501));
        assert!(!Algorithm::P256.pads(32));
    }
}
