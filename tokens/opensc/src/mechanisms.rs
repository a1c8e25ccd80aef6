use claviger_card::CardError;
use claviger_token::{Algorithm, Hash, Mechanism, Parameters};
use cryptoki::mechanism as p11;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};

/// Returns the mechanism with its parameters as PKCS#11 has it.
///
/// # Errors
/// [`CardError::MechanismNotSupported`] for what cards do not do themselves.
pub(crate) fn mechanism<'a>(
    mechanism: Mechanism,
    algorithm: Algorithm,
    parameters: &'a Parameters,
) -> Result<p11::Mechanism<'a>, CardError> {
    let unsupported = CardError::MechanismNotSupported(mechanism, algorithm);
    let hash = parameters.hash_or_default();
    let mgf_hash = parameters.mgf_hash_or(hash);
    let hashes = digest(hash).zip(mask(mgf_hash));
    match mechanism {
        Mechanism::RsaPkcs => Ok(p11::Mechanism::RsaPkcs),
        Mechanism::RsaX509 => Ok(p11::Mechanism::RsaX509),
        Mechanism::Ecdsa => Ok(p11::Mechanism::Ecdsa),
        Mechanism::Eddsa => Ok(p11::Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure))),
        Mechanism::RsaPkcsPss => {
            let (hash_alg, mgf) = hashes.ok_or(unsupported)?;
            let salt = parameters.salt_length.map_or(hash.size() as u64, u64::from);
            Ok(p11::Mechanism::RsaPkcsPss(PkcsPssParams { hash_alg, mgf, s_len: salt.into() }))
        }
        Mechanism::RsaPkcsOaep => {
            let (hash_alg, mgf) = hashes.ok_or(unsupported)?;
            let label = parameters.label.as_deref();
            let source = label.map_or(PkcsOaepSource::empty(), PkcsOaepSource::data_specified);
            Ok(p11::Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash_alg, mgf, source)))
        }
        Mechanism::EcdsaSha256
        | Mechanism::EcdsaSha384
        | Mechanism::EcdsaSha512
        | Mechanism::Sha256RsaPkcs
        | Mechanism::Sha384RsaPkcs
        | Mechanism::Sha512RsaPkcs
        | Mechanism::Sha256RsaPkcsPss
        | Mechanism::Sha384RsaPkcsPss
        | Mechanism::Sha512RsaPkcsPss
        | Mechanism::Ecdh1Derive
        | Mechanism::MlDsa
        | Mechanism::MlKem => Err(unsupported),
    }
}

fn digest(hash: Hash) -> Option<p11::MechanismType> {
    match hash {
        Hash::Sha1 => Some(p11::MechanismType::SHA1),
        Hash::Sha224 => Some(p11::MechanismType::SHA224),
        Hash::Sha256 => Some(p11::MechanismType::SHA256),
        Hash::Sha384 => Some(p11::MechanismType::SHA384),
        Hash::Sha512 => Some(p11::MechanismType::SHA512),
        Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => None,
    }
}

fn mask(hash: Hash) -> Option<PkcsMgfType> {
    match hash {
        Hash::Sha1 => Some(PkcsMgfType::MGF1_SHA1),
        Hash::Sha224 => Some(PkcsMgfType::MGF1_SHA224),
        Hash::Sha256 => Some(PkcsMgfType::MGF1_SHA256),
        Hash::Sha384 => Some(PkcsMgfType::MGF1_SHA384),
        Hash::Sha512 => Some(PkcsMgfType::MGF1_SHA512),
        Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => None,
    }
}
