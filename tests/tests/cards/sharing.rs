//! Other programs at the same card: they reset it, hold it, ask it, use it. Each costs a wait at most, and none ever
//! finds the card verified by us.

use std::time::{Duration, Instant};

use claviger_tests::accounts::Person;
use claviger_tests::cards::{
    CardHouse, Enrolled, MESSAGE, PIN, PIN_STATE, Watch, connected, flag, pin_state,
};
use claviger_tests::command::Ran;
use claviger_tests::in_time;
use claviger_tests::pcsc::issue::{GnuPg, PivIssuer, pkcs11_tool};
use claviger_tests::pcsc::{Card, ForeignUser, Kind};
use claviger_tests::peer::{Outcome, Peer, none, option};
use claviger_tests::place::Place;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use tokio::task::block_in_place;

/// A PIN that is not the card's.
const WRONG_PIN: &str = "999999";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_programs_reset_costs_nobody_a_pin() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let mut other = connected(&house.pcscd, &card.card);
    for _ in 0..3 {
        other.reset().unwrap();
        card.sign().await.unwrap();
        other.unpower().unwrap();
        card.sign().await.unwrap();
        other.begin().unwrap();
        other.end_with_reset().unwrap();
        card.sign().await.unwrap();
    }
    assert!(!flag(&card.owner.token(&card.token).await.unwrap(), "locked"));
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_programs_resets_under_traffic_break_no_signature() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let mut other = connected(&house.pcscd, &card.card);
    let before = card.card.count();
    let (signed, ()) = tokio::join!(sign_many(&card, 4, 25), async {
        for _ in 0..20 {
            block_in_place(|| other.reset().unwrap());
            tokio::task::yield_now().await;
        }
    });
    signed.unwrap();
    assert!(card.card.count() - before >= 400, "every signature was made by the card");
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

/// Has so many callers sign so often each, and holds that every signature is right.
async fn sign_many(card: &Enrolled, callers: u32, times: u32) -> Result<(), claviger_tests::peer::Refusal> {
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let (owner, key, public_key) = (card.owner.clone(), card.key.clone(), card.public_key.clone());
            tokio::spawn(async move {
                for time in 0..times {
                    let message = format!("{caller} {time}").into_bytes();
                    let signature = owner.sign(&key, "ECDSA_SHA256", &message, none()).await?;
                    claviger_tests::cards::assert_right(&public_key, &message, &signature);
                }
                Ok(())
            })
        })
        .collect();
    for caller in callers {
        in_time("a caller", caller).await.unwrap()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_holds_the_card_exclusively_is_waited_for_and_then_named() {
    let house = CardHouse::configured("wait = \"500ms\"").await;
    let card = house.alices_card(0).await;
    card.sign().await.unwrap();
    let mut other = ForeignUser::start(&house.pcscd);
    connect_exclusively(&mut other, &card).await;
    for _ in 0..2 {
        let began = Instant::now();
        let refusal = in_time("an answer", card.sign()).await.refused("DeviceBusy");
        assert!(began.elapsed() >= Duration::from_millis(500), "it was waited for");
        assert!(refusal.text.contains("exclusive"), "it says so: {refusal}");
    }
    other.disconnect().unwrap();
    card.sign().await.unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_holds_the_card_exclusively_for_a_moment_costs_a_wait() {
    let house = CardHouse::configured("wait = \"30s\"").await;
    let card = house.alices_card(0).await;
    let mut other = ForeignUser::start(&house.pcscd);
    connect_exclusively(&mut other, &card).await;
    let signing = card.sign();
    tokio::pin!(signing);
    let early = tokio::time::timeout(claviger_tests::cards::MOMENT, &mut signing).await;
    assert!(early.is_err(), "it cannot have signed: {early:?}");
    block_in_place(|| other.disconnect().unwrap());
    in_time("a signature", signing).await.unwrap();
}

/// Gets the card for itself alone, as soon as the daemon lets go of it.
async fn connect_exclusively(other: &mut ForeignUser, card: &Enrolled) {
    let connecting = async {
        while let Err(why) = block_in_place(|| other.connect_exclusive(card.card.reader())) {
            assert_eq!(why, "SharingViolation");
            tokio::task::yield_now().await;
        }
    };
    in_time("the daemon to let go", connecting).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_inside_a_transaction_for_three_seconds_costs_a_wait() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let mut other = connected(&house.pcscd, &card.card);
    other.begin().unwrap();
    let began = Instant::now();
    let (signed, ()) = tokio::join!(card.sign(), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        block_in_place(|| other.end().unwrap());
    });
    signed.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(3), "nobody breaks into a transaction");
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_inside_a_transaction_for_longer_is_named_and_costs_nobody_else_anything() {
    let house = CardHouse::configured("wait = \"500ms\"").await;
    let card = house.alices_card(0).await;
    let mut other = connected(&house.pcscd, &card.card);
    other.begin().unwrap();
    for _ in 0..2 {
        let began = Instant::now();
        let refusal = in_time("an answer", card.sign()).await.refused("DeviceBusy");
        assert!(began.elapsed() >= Duration::from_millis(500), "it was waited for");
        assert!(refusal.text.contains("another program"), "it says so: {refusal}");
        card.owner.bytes("Public", "Random", &(16u32, none())).await.unwrap();
    }
    other.end().unwrap();
    card.sign().await.unwrap();
    assert!(!flag(&card.owner.token(&card.token).await.unwrap(), "locked"));
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

/// A card that was put in while another program holds it is read as soon as it lets go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_another_program_took_first_is_known_as_soon_as_it_lets_go() {
    let house = CardHouse::configured("wait = \"300ms\"").await;
    let mut card = house.alices_card(0).await;
    card.pull().await;
    let mut other = ForeignUser::start(&house.pcscd);
    block_in_place(|| card.card.put_back());
    connect_exclusively(&mut other, &card).await;
    // It may have been read before the other program came.
    let refusal = in_time("an answer", card.sign()).await.unwrap_err();
    assert!(["PinNeeded", "TokenAbsent", "DeviceBusy"].contains(&&*refusal.name), "{refusal}");
    block_in_place(|| other.disconnect().unwrap());
    card.until("present").await;
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
}

/// Does the operation again and again while another program asks for the state of the PINs, outside any transaction,
/// and holds that none is ever verified.
async fn never_verified(
    mut other: ForeignUser,
    references: &'static [u8],
    mut operation: impl AsyncFnMut(),
) -> ForeignUser {
    let asking = tokio::task::spawn_blocking(move || {
        for _ in 0..10 {
            assert_not_verified(&mut other, references);
        }
        other
    });
    let operating = async {
        while !asking.is_finished() {
            operation().await;
        }
    };
    in_time("the other program", operating).await;
    asking.await.unwrap()
}

#[track_caller]
fn assert_not_verified(other: &mut ForeignUser, references: &[u8]) {
    for reference in references {
        let state = ask(other, *reference);
        assert_eq!(state & 0xFFF0, 0x63C0, "the state of PIN {reference:02X} is {state:04X}");
    }
}

/// Asks for the state of a PIN, outside any transaction: whoever is inside one is waited for.
fn ask(other: &mut ForeignUser, reference: u8) -> u16 {
    loop {
        match other.transmit(&[0x00, 0x20, 0x00, reference]) {
            Ok(answer) => return u16::from_be_bytes(*answer.last_chunk().unwrap()),
            Err(why) if why == "ResetCard" => other.reconnect().unwrap(),
            Err(why) => panic!("cannot ask the card: {why}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_that_asks_between_operations_never_finds_a_piv_card_verified() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let other = connected(&house.pcscd, &card.card);
    let mut other = never_verified(other, PIV, async || sign_many(&card, 2, 2).await.unwrap()).await;
    let mut assert_not_verified = || block_in_place(|| assert_not_verified(&mut other, PIV));
    for pin in ["654321", PIN] {
        card.sign().await.unwrap();
        assert_not_verified();
        // What fails on the way leaves nothing behind either.
        card.owner.unlock_card(&card.token, WRONG_PIN).await.refused("BadPin");
        assert_not_verified();
        card.unlock().await.unwrap();
        assert_not_verified();
        card.card.garble_at(3, b"\x6F\x00");
        card.sign().await.refused("DeviceError");
        assert_not_verified();
        card.owner.enrol(&card.token, &card.pin, none()).await.unwrap();
        assert_not_verified();
        card.change_pin(pin).await.unwrap();
        assert_not_verified();
        card.unlock().await.unwrap();
        card.owner.lock_card(&card.token).await.unwrap();
        assert_not_verified();
        card.unlock().await.unwrap();
    }
    let mut other = never_verified(other, PIV, async || {
        card.sign().await.unwrap();
        card.unlock().await.unwrap();
    })
    .await;
    assert_eq!(block_in_place(|| ask(&mut other, 0x80)), 0x63C3);
}

/// The PINs of the applications, by reference.
const PIV: &[u8] = &[0x80];
const OPENPGP: &[u8] = &[0x81, 0x82, 0x83];

/// The control: what `never_verified` looks at does show a PIN that somebody left verified.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_leaves_a_card_verified_is_seen() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let mut other = connected(&house.pcscd, &card.card);
    assert_eq!(pin_state(&mut other), 0x63C3);
    let mut careless = connected(&house.pcscd, &card.card);
    assert_eq!(careless.transmit(b"\x00\x20\x00\x80\x08123456\xFF\xFF").unwrap(), b"\x90\x00");
    assert_eq!(other.transmit(PIN_STATE).unwrap(), b"\x90\x00");
    // Ours takes its own back, and with it the other's: the card knows only one.
    card.sign().await.unwrap();
    assert_eq!(pin_state(&mut other), 0x63C3);
}

/// An OpenPGP card with keys that gpg made, enrolled by alice: its id, and the ids of its keys by slot.
struct OpenPgp {
    alice: Peer,
    card: Card,
    gnupg: GnuPg,
    token: String,
    signs: String,
}

impl OpenPgp {
    async fn enrolled(house: &CardHouse) -> Self {
        let alice = house.visitor(&Person::alice()).await;
        let (card, gnupg) = block_in_place(|| {
            let card = Card::insert(&house.pcscd, 0, Kind::OpenPgp);
            let gnupg = GnuPg::new(&house.pcscd, &card);
            gnupg.generate(1, "19 nistp256");
            gnupg.generate(3, "19 nistp256");
            (card, gnupg)
        });
        let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
        let keys = alice.enrol(&token, PIN, option("default", true)).await.unwrap();
        Self { alice, card, gnupg, token, signs: keys[0].clone() }
    }

    async fn sign(&self) {
        let public_key = self.alice.public_key(&self.signs).await.unwrap();
        let signature = self.alice.sign(&self.signs, "ECDSA_SHA256", MESSAGE, none()).await.unwrap();
        claviger_tests::cards::assert_right(&public_key, MESSAGE, &signature);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_that_asks_between_operations_never_finds_an_openpgp_card_verified() {
    let house = CardHouse::open().await;
    let scene = OpenPgp::enrolled(&house).await;
    let mut other = connected(&house.pcscd, &scene.card);
    // scdaemon, which made the keys, left the Admin PIN verified.
    other.reset().unwrap();
    scene.sign().await;
    let mut other = never_verified(other, OPENPGP, async || scene.sign().await).await;
    let mut assert_not_verified = || block_in_place(|| assert_not_verified(&mut other, OPENPGP));
    scene.alice.unlock_card(&scene.token, WRONG_PIN).await.refused("BadPin");
    assert_not_verified();
    scene.alice.unlock_card(&scene.token, PIN).await.unwrap();
    assert_not_verified();
    scene.alice.lock_card(&scene.token).await.unwrap();
    assert_not_verified();
}

/// Does the operation again and again while another program works on a thread of its own.
fn meanwhile(program: impl FnOnce() + Send, mut operation: impl AsyncFnMut()) {
    std::thread::scope(|threads| {
        let working = threads.spawn(program);
        block_in_place(|| {
            let mut operations = 0;
            while !working.is_finished() {
                tokio::runtime::Handle::current().block_on(operation());
                operations += 1;
            }
            assert!(operations > 3, "{operations} operations");
        });
        working.join().unwrap();
    });
}

fn assert_learned(learned: &Ran) {
    let told = String::from_utf8_lossy(&learned.stdout);
    assert!(told.contains("KEYPAIRINFO") && !told.contains("ERR"), "{learned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scdaemon_works_beside_on_the_same_card() {
    let house = CardHouse::open().await;
    let scene = OpenPgp::enrolled(&house).await;
    for _ in 0..3 {
        scene.sign().await;
        let signed = block_in_place(|| {
            let digest = "SCD SETDATA 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
            scene.gnupg.agent(PIN, &["SCD SERIALNO openpgp", digest, "SCD PKSIGN --hash=sha256 OPENPGP.1"])
        });
        let lines: Vec<_> = signed.stdout.split(|byte| *byte == b'\n').collect();
        assert!(lines.iter().any(|line| line.starts_with(b"D ")), "{signed:?}");
        assert!(!lines.iter().any(|line| line.starts_with(b"ERR")), "{signed:?}");
        scene.sign().await;
        let learned = block_in_place(|| scene.gnupg.agent(PIN, &["SCD LEARN --force"]));
        assert_learned(&learned);
    }
    // And at the same time.
    let learning = || {
        for _ in 0..3 {
            assert_learned(&scene.gnupg.agent(PIN, &["SCD LEARN --force"]));
        }
    };
    meanwhile(learning, async || scene.sign().await);
}

/// OpenSC as another program, with files of its own.
struct OpenSc {
    folder: Place,
    data: String,
}

impl OpenSc {
    fn new() -> Self {
        let folder = Place::new();
        let data = folder.file("data", [7; 32]).display().to_string();
        Self { folder, data }
    }

    /// Logs in, signs, and ends.
    fn sign(&self, house: &CardHouse, card: &Card, (id, mechanism): (&str, &str)) {
        let made = self.folder.path().join("signature").display().to_string();
        let login = ["--login", "--pin", PIN, "--sign", "--id", id, "--mechanism", mechanism];
        let files = ["--input-file", &self.data, "--output-file", &made];
        pkcs11_tool(&house.pcscd, card, &[&login[..], &files].concat()).ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opensc_works_beside_on_the_same_openpgp_card() {
    let house = CardHouse::open().await;
    let scene = OpenPgp::enrolled(&house).await;
    let opensc = OpenSc::new();
    for _ in 0..2 {
        scene.sign().await;
        block_in_place(|| opensc.sign(&house, &scene.card, ("03", "ECDSA")));
        scene.sign().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opensc_works_beside_on_the_same_piv_card() {
    let house = CardHouse::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let card = block_in_place(|| {
        let card = Card::insert(&house.pcscd, 0, Kind::Piv);
        PivIssuer::new(&house.pcscd, &card).key("9a", "RSA2048");
        card
    });
    let card = Enrolled::enrol(&house.house, alice, card).await;
    let opensc = OpenSc::new();
    let sign = async || {
        let signature = card.owner.sign(&card.key, "SHA256_RSA_PKCS", MESSAGE, none()).await.unwrap();
        let public_key = rsa_of(&card.public_key);
        let verifier = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key);
        assert!(verifier.verify(MESSAGE, &signature).is_ok());
    };
    for _ in 0..3 {
        sign().await;
        block_in_place(|| opensc.sign(&house, &card.card, ("01", "SHA256-RSA-PKCS")));
        sign().await;
    }
    // And at the same time.
    let beside = || {
        for _ in 0..3 {
            opensc.sign(&house, &card.card, ("01", "SHA256-RSA-PKCS"));
        }
    };
    meanwhile(beside, sign);
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

/// Returns the RSAPublicKey in a SubjectPublicKeyInfo of RSA-2048.
fn rsa_of(public_key: &[u8]) -> &[u8] {
    &public_key[24..]
}
