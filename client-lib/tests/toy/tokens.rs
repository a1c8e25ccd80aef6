//! One card of toy strength: it counts PIN tries, and is enrolled, unlocked and forgotten.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use claviger_dbus::wire::{
    ChangePinOptions, EnrolOptions, InitCardOptions, NoOptions, TokenFilter, TokenKeyRow, TokenRow,
    UnlockTokenOptions,
};
use claviger_dbus::{ByteBuf, CallError, ErrorName};

/// The card's id until it is initialised.
pub(crate) const CARD: &str = "card:piv:00ff";
/// Its key, once it is enrolled.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What is known of the card.
#[derive(Clone)]
pub(crate) struct ToyCard {
    pub(crate) id: String,
    pub(crate) pin: Vec<u8>,
    pub(crate) puk: Vec<u8>,
    pub(crate) tries: u32,
    pub(crate) label: Option<String>,
    pub(crate) is_enrolled: bool,
    pub(crate) is_default: bool,
    pub(crate) is_unlocked: bool,
    /// The key's, DER SubjectPublicKeyInfo.
    pub(crate) public_key: Vec<u8>,
    /// Shown with the key.
    pub(crate) certificate: Vec<u8>,
    /// What came with the last call that wanted an authority.
    pub(crate) authority: Option<Vec<u8>>,
}

impl Default for ToyCard {
    fn default() -> Self {
        Self {
            id: CARD.to_owned(),
            pin: b"123456".to_vec(),
            puk: b"12345678".to_vec(),
            tries: 3,
            label: None,
            is_enrolled: false,
            is_default: false,
            is_unlocked: false,
            public_key: Vec::new(),
            certificate: Vec::new(),
            authority: None,
        }
    }
}

impl ToyCard {
    fn row(&self) -> TokenRow {
        TokenRow {
            kind: "card".to_owned(),
            application: "piv".to_owned(),
            name: "Toy card 1".to_owned(),
            reader: "Toy reader 00".to_owned(),
            presence: "present".to_owned(),
            enrolled: self.is_enrolled,
            locked: !self.is_unlocked,
            tries_left: Some(self.tries),
            pin_shortest: Some(6),
            pin_longest: Some(8),
            ..TokenRow::default()
        }
    }

    fn row_with_keys(&self) -> TokenRow {
        let key = TokenKeyRow {
            slot: "9a".to_owned(),
            algorithm: "P-256".to_owned(),
            usage: vec!["sign".to_owned()],
            certificates: [&self.certificate]
                .into_iter()
                .filter(|der| !der.is_empty())
                .map(|der| ByteBuf::from(der.clone()))
                .collect(),
            pin_policy: "once".to_owned(),
            touch_policy: "never".to_owned(),
            key: if self.is_enrolled { KEY.to_owned() } else { String::new() },
            ..TokenKeyRow::default()
        };
        TokenRow { keys: Some(vec![key]), ..self.row() }
    }

    /// Presents a PIN as a card does, with the service's rule of the last try.
    fn verify(&mut self, pin: &[u8], last_try: Option<bool>) -> Result<(), CallError> {
        let refuse = |name, why: &str| Err(CallError::new(name, format!("cannot use the card: {why}")));
        match self.tries {
            0 => refuse(ErrorName::PinLocked, "its PIN is blocked"),
            1 if last_try != Some(true) => refuse(ErrorName::PinNeeded, "one try is left"),
            _ if pin == self.pin => {
                self.tries = 3;
                Ok(())
            }
            _ => {
                self.tries -= 1;
                refuse(ErrorName::BadPin, &format!("the PIN is wrong, {} tries left", self.tries))
            }
        }
    }
}

/// Reads what came in a descriptor.
pub(super) fn read(secret: zbus::OwnedFd) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::from(OwnedFd::from(secret)).read_to_end(&mut bytes).expect("a secret");
    bytes
}

pub(crate) struct ToyTokens(pub(crate) Arc<Mutex<ToyCard>>);

impl ToyTokens {
    /// Returns the card, if that is its id.
    fn card(&self, token: &str) -> Result<MutexGuard<'_, ToyCard>, CallError> {
        let card = self.0.lock().expect("no panic");
        match token == card.id {
            true => Ok(card),
            false => Err(CallError::new(ErrorName::NoSuchToken, "cannot use the card: there is none")),
        }
    }
}

#[zbus::interface(name = "org.claviger.KeyStore1.Tokens")]
impl ToyTokens {
    fn list_tokens(&self, options: TokenFilter) -> Vec<(String, TokenRow)> {
        let card = self.0.lock().expect("no panic");
        let is_listed = card.is_enrolled || options.all == Some(true);
        is_listed.then(|| (card.id.clone(), card.row())).into_iter().collect()
    }

    fn get_token(&self, token: &str, options: NoOptions) -> Result<TokenRow, CallError> {
        let NoOptions {} = options;
        Ok(self.card(token)?.row_with_keys())
    }

    fn enrol_card(&self, token: &str, options: EnrolOptions) -> Result<Vec<String>, CallError> {
        let EnrolOptions { pin, default, label, last_try, timeout_ms: _ } = options;
        let mut card = self.card(token)?;
        let pin = pin.ok_or_else(|| CallError::new(ErrorName::PinNeeded, "cannot enrol: no PIN"))?;
        card.verify(&read(pin), last_try)?;
        (card.is_enrolled, card.is_default, card.label) = (true, default == Some(true), label);
        Ok(vec![KEY.to_owned()])
    }

    fn forget_token(&self, token: &str, options: NoOptions) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.card(token)?.is_enrolled = false;
        Ok(())
    }

    fn unlock_token(&self, token: &str, options: UnlockTokenOptions) -> Result<(), CallError> {
        let UnlockTokenOptions { pin, last_try, idle: _, timeout_ms: _ } = options;
        let mut card = self.card(token)?;
        let pin = pin.ok_or_else(|| CallError::new(ErrorName::PinNeeded, "cannot unlock: no PIN"))?;
        card.verify(&read(pin), last_try)?;
        card.is_unlocked = true;
        Ok(())
    }

    fn lock_token(&self, token: &str, options: NoOptions) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.card(token)?.is_unlocked = false;
        Ok(())
    }

    fn change_pin(
        &self,
        token: &str,
        old_pin: zbus::OwnedFd,
        new_pin: zbus::OwnedFd,
        options: ChangePinOptions,
    ) -> Result<(), CallError> {
        let mut card = self.card(token)?;
        card.verify(&read(old_pin), options.last_try)?;
        card.pin = read(new_pin);
        Ok(())
    }

    fn unblock_pin(
        &self,
        token: &str,
        puk: zbus::OwnedFd,
        new_pin: zbus::OwnedFd,
        options: NoOptions,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let mut card = self.card(token)?;
        if read(puk) != card.puk {
            return Err(CallError::new(ErrorName::AccessDenied, "cannot unblock the PIN: the PUK is wrong"));
        }
        (card.pin, card.tries) = (read(new_pin), 3);
        Ok(())
    }

    fn init_card(&self, token: &str, options: InitCardOptions) -> Result<String, CallError> {
        let mut card = self.card(token)?;
        card.authority = options.authority.map(read);
        if card.authority.is_none() {
            return Err(CallError::new(
                ErrorName::AccessDenied,
                "cannot initialise: the management key is needed",
            ));
        }
        card.id = "card:piv:1234".to_owned();
        Ok(card.id.clone())
    }
}
