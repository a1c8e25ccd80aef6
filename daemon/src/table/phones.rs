use claviger_core::EnrolledToken;
use claviger_token::{Secret, TokenId};
use rusqlite::{Transaction, params};

use super::error::{Fault, TableError};
use super::rows;
use super::sql;
use super::store::{Erasure, Store};
use super::tokens::{self, Enrolment};

/// A phone that a user paired: what its row of `token` does not say.
#[derive(Clone)]
pub struct Phone {
    /// Whose it is.
    pub uid: u32,
    /// Its id, its name, and when it was paired.
    pub token: EnrolledToken,
    /// What it calls its kind; empty where it says nothing.
    pub model: String,
    /// This machine's static private key in the channel to it, X25519, made for this pairing.
    pub host_key: Secret,
    /// The phone's static public key.
    pub phone_key: [u8; Self::KEY_SIZE],
    /// The ways to it, as text, in the order in which they are tried.
    pub links: Vec<String>,
    /// What it said of itself when it was last there; `None` where nobody knows.
    pub info: Option<String>,
}

impl Phone {
    /// The size of an X25519 key.
    pub const KEY_SIZE: usize = 32;
}

impl Store {
    /// Returns the phones of all users. A damaged row is logged and left out: one phone that nobody reaches must not keep
    /// all others from being reached.
    pub(super) fn phones(&self) -> Result<Vec<Phone>, TableError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::PHONES)?;
            let mut found = statement.query([])?;
            let mut phones = Vec::new();
            while let Some(row) = found.next()? {
                match rows::phone(row) {
                    Ok(phone) => phones.push(phone),
                    Err(damage) => tracing::error!("{}", Fault::from(damage).at(self.path())),
                }
            }
            Ok(phones)
        })
    }

    /// Returns what a phone calls its kind, and the ways to it.
    pub(super) fn phone_ways(&self, token: &TokenId) -> Result<Option<(String, Vec<String>)>, TableError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::PHONE_WAYS)?;
            let mut found = statement.query([token.as_str()])?;
            found.next()?.map(|row| rows::phone_ways(row).map_err(Fault::from)).transpose()
        })
    }

    /// A phone that is gone meanwhile changes nothing.
    pub(super) fn set_phone_info(&mut self, token: &TokenId, info: &str) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            transaction.prepare_cached(sql::SET_PHONE_INFO)?.execute(params![token.as_str(), info])?;
            Ok(())
        })
    }

    pub(super) fn enrol_phone(&mut self, phone: &Phone, enrolment: &Enrolment) -> Result<(), TableError> {
        // Whoever pairs again under the same id replaces a private key.
        self.write(Erasure::Secret, |transaction| {
            tokens::enrol(transaction, phone.uid, enrolment)?;
            put(transaction, phone)
        })
    }
}

fn put(transaction: &Transaction<'_>, phone: &Phone) -> Result<(), Fault> {
    let Phone { uid: _, token, model, host_key, phone_key, links, info } = phone;
    let links = links.join(LINK_END);
    let values = params![token.id.as_str(), model, host_key.expose(), phone_key.as_slice(), links, info];
    transaction.prepare_cached(sql::PUT_PHONE)?.execute(values)?;
    Ok(())
}

/// What stands between two links in their column; no link has it in it.
pub(super) const LINK_END: &str = "\n";
