use std::sync::Arc;
use std::time::Instant;

use claviger_token::{Presence, TokenId};

use crate::{CardError, Contents};

/// What happened to cards and readers, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardEvent {
    /// A token came, went, or cannot be reached any more.
    Token {
        /// Which.
        token: TokenId,
        /// How it stands now.
        presence: Presence,
        /// Since when that is known: the instant at which pcscd's report was read, for what pcscd reports.
        at: Instant,
    },
    /// What [`Cards::snapshot`](crate::Cards::snapshot) tells has changed: a reader, a card that is no token, or
    /// what stands on a card.
    Readers,
}

/// One reader as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardState {
    /// The reader's name as pcscd has it.
    pub reader: String,
    /// What is in it.
    pub inside: Inside,
    /// Whether PINs can be entered at the reader itself.
    pub pin_pad: bool,
}

/// What is in a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Nothing.
    Empty,
    /// A card that is being read.
    Reading,
    /// A card with none of the applications that are looked for.
    Unknown,
    /// A card that could not be read; where another program holds it, it is read as soon as that lets go.
    Unreadable(CardError),
    /// A card with these applications; each is a token.
    Applications(Vec<Arc<Contents>>),
}
