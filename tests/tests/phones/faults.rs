//! Every line of a session is dropped, doubled, swapped with the next, cut short, replayed, damaged: the operation fails or is
//! done once, and nothing is done that was not asked for.
//!
//! A line that is held back for longer than half a minute comes to a closed channel; phone/agent holds that with a clock that
//! stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use claviger_tests::accounts::Person;
use claviger_tests::cards::Watch;
use claviger_tests::in_time;
use claviger_tests::phone::{Scene, Way};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use tokio::task::JoinSet;

/// What is done to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Drop,
    Double,
    Swap,
    Truncate,
    Flip,
    Replay,
}

impl Fault {
    const ALL: [Self; 6] = [Self::Drop, Self::Double, Self::Swap, Self::Truncate, Self::Flip, Self::Replay];

    /// Returns what goes on in the place of the line; `held` is kept for the next one.
    fn strike(self, line: &[u8], earlier: &[u8], held: &mut Vec<u8>) -> Vec<u8> {
        match self {
            Self::Drop => Vec::new(),
            Self::Double => line.repeat(2),
            Self::Swap => {
                *held = line.to_vec();
                Vec::new()
            }
            Self::Truncate => {
                let half = line.len() / 2;
                let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
                [&line[..half], &line[end..]].concat()
            }
            Self::Flip => {
                let mut line = line.to_vec();
                // One bit, in the middle of the base64.
                let middle = line.len() / 2;
                line[middle] ^= 1;
                line
            }
            Self::Replay => [earlier, line].concat(),
        }
    }
}

/// One phone, and what became of each message that was to be signed.
struct Trial {
    scene: Scene,
    key: String,
    watch: Watch,
    signed: BTreeMap<Vec<u8>, bool>,
}

impl Trial {
    async fn begin() -> Self {
        let scene = Scene::open().await;
        let key = scene.generate("Ed25519").await.unwrap();
        let watch = Watch::of(&scene.house, &Person::alice()).await;
        Self { scene, key, watch, signed: BTreeMap::new() }
    }

    /// Signs a message that was never signed before.
    async fn sign(&mut self, message: String) -> bool {
        let message = message.into_bytes();
        let done = match self.scene.sign(&self.key, &message).await {
            Ok(_) => true,
            Err(refusal) => {
                let known =
                    ["TokenRemoved", "TokenAbsent", "DeviceError", "Timeout"].contains(&&*refusal.name);
                assert!(known, "{refusal}");
                false
            }
        };
        assert!(self.signed.insert(message, done).is_none(), "each message is signed once");
        done
    }

    /// Strikes the line of that number that goes that way from now on, while a message is signed; everything passes again then,
    /// and the phone must be back by itself.
    async fn strike(&mut self, fault: Fault, way: Way, number: usize) {
        let earlier =
            self.scene.wire.tap().lines(way).iter().rev().find(|line| line.contains(&b'"')).cloned();
        let mut earlier = earlier.expect("a frame went that way before");
        earlier.push(if way == Way::ToPhone { b'\r' } else { b'\n' });
        let (struck, count) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&Arc::new(AtomicUsize::new(0))));
        let hits = Arc::clone(&struck);
        let mut held = Vec::new();
        self.scene.wire.tap().meddle(move |at, line| {
            if at != way {
                return line.to_vec();
            }
            let this = count.fetch_add(1, Ordering::Relaxed);
            if this == number {
                hits.fetch_add(1, Ordering::Relaxed);
                return fault.strike(line, &earlier, &mut held);
            }
            [line, &std::mem::take(&mut held)].concat()
        });
        self.sign(format!("{fault:?} {way:?} {number}")).await;
        let hit = Arc::clone(&struck);
        let tap = self.scene.wire.tap();
        tap.until("the line that is struck", move |_| hit.load(Ordering::Relaxed) == 1).await;
        tap.pass();
        self.recover(&format!("after {fault:?} {way:?} {number}")).await;
    }

    /// Ends the channel, and strikes the line of that number of the opening that follows. Returns false where it has not so many.
    async fn strike_an_opening(&mut self, fault: Fault, way: Way, number: usize) -> bool {
        let tap = self.scene.wire.tap();
        let begun = tap.lines(Way::ToPhone).len();
        let count = Arc::new(AtomicUsize::new(0));
        let (counted, mut held, mut is_opening) = (Arc::clone(&count), Vec::new(), false);
        tap.meddle(move |at, line| {
            is_opening |= at == Way::ToPhone && opens(line);
            if at != way || !is_opening {
                return line.to_vec();
            }
            if counted.fetch_add(1, Ordering::Relaxed) == number {
                return fault.strike(line, line, &mut held);
            }
            [line, &std::mem::take(&mut held)].concat()
        });
        // A frame that nobody made.
        tap.inject(Way::ToPhone, b"AT+CKX=0,\"AAAA\"\r");
        tap.until("an opening", move |tap| tap.lines(Way::ToPhone)[begun..].iter().any(|line| opens(line)))
            .await;
        self.recover(&format!("opening, {fault:?} {way:?} {number}")).await;
        self.scene.wire.tap().pass();
        self.recover(&format!("after the opening, {fault:?} {way:?} {number}")).await;
        let lines = count.load(Ordering::Relaxed);
        assert!(lines > 0, "the control: an opening was seen");
        lines > number
    }

    /// Signs until it works.
    async fn recover(&mut self, why: &str) {
        for attempt in 0..20 {
            self.watch.until_presence(&self.scene.token, "present").await;
            if self.sign(format!("{why}, {attempt}")).await {
                return;
            }
        }
        panic!("it does not work again {why}");
    }

    /// Holds that the phone did nothing that was not asked for, nothing twice, and everything that was said to be done.
    fn is_exactly_once(&self) {
        let mut done: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.scene.phone.audit().iter().filter(|entry| entry.operation == "sign") {
            if entry.outcome == "approved" {
                *done.entry(entry.digest.clone().unwrap()).or_default() += 1;
            }
        }
        for (message, was_signed) in &self.signed {
            let count = done.remove(&HEXLOWER.encode(digest(&SHA256, message).as_ref())).unwrap_or(0);
            let shown = String::from_utf8_lossy(message);
            assert!(count <= 1, "{shown} was signed {count} times");
            assert!(count == 1 || !was_signed, "{shown} was handed on, and the phone knows nothing of it");
        }
        assert_eq!(done.len(), 0, "the phone signed what nobody asked for");
    }
}

/// Strikes in every way at once, each at a phone of its own.
async fn in_every_way<Striking>(strike: impl Fn(Fault) -> Striking)
where
    Striking: Future<Output = ()> + Send + 'static,
{
    let mut all: JoinSet<()> = Fault::ALL.into_iter().map(strike).collect();
    while let Some(one) = all.join_next().await {
        one.unwrap();
    }
}

/// The lines of one signature, and of what is behind it: a heartbeat, or the next opening of a channel.
async fn every_line(fault: Fault, way: Way, numbers: std::ops::Range<usize>) {
    let mut trial = Trial::begin().await;
    for number in numbers {
        trial.strike(fault, way, number).await;
    }
    trial.is_exactly_once();
    assert!(trial.signed.values().any(|signed| *signed), "the control");
}

#[tokio::test]
async fn every_line_to_the_phone_is_struck_in_every_way() {
    in_every_way(|fault| every_line(fault, Way::ToPhone, 0..3)).await;
}

#[tokio::test]
async fn every_line_from_the_phone_is_struck_in_every_way() {
    in_every_way(|fault| every_line(fault, Way::ToComputer, 0..4)).await;
}

/// The lines by which a channel is opened.
async fn every_line_of_an_opening(fault: Fault, way: Way) {
    let mut trial = Trial::begin().await;
    for number in 0..=MOST_LINES_OF_AN_OPENING {
        if !trial.strike_an_opening(fault, way, number).await {
            break;
        }
    }
    trial.is_exactly_once();
}

#[tokio::test]
async fn every_line_of_an_opening_to_the_phone_is_struck_in_every_way() {
    in_every_way(|fault| every_line_of_an_opening(fault, Way::ToPhone)).await;
}

#[tokio::test]
async fn every_line_of_an_opening_from_the_phone_is_struck_in_every_way() {
    in_every_way(|fault| every_line_of_an_opening(fault, Way::ToComputer)).await;
}

#[tokio::test]
async fn a_whole_session_that_is_said_again_does_nothing() {
    let mut trial = Trial::begin().await;
    assert!(trial.sign("once".to_owned()).await);
    let session = trial.scene.wire.tap().carried(Way::ToPhone);
    let audit = trial.scene.phone.audit();
    for time in 0..3 {
        // On the open line, and on a new one.
        trial.scene.wire.tap().inject(Way::ToPhone, &session);
        let why = format!("after the session was said again, {time}");
        let back = trial.recover(&why);
        in_time("the phone's return", back).await;
    }
    let new: Vec<_> = trial.scene.phone.audit()[audit.len()..].to_vec();
    let replayed = new.iter().filter(|entry| audit.iter().any(|old| old.digest == entry.digest));
    assert_eq!(replayed.count(), 0);
    trial.is_exactly_once();
}

/// Returns true for the first line that a computer sends.
fn opens(line: &[u8]) -> bool {
    line.starts_with(b"AT+CKVER") || !line.contains(&b'"')
}

/// What is behind it is struck by the other tests.
const MOST_LINES_OF_AN_OPENING: usize = 6;
