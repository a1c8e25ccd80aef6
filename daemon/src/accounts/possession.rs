//! Proves that a card or phone has the private key of a public one, before anything is bound to it.

use std::sync::Arc;

use claviger_core::Refusal;
use claviger_soft as soft;
use claviger_token::{
    Algorithm, Binding, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Token, TokenError, TokenOp,
    TokenOutput, Usage,
};

use super::statement::Statement;

/// A key that a token says it has.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// Where it stands there.
    pub(super) reference: &'a str,
    /// What kind it is.
    pub(super) algorithm: Algorithm,
    /// What it can be used for.
    pub(super) usage: Usage,
    /// Its public key.
    pub(super) public_key: &'a Arc<[u8]>,
}

/// Has the token use the key on a fresh challenge and checks the answer with the public key.
///
/// A key that signs signs a statement that can serve nobody else: it begins with what it is for and names the
/// token and the user.
pub(super) async fn prove(token: &dyn Token, key: Candidate<'_>, uid: u32) -> Result<(), Refusal> {
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
            format!(
                "the {} has another private key at {} than its public key says",
                token.kind().name(),
                key.reference
            )
            .into(),
        )),
        Err(error) => Err(Refusal::of_token(token.kind(), error)),
    }
}

async fn signs(token: &dyn Token, key: Candidate<'_>, uid: u32) -> Result<bool, TokenError> {
    let statement = Statement::of_enrolment(token.id(), uid)?;
    let handle = handle(key, uid);
    let operation = statement.ask(&handle, &token.capabilities())?;
    statement.is_signed(&handle.info, &token.perform(operation).await?)
}

async fn decrypts(token: &dyn Token, key: Candidate<'_>) -> Result<bool, TokenError> {
    let challenge = soft::random(CHALLENGE)?;
    let none = Parameters::default();
    let ciphertext = soft::encrypt(key.public_key, Mechanism::RsaPkcs, &none, challenge.expose())?;
    let raw = !token.capabilities().mechanisms.contains(&Mechanism::RsaPkcs);
    let mechanism = if raw { Mechanism::RsaX509 } else { Mechanism::RsaPkcs };
    let operation =
        TokenOp::Decrypt { key: handle(key, 0), mechanism, parameters: none, ciphertext: ciphertext.clone() };
    let TokenOutput::Plaintext(plaintext) = token.perform(operation).await? else { return Ok(false) };
    let plaintext = if raw { soft::unpad_pkcs1(&plaintext, &ciphertext, &challenge)? } else { plaintext };
    Ok(plaintext.expose() == challenge.expose())
}

async fn agrees(token: &dyn Token, key: Candidate<'_>) -> Result<bool, TokenError> {
    let (peer, secret) = soft::agree(key.public_key)?;
    let operation = TokenOp::Derive { key: handle(key, 0), mechanism: Mechanism::Ecdh1Derive, peer };
    let TokenOutput::SharedSecret(agreed) = token.perform(operation).await? else { return Ok(false) };
    Ok(agreed.expose() == secret.expose())
}

/// Returns the key as the token finds it; it belongs to nobody yet.
fn handle(key: Candidate<'_>, uid: u32) -> KeyHandle {
    let id = KeyId::from_bytes([0; 16]);
    let info =
        KeyInfo { id, algorithm: key.algorithm, usage: key.usage, public_key: Arc::clone(key.public_key) };
    KeyHandle {
        info: Arc::new(info),
        reference: key.reference.into(),
        record: None,
        binding: Arc::new(Binding { uid, user_name: String::new(), key: id, created: 0 }),
    }
}

/// Random bytes of a challenge.
const CHALLENGE: usize = 32;
