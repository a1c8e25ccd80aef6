//! Where secrets must not be: on the bus, in the log, in the state folder, in memory after a lock. Each search has
//! a control that finds its canary when it should be there.

use std::fs;

use claviger_tests::accounts::Person;
use claviger_tests::daemon::{CHEAP, Start};
use claviger_tests::house::House;
use claviger_tests::memory::{self, both_ends};
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Outcome, Peer, none};
use claviger_tests::secret::{self, OpenPipe};
use memchr::memmem;
use serde_bytes::Bytes;
use zbus::OwnedFd;

const FIRST: &str = "canary-passphrase-the-first-9f2c";
const SECOND: &str = "canary-passphrase-the-second-b71e";
const WRONG: &str = "canary-passphrase-that-is-wrong-03da";
const CONTROL: &str = "canary-that-is-sent-openly-55aa";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memmem::find(haystack, needle).is_some()
}

/// Returns an openssl-made P-256 key, DER PKCS#8, and its private scalar.
async fn key_with_scalar() -> (Vec<u8>, Vec<u8>) {
    let key = OpenSsl::new().private_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256").await;
    // RFC 5915: version 1, then an OCTET STRING of 32 bytes.
    let at = memmem::find(&key, &[0x02, 0x01, 0x01, 0x04, 0x20]).expect("an ECPrivateKey") + 5;
    let scalar = key[at..at + 32].to_vec();
    (key, scalar)
}

/// A whole life of secrets: registration with consent, unlocking, wrong guesses, a change, recovery, import.
/// Returns every secret that took part.
async fn whole_life(house: &House) -> Vec<Vec<u8>> {
    let alice = house.visitor(&Person::alice()).await;
    let administrator = house.visitor(&Person::service()).await;
    alice.register(FIRST).await.unwrap();
    let phrase: OwnedFd =
        administrator.call("Admin", "IssueConsent", &(alice.person.uid, none())).await.unwrap();
    let phrase = secret::read(phrase);
    alice.call::<()>("Account", "Consent", &(secret::pipe(&phrase), none())).await.unwrap();
    alice.unlock(WRONG).await.refused("WrongPassphrase");
    alice.unlock(FIRST).await.unwrap();
    let (key, scalar) = key_with_scalar().await;
    let id = alice.import(&key).await.unwrap();
    alice.sign(&id, "", b"data", none()).await.unwrap();
    let code: OwnedFd = alice.call("Account", "MakeRecoveryCode", &(none(),)).await.unwrap();
    let code = secret::read(code);
    alice.change_passphrase(FIRST, SECOND).await.unwrap();
    alice.lock().await.unwrap();
    alice.unlock(SECOND).await.unwrap();
    // The texts without their separators too: a fragment of a phrase is a secret as well.
    let trimmed = |secret: &[u8]| secret.trim_ascii().to_vec();
    let [little, big] = both_ends(&scalar);
    vec![FIRST.into(), SECOND.into(), WRONG.into(), trimmed(&phrase), trimmed(&code), little, big]
}

async fn house_that_tells_everything() -> House {
    let config = format!("{CHEAP}[registration]\nconsent = true\n[log]\nlevel = \"trace\"\n");
    House::with(Start { config, ..Start::default() }).await
}

#[tokio::test]
async fn what_the_bus_carries_holds_no_secret() {
    let house = house_that_tells_everything().await;
    let recording = house.bus.record().await;
    let secrets = whole_life(&house).await;
    let alice = house.visitor(&Person::alice()).await;
    alice.bytes("Public", "Digest", &("SHA256", Bytes::new(CONTROL.as_bytes()), none())).await.unwrap();
    let carried = recording.stop().await;
    assert!(contains(&carried, CONTROL.as_bytes()), "the recording has what was sent openly");
    assert!(contains(&carried, b"ChangePassphrase"), "the recording has the calls");
    for secret in secrets {
        assert!(
            !contains(&carried, &secret),
            "a secret went over the bus: {}",
            String::from_utf8_lossy(&secret)
        );
    }
}

#[tokio::test]
async fn the_log_and_the_state_folder_hold_no_secret() {
    let mut house = house_that_tells_everything().await;
    let secrets = whole_life(&house).await;
    let alice = house.visitor(&Person::alice()).await;
    let keys = alice.keys().await.unwrap();
    alice.call::<()>("Keys", "SetLabel", &(keys[0].0.as_str(), CONTROL, none())).await.unwrap();
    house.daemon.kill().await;
    let log = house.daemon.log().into_bytes();
    let mut state = Vec::new();
    for file in fs::read_dir(house.daemon.state()).unwrap() {
        state.extend(fs::read(file.unwrap().path()).unwrap());
    }
    assert!(contains(&state, CONTROL.as_bytes()), "the state folder has the label");
    assert!(contains(&log, b"TRACE") || contains(&log, b"DEBUG"), "the log tells everything");
    for secret in secrets {
        let shown = String::from_utf8_lossy(&secret);
        assert!(!contains(&log, &secret), "the log holds a secret: {shown}");
        assert!(!contains(&state, &secret), "the state folder holds a secret: {shown}");
    }
}

/// Returns alice with an imported key in use, its id and the two forms of its scalar.
async fn alice_with_known_key(house: &House) -> (Peer, String, [Vec<u8>; 2]) {
    let alice = house.visitor(&Person::alice()).await;
    alice.register(FIRST).await.unwrap();
    alice.unlock(FIRST).await.unwrap();
    let (key, scalar) = key_with_scalar().await;
    let id = alice.import(&key).await.unwrap();
    alice.sign(&id, "", b"data", none()).await.unwrap();
    (alice, id, both_ends(&scalar))
}

#[tokio::test]
async fn after_a_lock_no_memory_of_the_daemon_holds_the_private_key() {
    let house = House::open().await;
    let (alice, id, scalar) = alice_with_known_key(&house).await;
    let canaries = scalar.each_ref().map(Vec::as_slice);
    let pid = house.daemon.pid();
    // Three times: what one life leaves behind, the next must not uncover.
    for _ in 0..3 {
        assert!(!memory::find(pid, &canaries).is_empty(), "the control: while unlocked, the key is there");
        alice.lock().await.unwrap();
        assert_eq!(memory::find(pid, &canaries), Vec::<String>::new(), "the key outlived the lock");
        alice.unlock(FIRST).await.unwrap();
        alice.sign(&id, "", b"data", none()).await.unwrap();
    }
}

#[tokio::test]
async fn after_use_no_memory_of_the_daemon_holds_the_pass_phrase() {
    let house = House::open().await;
    let (alice, id, _) = alice_with_known_key(&house).await;
    let canaries = [FIRST, SECOND, WRONG].map(str::as_bytes);
    let pid = house.daemon.pid();
    assert_eq!(memory::find(pid, &canaries), Vec::<String>::new(), "the pass phrase outlived the unlocking");

    // The control: while it is being read it is there. The pipe stays open, so the daemon waits for more.
    let (first, rest) = FIRST.as_bytes().split_at(20);
    let pipe = OpenPipe::new(first);
    let body = (pipe.reading(), none());
    let (unlocked, ()) = tokio::join!(alice.call::<()>("Account", "Unlock", &body), async {
        pipe.drained().await;
        let found = claviger_tests::until(|| !memory::find(pid, &[first]).is_empty()).await;
        assert!(found, "the control: while it is read, the pass phrase is there");
        pipe.finish(rest);
    });
    unlocked.unwrap();
    assert_eq!(
        memory::find(pid, &[first]),
        Vec::<String>::new(),
        "half a pass phrase outlived the unlocking"
    );

    alice.unlock(WRONG).await.refused("WrongPassphrase");
    alice.change_passphrase(FIRST, SECOND).await.unwrap();
    alice.lock().await.unwrap();
    alice.unlock(SECOND).await.unwrap();
    alice.sign(&id, "", b"data", none()).await.unwrap();
    assert_eq!(memory::find(pid, &canaries), Vec::<String>::new(), "a pass phrase outlived its use");
}
