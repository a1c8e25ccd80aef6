use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_phone_protocol::Info;
use claviger_token::{Presence, TokenId};

use crate::{Link, LinkFault};

/// What happened to phones, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneEvent {
    /// A phone came, went, or cannot be reached any more.
    Token {
        /// Which.
        token: TokenId,
        /// How it stands now.
        presence: Presence,
        /// Since when that is known.
        at: Instant,
        /// What it was told from.
        why: Why,
    },
    /// A phone is missed: unless something changes it counts as removed then.
    Missing {
        /// Which.
        token: TokenId,
        /// When.
        removal_at: Instant,
    },
    /// The notice of [`PhoneEvent::Missing`] does not hold any more: the phone was heard, or this computer could not hear
    /// it now, so that nothing counts.
    Back {
        /// Which.
        token: TokenId,
    },
    /// Something else that [`Phones::snapshot`](crate::Phones::snapshot) tells has changed.
    Changed {
        /// Which.
        token: TokenId,
    },
}

/// Why a phone stands as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It answers in its channel.
    Answers,
    /// Nothing was heard of it for so long.
    Silent(Duration),
    /// Nothing was heard of it for so long, while this computer could have heard it.
    Missed(Duration),
    /// It said good-bye, and why.
    Bye(String),
    /// It is not paired any more.
    Unpaired,
    /// It was so already.
    Known,
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers => formatter.write_str("the phone answers"),
            Self::Silent(time) => write!(formatter, "the phone was silent for {} s", time.as_secs()),
            Self::Missed(time) => {
                write!(
                    formatter,
                    "the phone was silent for {} s, while it could have been heard",
                    time.as_secs()
                )
            }
            Self::Bye(reason) if reason.is_empty() => formatter.write_str("the phone said good-bye"),
            Self::Bye(reason) => write!(formatter, "the phone said good-bye: {reason}"),
            Self::Unpaired => formatter.write_str("the phone is not paired any more"),
            Self::Known => formatter.write_str("the phone was gone already"),
        }
    }
}

/// One phone as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneState {
    /// The token that it is.
    pub token: TokenId,
    /// Whose it is.
    pub uid: u32,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is there.
    pub presence: Presence,
    /// By which link it is connected.
    pub link: Option<Link>,
    /// Whether its keys can be used without a further secret.
    pub unlocked: bool,
    /// What it says of itself, or said when it was last there.
    pub info: Option<Arc<Info>>,
    /// Why a link did not work when it was last tried.
    pub faults: Vec<(Link, LinkFault)>,
}
