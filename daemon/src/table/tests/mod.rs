//! The table against real files, real mounts and real locks; run as root.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod bindings;
mod changes;
mod crash;
mod damage;
mod der;
mod disk;
mod erasure;
mod local_store;
mod migration;
mod opening;
mod phones;
mod plans;
mod round_trips;
mod thread;
mod tokens;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use claviger_core::{
    Defaults, EnrolledToken, Guesses, Key, KeyState, Placement, PlacementState, Registration, User,
};
use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, TokenId, TokenKind};
use rusqlite::Connection;

use super::store::DATABASE;
use super::{Account, Table};

/// Returns the folder's table.
fn open(folder: &Path) -> Table {
    Table::open(folder).expect("the table opens")
}

/// Opens the database past the table, to look into it or to damage it; the table must be closed.
fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join(DATABASE)).unwrap()
}

/// Returns an active user with slots.
fn user(uid: u32) -> User {
    User {
        uid,
        name: format!("user{uid}"),
        location: TokenKind::Local,
        registration: Registration::Active,
        defaults: Defaults::default(),
        guesses: Guesses::default(),
        login_guesses: Guesses::default(),
        removal: None,
        created: 1_700_000_000,
        slots: Some(slots(uid)),
    }
}

/// Returns bytes that are found again.
fn slots(uid: u32) -> Arc<[u8]> {
    format!("<slots of {uid}>").into_bytes().into()
}

fn id(number: u8) -> KeyId {
    KeyId::from_bytes([number; 16])
}

/// Returns bytes that are found again; long enough for pages of their own.
fn record(number: u8) -> Arc<[u8]> {
    format!("<record of {number}>").repeat(700).into_bytes().into()
}

/// Returns a current key that stands in the local store of its user.
fn key(uid: u32, number: u8) -> Key {
    let algorithm = Algorithm::P256;
    Key {
        info: Arc::new(KeyInfo {
            id: id(number),
            algorithm,
            usage: algorithm.usage(),
            public_key: vec![number; 91].into(),
        }),
        binding: Arc::new(Binding {
            uid,
            user_name: format!("user{uid}"),
            key: id(number),
            created: 1_700_000_100,
        }),
        label: format!("label {number}"),
        state: KeyState::Current,
        last_used: None,
        certificates: Vec::new(),
        attestation: Vec::new(),
        confirm: claviger_core::Confirm::Never,
        placements: vec![Placement {
            token: TokenId::local(uid),
            kind: TokenKind::Local,
            reference: "".into(),
            state: PlacementState::Current,
            record: Some(record(number)),
        }],
    }
}

/// Returns a table in which 1000 has the keys 1 and 2, and 1001 has the key 3.
async fn two_users(folder: &Path) -> Table {
    let table = open(folder);
    let mut first = user(1000);
    first.defaults = Defaults { sign: Some(id(1)), derive: Some(id(2)), ..Defaults::default() };
    table.register(first, vec![key(1000, 1), key(1000, 2)]).await.unwrap();
    table.register(user(1001), vec![key(1001, 3)]).await.unwrap();
    table
}

/// Returns a card; `letter` tells one from another.
fn card(letter: char) -> EnrolledToken {
    EnrolledToken {
        id: TokenId::new(format!("card:{letter}")),
        kind: TokenKind::Card,
        name: format!("Karte {letter}"),
        created: 1_700_000_200,
    }
}

/// Returns a place on a card.
fn on(letter: char, reference: &str) -> Placement {
    Placement {
        token: card(letter).id,
        kind: TokenKind::Card,
        reference: reference.into(),
        state: PlacementState::Current,
        record: None,
    }
}

/// Returns a current key that stands on a card alone, and has a certificate.
fn card_key(uid: u32, number: u8, letter: char) -> Key {
    Key { placements: vec![on(letter, "9A")], certificates: vec![certificate(number)], ..key(uid, number) }
}

/// Returns what is a certificate as far as the table looks.
fn certificate(number: u8) -> Vec<u8> {
    vec![0x30, 3, 2, 1, number]
}

/// Returns [`two_users`], of which 1000 has enrolled the card A. On it stand the key 5 alone, which is the default for
/// login, and the key 1 too.
async fn with_card(folder: &Path) -> Table {
    let table = two_users(folder).await;
    let defaults = Defaults { authenticate: Some(id(5)), ..account(&table, 1000).await.user.defaults };
    let placements = vec![(id(1), on('A', "9C"))];
    table
        .enrol_token(1000, card('A'), vec![card_key(1000, 5, 'A')], placements, Some(defaults))
        .await
        .unwrap();
    table
}

async fn account(table: &Table, uid: u32) -> Account {
    table.account(uid).await.unwrap().expect("the account is there")
}

/// Everything that a key says: keys have no equality of their own.
fn said(key: &Key) -> String {
    format!("{key:?}")
}

/// Closes the table and opens it anew.
async fn reopen(table: Table, folder: &Path) -> Table {
    table.close().await;
    open(folder)
}

/// A small file system of its own, gone when dropped.
struct Mount {
    folder: tempfile::TempDir,
}

impl Mount {
    fn of_one_mebibyte() -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"], folder.path());
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn make_read_only(&self) {
        mount(&["-o", "remount,ro"], self.path());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a failing test may still have files open.
        let status = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(status.is_ok_and(|status| status.success()) || std::thread::panicking(), "umount failed");
    }
}

fn mount(arguments: &[&str], folder: &Path) {
    let status = Command::new("mount").args(arguments).arg(folder).status().unwrap();
    assert!(status.success(), "cannot mount: these tests run as root");
}
