//! Public keys: read from files, told apart, and written as PEM, DER and OpenSSH's line.

use std::path::Path;

use clap::ValueEnum;
use claviger_client::der::PublicKey;
use data_encoding::BASE64;
use pkcs8::ObjectIdentifier;
use pkcs8::der::Decode;
use pkcs8::spki::SubjectPublicKeyInfoRef;

use crate::{Problem, files};

pub(crate) use claviger_client::der::Curve;

/// What kind of key it is, as far as the choice of a mechanism needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An elliptic curve of NIST: signs with ECDSA, agrees on secrets.
    Ec(Curve),
    /// RSA: signs and decrypts.
    Rsa,
    /// Ed25519: signs.
    Ed25519,
    /// X25519: agrees on secrets.
    X25519,
    /// ML-DSA: signs.
    MlDsa,
    /// ML-KEM: opens encapsulated secrets.
    MlKem,
    /// Something newer.
    Other,
}

/// How a public key is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// PEM SubjectPublicKeyInfo, as OpenSSL reads it.
    #[default]
    Pem,
    /// DER SubjectPublicKeyInfo.
    Der,
    /// The line of OpenSSH's .pub and authorized_keys files.
    Ssh,
}

impl Kind {
    /// Returns the kind of the algorithm of that name, for example `P-256`.
    pub(crate) fn of_algorithm(name: &str) -> Self {
        match name {
            "P-256" => Self::Ec(Curve::P256),
            "P-384" => Self::Ec(Curve::P384),
            "P-521" => Self::Ec(Curve::P521),
            "Ed25519" => Self::Ed25519,
            "X25519" => Self::X25519,
            name if name.starts_with("RSA-") => Self::Rsa,
            name if name.starts_with("ML-DSA-") => Self::MlDsa,
            name if name.starts_with("ML-KEM-") => Self::MlKem,
            _ => Self::Other,
        }
    }

    /// Returns the kind of a SubjectPublicKeyInfo.
    pub(crate) fn of_public_key(spki: &[u8]) -> Self {
        match PublicKey::read(spki) {
            Some(PublicKey::Ec(curve, _)) => return Self::Ec(curve),
            Some(PublicKey::Rsa { .. }) => return Self::Rsa,
            Some(PublicKey::Ed25519(_)) => return Self::Ed25519,
            None => {}
        }
        match SubjectPublicKeyInfoRef::from_der(spki).map(|spki| spki.algorithm.oid) {
            Ok(X25519) => Self::X25519,
            Ok(oid) if ML_DSA.contains(&oid) => Self::MlDsa,
            Ok(oid) if ML_KEM.contains(&oid) => Self::MlKem,
            _ => Self::Other,
        }
    }

    /// Returns the mechanism that signs a message with such a key where none is named.
    pub(crate) const fn usual_signature(self) -> Option<&'static str> {
        match self {
            Self::Ec(Curve::P256) => Some("ECDSA_SHA256"),
            Self::Ec(Curve::P384) => Some("ECDSA_SHA384"),
            Self::Ec(Curve::P521) => Some("ECDSA_SHA512"),
            Self::Rsa => Some("SHA256_RSA_PKCS"),
            Self::Ed25519 => Some("EDDSA"),
            Self::MlDsa => Some("ML_DSA"),
            Self::X25519 | Self::MlKem | Self::Other => None,
        }
    }
}

/// Reads a public key from a file: PEM or DER SubjectPublicKeyInfo.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let contents = files::read(Some(path), LIMIT)?;
    from_bytes(&contents).ok_or_else(|| {
        let name = files::display(Some(path));
        Problem::Failed(format!("cannot read {name}: it is no public key (PEM or DER SubjectPublicKeyInfo)"))
    })
}

/// Returns the DER SubjectPublicKeyInfo that a file's contents are, if they are one.
pub(crate) fn from_bytes(contents: &[u8]) -> Option<Vec<u8>> {
    let der = match std::str::from_utf8(contents).ok().and_then(pem_body) {
        Some(body) => BASE64.decode(body.as_bytes()).ok()?,
        None => contents.to_vec(),
    };
    SubjectPublicKeyInfoRef::from_der(&der).is_ok().then_some(der)
}

/// Returns the Base64 between the lines of a PEM public key.
fn pem_body(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    Some(body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect())
}

/// Writes a SubjectPublicKeyInfo in that format. `comment` ends OpenSSH's line.
pub(crate) fn write(spki: &[u8], format: Format, comment: &str) -> Result<Vec<u8>, Problem> {
    match format {
        Format::Der => Ok(spki.to_vec()),
        Format::Pem => Ok(files::pem("PUBLIC KEY", spki).into_bytes()),
        Format::Ssh => {
            let blob = ssh_blob(spki).ok_or_else(|| {
                Problem::Failed("cannot write the key for OpenSSH: it has no such keys".to_owned())
            })?;
            let (kind, encoded) = (ssh_kind(&blob), BASE64.encode(&blob));
            Ok(format!("{kind} {encoded} {comment}").trim_end().to_owned().into_bytes()).map(
                |mut line: Vec<u8>| {
                    line.push(b'\n');
                    line
                },
            )
        }
    }
}

/// Returns the key in the wire format of RFC 4253, section 6.6, RFC 5656 and RFC 8709.
fn ssh_blob(spki: &[u8]) -> Option<Vec<u8>> {
    let mut blob = Vec::new();
    match PublicKey::read(spki)? {
        PublicKey::Ec(curve, point) => {
            let curve = curve.ssh_name();
            put(&mut blob, format!("ecdsa-sha2-{curve}").as_bytes())?;
            put(&mut blob, curve.as_bytes())?;
            put(&mut blob, point)?;
        }
        PublicKey::Ed25519(key) => {
            put(&mut blob, b"ssh-ed25519")?;
            put(&mut blob, key)?;
        }
        PublicKey::Rsa { modulus, exponent } => {
            put(&mut blob, b"ssh-rsa")?;
            put_number(&mut blob, exponent)?;
            put_number(&mut blob, modulus)?;
        }
    }
    Some(blob)
}

/// Returns the first string of a blob: what kind of key it is.
fn ssh_kind(blob: &[u8]) -> &str {
    let size = usize::from(blob.get(3).copied().unwrap_or(0));
    blob.get(4..4 + size).and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or_default()
}

fn put(blob: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    blob.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
    blob.extend_from_slice(bytes);
    Some(())
}

/// Puts a number that is not negative: one with the top bit set gets a zero before it.
fn put_number(blob: &mut Vec<u8>, number: &[u8]) -> Option<()> {
    match number.first() {
        Some(first) if first & 0x80 != 0 => put(blob, &[&[0], number].concat()),
        _ => put(blob, number),
    }
}

/// The largest public key file.
const LIMIT: usize = 64 * 1024;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ML_DSA: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"),
];
const ML_KEM: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.1"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.2"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.3"),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

    use super::{Curve, Format, Kind, read, write};
    use std::path::Path;
    use std::process::Command;

    fn run(folder: &Path, program: &str, arguments: &[&str]) {
        let output = Command::new(program).args(arguments).current_dir(folder).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn a_key_is_written_for_openssh_as_ssh_keygen_writes_it() {
        let kinds = [
            (["ecdsa", "256"], Kind::Ec(Curve::P256)),
            (["ecdsa", "384"], Kind::Ec(Curve::P384)),
            (["ecdsa", "521"], Kind::Ec(Curve::P521)),
            (["rsa", "2048"], Kind::Rsa),
        ];
        for ([name, bits], kind) in kinds {
            let folder = tempfile::tempdir().expect("a folder");
            let folder = folder.path();
            run(
                folder,
                "ssh-keygen",
                &["-q", "-t", name, "-b", bits, "-N", "", "-C", "me", "-m", "PEM", "-f", "key"],
            );
            run(folder, "openssl", &["pkey", "-in", "key", "-pubout", "-out", "key.pem"]);
            run(folder, "openssl", &["pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "key.der"]);
            let spki = read(&folder.join("key.pem")).expect("a public key");
            assert_eq!(spki, read(&folder.join("key.der")).expect("a public key"));
            assert_eq!(Kind::of_public_key(&spki), kind);
            let line = write(&spki, Format::Ssh, "me").expect("a line");
            assert_eq!(line, std::fs::read(folder.join("key.pub")).expect("a file"));
            let pem = write(&spki, Format::Pem, "").expect("PEM");
            assert_eq!(pem, std::fs::read(folder.join("key.pem")).expect("a file"));
        }
    }

    #[test]
    fn a_key_that_openssh_does_not_know_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        run(folder, "openssl", &["genpkey", "-algorithm", "x25519", "-out", "key"]);
        run(folder, "openssl", &["pkey", "-in", "key", "-pubout", "-out", "key.pem"]);
        let spki = read(&folder.join("key.pem")).expect("a public key");
        assert_eq!(Kind::of_public_key(&spki), Kind::X25519);
        assert!(write(&spki, Format::Ssh, "").is_err());
        assert!(read(&folder.join("key")).is_err(), "a private key is no public key");
    }
}
