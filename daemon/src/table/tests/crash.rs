//! A crash while a transaction is written: of the log, only a part is on the disk.

use std::fs;
use std::path::Path;

use claviger_core::{Defaults, Key, Placement, PlacementState};
use claviger_token::TokenId;
use rusqlite::Transaction;

use super::changes::state_of;
use super::{account, card, card_key, id, key, on, open, record, slots, user, with_card};
use crate::table::error::Fault;
use crate::table::store::{DATABASE, Erasure};
use crate::table::tokens::{self, Enrolment};
use crate::table::{keys, users};

type Operation = fn(&Transaction<'_>) -> Result<(), Fault>;

/// Each operation that touches more than one row.
const OPERATIONS: [(&str, Operation); 7] = [
    ("enrol", |transaction| {
        let enrolment = Enrolment {
            token: card('B'),
            new_keys: vec![Key { attestation: vec![long_certificate(); 3], ..card_key(1000, 6, 'B') }],
            placements: vec![(id(5), on('B', "9A")), (id(2), on('B', "9D"))],
            defaults: Some(Defaults { sign: Some(id(6)), ..Defaults::default() }),
        };
        tokens::enrol(transaction, 1000, &enrolment)
    }),
    ("forget", |transaction| tokens::forget(transaction, 1000, &card('A').id, 500).map(drop)),
    ("rename", |transaction| tokens::rename(transaction, 1000, &card('A').id, &card('N'))),
    ("add placement", |transaction| {
        let placement =
            Placement { state: PlacementState::Writing, record: Some(record(9)), ..on('A', "82") };
        tokens::add_placement(transaction, 1000, id(2), &placement)
    }),
    ("remove placement", |transaction| {
        tokens::remove_placement(transaction, 1000, id(1), &TokenId::local(1000))
    }),
    ("set certificates", |transaction| {
        keys::set_certificates(transaction, 1000, id(5), &[long_certificate(), long_certificate()])
    }),
    ("add local store", |transaction| {
        let defaults = Defaults { decrypt: Some(id(8)), ..Defaults::default() };
        let keys = [key(1002, 7), key(1002, 8)];
        users::add_local_store(transaction, 1002, &slots(1002), &keys, Some(&defaults))
    }),
];

/// Returns a document that needs pages of its own.
fn long_certificate() -> Vec<u8> {
    [&[0x30, 0x82, 0x20, 0x00][..], &[7; 0x2000]].concat()
}

#[tokio::test]
async fn a_crash_at_any_page_leaves_the_table_as_before_or_as_after() {
    for (name, operation) in OPERATIONS {
        let folder = tempfile::tempdir().unwrap();
        let table = with_card(folder.path()).await;
        table.register(claviger_core::User { slots: None, ..user(1002) }, Vec::new()).await.unwrap();
        table.close().await;

        let table = open(folder.path());
        let before = state(&table).await;
        // Not finished as an erasure is: that empties the log, which is to be cut here.
        table.thread.run(move |store| store.write(Erasure::None, operation)).await.expect(name);
        let after = state(&table).await;
        assert_ne!(before, after, "{name}");

        let log = fs::read(folder.path().join(LOG)).unwrap();
        let frame = FRAME_HEADER + u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
        let frames = (log.len() - LOG_HEADER) / frame;
        assert!(frames >= 2, "{name} is written in {frames} pages: nothing to cut");
        for written in 0..=frames {
            let whole = LOG_HEADER + written * frame;
            let expected = if written == frames { &after } else { &before };
            assert_eq!(
                crashed(folder.path(), &log[..whole]).await,
                *expected,
                "{name}: {written} of {frames}"
            );
            if written < frames {
                let torn = &log[..whole + frame / 2];
                assert_eq!(crashed(folder.path(), torn).await, before, "{name}: {written} and a half");
            }
        }
    }
}

/// Returns what is in a table whose daemon ended when only `log` had been written.
async fn crashed(folder: &Path, log: &[u8]) -> String {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.join(DATABASE), copy.path().join(DATABASE)).unwrap();
    fs::copy(folder.join(LOG), copy.path().join(LOG)).unwrap();
    fs::write(copy.path().join(LOG), log).unwrap();
    state(&open(copy.path())).await
}

/// Everything in the table.
async fn state(table: &crate::table::Table) -> String {
    format!("{}{:?}", state_of(table).await, account(table, 1002).await)
}

const LOG: &str = "table.db-wal";
/// <https://www.sqlite.org/fileformat2.html#walformat>: 32 bytes, the page size at 8, and 24 bytes before each page.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
