use std::borrow::Cow;
use std::fmt;

use claviger_token::{Algorithm, Mechanism, TokenError, TokenKind};

use crate::registration::{Registration, WrongStep};

/// Why a request is not granted, sorted by whose turn it is.
///
/// It says the cause alone; the border puts `cannot <verb> <object>: ` before it and [`Refusal::advice`]
/// behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    // The caller asked for something that is not there or does not fit.
    /// Nothing of the caller's goes by that name; another user's key is the same as none.
    NoSuchKey,
    /// The caller has no default key for this.
    NoDefaultKey(&'static str),
    /// Several keys go by that name.
    AmbiguousKey {
        /// How many.
        matches: usize,
    },
    /// There is no such token, or not of the caller's.
    NoSuchToken,
    /// There is no such user, or not in the table.
    NoSuchUser,
    /// Something of that name exists already.
    AlreadyExists(Cow<'static, str>),
    /// An argument or option is wrong.
    InvalidArguments(Cow<'static, str>),
    /// The data do not fit the mechanism.
    DataInvalid(Cow<'static, str>),
    /// There are more data than are taken.
    DataTooLarge {
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// More bytes are wanted than are given at a time.
    TooMuchWanted {
        /// The most that is given.
        limit: usize,
    },
    /// This key cannot with this mechanism.
    MechanismNotSupported(Mechanism, Algorithm),
    /// The service or the token cannot do such a thing at all.
    NotSupported(Cow<'static, str>),
    /// The token cannot do such a thing at all: the verb and what follows it.
    TokenCannot(&'static str),
    /// The key is not for that.
    UsageNotAllowed(&'static str),
    /// The key was revoked.
    KeyRevoked,
    /// The key does not stand on the token on which it is to be used.
    KeyElsewhere,

    // The account must be brought further first.
    /// The caller has no active account.
    NotRegistered(Registration),
    /// The account waits for consent.
    RegistrationPending(Registration),
    /// The account has keys on cards only.
    NoLocalStore,
    /// The account must be unlocked.
    Locked,
    /// The card or phone wants its PIN.
    PinNeeded,
    /// One try at the PIN is left, and nobody said that it may be used.
    LastTry,
    /// So few tries at the PIN are left that a login spends none of them.
    TriesKept {
        /// How many.
        tries_left: u32,
    },
    /// The phone's person must unlock it, or let this computer use it again.
    PhoneLocked,
    /// The card was not touched.
    UserPresenceNeeded,
    /// The owner is to be asked for a yes, and there is no agent that could ask.
    NobodyToAsk,
    /// Somebody is to be asked, and the message did not allow that.
    MayNotAsk,
    /// The owner's screen is locked.
    SessionLocked,

    // A secret did not fit.
    /// The pass phrase or recovery code is wrong.
    WrongPassphrase,
    /// The consent phrase is wrong.
    WrongConsentPhrase,
    /// The PIN is wrong.
    BadPin {
        /// How many tries remain before the token blocks itself.
        tries_left: Option<u32>,
    },
    /// The token has blocked its PIN.
    PinLocked,
    /// The person gave up, for example at the pin pad.
    Declined,
    /// The phone's person said no.
    PhoneDeclined,
    /// The phone's person gave no answer.
    PhoneUnanswered,
    /// Too many wrong guesses.
    TryLater {
        /// How long to wait.
        seconds: u32,
    },

    // The caller may not, or not now.
    /// The caller may not do this.
    AccessDenied(Cow<'static, str>),
    /// It cannot be told who the caller is.
    UnknownCaller(Cow<'static, str>),
    /// The caller has too much under way.
    LimitsExceeded(&'static str),
    /// The request was given up.
    Cancelled,
    /// The request took longer than it may.
    Timeout,

    // The token is not there, or not well.
    /// The token cannot be reached: which one.
    TokenAbsent(Cow<'static, str>),
    /// The token was taken away during the operation.
    TokenRemoved,
    /// This is another token, or another key, than the one asked for.
    WrongToken(Cow<'static, str>),
    /// Another program holds the token.
    DeviceBusy(Cow<'static, str>),
    /// The device reported a fault.
    DeviceError(Cow<'static, str>),

    // An administrator's turn.
    /// What is stored is damaged.
    StoreCorrupt(Cow<'static, str>),
    /// There is no room to store anything.
    StoreFull(Cow<'static, str>),
    /// A fault of the service.
    Internal(Cow<'static, str>),
}

impl Refusal {
    /// Returns what to do next, where there is something.
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::NoSuchKey => Some("`claviger key list` shows your keys"),
            Self::NoDefaultKey(_) => Some("name a key, or set one with `claviger key default`"),
            Self::AmbiguousKey { .. } => Some("use the key's id, which `claviger key list` shows"),
            Self::NotRegistered(_) => Some("`claviger register` makes an account"),
            Self::NoLocalStore => Some("`claviger register` makes one"),
            Self::RegistrationPending(Registration::Pending) => {
                Some("enter the consent phrase with `claviger consent`")
            }
            Self::RegistrationPending(_) => {
                Some("ask an administrator for a consent phrase (`claviger admin consent`)")
            }
            Self::Locked => Some("`claviger unlock` unlocks it"),
            Self::NoSuchToken => {
                Some("`claviger token list` shows your tokens, `claviger card list` every card")
            }
            Self::KeyElsewhere => Some("`claviger key show` says where it stands"),
            Self::PinNeeded => Some("`claviger card unlock` asks for it"),
            Self::PhoneLocked => Some("`claviger phone unlock` asks you for it on the phone"),
            Self::LastTry => Some("if you are sure of the PIN, `claviger card unlock --last-try` uses it"),
            Self::TriesKept { .. } => Some("unlock the card in a session of yours, or log in otherwise"),
            Self::PinLocked => Some("`claviger card pin unblock` sets a new one with the PUK"),
            Self::UserPresenceNeeded => Some("try again and touch it when it blinks"),
            Self::NobodyToAsk => Some("start `claviger-prompter` in your session"),
            Self::MayNotAsk => Some("send the message with leave to ask (interactive authorization)"),
            Self::SessionLocked => Some("unlock your screen"),
            Self::DataTooLarge { .. } => {
                Some("larger data go by descriptor (SignFile, DigestFile) where the mechanism hashes")
            }
            Self::TooMuchWanted { .. } => Some("ask for them in several calls"),
            Self::StoreFull(_) => Some("make room where the state folder is; nothing was changed"),
            Self::StoreCorrupt(_) => Some("restore a backup with `claviger restore`"),
            Self::NoSuchUser
            | Self::AlreadyExists(_)
            | Self::InvalidArguments(_)
            | Self::DataInvalid(_)
            | Self::MechanismNotSupported(..)
            | Self::NotSupported(_)
            | Self::TokenCannot(_)
            | Self::UsageNotAllowed(_)
            | Self::KeyRevoked
            | Self::WrongPassphrase
            | Self::WrongConsentPhrase
            | Self::TryLater { .. }
            | Self::AccessDenied(_)
            | Self::UnknownCaller(_)
            | Self::LimitsExceeded(_)
            | Self::Cancelled
            | Self::Timeout
            | Self::BadPin { .. }
            | Self::Declined
            | Self::PhoneDeclined
            | Self::PhoneUnanswered
            | Self::TokenAbsent(_)
            | Self::TokenRemoved
            | Self::WrongToken(_)
            | Self::DeviceBusy(_)
            | Self::DeviceError(_)
            | Self::Internal(_) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchKey => formatter.write_str("you have no such key"),
            Self::NoDefaultKey(purpose) => write!(formatter, "you have no default key to {purpose} with"),
            Self::AmbiguousKey { matches } => write!(formatter, "{matches} of your keys match"),
            Self::NoSuchToken => formatter.write_str("you have no such token"),
            Self::KeyElsewhere => formatter.write_str("the key does not stand on that token"),
            Self::NoSuchUser => formatter.write_str("there is no such user"),
            Self::AlreadyExists(what) => write!(formatter, "{what} exists already"),
            Self::InvalidArguments(why) | Self::DataInvalid(why) => formatter.write_str(why),
            Self::DataTooLarge { limit } => write!(formatter, "at most {limit} bytes are taken"),
            Self::TooMuchWanted { limit } => write!(formatter, "at most {limit} bytes are given at a time"),
            Self::MechanismNotSupported(mechanism, algorithm) => {
                write!(formatter, "a {algorithm} key cannot do {mechanism} there")
            }
            Self::NotSupported(what) => write!(formatter, "{what} is not supported"),
            Self::TokenCannot(what) => write!(formatter, "the token cannot {what}"),
            Self::UsageNotAllowed(purpose) => write!(formatter, "the key is not meant to {purpose}"),
            Self::KeyRevoked => formatter.write_str("the key was revoked"),
            Self::NotRegistered(Registration::Revoked) => formatter.write_str("the account was revoked"),
            Self::NotRegistered(_) => formatter.write_str("there is no account"),
            Self::NoLocalStore => formatter.write_str("the account has no local key store"),
            Self::RegistrationPending(state) => write!(formatter, "the registration is {state}"),
            Self::Locked => formatter.write_str("the local key store is locked"),
            Self::PinNeeded => formatter.write_str("the PIN is needed"),
            Self::LastTry => formatter.write_str("one try is left before the card blocks its PIN"),
            Self::TriesKept { tries_left: 1 } => {
                formatter.write_str("1 try at the PIN is left, and a login does not spend it")
            }
            Self::TriesKept { tries_left } => {
                write!(formatter, "{tries_left} tries at the PIN are left, and a login spends none of those")
            }
            Self::UserPresenceNeeded => formatter.write_str("the card was not touched"),
            Self::NobodyToAsk => {
                formatter.write_str("you are to be asked for a yes, and there is no agent to ask you")
            }
            Self::MayNotAsk => {
                formatter.write_str("somebody would have to be asked, and this request may not ask")
            }
            Self::SessionLocked => formatter.write_str("your session is locked, and your keys with it"),
            Self::BadPin { tries_left: None } => formatter.write_str("the PIN is wrong"),
            Self::BadPin { tries_left: Some(0) } => {
                formatter.write_str("the PIN is wrong, and the card has blocked it")
            }
            Self::BadPin { tries_left: Some(1) } => formatter.write_str("the PIN is wrong, 1 try left"),
            Self::BadPin { tries_left: Some(tries) } => {
                write!(formatter, "the PIN is wrong, {tries} tries left")
            }
            Self::PinLocked => formatter.write_str("the card has blocked its PIN after too many wrong ones"),
            Self::Declined => formatter.write_str("you gave up"),
            Self::PhoneLocked => formatter.write_str("the phone is locked"),
            Self::PhoneDeclined => formatter.write_str("the answer on the phone was no"),
            Self::PhoneUnanswered => formatter.write_str("nobody answered on the phone in time"),
            Self::WrongPassphrase => formatter.write_str("the pass phrase is wrong"),
            Self::WrongConsentPhrase => formatter.write_str("the consent phrase is wrong"),
            Self::TryLater { seconds } => {
                write!(formatter, "too many wrong guesses, try again in {seconds} seconds")
            }
            Self::AccessDenied(why) => formatter.write_str(why),
            Self::UnknownCaller(why) => write!(formatter, "it cannot be told who you are: {why}"),
            Self::LimitsExceeded(what) => write!(formatter, "you have too many {what}"),
            Self::Cancelled => formatter.write_str("the request was given up"),
            Self::Timeout => formatter.write_str("it took too long"),
            Self::TokenAbsent(which) => write!(formatter, "{which} is not there"),
            Self::WrongToken(how) => formatter.write_str(how),
            Self::TokenRemoved => formatter.write_str("the token was removed"),
            Self::DeviceBusy(holder) => write!(formatter, "the token is in use by {holder}"),
            Self::DeviceError(what) => write!(formatter, "the device reports: {what}"),
            Self::StoreCorrupt(what) => write!(formatter, "the store is damaged: {what}"),
            Self::StoreFull(what) => write!(formatter, "the store is full: {what}"),
            Self::Internal(what) => write!(formatter, "internal error: {what}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<WrongStep> for Refusal {
    fn from(wrong: WrongStep) -> Self {
        use Registration::{Active, Applied, None, Pending, Revoked};
        match wrong.from {
            Applied | Pending => Self::RegistrationPending(wrong.from),
            None | Revoked => Self::NotRegistered(wrong.from),
            Active => Self::AlreadyExists("an active account".into()),
        }
    }
}

impl Refusal {
    /// Returns what the error of a token of that kind means to a caller.
    pub fn of_token(kind: TokenKind, error: TokenError) -> Self {
        match (kind, error) {
            (TokenKind::Card, TokenError::Locked) => Self::PinNeeded,
            (TokenKind::Phone, TokenError::Locked) => Self::PhoneLocked,
            (TokenKind::Phone, TokenError::Declined) => Self::PhoneDeclined,
            (TokenKind::Phone, TokenError::Timeout) => Self::PhoneUnanswered,
            (TokenKind::Phone, TokenError::Absent) => Self::TokenAbsent("the phone".into()),
            (TokenKind::Card | TokenKind::Phone, TokenError::WrongSecret { tries_left }) => {
                Self::BadPin { tries_left }
            }
            (_, error) => error.into(),
        }
    }
}

/// The error of a local store, and of any token where no secret is in play.
impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Locked => Self::Locked,
            TokenError::WrongSecret { .. } => Self::WrongPassphrase,
            TokenError::LastTry => Self::LastTry,
            TokenError::TriesKept { tries_left } => Self::TriesKept { tries_left },
            TokenError::Blocked => Self::PinLocked,
            TokenError::SecretUnfit(why) => Self::InvalidArguments(why),
            TokenError::AuthorityNeeded(what) => Self::AccessDenied(format!("the {what} is needed").into()),
            TokenError::WrongAuthority(what) => Self::AccessDenied(format!("the {what} is wrong").into()),
            TokenError::PresenceNeeded => Self::UserPresenceNeeded,
            TokenError::Declined => Self::Declined,
            TokenError::Wrong(how) => Self::WrongToken(how),
            TokenError::NoSuchKey => Self::NoSuchKey,
            TokenError::MechanismNotSupported(mechanism, algorithm) => {
                Self::MechanismNotSupported(mechanism, algorithm)
            }
            TokenError::AlgorithmNotSupported(algorithm) => {
                Self::NotSupported(format!("a {algorithm} key on this token").into())
            }
            TokenError::NotSupported(what) => Self::TokenCannot(what),
            TokenError::DataInvalid(why) => Self::DataInvalid(why),
            TokenError::DataTooLarge { limit } => Self::DataTooLarge { limit },
            TokenError::Absent => Self::TokenAbsent("the token".into()),
            TokenError::Removed => Self::TokenRemoved,
            TokenError::Busy(holder) => Self::DeviceBusy(holder),
            TokenError::Damaged(what) => Self::StoreCorrupt(what),
            TokenError::Device(what) => Self::DeviceError(what),
            TokenError::Timeout => Self::Timeout,
            TokenError::Internal(what) => Self::Internal(what),
        }
    }
}
