use std::fmt;
use std::sync::Arc;

use claviger_token::{Algorithm, Capabilities, PinPolicy, TokenId, TouchPolicy, Usage};

/// The application on a card that holds the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// PIV (NIST SP 800-73-4).
    Piv,
    /// OpenPGP card 3.4.
    OpenPgp,
    /// What only OpenSC knows: CAC, PKCS#15, national cards.
    OpenSc,
}

impl Kind {
    /// Every kind, in the order in which a card is asked for them.
    pub const ALL: [Self; 3] = [Self::Piv, Self::OpenPgp, Self::OpenSc];

    /// Returns `piv`, `openpgp` or `opensc`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Piv => "piv",
            Self::OpenPgp => "openpgp",
            Self::OpenSc => "opensc",
        }
    }

    /// Returns the kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the id of the token that this application on the card of that serial is: `card:piv:0123…`.
    pub fn token(self, serial: &str) -> TokenId {
        TokenId::new(format!("card:{}:{serial}", self.name()))
    }

    /// Returns the kind and the serial of a card token's id.
    pub fn of_token(token: &TokenId) -> Option<(Self, &str)> {
        let (kind, serial) = token.as_str().strip_prefix("card:")?.split_once(':')?;
        Some((Self::from_name(kind)?, serial))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Piv => "PIV",
            Self::OpenPgp => "OpenPGP",
            Self::OpenSc => "OpenSC",
        })
    }
}

/// What stands in one application on one card, as it can be read without a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The application.
    pub kind: Kind,
    /// What tells this card from all others, lower-case and without spaces: the GUID of the CHUID in 32
    /// hexadecimal digits for PIV, manufacturer and serial number in 12 for OpenPGP, OpenSC's token serial.
    pub serial: String,
    /// What people call it: maker and serial number as printed, as far as the card tells.
    pub name: String,
    /// The keys that are there.
    pub keys: Vec<CardKey>,
    /// What this card can do.
    pub capabilities: Arc<Capabilities>,
    /// What a PIN looks like.
    pub pin: PinRules,
    /// How many tries are left at the PIN, where the card tells without spending one.
    pub tries_left: Option<u32>,
    /// How many tries are left at the PUK or reset code, where the card tells.
    pub puk_tries_left: Option<u32>,
}

/// A key on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardKey {
    /// Its place: `9a`, `9c`, `9d`, `9e`, `82` to `95` for PIV; `sign`, `decrypt`, `authenticate` for OpenPGP;
    /// the CKA_ID in hexadecimal for OpenSC.
    pub reference: String,
    /// What kind of key it is.
    pub algorithm: Algorithm,
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Arc<[u8]>,
    /// What the place allows.
    pub usage: Usage,
    /// When it wants the PIN.
    pub pin_policy: PinPolicy,
    /// When it wants a touch.
    pub touch_policy: TouchPolicy,
    /// The certificate of the key and its chain as far as the card holds it, DER, the key's own first.
    pub certificates: Vec<Vec<u8>>,
}

impl Contents {
    /// Returns the id of the token that this is.
    pub fn token(&self) -> TokenId {
        self.kind.token(&self.serial)
    }

    /// Returns the key at that place.
    pub fn key(&self, reference: &str) -> Option<&CardKey> {
        self.keys.iter().find(|key| key.reference == reference)
    }
}

/// What a PIN looks like. One that does not fit is refused before the card sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinRules {
    /// The fewest characters.
    pub shortest: usize,
    /// The most characters.
    pub longest: usize,
    /// Whether only digits are allowed.
    pub digits_only: bool,
}

impl PinRules {
    /// Returns why a PIN does not fit, if it does not.
    pub fn misfit(self, pin: &[u8]) -> Option<String> {
        let Self { shortest, longest, digits_only } = self;
        // Whatever a card says of itself: none at all is a question to it, and is answered yes where anyone was right.
        let fits = (shortest.max(1)..=longest).contains(&pin.len());
        if fits && (!digits_only || pin.iter().all(u8::is_ascii_digit)) {
            return None;
        }
        let what = if digits_only { "digits" } else { "characters" };
        Some(format!("a PIN of this card has {shortest} to {longest} {what}; it was not tried"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, PinRules};

    #[test]
    fn a_tokens_id_names_kind_and_serial() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_token(&kind.token("00aa:1")), Some((kind, "00aa:1")));
        }
        for text in ["local:1000", "card:piv", "card:gold:1"] {
            assert_eq!(Kind::of_token(&claviger_token::TokenId::new(text)), None, "{text}");
        }
    }

    #[test]
    fn a_pin_that_cannot_be_right_is_told_apart() {
        let rules = PinRules { shortest: 6, longest: 8, digits_only: true };
        assert_eq!(rules.misfit(b"123456"), None);
        let lax = PinRules { shortest: 0, longest: 8, digits_only: false };
        assert!(lax.misfit(b"").is_some() && lax.misfit(b"1").is_none(), "none at all is never one");
        for pin in [&b""[..], b"12345", b"123456789", b"12345x"] {
            let why = rules.misfit(pin).expect("it does not fit");
            assert!(why.contains("6 to 8 digits"), "{why}");
        }
    }
}
