//! openssl as the witness: whatever a key on a card is said to do, it does through the daemon, and openssl agrees.

use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Attributes, Options, Peer, Refusal, none, option};
use claviger_tests::secret;
use data_encoding::HEXLOWER;
use serde_bytes::Bytes;
use zbus::Variant;

pub(crate) const MESSAGE: &[u8] = b"what a card, the daemon and openssl look at\n";

/// A key of somebody's, whose public half openssl has in `public.pem`.
pub(crate) struct Witness {
    owner: Peer,
    key: String,
    openssl: OpenSsl,
    algorithm: String,
    usage: Vec<String>,
    mechanisms: Vec<String>,
}

impl Witness {
    /// Takes the daemon at its word: what it says of the key is what is tried.
    pub(crate) async fn new(owner: &Peer, key: &str) -> Self {
        let openssl = OpenSsl::new();
        let (key, attributes): (String, Attributes) =
            owner.call("Keys", "GetKey", &(key, none())).await.unwrap();
        let public: Vec<u8> = attributes["public-key"].clone().try_into().unwrap();
        openssl.run("pkey -pubin -inform DER -pubout -out public.pem", &public).await.ok();
        openssl.file("message", MESSAGE);
        let words = |name: &str| attributes[name].clone().try_into().unwrap();
        let algorithm = attributes["algorithm"].clone().try_into().unwrap();
        Self {
            owner: owner.clone(),
            key,
            openssl,
            algorithm,
            usage: words("usage"),
            mechanisms: words("mechanisms"),
        }
    }

    /// Returns what the key is said to do.
    pub(crate) fn mechanisms(&self) -> Vec<&str> {
        self.mechanisms.iter().map(String::as_str).collect()
    }

    /// Returns the public key in PEM.
    pub(crate) fn public_pem(&self) -> Vec<u8> {
        std::fs::read(self.openssl.path("public.pem")).unwrap()
    }

    /// Holds that the key does all that it is said to do.
    pub(crate) async fn everything(&self) {
        assert!(!self.mechanisms.is_empty(), "{} does nothing", self.key);
        for mechanism in &self.mechanisms {
            match mechanism.as_str() {
                "ECDSA" => self.ecdsa_of_a_digest().await,
                "ECDSA_SHA256" | "ECDSA_SHA384" | "ECDSA_SHA512" => self.ecdsa(mechanism).await,
                "EDDSA" => self.eddsa().await,
                "RSA_PKCS" => {
                    if self.may("sign") {
                        self.rsa_of_a_digest().await;
                    }
                    if self.may("decrypt") {
                        self.pkcs1_decryption().await;
                    }
                }
                "SHA256_RSA_PKCS" | "SHA384_RSA_PKCS" | "SHA512_RSA_PKCS" => {
                    self.signs(mechanism, MESSAGE, none(), &dgst(&hash_of(mechanism))).await;
                }
                "RSA_PKCS_PSS" => self.pss_of_a_digest().await,
                "SHA256_RSA_PKCS_PSS" | "SHA384_RSA_PKCS_PSS" | "SHA512_RSA_PKCS_PSS" => {
                    self.pss(mechanism).await;
                }
                "RSA_PKCS_OAEP" => self.oaep_decryption().await,
                "ECDH1_DERIVE" => self.agreement().await,
                other => panic!("openssl cannot witness {other}"),
            }
        }
    }

    fn may(&self, what: &str) -> bool {
        self.usage.iter().any(|usage| usage == what)
    }

    /// Signs with the daemon, and holds that openssl accepts the signature, and refuses a damaged one.
    async fn signs(&self, mechanism: &str, data: &[u8], options: Options, verifying: &str) {
        let signature = self.owner.sign(&self.key, mechanism, data, options).await;
        let signature = signature.unwrap_or_else(|error| panic!("{mechanism} {}: {error}", self.algorithm));
        self.openssl.file("signature", &signature);
        let ran = self.openssl.run(verifying, b"").await;
        assert_eq!(ran.code, Some(0), "{mechanism} {}: openssl {verifying}: {ran:?}", self.algorithm);
        let mut damaged = signature;
        *damaged.last_mut().unwrap() ^= 1;
        self.openssl.file("signature", &damaged);
        let ran = self.openssl.run(verifying, b"").await;
        assert_ne!(ran.code, Some(0), "{mechanism} {}: the control: {verifying}", self.algorithm);
    }

    async fn ecdsa(&self, mechanism: &str) {
        self.signs(mechanism, MESSAGE, option("format", "der"), &dgst(&hash_of(mechanism))).await;
    }

    async fn ecdsa_of_a_digest(&self) {
        for hash in HASHES {
            let digest = self.digest(hash).await;
            let verifying = "pkeyutl -verify -pubin -inkey public.pem -in digest -sigfile signature";
            self.signs("ECDSA", &digest, option("format", "der"), verifying).await;
        }
    }

    async fn eddsa(&self) {
        let verifying = "pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile signature";
        self.signs("EDDSA", MESSAGE, none(), verifying).await;
    }

    async fn rsa_of_a_digest(&self) {
        for hash in HASHES {
            let info = digest_info(hash, &self.digest(hash).await);
            self.signs("RSA_PKCS", &info, none(), &dgst(hash)).await;
        }
    }

    async fn pss(&self, mechanism: &str) {
        let hash = hash_of(mechanism);
        self.signs(mechanism, MESSAGE, none(), &pss(&hash, "digest", &hash)).await;
        let other = with(&[("mgf-hash", "SHA384".into()), ("salt-length", 20u32.into())]);
        self.signs(mechanism, MESSAGE, other, &pss(&hash, "20", "SHA384")).await;
    }

    async fn pss_of_a_digest(&self) {
        for hash in HASHES {
            let digest = self.digest(hash).await;
            self.signs("RSA_PKCS_PSS", &digest, option("hash", hash), &pss(hash, "digest", hash)).await;
        }
    }

    /// Decrypts with the daemon.
    pub(crate) async fn decrypt(
        &self,
        mechanism: &str,
        ciphertext: &[u8],
        options: Options,
    ) -> Result<Vec<u8>, Refusal> {
        let body = (self.key.as_str(), mechanism, Bytes::new(ciphertext), options);
        self.owner.bytes("Keys", "Decrypt", &body).await
    }

    /// A wrong padding gives something else and no error (RFC 8017, 7.2.2), unless the card itself unpads and says so.
    async fn pkcs1_decryption(&self) {
        let ciphertext = self.encrypted("").await;
        assert_eq!(
            self.decrypt("RSA_PKCS", &ciphertext, none()).await.unwrap(),
            MESSAGE,
            "{}",
            self.algorithm
        );
        let oaep = self.encrypted("-pkeyopt rsa_padding_mode:oaep").await;
        assert_ne!(self.decrypt("RSA_PKCS", &oaep, none()).await.ok().as_deref(), Some(MESSAGE));
    }

    async fn oaep_decryption(&self) {
        for (hash, mgf, label) in [
            ("SHA256", "SHA256", &b""[..]),
            ("SHA_1", "SHA_1", b""),
            ("SHA384", "SHA256", b"a label"),
            ("SHA512", "SHA512", b"a label"),
        ] {
            let name = |hash: &str| hash.replace('_', "").to_lowercase();
            let mut padding = format!(
                "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{} -pkeyopt rsa_mgf1_md:{}",
                name(hash),
                name(mgf)
            );
            if !label.is_empty() {
                padding += &format!(" -pkeyopt rsa_oaep_label:{}", HEXLOWER.encode(label));
            }
            let ciphertext = self.encrypted(&padding).await;
            let options = |label: &[u8]| {
                with(&[
                    ("hash", hash.into()),
                    ("mgf-hash", mgf.into()),
                    ("label", Variant::new(label.to_vec())),
                ])
            };
            let plain = self.decrypt("RSA_PKCS_OAEP", &ciphertext, options(label)).await;
            assert_eq!(plain.as_deref(), Ok(MESSAGE), "{padding}");
            let refusal = self.decrypt("RSA_PKCS_OAEP", &ciphertext, options(b"another")).await;
            assert_eq!(refusal.expect_err("another label").name, "DataInvalid");
        }
    }

    async fn encrypted(&self, padding: &str) -> Vec<u8> {
        let words = format!("pkeyutl -encrypt -pubin -inkey public.pem {padding}");
        self.openssl.run(words.trim_end(), MESSAGE).await.ok().stdout
    }

    async fn agreement(&self) {
        let words = match self.algorithm.as_str() {
            "X25519" => "-algorithm X25519".to_owned(),
            curve => format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"),
        };
        let peer = self.openssl.private_key(&words).await;
        self.openssl.file("peer.der", &peer);
        let public = self.openssl.public_key(&peer).await;
        let deriving = "pkeyutl -derive -keyform DER -inkey peer.der -peerkey public.pem";
        let secret = self.openssl.run(deriving, b"").await.ok().stdout;
        assert_eq!(self.derive(&public, none()).await.unwrap(), secret, "{}", self.algorithm);

        let hkdf = with(&[("kdf", "hkdf".into()), ("hash", "SHA384".into()), ("length", 40u32.into())]);
        let words = format!(
            "kdf -binary -keylen 40 -kdfopt digest:SHA384 -kdfopt hexkey:{} -kdfopt hexinfo: HKDF",
            HEXLOWER.encode(&secret)
        );
        let expected = self.openssl.run(&words, b"").await.ok().stdout;
        assert_eq!(self.derive(&public, hkdf).await.unwrap(), expected, "{} with HKDF", self.algorithm);
    }

    async fn derive(&self, peer: &[u8], options: Options) -> Result<Vec<u8>, Refusal> {
        let body = (self.key.as_str(), "ECDH1_DERIVE", Bytes::new(peer), options);
        self.owner.bytes("Keys", "Derive", &body).await
    }

    /// Signs a file with the daemon, and holds that openssl accepts the signature over `content`.
    pub(crate) async fn signs_file(&self, mechanism: &str, content: &[u8]) {
        let options = if mechanism.starts_with("ECDSA") { option("format", "der") } else { none() };
        let path = self.openssl.file("message", content);
        let body = (self.key.as_str(), mechanism, secret::open(&path), options);
        let signature = self.owner.bytes("Keys", "SignFile", &body).await.unwrap();
        self.openssl.file("signature", &signature);
        self.openssl.run(&dgst(&hash_of(mechanism)), b"").await.ok();
        self.openssl.file("message", MESSAGE);
    }

    /// Holds that openssl accepts somebody else's signature over [`MESSAGE`]: DER, or RSA as it is.
    pub(crate) async fn accepts(&self, signature: &[u8]) {
        self.openssl.file("signature", signature);
        self.openssl.run(&dgst("SHA256"), b"").await.ok();
    }

    async fn digest(&self, hash: &str) -> Vec<u8> {
        let words = format!("dgst -{} -binary", hash.to_lowercase());
        let digest = self.openssl.run(&words, MESSAGE).await.ok().stdout;
        self.openssl.file("digest", &digest);
        digest
    }
}

/// Returns the hash that a mechanism names: `SHA256` of `ECDSA_SHA256` and `SHA256_RSA_PKCS`.
fn hash_of(mechanism: &str) -> String {
    let found = HASHES.iter().find(|hash| mechanism.contains(*hash));
    (*found.unwrap_or_else(|| panic!("{mechanism} names no hash"))).to_owned()
}

fn dgst(hash: &str) -> String {
    format!("dgst -{} -verify public.pem -signature signature message", hash.to_lowercase())
}

fn pss(hash: &str, salt: &str, mgf: &str) -> String {
    let (hash, mgf) = (hash.to_lowercase(), mgf.to_lowercase());
    format!(
        "dgst -{hash} -verify public.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt} \
         -sigopt rsa_mgf1_md:{mgf} -signature signature message"
    )
}

fn with(options: &[(&'static str, Variant<'static>)]) -> Options {
    options.iter().map(|(name, value)| (*name, value.try_clone().unwrap())).collect()
}

/// RFC 8017, 9.2: what precedes the digest in a DigestInfo.
fn digest_info(hash: &str, digest: &[u8]) -> Vec<u8> {
    let (kind, size) = match hash {
        "SHA256" => (1, 32),
        "SHA384" => (2, 48),
        _ => (3, 64),
    };
    let head = [0x30, 17 + size, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, kind, 5, 0, 4, size];
    [&head, digest].concat()
}

pub(crate) const HASHES: [&str; 3] = ["SHA256", "SHA384", "SHA512"];
