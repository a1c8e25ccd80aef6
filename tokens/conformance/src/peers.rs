//! The other side of each mechanism: what verifies, encrypts, agrees and encapsulates.

use aws_lc_rs::digest as lc_digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::kem::{EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature as lc;
use aws_lc_rs::{agreement, signature::KeyPair as _};
use claviger_token::{Algorithm, Hash, Mechanism};
use ring::signature as ring;

/// Returns what the mechanism signs when the message is `message` and SHA-256 is the digest.
pub(crate) fn to_be_signed(algorithm: Algorithm, mechanism: Mechanism, message: &[u8]) -> Vec<u8> {
    match mechanism {
        Mechanism::Ecdsa | Mechanism::RsaPkcsPss => digest(Hash::Sha256, message),
        Mechanism::RsaPkcs => digest_info(message),
        Mechanism::RsaX509 => {
            let info = digest_info(message);
            let padding = algorithm.modulus_size().unwrap() - info.len() - 3;
            [&[0, 1][..], &vec![0xff; padding], &[0], &info].concat()
        }
        _ => message.to_vec(),
    }
}

/// Returns true where `signature` is the mechanism's for [`to_be_signed`] of the message.
pub(crate) fn verifies(
    algorithm: Algorithm,
    public_key: &[u8],
    mechanism: Mechanism,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let by_ring = |verification| {
        ring::UnparsedPublicKey::new(verification, raw(algorithm, public_key))
            .verify(message, signature)
            .is_ok()
    };
    match mechanism {
        Mechanism::EcdsaSha256 if algorithm == Algorithm::P256 => by_ring(&ring::ECDSA_P256_SHA256_FIXED),
        Mechanism::Ecdsa if algorithm == Algorithm::P256 => by_ring(&ring::ECDSA_P256_SHA256_FIXED),
        Mechanism::EcdsaSha384 if algorithm == Algorithm::P384 => by_ring(&ring::ECDSA_P384_SHA384_FIXED),
        Mechanism::Ecdsa | Mechanism::EcdsaSha256 => {
            ecdsa(algorithm, public_key, Hash::Sha256, message, signature)
        }
        Mechanism::EcdsaSha384 => ecdsa(algorithm, public_key, Hash::Sha384, message, signature),
        Mechanism::EcdsaSha512 => ecdsa(algorithm, public_key, Hash::Sha512, message, signature),
        Mechanism::Eddsa => by_ring(&ring::ED25519),
        Mechanism::RsaPkcs | Mechanism::RsaX509 | Mechanism::Sha256RsaPkcs => {
            by_ring(&ring::RSA_PKCS1_2048_8192_SHA256)
        }
        Mechanism::Sha384RsaPkcs => by_ring(&ring::RSA_PKCS1_2048_8192_SHA384),
        Mechanism::Sha512RsaPkcs => by_ring(&ring::RSA_PKCS1_2048_8192_SHA512),
        Mechanism::RsaPkcsPss | Mechanism::Sha256RsaPkcsPss => by_ring(&ring::RSA_PSS_2048_8192_SHA256),
        Mechanism::Sha384RsaPkcsPss => by_ring(&ring::RSA_PSS_2048_8192_SHA384),
        Mechanism::Sha512RsaPkcsPss => by_ring(&ring::RSA_PSS_2048_8192_SHA512),
        Mechanism::MlDsa => ml_dsa(algorithm, public_key, message, signature),
        Mechanism::RsaPkcsOaep | Mechanism::Ecdh1Derive | Mechanism::MlKem => {
            panic!("{mechanism} does not sign")
        }
    }
}

/// ring has no P-521 and no digest of another size; aws-lc takes the digest cut or filled to the curve's size,
/// which is the same number (FIPS 186-5, 6.4).
fn ecdsa(algorithm: Algorithm, public_key: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let (verification, size, whole) = match algorithm {
        Algorithm::P256 => (&lc::ECDSA_P256_SHA256_FIXED, 32, &lc_digest::SHA256),
        Algorithm::P384 => (&lc::ECDSA_P384_SHA384_FIXED, 48, &lc_digest::SHA384),
        _ => (&lc::ECDSA_P521_SHA512_FIXED, 64, &lc_digest::SHA512),
    };
    let mut digest = digest(hash, message);
    digest.truncate(size);
    let digest = [&vec![0; size - digest.len()][..], &digest].concat();
    let digest = lc_digest::Digest::import_less_safe(&digest, whole).unwrap();
    lc::UnparsedPublicKey::new(verification, raw(algorithm, public_key))
        .verify_digest(&digest, signature)
        .is_ok()
}

fn ml_dsa(algorithm: Algorithm, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let verification = match algorithm {
        Algorithm::MlDsa44 => &lc::ML_DSA_44,
        Algorithm::MlDsa65 => &lc::ML_DSA_65,
        _ => &lc::ML_DSA_87,
    };
    lc::UnparsedPublicKey::new(verification, raw(algorithm, public_key)).verify(message, signature).is_ok()
}

/// Encrypts for an RSA key with `RSA_PKCS`, or with `RSA_PKCS_OAEP`, that digest and that label.
pub(crate) fn encrypt(
    public_key: &[u8],
    mechanism: Mechanism,
    hash: Hash,
    label: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let key = PublicEncryptingKey::from_der(public_key).unwrap();
    let mut ciphertext = vec![0; key.key_size_bytes()];
    if mechanism == Mechanism::RsaPkcs {
        Pkcs1PublicEncryptingKey::new(key).unwrap().encrypt(plaintext, &mut ciphertext).unwrap();
        return ciphertext;
    }
    let oaep = match hash {
        Hash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Hash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Hash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        _ => &OAEP_SHA512_MGF1SHA512,
    };
    OaepPublicEncryptingKey::new(key)
        .unwrap()
        .encrypt(oaep, plaintext, &mut ciphertext, Some(label))
        .unwrap();
    ciphertext
}

/// Makes a key of the peer's and agrees with the public key: the peer's public key, raw, and the secret.
pub(crate) fn agree(algorithm: Algorithm, public_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let curve = match algorithm {
        Algorithm::P256 => &agreement::ECDH_P256,
        Algorithm::P384 => &agreement::ECDH_P384,
        Algorithm::P521 => &agreement::ECDH_P521,
        _ => &agreement::X25519,
    };
    let key = agreement::PrivateKey::generate(curve).unwrap();
    let peer = agreement::UnparsedPublicKey::new(curve, raw(algorithm, public_key));
    let secret = agreement::agree(&key, peer, (), |secret| Ok(secret.to_vec())).unwrap();
    (key.compute_public_key().unwrap().as_ref().to_vec(), secret)
}

/// Encapsulates for an ML-KEM key: ciphertext and secret.
pub(crate) fn encapsulate(algorithm: Algorithm, public_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let parameters = match algorithm {
        Algorithm::MlKem512 => &ML_KEM_512,
        Algorithm::MlKem768 => &ML_KEM_768,
        _ => &ML_KEM_1024,
    };
    let key = EncapsulationKey::new(parameters, raw(algorithm, public_key)).unwrap();
    let (ciphertext, secret) = key.encapsulate().unwrap();
    (ciphertext.as_ref().to_vec(), secret.as_ref().to_vec())
}

/// Makes a private key, DER PKCS#8, for a token that imports; `None` where aws-lc's safe interface writes none.
pub(crate) fn private_key(algorithm: Algorithm) -> Option<Vec<u8>> {
    imported(algorithm).map(|(document, _)| document)
}

/// Makes a private key, DER PKCS#8, and its public key, DER SubjectPublicKeyInfo.
pub(crate) fn imported(algorithm: Algorithm) -> Option<(Vec<u8>, Vec<u8>)> {
    let ec = |curve| {
        let key = lc::EcdsaKeyPair::generate(curve).unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        (key.to_pkcs8v1().unwrap().as_ref().to_vec(), public.as_ref().to_vec())
    };
    let rsa = |size| {
        let key = lc::RsaKeyPair::generate(size).unwrap();
        let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        (private.as_ref().to_vec(), public.as_ref().to_vec())
    };
    let ml_dsa = |parameters| {
        let key = lc::PqdsaKeyPair::generate(parameters).unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        (key.to_pkcs8v1().unwrap().as_ref().to_vec(), public.as_ref().to_vec())
    };
    Some(match algorithm {
        Algorithm::P256 => ec(&lc::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::P384 => ec(&lc::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::P521 => ec(&lc::ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::Ed25519 => {
            let key = lc::Ed25519KeyPair::generate().unwrap();
            let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
            // Version 2, with the public key in it.
            (key.to_pkcs8().unwrap().as_ref().to_vec(), public.as_ref().to_vec())
        }
        Algorithm::Rsa2048 => rsa(KeySize::Rsa2048),
        Algorithm::Rsa3072 => rsa(KeySize::Rsa3072),
        Algorithm::Rsa4096 => rsa(KeySize::Rsa4096),
        Algorithm::MlDsa44 => ml_dsa(&lc::ML_DSA_44_SIGNING),
        Algorithm::MlDsa65 => ml_dsa(&lc::ML_DSA_65_SIGNING),
        Algorithm::MlDsa87 => ml_dsa(&lc::ML_DSA_87_SIGNING),
        Algorithm::X25519 | Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024 => return None,
    })
}

/// Returns a digest.
pub(crate) fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha256 => &::ring::digest::SHA256,
        Hash::Sha384 => &::ring::digest::SHA384,
        Hash::Sha512 => &::ring::digest::SHA512,
        _ => panic!("the suite has no use for {hash}"),
    };
    ::ring::digest::digest(algorithm, message).as_ref().to_vec()
}

/// RFC 8017, 9.2, note 1.
fn digest_info(message: &[u8]) -> Vec<u8> {
    const SHA256: &[u8] = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    [SHA256, &digest(Hash::Sha256, message)].concat()
}

/// Returns the key inside a SubjectPublicKeyInfo: its headers have a fixed size for each algorithm.
fn raw(algorithm: Algorithm, public_key: &[u8]) -> &[u8] {
    let size = match algorithm {
        Algorithm::P256 => 65,
        Algorithm::P384 => 97,
        Algorithm::P521 => 133,
        Algorithm::Ed25519 | Algorithm::X25519 => 32,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => public_key.len() - 24,
        Algorithm::MlDsa44 => 1312,
        Algorithm::MlDsa65 => 1952,
        Algorithm::MlDsa87 => 2592,
        Algorithm::MlKem512 => 800,
        Algorithm::MlKem768 => 1184,
        Algorithm::MlKem1024 => 1568,
    };
    &public_key[public_key.len() - size..]
}
