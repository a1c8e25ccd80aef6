#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use claviger_phone_protocol::{Known, PairingId, PublicKey, StaticKey};
use claviger_token::{Algorithm, KeyId, Usage};

use super::{KeyDocument, PairingDocument, Store, StoreError};

fn key(number: u8) -> KeyDocument {
    KeyDocument {
        id: KeyId::from_bytes([number; 16]),
        label: "s\u{ef}gning \"1\"".to_owned(),
        algorithm: Algorithm::P256,
        usage: Usage { sign: true, decrypt: false, derive: true },
        created: 1_700_000_000,
        made_by: "laptop".to_owned(),
        public_key: vec![1, 2, 3],
        record: vec![4, 5, 6],
        certificates: vec![vec![7], vec![]],
    }
}

fn pairing(number: u8) -> PairingDocument {
    PairingDocument {
        known: Known {
            pairing: PairingId::from_bytes([number; 16]),
            uid: 1000,
            own: StaticKey::from_bytes(&[3; 32]),
            peer: PublicKey::from_bytes([4; 32]),
        },
        host: "laptop".to_owned(),
        user: "alice".to_owned(),
        paired: 1_700_000_000,
    }
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("state")).expect("a store")
}

#[test]
fn what_was_kept_is_there_after_a_restart_until_it_is_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create_slots(b"slots").expect("room");
    for number in 1..=3 {
        store.keep_key(&key(number)).expect("room");
        store.keep_pairing(&pairing(number)).expect("room");
    }
    store.erase_key(KeyId::from_bytes([2; 16])).expect("erased");
    store.erase_pairing(PairingId::from_bytes([2; 16])).expect("erased");
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.slots().expect("slots").as_deref(), Some(&b"slots"[..]));
    let (mut keys, damaged) = store.keys().expect("keys");
    keys.sort_by_key(|key| key.id);
    assert_eq!((keys, damaged), (vec![key(1), key(3)], Vec::new()));
    let (pairings, damaged) = store.pairings().expect("pairings");
    assert_eq!((pairings.len(), damaged), (2, Vec::new()));
    let (read, kept) = (&pairings[0], pairing(1));
    assert_eq!((&read.host, &read.user, read.paired), (&kept.host, &kept.user, kept.paired));
    assert_eq!(read.known.own.expose(), kept.known.own.expose());
    assert_eq!((read.known.uid, read.known.peer), (kept.known.uid, kept.known.peer));
}

#[test]
fn a_damaged_document_is_named_and_left_alone_and_the_others_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for number in 1..=4 {
        store.keep_key(&key(number)).expect("room");
    }
    let path = |number: u8| store.root().join(format!("keys/{}.json", KeyId::from_bytes([number; 16])));
    let text = fs::read_to_string(path(1)).expect("text");
    fs::write(path(1), &text[..text.len() / 2]).expect("written");
    fs::write(path(2), text.replace("P-256", "P-257")).expect("written");
    fs::copy(path(4), path(3)).expect("copied");
    let (keys, damaged) = store.keys().expect("keys");
    assert_eq!(keys, vec![key(4)]);
    let mut named: Vec<_> = damaged.into_iter().map(|damaged| damaged.path).collect();
    named.sort();
    assert_eq!(named, [path(1), path(2), path(3)]);
    assert!(path(1).exists(), "it is left where it is");
}

#[test]
fn only_its_owner_may_enter_and_only_one_agent_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.keep_pairing(&pairing(1)).expect("room");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let document = store.root().join("pairings/01010101010101010101010101010101.json");
    assert_eq!((mode(store.root()), mode(&document)), (0o700, 0o600));
    assert!(matches!(Store::open(store.root()), Err(StoreError::InUse(_))));
    let root = store.root().to_owned();
    drop(store);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("changed");
    assert!(matches!(Store::open(&root), Err(StoreError::System("use", ..))));
}

#[test]
fn slots_are_never_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create_slots(b"first").expect("room");
    assert!(matches!(store.create_slots(b"second"), Err(StoreError::Exists(_))));
    assert_eq!(store.slots().expect("slots").as_deref(), Some(&b"first"[..]));
}
