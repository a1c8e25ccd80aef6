//! OpenSSH's private key format (`PROTOCOL.key` of OpenSSH).

use claviger_client::Secret;
use crypto_bigint::{BoxedUint, NonZero};
use pkcs8::der::asn1::UintRef;
use ssh_cipher::Cipher;
use zeroize::Zeroizing;

use super::asn1::{self, P256, P384, P521};
use super::{ImportError, PrivateKeyFile, Sealed};

/// What the format begins with.
pub(super) const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A file that holds one key.
pub struct Container {
    cipher: Cipher,
    salt: Vec<u8>,
    rounds: u32,
    /// The private section, encrypted or not.
    section: Zeroizing<Vec<u8>>,
    /// What follows it with ciphers that authenticate.
    tag: Vec<u8>,
}

impl Container {
    /// Reads the outer structure.
    pub(super) fn parse(contents: &[u8]) -> Result<Self, ImportError> {
        let rest = contents.strip_prefix(MAGIC).ok_or(ImportError::Damaged("its OpenSSH header"))?;
        let mut reader = Reader { rest };
        let cipher = known_cipher(reader.text()?)?;
        let kdf = reader.text()?;
        let kdf_options = reader.bytes()?;
        if reader.number()? != 1 {
            return Err(ImportError::NotSupported("a file with several keys".to_owned()));
        }
        let _public_key = reader.bytes()?;
        let section = Zeroizing::new(reader.bytes()?.to_vec());
        let tag = reader.rest.to_vec();
        let (salt, rounds) = match (kdf, cipher.is_none()) {
            ("none", true) => (Vec::new(), 0),
            ("bcrypt", false) => bcrypt_options(kdf_options)?,
            _ => return Err(ImportError::NotSupported(format!("encrypted with {kdf}"))),
        };
        Ok(Self { cipher, salt, rounds, section, tag })
    }

    /// Returns the key where it is not encrypted.
    pub(super) fn open_or_seal(self) -> Result<PrivateKeyFile, ImportError> {
        if self.cipher.is_some() {
            return Ok(PrivateKeyFile::Sealed(Sealed::OpenSsh(self)));
        }
        read_section(&self.section)
            .map_err(|_| ImportError::Damaged("its private section"))?
            .rewrite()
            .map(PrivateKeyFile::Clear)
    }

    /// Decrypts and returns the key.
    pub(super) fn open(&self, passphrase: &Secret) -> Result<Secret, ImportError> {
        let (key_size, iv_size) = sizes(self.cipher);
        let mut derived = Zeroizing::new(vec![0; key_size + iv_size]);
        bcrypt_pbkdf::bcrypt_pbkdf(passphrase.as_bytes(), &self.salt, self.rounds, &mut derived)
            .map_err(|_| ImportError::WrongPassphrase)?;
        let (key, iv) = derived.split_at(key_size);
        let (key, iv) = match self.cipher {
            // OpenSSH derives two keys and no nonce; only the first encrypts, with the packet number zero.
            Cipher::ChaCha20Poly1305 => (&key[..32], &[0; 8][..]),
            _ => (key, iv),
        };
        let tag = if self.cipher.has_tag() {
            Some(
                ssh_cipher::Tag::try_from(self.tag.as_slice())
                    .map_err(|_| ImportError::Damaged("its tag"))?,
            )
        } else {
            None
        };
        let mut section = self.section.clone();
        self.cipher.decrypt(key, iv, &mut section, tag).map_err(|_| ImportError::WrongPassphrase)?;
        // Two equal numbers at its beginning are how a right pass phrase shows.
        read_section(&section).map_err(|_| ImportError::WrongPassphrase)?.rewrite()
    }
}

fn known_cipher(name: &str) -> Result<Cipher, ImportError> {
    match name {
        "none" => Ok(Cipher::None),
        name => Cipher::new(name)
            .ok()
            .filter(|cipher| !matches!(cipher, Cipher::TdesCbc))
            .ok_or_else(|| ImportError::NotSupported(format!("encrypted with {name}"))),
    }
}

/// Returns the sizes of key and nonce as OpenSSH derives them.
fn sizes(cipher: Cipher) -> (usize, usize) {
    match cipher {
        Cipher::ChaCha20Poly1305 => (64, 0),
        cipher => cipher.key_and_iv_size().unwrap_or((0, 0)),
    }
}

fn bcrypt_options(options: &[u8]) -> Result<(Vec<u8>, u32), ImportError> {
    let mut reader = Reader { rest: options };
    let salt = reader.bytes()?.to_vec();
    let rounds = reader.number()?;
    match rounds {
        // A round takes some milliseconds; OpenSSH makes 16 or 24.
        1..=10_000 => Ok((salt, rounds)),
        _ => Err(ImportError::NotSupported(format!("encrypted with {rounds} rounds of bcrypt"))),
    }
}

/// The private numbers of a key, where they stand in the section.
enum Numbers<'a> {
    Ecdsa { curve: &'a str, point: &'a [u8], number: &'a [u8] },
    Ed25519 { seed: &'a [u8] },
    Rsa { n: &'a [u8], e: &'a [u8], d: &'a [u8], iqmp: &'a [u8], p: &'a [u8], q: &'a [u8] },
    Other { kind: &'a str },
}

fn read_section(section: &[u8]) -> Result<Numbers<'_>, ImportError> {
    let mut reader = Reader { rest: section };
    if reader.number()? != reader.number()? {
        return Err(ImportError::WrongPassphrase);
    }
    let kind = reader.text()?;
    let numbers = match kind {
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => {
            Numbers::Ecdsa { curve: reader.text()?, point: reader.bytes()?, number: reader.bytes()? }
        }
        "ssh-ed25519" => {
            let _public_key = reader.bytes()?;
            let seed = reader.bytes()?.get(..32).ok_or(ImportError::Damaged("its Ed25519 key"))?;
            Numbers::Ed25519 { seed }
        }
        "ssh-rsa" => Numbers::Rsa {
            n: reader.bytes()?,
            e: reader.bytes()?,
            d: reader.bytes()?,
            iqmp: reader.bytes()?,
            p: reader.bytes()?,
            q: reader.bytes()?,
        },
        kind => return Ok(Numbers::Other { kind }),
    };
    let _comment = reader.bytes()?;
    // "The private key list is padded with 1, 2, 3, … to the block size."
    let is_padding = reader.rest.iter().zip(1_u8..).all(|(byte, expected)| *byte == expected);
    if is_padding { Ok(numbers) } else { Err(ImportError::Damaged("its padding")) }
}

impl Numbers<'_> {
    /// Returns the key as DER PKCS#8.
    fn rewrite(self) -> Result<Secret, ImportError> {
        match self {
            Self::Ecdsa { curve, point, number } => {
                let (curve, size) = match curve {
                    "nistp256" => (P256, 32),
                    "nistp384" => (P384, 48),
                    "nistp521" => (P521, 66),
                    _ => return Err(ImportError::Damaged("its curve")),
                };
                asn1::wrap_ec(curve, &padded(number, size)?, Some(point))
            }
            Self::Ed25519 { seed } => asn1::wrap_ed25519(seed),
            Self::Rsa { n, e, d, iqmp, p, q } => rewrite_rsa([n, e, d, p, q, iqmp]),
            Self::Other { kind } if kind.starts_with("sk-") => Err(ImportError::NotSupported(
                "a reference to a security key, whose private half cannot leave it".to_owned(),
            )),
            Self::Other { kind } => Err(ImportError::NotSupported(format!("a key of the kind {kind}"))),
        }
    }
}

/// Returns a number with the zeros before it that a fixed size wants. On the wire it has none, or one too many.
fn padded(number: &[u8], size: usize) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let number = trimmed(number);
    let zeros =
        size.checked_sub(number.len()).ok_or(ImportError::Damaged("its private number is too large"))?;
    let mut padded = Zeroizing::new(vec![0; size]);
    padded[zeros..].copy_from_slice(number);
    Ok(padded)
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Makes PKCS#1, which has the exponents modulo p - 1 and q - 1 that OpenSSH leaves out, and wraps it.
fn rewrite_rsa(numbers: [&[u8]; 6]) -> Result<Secret, ImportError> {
    if numbers.iter().any(|number| number.len() > RSA_NUMBER_LIMIT) {
        return Err(ImportError::NotSupported("an RSA key of more than 16,384 bits".to_owned()));
    }
    let [_, _, d, p, q, _] = numbers;
    let (exponent1, exponent2) = (reduced(d, p)?, reduced(d, q)?);
    let integer = |bytes| UintRef::new(bytes).map_err(|_| ImportError::Damaged("an RSA number"));
    let [modulus, public_exponent, private_exponent, prime1, prime2, coefficient] = numbers.map(integer);
    let key = pkcs1::RsaPrivateKeyRef {
        modulus: modulus?,
        public_exponent: public_exponent?,
        private_exponent: private_exponent?,
        prime1: prime1?,
        prime2: prime2?,
        exponent1: integer(&exponent1)?,
        exponent2: integer(&exponent2)?,
        coefficient: coefficient?,
        other_prime_infos: None,
    };
    asn1::from_pkcs1(&asn1::encode(&key)?)
}

/// Returns `d` modulo `prime` - 1, big-endian.
fn reduced(d: &[u8], prime: &[u8]) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let bits =
        u32::try_from(d.len().max(prime.len()) * 8).map_err(|_| ImportError::Damaged("an RSA number"))?;
    let read = |bytes| {
        BoxedUint::from_be_slice(bytes, bits)
            .map(Zeroizing::new)
            .map_err(|_| ImportError::Damaged("an RSA number"))
    };
    let (d, prime) = (read(d)?, read(prime)?);
    let one = BoxedUint::one_with_precision(prime.bits_precision());
    let modulus = NonZero::new(prime.wrapping_sub(one)).into_option();
    let modulus = Zeroizing::new(modulus.ok_or(ImportError::Damaged("a prime of it is none"))?);
    let remainder = Zeroizing::new(d.rem(&modulus));
    Ok(Zeroizing::new(remainder.to_be_bytes().into_vec()))
}

/// Reads the wire format of RFC 4251, section 5.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u32, ImportError> {
        let (number, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn bytes(&mut self) -> Result<&'a [u8], ImportError> {
        let size = self.number()? as usize;
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<&'a str, ImportError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ImportError::Damaged("a name in it is no text"))
    }
}

const SHORT: ImportError = ImportError::Damaged("it ends too early");

const RSA_NUMBER_LIMIT: usize = 2049;
