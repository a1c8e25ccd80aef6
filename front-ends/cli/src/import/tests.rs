//! Every form that `openssl` and `ssh-keygen` write is read, and says the same key.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use claviger_client::Secret;

use super::{FILE_LIMIT, ImportError, PrivateKeyFile};

const PASSPHRASE: &str = "open sesame";

struct Workshop(tempfile::TempDir);

impl Workshop {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn run(&self, program: &str, arguments: &str) {
        let arguments: Vec<String> = arguments.split(' ').map(|word| word.replace('_', " ")).collect();
        let output = Command::new(program).args(&arguments).current_dir(self.0.path()).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn openssl(&self, arguments: &str) {
        self.run("openssl", arguments);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn import(&self, name: &str) -> Result<Secret, ImportError> {
        match PrivateKeyFile::parse(&self.read(name))? {
            PrivateKeyFile::Clear(key) => Ok(key),
            PrivateKeyFile::Sealed(sealed) => sealed.open(&Secret::new(PASSPHRASE.as_bytes().to_vec())),
        }
    }

    /// Imports the file and lets openssl tell the public key of the result.
    fn public_key_of(&self, name: &str) -> Vec<u8> {
        let key = self.import(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.write("imported.der", key.as_bytes());
        // -check lets openssl look at every number of an RSA key, the exponents that OpenSSH leaves out too.
        self.openssl("pkey -in imported.der -inform DER -check -noout");
        self.openssl("pkey -in imported.der -inform DER -pubout -outform DER -out imported.pub");
        self.read("imported.pub")
    }

    fn public_key_by_openssl(&self, name: &str) -> Vec<u8> {
        self.openssl(&format!("pkey -in {name} -pubout -outform DER -out original.pub"));
        self.read("original.pub")
    }

    fn write(&self, name: &str, contents: &[u8]) {
        std::fs::write(self.0.path().join(name), contents).expect("a file");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

#[test]
fn every_form_that_openssl_writes_is_read() {
    let workshop = Workshop::new();
    for (algorithm, generate) in [
        ("P-256", "ecparam -name prime256v1 -genkey -out traditional.pem"),
        ("P-384", "ecparam -name secp384r1 -genkey -noout -out traditional.pem"),
        ("P-521", "ecparam -name secp521r1 -genkey -noout -out traditional.pem"),
        ("RSA", "genrsa -traditional -out traditional.pem 2048"),
    ] {
        workshop.openssl(generate);
        workshop.openssl("pkcs8 -topk8 -nocrypt -in traditional.pem -out plain.pem");
        workshop.openssl("pkcs8 -topk8 -nocrypt -in traditional.pem -outform DER -out plain.der");
        let kind = if algorithm == "RSA" { "rsa -traditional" } else { "ec" };
        workshop.openssl(&format!("{kind} -in traditional.pem -outform DER -out traditional.der"));
        seal(&workshop, "traditional.pem");
        let expected = workshop.public_key_by_openssl("traditional.pem");
        for name in [
            "traditional.pem",
            "traditional.der",
            "plain.pem",
            "plain.der",
            "sealed.pem",
            "sealed.der",
            "scrypt.pem",
        ] {
            assert!(workshop.public_key_of(name) == expected, "{algorithm}, {name}");
        }
    }
    for algorithm in ["ed25519", "x25519"] {
        workshop.openssl(&format!("genpkey -algorithm {algorithm} -out plain.pem"));
        workshop.openssl("pkey -in plain.pem -outform DER -out plain.der");
        seal(&workshop, "plain.pem");
        let expected = workshop.public_key_by_openssl("plain.pem");
        for name in ["plain.pem", "plain.der", "sealed.pem", "sealed.der", "scrypt.pem"] {
            let key = workshop.import(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            workshop.write("imported.der", key.as_bytes());
            workshop.openssl("pkey -in imported.der -inform DER -pubout -outform DER -out imported.pub");
            assert!(workshop.read("imported.pub") == expected, "{algorithm}, {name}");
        }
    }
}

/// Writes the key encrypted: PEM and DER with PBKDF2, PEM with scrypt.
fn seal(workshop: &Workshop, name: &str) {
    let passphrase = PASSPHRASE.replace(' ', "_");
    workshop.openssl(&format!("pkcs8 -topk8 -in {name} -out sealed.pem -passout pass:{passphrase}"));
    workshop.openssl(&format!(
        "pkcs8 -topk8 -in {name} -outform DER -v2 aes-128-cbc -out sealed.der -passout pass:{passphrase}"
    ));
    workshop.openssl(&format!("pkcs8 -topk8 -in {name} -scrypt -out scrypt.pem -passout pass:{passphrase}"));
}

#[test]
fn every_key_that_ssh_keygen_writes_is_read_whatever_encrypts_it() {
    let workshop = Workshop::new();
    let passphrase = PASSPHRASE.replace(' ', "_");
    for kind in ["-t ecdsa -b 256", "-t ecdsa -b 384", "-t ecdsa -b 521", "-t rsa -b 2048", "-t rsa -b 3072"]
    {
        fresh(&workshop);
        workshop.run("ssh-keygen", &format!("-q {kind} -N  -C  -f key"));
        std::fs::copy(workshop.path().join("key"), workshop.path().join("pem")).expect("a copy");
        workshop.run("ssh-keygen", "-q -p -m PEM -P  -N  -f pem");
        let expected = workshop.public_key_by_openssl("pem");
        assert!(workshop.public_key_of("key") == expected, "{kind}, plain");
        for cipher in CIPHERS {
            workshop.run("ssh-keygen", &format!("-q -p -Z {cipher} -P  -N {passphrase} -f key"));
            assert!(workshop.public_key_of("key") == expected, "{kind}, {cipher}");
            workshop.run("ssh-keygen", &format!("-q -p -P {passphrase} -N  -f key"));
        }
    }
}

const CIPHERS: [&str; 5] =
    ["aes256-ctr", "aes128-cbc", "aes192-ctr", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"];

fn fresh(workshop: &Workshop) {
    for name in ["key", "key.pub", "pem"] {
        match std::fs::remove_file(workshop.path().join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{name}: {error}"),
            Ok(()) | Err(_) => {}
        }
    }
}

#[test]
fn an_ed25519_key_of_ssh_keygen_says_the_public_key_beside_it() {
    let workshop = Workshop::new();
    workshop.run("ssh-keygen", "-q -t ed25519 -N  -C  -f key");
    let key = workshop.import("key").expect("a key");
    workshop.write("imported.der", key.as_bytes());
    workshop.openssl("pkey -in imported.der -inform DER -pubout -outform DER -out imported.pub");
    let spki = workshop.read("imported.pub");
    let line = String::from_utf8(workshop.read("key.pub")).expect("text");
    let blob = line.split(' ').nth(1).expect("a blob");
    let blob = data_encoding::BASE64.decode(blob.trim().as_bytes()).expect("Base64");
    assert_eq!(blob[blob.len() - 32..], spki[spki.len() - 32..]);
}

#[test]
fn private_numbers_that_begin_with_zeros_are_read() {
    // One P-521 key in two has a private number of fewer than 66 bytes, many of 64: ssh-key 0.6 refuses them.
    let workshop = Workshop::new();
    for _ in 0..24 {
        fresh(&workshop);
        workshop.run("ssh-keygen", "-q -t ecdsa -b 521 -N  -C  -f key");
        std::fs::copy(workshop.path().join("key"), workshop.path().join("pem")).expect("a copy");
        workshop.run("ssh-keygen", "-q -p -m PEM -P  -N  -f pem");
        assert_eq!(workshop.public_key_of("key"), workshop.public_key_by_openssl("pem"));
    }
}

#[test]
fn a_wrong_passphrase_is_told_from_a_damaged_file() {
    let workshop = Workshop::new();
    workshop.openssl("ecparam -name prime256v1 -genkey -noout -out plain.pem");
    seal(&workshop, "plain.pem");
    for cipher in CIPHERS {
        fresh(&workshop);
        workshop.run("ssh-keygen", &format!("-q -t ecdsa -N open_sesame -Z {cipher} -C  -f key"));
        refuses_a_wrong_passphrase(&workshop.read("key"));
    }
    for name in ["sealed.pem", "sealed.der", "scrypt.pem"] {
        refuses_a_wrong_passphrase(&workshop.read(name));
    }
}

fn refuses_a_wrong_passphrase(contents: &[u8]) {
    let Ok(PrivateKeyFile::Sealed(sealed)) = PrivateKeyFile::parse(contents) else { panic!("not sealed") };
    let wrong = Secret::new(b"open barley".to_vec());
    assert_eq!(sealed.open(&wrong).err(), Some(ImportError::WrongPassphrase));
}

#[test]
fn what_is_no_private_key_says_what_it_is() {
    let workshop = Workshop::new();
    workshop.openssl("genrsa -traditional -aes128 -passout pass:open_sesame -out old.pem 2048");
    workshop.openssl("rsa -in old.pem -passin pass:open_sesame -pubout -out public.pem");
    workshop.openssl("rsa -in old.pem -passin pass:open_sesame -pubout -outform DER -out public.der");
    let old = PrivateKeyFile::parse(&workshop.read("old.pem")).err();
    assert!(matches!(old, Some(ImportError::NotSupported(why)) if why.contains("openssl pkcs8 -topk8")));
    for name in ["public.pem", "public.der"] {
        assert_eq!(
            PrivateKeyFile::parse(&workshop.read(name)).err(),
            Some(ImportError::PublicOnly),
            "{name}"
        );
    }
    assert_eq!(PrivateKeyFile::parse(b"dear diary").err(), Some(ImportError::NoPrivateKey));
    assert_eq!(PrivateKeyFile::parse(b"").err(), Some(ImportError::NoPrivateKey));
    assert_eq!(PrivateKeyFile::parse(&vec![0; FILE_LIMIT + 1]).err(), Some(ImportError::TooLarge));
}

#[test]
fn no_truncation_and_no_flipped_byte_panics() {
    let workshop = Workshop::new();
    workshop.run("ssh-keygen", "-q -t ecdsa -N  -C  -f key");
    workshop.openssl("ecparam -name prime256v1 -genkey -noout -outform DER -out traditional.der");
    workshop.openssl("pkcs8 -topk8 -nocrypt -in traditional.der -inform DER -outform DER -out plain.der");
    workshop.openssl("genrsa -traditional -out rsa.pem 2048");
    let ssh = super::pem::blocks(&workshop.read("key")).expect("PEM").remove(0).der.to_vec();
    for contents in
        [ssh, workshop.read("traditional.der"), workshop.read("plain.der"), workshop.read("rsa.pem")]
    {
        for size in 0..contents.len() {
            drop(PrivateKeyFile::parse(&contents[..size]));
        }
        for place in 0..contents.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = contents.clone();
                damaged[place] ^= flip;
                drop(PrivateKeyFile::parse(&damaged));
            }
        }
    }
}
