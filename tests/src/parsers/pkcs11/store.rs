use std::sync::{Mutex, PoisonError};

use claviger_client::{
    ByteBuf, CallError, CertificateOptions, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, Error, ErrorName, KeyRow, NewKeyOptions, Secret, SignOptions, TokenRow, VerifyOptions,
};
use claviger_pkcs11::Store;
use claviger_token::{Algorithm, Mechanism};

/// A key store whose answers are in the input, read from its end: mostly such as a key store gives, sometimes too long
/// or too short, sometimes a refusal.
pub(super) struct Answers {
    left: Mutex<Vec<u8>>,
}

/// The keys of the store, by their places in this list.
const KEYS: [Algorithm; 5] =
    [Algorithm::P256, Algorithm::Rsa2048, Algorithm::Ed25519, Algorithm::MlKem512, Algorithm::MlDsa44];

impl Answers {
    pub(super) fn new(input: &[u8]) -> Self {
        Self { left: Mutex::new(input.to_vec()) }
    }

    fn byte(&self) -> u8 {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Passes, mostly.
    fn pass(&self) -> Result<(), Error> {
        match usize::from(self.byte()) {
            byte if byte >= 256 - ErrorName::ALL.len() => {
                let name = ErrorName::ALL[255 - byte];
                Err(Error::Refused(CallError::new(name, "cannot do it: the input has it so")))
            }
            100 => Err(Error::Timeout),
            _ => Ok(()),
        }
    }

    /// Returns bytes, of that length mostly.
    fn bytes(&self, length: usize) -> Result<Vec<u8>, Error> {
        self.pass()?;
        let length = match usize::from(self.byte()) {
            other if other >= 192 => 4 * (other - 192),
            _ => length,
        };
        Ok(vec![7; length])
    }
}

/// Returns the row of a key: the right form, of a key that nobody has.
fn row(algorithm: Algorithm) -> KeyRow {
    let usage = algorithm.usage();
    let usage = [("sign", usage.sign), ("decrypt", usage.decrypt), ("derive", usage.derive)];
    let mechanisms = Mechanism::ALL.into_iter();
    let mechanisms = mechanisms.filter(|mechanism| mechanism.is_offered() && mechanism.fits(algorithm));
    KeyRow {
        label: algorithm.name().to_owned(),
        algorithm: algorithm.name().to_owned(),
        usage: usage.iter().filter(|(_, may)| *may).map(|(name, _)| (*name).to_owned()).collect(),
        state: "current".to_owned(),
        location: vec!["local".to_owned()],
        tokens: vec![TOKEN.to_owned()],
        slots: vec![String::new()],
        present: true,
        public_key: ByteBuf::from(public_key(algorithm)),
        mechanisms: mechanisms.map(|mechanism| mechanism.name().to_owned()).collect(),
        ..KeyRow::default()
    }
}

/// Returns a DER SubjectPublicKeyInfo: head and so many bytes of key.
fn public_key(algorithm: Algorithm) -> Vec<u8> {
    let (head, length): (&[u8], usize) = match algorithm {
        Algorithm::Rsa2048 => {
            let head = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01\x00";
            return [&head[..], &[0xc5; 256], b"\x02\x03\x01\x00\x01"].concat();
        }
        Algorithm::Ed25519 => (b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 32),
        Algorithm::MlKem512 => (
            b"\x30\x82\x03\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x01\x03\x82\x03\x21\x00",
            800,
        ),
        Algorithm::MlDsa44 => (
            b"\x30\x82\x05\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x03\x82\x05\x21\x00",
            1312,
        ),
        _ => (
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04",
            64,
        ),
    };
    [head, &vec![0xc5; length]].concat()
}

const TOKEN: &str = "local:1000";

fn id(place: usize) -> String {
    format!("{:032x}", place + 1)
}

fn algorithm(key: &str) -> Algorithm {
    let place = (0..KEYS.len()).find(|place| id(*place) == key);
    KEYS[place.expect("the module asks for keys that it was told of")]
}

impl Store for Answers {
    fn list_tokens(&self) -> Result<Vec<(String, TokenRow)>, Error> {
        self.pass()?;
        let presence = if self.byte() >= 240 { "removed" } else { "present" };
        let token = TokenRow {
            kind: if self.byte() < 128 { "local" } else { "card" }.to_owned(),
            name: "fuzz".to_owned(),
            presence: presence.to_owned(),
            enrolled: true,
            locked: self.byte() >= 128,
            generates: vec!["P-256".to_owned(), "RSA-2048".to_owned()],
            imports: vec!["P-256".to_owned()],
            mechanisms: vec!["ECDSA".to_owned(), "RSA_PKCS".to_owned()],
            ..TokenRow::default()
        };
        Ok(vec![(TOKEN.to_owned(), token)])
    }

    fn list_keys(&self) -> Result<Vec<(String, KeyRow)>, Error> {
        self.pass()?;
        let count = if self.byte() >= 240 { 1 } else { KEYS.len() };
        Ok((0..count).map(|place| (id(place), row(KEYS[place]))).collect())
    }

    fn certificates(&self, _key: &str) -> Result<Vec<Vec<u8>>, Error> {
        let length = usize::from(self.byte() % 4);
        Ok(vec![self.bytes(64)?; length])
    }

    fn unlock(&self, _token: &str, _secret: Option<&Secret>, _last_try: bool) -> Result<(), Error> {
        self.pass()
    }

    fn change_secret(
        &self,
        _token: &str,
        _old: &Secret,
        _new: &Secret,
        _last_try: bool,
    ) -> Result<(), Error> {
        self.pass()
    }

    fn unblock(&self, _token: &str, _puk: &Secret, _new: &Secret) -> Result<(), Error> {
        self.pass()
    }

    fn sign(&self, key: &str, _: &str, _: &[u8], _: &SignOptions) -> Result<Vec<u8>, Error> {
        self.bytes(match algorithm(key) {
            Algorithm::Rsa2048 => 256,
            Algorithm::MlDsa44 => 2420,
            _ => 64,
        })
    }

    fn decrypt(&self, _: &str, _: &str, _: &[u8], _: &DecryptOptions) -> Result<Secret, Error> {
        self.bytes(32).map(Secret::new)
    }

    fn derive(&self, _: &str, _: &str, _: &[u8], _: &DeriveOptions) -> Result<Secret, Error> {
        self.bytes(32).map(Secret::new)
    }

    fn decapsulate(&self, _: &str, _: &str, _: &[u8], _: &DecapsulateOptions) -> Result<Secret, Error> {
        self.bytes(32).map(Secret::new)
    }

    fn generate_key(&self, _algorithm: &str, _options: &NewKeyOptions) -> Result<String, Error> {
        self.pass().map(|()| id(usize::from(self.byte()) % KEYS.len()))
    }

    fn import_key(&self, _private_key: &Secret, _options: &NewKeyOptions) -> Result<String, Error> {
        self.pass().map(|()| id(usize::from(self.byte()) % KEYS.len()))
    }

    fn delete_key(&self, _key: &str) -> Result<(), Error> {
        self.pass()
    }

    fn set_label(&self, _key: &str, _label: &str) -> Result<(), Error> {
        self.pass()
    }

    fn set_certificate(&self, _: &str, _: &[u8], _: &CertificateOptions) -> Result<(), Error> {
        self.pass()
    }

    fn verify(&self, _: &[u8], _: &str, _: &[u8], _: &[u8], _: &VerifyOptions) -> Result<bool, Error> {
        self.pass().map(|()| self.byte() < 128)
    }

    fn encrypt(&self, _: &[u8], _: &str, _: &[u8], _: &EncryptOptions) -> Result<Vec<u8>, Error> {
        self.bytes(256)
    }

    fn encapsulate(&self, _public_key: &[u8], _mechanism: &str) -> Result<(Vec<u8>, Secret), Error> {
        Ok((self.bytes(768)?, Secret::new(vec![7; 32])))
    }

    fn random(&self, length: u32, _token: Option<&str>) -> Result<Secret, Error> {
        self.bytes(length as usize).map(Secret::new)
    }

    fn wait_for_change(&self) -> Result<(), Error> {
        self.pass()
    }

    fn interrupt(&self) {}
}
