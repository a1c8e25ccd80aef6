//! Keys in the local store, on a card, on a phone; what is away, wrong or refused.
//!
//! Nothing is mapped, as containers have no disks: cryptsetup tests whether it could.

use claviger_tests::in_time;
use claviger_tests::lab::{Guest, Phone};
use claviger_tests::pcsc::Kind;

use crate::guide::{Block, section};
use crate::terminal::{Said, at_terminal};
use crate::{DISK, STORE};

/// What opens it.
const OPEN: &str = "cryptsetup open --token-only --test-passphrase /root/vault";

/// How long something may take that is not there: dialling a phone takes two seconds, and the rest is the machine's.
const AT_ONCE: f64 = 20.0;

/// A self-signed certificate for root's key, and a volume that the key opens after an answer.
async fn make_volume(guest: &Guest, pin: &str) {
    guest.run("claviger key certificate vault --self-signed --subject CN=vault").await.ok();
    enrol(guest, pin).await;
}

async fn enrol(guest: &Guest, pin: &str) {
    let make = "truncate --size 32M /root/vault && cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 \
                --pbkdf-force-iterations 1000 /root/vault -";
    guest.run_with(make, DISK.as_bytes()).await.ok();
    let enrol =
        "systemd-cryptenroll --pkcs11-token-uri='pkcs11:manufacturer=Claviger;object=vault' /root/vault";
    sits(guest, enrol, pin).await.ok();
}

/// Types a line at a terminal, and that PIN where one is asked for.
async fn sits(guest: &Guest, line: &str, pin: &str) -> Said {
    at_terminal(guest.shell(line), &[("PIN", pin), ("current passphrase", DISK)]).await
}

#[tokio::test]
async fn the_pass_phrase_of_the_local_store_opens_a_volume_and_no_other_does() {
    let guest = Guest::with_claviger().await;
    guest.write("/root/phrase", 0o600, STORE);
    guest.run("claviger register --no-keys --passphrase-file /root/phrase").await.ok();
    guest.run("claviger unlock --passphrase-file /root/phrase").await.ok();
    guest.run("claviger key generate RSA-2048 --label vault").await.ok();
    make_volume(&guest, STORE).await;
    sits(&guest, OPEN, STORE).await.ok();
    // Unlocked or not: whoever opens it must know it.
    sits(&guest, OPEN, "wrong").await.failed();
    guest.systemctl("restart clavigerd").await.ok();
    sits(&guest, OPEN, "wrong").await.failed();
    // After so many wrong ones it is refused for a while, the right one too.
    let in_the_end = async { while sits(&guest, OPEN, STORE).await.code != Some(0) {} };
    in_time("the right one after wrong ones", in_the_end).await;

    // A key of somebody else's with that name opens nothing.
    guest.write("/tmp/phrase", 0o644, STORE);
    for line in [
        "claviger register --no-keys --passphrase-file /tmp/phrase",
        "claviger unlock --passphrase-file /tmp/phrase",
        "claviger key generate RSA-2048 --label vault",
    ] {
        guest.run_as("alice", line).await.ok();
    }
    guest.run("install -o alice /root/vault /home/alice/vault").await.ok();
    let as_alice = guest.shell_as("alice", &OPEN.replace("/root/", "/home/alice/"));
    at_terminal(as_alice, &[("PIN", STORE)]).await.failed();
}

#[tokio::test]
async fn without_the_service_or_the_bus_it_says_no_at_once() {
    let guest = Guest::with_claviger().await;
    guest.write("/root/phrase", 0o600, STORE);
    guest.run("claviger register --no-keys --passphrase-file /root/phrase").await.ok();
    guest.run("claviger unlock --passphrase-file /root/phrase").await.ok();
    guest.run("claviger key generate RSA-2048 --label vault").await.ok();
    make_volume(&guest, STORE).await;
    guest.systemctl("mask --runtime --now clavigerd.service").await.ok();
    assert!(sits(&guest, OPEN, STORE).await.failed().seconds < AT_ONCE);
    guest.systemctl("stop dbus.socket dbus.service").await.ok();
    assert!(sits(&guest, OPEN, STORE).await.failed().seconds < AT_ONCE);
    guest.systemctl("start dbus.socket").await.ok();
    guest.systemctl("unmask --runtime clavigerd.service").await.ok();
    // The bus starts it.
    sits(&guest, OPEN, STORE).await.ok();
}

#[tokio::test]
async fn a_card_opens_a_volume_with_its_pin_and_not_when_it_is_away() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    guest.write("/root/pin", 0o600, "123456");
    guest.run("claviger card enrol --pin-file /root/pin").await.ok();
    guest.run("claviger card unlock --pin-file /root/pin").await.ok();
    let generate =
        "claviger key generate RSA-2048 --label vault --location card --slot 9d --default-management-key";
    guest.run(generate).await.ok();
    let [Block::Lines(certificate)] = &section("Where the key cannot sign")[..] else { panic!("one block") };
    guest.run(&format!("set -e\n{certificate}")).await.ok();
    enrol(&guest, "123456").await;
    sits(&guest, OPEN, "123456").await.ok();
    let wrong = sits(&guest, &format!("{OPEN} --tries 1"), "654321").await.failed();
    assert!(wrong.text.contains("PIN"), "{wrong:#?}");
    sits(&guest, OPEN, "123456").await.ok();
    card.remove_noticed();
    let away = sits(&guest, OPEN, "123456").await.failed();
    assert!(away.seconds < AT_ONCE, "{away:#?}");
    card.put_back();
    guest.card_seen("root", &card).await;
    sits(&guest, OPEN, "123456").await.ok();
}

/// A phone of root's with a key, and a volume that it opens.
async fn phone_and_volume(guest: &Guest) -> Phone<'_> {
    let mut phone = guest.phone("root", "Pixel").await;
    phone.pair().await;
    let generate = "claviger key generate RSA-2048 --label vault --location phone";
    phone.agree_to(guest.run(generate)).await.ok();
    phone.agree_to(make_volume(guest, "nobody asks for one")).await;
    phone
}

#[tokio::test]
async fn a_yes_on_the_phone_opens_a_volume_and_a_no_does_not() {
    let guest = Guest::plan().claviger().phones().boot().await;
    let mut phone = phone_and_volume(&guest).await;
    let (opened, asked) = tokio::join!(sits(&guest, OPEN, ""), async {
        let asked = asks_to_decrypt(&mut phone).await;
        phone.yes();
        asked
    });
    assert!(!opened.ok().text.contains("PIN"), "nobody is asked at the computer");
    for part in ["Decrypt: \"vault\"", "User, it says     root", "cryptsetup"] {
        assert!(asked.contains(part), "no {part} in {asked}");
    }
    let (refused, ()) = tokio::join!(sits(&guest, OPEN, ""), async {
        asks_to_decrypt(&mut phone).await;
        phone.no();
    });
    println!("a no on the phone: {:?}", refused.failed());
}

/// Waits for the question whether the key may be used, saying yes to the phone's being unlocked; returns it.
async fn asks_to_decrypt(phone: &mut Phone<'_>) -> String {
    loop {
        let asked = phone.asks().await;
        match asked.contains("Make the keys usable") {
            true => phone.yes(),
            false => return asked,
        }
    }
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_by_itself() {
    let guest = Guest::plan().claviger().phones().boot().await;
    guest.write("/etc/claviger/claviger.d/quick.toml", 0o644, "[phones]\nrequest-timeout = \"5s\"\n");
    guest.systemctl("restart clavigerd").await.ok();
    let mut phone = phone_and_volume(&guest).await;
    let (given_up, _) = tokio::join!(sits(&guest, OPEN, ""), asks_to_decrypt(&mut phone));
    let given_up = given_up.failed();
    println!("nobody answers: {given_up:?}");
    assert!(given_up.seconds < AT_ONCE, "{given_up:#?}");
    phone.takes_back().await;
}

#[tokio::test]
async fn a_phone_that_is_away_or_silent_opens_nothing_and_is_not_waited_for_without_end() {
    let guest = Guest::plan().claviger().phones().boot().await;
    let mut phone = phone_and_volume(&guest).await;
    let asked = phone.questions();
    phone.freeze().await;
    let silent = sits(&guest, OPEN, "").await.failed();
    println!("a phone that is frozen: {silent:?}");
    phone.thaw().await;
    phone.kill().await;
    let away = sits(&guest, OPEN, "").await.failed();
    assert!(away.seconds < AT_ONCE, "{away:#?}");
    println!("a phone that is away: {away:?}");
    phone.switch_on().await;
    phone.until_it_is("present").await;
    assert!(phone.questions() <= asked, "nothing was left behind to be asked");
    phone.agree_to(sits(&guest, OPEN, "")).await.ok();
}
