//! `openssl` agrees with every result: what the daemon signs it verifies, what it encrypts the daemon decrypts, what
//! both agree upon is the same; and the other way round, with keys that openssl made.
//!
//! Debian 12's openssl 3.0 has no ML-DSA and no ML-KEM: these are held by NIST's vectors in tokens/soft.

use claviger_tests::house::House;
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Options, Peer, none, option};
use claviger_tests::secret;
use data_encoding::HEXLOWER;
use serde_bytes::{ByteBuf, Bytes};
use zbus::Variant;

const MESSAGE: &[u8] = b"what openssl and claviger both look at\n";
const CURVES: [&str; 3] = ["P-256", "P-384", "P-521"];
const HASHES: [&str; 3] = ["SHA256", "SHA384", "SHA512"];

/// A key of the daemon's whose public half openssl has in `public.pem`.
struct Key {
    alice: Peer,
    id: String,
    openssl: OpenSsl,
}

impl Key {
    async fn generated(house_alice: &Peer, algorithm: &str) -> Self {
        let id = house_alice.generate(algorithm).await.unwrap();
        Self::known(house_alice, id).await
    }

    async fn known(alice: &Peer, id: String) -> Self {
        let openssl = OpenSsl::new();
        let public = alice.public_key(&id).await.unwrap();
        openssl.run("pkey -pubin -inform DER -pubout -out public.pem", &public).await.ok();
        openssl.file("message", MESSAGE);
        Self { alice: alice.clone(), id, openssl }
    }

    async fn digest(&self, hash: &str) -> Vec<u8> {
        let digest =
            self.openssl.run(&format!("dgst -{} -binary", hash.to_lowercase()), MESSAGE).await.ok().stdout;
        self.openssl.file("digest", &digest);
        digest
    }

    /// Signs with the daemon, and holds that openssl accepts the signature, and refuses it over other data.
    async fn assert_verified(&self, mechanism: &str, data: &[u8], options: Options, verifying: &str) {
        let signature = self.alice.sign(&self.id, mechanism, data, options).await.unwrap();
        self.openssl.file("signature", &signature);
        let ran = self.openssl.run(verifying, b"").await;
        assert_eq!(ran.code, Some(0), "{mechanism}: openssl {verifying}: {ran:?}");
        let mut damaged = signature;
        *damaged.last_mut().unwrap() ^= 1;
        self.openssl.file("signature", &damaged);
        let ran = self.openssl.run(verifying, b"").await;
        assert_ne!(ran.code, Some(0), "{mechanism}: the control: openssl {verifying}: {ran:?}");
    }

    /// The same by file descriptor.
    async fn sign_file(&self, mechanism: &str, options: Options) -> Vec<u8> {
        let body = (self.id.as_str(), mechanism, secret::pipe(MESSAGE), options);
        self.alice.bytes("Keys", "SignFile", &body).await.unwrap()
    }
}

fn with(options: &[(&'static str, Variant<'static>)]) -> Options {
    options.iter().map(|(name, value)| (*name, value.try_clone().unwrap())).collect()
}

fn dgst(hash: &str) -> String {
    format!("dgst -{} -verify public.pem -signature signature message", hash.to_lowercase())
}

#[tokio::test]
async fn on_ecdsa() {
    let house = House::open().await;
    let alice = house.alice().await;
    for curve in CURVES {
        let key = Key::generated(&alice, curve).await;
        for hash in HASHES {
            let mechanism = format!("ECDSA_{hash}");
            key.assert_verified(&mechanism, MESSAGE, option("format", "der"), &dgst(hash)).await;
            let signature = key.sign_file(&mechanism, option("format", "der")).await;
            key.openssl.file("signature", &signature);
            key.openssl.run(&dgst(hash), b"").await.ok();

            let digest = key.digest(hash).await;
            let verifying = "pkeyutl -verify -pubin -inkey public.pem -in digest -sigfile signature";
            key.assert_verified("ECDSA", &digest, option("format", "der"), verifying).await;
        }
    }
}

#[tokio::test]
async fn on_raw_ecdsa_signatures_once_they_are_in_openssls_form() {
    let house = House::open().await;
    let alice = house.alice().await;
    for (curve, size) in [("P-256", 32), ("P-384", 48), ("P-521", 66)] {
        let key = Key::generated(&alice, curve).await;
        let raw = alice.sign(&key.id, "ECDSA_SHA256", MESSAGE, none()).await.unwrap();
        assert_eq!(raw.len(), 2 * size, "r || s");
        key.openssl.file("signature", &der_signature(&raw));
        key.openssl.run(&dgst("SHA256"), b"").await.ok();
    }
}

/// Returns `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279) of r || s.
fn der_signature(raw: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = digits.first().is_some_and(|first| *first >= 0x80);
        let mut der = vec![2, u8::try_from(digits.len() + usize::from(sign)).unwrap()];
        der.extend(sign.then_some(0));
        der.extend(digits);
        der
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    let length = u8::try_from(body.len()).unwrap();
    let mut der = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
    der.extend(body);
    der
}

#[tokio::test]
async fn on_eddsa() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = Key::generated(&alice, "Ed25519").await;
    let verifying = "pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile signature";
    key.assert_verified("EDDSA", MESSAGE, none(), verifying).await;
    assert_eq!(key.sign_file("EDDSA", none()).await, alice.sign(&key.id, "", MESSAGE, none()).await.unwrap());
}

/// RFC 8017, 9.2: what precedes the digest in a DigestInfo.
fn digest_info(hash: &str, digest: &[u8]) -> Vec<u8> {
    let (kind, size) = match hash {
        "SHA256" => (1, 32),
        "SHA384" => (2, 48),
        _ => (3, 64),
    };
    let mut info =
        vec![0x30, 17 + size, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, kind, 5, 0, 4, size];
    info.extend(digest);
    info
}

#[tokio::test]
async fn on_rsa_signatures() {
    let house = House::open().await;
    let alice = house.alice().await;
    for algorithm in ["RSA-2048", "RSA-3072", "RSA-4096"] {
        let key = Key::generated(&alice, algorithm).await;
        // What TLS before 1.2 signs: two digests, and no word of whose they are.
        key.openssl.file("digests", &[7; 36]);
        let verifying = "pkeyutl -verify -pubin -inkey public.pem -in digests -sigfile signature";
        key.assert_verified("RSA_PKCS", &[7; 36], none(), verifying).await;
        for hash in HASHES {
            key.assert_verified(&format!("{hash}_RSA_PKCS"), MESSAGE, none(), &dgst(hash)).await;
            let digest = key.digest(hash).await;
            key.assert_verified("RSA_PKCS", &digest_info(hash, &digest), none(), &dgst(hash)).await;

            let pss = |salt: &str, mgf: &str| {
                let lower = hash.to_lowercase();
                format!(
                    "dgst -{lower} -verify public.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt} \
                     -sigopt rsa_mgf1_md:{mgf} -signature signature message"
                )
            };
            let same = hash.to_lowercase();
            let mechanism = format!("{hash}_RSA_PKCS_PSS");
            key.assert_verified(&mechanism, MESSAGE, none(), &pss("digest", &same)).await;
            key.assert_verified(&mechanism, MESSAGE, option("salt-length", 20u32), &pss("20", &same)).await;
            let other = with(&[("mgf-hash", "SHA384".into()), ("salt-length", 0u32.into())]);
            key.assert_verified(&mechanism, MESSAGE, other, &pss("0", "sha384")).await;
            key.assert_verified("RSA_PKCS_PSS", &digest, option("hash", hash), &pss("digest", &same)).await;
        }
    }
}

#[tokio::test]
async fn on_rsa_decryption() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = Key::generated(&alice, "RSA-2048").await;
    let decrypt = async |mechanism: &str, ciphertext: &[u8], options: Options| {
        let body = (key.id.as_str(), mechanism, Bytes::new(ciphertext), options);
        alice.bytes("Keys", "Decrypt", &body).await
    };
    let encrypting = "pkeyutl -encrypt -pubin -inkey public.pem";
    let ciphertext = key.openssl.run(encrypting, MESSAGE).await.ok().stdout;
    assert_eq!(decrypt("RSA_PKCS", &ciphertext, none()).await.unwrap(), MESSAGE);

    for hash in ["SHA_1", "SHA256", "SHA384", "SHA512"] {
        for mgf in ["SHA_1", "SHA256", "SHA512"] {
            for label in [&b""[..], b"a label"] {
                let name = |hash: &str| hash.replace('_', "").to_lowercase();
                let (hash_name, mgf_name) = (name(hash), name(mgf));
                let mut words = format!(
                    "{encrypting} -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{hash_name} \
                     -pkeyopt rsa_mgf1_md:{mgf_name}"
                );
                if !label.is_empty() {
                    words += &format!(" -pkeyopt rsa_oaep_label:{}", HEXLOWER.encode(label));
                }
                let ciphertext = key.openssl.run(&words, MESSAGE).await.ok().stdout;
                let options = with(&[
                    ("hash", hash.into()),
                    ("mgf-hash", mgf.into()),
                    ("label", Variant::new(label.to_vec())),
                ]);
                let plain = decrypt("RSA_PKCS_OAEP", &ciphertext, options).await;
                assert_eq!(plain.as_deref(), Ok(MESSAGE), "{words}");
                let wrong = with(&[
                    ("hash", hash.into()),
                    ("mgf-hash", mgf.into()),
                    ("label", Variant::new(vec![1u8])),
                ]);
                let refusal = decrypt("RSA_PKCS_OAEP", &ciphertext, wrong).await.expect_err("another label");
                assert_eq!(refusal.name, "DataInvalid", "{refusal}");
            }
        }
    }
}

#[tokio::test]
async fn on_agreed_secrets() {
    let house = House::open().await;
    let alice = house.alice().await;
    for algorithm in ["P-256", "P-384", "P-521", "X25519"] {
        let key = Key::generated(&alice, algorithm).await;
        let words = match algorithm {
            "X25519" => "-algorithm X25519".to_owned(),
            curve => format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"),
        };
        let peer = key.openssl.private_key(&words).await;
        key.openssl.file("peer.der", &peer);
        let derive = async |public: &[u8], options: Options| {
            let body = (key.id.as_str(), "ECDH1_DERIVE", Bytes::new(public), options);
            alice.bytes("Keys", "Derive", &body).await
        };
        let public = key.openssl.public_key(&peer).await;
        let deriving = "pkeyutl -derive -keyform DER -inkey peer.der -peerkey public.pem";
        let secret = key.openssl.run(deriving, b"").await.ok().stdout;
        assert_eq!(derive(&public, none()).await.unwrap(), secret, "{algorithm}");
        // The bare point is what the SubjectPublicKeyInfo ends with.
        let size = match algorithm {
            "P-256" => 65,
            "P-384" => 97,
            "P-521" => 133,
            _ => 32,
        };
        assert_eq!(derive(&public[public.len() - size..], none()).await.unwrap(), secret, "{algorithm}");

        let options = with(&[
            ("kdf", "hkdf".into()),
            ("hash", "SHA384".into()),
            ("shared-info", Variant::new(b"both know".to_vec())),
            ("length", 40u32.into()),
        ]);
        let words = format!(
            "kdf -binary -keylen 40 -kdfopt digest:SHA384 -kdfopt hexkey:{} -kdfopt hexinfo:{} HKDF",
            HEXLOWER.encode(&secret),
            HEXLOWER.encode(b"both know")
        );
        let expected = key.openssl.run(&words, b"").await.ok().stdout;
        assert_eq!(derive(&public, options).await.unwrap(), expected, "{algorithm} with HKDF");
    }
}

#[tokio::test]
async fn on_digests() {
    let house = House::open().await;
    let alice = house.alice().await;
    let openssl = OpenSsl::new();
    let hashes =
        ["SHA_1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3_224", "SHA3_256", "SHA3_384", "SHA3_512"];
    for hash in hashes {
        let name = if hash == "SHA_1" { "sha1".to_owned() } else { hash.to_lowercase().replace('_', "-") };
        let expected = openssl.run(&format!("dgst -{name} -binary"), MESSAGE).await.ok().stdout;
        let body = (hash, Bytes::new(MESSAGE), none());
        assert_eq!(alice.bytes("Public", "Digest", &body).await.unwrap(), expected, "{hash}");
        let body = (hash, secret::pipe(MESSAGE), none());
        assert_eq!(alice.bytes("Public", "DigestFile", &body).await.unwrap(), expected, "{hash} of a file");
    }
}

#[tokio::test]
async fn with_keys_that_it_made_itself() {
    let house = House::open().await;
    let alice = house.alice().await;
    let keys = [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "P-256", "ECDSA_SHA256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "P-384", "ECDSA_SHA384"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "P-521", "ECDSA_SHA512"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "RSA-2048", "SHA256_RSA_PKCS"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "RSA-3072", "SHA512_RSA_PKCS_PSS"),
        ("-algorithm ED25519", "Ed25519", "EDDSA"),
        ("-algorithm X25519", "X25519", ""),
    ];
    for (words, algorithm, mechanism) in keys {
        let openssl = OpenSsl::new();
        let private = openssl.private_key(words).await;
        let id = alice.import(&private).await.unwrap();
        let public = alice.public_key(&id).await.unwrap();
        assert_eq!(public, openssl.public_key(&private).await, "{algorithm}");
        let refusal = alice.import(&private).await.expect_err("it is there already");
        assert_eq!(refusal.name, "AlreadyExists", "{refusal}");
        if mechanism.is_empty() {
            continue;
        }
        let options = || if mechanism.starts_with("ECDSA") { option("format", "der") } else { none() };
        let signature = alice.sign(&id, mechanism, MESSAGE, options()).await.unwrap();
        assert!(verify(&alice, &public, mechanism, MESSAGE, &signature, options()).await, "{algorithm}");
    }
}

async fn verify(
    peer: &Peer,
    public: &[u8],
    mechanism: &str,
    data: &[u8],
    signature: &[u8],
    options: Options,
) -> bool {
    let (public, data, signature) = (Bytes::new(public), Bytes::new(data), Bytes::new(signature));
    peer.call("Public", "Verify", &(public, mechanism, data, signature, options)).await.unwrap()
}

#[tokio::test]
async fn when_it_signs_and_the_daemon_verifies() {
    let house = House::open().await;
    let alice = house.alice().await;
    let openssl = OpenSsl::new();
    openssl.file("message", MESSAGE);
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest ";
    let cases = [
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "dgst -sha256 -sign key.pem message",
            "ECDSA_SHA256",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            "dgst -sha384 -sign key.pem message",
            "ECDSA_SHA384",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
            "dgst -sha512 -sign key.pem message",
            "ECDSA_SHA512",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "dgst -sha256 -sign key.pem message",
            "SHA256_RSA_PKCS",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            &format!("dgst -sha512 -sign key.pem {pss}message"),
            "SHA512_RSA_PKCS_PSS",
        ),
        ("-algorithm ED25519", "pkeyutl -sign -rawin -inkey key.pem -in message", "EDDSA"),
    ];
    for (making, signing, mechanism) in cases {
        let private = openssl.private_key(making).await;
        openssl.run("pkey -inform DER -out key.pem", &private).await.ok();
        let public = openssl.public_key(&private).await;
        let signature = openssl.run(signing, b"").await.ok().stdout;
        let options = || if mechanism.starts_with("ECDSA") { option("format", "der") } else { none() };
        assert!(verify(&alice, &public, mechanism, MESSAGE, &signature, options()).await, "{mechanism}");
        assert!(!verify(&alice, &public, mechanism, b"other", &signature, options()).await, "{mechanism}");
        let short = &signature[..signature.len() - 1];
        assert!(!verify(&alice, &public, mechanism, MESSAGE, short, options()).await, "{mechanism}");
    }
}

#[tokio::test]
async fn when_the_daemon_encrypts_and_it_decrypts() {
    let house = House::open().await;
    let alice = house.alice().await;
    let openssl = OpenSsl::new();
    let private = openssl.private_key("-algorithm RSA -pkeyopt rsa_keygen_bits:2048").await;
    openssl.run("pkey -inform DER -out key.pem", &private).await.ok();
    let public = openssl.public_key(&private).await;
    let oaep = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:";
    let cases = [
        ("RSA_PKCS", none(), String::new()),
        ("RSA_PKCS_OAEP", none(), format!(" {oaep}sha256")),
        ("RSA_PKCS_OAEP", option("hash", "SHA_1"), format!(" {oaep}sha1")),
        (
            "RSA_PKCS_OAEP",
            option("label", Variant::new(b"label".to_vec())),
            format!(" {oaep}sha256 -pkeyopt rsa_oaep_label:6c6162656c"),
        ),
    ];
    for (mechanism, options, words) in cases {
        let body = (Bytes::new(&public), mechanism, Bytes::new(MESSAGE), options);
        let ciphertext = alice.bytes("Public", "Encrypt", &body).await.unwrap();
        let plain =
            openssl.run(&format!("pkeyutl -decrypt -inkey key.pem{words}"), &ciphertext).await.ok().stdout;
        assert_eq!(plain, MESSAGE, "{mechanism}{words}");
    }
}

#[tokio::test]
async fn not_being_there_for_ml_kem_the_daemon_agrees_with_itself() {
    let house = House::open().await;
    let alice = house.alice().await;
    for algorithm in ["ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"] {
        let key = alice.generate(algorithm).await.unwrap();
        let public = alice.public_key(&key).await.unwrap();
        let body = (Bytes::new(&public), "ML_KEM", none());
        let (ciphertext, secret): (ByteBuf, ByteBuf) =
            alice.call("Public", "Encapsulate", &body).await.unwrap();
        let body = (key.as_str(), "ML_KEM", Bytes::new(&ciphertext), none());
        assert_eq!(alice.bytes("Keys", "Decapsulate", &body).await.unwrap(), *secret, "{algorithm}");
    }
    for algorithm in ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] {
        let key = alice.generate(algorithm).await.unwrap();
        let public = alice.public_key(&key).await.unwrap();
        let context = || option("context", Variant::new(b"a context".to_vec()));
        let signature = alice.sign(&key, "ML_DSA", MESSAGE, context()).await.unwrap();
        assert!(verify(&alice, &public, "ML_DSA", MESSAGE, &signature, context()).await, "{algorithm}");
        assert!(!verify(&alice, &public, "ML_DSA", MESSAGE, &signature, none()).await, "{algorithm}");
    }
}
