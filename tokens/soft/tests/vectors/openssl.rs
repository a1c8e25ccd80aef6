//! The `openssl` command.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use claviger_token::{Algorithm, Hash};
use tempfile::TempDir;

/// A folder for what `openssl` reads from files.
pub(crate) struct Openssl(TempDir);

impl Openssl {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs it and returns what it writes; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let (succeeded, output, errors) = self.call(arguments, input);
        assert!(succeeded, "openssl {arguments:?}: {errors}");
        output
    }

    /// Runs it and returns whether it succeeds.
    pub(crate) fn succeeds(&self, arguments: &[&str], input: &[u8]) -> bool {
        self.call(arguments, input).0
    }

    fn call(&self, arguments: &[&str], input: &[u8]) -> (bool, Vec<u8>, String) {
        let mut child = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the openssl command is there");
        // It may end without having read everything.
        let _written = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        (output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Makes a private key, DER PKCS#8.
    pub(crate) fn private_key(&self, algorithm: Algorithm) -> Vec<u8> {
        let mut arguments = vec!["genpkey"];
        arguments.extend(match algorithm {
            Algorithm::P256 => ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"].as_slice(),
            Algorithm::P384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            Algorithm::P521 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            Algorithm::Ed25519 => &["-algorithm", "ED25519"],
            Algorithm::X25519 => &["-algorithm", "X25519"],
            Algorithm::Rsa2048 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Algorithm::Rsa3072 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
            Algorithm::Rsa4096 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
            _ => panic!("OpenSSL 3.0 has no {algorithm}"),
        });
        let pem = self.run(&arguments, &[]);
        // In DER, `genpkey` writes the older forms.
        self.run(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &pem)
    }

    /// Returns the public key of a private key, DER SubjectPublicKeyInfo.
    pub(crate) fn public_key(&self, private: &[u8]) -> Vec<u8> {
        self.run(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], private)
    }
}

/// Returns the option of `openssl dgst`.
pub(crate) const fn digest_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "-sha1",
        Hash::Sha224 => "-sha224",
        Hash::Sha256 => "-sha256",
        Hash::Sha384 => "-sha384",
        Hash::Sha512 => "-sha512",
        Hash::Sha3_224 => "-sha3-224",
        Hash::Sha3_256 => "-sha3-256",
        Hash::Sha3_384 => "-sha3-384",
        Hash::Sha3_512 => "-sha3-512",
    }
}
