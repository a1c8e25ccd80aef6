//! What silence means, on a clock that the tests move.

use std::time::Duration;

use claviger_phone_protocol::Notice;
use claviger_token::{Presence, Token, TokenError};
use tokio::time::{Instant, advance, sleep};

use super::fixture::{make_a_key, pairing, sign_with, slow_live};
use super::{Answers, Fixture, Heard, TestPhone, deadline};
use crate::{Link, PhoneEvent, Why};

const LOST: Duration = Duration::from_secs(6);
const GRACE: Duration = Duration::from_secs(15);

#[tokio::test(start_paused = true)]
async fn a_phone_that_dies_silently_is_unreachable_then_missed_then_removed() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    let token = pairing.token();
    fixture.keep_in_memory(&phone, &pairing).await;
    let present = fixture.event().await;
    assert!(matches!(present, PhoneEvent::Token { presence: Presence::Present, why: Why::Answers, .. }));
    // An hour of heartbeats changes nothing.
    sleep(Duration::from_secs(3600)).await;
    assert!(fixture.is_quiet());

    let died = Instant::now().into_std();
    phone.fall_silent();
    let PhoneEvent::Token { presence: Presence::Unreachable, at, why, .. } = fixture.event().await else {
        panic!("it is unreachable first")
    };
    assert_eq!(why, Why::Silent(LOST));
    assert!(at - died <= LOST && at - died >= LOST - Duration::from_secs(2), "{:?}", at - died);
    let missing = PhoneEvent::Missing { token: token.clone(), removal_at: at + GRACE };
    assert_eq!(fixture.event().await, missing);
    let removed = PhoneEvent::Token {
        token,
        presence: Presence::Removed,
        at: at + GRACE,
        why: Why::Missed(LOST + GRACE),
    };
    assert_eq!(fixture.event().await, removed);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_of_a_phone_that_dies_is_answered() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    phone.fall_silent();
    // The stream is given up after six seconds; whether it was signed nobody knows.
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Removed));
    fixture.wait_until(&pairing.token(), Presence::Unreachable).await;
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Absent));
}

#[tokio::test(start_paused = true)]
async fn while_our_own_side_is_down_nobody_is_removed() {
    // Serial links are switched off: this computer could not hear the phone.
    let mut fixture = Fixture::with(|config| config.serial = false);
    let (pairing, known) = pairing(vec![Link::Serial { path: "/dev/ttyACM0".into() }]);
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    phone.hang_up();
    let event = fixture.event().await;
    assert!(matches!(event, PhoneEvent::Token { presence: Presence::Unreachable, .. }), "{event:?}");
    advance(Duration::from_secs(100_000)).await;
    sleep(Duration::from_secs(60)).await;
    assert!(fixture.is_quiet());
    assert_eq!(fixture.registry.presence(&pairing.token()), Presence::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn a_good_bye_removes_at_once() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    let said = Instant::now();
    phone.say(Notice::Bye("switched off".into()));
    let PhoneEvent::Token { presence: Presence::Removed, why, .. } = fixture.event().await else {
        panic!("it is removed")
    };
    assert_eq!(why, Why::Bye("switched off".into()));
    assert_eq!(said.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_announced_pause_extends_the_silence() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    let said = Instant::now();
    phone.say(Notice::Pause(60));
    // The notice must have come before the phone says nothing more.
    sleep(Duration::from_millis(1)).await;
    phone.fall_silent();
    fixture.event().await;
    assert!(said.elapsed() >= Duration::from_secs(66), "{:?}", said.elapsed());
    assert!(said.elapsed() < Duration::from_secs(67), "{:?}", said.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_person_who_does_not_answer_costs_a_minute_and_is_told_that_it_is_over() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, mut heard) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    phone.answer(Answers::Nothing);
    let asked = Instant::now();
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Timeout));
    assert_eq!(asked.elapsed(), Duration::from_secs(60));
    deadline(async { while heard.recv().await != Some(Heard::Cancelled) {} }).await;
    // The channel lives, and so does the phone.
    phone.answer(Answers::Yes);
    assert_eq!(sign_with(&*token, &made).await, Ok(()));
    assert_eq!(token.presence(), Presence::Present);
}

/// Asks for half a megabyte, which takes 40 seconds to come, and returns what came of it.
async fn ask_for_much(fixture: &Fixture, cut: Option<Duration>) -> Result<usize, TokenError> {
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    let (live, carrying) = slow_live(&phone, &pairing, Duration::from_millis(40)).await;
    fixture.registry.keep(pairing.clone(), None, Some(live));
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let token = fixture.phones.token(&pairing.token());
    if let Some(cut) = cut {
        tokio::spawn(async move {
            sleep(cut).await;
            carrying.abort();
        });
    }
    deadline(token.random(512 * 1024)).await.map(|bytes| bytes.expose().len())
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_that_moves_is_no_silence() {
    let mut fixture = Fixture::new();
    let asked = Instant::now();
    assert_eq!(ask_for_much(&fixture, None).await, Ok(512 * 1024));
    assert!(asked.elapsed() > 5 * LOST, "it was slow: {:?}", asked.elapsed());
    let present = fixture.event().await;
    assert!(matches!(present, PhoneEvent::Token { presence: Presence::Present, .. }), "{present:?}");
    assert!(fixture.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_that_stops_is_silence() {
    let mut fixture = Fixture::new();
    let asked = Instant::now();
    let cut = Duration::from_secs(20);
    assert_eq!(ask_for_much(&fixture, Some(cut)).await, Err(TokenError::Removed));
    fixture.event().await;
    let event = fixture.event().await;
    assert!(matches!(event, PhoneEvent::Token { presence: Presence::Unreachable, .. }), "{event:?}");
    let silent = asked.elapsed() - cut;
    assert!(silent <= LOST + Duration::from_secs(2), "{silent:?}");
}

#[tokio::test(start_paused = true)]
async fn many_large_requests_at_once_wait_for_their_turn() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let many: Vec<_> = (0..8)
        .map(|_| {
            let token = std::sync::Arc::clone(&token);
            tokio::spawn(async move { token.random(1024 * 1024).await.map(|bytes| bytes.expose().len()) })
        })
        .collect();
    for one in many {
        assert_eq!(deadline(one).await.unwrap(), Ok(1024 * 1024));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_missed_and_is_not_paired_is_removed() {
    let mut fixture = Fixture::new();
    let (pairing, _) = pairing(Vec::new());
    fixture.phones.expect(&[pairing.token()]);
    fixture.phones.kept_all_but(&[]);
    assert!(matches!(fixture.event().await, PhoneEvent::Missing { .. }));
    assert!(matches!(fixture.event().await, PhoneEvent::Token { presence: Presence::Removed, .. }));
    fixture.phones.expect(&[pairing.token()]);
    assert!(matches!(fixture.event().await, PhoneEvent::Token { why: Why::Known, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_record_cannot_be_read_is_unreachable_and_never_removed() {
    let mut fixture = Fixture::new();
    let ((unread, _), (unreadable, _)) = (pairing(Vec::new()), pairing(Vec::new()));
    fixture.phones.expect(&[unread.token(), unreadable.token()]);
    sleep(Duration::from_secs(3600)).await;
    assert!(fixture.is_quiet(), "nobody has said yet who is paired");
    fixture.phones.kept_all_but(&[unreadable.token()]);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(fixture.registry.presence(&unread.token()), Presence::Removed);
    assert_eq!(fixture.registry.presence(&unreadable.token()), Presence::Unreachable);
    // Taken out of the account, it is gone.
    deadline(fixture.phones.forget(&unreadable.token())).await;
    while let PhoneEvent::Missing { token, .. } | PhoneEvent::Token { token, .. } = fixture.event().await {
        if token == unreadable.token() {
            return;
        }
    }
    panic!("nothing else happens");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_blames_no_phone_for_it() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    advance(Duration::from_secs(60)).await;
    // The stream still stands as well: nothing is lost with it.
    assert_eq!(sign_with(&*token, &made).await, Ok(()));
    sleep(Duration::from_secs(60)).await;
    assert!(fixture.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_stall_within_the_grace_counts_it_anew() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    phone.fall_silent();
    assert!(matches!(fixture.event().await, PhoneEvent::Token { presence: Presence::Unreachable, .. }));
    assert!(matches!(fixture.event().await, PhoneEvent::Missing { .. }));
    advance(Duration::from_secs(30)).await;
    let again = Instant::now();
    assert!(matches!(fixture.event().await, PhoneEvent::Back { .. }));
    assert!(matches!(fixture.event().await, PhoneEvent::Missing { .. }));
    assert!(matches!(fixture.event().await, PhoneEvent::Token { presence: Presence::Removed, .. }));
    assert_eq!(again.elapsed(), LOST + GRACE);
}

#[tokio::test(start_paused = true)]
async fn sleep_proves_nothing() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    fixture.phones.sleep();
    phone.fall_silent();
    let event = fixture.event().await;
    assert!(matches!(event, PhoneEvent::Token { presence: Presence::Unreachable, .. }), "{event:?}");
    sleep(Duration::from_secs(3600)).await;
    assert!(fixture.is_quiet());
    let woke = Instant::now();
    fixture.phones.wake();
    assert!(matches!(fixture.event().await, PhoneEvent::Missing { .. }));
    assert!(matches!(fixture.event().await, PhoneEvent::Token { presence: Presence::Removed, .. }));
    assert_eq!(woke.elapsed(), LOST + GRACE);
}
