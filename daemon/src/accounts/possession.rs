//! Proves that a card has the private key of a public one, before anything is bound to it.

use std::sync::Arc;

use claviger_card::{CardKey, CardToken};
use claviger_core::Refusal;
use claviger_soft as soft;
use claviger_token::{
    Algorithm, Binding, Hash, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Token, TokenError, TokenKind,
    TokenOp, TokenOutput,
};

/// Has the card use the key on a fresh challenge and checks the answer with the public key.
///
/// A key that signs signs a statement that can serve nobody else: it begins with what it is for and names the
/// card and the user.
pub(super) async fn prove(token: &CardToken, key: &CardKey, uid: u32) -> Result<(), Refusal> {
    let usage = key.usage;
    let proven = if usage.sign {
        signs(token, key, uid).await
    } else if usage.decrypt {
        decrypts(token, key).await
    } else {
        agrees(token, key).await
    };
    match proven {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::WrongToken(
            format!("the card has another private key at {} than its public key says", key.reference).into(),
        )),
        Err(error) => Err(Refusal::of_token(TokenKind::Card, error)),
    }
}

async fn signs(token: &CardToken, key: &CardKey, uid: u32) -> Result<bool, TokenError> {
    let challenge = soft::random(CHALLENGE)?;
    let mut statement = format!("claviger enrol v1\n{}\n{uid}\n", token.id()).into_bytes();
    statement.extend_from_slice(challenge.expose());
    let digest = || soft::digest(Hash::Sha256, &statement);
    let can = |mechanism| token.capabilities().mechanisms.contains(&mechanism);
    let (mechanism, data, checked) = match key.algorithm {
        Algorithm::Ed25519 => (Mechanism::Eddsa, statement.clone(), Mechanism::Eddsa),
        _ if key.algorithm.modulus_size().is_none() => (Mechanism::Ecdsa, digest(), Mechanism::EcdsaSha256),
        _ => {
            let info = soft::digest_info(Hash::Sha256, &digest());
            let size = key.algorithm.modulus_size().unwrap_or_default();
            if can(Mechanism::RsaPkcs) {
                (Mechanism::RsaPkcs, info, Mechanism::Sha256RsaPkcs)
            } else {
                let block = soft::pkcs1_encode(&info, size)?;
                (Mechanism::RsaX509, block, Mechanism::Sha256RsaPkcs)
            }
        }
    };
    let operation =
        TokenOp::Sign { key: handle(key, uid), mechanism, parameters: Parameters::default(), data };
    let TokenOutput::Signature(signature) = token.perform(operation).await? else { return Ok(false) };
    soft::verify(&key.public_key, checked, &Parameters::default(), &statement, &signature)
}

async fn decrypts(token: &CardToken, key: &CardKey) -> Result<bool, TokenError> {
    let challenge = soft::random(CHALLENGE)?;
    let none = Parameters::default();
    let ciphertext = soft::encrypt(&key.public_key, Mechanism::RsaPkcs, &none, challenge.expose())?;
    let raw = !token.capabilities().mechanisms.contains(&Mechanism::RsaPkcs);
    let mechanism = if raw { Mechanism::RsaX509 } else { Mechanism::RsaPkcs };
    let operation =
        TokenOp::Decrypt { key: handle(key, 0), mechanism, parameters: none, ciphertext: ciphertext.clone() };
    let TokenOutput::Plaintext(plaintext) = token.perform(operation).await? else { return Ok(false) };
    let plaintext = if raw { soft::unpad_pkcs1(&plaintext, &ciphertext, &challenge)? } else { plaintext };
    Ok(plaintext.expose() == challenge.expose())
}

async fn agrees(token: &CardToken, key: &CardKey) -> Result<bool, TokenError> {
    let (peer, secret) = soft::agree(&key.public_key)?;
    let operation = TokenOp::Derive { key: handle(key, 0), mechanism: Mechanism::Ecdh1Derive, peer };
    let TokenOutput::SharedSecret(agreed) = token.perform(operation).await? else { return Ok(false) };
    Ok(agreed.expose() == secret.expose())
}

/// Returns the key as the token finds it; it belongs to nobody yet.
fn handle(key: &CardKey, uid: u32) -> KeyHandle {
    let id = KeyId::from_bytes([0; 16]);
    let info =
        KeyInfo { id, algorithm: key.algorithm, usage: key.usage, public_key: Arc::clone(&key.public_key) };
    KeyHandle {
        info: Arc::new(info),
        reference: key.reference.as_str().into(),
        record: None,
        binding: Arc::new(Binding { uid, user_name: String::new(), key: id, created: 0 }),
    }
}

/// Random bytes of a challenge.
const CHALLENGE: usize = 32;
