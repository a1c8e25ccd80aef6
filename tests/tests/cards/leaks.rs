//! Where a card's secrets must not be: on the bus, in the log, in the journal, in the state folder, in command lines and
//! environments, in memory after a lock. Each search has a control that finds its canary where it should be.

use std::fs;

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled, MESSAGE, PIN, Watch};
use claviger_tests::memory;
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::peer::{Options, Outcome, none, option};
use claviger_tests::secret;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use memchr::memmem;
use serde_bytes::Bytes;

use crate::calls::{PUK, change_pin, last_try, shell, unblock_pin, unlock};
use crate::desk::MANAGEMENT_KEY;

// Of eight digits each, so that none stands anywhere by chance.
const FIRST: &str = "73519264";
const SECOND: &str = "59371826";
const THIRD: &str = "80462957";
const WRONG: &str = "46182937";
const NEW_PUK: &str = "86420975";
const WRONG_PUK: &str = "21436587";
const MANAGEMENT: &[u8; 24] =
    b"\x9b\x1f\xe6\x3d\x58\xc7\x20\xb5\x4a\xd3\x86\x79\xf1\x0e\xad\x62\x37\xcb\x94\x15\xe0\x7f\x52\xa8";
const WRONG_MANAGEMENT: &[u8; 24] =
    b"\x75\xe9\x0b\x34\xd6\x8f\x61\xc2\x2a\x97\xfd\x43\xb8\x1c\x50\xe6\x89\x3e\xa7\x0d\xf4\x6b\x92\xc1";
const CONTROL: &str = "canary-that-is-sent-openly-77cc";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memmem::find(haystack, needle).is_some()
}

/// Every form in which a secret may be written: as it is, in hexadecimal, as a list of numbers, in Base64.
fn written(secret: &[u8]) -> Vec<Vec<u8>> {
    let apart = |digits: String, between: &str| {
        let bytes: Vec<_> =
            digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        bytes.join(between)
    };
    let numbers = |base: fn(&u8) -> String| secret.iter().map(base).collect::<Vec<_>>().join(", ");
    let texts = [
        HEXLOWER.encode(secret),
        HEXUPPER.encode(secret),
        apart(HEXLOWER.encode(secret), " "),
        apart(HEXUPPER.encode(secret), " "),
        apart(HEXLOWER.encode(secret), ":"),
        numbers(|byte| byte.to_string()),
        numbers(|byte| format!("{byte:02x}")),
        numbers(|byte| format!("{byte:02X}")),
        BASE64.encode(secret).trim_end_matches('=').to_owned(),
    ];
    let texts = texts.into_iter().map(String::into_bytes);
    [secret.to_vec()].into_iter().chain(texts).collect()
}

/// Every secret that takes part.
fn secrets() -> Vec<Vec<u8>> {
    let texts = [FIRST, SECOND, THIRD, WRONG, NEW_PUK, WRONG_PUK].map(|text| text.as_bytes().to_vec());
    let keys = [MANAGEMENT, WRONG_MANAGEMENT].map(|key| key.to_vec());
    texts.into_iter().chain(keys).collect()
}

#[track_caller]
fn assert_none(place: &str, content: &[u8]) {
    for secret in secrets() {
        for form in written(&secret) {
            let shown = String::from_utf8_lossy(&form);
            assert!(!contains(content, &form), "a secret is in {place}: {shown}");
        }
    }
}

/// Returns a card in a reader whose PIN, PUK and management key are those that are looked for.
fn card_with_known_secrets(house: &CardHouse) -> Card {
    tokio::task::block_in_place(|| {
        let card = Card::insert(&house.pcscd, 0, Kind::Piv);
        let issuer = PivIssuer::new(&house.pcscd, &card);
        issuer.key("9a", "ECCP256");
        issuer.tool(&["-a", "change-pin", "-P", PIN, "-N", FIRST]).ok();
        issuer.tool(&["-a", "change-puk", "-P", PUK, "-N", NEW_PUK]).ok();
        let (old, new) = (HEXLOWER.encode(MANAGEMENT_KEY), HEXLOWER.encode(MANAGEMENT));
        issuer.tool(&[&format!("--key={old}"), "-a", "set-mgm-key", "-n", &new]).ok();
        card
    })
}

fn site(authority: &[u8]) -> Options {
    Options::from([
        ("location", "card".into()),
        ("slot", "9c".into()),
        ("authority", secret::pipe(authority).into()),
    ])
}

/// A whole life of a card's secrets: enrolled, unlocked, wrong, changed, blocked, unblocked, a key made.
async fn whole_life(house: &CardHouse) -> Enrolled {
    let card = card_with_known_secrets(house);
    let alice = house.visitor(&Person::alice()).await;
    let mut watch = Watch::of(&house.house, &alice.person).await;
    let token = watch.until_card_in(card.reader()).await;
    let shell = shell(house, &alice.person);
    shell.file("first", FIRST).file("second", SECOND);
    let enrolled = shell.claviger("card enrol --pin-file first").await.ok();
    let key = enrolled.text().to_owned();
    alice.sign(&key, "", MESSAGE, none()).await.unwrap();
    change_pin(&alice, &token, FIRST, SECOND).await.unwrap();
    shell.claviger("card unlock --pin-file second").await.ok();
    alice
        .call::<String>("Keys", "GenerateKey", &("P-256", site(WRONG_MANAGEMENT)))
        .await
        .refused("AccessDenied");
    let made: String = alice.call("Keys", "GenerateKey", &("P-256", site(MANAGEMENT))).await.unwrap();
    alice.sign(&made, "", MESSAGE, none()).await.unwrap();
    for _ in 0..2 {
        unlock(&alice, &token, WRONG, none()).await.refused("BadPin");
    }
    unlock(&alice, &token, WRONG, last_try()).await.unwrap_err();
    unblock_pin(&alice, &token, WRONG_PUK, THIRD).await.refused("AccessDenied");
    unblock_pin(&alice, &token, NEW_PUK, THIRD).await.unwrap();
    unlock(&alice, &token, THIRD, none()).await.unwrap();
    alice.sign(&key, "", MESSAGE, none()).await.unwrap();
    let public_key = alice.public_key(&key).await.unwrap();
    Enrolled { card, owner: alice, watch, token, pin: THIRD.to_owned(), key, public_key }
}

async fn house_that_tells_everything() -> CardHouse {
    CardHouse::configured("[log]\nlevel = \"trace\"\n").await
}

/// Returns all files of a folder, one after another.
fn contents(folder: &std::path::Path) -> Vec<u8> {
    let files = fs::read_dir(folder).unwrap();
    files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bus_log_state_folder_and_command_line_hold_no_secret_of_a_card() {
    let mut house = house_that_tells_everything().await;
    let recording = house.house.bus.record().await;
    let mut card = whole_life(&house).await;
    card.owner.bytes("Public", "Digest", &("SHA256", Bytes::new(CONTROL.as_bytes()), none())).await.unwrap();
    card.owner.call::<()>("Keys", "SetLabel", &(card.key.as_str(), CONTROL, none())).await.unwrap();
    let carried = recording.stop().await;
    assert!(contains(&carried, CONTROL.as_bytes()), "the control: the recording has what was sent openly");
    assert!(contains(&carried, b"UnblockPin"), "the control: the recording has the calls");
    assert_none("what the bus carried", &carried);

    let pid = house.house.daemon.pid();
    let [line, environment] =
        ["cmdline", "environ"].map(|file| fs::read(format!("/proc/{pid}/{file}")).unwrap());
    assert!(contains(&line, b"--state-dir"), "the control: the command line can be read");
    assert!(contains(&environment, b"PCSCLITE_CSOCK_NAME"), "the control: so can the environment");
    assert_none("the command line", &line);
    assert_none("the environment", &environment);

    card.pull().await;
    house.house.daemon.kill().await;
    let log = house.house.daemon.log().into_bytes();
    assert!(contains(&log, b"TRACE") || contains(&log, b"DEBUG"), "the control: the log tells everything");
    assert!(contains(&log, card.token.as_bytes()), "the control: it tells of the card");
    assert_none("the log", &log);
    let state = contents(house.house.daemon.state());
    assert!(contains(&state, CONTROL.as_bytes()), "the control: the state folder has the label");
    assert_none("the state folder", &state);
    let pcscd = house.pcscd.log().into_bytes();
    assert_none("pcscd's log", &pcscd);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_repeats_a_secret() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let (alice, token) = (card.owner.clone(), card.token.clone());
    let mut said = String::new();
    for pin in [WRONG, "short", "longer than any PIN 46182937"] {
        said += &unlock(&alice, &token, pin, none()).await.unwrap_err().to_string();
        said += &change_pin(&alice, &token, PIN, &format!("{pin}x")).await.unwrap_err().to_string();
        said += &unblock_pin(&alice, &token, pin, "x").await.unwrap_err().to_string();
    }
    let shell = shell(&house, &alice.person);
    let ran = shell.file("wrong", "46182937\n").claviger("card unlock --pin-file wrong").await;
    said += &ran.stderr;
    assert!(said.contains("wrong"), "the control: {said}");
    for secret in [WRONG, "short ", "longer than", "46182937"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lock_or_a_removal_no_memory_of_the_daemon_holds_a_pin() {
    let house = CardHouse::open().await;
    let mut card = whole_life(&house).await;
    let pid = house.house.daemon.pid();
    let kept = [THIRD.as_bytes()];
    let gone: Vec<Vec<u8>> = secrets().into_iter().filter(|secret| *secret != THIRD.as_bytes()).collect();
    let gone: Vec<&[u8]> = gone.iter().map(Vec::as_slice).collect();
    assert_eq!(memory::find(pid, &gone), Vec::<String>::new(), "what served is wiped");
    // Several times: what one life leaves behind, the next must not uncover.
    for _ in 0..2 {
        assert!(!memory::find(pid, &kept).is_empty(), "the control: while unlocked, the PIN is there");
        card.owner.lock_card(&card.token).await.unwrap();
        assert_eq!(memory::find(pid, &kept), Vec::<String>::new(), "the PIN outlived the lock");
        card.unlock().await.unwrap();
        card.sign().await.unwrap();
    }
    assert!(!memory::find(pid, &kept).is_empty(), "the control: it is there again");
    card.pull().await;
    assert_eq!(memory::find(pid, &kept), Vec::<String>::new(), "the PIN outlived the removal");
    card.put_back().await;
    unlock(&card.owner, &card.token, THIRD, option("idle", 1u32)).await.unwrap();
    let token = card.token.clone();
    card.watch
        .until("a locked card", |tokens| {
            tokens
                .iter()
                .any(|(id, row)| *id == token && claviger_tests::cards::flag(row, "locked"))
                .then_some(())
        })
        .await;
    assert_eq!(memory::find(pid, &kept), Vec::<String>::new(), "the PIN outlived its time");
}
