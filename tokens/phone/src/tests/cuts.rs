//! Links that break and come back.

use std::time::Duration;

use claviger_phone_protocol::{Change, Notice};
use claviger_token::{Errand, Presence, Token, TokenError};
use tokio::time::{Instant, sleep};

use super::fixture::{live, make_a_key, pairing, sign_with, uid};
use super::phone::sign;
use super::{Answers, Fixture, Heard, Terminal, TestPhone, deadline};
use crate::line::Order;
use crate::{Link, PhoneEvent};

#[tokio::test(start_paused = true)]
async fn ten_flaps_in_a_minute_end_nothing_and_what_is_asked_meanwhile_is_done() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    for _ in 0..10 {
        phone.hang_up();
        let asked = token.perform(sign(&made, b"data"));
        let back = async {
            sleep(Duration::from_secs(5)).await;
            let live = live(&phone, &pairing).await;
            assert!(fixture.registry.order(&pairing.token(), Order::Arrived(Box::new(live))));
            sleep(Duration::from_secs(1)).await;
        };
        let (signed, ()) = tokio::join!(asked, back);
        // Asked on the stream that was about to break, it may be lost with it.
        assert!(matches!(signed, Ok(_) | Err(TokenError::Removed)), "{:?}", signed.err());
        assert_eq!(sign_with(&*token, &made).await, Ok(()));
    }
    assert!(fixture.is_quiet(), "a flap is no event");
}

#[tokio::test]
async fn a_phone_that_is_unplugged_and_plugged_in_is_back_within_two_seconds() {
    let fixture = Fixture::new();
    let terminal = Terminal::new();
    let (pairing, known) = pairing(vec![Link::Serial { path: terminal.path.clone() }]);
    let (phone, _) = TestPhone::new(vec![known]);
    let serving = tokio::spawn(std::sync::Arc::clone(&phone).serve_terminal(terminal.clone()));
    fixture.phones.keep(pairing.clone(), None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    assert_eq!(sign_with(&*token, &made).await, Ok(()));
    // The phone's program dies and is started anew: it knows nothing of the channel.
    serving.abort();
    let again = Instant::now();
    tokio::spawn(std::sync::Arc::clone(&phone).serve_terminal(terminal));
    fixture.sign_at_last(&*token, &made).await;
    assert!(again.elapsed() < Duration::from_secs(3), "{:?}", again.elapsed());
}

#[tokio::test]
async fn a_phone_that_comes_back_to_the_socket_is_taken_at_once() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(vec![Link::Socket]);
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.phones.keep(pairing.clone(), None);
    let serving = tokio::spawn(std::sync::Arc::clone(&phone).serve(fixture.connect().await));
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    serving.abort();
    let again = Instant::now();
    tokio::spawn(std::sync::Arc::clone(&phone).serve(fixture.connect().await));
    fixture.sign_at_last(&*token, &made).await;
    assert!(again.elapsed() < Duration::from_secs(2), "{:?}", again.elapsed());
    assert_eq!(fixture.phones.snapshot()[0].link, Some(Link::Socket));
}

#[tokio::test(start_paused = true)]
async fn giving_up_a_request_takes_the_question_from_the_phone() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, mut heard) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    phone.answer(Answers::Nothing);
    let errand = Errand { user: "alice".into(), application: "mail".into(), purpose: "sign".into() };
    let view = std::sync::Arc::clone(&token).on_behalf_of(errand.clone());
    let asked = view.perform(sign(&made, b"data"));
    tokio::select! {
        _ = asked => panic!("nobody answers"),
        () = async { while heard.recv().await != Some(Heard::Asked(errand.clone())) {} } => {}
    }
    // The future is dropped now.
    deadline(async { while heard.recv().await != Some(Heard::Cancelled) {} }).await;
    phone.answer(Answers::No);
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Declined));
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_wants_to_be_asked_first_signs_for_no_login_and_stays_locked() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, mut heard) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    let errand = Errand { user: "alice".into(), application: "sshd".into(), purpose: "login".into() };
    token.lock();
    deadline(async { while heard.recv().await != Some(Heard::LoggedOut) {} }).await;
    let refused = token.sign_to_log_in(sign(&made, b"data"), errand.clone()).await;
    assert_eq!(refused.err(), Some(TokenError::Locked));
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Locked));
    assert!(!token.is_unlocked());
    // As the daemon goes on.
    token.login(errand.clone()).await.expect("it says yes");
    assert!(token.sign_to_log_in(sign(&made, b"data"), errand).await.is_ok());
    assert!(token.is_unlocked());
}

#[tokio::test(start_paused = true)]
async fn a_lock_holds_over_reconnections() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, mut heard) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    token.lock();
    assert!(!token.is_unlocked());
    deadline(async { while heard.recv().await != Some(Heard::LoggedOut) {} }).await;
    phone.hang_up();
    let live = live(&phone, &pairing).await;
    assert!(fixture.registry.order(&pairing.token(), Order::Arrived(Box::new(live))));
    deadline(async { while heard.recv().await != Some(Heard::LoggedOut) {} }).await;
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Locked));
    deadline(token.login(Errand::default())).await.unwrap();
    assert!(token.is_unlocked());
    assert_eq!(sign_with(&*token, &made).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_while_the_line_is_cut_and_the_phone_pauses_has_its_time_out() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    phone.say(Notice::Pause(120));
    sleep(Duration::from_millis(1)).await;
    phone.hang_up();
    sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    assert_eq!(sign_with(&*token, &made).await, Err(TokenError::Timeout));
    assert_eq!(asked.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_is_away_is_not_unlocked() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    let mut events = fixture.phones.subscribe();
    assert!(token.is_unlocked());
    phone.hang_up();
    deadline(async {
        while token.is_unlocked() {
            events.recv().await.unwrap();
        }
    })
    .await;
    assert!(!fixture.phones.snapshot()[0].unlocked);
    // The next channel says how it stands.
    let live = live(&phone, &pairing).await;
    assert!(fixture.registry.order(&pairing.token(), Order::Arrived(Box::new(live))));
    deadline(async {
        while !token.is_unlocked() {
            events.recv().await.unwrap();
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_changes_all_the_time_is_told_of_when_it_says_something_else() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    make_a_key(&*token).await;
    let mut events = fixture.phones.subscribe();
    (0..1000).for_each(|_| phone.say(Notice::Changed(Change::Keys)));
    sleep(Duration::from_secs(10)).await;
    assert!(events.try_recv().is_err(), "it says the same");
    assert_eq!(token.presence(), Presence::Present);
}

#[tokio::test(start_paused = true)]
async fn locking_what_is_locked_tells_the_phone_nothing() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, mut heard) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    let token = fixture.phones.token(&pairing.token());
    (0..10).for_each(|_| token.lock());
    sleep(Duration::from_secs(10)).await;
    let told = std::iter::from_fn(|| heard.try_recv().ok()).filter(|heard| *heard == Heard::LoggedOut);
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn two_phones_of_one_user_are_told_apart_on_one_socket() {
    let fixture = Fixture::new();
    let pairs: Vec<_> = (0..2).map(|_| pairing(vec![Link::Socket])).collect();
    let mut made = Vec::new();
    for (pairing, known) in &pairs {
        fixture.phones.keep(pairing.clone(), None);
        let (phone, _) = TestPhone::new(vec![known.clone()]);
        tokio::spawn(phone.serve(fixture.connect().await));
    }
    for (pairing, _) in &pairs {
        fixture.wait_until(&pairing.token(), Presence::Present).await;
        made.push(make_a_key(&*fixture.phones.token(&pairing.token())).await);
    }
    assert_ne!(made[0].public_key, made[1].public_key);
    let tokens: Vec<_> = pairs.iter().map(|(pairing, _)| fixture.phones.token(&pairing.token())).collect();
    let signed = tokio::join!(sign_with(&*tokens[0], &made[0]), sign_with(&*tokens[1], &made[1]));
    assert_eq!(signed, (Ok(()), Ok(())));
    let uids: Vec<_> = fixture.phones.snapshot().iter().map(|phone| phone.uid).collect();
    assert_eq!(uids, [uid(), uid()]);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_is_forgotten_is_told_and_is_removed() {
    let mut fixture = Fixture::new();
    let (pairing, known) = pairing(Vec::new());
    let (phone, mut heard) = TestPhone::new(vec![known]);
    fixture.keep_in_memory(&phone, &pairing).await;
    fixture.event().await;
    deadline(fixture.phones.forget(&pairing.token())).await;
    deadline(async { while heard.recv().await != Some(Heard::Unpaired) {} }).await;
    assert!(matches!(fixture.event().await, PhoneEvent::Token { presence: Presence::Removed, .. }));
    assert_eq!(fixture.phones.snapshot(), []);
    let token = fixture.phones.token(&pairing.token());
    assert_eq!(token.random(4).await.err(), Some(TokenError::Absent));
}
