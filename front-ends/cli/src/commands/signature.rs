use claviger_client::blocking::Client;
use claviger_client::{ByteBuf, SignOptions, VerifyOptions};
use serde_json::json;

use super::patience::Patience;
use super::{connect, look_at, say};
use crate::cli::{Global, Parameters, Peer, Say, Sign, Verify};
use crate::files::{Form, Input, Output};
use crate::public::Kind;
use crate::{Problem, files, public};

/// `claviger sign`
pub(super) fn sign(global: &Global, options: Sign) -> Result<(), Problem> {
    let Sign { key, parameters, say: Say { reason }, data } = options;
    let input = files::open(data.file.as_deref())?;
    let client = connect(global)?;
    let mechanism = match parameters.mechanism.as_str() {
        "" => usual(&client, &key)?,
        named => named.to_owned(),
    };
    let Parameters { mechanism: _, hash, mgf_hash, salt_length, context, raw } = parameters;
    let context = context.map(|text| ByteBuf::from(text.into_bytes()));
    let format = format(&mechanism, raw);
    let options =
        SignOptions { reason, hash, mgf_hash, salt_length, context, format, ..SignOptions::default() };
    let waiting = Patience::with("signing");
    let signature = match input {
        Input::Bytes(bytes) => client.sign(&key, &mechanism, &bytes, &options)?,
        Input::File(file) => client.sign_file(&key, &mechanism, &file, &options)?,
    };
    drop(waiting);
    Output::new(data.output, global.json).bytes("signature", &signature, Form::Binary)
}

/// Returns the key's usual mechanism: which form of signature to ask for depends on it.
fn usual(client: &Client, key: &str) -> Result<String, Problem> {
    let (_, row) = look_at(client, key, "sign with")?;
    // Where there is none, the daemon says why it cannot sign.
    Ok(Kind::of_algorithm(&row.algorithm).usual_signature().unwrap_or_default().to_owned())
}

/// Returns the form of an ECDSA signature; other mechanisms have one form only and know no such option.
fn format(mechanism: &str, raw: bool) -> Option<String> {
    let is_ecdsa = mechanism.trim_start_matches("CKM_").starts_with("ECDSA");
    is_ecdsa.then(|| if raw { "raw" } else { "der" }.to_owned())
}

/// `claviger verify`
pub(super) fn verify(global: &Global, options: &Verify) -> Result<(), Problem> {
    let signature = files::read(Some(&options.signature), SIGNATURE_LIMIT)?;
    let input = files::open(options.file.as_deref())?;
    let client = connect(global)?;
    let public_key = public_key(&client, &options.peer, "verify with")?;
    let mechanism = match options.parameters.mechanism.as_str() {
        "" => Kind::of_public_key(&public_key).usual_signature().ok_or_else(|| {
            Problem::Usage(
                "cannot verify: such a key makes no signatures (or name the --mechanism)".to_owned(),
            )
        })?,
        named => named,
    };
    let Parameters { mechanism: _, hash, mgf_hash, salt_length, context, raw } = &options.parameters;
    let context = context.as_ref().map(|text| ByteBuf::from(text.clone().into_bytes()));
    let options = VerifyOptions {
        hash: hash.clone(),
        mgf_hash: mgf_hash.clone(),
        salt_length: *salt_length,
        context,
        format: format(mechanism, *raw),
    };
    let valid = match input {
        Input::Bytes(bytes) => client.verify(&public_key, mechanism, &bytes, &signature, &options)?,
        Input::File(file) => client.verify_file(&public_key, mechanism, &file, &signature, &options)?,
    };
    if global.json {
        files::json(&json!({ "valid": valid }))?;
    }
    if valid { say(global, "the signature is right") } else { Err(Problem::BadSignature) }
}

/// Returns the public key that was named.
pub(super) fn public_key(client: &Client, peer: &Peer, doing: &str) -> Result<Vec<u8>, Problem> {
    match (&peer.key, &peer.public) {
        (Some(key), _) => Ok(look_at(client, key, doing)?.1.public_key.into_vec()),
        (None, Some(file)) => public::read(file),
        (None, None) => Err(Problem::Usage("name a key with --key or --public".to_owned())),
    }
}

/// The largest signature (ML-DSA-87 has 4,627 bytes).
const SIGNATURE_LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn only_ecdsa_has_two_forms() {
        assert_eq!(format("ECDSA_SHA256", false).as_deref(), Some("der"));
        assert_eq!(format("CKM_ECDSA", true).as_deref(), Some("raw"));
        assert_eq!(format("EDDSA", false), None);
        assert_eq!(format("SHA256_RSA_PKCS", true), None);
    }
}
