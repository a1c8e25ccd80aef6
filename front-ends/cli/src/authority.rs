//! What a card's administrator knows: the management key of a PIV card, the Admin PIN of an OpenPGP card.

use std::path::PathBuf;

use claviger_client::Secret;
use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use crate::Problem;
use crate::secrets::Source;

/// Where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Nobody said: a person can be asked, if there is one.
    Untold,
    /// The key that PIV cards have when they leave the factory.
    Factory,
    /// A management key in that place.
    ManagementKey(Source),
    /// An Admin PIN in that place.
    AdminPin(Source),
}

impl Authority {
    /// Returns what the options say; clap refuses more than one of them.
    pub(crate) fn from_options(
        factory: bool,
        management_key: (Option<u32>, Option<PathBuf>),
        admin_pin: (Option<u32>, Option<PathBuf>),
    ) -> Self {
        let source = |option, (descriptor, file): (Option<u32>, Option<PathBuf>)| {
            let is_told = descriptor.is_some() || file.is_some();
            is_told.then(|| Source::from_options(option, descriptor, file))
        };
        if factory {
            return Self::Factory;
        }
        if let Some(source) = source(MANAGEMENT_KEY, management_key) {
            return Self::ManagementKey(source);
        }
        source(ADMIN_PIN, admin_pin).map_or(Self::Untold, Self::AdminPin)
    }

    /// Returns what a person is asked for on behalf of a card with that application; nothing for one that nobody
    /// administers.
    pub(crate) fn asked_for(application: &str) -> Option<Self> {
        match application {
            "piv" => Some(Self::ManagementKey(Source::Terminal(MANAGEMENT_KEY))),
            "openpgp" => Some(Self::AdminPin(Source::Terminal(ADMIN_PIN))),
            _ => None,
        }
    }

    /// Gets it; `None` where nobody said.
    pub(crate) fn get(&self) -> Result<Option<Secret>, Problem> {
        match self {
            Self::Untold => Ok(None),
            Self::Factory => Ok(Some(Secret::new(FACTORY.to_vec()))),
            Self::ManagementKey(source) => {
                let what =
                    if source.is_terminal() { "management key, in hexadecimal" } else { "management key" };
                management_key(&source.bytes(what)?).map(Some)
            }
            Self::AdminPin(source) => source.get("Admin PIN").map(Some),
        }
    }
}

/// Returns a management key's bytes from hexadecimal text, or from the bytes themselves.
fn management_key(told: &Secret) -> Result<Secret, Problem> {
    let mut text = Zeroizing::new(Vec::with_capacity(told.as_bytes().len()));
    text.extend(told.as_bytes().iter().filter(|byte| !byte.is_ascii_whitespace()));
    let size = HEXLOWER_PERMISSIVE.decode_len(text.len()).ok().filter(|size| SIZES.contains(size));
    if let Some(size) = size {
        let mut key = Zeroizing::new(vec![0; size]);
        if HEXLOWER_PERMISSIVE.decode_mut(&text, &mut key).is_ok() {
            return Ok(Secret::from(key));
        }
    }
    if SIZES.contains(&told.as_bytes().len()) {
        return Ok(told.clone());
    }
    Err(Problem::Failed(
        "cannot read the management key: it has 16, 24 or 32 bytes, as they are or in hexadecimal".to_owned(),
    ))
}

/// AES-128, 3DES and AES-192, AES-256.
const SIZES: [usize; 3] = [16, 24, 32];

/// Three times 01 to 08, for 3DES: what every PIV card is delivered with, and everybody knows.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

const MANAGEMENT_KEY: &str = "management-key";
const ADMIN_PIN: &str = "admin-pin";

#[cfg(test)]
mod tests {
    use super::{Authority, FACTORY, management_key};
    use crate::Problem;
    use crate::secrets::Source;
    use claviger_client::Secret;

    fn read(told: &[u8]) -> Result<Vec<u8>, Problem> {
        management_key(&Secret::new(told.to_vec())).map(|key| key.as_bytes().to_vec())
    }

    #[test]
    fn a_management_key_is_read_as_hexadecimal_or_as_it_is() -> Result<(), Problem> {
        assert_eq!(read(b"010203040506070801020304050607080102030405060708\n")?, FACTORY);
        assert_eq!(read(b"0102030405060708 0102030405060708 0102030405060708\r\n")?, FACTORY);
        assert_eq!(read(b"FFeeDDccBBaa99887766554433221100")?[..2], [0xff, 0xee]);
        assert_eq!(read(&FACTORY)?, FACTORY);
        // A new line is as good a last byte as any other.
        let raw = [&[0xfe; 15][..], b"\n"].concat();
        assert_eq!(read(&raw)?, raw);
        Ok(())
    }

    #[test]
    fn what_has_no_size_of_a_key_is_refused() {
        for told in [&b"0102"[..], &[7; 23], b"0102030405060708010203040506070801020304050607zz", b"\n"] {
            assert!(read(told).is_err());
        }
    }

    #[test]
    fn the_factory_key_is_used_only_when_told() -> Result<(), Problem> {
        assert!(Authority::from_options(false, (None, None), (None, None)).get()?.is_none());
        let factory = Authority::from_options(true, (None, None), (None, None)).get()?;
        assert!(factory.is_some_and(|key| key.as_bytes() == FACTORY));
        Ok(())
    }

    #[test]
    fn a_person_is_asked_for_what_the_card_wants() {
        assert_eq!(
            Authority::asked_for("piv"),
            Some(Authority::ManagementKey(Source::Terminal("management-key")))
        );
        assert_eq!(Authority::asked_for("openpgp"), Some(Authority::AdminPin(Source::Terminal("admin-pin"))));
        assert_eq!(Authority::asked_for("opensc"), None);
        let told = Authority::from_options(false, (None, None), (Some(3), None));
        assert_eq!(told, Authority::AdminPin(Source::Descriptor(3)));
    }
}
