use claviger_token::Hash;
use cryptoki_sys::{
    CK_BBOOL, CK_EC_KDF_TYPE, CK_HEDGE_TYPE, CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE,
    CK_RSA_PKCS_OAEP_SOURCE_TYPE, CK_ULONG, CKD_NULL, CKD_SHA1_KDF, CKD_SHA3_224_KDF, CKD_SHA3_256_KDF,
    CKD_SHA3_384_KDF, CKD_SHA3_512_KDF, CKD_SHA224_KDF, CKD_SHA256_KDF, CKD_SHA384_KDF, CKD_SHA512_KDF,
    CKG_MGF1_SHA1, CKG_MGF1_SHA3_224, CKG_MGF1_SHA3_256, CKG_MGF1_SHA3_384, CKG_MGF1_SHA3_512,
    CKG_MGF1_SHA224, CKG_MGF1_SHA256, CKG_MGF1_SHA384, CKG_MGF1_SHA512, CKH_DETERMINISTIC_REQUIRED,
    CKH_HEDGE_PREFERRED, CKH_HEDGE_REQUIRED, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN,
    CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKM_ECDH1_DERIVE, CKM_ML_DSA_KEY_PAIR_GEN, CKM_ML_KEM,
    CKM_ML_KEM_KEY_PAIR_GEN, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS_OAEP, CKZ_DATA_SPECIFIED,
};

use super::hasher::hash_of;
use super::scheme::{Primitive, Scheme};
use crate::rv::{Answer, Rv};

/// A mechanism that the module knows, and its parameter: copied and checked, ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// The mechanism's number.
    pub(crate) mechanism: CK_MECHANISM_TYPE,
    /// What it was given.
    pub(crate) value: Value,
}

/// What a mechanism was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing.
    None,
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    Pss {
        /// The digest.
        hash: Hash,
        /// The digest inside MGF1.
        mgf: Hash,
        /// Bytes of salt.
        salt: u32,
    },
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep {
        /// The digest.
        hash: Hash,
        /// The digest inside MGF1.
        mgf: Hash,
        /// The encoding parameter, mostly empty.
        label: Vec<u8>,
    },
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh {
        /// The digest of the key derivation function of X9.63; `None`: the agreed secret as it is.
        kdf: Option<Hash>,
        /// What both sides add to the derivation.
        shared: Vec<u8>,
        /// The peer's public key: the point, bare or as a DER OCTET STRING.
        peer: Vec<u8>,
    },
    /// `CK_SIGN_ADDITIONAL_CONTEXT`.
    MlDsa {
        /// Whether the signature is to be a random one.
        hedge: Hedge,
        /// The context, at most 255 bytes.
        context: Vec<u8>,
    },
}

/// `CK_HEDGE_TYPE`: whether a signature is to be a random one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hedge {
    /// Where the token can.
    Preferred,
    /// Or none.
    Required,
    /// The same signature of the same message each time.
    Never,
}

/// The struct that a mechanism's parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// There is none.
    None,
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    Pss,
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep,
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh,
    /// `CK_EDDSA_PARAMS`, or none.
    Eddsa,
    /// `CK_SIGN_ADDITIONAL_CONTEXT`, or none.
    MlDsa,
}

impl Form {
    /// Returns the form of a mechanism's parameter; `None` for mechanisms that the module does not know.
    pub(super) fn of(mechanism: CK_MECHANISM_TYPE) -> Option<Self> {
        if let Some(scheme) = Scheme::of(mechanism) {
            return Some(match scheme.primitive {
                Primitive::Ecdsa | Primitive::RsaPkcs => Self::None,
                Primitive::RsaPss => Self::Pss,
                Primitive::Eddsa => Self::Eddsa,
                Primitive::MlDsa => Self::MlDsa,
            });
        }
        match mechanism {
            CKM_RSA_PKCS_OAEP => Some(Self::Oaep),
            CKM_ECDH1_DERIVE => Some(Self::Ecdh),
            CKM_ML_KEM
            | CKM_RSA_PKCS_KEY_PAIR_GEN
            | CKM_EC_KEY_PAIR_GEN
            | CKM_EC_EDWARDS_KEY_PAIR_GEN
            | CKM_EC_MONTGOMERY_KEY_PAIR_GEN
            | CKM_ML_DSA_KEY_PAIR_GEN
            | CKM_ML_KEM_KEY_PAIR_GEN => Some(Self::None),
            mechanism => hash_of(mechanism).map(|_| Self::None),
        }
    }
}

impl Parameter {
    /// Puts a mechanism and what it was given together, where they go together.
    pub(super) fn of(mechanism: CK_MECHANISM_TYPE, value: Value) -> Answer<Self> {
        let scheme = Scheme::of(mechanism);
        match (scheme.and_then(|scheme| scheme.hash), &value) {
            // PKCS#11, CK_RSA_PKCS_PSS_PARAMS: "hashAlg: hash algorithm used in the PSS encoding; if the signature mechanism does
            // not include message hashing, then this value must be the mechanism used by the application to generate
            // the message hash; if the signature mechanism includes hashing, then this value must match the hash
            // algorithm indicated by the signature mechanism".
            (Some(own), Value::Pss { hash, .. }) if own != *hash => Err(Rv::MECHANISM_PARAM_INVALID),
            _ => Ok(Self { mechanism, value }),
        }
    }
}

impl Value {
    pub(super) fn pss(hash: CK_MECHANISM_TYPE, mgf: CK_RSA_PKCS_MGF_TYPE, salt: CK_ULONG) -> Answer<Self> {
        let hash = hash_of(hash).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
        let mgf = mgf_hash(mgf).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
        // The longest salt of the longest key is shorter; the daemon checks against the key.
        let salt = u32::try_from(salt).ok().filter(|salt| *salt <= 512);
        Ok(Self::Pss { hash, mgf, salt: salt.ok_or(Rv::MECHANISM_PARAM_INVALID)? })
    }

    pub(super) fn oaep(
        hash: CK_MECHANISM_TYPE,
        mgf: CK_RSA_PKCS_MGF_TYPE,
        source: CK_RSA_PKCS_OAEP_SOURCE_TYPE,
        label: Vec<u8>,
    ) -> Answer<Self> {
        // PKCS#11, CK_RSA_PKCS_OAEP_PARAMS: "If the parameter is empty, pSourceData must be NULL and ulSourceDataLen
        // must be zero." Some programs leave the source at zero too then.
        if source != CKZ_DATA_SPECIFIED && !(source == 0 && label.is_empty()) {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        let hash = hash_of(hash).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
        let mgf = mgf_hash(mgf).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
        Ok(Self::Oaep { hash, mgf, label })
    }

    pub(super) fn ecdh(kdf: CK_EC_KDF_TYPE, shared: Vec<u8>, peer: Vec<u8>) -> Answer<Self> {
        let kdf = kdf_hash(kdf)?;
        // PKCS#11, CK_ECDH1_DERIVE_PARAMS: "With the key derivation function CKD_NULL, pSharedData must be NULL and
        // ulSharedDataLen must be zero."
        if (kdf.is_none() && !shared.is_empty()) || peer.is_empty() {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        Ok(Self::Ecdh { kdf, shared, peer })
    }

    /// Ed25519 here is the pure one. With parameters it would be Ed25519ph (`phFlag`) or Ed25519ctx, whose context is
    /// not to be empty (RFC 8032, 5.1): a program that gives an empty one means the pure one.
    pub(super) fn eddsa(prehash: CK_BBOOL, context: &[u8]) -> Answer<Self> {
        if prehash == 0 && context.is_empty() { Ok(Self::None) } else { Err(Rv::MECHANISM_PARAM_INVALID) }
    }

    pub(super) fn ml_dsa(hedge: CK_HEDGE_TYPE, context: Vec<u8>) -> Answer<Self> {
        let hedge = match hedge {
            CKH_HEDGE_PREFERRED => Hedge::Preferred,
            CKH_HEDGE_REQUIRED => Hedge::Required,
            CKH_DETERMINISTIC_REQUIRED => Hedge::Never,
            _ => return Err(Rv::MECHANISM_PARAM_INVALID),
        };
        // FIPS 204, algorithm 2: "if |ctx| > 255 then return ⊥".
        if context.len() > 255 {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        Ok(Self::MlDsa { hedge, context })
    }
}

/// Returns the digest inside a `CKG_MGF1_`.
fn mgf_hash(mgf: CK_RSA_PKCS_MGF_TYPE) -> Option<Hash> {
    Some(match mgf {
        CKG_MGF1_SHA1 => Hash::Sha1,
        CKG_MGF1_SHA224 => Hash::Sha224,
        CKG_MGF1_SHA256 => Hash::Sha256,
        CKG_MGF1_SHA384 => Hash::Sha384,
        CKG_MGF1_SHA512 => Hash::Sha512,
        CKG_MGF1_SHA3_224 => Hash::Sha3_224,
        CKG_MGF1_SHA3_256 => Hash::Sha3_256,
        CKG_MGF1_SHA3_384 => Hash::Sha3_384,
        CKG_MGF1_SHA3_512 => Hash::Sha3_512,
        _ => return None,
    })
}

/// Returns the digest of a `CKD_`, and none for `CKD_NULL`.
fn kdf_hash(kdf: CK_EC_KDF_TYPE) -> Answer<Option<Hash>> {
    Ok(Some(match kdf {
        CKD_NULL => return Ok(None),
        CKD_SHA1_KDF => Hash::Sha1,
        CKD_SHA224_KDF => Hash::Sha224,
        CKD_SHA256_KDF => Hash::Sha256,
        CKD_SHA384_KDF => Hash::Sha384,
        CKD_SHA512_KDF => Hash::Sha512,
        CKD_SHA3_224_KDF => Hash::Sha3_224,
        CKD_SHA3_256_KDF => Hash::Sha3_256,
        CKD_SHA3_384_KDF => Hash::Sha3_384,
        CKD_SHA3_512_KDF => Hash::Sha3_512,
        _ => return Err(Rv::MECHANISM_PARAM_INVALID),
    }))
}
