//! Which code speaks to which application.

use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_token::{Capabilities, Mechanism};

use crate::{CardError, CardOp, CardOutput, Contents, Exchange, Kind, Pin, openpgp, piv};

/// Reads everything that can be read without a PIN; `None` where the card has no such application.
///
/// OpenSC is no application in this sense: it is asked through its helper.
pub(crate) fn read(kind: Kind, card: &mut dyn Exchange) -> Result<Option<Contents>, CardError> {
    match kind {
        Kind::Piv => piv::read(card),
        Kind::OpenPgp => openpgp::read(card),
        Kind::OpenSc => Ok(None),
    }
}

/// Finds out with few commands whether this is the card of that serial; [`CardError::Wrong`] if not.
pub(crate) fn recognize(contents: &Contents, card: &mut dyn Exchange) -> Result<(), CardError> {
    match contents.kind {
        Kind::Piv => piv::recognize(card, &contents.serial),
        Kind::OpenPgp => openpgp::recognize(card, &contents.serial),
        Kind::OpenSc => Err(CardError::NotSupported("be recognized without its helper")),
    }
}

/// Returns true where the card tells how many tries its PIN has left.
pub(crate) fn tells_tries(kind: Kind, card: &mut dyn Exchange) -> Result<bool, CardError> {
    match kind {
        Kind::Piv => piv::tells_tries(card),
        // Every such card does (4.3.2 of its specification).
        Kind::OpenPgp => Ok(true),
        // Only whether few are left, of some cards, and those refuse a login of themselves.
        Kind::OpenSc => Ok(false),
    }
}

/// Does it.
pub(crate) fn perform(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    operation: CardOp,
) -> Result<CardOutput, CardError> {
    match contents.kind {
        Kind::Piv => piv::perform(card, contents, pin, operation),
        Kind::OpenPgp => openpgp::perform(card, contents, pin, operation),
        Kind::OpenSc => Err(CardError::NotSupported("be used without its helper")),
    }
}

/// Returns what a card of that kind can do at least, for one that was never seen: so that a request to it is
/// planned, and its user told which card to insert.
pub(crate) fn presumed_capabilities(kind: Kind) -> Arc<Capabilities> {
    let mechanisms = match kind {
        Kind::Piv => BTreeSet::from([Mechanism::Ecdsa, Mechanism::Ecdh1Derive, Mechanism::RsaX509]),
        Kind::OpenPgp => {
            BTreeSet::from([Mechanism::Ecdsa, Mechanism::Eddsa, Mechanism::Ecdh1Derive, Mechanism::RsaPkcs])
        }
        Kind::OpenSc => BTreeSet::from([Mechanism::Ecdsa, Mechanism::Ecdh1Derive, Mechanism::RsaPkcs]),
    };
    Arc::new(Capabilities {
        mechanisms,
        generates: BTreeSet::new(),
        imports: BTreeSet::new(),
        erases: false,
        data_limit: 1024,
    })
}
