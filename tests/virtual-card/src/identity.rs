//! Which card it is.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::cac;

/// What makes a card this card and no other.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What is on it.
    pub kind: Kind,
    /// Where its memory is kept.
    pub folder: PathBuf,
    /// Its serial number.
    pub serial: u32,
}

impl Identity {
    /// Makes what must be there before the card is first powered.
    pub fn make(&self) -> io::Result<()> {
        match self.kind {
            Kind::Cac => cac::make(self),
            // The applets make it themselves.
            Kind::Piv | Kind::OpenPgp | Kind::PivAndOpenPgp => Ok(()),
        }
    }

    /// Returns the card's GUID (SP 800-73-4, CHUID): a version 4 UUID with the serial number at its end.
    pub fn guid(&self) -> [u8; 16] {
        let mut guid = *b"\xC1\xA7\x16\xE5\x00\x00\x40\x00\x80\x00\x00\x00\x00\x00\x00\x00";
        guid[12..].copy_from_slice(&self.serial.to_be_bytes());
        guid
    }

    /// Returns the answer to reset, ISO 7816-3.
    pub fn atr(&self) -> &'static [u8] {
        match self.kind {
            // T=1, and no historical bytes.
            Kind::Piv => b"\x3B\x80\x80\x01\x01",
            // T=1; the OpenPGP card's historical bytes: selected by name, extended lengths, operational state.
            Kind::OpenPgp | Kind::PivAndOpenPgp => {
                b"\x3B\x8A\x80\x01\x00\x31\xF5\x73\xC0\x01\x60\x00\x90\x00\x8D"
            }
            Kind::Cac => b"\x3B\x80\x80\x01\x01",
        }
    }
}

/// What is on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NIST SP 800-73-4.
    Piv,
    /// OpenPGP card 3.4.
    OpenPgp,
    /// Both, as on many a token.
    PivAndOpenPgp,
    /// A US Common Access Card of the old kind: neither of the two.
    Cac,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "piv" => Ok(Self::Piv),
            "openpgp" => Ok(Self::OpenPgp),
            "piv+openpgp" => Ok(Self::PivAndOpenPgp),
            "cac" => Ok(Self::Cac),
            _ => Err(format!("no such kind of card: {word}")),
        }
    }
}
