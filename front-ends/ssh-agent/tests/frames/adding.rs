//! What `ssh-add` puts in, and what ends: of keys that others have a hand in too.

use std::io::Write as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use claviger_client::ErrorName;
use claviger_ssh_agent::agent::{Agent, Settings};
use claviger_ssh_agent::book::Book;
use claviger_ssh_agent::journal::Journal;
use claviger_ssh_agent::protocol::framed;
use claviger_ssh_agent::server;
use claviger_ssh_agent::sessions::Sessions;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::toy::Toy;

#[tokio::test]
async fn a_key_whose_import_failed_is_not_taken_for_one_that_came_by_ssh_add() {
    for failure in [ErrorName::Locked, ErrorName::LimitsExceeded] {
        let folder = tempfile::tempdir().unwrap();
        let agent = agent(folder.path());
        agent.store().refuse(Some(failure));
        assert_eq!(asked(&agent, &add(1, "key", None, false)).await, FAILURE);
        agent.store().refuse(None);
        imported_elsewhere(&agent, 1, "mine").await;
        assert_eq!(asked(&agent, REMOVE_ALL).await, SUCCESS);
        assert_eq!(agent.store().labels(), ["mine"], "hidden, and not deleted");
    }
}

#[tokio::test]
async fn a_key_that_was_there_already_is_never_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    imported_elsewhere(&agent, 1, "mine").await;
    assert_eq!(asked(&agent, &add(1, "key", Some(0), false)).await, SUCCESS);
    ended(&agent).await;
    assert_eq!(asked(&agent, REMOVE_ALL).await, SUCCESS);
    assert_eq!(asked(&agent, &add(1, "key", None, false)).await, SUCCESS);
    assert_eq!(asked(&agent, &remove(1)).await, SUCCESS);
    assert_eq!(agent.store().labels(), ["mine"]);
}

/// An agent that ended while a key was on its way, in a store that has the key in some other way now.
#[tokio::test]
async fn a_record_without_an_id_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    assert_eq!(asked(&agent, &add(1, "key", Some(0), false)).await, SUCCESS);
    let file = folder.path().join("book.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("\"id\": \"00000000000000000000000000000001\",", "");
    assert!(!text.contains("\"id\""), "{text}");
    std::fs::write(&file, text).unwrap();
    ended(&agent).await;
    assert_eq!(agent.store().labels(), ["key"]);
    assert_eq!(asked(&agent, REMOVE_ALL).await, SUCCESS);
    assert_eq!(agent.store().labels(), ["key"]);
}

/// The clock on the wall may begin anywhere when a machine is started: nothing is deleted because of it alone.
#[tokio::test]
async fn a_key_that_is_over_since_another_start_is_hidden_at_once_and_not_deleted_yet() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    assert_eq!(asked(&agent, &add(1, "key", Some(0), false)).await, SUCCESS);
    let file = folder.path().join("book.json");
    let of_this_start = std::fs::read_to_string(&file).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let of_another = of_this_start.replace(boot.trim(), "another start");
    assert_ne!(of_another, of_this_start);
    std::fs::write(&file, of_another).unwrap();
    ended(&agent).await;
    assert_eq!(asked(&agent, LIST).await, [12, 0, 0, 0, 0]);
    assert_eq!(agent.store().labels(), ["key"]);
    std::fs::write(&file, of_this_start).unwrap();
    ended(&agent).await;
    assert_eq!(agent.store().labels(), [""; 0]);
}

#[tokio::test]
async fn keys_of_one_comment_all_go_in() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    for seed in 1..=3 {
        assert_eq!(asked(&agent, &add(seed, "alice@host", None, seed == 3)).await, SUCCESS);
    }
    assert_eq!(agent.store().labels(), ["alice@host", "alice@host (2)", "alice@host (3)"]);
    assert_eq!(agent.store().rows()[2].1.confirm.as_deref(), Some("always"));
    assert_eq!(asked(&agent, &remove(2)).await, SUCCESS);
    assert_eq!(agent.store().labels(), ["alice@host", "alice@host (3)"]);
    assert_eq!(asked(&agent, &add(4, "alice@host", None, false)).await, SUCCESS);
    assert_eq!(agent.store().labels().last().map(String::as_str), Some("alice@host (2)"));
    // What exists is neither the name nor the key: another name does not help.
    agent.store().refuse(Some(ErrorName::AlreadyExists));
    assert_eq!(asked(&agent, &add(5, "new", None, false)).await, FAILURE);
}

#[tokio::test]
async fn a_key_that_stands_on_a_card_too_is_only_hidden() {
    let places: [&[&str]; 3] = [&["local", "card"], &["card"], &[]];
    for location in places {
        let folder = tempfile::tempdir().unwrap();
        let agent = agent(folder.path());
        assert_eq!(asked(&agent, &add(1, "key", None, false)).await, SUCCESS);
        agent.store().change(|row| row.location = location.iter().map(|place| (*place).to_owned()).collect());
        assert_eq!(asked(&agent, REMOVE_ALL).await, SUCCESS);
        assert_eq!(agent.store().labels(), ["key"], "{location:?}");
        assert_eq!(asked(&agent, LIST).await, [12, 0, 0, 0, 0], "{location:?}");
        // It is somebody's own from now on.
        agent.store().change(|row| row.location = vec!["local".to_owned()]);
        assert_eq!(asked(&agent, REMOVE_ALL).await, SUCCESS);
        assert_eq!(agent.store().labels(), ["key"], "{location:?}");
    }
}

#[tokio::test]
async fn another_agents_list_forgets_no_key_on_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let (agent, other) = (agent(folder.path()), agent(folder.path()));
    let gate = agent.store().gate();
    let message = add(1, "key", Some(3600), false);
    let (added, ()) = tokio::join!(asked(&agent, &message), async {
        gate.reached.notified().await;
        // Another agent, which finds no key in the store.
        asked(&other, LIST).await;
        let text = std::fs::read_to_string(folder.path().join("book.json")).unwrap();
        assert!(text.contains("\"expires\""), "{text}");
        // Even where it did:
        std::fs::write(folder.path().join("book.json"), "[]").unwrap();
        gate.open.notify_one();
    });
    assert_eq!(added, SUCCESS);
    let text = std::fs::read_to_string(folder.path().join("book.json")).unwrap();
    assert!(text.contains("\"id\"") && text.contains("\"expires\""), "{text}");
    // It is gone from the store: what has an id is forgotten.
    asked(&other, LIST).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("book.json")).unwrap(), "[]");
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_key_that_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Arc::new(agent(folder.path()));
    let gate = agent.store().gate();
    let socket = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let serving = tokio::spawn(server::serve(listener, agent.clone(), Journal::default()));
    let mut client = UnixStream::connect(&socket).unwrap();
    client.write_all(&framed(&add(1, "key", None, true))).unwrap();
    gate.reached.notified().await;
    let text = std::fs::read_to_string(folder.path().join("book.json")).unwrap();
    assert!(text.contains("\"confirm\": true"), "an agent that ended now would know it: {text}");
    drop(client);
    // The server has heard of that when it answers somebody who came later.
    let mut later = tokio::net::UnixStream::connect(&socket).await.unwrap();
    later.write_all(&framed(LIST)).await.unwrap();
    later.read_exact(&mut [0; 9]).await.unwrap();
    gate.open.notify_one();
    until(|| agent.store().rows().first().is_some_and(|(_, row)| row.confirm.is_some())).await;
    serving.abort();
}

#[tokio::test]
async fn one_key_that_cannot_be_deleted_keeps_no_other_beyond_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    for seed in 1..=4 {
        assert_eq!(asked(&agent, &add(seed, &format!("key{seed}"), Some(0), false)).await, SUCCESS);
    }
    agent.store().hold("key1");
    agent.store().hold("key3");
    let trying = async {
        until(|| agent.store().labels() == ["key1", "key3"]).await;
        agent.store().release();
        // Somebody is here again.
        assert_eq!(asked(&agent, LIST).await, [12, 0, 0, 0, 0], "what is over is not shown");
        until(|| agent.store().labels().is_empty()).await;
    };
    tokio::select! {
        () = trying => {}
        () = agent.end_lifetimes() => unreachable!(),
    }
}

fn agent(folder: &Path) -> Agent<Toy> {
    let book = Book::open(Some(folder.join("book.json"))).expect("a book");
    Agent::new(Toy::default(), book, Settings::default(), Journal::default())
}

async fn asked(agent: &Agent<Toy>, message: &[u8]) -> Vec<u8> {
    agent.answer(&mut Sessions::default(), message).await.to_message().to_vec()
}

/// Waits until no time in the book is over.
async fn ended(agent: &Agent<Toy>) {
    let waiting = async {
        // Nobody else wakes up after this, which is tried first.
        tokio::task::yield_now().await;
    };
    tokio::select! {
        biased;
        () = agent.end_lifetimes() => unreachable!(),
        () = waiting => {}
    }
}

/// Somebody imports the same key with `claviger key import`.
async fn imported_elsewhere(agent: &Agent<Toy>, seed: u8, label: &str) {
    let toy = Toy::default();
    let before = Agent::new(toy, Book::open(None).unwrap(), Settings::default(), Journal::default());
    assert_eq!(asked(&before, &add(seed, label, None, false)).await, SUCCESS);
    agent.store().take(before.store());
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it comes to it");
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn public(seed: u8) -> Vec<u8> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    pair.public_key().as_ref().to_vec()
}

/// `SSH_AGENTC_ADD_IDENTITY`, or `SSH_AGENTC_ADD_ID_CONSTRAINED`.
fn add(seed: u8, comment: &str, lifetime: Option<u32>, confirm: bool) -> Vec<u8> {
    let number = if lifetime.is_some() || confirm { 25 } else { 17 };
    let private = [vec![seed; 32], public(seed)].concat();
    let mut message = vec![number];
    message.extend(
        [text(b"ssh-ed25519"), text(&public(seed)), text(&private), text(comment.as_bytes())].concat(),
    );
    if let Some(seconds) = lifetime {
        message.push(1);
        message.extend(seconds.to_be_bytes());
    }
    if confirm {
        message.push(2);
    }
    message
}

/// `SSH_AGENTC_REMOVE_IDENTITY`.
fn remove(seed: u8) -> Vec<u8> {
    [vec![18], text(&[text(b"ssh-ed25519"), text(&public(seed))].concat())].concat()
}

const LIST: &[u8] = &[11];
const REMOVE_ALL: &[u8] = &[19];
const SUCCESS: [u8; 1] = [6];
const FAILURE: [u8; 1] = [5];
