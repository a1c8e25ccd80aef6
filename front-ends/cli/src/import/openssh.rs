//! OpenSSH's private key format (`PROTOCOL.key` of OpenSSH).

use claviger_client::Secret;
use claviger_client::der::{Curve, PrivateKey};
use ssh_cipher::Cipher;
use zeroize::Zeroizing;

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

/// What stands in a section.
enum Content<'a> {
    Key(PrivateKey<'a>),
    Other { kind: &'a str },
}

fn read_section(section: &[u8]) -> Result<Content<'_>, ImportError> {
    let mut reader = Reader { rest: section };
    if reader.number()? != reader.number()? {
        return Err(ImportError::WrongPassphrase);
    }
    let kind = reader.text()?;
    let key = match kind {
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => {
            let curve = Curve::of_ssh_name(reader.text()?).ok_or(ImportError::Damaged("its curve"))?;
            PrivateKey::Ec { curve, point: reader.bytes()?, number: reader.bytes()? }
        }
        "ssh-ed25519" => {
            let _public_key = reader.bytes()?;
            let seed = reader.bytes()?.first_chunk().ok_or(ImportError::Damaged("its Ed25519 key"))?;
            PrivateKey::Ed25519(seed)
        }
        // In the order in which they stand there.
        "ssh-rsa" => PrivateKey::Rsa {
            modulus: reader.bytes()?,
            exponent: reader.bytes()?,
            d: reader.bytes()?,
            iqmp: reader.bytes()?,
            p: reader.bytes()?,
            q: reader.bytes()?,
        },
        kind => return Ok(Content::Other { kind }),
    };
    let _comment = reader.bytes()?;
    // "The private key list is padded with 1, 2, 3, … to the block size."
    let is_padding = reader.rest.iter().zip(1_u8..).all(|(byte, expected)| *byte == expected);
    if is_padding { Ok(Content::Key(key)) } else { Err(ImportError::Damaged("its padding")) }
}

impl Content<'_> {
    /// Returns the key as DER PKCS#8.
    fn rewrite(self) -> Result<Secret, ImportError> {
        match self {
            Self::Key(key) => Ok(key.to_pkcs8()?),
            Self::Other { kind } if kind.starts_with("sk-") => Err(ImportError::NotSupported(
                "a reference to a security key, whose private half cannot leave it".to_owned(),
            )),
            Self::Other { kind } => Err(ImportError::NotSupported(format!("a key of the kind {kind}"))),
        }
    }
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
