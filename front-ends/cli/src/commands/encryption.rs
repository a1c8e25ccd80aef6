use claviger_client::names::DATA_LIMIT;
use claviger_client::{ByteBuf, DecapsulateOptions, DecryptOptions, DeriveOptions, EncryptOptions};
use data_encoding::BASE64;
use serde_json::json;

use super::signature::public_key;
use super::{connect, look_at};
use crate::cli::{Decrypt, Derive, Encrypt, Global, Oaep, Say};
use crate::files::{Form, Output};
use crate::public::Kind;
use crate::{Problem, files, public};

/// `claviger encrypt`
pub(super) fn encrypt(global: &Global, options: Encrypt) -> Result<(), Problem> {
    let Encrypt { peer, mechanism, oaep, secret_output, data } = options;
    let client = connect(global)?;
    let public_key = public_key(&client, &peer, "encrypt to")?;
    let mechanism = mechanism.map_or_else(|| usual(Kind::of_public_key(&public_key), "encrypt"), Ok)?;
    let output = Output::new(data.output, global.json);
    if is_encapsulation(&mechanism) {
        let (ciphertext, secret) = client.encapsulate(&public_key, &mechanism)?;
        return match secret_output {
            Some(path) => {
                files::write_private(&path, secret.as_bytes())?;
                output.bytes("ciphertext", &ciphertext, Form::Binary)
            }
            None if global.json => files::json(&json!({
                "ciphertext": BASE64.encode(&ciphertext), "secret": BASE64.encode(secret.as_bytes()),
            })),
            None => Err(Problem::Usage(
                "ML_KEM makes a secret: say with --secret-output FILE where it is to go".to_owned(),
            )),
        };
    }
    let plaintext = files::read(data.file.as_deref(), DATA_LIMIT)?;
    let (hash, mgf_hash, label) = oaep_options(oaep);
    let options = EncryptOptions { hash, mgf_hash, label };
    let ciphertext = client.encrypt(&public_key, &mechanism, &plaintext, &options)?;
    output.bytes("ciphertext", &ciphertext, Form::Binary)
}

/// `claviger decrypt`
pub(super) fn decrypt(global: &Global, options: Decrypt) -> Result<(), Problem> {
    let Decrypt { key, mechanism, oaep, say: Say { reason }, data } = options;
    let client = connect(global)?;
    let ciphertext = files::read(data.file.as_deref(), DATA_LIMIT)?;
    let mechanism = match (mechanism, key.as_str()) {
        (Some(mechanism), _) => mechanism,
        // Which key is the default one for decrypting the daemon knows; only RSA keys can.
        (None, "") => OAEP.to_owned(),
        (None, key) => {
            usual(Kind::of_algorithm(&look_at(&client, key, "decrypt with")?.1.algorithm), "decrypt")?
        }
    };
    let output = Output::new(data.output, global.json);
    if is_encapsulation(&mechanism) {
        let options = DecapsulateOptions { reason, ..DecapsulateOptions::default() };
        let secret = client.decapsulate(&key, &mechanism, &ciphertext, &options)?;
        return output.bytes("secret", secret.as_bytes(), Form::Binary);
    }
    let (hash, mgf_hash, label) = oaep_options(oaep);
    let options = DecryptOptions { reason, hash, mgf_hash, label, ..DecryptOptions::default() };
    let plaintext = client.decrypt(&key, &mechanism, &ciphertext, &options)?;
    if global.json {
        return output.bytes("plaintext", plaintext.as_bytes(), Form::Binary);
    }
    // It may be text, for people as well.
    output.write(plaintext.as_bytes())
}

/// `claviger derive`
pub(super) fn derive(global: &Global, options: Derive) -> Result<(), Problem> {
    let Derive { key, mechanism, kdf, hash, info, length, say: Say { reason }, peer, output } = options;
    let client = connect(global)?;
    let peer = files::read(Some(&peer), DATA_LIMIT)?;
    // Neither PEM nor DER: a bare point, which the daemon checks.
    let peer = public::from_bytes(&peer).unwrap_or_else(|| peer.to_vec());
    let shared_info = info.map(|text| ByteBuf::from(text.into_bytes()));
    // `null` is the daemon's default too, and stands alone: the others belong to HKDF.
    let kdf = (kdf != "null").then_some(kdf);
    let options = DeriveOptions { reason, kdf, hash, shared_info, length, ..DeriveOptions::default() };
    let secret = client.derive(&key, &mechanism, &peer, &options)?;
    Output::new(output, global.json).bytes("secret", secret.as_bytes(), Form::Binary)
}

/// Returns the mechanism for a key where none is named.
fn usual(kind: Kind, verb: &str) -> Result<String, Problem> {
    let instead = match kind {
        Kind::Rsa => return Ok(OAEP.to_owned()),
        Kind::Ec(_) | Kind::X25519 => "it agrees on secrets: `claviger derive`",
        Kind::MlKem => "it makes and opens secrets: name --mechanism ML_KEM",
        Kind::Ed25519 | Kind::MlDsa => "it signs only",
        Kind::Other => "name the --mechanism",
    };
    Err(Problem::Usage(format!("cannot {verb} with such a key: {instead}")))
}

fn is_encapsulation(mechanism: &str) -> bool {
    mechanism.trim_start_matches("CKM_") == "ML_KEM"
}

fn oaep_options(oaep: Oaep) -> (Option<String>, Option<String>, Option<ByteBuf>) {
    let Oaep { hash, mgf_hash, oaep_label } = oaep;
    (hash, mgf_hash, oaep_label.map(|text| ByteBuf::from(text.into_bytes())))
}

const OAEP: &str = "RSA_PKCS_OAEP";

#[cfg(test)]
mod tests {
    use super::usual;
    use crate::public::Kind;

    #[test]
    fn a_key_that_cannot_encrypt_says_what_it_can() {
        assert_eq!(usual(Kind::Rsa, "encrypt").ok().as_deref(), Some("RSA_PKCS_OAEP"));
        let why = usual(Kind::X25519, "encrypt").err().map(|problem| problem.to_string());
        assert!(why.is_some_and(|why| why.contains("claviger derive")));
        assert!(usual(Kind::MlKem, "decrypt").is_err_and(|why| why.to_string().contains("ML_KEM")));
    }
}
