use claviger_card::opensc::protocol::{PinGiven, phrase};
use claviger_card::{CardError, may_try};
use claviger_token::{Secret, Spare};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::{AuthPin, RawAuthPin};

use crate::card::Card;
use crate::ffi;
use crate::reading::{fewest_tries, tries_left};
use crate::refusal::{is_unsupported, refusal};

/// One visit at a card: a session, and what the token said of itself at its beginning.
pub(crate) struct Visit<'a> {
    card: &'a Card,
    session: Session,
    token: TokenInfo,
}

impl<'a> Visit<'a> {
    /// Begins a visit.
    pub(crate) fn begin(card: &'a Card) -> Result<Self, CardError> {
        Ok(Self { card, token: card.token()?, session: card.session()? })
    }

    /// Returns the card.
    pub(crate) fn card(&self) -> &Card {
        self.card
    }

    /// Returns the session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the token's serial.
    pub(crate) fn serial(&self) -> &str {
        self.token.serial_number()
    }

    /// Does something as the card's owner where there is a PIN, and as nobody where there is none: login, work,
    /// logout. After a failure OpenSC's module is let go altogether (`service`), which ends the login too.
    pub(crate) fn as_owner<T>(
        &self,
        pin: &PinGiven,
        spare: Spare,
        work: impl FnOnce() -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        if matches!(pin, PinGiven::None) {
            return work();
        }
        may_try(fewest_tries(&self.token), spare)?;
        self.show(pin, UserType::User)?.map_err(|error| self.counted(refusal(error)))?;
        self.logged_in(work)
    }

    /// Shows the PIN that the card just took once more, for a key that wants it right before each use.
    pub(crate) fn once_more(&self, pin: &PinGiven) -> Result<(), CardError> {
        // After an operation that it had no right to, OpenSC takes nobody for logged in.
        match self.show(pin, UserType::User)? {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(self.counted(refusal(error))),
        }
        self.show(pin, UserType::ContextSpecific)?.map_err(|error| self.counted(refusal(error)))
    }

    /// Replaces a PIN.
    pub(crate) fn set_pin(&self, old: &Secret, new: &Secret, what: &'static str) -> Result<(), CardError> {
        self.session.set_pin(&text(old)?, &text(new)?).map_err(|error| match error {
            // What OpenSC calls it when a card does not know the command.
            Error::Pkcs11(RvError::GeneralError, _) => CardError::NotSupported(what),
            error if is_unsupported(&error) => CardError::NotSupported(what),
            error => refusal(error),
        })
    }

    /// Refuses where there is a pin pad: OpenSC ignores the PINs that it is given then.
    pub(crate) fn no_pad(&self, what: &'static str) -> Result<(), CardError> {
        if self.token.protected_authentication_path() { Err(CardError::NotSupported(what)) } else { Ok(()) }
    }

    /// Works and logs out.
    fn logged_in<T>(&self, work: impl FnOnce() -> Result<T, CardError>) -> Result<T, CardError> {
        ffi::fence().logged_in();
        let outcome = work();
        let logout = self.session.logout().map_err(refusal);
        outcome.and_then(|output| logout.map(|()| output))
    }

    fn show(&self, pin: &PinGiven, user: UserType) -> Result<Result<(), Error>, CardError> {
        match pin {
            PinGiven::Given(pin) => Ok(self.session.login_with_raw(user, &raw(pin))),
            PinGiven::Pad if self.token.protected_authentication_path() => Ok(self.session.login(user, None)),
            PinGiven::Pad | PinGiven::None => Err(CardError::NotSupported(phrase::PAD)),
        }
    }

    /// Says with a wrong PIN how many tries are left, as far as the flags tell.
    fn counted(&self, error: CardError) -> CardError {
        match error {
            CardError::WrongPin { .. } => {
                let token = self.card.token().ok();
                CardError::WrongPin { tries_left: token.as_ref().and_then(tries_left) }
            }
            error => error,
        }
    }
}

/// Copies a PIN into what cryptoki takes, which is wiped too.
fn raw(pin: &Secret) -> RawAuthPin {
    RawAuthPin::new(Box::new(pin.expose().to_vec()))
}

/// The same for functions that take only text.
fn text(pin: &Secret) -> Result<AuthPin, CardError> {
    let text = std::str::from_utf8(pin.expose())
        .map_err(|_| CardError::SecretUnfit("the card takes only text as a PIN".into()))?;
    Ok(AuthPin::from(Box::<str>::from(text)))
}
