//! One operation on a card: passwords are verified for it, and whatever was verified is logged out after it.

use claviger_token::{Secret, Spare};
use openpgp_card::ocard::data::PWStatusBytes;
use zeroize::Zeroizing;

use super::application::{self, Application};
use super::channel::{Channel, Expect, Order};
use super::kdf::{Kdf, Password};
use crate::status::Status;
use crate::{CardError, Contents, Exchange, PadEntry, Pin, PinRules, may_try};

/// The application, selected for one operation.
pub(super) struct Session<'a> {
    pub(super) channel: Channel<'a>,
    /// The references of the passwords that the card may hold for verified because of us.
    verified: Vec<u8>,
    kdf: Option<Kdf>,
}

impl<'a> Session<'a> {
    /// Selects the application.
    pub(super) fn begin(card: &'a mut dyn Exchange) -> Result<Self, CardError> {
        let channel = Channel::select(card)?
            .ok_or_else(|| CardError::Wrong("the card has no OpenPGP application".into()))?;
        Ok(Self { channel, verified: Vec::new(), kdf: None })
    }

    /// Logs out whatever was verified (7.2.2, P1 = FF), however the operation ended. A card that does not, or that
    /// cannot be asked any more, is reset when the transaction ends.
    pub(super) fn end<T>(mut self, outcome: Result<T, CardError>) -> Result<T, CardError> {
        if matches!(outcome, Err(CardError::Gone)) {
            return outcome;
        }
        for reference in std::mem::take(&mut self.verified) {
            let order = Order { what: "logging out", ins: 0x20, p1: 0xff, p2: reference };
            match self.channel.send(order, &[], Expect::Nothing) {
                Ok(answer) if answer.status == Status::OK => {}
                Ok(_) | Err(_) => {
                    self.channel.card.reset_at_end();
                    break;
                }
            }
        }
        outcome
    }

    /// Verifies the user's PIN for that reference: 81 for one signature, 82 for everything else.
    pub(super) fn verify_user(
        &mut self,
        contents: &Contents,
        reference: u8,
        pin: Pin<'_>,
    ) -> Result<(), CardError> {
        match pin {
            Pin::None => Err(CardError::PinNeeded),
            Pin::Given(pin) => {
                fits(contents.pin, pin)?;
                let pin = self.kdf()?.map(Password::User, pin.expose());
                let status = self.verify(reference, &pin)?;
                self.user_verdict(status)
            }
            Pin::Pad => {
                let status = self.verify_on_pad(contents.pin, reference)?;
                match status {
                    Status::PAD_TIMEOUT | Status::PAD_CANCELLED => Err(CardError::Declined),
                    Status::PAD_MISFIT => {
                        Err(CardError::SecretUnfit("what was entered is no PIN of this card".into()))
                    }
                    _ => self.user_verdict(status),
                }
            }
        }
    }

    /// Verifies the Admin PIN.
    pub(super) fn verify_admin(
        &mut self,
        application: &Application,
        authority: Option<&Secret>,
    ) -> Result<(), CardError> {
        let authority = authority.ok_or(CardError::AuthorityNeeded(ADMIN_PIN))?;
        let hashed = self.kdf()?.hashes();
        fits(application.admin_pin_rules(hashed), authority)?;
        if application.passwords.err_count_pw3() == 0 {
            return Err(ADMIN_PIN_BLOCKED);
        }
        let password = self.kdf()?.map(Password::Admin, authority.expose());
        match self.verify(ADMIN, &password)? {
            Status::OK => Ok(()),
            Status::BLOCKED => Err(ADMIN_PIN_BLOCKED),
            status if is_wrong(status) => Err(CardError::WrongAuthority(ADMIN_PIN)),
            status => Err(status.fault(VERIFY)),
        }
    }

    /// Refuses to go on where the PIN is blocked, or where the tries that are left are kept.
    pub(super) fn check_tries(&mut self, spare: Spare) -> Result<(), CardError> {
        may_try(Some(self.passwords()?.err_count_pw1().into()), spare)
    }

    /// Replaces the user's PIN (7.2.3, CHANGE REFERENCE DATA).
    pub(super) fn change_pin(
        &mut self,
        contents: &Contents,
        old: &Secret,
        new: &Secret,
    ) -> Result<(), CardError> {
        fits(contents.pin, old)?;
        fits(contents.pin, new)?;
        let kdf = self.kdf()?;
        let data = joined(&kdf.map(Password::User, old.expose()), &kdf.map(Password::User, new.expose()));
        self.may_be_verified(&[SIGN, OTHER]);
        let order = Order { what: "changing the PIN", ins: 0x24, p1: 0x00, p2: SIGN };
        match self.channel.send(order, &data, Expect::Nothing)?.status {
            Status::WRONG_DATA | Status::WRONG_LENGTH => Err(refused_pin()),
            status => self.user_verdict(status),
        }
    }

    /// Sets a new PIN by the Resetting Code, or, where none is set, by the Admin PIN (7.2.4, RESET RETRY COUNTER).
    pub(super) fn unblock_pin(
        &mut self,
        contents: &Contents,
        code: &Secret,
        new: &Secret,
    ) -> Result<(), CardError> {
        fits(contents.pin, new)?;
        let application = Application::read(&mut self.channel)?;
        let new = self.kdf()?.map(Password::User, new.expose());
        let by_code = application.passwords.err_count_rc() > 0;
        let (p1, data) = if by_code {
            // A Resetting Code has at least eight characters (4.3.1), like the Admin PIN.
            fits(application.admin_pin_rules(self.kdf()?.hashes()), code)?;
            let code = self.kdf()?.map(Password::ResetCode, code.expose());
            (0x00, joined(&code, &new))
        } else {
            self.verify_admin(&application, Some(code))?;
            (0x02, new)
        };
        self.may_be_verified(&[SIGN, OTHER]);
        let order = Order { what: "setting a new PIN", ins: 0x2c, p1, p2: SIGN };
        match self.channel.send(order, &data, Expect::Nothing)?.status {
            Status::OK => Ok(()),
            Status::WRONG_DATA | Status::WRONG_LENGTH => Err(refused_pin()),
            Status::BLOCKED if by_code => Err(CardError::NotSupported("use its blocked reset code any more")),
            status if by_code && is_wrong(status) => Err(CardError::WrongAuthority(RESET_CODE)),
            status => Err(status.fault(order.what)),
        }
    }

    fn verify(&mut self, reference: u8, password: &[u8]) -> Result<Status, CardError> {
        // Before it is sent: if the answer is lost, the card may hold it for verified all the same.
        self.may_be_verified(&[reference]);
        let order = Order { what: VERIFY, ins: 0x20, p1: 0x00, p2: reference };
        let status = self.channel.send(order, password, Expect::Nothing)?.status;
        self.forget_refused(reference, status);
        Ok(status)
    }

    fn verify_on_pad(&mut self, rules: PinRules, reference: u8) -> Result<Status, CardError> {
        if !self.channel.card.has_pin_pad() {
            return Err(CardError::PinNeeded);
        }
        if self.kdf()?.hashes() {
            return Err(CardError::NotSupported("take its PIN from a pin pad: it wants it hashed"));
        }
        let size = |size: usize| u8::try_from(size).unwrap_or(u8::MAX);
        let entry = PadEntry {
            template: vec![0x00, 0x20, 0x00, reference, 0x00],
            shortest: size(rules.shortest),
            longest: size(rules.longest),
            padded: false,
        };
        self.may_be_verified(&[reference]);
        let status = Status(self.channel.card.verify_on_pad(&entry)?);
        self.forget_refused(reference, status);
        Ok(status)
    }

    /// Returns what the card's word about the user's PIN means. Older cards say only that it was wrong; how many
    /// tries are left is asked then, which costs none.
    fn user_verdict(&mut self, status: Status) -> Result<(), CardError> {
        match status {
            Status::OK => Ok(()),
            Status::BLOCKED => Err(CardError::PinBlocked),
            status if is_wrong(status) => match status.tries() {
                Some(tries) => Err(wrong(tries)),
                None => Err(wrong(u32::from(self.passwords()?.err_count_pw1()))),
            },
            status => Err(status.fault(VERIFY)),
        }
    }

    fn passwords(&mut self) -> Result<PWStatusBytes, CardError> {
        application::read_passwords(&mut self.channel)
    }

    /// Asks once per operation.
    fn kdf(&mut self) -> Result<&Kdf, CardError> {
        let kdf = match self.kdf.take() {
            Some(kdf) => kdf,
            None => Kdf::read(&mut self.channel)?,
        };
        Ok(self.kdf.insert(kdf))
    }

    fn may_be_verified(&mut self, references: &[u8]) {
        for reference in references {
            if !self.verified.contains(reference) {
                self.verified.push(*reference);
            }
        }
    }

    /// A password that the card refused is not verified; it is not even asked to log out then.
    fn forget_refused(&mut self, reference: u8, status: Status) {
        if status != Status::OK {
            self.verified.retain(|verified| *verified != reference);
        }
    }
}

fn fits(rules: PinRules, password: &Secret) -> Result<(), CardError> {
    match rules.misfit(password.expose()) {
        Some(why) => Err(CardError::SecretUnfit(why.into())),
        None => Ok(()),
    }
}

/// 7.2.2: "63Cx" since 3.4, "6982" before.
fn is_wrong(status: Status) -> bool {
    status.tries().is_some() || matches!(status, Status::NOT_VERIFIED | Status::SECURITY)
}

fn wrong(tries: u32) -> CardError {
    if tries == 0 { CardError::PinBlocked } else { CardError::WrongPin { tries_left: Some(tries) } }
}

fn refused_pin() -> CardError {
    CardError::SecretUnfit("the card does not take that for a new PIN".into())
}

fn joined(first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(first.len() + second.len()));
    data.extend_from_slice(first);
    data.extend_from_slice(second);
    data
}

/// PW1 for signatures, PW1 for everything else, PW3 (4.3).
const SIGN: u8 = 0x81;
pub(super) const OTHER: u8 = 0x82;
const ADMIN: u8 = 0x83;

const ADMIN_PIN: &str = "Admin PIN";
const RESET_CODE: &str = "reset code";
const VERIFY: &str = "verifying a password";
const ADMIN_PIN_BLOCKED: CardError =
    CardError::NotSupported("be administered any more: its Admin PIN is blocked");
