//! The host's part of a plan: what is done before the token, and what after.

use claviger_core::plan::{After, Before, Padding, Plan, Unpadding};
use claviger_core::{Format, Refusal};
use claviger_soft as soft;
use claviger_token::{Algorithm, KeyInfo, Parameters, Purpose, TokenOutput};

use crate::files;
use crate::pipeline::Data;
use crate::service::Service;

/// Does what the plan wants of the host before the token: hashing, wrapping, padding.
pub(crate) async fn before(
    service: &Service,
    uid: u32,
    plan: &Plan,
    algorithm: Algorithm,
    data: Data,
) -> Result<Vec<u8>, Refusal> {
    let hash = match plan.before {
        Before::AsIs => None,
        Before::Digest(hash) | Before::DigestInfo(hash) => Some(hash),
        Before::Pad { digest, .. } => digest,
    };
    let data = match (data, hash) {
        (Data::Bytes(bytes), None) => bytes,
        (Data::Bytes(bytes), Some(hash)) => soft::digest(hash, &bytes),
        (Data::File(file), None) => files::read(&service.permits, uid, file, FILE_LIMIT).await?,
        (Data::File(file), Some(hash)) => files::digest(&service.permits, uid, file, hash).await?,
    };
    Ok(match plan.before {
        Before::AsIs | Before::Digest(_) => data,
        Before::DigestInfo(hash) => soft::digest_info(hash, &data),
        Before::Pad { padding: Padding::Pkcs1 { wrap, size }, .. } => {
            let info = match wrap {
                Some(hash) => soft::digest_info(hash, &data),
                None => data,
            };
            soft::pkcs1_encode(&info, size)?
        }
        Before::Pad { padding: Padding::Pss { hash, mgf_hash, salt, .. }, .. } => {
            let salt_length = u32::try_from(salt).ok();
            let parameters = Parameters { mgf_hash: Some(mgf_hash), salt_length, ..Parameters::default() };
            soft::pss_encode(algorithm, hash, &parameters, &data)?
        }
    })
}

/// What stays with the host while the token works, for what comes after.
pub(crate) struct Kept {
    data: Vec<u8>,
    check: bool,
}

/// Keeps of the data what [`check`] and [`after`] will need. A token that `vouches` for the key has shown it: its
/// signatures need no check.
pub(crate) fn keep(plan: &Plan, vouches: bool, data: &[u8]) -> Kept {
    let check = plan.purpose == Purpose::Sign && !vouches;
    let needed = check || plan.after == After::Unpad(Unpadding::Pkcs1);
    Kept { data: if needed { data.to_vec() } else { Vec::new() }, check }
}

/// Holds a signature against the known public key, where the token does not tell which key it used.
pub(crate) fn check(plan: &Plan, key: &KeyInfo, kept: &Kept, output: &TokenOutput) -> Result<(), Refusal> {
    let TokenOutput::Signature(signature) = output else { return Ok(()) };
    let Plan { mechanism, parameters, .. } = plan;
    if !kept.check || soft::is_signed(&key.public_key, *mechanism, parameters, &kept.data, signature)? {
        return Ok(());
    }
    Err(Refusal::WrongToken("another key stands at its place on the token".into()))
}

/// Does what the plan wants of the host after the token: the form of a signature, a derivation, unpadding.
pub(crate) fn after(
    service: &Service,
    after: &After,
    algorithm: Algorithm,
    kept: &Kept,
    output: TokenOutput,
) -> Result<Vec<u8>, Refusal> {
    match (after, output) {
        (After::Signature(Format::Raw), TokenOutput::Signature(signature)) => Ok(signature),
        (After::Signature(Format::Der), TokenOutput::Signature(signature)) => {
            Ok(soft::ecdsa_raw_to_der(algorithm, &signature)?)
        }
        (After::Plaintext, TokenOutput::Plaintext(secret))
        | (After::Secret, TokenOutput::SharedSecret(secret)) => Ok(secret.expose().to_vec()),
        (After::Unpad(Unpadding::Pkcs1), TokenOutput::Plaintext(block)) => {
            let plaintext = soft::unpad_pkcs1(&block, &kept.data, &service.rejection)?;
            Ok(plaintext.expose().to_vec())
        }
        (After::Unpad(Unpadding::Oaep(parameters)), TokenOutput::Plaintext(block)) => {
            Ok(soft::unpad_oaep(&block, parameters)?.expose().to_vec())
        }
        (After::Hkdf { hash, info, length }, TokenOutput::SharedSecret(secret)) => {
            Ok(soft::hkdf(&secret, *hash, info, *length)?.expose().to_vec())
        }
        (
            After::Signature(_) | After::Plaintext | After::Unpad(_) | After::Secret | After::Hkdf { .. },
            TokenOutput::Signature(_)
            | TokenOutput::Plaintext(_)
            | TokenOutput::SharedSecret(_)
            | TokenOutput::Generated(_)
            | TokenOutput::Done,
        ) => Err(Refusal::Internal("the token answered something else than it was asked".into())),
    }
}

/// The most that is read of a file which the token wants whole (EdDSA and ML-DSA cannot be pre-hashed).
const FILE_LIMIT: usize = 1024 * 1024;
