//! The three places for keys on an OpenPGP card.

use claviger_token::{Algorithm, Usage};
use openpgp_card::ocard::KeyType;

/// A place for a key, with the numbers that the standard gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Sign,
    Decrypt,
    Authenticate,
}

impl Slot {
    pub(super) const ALL: [Self; 3] = [Self::Sign, Self::Decrypt, Self::Authenticate];

    /// Returns what the place is called towards the rest of Claviger.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
            Self::Authenticate => "authenticate",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.name() == name)
    }

    /// Returns its number, counted from nought.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Sign => 0,
            Self::Decrypt => 1,
            Self::Authenticate => 2,
        }
    }

    /// Returns the same in the words of `openpgp-card`.
    pub(super) const fn key_type(self) -> KeyType {
        match self {
            Self::Sign => KeyType::Signing,
            Self::Decrypt => KeyType::Decryption,
            Self::Authenticate => KeyType::Authentication,
        }
    }

    /// Returns what a key at this place does: DECIPHER decrypts and agrees, the other two sign.
    pub(super) const fn usage(self, algorithm: Algorithm) -> Usage {
        let all = algorithm.usage();
        match self {
            Self::Sign | Self::Authenticate => Usage { sign: all.sign, decrypt: false, derive: false },
            Self::Decrypt => Usage { sign: false, ..all },
        }
    }

    /// Returns the reference of the password that its use wants: PW1 as 81 or as 82 (4.2).
    pub(super) const fn password(self) -> u8 {
        match self {
            Self::Sign => 0x81,
            Self::Decrypt | Self::Authenticate => 0x82,
        }
    }

    /// Returns the control reference template that names the key (7.2.14).
    pub(super) const fn template(self) -> [u8; 2] {
        match self {
            Self::Sign => [0xb6, 0x00],
            Self::Decrypt => [0xb8, 0x00],
            Self::Authenticate => [0xa4, 0x00],
        }
    }

    pub(super) const fn attributes_tag(self) -> u16 {
        0xc1 + self.index() as u16
    }

    pub(super) const fn fingerprint_tag(self) -> u16 {
        0xc7 + self.index() as u16
    }

    pub(super) const fn time_tag(self) -> u16 {
        0xce + self.index() as u16
    }

    pub(super) const fn touch_tag(self) -> u16 {
        0xd6 + self.index() as u16
    }

    /// Returns which of the three objects 7F21 is its certificate: 4.4.1, authentication, decryption, signature.
    pub(super) const fn certificate(self) -> u8 {
        2 - self.index() as u8
    }
}
