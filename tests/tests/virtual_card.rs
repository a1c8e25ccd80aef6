//! The harness for cards does what it says: real pcscd, real programs of others, and cards that can be pulled.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::{Duration, Instant};

use claviger_tests::pcsc::card::{Depth, Finger, Logged};
use claviger_tests::pcsc::issue::{GnuPg, PivIssuer, pkcs11_tool};
use claviger_tests::pcsc::pinpad::{Question, Typed};
use claviger_tests::pcsc::{Card, ForeignUser, Kind, Pcscd};

#[test]
fn opensc_sees_every_kind_of_card() {
    let pcscd = Pcscd::with_readers(4);
    let cards = [Kind::Piv, Kind::OpenPgp, Kind::PivAndOpenPgp, Kind::Cac];
    let cards: Vec<_> = (0..).zip(cards).map(|(slot, kind)| Card::insert(&pcscd, slot, kind)).collect();
    let named = |card: &Card| {
        let mut command = pcscd.command("opensc-tool");
        let ran = command.args(["-r", card.reader(), "-n"]).output().unwrap();
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(named(&cards[0]), "Personal Identity Verification Card");
    assert_eq!(named(&cards[1]), format!("OpenPGP card v3.4 (FFFE {:08X})", cards[1].serial()));
    assert_eq!(named(&cards[2]), "Personal Identity Verification Card");
    assert_eq!(named(&cards[3]), "Common Access Card (CAC)");
    assert_eq!(ForeignUser::start(&pcscd).readers().unwrap().len(), 4);
}

#[test]
fn yubico_piv_tool_makes_keys_that_sign() {
    let (pcscd, card) = piv();
    let issuer = PivIssuer::new(&pcscd, &card);
    for (slot, algorithm) in [("9a", "ECCP256"), ("9c", "ECCP384"), ("9d", "RSA2048"), ("82", "ECCP256")] {
        let issued = issuer.key(slot, algorithm);
        assert!(memchr::memmem::find(&issued.certificate, &issued.public_key).is_some());
    }
    for (slot, hash) in [("9a", "SHA256"), ("9c", "SHA384"), ("9d", "SHA256")] {
        let file = format!("{slot}.crt");
        let words =
            ["-a", "verify-pin", "-P", "123456", "-a", "test-signature", "-s", slot, "-H", hash, "-i", &file];
        let signed = issuer.tool(&words).ok();
        assert!(signed.stderr.contains("Successful"), "{signed:?}");
    }
    let listed = pkcs11_tool(&pcscd, &card, &["-O", "--type", "cert"]).ok();
    assert_eq!(listed.text().matches("Certificate Object").count(), 4, "{listed:?}");
}

#[test]
fn gnupg_makes_keys_on_the_card() {
    let pcscd = Pcscd::start();
    let card = Card::insert(&pcscd, 0, Kind::OpenPgp);
    let gnupg = GnuPg::new(&pcscd, &card);
    gnupg.generate(1, "22 ed25519");
    gnupg.generate(2, "18 cv25519");
    gnupg.generate(3, "19 nistp256");
    let status = gnupg.gpg(&["--card-status"]).ok();
    let serial = format!("Serial number ....: {:08X}", card.serial());
    assert!(status.text().contains(&serial), "{status:?}");
    assert!(status.text().contains("Key attributes ...: ed25519 cv25519 nistp256"), "{status:?}");
    let learned = gnupg.agent("123456", &["SCD LEARN --force"]).ok();
    let learned = String::from_utf8_lossy(&learned.stdout);
    assert_eq!(learned.matches("S KEYPAIRINFO").count(), 3, "{learned}");
    let hash = "SCD SETDATA 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
    let signed = gnupg.agent("123456", &[hash, "SCD PKSIGN --hash=sha256 OPENPGP.1"]);
    assert_eq!(signed.code, Some(0), "{signed:?}");
    assert!(memchr::memmem::find(&signed.stdout, b"\nD ").is_some(), "{signed:?}");
}

#[test]
fn a_common_access_card_signs_through_opensc() {
    let pcscd = Pcscd::start();
    let card = Card::insert(&pcscd, 0, Kind::Cac);
    let listed = pkcs11_tool(&pcscd, &card, &["-O", "--type", "cert"]).ok();
    assert_eq!(listed.text().matches("Certificate Object").count(), 3, "{listed:?}");
    let sign = ["--login", "--pin", "77777777", "--sign", "--id", "0001", "-m", "SHA256-RSA-PKCS"];
    let place = claviger_tests::place::Place::new();
    let (message, signature) = (place.file("message", "hello"), place.path().join("signature"));
    let files = ["-i", message.to_str().unwrap(), "-o", signature.to_str().unwrap()];
    pkcs11_tool(&pcscd, &card, &[&sign[..], &files[..]].concat()).ok();
    assert_eq!(std::fs::read(signature).unwrap().len(), 256);
}

#[test]
fn a_common_access_card_counts_wrong_pins_until_it_is_blocked() {
    let pcscd = Pcscd::start();
    let mut card = Card::insert(&pcscd, 0, Kind::Cac);
    let mut user = connected(&pcscd, &card);
    // GSC-IS 2.1: the card's CCC application.
    let select = b"\x00\xA4\x04\x00\x07\xA0\x00\x00\x01\x16\xDB\x00";
    let wrong = b"\x00\x20\x00\x00\x0812345678";
    let right = b"\x00\x20\x00\x00\x0877777777";
    user.transmit(select).unwrap();
    assert_eq!(status(&user.transmit(wrong)), Ok(0x63C2));
    assert_eq!(status(&user.transmit(right)), Ok(0x9000));
    assert_eq!(status(&user.transmit(wrong)), Ok(0x63C2));
    assert_eq!(status(&user.transmit(wrong)), Ok(0x63C1));
    card.remove_noticed();
    card.put_back();
    user.connect_shared(card.reader()).unwrap();
    user.transmit(select).unwrap();
    assert_eq!(status(&user.transmit(b"\x00\x20\x00\x00")), Ok(0x63C1));
    assert_eq!(status(&user.transmit(wrong)), Ok(0x63C0));
    assert_eq!(status(&user.transmit(right)), Ok(0x6983));
}

#[test]
fn readers_may_notice_cards_at_once() {
    let pcscd = Pcscd::that_notices_at_once(2);
    let mut card = Card::insert(&pcscd, 1, Kind::Piv);
    let mut user = connected(&pcscd, &card);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        let began = Instant::now();
        card.remove();
        user.wait_until_absent(card.reader());
        longest = longest.max(began.elapsed());
        card.put_back();
    }
    // Where pcscd asks by itself, every 400 ms, one of twelve takes longer than this 996 times in 1000.
    assert!(longest < Duration::from_millis(250), "{longest:?}");
}

#[test]
fn cards_of_one_kind_are_told_apart() {
    let pcscd = Pcscd::start();
    let cards = [Card::insert(&pcscd, 0, Kind::Piv), Card::insert(&pcscd, 1, Kind::Piv)];
    for card in &cards {
        let status = PivIssuer::new(&pcscd, card).tool(&["-a", "status"]).ok();
        assert!(status.text().contains(&format!("{:08x}350839393939", card.serial())), "{status:?}");
        assert!(status.text().contains(&format!("Serial Number:\t{}", card.serial())), "{status:?}");
    }
}

#[test]
fn a_pulled_card_is_gone_and_comes_back() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    assert_eq!(status(&user.transmit(SELECT)), Ok(0x9000));
    card.remove();
    assert!(user.transmit(SELECT).is_err());
    card.remove_noticed();
    assert_eq!(user.connect_shared(card.reader()), Err("NoSmartcard".to_owned()));
    card.put_back();
    user.connect_shared(card.reader()).unwrap();
    assert_eq!(status(&user.transmit(SELECT)), Ok(0x9000));
}

#[test]
fn a_card_is_pulled_at_the_command_that_was_named() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    let wrong_pin = b"\x00\x20\x00\x80\x08654321\xFF\xFF";
    user.transmit(SELECT).unwrap();

    card.remove_before(2);
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x63C3));
    assert_eq!(user.transmit(wrong_pin), Err("NotTransacted".to_owned()));
    card.event_now("remove-before");
    reinsert(&mut card, &mut user);
    // The card did not try it, so nothing is lost.
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x63C3));

    card.remove_unanswered(1);
    assert!(user.transmit(wrong_pin).is_err());
    card.event_now("remove-unanswered");
    reinsert(&mut card, &mut user);
    // The card did, though nobody was told.
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x63C2));

    card.remove_after(1);
    assert_eq!(status(&user.transmit(wrong_pin)), Ok(0x63C1));
    card.event_now("remove-after");
    assert!(user.transmit(TRIES).is_err());
    reinsert(&mut card, &mut user);
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x63C1));
}

#[test]
fn of_two_applications_the_selected_one_answers_and_forgets_when_it_is_left() {
    let pcscd = Pcscd::start();
    let card = Card::insert(&pcscd, 0, Kind::PivAndOpenPgp);
    let mut user = connected(&pcscd, &card);
    user.reset().unwrap();
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x6D00));
    let open_pgp = user.transmit(b"\x00\xA4\x04\x00\x06\xD2\x76\x00\x01\x24\x01\x00");
    assert_eq!(status(&open_pgp), Ok(0x9000));
    // The application identifier ends with manufacturer, serial number and two zeros (OpenPGP card 3.4, 4.2.1).
    let identifier = user.transmit(b"\x00\xCA\x00\x4F\x00").unwrap();
    assert_eq!(identifier[10..14], card.serial().to_be_bytes());
    user.transmit(SELECT).unwrap();
    assert_eq!(status(&user.transmit(PIN)), Ok(0x9000));
    user.transmit(SELECT).unwrap();
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x9000));
    user.transmit(b"\x00\xA4\x04\x00\x06\xD2\x76\x00\x01\x24\x01\x00").unwrap();
    user.transmit(SELECT).unwrap();
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x63C3));
}

#[test]
fn answers_are_cut_and_replaced() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    card.truncate_at(1, 1);
    card.garble_at(2, b"\xDE\xAD\x90\x00");
    assert_eq!(user.transmit(SELECT), Ok(vec![0x61]));
    assert_eq!(user.transmit(SELECT), Ok(b"\xDE\xAD\x90\x00".to_vec()));
    assert_eq!(status(&user.transmit(SELECT)), Ok(0x9000));
    card.truncate_at(1, 1);
    card.forget_plans();
    assert_eq!(status(&user.transmit(SELECT)), Ok(0x9000));
}

#[test]
fn a_slow_card_takes_its_time() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    let takes = |user: &mut ForeignUser| {
        let began = Instant::now();
        user.transmit(SELECT).unwrap();
        began.elapsed()
    };
    card.set_delay(Duration::from_millis(30));
    assert!(takes(&mut user) >= Duration::from_millis(30));
    card.set_delay(Duration::ZERO);
    card.delay_at(2, Duration::from_millis(60));
    takes(&mut user);
    assert!(takes(&mut user) >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_card_hangs_until_it_is_told_to_go_on_or_is_pulled() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    card.hang_at(1);
    user.tell("transmit 00200080");
    card.event("hang-at").await;
    assert!(!user.has_answered());
    card.resume();
    assert_eq!(user.answered().await.unwrap(), "ok 63C3");

    card.hang_at(1);
    user.tell("transmit 00200080");
    card.event("hang-at").await;
    card.remove();
    assert!(user.answered().await.is_err());
}

#[test]
fn the_traffic_is_counted_and_kept() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    card.reset_count();
    card.log(Depth::Full);
    user.transmit(SELECT).unwrap();
    user.transmit(TRIES).unwrap();
    assert_eq!(card.count(), 2);
    user.reset().unwrap();
    let log = card.drain_log();
    assert_eq!(log[0].command(), Some(SELECT));
    assert_eq!(log[0].status(), Some(0x9000));
    assert_eq!(log[1], Logged::Exchange(TRIES.to_vec(), Some(vec![0x63, 0xC3])));
    assert!(log[2..].contains(&Logged::Power("reset".to_owned())), "{log:?}");
    card.log(Depth::Headers);
    user.transmit(SELECT).unwrap();
    assert_eq!(card.drain_log(), [Logged::Exchange(SELECT[..4].to_vec(), Some(vec![0x90, 0x00]))]);
    card.log(Depth::Off);
    user.transmit(SELECT).unwrap();
    assert_eq!(card.drain_log(), []);
}

#[test]
fn a_fast_swap_ends_what_the_card_knew() {
    let (pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    user.transmit(SELECT).unwrap();
    assert_eq!(status(&user.transmit(PIN)), Ok(0x9000));
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x9000));
    card.swap_fast(Duration::from_millis(20));
    // Commands fail until the reader has the wire again; then either the connection is dead, or it is that of a card
    // that starts anew.
    assert!(user.transmit(TRIES).is_err());
    let answer = loop {
        match user.transmit(TRIES) {
            Ok(answer) => break answer,
            Err(why) if why == "NotTransacted" => {}
            Err(_) => {
                user.wait_until_present(card.reader());
                user.connect_shared(card.reader()).unwrap();
            }
        }
    };
    assert_eq!(answer, [0x63, 0xC3]);
}

#[test]
fn another_card_is_put_into_the_same_reader() {
    let (pcscd, mut card) = piv();
    let other = Card::beside(&pcscd, 1, Kind::Piv);
    let (state, serial) = (other.state().to_owned(), other.serial());
    card.remove_noticed();
    card.load(&state, Kind::Piv, serial);
    card.put_back();
    let status = PivIssuer::new(&pcscd, &card).tool(&["-a", "status"]).ok();
    assert!(status.text().contains(&format!("Serial Number:\t{serial}")), "{status:?}");
}

#[test]
fn a_touch_is_waited_for() {
    let pcscd = Pcscd::start();
    let mut card = Card::insert(&pcscd, 0, Kind::OpenPgp);
    let gnupg = GnuPg::new(&pcscd, &card);
    gnupg.generate(1, "22 ed25519");
    drop(gnupg);
    let mut user = connected(&pcscd, &card);
    // OpenPGP card 3.4, 7.2.8: the user interaction flag of the signature key, D6, is on, by a general feature button.
    user.transmit(b"\x00\x20\x00\x83\x0812345678").unwrap();
    assert_eq!(status(&user.transmit(b"\x00\xDA\x00\xD6\x02\x01\x20")), Ok(0x9000));
    user.transmit(b"\x00\x20\x00\x81\x06123456").unwrap();
    card.touch(Finger::Waits);
    let sign = "transmit 002A9E9A20000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F00";
    user.tell(sign);
    assert!(!user.answers_within(Duration::from_millis(100)));
    card.touch(Finger::Presses);
    assert!(user.answer().unwrap().ends_with("9000"));
    card.touch(Finger::Holds);
    user.tell(sign);
    assert!(user.answer().is_ok());
}

#[tokio::test]
async fn pcscd_is_killed_and_started_again() {
    let (mut pcscd, mut card) = piv();
    let mut user = connected(&pcscd, &card);
    pcscd.kill();
    assert!(user.transmit(SELECT).is_err());
    assert_eq!(user.readers(), Err("NoService".to_owned()));
    pcscd.restart();
    card.seen_again().await;
    user.connect_shared(card.reader()).unwrap();
    assert_eq!(status(&user.transmit(SELECT)), Ok(0x9000));
}

#[tokio::test]
async fn pcscd_is_stopped_and_goes_on() {
    let (pcscd, card) = piv();
    let mut user = connected(&pcscd, &card);
    pcscd.stop();
    user.tell("transmit 00200080");
    assert!(!user.answers_within(Duration::from_millis(200)));
    pcscd.resume();
    assert_eq!(user.answered().await.unwrap(), "ok 63C3");
}

#[tokio::test]
async fn others_hold_the_card_and_reset_it() {
    let (pcscd, card) = piv();
    let (mut one, mut other) = (ForeignUser::start(&pcscd), ForeignUser::start(&pcscd));
    one.connect_exclusive(card.reader()).unwrap();
    assert_eq!(other.connect_shared(card.reader()), Err("SharingViolation".to_owned()));
    one.disconnect().unwrap();

    one.connect_shared(card.reader()).unwrap();
    other.connect_shared(card.reader()).unwrap();
    one.begin().unwrap();
    other.tell("transmit 00200080");
    assert!(!other.answers_within(Duration::from_millis(100)));
    assert_eq!(status(&one.transmit(PIN)), Ok(0x9000));
    one.end().unwrap();
    // The state of the PIN is the card's, not the one's who verified it.
    assert_eq!(other.answered().await.unwrap(), "ok 9000");

    one.reset().unwrap();
    assert_eq!(other.transmit(TRIES), Err("ResetCard".to_owned()));
    other.reconnect().unwrap();
    assert_eq!(status(&other.transmit(TRIES)), Ok(0x63C3));
    other.begin().unwrap();
    other.transmit(PIN).unwrap();
    other.end_with_reset().unwrap();
    assert_eq!(one.status(), Err("ResetCard".to_owned()));
    one.unpower().unwrap();
    assert_eq!(status(&one.transmit(TRIES)), Ok(0x63C3));
}

#[tokio::test]
async fn a_pin_is_typed_on_the_reader() {
    let pcscd = Pcscd::with_pinpad();
    let card = Card::insert(&pcscd, 0, Kind::Piv);
    let mut user = connected(&pcscd, &card);
    user.transmit(SELECT).unwrap();
    let code = verify_pin_direct(&user.control(0x4200_0D48, b"").unwrap());
    let keys = pcscd.pinpad();
    let mut typed = |what: Typed| {
        keys.type_in(what);
        status(&user.control(code, PIV_FORM))
    };
    assert_eq!(typed(Typed::Pin("654321".into())), Ok(0x63C2));
    assert_eq!(typed(Typed::Cancel), Ok(0x6401));
    assert_eq!(typed(Typed::Nothing), Ok(0x6400));
    assert_eq!(typed(Typed::Pin("123".into())), Ok(0x6403));
    assert_eq!(typed(Typed::Pin("123456".into())), Ok(0x9000));
    assert_eq!(keys.asked().await, Question { slot: 0, minimum: 4, maximum: 8, seconds: 30 });
    assert_eq!(status(&user.transmit(TRIES)), Ok(0x9000));
    assert_eq!(status(&user.control(code, b"\x00")), Ok(0x6B80));
}

#[test]
fn a_pin_of_any_length_is_typed_for_an_openpgp_card() {
    let pcscd = Pcscd::with_pinpad();
    let card = Card::insert(&pcscd, 1, Kind::OpenPgp);
    let mut user = connected(&pcscd, &card);
    let code = verify_pin_direct(&user.control(0x4200_0D48, b"").unwrap());
    pcscd.pinpad().type_in(Typed::Pin("123456".into()));
    assert_eq!(status(&user.control(code, OPENPGP_FORM)), Ok(0x9000));
}

fn piv() -> (Pcscd, Card) {
    let pcscd = Pcscd::start();
    let card = Card::insert(&pcscd, 0, Kind::Piv);
    (pcscd, card)
}

fn connected(pcscd: &Pcscd, card: &Card) -> ForeignUser {
    let mut user = ForeignUser::start(pcscd);
    user.connect_shared(card.reader()).unwrap();
    user
}

fn reinsert(card: &mut Card, user: &mut ForeignUser) {
    user.wait_until_absent(card.reader());
    card.put_back();
    user.connect_shared(card.reader()).unwrap();
    user.transmit(SELECT).unwrap();
}

fn status(answer: &Result<Vec<u8>, String>) -> Result<u16, String> {
    answer.clone().map(|answer| u16::from_be_bytes(*answer.last_chunk().unwrap()))
}

/// Finds FEATURE_VERIFY_PIN_DIRECT, 0x06, among the features (PC/SC part 10, 2.2).
fn verify_pin_direct(features: &[u8]) -> u32 {
    let found = features.chunks(6).find(|feature| feature[..2] == [0x06, 0x04]).unwrap();
    u32::from_be_bytes(found[2..].try_into().unwrap())
}

const SELECT: &[u8] = b"\x00\xA4\x04\x00\x0B\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00\x00";
const PIN: &[u8] = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
const TRIES: &[u8] = b"\x00\x20\x00\x80";

/// PC/SC part 10, 2.5.2: 30 s, ASCII in bytes at the front, a block of 8, 4 to 8 digits, the key ends it.
const PIV_FORM: &[u8] = b"\x1E\x1E\x82\x08\x00\x08\x04\x02\x01\x09\x04\x00\x00\x00\x00\x0D\x00\x00\x00\
    \x00\x20\x00\x80\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";

/// The same with no block: the command gets as long as what was typed.
const OPENPGP_FORM: &[u8] = b"\x1E\x1E\x82\x00\x00\x20\x06\x02\x01\x09\x04\x00\x00\x00\x00\x05\x00\x00\x00\
    \x00\x20\x00\x82\x00";
