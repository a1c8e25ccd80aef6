//! PINs that go to the card as hashes (KDF-DO, 4.3.2).

use aws_lc_rs::digest::{self, Context};
use zeroize::Zeroizing;

use super::channel::{Channel, Expect};
use crate::{CardError, tlv};

/// What the card wants to have done with a password before it is sent. A card that wants the hash counts the
/// password itself as a wrong one, so this is asked before every password that is sent.
pub(super) enum Kdf {
    /// Nothing.
    None,
    /// Iterated and salted hashing (RFC 4880, 3.7.1.3).
    IteratedSalted {
        hash: &'static digest::Algorithm,
        /// How many bytes are hashed.
        count: usize,
        salts: Salts,
    },
}

/// The salts of the three passwords. "If only one salt is stored, it is used for all" (4.3.2).
pub(super) struct Salts {
    user: Vec<u8>,
    reset: Option<Vec<u8>>,
    admin: Option<Vec<u8>>,
}

/// The passwords of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Password {
    User,
    ResetCode,
    Admin,
}

impl Kdf {
    /// Reads it from the card.
    ///
    /// # Errors
    /// [`CardError::Malformed`] where it cannot be understood: then no password may be sent.
    pub(super) fn read(channel: &mut Channel<'_>) -> Result<Self, CardError> {
        match channel.get("reading how it wants its PIN", 0xf9, Expect::Short)? {
            Some(data) => Self::parse(&data),
            None => Ok(Self::None),
        }
    }

    fn parse(data: &[u8]) -> Result<Self, CardError> {
        let objects = tlv::all(tlv::only(data, 0xf9).unwrap_or(data)).ok_or_else(malformed)?;
        let get = |tag| tlv::find(&objects, tag);
        match get(0x81) {
            None if objects.is_empty() => return Ok(Self::None),
            Some([0]) => return Ok(Self::None),
            Some([3]) => {}
            _ => return Err(malformed()),
        }
        let hash = match get(0x82) {
            Some([8]) => &digest::SHA256,
            Some([10]) => &digest::SHA512,
            _ => return Err(malformed()),
        };
        let count = get(0x83).and_then(|count| <[u8; 4]>::try_from(count).ok()).ok_or_else(malformed)?;
        let count = usize::try_from(u32::from_be_bytes(count)).map_err(|_| malformed())?;
        if count > COUNT_LIMIT {
            return Err(malformed());
        }
        let salt = |tag| get(tag).filter(|salt| !salt.is_empty()).map(<[u8]>::to_vec);
        let salts = Salts { user: salt(0x84).ok_or_else(malformed)?, reset: salt(0x85), admin: salt(0x86) };
        Ok(Self::IteratedSalted { hash, count, salts })
    }

    /// Returns true where the card gets hashes.
    pub(super) const fn hashes(&self) -> bool {
        matches!(self, Self::IteratedSalted { .. })
    }

    /// Returns what goes to the card for a password.
    pub(super) fn map(&self, which: Password, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let Self::IteratedSalted { hash, count, salts } = self else {
            return Zeroizing::new(password.to_vec());
        };
        let salt = match which {
            Password::User => &salts.user,
            Password::ResetCode => salts.reset.as_ref().unwrap_or(&salts.user),
            Password::Admin => salts.admin.as_ref().unwrap_or(&salts.user),
        };
        let mut round = Zeroizing::new(Vec::with_capacity(salt.len() + password.len()));
        round.extend_from_slice(salt);
        round.extend_from_slice(password);
        let mut context = Context::new(hash);
        // "The whole of salt and passphrase is hashed at least once", whatever the count.
        let mut left = (*count).max(round.len());
        while left > 0 {
            let piece = &round[..left.min(round.len())];
            context.update(piece);
            left -= piece.len();
        }
        Zeroizing::new(context.finish().as_ref().to_vec())
    }
}

fn malformed() -> CardError {
    CardError::Malformed("how it wants its PIN hashed (KDF-DO)".into())
}

/// The greatest count that OpenPGP itself can say (RFC 4880, 3.7.1.3); a card cannot make us hash longer.
const COUNT_LIMIT: usize = 65_011_712;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use super::{Kdf, Password};
    use crate::CardError;

    const HASHED: &[u8] =
        b"\x81\x01\x03\x82\x01\x08\x83\x04\x00\x01\x86\xa0\x84\x08\x30\x31\x32\x33\x34\x35\x36\x37\
        \x85\x08\x38\x39\x3a\x3b\x3c\x3d\x3e\x3f\x86\x08\x41\x42\x43\x44\x45\x46\x47\x48";

    /// The example of the specification 3.4.1, 4.3.2: 100000 bytes, SHA-256, PINs 123456 and 12345678.
    #[test]
    fn the_hashes_are_the_standard_s() {
        let kdf = Kdf::parse(HASHED).unwrap();
        let user = kdf.map(Password::User, b"123456");
        assert_eq!(user[..6], *b"\x77\x37\x84\xa6\x02\xb6");
        assert_eq!(user[28..], *b"\x90\x1f\x44\xb6");
        let admin = kdf.map(Password::Admin, b"12345678");
        assert_eq!(admin[..6], *b"\x26\x75\xd6\x16\x4a\x0d");
        assert_ne!(kdf.map(Password::ResetCode, b"123456"), user);
        let wrapped = crate::tlv::element(0xf9, &[HASHED]);
        assert_eq!(Kdf::parse(&wrapped).unwrap().map(Password::User, b"123456"), user);
    }

    #[test]
    fn one_salt_serves_for_all() {
        let kdf = Kdf::parse(&HASHED[..22]).unwrap();
        assert_eq!(kdf.map(Password::Admin, b"12345678"), kdf.map(Password::User, b"12345678"));
    }

    #[test]
    fn a_card_without_it_gets_the_pin() {
        for data in [&b""[..], b"\x81\x01\x00", b"\xf9\x03\x81\x01\x00"] {
            let kdf = Kdf::parse(data).unwrap();
            assert!(!kdf.hashes());
            assert_eq!(kdf.map(Password::User, b"123456")[..], b"123456"[..]);
        }
    }

    /// A password that the card wants hashed must not go to it as it is.
    #[test]
    fn what_is_not_understood_sends_no_pin() {
        let refused = |data: &[u8]| matches!(Kdf::parse(data), Err(CardError::Malformed(_)));
        for length in 1..22 {
            assert!(refused(&HASHED[..length]), "{length}");
        }
        let with = |place: usize, byte: u8| {
            let mut data = HASHED.to_vec();
            data[place] = byte;
            data
        };
        assert!(refused(&with(2, 1)), "an unknown method");
        assert!(refused(&with(5, 2)), "an unknown hash");
        assert!(refused(&with(8, 0x7f)), "more bytes than any sane card wants");
    }
}
