//! A phone that was paired honestly and lies from then on: whatever it says, nothing wrong is handed on, and the daemon is
//! well.

use std::time::{Duration, Instant};

use claviger_phone_protocol::{Change, Command, Failure, Notice, Reply, Rv};
use claviger_tests::accounts::Person;
use claviger_tests::cards::Watch;
use claviger_tests::house::House;
use claviger_tests::memory;
use claviger_tests::peer::{Outcome, Peer, Refusal, none};
use claviger_tests::phone::{Liar, Lie, on_the_phone, phone_house};

struct Paired {
    liar: Liar,
    alice: Peer,
    token: String,
    key: String,
    watch: Watch,
    house: House,
}

impl Paired {
    async fn with(phones: &str) -> Self {
        let house = phone_house(phones).await;
        let alice = house.visitor(&Person::alice()).await;
        let liar = Liar::start(house.daemon.phone_socket(&alice.person), &alice.person);
        let token = liar.pair(&alice).await;
        let key = generate(&alice, &token).await.unwrap();
        let watch = Watch::of(&house, &alice.person).await;
        Self { liar, alice, token, key, watch, house }
    }

    async fn sign(&self, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.alice.sign(&self.key, "", data, none()).await
    }

    /// Holds that all is well once it stops to lie.
    async fn is_well(&mut self) {
        self.liar.repents();
        self.watch.until_presence(&self.token, "present").await;
        let expected = self.liar.signature("k0", b"the truth");
        assert_eq!(self.sign(b"the truth").await.as_deref(), Ok(&*expected));
    }
}

async fn generate(alice: &Peer, token: &str) -> Result<String, Refusal> {
    alice.call("Keys", "GenerateKey", &("Ed25519", on_the_phone(token, ""))).await
}

fn on_sign(mut lie: impl FnMut() -> Lie + Send + 'static) -> impl FnMut(&Command) -> Lie + Send + 'static {
    move |command| if let Command::Sign { .. } = command { lie() } else { Lie::Truth }
}

#[tokio::test]
async fn a_signature_that_is_wrong_is_not_handed_on() {
    let mut paired = Paired::with("").await;
    let of_something_else = paired.liar.signature("k0", b"something else");
    for wrong in [of_something_else, vec![0; 64], vec![7; 63], Vec::new(), vec![1; 100_000]] {
        paired.liar.lies(on_sign(move || Lie::Says(Ok(Reply::Signature(wrong.clone())))));
        let refusal = paired.sign(b"data").await.expect_err("it is wrong");
        assert!(["DeviceError", "WrongToken"].contains(&refusal.name.as_str()), "{refusal}");
    }
    paired.is_well().await;
}

#[tokio::test]
async fn an_answer_of_another_kind_is_no_signature() {
    let mut paired = Paired::with("").await;
    for answer in [Reply::Done, Reply::Digest(vec![1; 32]), Reply::Keys(Vec::new())] {
        let mut once = Some(answer);
        paired.liar.lies(on_sign(move || once.take().map_or(Lie::Truth, |answer| Lie::Says(Ok(answer)))));
        let refusal = paired.sign(b"data").await.expect_err("it is no signature");
        assert!(["DeviceError", "TokenRemoved", "Internal"].contains(&refusal.name.as_str()), "{refusal}");
    }
    paired.is_well().await;
}

#[tokio::test]
async fn every_failure_that_a_phone_can_claim_is_told_as_one() {
    let mut paired = Paired::with("").await;
    let text = "\u{1b}[2J\u{202e}".repeat(2000);
    for number in
        [Rv::FunctionRejected, Rv::DeviceError, Rv::DeviceMemory, Rv::GeneralError, Rv::KeyHandleInvalid]
    {
        let text = text.clone();
        paired.liar.lies(on_sign(move || Lie::Says(Err(Failure::new(number, text.clone())))));
        let refusal = paired.sign(b"data").await.expect_err("it says so");
        let steers = |letter: char| letter.is_control() || letter == '\u{202e}';
        assert!(!refusal.text.contains(steers) && refusal.text.len() < 1000, "{refusal:?}");
    }
    paired.is_well().await;
}

#[tokio::test]
async fn a_key_that_is_not_the_phones_is_not_taken_in() {
    let mut paired = Paired::with("").await;
    // It says of a new key that it is another's.
    let others = paired.liar.keys().remove(0);
    paired.liar.lies(move |command| match command {
        Command::Generate { new, .. } => {
            let entry = claviger_phone_protocol::KeyEntry { id: Some(new.id), ..others.clone() };
            Lie::Says(Ok(Reply::Key(entry)))
        }
        _ => Lie::Truth,
    });
    generate(&paired.alice, &paired.token).await.expect_err("it has that key already");
    assert_eq!(paired.alice.keys().await.unwrap().len(), 1);
    paired.is_well().await;
    // It has a key and says of it that its public half is another's: it cannot prove that.
    paired.liar.lies(|_| Lie::Truth);
    paired.liar.swaps_its_keys();
    let before = paired.alice.public_key(&paired.key).await.unwrap();
    let enrolled =
        paired.alice.call::<Vec<String>>("Tokens", "EnrolCard", &(paired.token.as_str(), none())).await;
    enrolled.expect_err("it does not prove itself");
    assert_eq!(paired.alice.keys().await.unwrap().len(), 1);
    assert_eq!(paired.alice.public_key(&paired.key).await.unwrap(), before, "what is known of a key stays");
    paired.is_well().await;
}

#[tokio::test]
async fn a_phone_that_never_answers_is_waited_for_no_longer_than_configured() {
    let mut paired = Paired::with("request-timeout = \"5s\"").await;
    paired.liar.lies(on_sign(|| Lie::Never));
    let began = Instant::now();
    paired.sign(b"data").await.refused("Timeout");
    let waited = began.elapsed();
    assert!((Duration::from_millis(4900)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
    paired.is_well().await;
}

#[tokio::test]
async fn a_phone_that_hangs_up_each_time_is_no_more_than_a_phone_that_is_not_there() {
    let mut paired = Paired::with("").await;
    paired.liar.lies(on_sign(|| Lie::HangUp));
    for _ in 0..3 {
        let refusal = paired.sign(b"data").await.expect_err("it hung up");
        assert!(["TokenRemoved", "TokenAbsent"].contains(&refusal.name.as_str()), "{refusal}");
    }
    paired.is_well().await;
    assert!(paired.liar.opened() >= 4);
}

#[tokio::test]
async fn more_than_a_message_may_have_and_junk_end_the_line_and_cost_no_memory() {
    let mut paired = Paired::with("").await;
    let before = memory::resident(paired.house.daemon.pid());
    let junk = [vec![b'x'; 4 << 20], b"\r\n+CKX: 1,\"AAAA\"\r\n".repeat(1000), vec![0xff; 100_000]];
    for junk in junk {
        paired.liar.lies(on_sign(move || Lie::Junk(junk.clone())));
        paired.sign(b"data").await.refused("TokenRemoved");
        paired.is_well().await;
    }
    // A message of 1.4 MB is one, and no signature.
    for _ in 0..3 {
        paired.liar.lies(on_sign(|| Lie::Says(Ok(Reply::Signature(vec![9; 1_000_000])))));
        paired.sign(b"data").await.expect_err("no signature is so long");
        paired.is_well().await;
    }
    let after = memory::resident(paired.house.daemon.pid());
    assert!(after < before + (48 << 20), "{before} bytes before, {after} after");
}

#[tokio::test]
async fn a_flood_of_notices_drowns_nobody() {
    let mut paired = Paired::with("").await;
    let notices =
        [Notice::Changed(Change::Keys), Notice::Changed(Change::Locked), Notice::Changed(Change::Unlocked)];
    let flood: Vec<Notice> = notices.into_iter().cycle().take(3000).collect();
    paired.liar.lies(on_sign(move || Lie::Flood(flood.clone())));
    let (before, began) = (memory::resident(paired.house.daemon.pid()), Instant::now());
    for _ in 0..3 {
        // Whether or not the line stands it: bob is served meanwhile.
        let bob = paired.house.visitor(&Person::bob()).await;
        let body = (16u32, none());
        let (_, random) = tokio::join!(paired.sign(b"data"), bob.bytes("Public", "Random", &body));
        assert_eq!(random.unwrap().len(), 16);
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    paired.is_well().await;
    let after = memory::resident(paired.house.daemon.pid());
    assert!(after < before + (48 << 20), "{before} bytes before, {after} after");
}

#[tokio::test]
async fn a_pause_beyond_measure_that_is_announced_harms_nobody() {
    let mut paired = Paired::with("").await;
    paired.liar.lies(on_sign(|| Lie::Flood(vec![Notice::Pause(u32::MAX)])));
    paired.sign(b"data").await.unwrap();
    paired.is_well().await;
}
