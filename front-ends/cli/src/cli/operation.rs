use std::path::PathBuf;

use clap::Args;

/// What is worked on, and where the result goes.
#[derive(Debug, Args)]
pub struct Data {
    /// The file; standard input unless told, or with -.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write to this file, not to standard output. On a terminal, results that are no text are shown as Base64.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What a signature mechanism needs beside data.
#[derive(Debug, Args)]
pub struct Parameters {
    /// The mechanism, as in PKCS#11 without CKM_; the key's usual one unless told.
    #[arg(short, long, value_name = "MECHANISM", default_value = "", hide_default_value = true)]
    pub mechanism: String,
    /// The digest of RSA_PKCS_PSS.
    #[arg(long)]
    pub hash: Option<String>,
    /// The digest inside MGF1; the same as --hash unless told.
    #[arg(long, value_name = "HASH")]
    pub mgf_hash: Option<String>,
    /// PSS salt in bytes; the size of the digest unless told.
    #[arg(long, value_name = "BYTES")]
    pub salt_length: Option<u32>,
    /// ML-DSA context.
    #[arg(long, value_name = "TEXT")]
    pub context: Option<String>,
    /// ECDSA signatures as r || s, not as DER.
    #[arg(long)]
    pub raw: bool,
}

/// What the owner of the key is told and asked.
#[derive(Debug, Args)]
pub struct Say {
    /// What it is for: shown to whoever is asked for a PIN, a pass phrase or a yes; at most 200 bytes.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Whose public key.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Peer {
    /// One of your own keys.
    #[arg(short, long)]
    pub key: Option<String>,
    /// A file with a public key: PEM or DER SubjectPublicKeyInfo.
    #[arg(short, long, value_name = "FILE")]
    pub public: Option<PathBuf>,
}

/// `claviger sign`
#[derive(Debug, Args)]
pub struct Sign {
    /// The key; the default key for signing unless told.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    pub key: String,
    /// How.
    #[command(flatten)]
    pub parameters: Parameters,
    /// What for.
    #[command(flatten)]
    pub say: Say,
    /// What.
    #[command(flatten)]
    pub data: Data,
}

/// `claviger verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Whose signature it is said to be.
    #[command(flatten)]
    pub peer: Peer,
    /// The file with the signature.
    #[arg(short, long, value_name = "FILE")]
    pub signature: PathBuf,
    /// How.
    #[command(flatten)]
    pub parameters: Parameters,
    /// What was signed; standard input unless told, or with -.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `claviger encrypt`
#[derive(Debug, Args)]
pub struct Encrypt {
    /// To whom.
    #[command(flatten)]
    pub peer: Peer,
    /// The mechanism; RSA_PKCS_OAEP for RSA keys unless told. ML_KEM makes a secret: it takes no FILE.
    #[arg(short, long, value_name = "MECHANISM")]
    pub mechanism: Option<String>,
    /// How.
    #[command(flatten)]
    pub oaep: Oaep,
    /// With ML_KEM: where the secret itself goes. The output is the encapsulated one.
    #[arg(long, value_name = "FILE")]
    pub secret_output: Option<PathBuf>,
    /// What.
    #[command(flatten)]
    pub data: Data,
}

/// `claviger decrypt`
#[derive(Debug, Args)]
pub struct Decrypt {
    /// The key; the default key for decrypting unless told.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    pub key: String,
    /// The mechanism; RSA_PKCS_OAEP for RSA keys unless told. ML_KEM opens an encapsulated secret.
    #[arg(short, long, value_name = "MECHANISM")]
    pub mechanism: Option<String>,
    /// How.
    #[command(flatten)]
    pub oaep: Oaep,
    /// What for.
    #[command(flatten)]
    pub say: Say,
    /// What.
    #[command(flatten)]
    pub data: Data,
}

/// What OAEP needs.
#[derive(Debug, Args)]
pub struct Oaep {
    /// The digest of OAEP; SHA256 unless told.
    #[arg(long)]
    pub hash: Option<String>,
    /// The digest inside MGF1; the same as --hash unless told.
    #[arg(long, value_name = "HASH")]
    pub mgf_hash: Option<String>,
    /// OAEP label.
    #[arg(long, value_name = "TEXT")]
    pub oaep_label: Option<String>,
}

/// `claviger derive`
#[derive(Debug, Args)]
pub struct Derive {
    /// The key; the default key for deriving unless told.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    pub key: String,
    /// The mechanism.
    #[arg(short, long, value_name = "MECHANISM", default_value = "ECDH1_DERIVE")]
    pub mechanism: String,
    /// What is done with the agreed secret.
    #[arg(long, value_parser = ["null", "hkdf"], default_value = "null")]
    pub kdf: String,
    /// The digest of HKDF; SHA256 unless told.
    #[arg(long)]
    pub hash: Option<String>,
    /// HKDF's info.
    #[arg(long, value_name = "TEXT")]
    pub info: Option<String>,
    /// Bytes wanted from HKDF; the size of the digest unless told.
    #[arg(long, value_name = "BYTES")]
    pub length: Option<u32>,
    /// What for.
    #[command(flatten)]
    pub say: Say,
    /// The peer's public key: PEM or DER SubjectPublicKeyInfo, or the bare point.
    #[arg(value_name = "PEER")]
    pub peer: PathBuf,
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `claviger digest`
#[derive(Debug, Args)]
pub struct Digest {
    /// The digest: SHA256, SHA384, SHA512, SHA3-256, …
    #[arg(long, default_value = "SHA256")]
    pub hash: String,
    /// The digest's bytes, not hexadecimal.
    #[arg(long)]
    pub binary: bool,
    /// What.
    #[command(flatten)]
    pub data: Data,
}

/// `claviger random`
#[derive(Debug, Args)]
pub struct Random {
    /// How many bytes, at most 1 MiB.
    #[arg(value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub length: u32,
    /// Hexadecimal, not bytes.
    #[arg(long)]
    pub hex: bool,
    /// From this phone's generator, not from the system's; at most 4096 bytes.
    #[arg(long, value_name = "PHONE")]
    pub token: Option<String>,
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
