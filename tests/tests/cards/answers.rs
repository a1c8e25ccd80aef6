//! Cards that answer nonsense: cut off, garbled, or something else than they were asked. It is an error, whatever came
//! of it is no signature, and the card works on.

use claviger_tests::cards::{AUTHENTICATE, CardHouse, Enrolled, connected};
use claviger_tests::in_time;
use claviger_tests::pcsc::card::{Depth, Logged};
use claviger_tests::pcsc::{Card, ForeignUser};
use claviger_tests::peer::Refusal;

/// What becomes of one answer.
#[derive(Clone, Debug)]
enum Answer {
    /// So many bytes of it come.
    Cut(usize),
    /// Something else comes.
    Garbled(Vec<u8>),
}

impl Answer {
    fn plan(&self, card: &mut Card, nth: u64) {
        match self {
            Self::Cut(length) => card.truncate_at(nth, *length),
            Self::Garbled(answer) => card.garble_at(nth, answer),
        }
    }

    /// Returns true where a signature may come of it all the same: the card asks for the same command with another
    /// length (`6Cxx`), or the numbers of this signature are that much shorter than those of the last.
    fn may_do_no_harm(&self, last: &[u8]) -> bool {
        match self {
            Self::Cut(length) => length + 4 > last.len(),
            Self::Garbled(answer) => answer[0] == 0x6C,
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Cut(_) => "truncate-at",
            Self::Garbled(_) => "garble-at",
        }
    }
}

/// The lengths that may be left of an answer; none at all would hang the virtual reader.
fn cut(answer: &[u8]) -> Vec<Answer> {
    let length = answer.len();
    let mut lengths = vec![1, 2, 3, length / 2, length - 3.min(length), length - 2, length - 1];
    lengths.retain(|cut| (1..length).contains(cut));
    lengths.sort_unstable();
    lengths.dedup();
    lengths.into_iter().map(Answer::Cut).collect()
}

/// The answers that no card should give: statuses that mean nothing here, lengths that lie, templates without end.
fn garbled(answer: &[u8]) -> Vec<Answer> {
    let (data, status) = answer.split_at(answer.len() - 2);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = data.to_vec();
        change(&mut changed);
        [&changed[..], status].concat()
    };
    let mut garbled = vec![
        b"\x6F\x00".to_vec(),
        b"\x65\x81".to_vec(),
        b"\x00\x00".to_vec(),
        b"\xFF\xFF\xFF\xFF".to_vec(),
        b"\x61\xFF".to_vec(),
        b"\x6C\x00".to_vec(),
        b"\x7C\x84\xFF\xFF\xFF\xFF\x90\x00".to_vec(),
        b"\x7C\x80\x82\x00\x90\x00".to_vec(),
        [&[0x7C; 254][..], b"\x90\x00"].concat(),
        [&[0xA5; 250][..], b"\x90\x00"].concat(),
    ];
    if data.len() > 4 {
        // Each of the template's lengths lies.
        garbled.extend((1..=3).map(|at| with(&|data| data[at] ^= 0x21)));
        garbled.push(with(&|data| data.truncate(data.len() / 2)));
        garbled.push(with(&|data| data.extend_from_slice(b"more")));
        garbled.push(with(&|data| data[0] ^= 0xFF));
    }
    garbled.into_iter().map(Answer::Garbled).collect()
}

/// Signs once for every thing that may go wrong at every command, and holds what must hold then.
async fn every_answer(faults: fn(&[u8]) -> Vec<Answer>, is_reset_before: bool) {
    let house = CardHouse::configured("deadline = \"5s\"").await;
    let mut card = house.alices_card(0).await;
    let mut other = connected(&house.pcscd, &card.card);
    prepare(&card, &mut other, is_reset_before).await;
    let right = exchanges(&mut card, &mut other, is_reset_before).await;
    let authenticate = right.iter().position(|(ins, _)| *ins == AUTHENTICATE).unwrap();
    assert_eq!(right.len(), if is_reset_before { 6 } else { 4 });
    let pid = house.house.daemon.pid();
    for (index, (ins, answer)) in right.iter().enumerate() {
        if is_reset_before && index >= 2 {
            break; // The rest is as without.
        }
        for fault in faults(answer) {
            let what = format!("command {index}, {ins:02X}, {fault:02X?}");
            prepare(&card, &mut other, is_reset_before).await;
            fault.plan(&mut card.card, index as u64 + 1);
            // A wrong signature fails it.
            let signed = in_time(&what, card.sign()).await;
            in_time(&what, card.card.event(fault.event())).await;
            match signed {
                // What came after the signature, or before anything was done, may not matter.
                Ok(()) => {
                    assert!(index != authenticate || fault.may_do_no_harm(answer), "{what}: no signature");
                }
                Err(refusal) => assert_clear(&refusal, &what),
            }
            card.card.forget_plans();
            assert_not_left_verified(&mut other, &what).await;
            recover(&card, &what).await;
        }
    }
    assert_eq!(house.house.daemon.pid(), pid);
    assert_eq!(card.tries_left(&house.pcscd), 3, "no try was spent");
}

/// Has the card signed once, so that the daemon is connected and knows it; or reset, so that it must be known anew.
async fn prepare(card: &Enrolled, other: &mut ForeignUser, is_reset: bool) {
    card.sign().await.unwrap();
    if is_reset {
        other.reset().unwrap();
    }
}

/// Returns the instructions and the answers of a signature.
async fn exchanges(
    card: &mut Enrolled,
    other: &mut ForeignUser,
    is_reset_before: bool,
) -> Vec<(u8, Vec<u8>)> {
    prepare(card, other, is_reset_before).await;
    card.card.log(Depth::Full);
    card.card.drain_log();
    card.sign().await.unwrap();
    let log = card.card.drain_log();
    card.card.log(Depth::Off);
    log.into_iter()
        .filter_map(|logged| match logged {
            Logged::Exchange(command, answer) => Some((command[1], answer.unwrap())),
            Logged::Power(_) => None,
        })
        .collect()
}

#[track_caller]
fn assert_clear(refusal: &Refusal, what: &str) {
    // Less than a status word comes of a card that is pulled; another card says that it is another.
    let names = ["DeviceError", "TokenRemoved", "WrongToken", "Timeout"];
    assert!(names.contains(&&*refusal.name), "{what}: {refusal}");
}

/// The card may be reset only when it is identified anew, which follows at once.
async fn assert_not_left_verified(other: &mut ForeignUser, what: &str) {
    let asking = async {
        while claviger_tests::cards::pin_state(other) == 0x9000 {
            tokio::task::yield_now().await;
        }
    };
    in_time(what, asking).await;
}

/// A card that may have been out is locked; apart from that it goes on as if nothing had been.
async fn recover(card: &Enrolled, what: &str) {
    let recovering = async {
        loop {
            let Err(refusal) = card.sign().await else { return };
            match refusal.name.as_str() {
                "PinNeeded" => match card.unlock().await {
                    Ok(()) => {}
                    Err(refusal) => assert_clear(&refusal, what),
                },
                "TokenAbsent" => {}
                _ => assert_clear(&refusal, what),
            }
        }
    };
    in_time(what, recovering).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_cut_off_at_any_command_of_a_signature_is_an_error() {
    every_answer(cut, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_garbled_at_any_command_of_a_signature_is_an_error() {
    every_answer(garbled, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_cut_off_while_the_card_is_identified_is_an_error() {
    every_answer(cut, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_garbled_while_the_card_is_identified_is_an_error() {
    every_answer(garbled, true).await;
}
