//! Login by challenge and response with the local store: who may ask for whom, what counts as a guess, what a stranger at
//! the prompt can do and what not.

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Options, Outcome, Peer, Refusal, none, option};
use claviger_tests::place::Place;
use claviger_tests::secret::{self, OpenPipe};
use zbus::Fd;

const WRONG: &str = "not the pass phrase";

/// What a PAM module does for a user.
async fn log_in_with(peer: &Peer, uid: u32, given: Fd<'static>, options: Options) -> Result<String, Refusal> {
    peer.call("Authentication", "Authenticate", &(uid, given, options)).await
}

async fn log_in(peer: &Peer, uid: u32, passphrase: &str) -> Result<String, Refusal> {
    log_in_with(peer, uid, secret::pipe(passphrase), none()).await
}

async fn prepare(peer: &Peer, uid: u32, options: Options) -> Result<Attributes, Refusal> {
    peer.call("Authentication", "Prepare", &(uid, options)).await
}

fn word(attributes: &Attributes, name: &str) -> String {
    attributes[name].clone().try_into().unwrap()
}

async fn is_locked(peer: &Peer) -> bool {
    peer.account().await["locked"].clone().try_into().unwrap()
}

#[tokio::test]
async fn a_pass_phrase_logs_in_for_oneself_and_for_the_administrator_and_unlocks_the_store() {
    let house = House::open().await;
    let alice = house.alice().await;
    let administrator = house.visitor(&Person::service()).await;
    let mut ids = Vec::new();
    for algorithm in ["P-256", "Ed25519", "RSA-2048", "ML-DSA-44"] {
        let key = alice.generate(algorithm).await.unwrap();
        alice.call::<()>("Keys", "SetDefaultKey", &("authenticate", key.as_str(), none())).await.unwrap();
        for peer in [&alice, &administrator] {
            alice.lock().await.unwrap();
            let id = log_in(peer, alice.person.uid, PASSPHRASE).await.expect(algorithm);
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            ids.push(id);
            assert!(!is_locked(&alice).await, "{algorithm}");
            alice.sign(&key, "", b"data", none()).await.unwrap();
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is never given twice");
}

#[tokio::test]
async fn an_account_without_keys_logs_in_by_its_pass_phrase_alone() {
    let house = House::open().await;
    let alice = house.alice().await;
    alice.lock().await.unwrap();
    log_in(&alice, alice.person.uid, WRONG).await.refused("WrongPassphrase");
    assert!(is_locked(&alice).await);
    log_in(&alice, alice.person.uid, PASSPHRASE).await.unwrap();
    assert!(!is_locked(&alice).await);
}

#[tokio::test]
async fn what_somebody_is_to_be_asked_for_is_told_before() {
    let house = House::open().await;
    let alice = house.alice().await;
    let uid = alice.person.uid;
    for options in [none(), option("location", "local"), option("remote-host", "far.example")] {
        let means = prepare(&alice, uid, options).await.unwrap();
        assert_eq!((word(&means, "token"), word(&means, "kind")), (format!("local:{uid}"), "local".into()));
        assert!(!word(&means, "name").is_empty() && !means.contains_key("tries-left"));
        assert!(!bool::try_from(means["pin-pad"].clone()).unwrap());
    }
    prepare(&alice, uid, option("location", "card")).await.refused("TokenAbsent");
}

#[tokio::test]
async fn nobody_logs_in_for_somebody_else_but_the_administrator() {
    let house = House::open().await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    alice.lock().await.unwrap();
    let root = house.visitor(&Person::root()).await;
    for stranger in [&bob, &root] {
        prepare(stranger, alice.person.uid, none()).await.refused("AccessDenied");
        log_in(stranger, alice.person.uid, PASSPHRASE).await.refused("AccessDenied");
        // Who may not ask is not waited for.
        let endless = OpenPipe::new(b"");
        let refused = log_in_with(stranger, alice.person.uid, endless.reading(), none()).await;
        refused.refused("AccessDenied");
        endless.finish(b"");
    }
    assert!(is_locked(&alice).await);
}

#[tokio::test]
async fn who_is_not_registered_is_not_ours_to_log_in() {
    let house = House::configured("[registration]\nconsent = true\n").await;
    let administrator = house.visitor(&Person::service()).await;
    let bob = house.visitor(&Person::bob()).await;
    for (peer, uid) in
        [(&bob, bob.person.uid), (&administrator, bob.person.uid), (&administrator, 4_294_967_290)]
    {
        prepare(peer, uid, none()).await.refused("NotRegistered");
        log_in(peer, uid, PASSPHRASE).await.refused("NotRegistered");
    }
    bob.register(PASSPHRASE).await.unwrap();
    prepare(&bob, bob.person.uid, none()).await.refused("RegistrationPending");
    log_in(&bob, bob.person.uid, PASSPHRASE).await.refused("RegistrationPending");
}

#[tokio::test]
async fn authentication_is_not_served_on_channels() {
    let house = House::open().await;
    let alice = house.alice().await;
    let channel = alice.channel().await.unwrap();
    let refusal = prepare(&channel, alice.person.uid, none()).await.expect_err("not there");
    assert!(["UnknownInterface", "UnknownMethod"].contains(&refusal.name.as_str()), "{refusal}");
}

/// Guesses until a guess has to wait, and returns how many were looked at.
async fn guess_until_slowed(peer: &Peer, uid: u32) -> u32 {
    for looked_at in 0..20 {
        let refusal = log_in(peer, uid, WRONG).await.expect_err("it is wrong");
        if refusal.name == "TryLater" {
            return looked_at;
        }
        assert_eq!(refusal.name, "WrongPassphrase", "{refusal}");
    }
    panic!("guesses are not slowed down");
}

#[tokio::test]
async fn wrong_pass_phrases_at_a_prompt_slow_logins_alone_and_a_restart_forgets_none() {
    let mut house = House::open().await;
    let administrator = house.visitor(&Person::service()).await;
    let alice = house.alice().await;
    let (key, uid) = (alice.generate("P-256").await.unwrap(), alice.person.uid);
    assert!(guess_until_slowed(&administrator, uid).await >= 3, "people mistype");
    alice.sign(&key, "", b"data", none()).await.expect("what is unlocked stays so");
    alice.lock().await.unwrap();
    alice.unlock(PASSPHRASE).await.expect("her own unlock is not slowed");
    let failed: u32 = alice.account().await["tries-failed"].clone().try_into().unwrap();
    assert_eq!(failed, 0);

    house.daemon.kill().await;
    house.daemon.restart(&house.bus).await.unwrap();
    // One may have waited long enough by now; without the count three would be looked at.
    assert!(guess_until_slowed(&administrator, uid).await <= 1);
    prepare(&administrator, uid, none()).await.refused("TryLater");
    let refusal = log_in(&administrator, uid, PASSPHRASE).await.refused("TryLater");
    assert!(refusal.text.contains("seconds"), "{refusal}");
    alice.unlock(PASSPHRASE).await.unwrap();
}

#[tokio::test]
async fn a_right_pass_phrase_sets_the_count_back() {
    let house = House::open().await;
    let alice = house.alice().await;
    for _ in 0..3 {
        for _ in 0..2 {
            log_in(&alice, alice.person.uid, WRONG).await.refused("WrongPassphrase");
        }
        log_in(&alice, alice.person.uid, PASSPHRASE).await.unwrap();
    }
}

#[tokio::test]
async fn wrong_unlocks_of_ones_own_slow_no_login() {
    let house = House::open().await;
    let alice = house.alice().await;
    alice.lock().await.unwrap();
    let mut names = Vec::new();
    while !names.iter().any(|name| name == "TryLater") {
        assert!(names.len() < 20, "{names:?}");
        names.push(alice.unlock(WRONG).await.unwrap_err().name);
    }
    log_in(&alice, alice.person.uid, PASSPHRASE).await.expect("logins count apart");
}

#[tokio::test]
async fn a_changed_pass_phrase_is_the_one_that_logs_in() {
    let house = House::open().await;
    let alice = house.alice().await;
    alice.change_passphrase(PASSPHRASE, "another one").await.unwrap();
    log_in(&alice, alice.person.uid, PASSPHRASE).await.refused("WrongPassphrase");
    log_in(&alice, alice.person.uid, "another one").await.unwrap();
}

#[tokio::test]
async fn junk_in_place_of_a_secret_is_refused_and_no_guess() {
    let house = House::open().await;
    let alice = house.alice().await;
    let (uid, place) = (alice.person.uid, Place::new());
    let file = place.file("passphrase", PASSPHRASE);
    let writing_end = || rustix::pipe::pipe().unwrap().1.into();
    for _ in 0..2 {
        for (junk, names) in [
            (secret::pipe(""), &["InvalidArgs"][..]),
            (secret::pipe(vec![b'x'; (64 << 10) + 1]), &["DataTooLarge", "InvalidArgs"]),
            (secret::pipe(vec![b'x'; 1 << 20]), &["DataTooLarge", "InvalidArgs"]),
            (secret::open(&file), &["InvalidArgs"]),
            (secret::open("/dev/null"), &["InvalidArgs"]),
            (writing_end(), &["InvalidArgs"]),
        ] {
            let refusal = log_in_with(&alice, uid, junk, none()).await.expect_err("this is no secret");
            assert!(names.contains(&refusal.name.as_str()), "expected one of {names:?}, got {refusal}");
        }
    }
    log_in(&alice, uid, PASSPHRASE).await.expect("twelve guesses would have slowed it");
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_before_anything_is_tried() {
    let house = House::open().await;
    let alice = house.alice().await;
    let uid = alice.person.uid;
    let long = || "x".repeat(257);
    for _ in 0..2 {
        for (options, name) in [
            (option("location", "phone"), "TokenAbsent"),
            (option("location", "cloud"), "InvalidArgs"),
            (option("location", "card"), "TokenAbsent"),
            (option("token", "card:piv:00"), "InvalidArgs"),
            (option("token", "local:0"), "InvalidArgs"),
            (option("service", long()), "InvalidArgs"),
            (option("tty", long()), "InvalidArgs"),
            (option("remote-host", long()), "InvalidArgs"),
            (option("requesting-user", long()), "InvalidArgs"),
            (option("sevrice", "login"), "InvalidArgs"),
            (option("pin-pad", true), "InvalidArgs"),
        ] {
            log_in_with(&alice, uid, secret::pipe(PASSPHRASE), options).await.refused(name);
        }
        log_in_with(&alice, uid, secret::pipe(""), option("pin-pad", true)).await.refused("InvalidArgs");
    }
    let right = Options::from([("token", format!("local:{uid}").into()), ("location", "local".into())]);
    log_in_with(&alice, uid, secret::pipe(PASSPHRASE), right).await.expect("none of these was a guess");
}

#[tokio::test]
async fn logins_stand_in_the_journal_without_secrets_and_without_what_steers_a_terminal() {
    let house = House::open().await;
    let alice = house.alice().await;
    let uid = alice.person.uid;
    let told = |service: &'static str| {
        Options::from([("service", service.into()), ("tty", "pts/\u{202e}7\u{9b}\n".into())])
    };
    log_in_with(&alice, uid, secret::pipe(PASSPHRASE), told("sshd")).await.unwrap();
    log_in_with(&alice, uid, secret::pipe(WRONG), told("su\rdo")).await.refused("WrongPassphrase");
    let log = house.daemon.log();
    let line = |what: &str| log.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{log}"));
    let granted = line("a login was granted");
    assert!(granted.contains("sshd") && granted.contains(&uid.to_string()), "{granted}");
    let refused = line("a login was refused");
    assert!(refused.contains("sudo") && refused.contains("pass phrase is wrong"), "{refused}");
    assert!(granted.contains("pts/7") && refused.contains("pts/7"), "{log}");
    assert!(!log.contains(PASSPHRASE) && !log.contains(WRONG), "{log}");
}
