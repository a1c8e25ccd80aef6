//! Phones that come to be paired.

use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::{Closed, Method, PairingUri, Terms};
use claviger_token::Presence;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::fixture::{make_a_key, sign_with, uid};
use super::{Fixture, Heard, Ready, Terminal, TestPhone, deadline};
use crate::{Link, LinkFault, PairError, PairStep, Paired, Phones, Proposal, Refusal};

fn proposal(method: Method, link: Option<Link>) -> Proposal {
    let (user, host) = ("alice".into(), "desk".into());
    Proposal { uid: uid(), user, host, method, link, name: None }
}

/// Begins a pairing.
fn begin(
    phones: &Arc<Phones>,
    proposal: Proposal,
) -> (JoinHandle<Result<Paired, PairError>>, UnboundedReceiver<PairStep>) {
    let (steps, told) = unbounded_channel();
    let phones = Arc::clone(phones);
    (tokio::spawn(async move { phones.pair(proposal, steps).await }), told)
}

async fn step(told: &mut UnboundedReceiver<PairStep>) -> PairStep {
    deadline(told.recv()).await.expect("there is a next step")
}

async fn outcome(pairing: JoinHandle<Result<Paired, PairError>>) -> Result<Paired, PairError> {
    deadline(pairing).await.unwrap()
}

/// Waits for the URI and gives it to the phone.
async fn scan(told: &mut UnboundedReceiver<PairStep>, phone: &TestPhone) {
    let PairStep::Uri(uri) = step(told).await else { panic!("the URI comes first") };
    phone.make_ready(Ready::Uri(uri.parse().unwrap()));
}

#[tokio::test]
async fn a_phone_is_paired_by_its_uri_over_a_socket_and_works_at_once_and_later() {
    let fixture = Fixture::new();
    let (phone, mut heard) = TestPhone::new(Vec::new());
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Uri, None));
    // It is there before it is ready: it is asked again.
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    let PairStep::Uri(uri) = step(&mut told).await else { panic!("the URI comes first") };
    let PairStep::Trying(Link::Socket, fault) = step(&mut told).await else { panic!("it is not ready") };
    assert_eq!(fault, LinkFault::Refused(Refusal::NotAllowed));
    phone.make_ready(Ready::Uri(uri.parse().unwrap()));
    assert!(matches!(step(&mut told).await, PairStep::Asked));
    let paired = outcome(pairing).await.unwrap_or_else(|error| panic!("{error}"));
    let terms = Terms { host: "desk".into(), user: "alice".into(), uid: uid() };
    assert_eq!(deadline(heard.recv()).await, Some(Heard::Terms(terms)));
    assert_eq!((&*paired.phone, &*paired.model, &*paired.pairing.name), ("Test phone", "T1", "Test phone"));
    assert_eq!(paired.pairing.links, [Link::Socket]);

    let (pairing, token) = (paired.pairing.clone(), paired.pairing.token());
    fixture.phones.adopt(paired);
    fixture.wait_until(&token, Presence::Present).await;
    let token = fixture.phones.token(&token);
    let made = make_a_key(&*token).await;
    assert_eq!(sign_with(&*token, &made).await, Ok(()));
    phone.hang_up();
    fixture.phones.nudge(&pairing.token());
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    fixture.sign_at_last(&*token, &made).await;
}

#[tokio::test]
async fn a_phone_is_paired_by_numbers_over_a_terminal() {
    let fixture = Fixture::new();
    let terminal = Terminal::new();
    let link = Link::Serial { path: terminal.path.clone() };
    let (phone, mut heard) = TestPhone::new(Vec::new());
    phone.make_ready(Ready::Numbers);
    tokio::spawn(Arc::clone(&phone).serve_terminal(terminal.clone()));
    let wanted = Proposal { name: Some("pocket".into()), ..proposal(Method::Numbers, Some(link.clone())) };
    let (pairing, mut told) = begin(&fixture.phones, wanted);
    let PairStep::Compare { code, same } = step(&mut told).await else { panic!("people compare") };
    assert_eq!(deadline(heard.recv()).await, Some(Heard::Number(code.to_string())));
    same.send(true).unwrap();
    assert!(matches!(step(&mut told).await, PairStep::Asked));
    let paired = outcome(pairing).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&*paired.pairing.name, &paired.pairing.links), ("pocket", &vec![link]));
    let token = paired.pairing.token();
    fixture.phones.adopt(paired);
    fixture.wait_until(&token, Presence::Present).await;
}

#[tokio::test]
async fn numbers_that_differ_end_the_pairing_before_the_phone_is_asked() {
    for answer in [Some(false), None] {
        let fixture = Fixture::new();
        let (phone, mut heard) = TestPhone::new(Vec::new());
        phone.make_ready(Ready::Numbers);
        let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Numbers, Some(Link::Socket)));
        tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
        let PairStep::Compare { same, .. } = step(&mut told).await else { panic!("people compare") };
        match answer {
            Some(answer) => same.send(answer).unwrap(),
            None => drop(same),
        }
        assert_eq!(outcome(pairing).await.err(), Some(PairError::NumbersDiffer));
        assert!(matches!(heard.try_recv(), Ok(Heard::Number(_))));
        assert!(heard.try_recv().is_err(), "nobody was asked at the phone");
    }
}

#[tokio::test]
async fn a_no_at_the_phone_ends_the_pairing() {
    let fixture = Fixture::new();
    let (phone, _) = TestPhone::new(Vec::new());
    phone.disagree();
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    scan(&mut told, &phone).await;
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    assert_eq!(outcome(pairing).await.err(), Some(PairError::Declined));
}

/// Returns another URI: one digit of the secret is another.
fn misread(uri: &str) -> PairingUri {
    let at = uri.find("s=").unwrap() + 2;
    let mut wrong = uri.to_owned();
    let other = if &wrong[at..=at] == "A" { "B" } else { "A" };
    wrong.replace_range(at..=at, other);
    wrong.parse().unwrap()
}

#[tokio::test]
async fn where_no_link_was_named_a_stranger_does_not_end_the_pairing() {
    let fixture = Fixture::new();
    let (stranger, _) = TestPhone::new(Vec::new());
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Uri, None));
    let PairStep::Uri(uri) = step(&mut told).await else { panic!("the URI comes first") };
    stranger.make_ready(Ready::Uri(misread(&uri)));
    tokio::spawn(stranger.serve(fixture.connect().await));
    let PairStep::Trying(Link::Socket, fault) = step(&mut told).await else { panic!("it fails there") };
    assert_eq!(fault, LinkFault::Refused(Refusal::HandshakeFailed));
    let (phone, _) = TestPhone::new(Vec::new());
    phone.make_ready(Ready::Uri(uri.parse().unwrap()));
    tokio::spawn(phone.serve(fixture.connect().await));
    assert!(outcome(pairing).await.is_ok());
}

#[tokio::test]
async fn a_wrong_secret_ends_the_pairing() {
    let fixture = Fixture::new();
    let (phone, _) = TestPhone::new(Vec::new());
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    let PairStep::Uri(uri) = step(&mut told).await else { panic!("the URI comes first") };
    phone.make_ready(Ready::Uri(misread(&uri)));
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    assert_eq!(outcome(pairing).await.err(), Some(PairError::WrongSecret));
}

#[tokio::test]
async fn one_pairing_is_under_way_at_a_time_and_whoever_goes_gives_it_up() {
    let fixture = Fixture::new();
    let (first, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    assert!(matches!(step(&mut told).await, PairStep::Uri(_)));
    let (second, _) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    assert_eq!(outcome(second).await.err(), Some(PairError::Busy));
    // Nobody listens any more.
    drop(told);
    assert_eq!(outcome(first).await.err(), Some(PairError::GivenUp));
    // The future goes.
    let (third, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    assert!(matches!(step(&mut told).await, PairStep::Uri(_)));
    third.abort();
    deadline(async { while told.recv().await.is_some() {} }).await;
    let (fourth, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    assert!(matches!(step(&mut told).await, PairStep::Uri(_)));
    fourth.abort();
}

#[tokio::test(start_paused = true)]
async fn a_pairing_to_which_nobody_comes_ends_before_the_two_minutes_are_over() {
    let fixture = Fixture::new();
    let begun = tokio::time::Instant::now();
    let (pairing, _told) = begin(&fixture.phones, proposal(Method::Uri, None));
    assert_eq!(outcome(pairing).await.err(), Some(PairError::TimedOut(None)));
    assert_eq!(begun.elapsed(), Duration::from_secs(110));
}

#[tokio::test(start_paused = true)]
async fn why_a_link_does_not_work_is_said_once_and_at_the_end() {
    let fixture = Fixture::new();
    let link = Link::Serial { path: "/dev/ttyACM4294967296".into() };
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Numbers, Some(link.clone())));
    let PairStep::Trying(tried, LinkFault::TtyAbsent) = step(&mut told).await else {
        panic!("it is not there")
    };
    assert_eq!(tried, link);
    let timed_out = PairError::TimedOut(Some(LinkFault::TtyAbsent));
    assert_eq!(outcome(pairing).await.err(), Some(timed_out));
    assert!(told.recv().await.is_none(), "it was said once");
}

/// Waits until the phone has heard that.
async fn until_heard(heard: &mut UnboundedReceiver<Heard>, wanted: &Heard) {
    deadline(async { while heard.recv().await.as_ref() != Some(wanted) {} }).await;
}

fn given_up() -> Heard {
    Heard::Closed(Closed::Bye("the computer has given the pairing up".into()))
}

#[tokio::test]
async fn a_phone_on_a_terminal_hears_that_the_numbers_differ() {
    for _ in 0..50 {
        let fixture = Fixture::new();
        let terminal = Terminal::new();
        let link = Link::Serial { path: terminal.path.clone() };
        let (phone, mut heard) = TestPhone::new(Vec::new());
        phone.make_ready(Ready::Numbers);
        tokio::spawn(Arc::clone(&phone).serve_terminal(terminal.clone()));
        let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Numbers, Some(link)));
        let PairStep::Compare { same, .. } = step(&mut told).await else { panic!("people compare") };
        same.send(false).unwrap();
        assert_eq!(outcome(pairing).await.err(), Some(PairError::NumbersDiffer));
        until_heard(&mut heard, &Heard::Closed(Closed::Bye("the numbers are not the same".into()))).await;
    }
}

#[tokio::test]
async fn a_phone_on_a_terminal_hears_that_whoever_wanted_it_has_gone() {
    // Nobody listens any more; the future goes.
    for listener in [true, false] {
        let fixture = Fixture::new();
        let terminal = Terminal::new();
        let link = Link::Serial { path: terminal.path.clone() };
        let (phone, mut heard) = TestPhone::new(Vec::new());
        phone.make_ready(Ready::Numbers);
        tokio::spawn(Arc::clone(&phone).serve_terminal(terminal.clone()));
        let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Numbers, Some(link)));
        let PairStep::Compare { same: _same, .. } = step(&mut told).await else { panic!("people compare") };
        match listener {
            true => drop(told),
            false => pairing.abort(),
        }
        until_heard(&mut heard, &given_up()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_hears_that_the_time_is_over() {
    let fixture = Fixture::new();
    let (phone, mut heard) = TestPhone::new(Vec::new());
    phone.make_ready(Ready::Numbers);
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Numbers, Some(Link::Socket)));
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    let PairStep::Compare { same: _same, .. } = step(&mut told).await else { panic!("people compare") };
    assert_eq!(outcome(pairing).await.err(), Some(PairError::TimedOut(None)));
    until_heard(&mut heard, &given_up()).await;
}

#[tokio::test]
async fn a_phone_forgets_a_pairing_that_is_not_kept_here() {
    let fixture = Fixture::new();
    let (phone, mut heard) = TestPhone::new(Vec::new());
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    scan(&mut told, &phone).await;
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    drop(outcome(pairing).await.unwrap_or_else(|error| panic!("{error}")));
    until_heard(&mut heard, &Heard::Unpaired).await;
}

#[tokio::test]
async fn a_pairing_that_is_given_up_while_it_is_proven_is_taken_back() {
    let fixture = Fixture::new();
    let (phone, mut heard) = TestPhone::new(Vec::new());
    let (pairing, mut told) = begin(&fixture.phones, proposal(Method::Uri, Some(Link::Socket)));
    scan(&mut told, &phone).await;
    // The line holds back the phone's proof, until whoever wanted the pairing has gone.
    let (near, far) = UnixStream::pair().unwrap();
    tokio::spawn(Arc::clone(&phone).serve(far));
    let (held, let_go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    tokio::spawn(hold_back_the_proof(
        near,
        fixture.connect().await,
        (Arc::clone(&held), Arc::clone(&let_go)),
    ));
    deadline(held.notified()).await;
    drop(told);
    assert_eq!(outcome(pairing).await.err(), Some(PairError::GivenUp));
    let_go.notify_one();
    until_heard(&mut heard, &Heard::Unpaired).await;
}

/// Carries everything, but the phone's answer to the handshake under the new pairing only when it is told to.
async fn hold_back_the_proof(
    phone: UnixStream,
    computer: UnixStream,
    (held, let_go): (Arc<Notify>, Arc<Notify>),
) {
    let (mut from_phone, mut to_phone) = phone.into_split();
    let (mut from_computer, mut to_computer) = computer.into_split();
    let forth = async move { tokio::io::copy(&mut from_computer, &mut to_phone).await };
    let back = async move {
        let (mut buffer, mut handshakes) = ([0; 4096], 0);
        while let Ok(count @ 1..) = from_phone.read(&mut buffer).await {
            handshakes += buffer[..count].windows(6).filter(|word| word == b"+CKHS:").count();
            if handshakes == 2 {
                held.notify_one();
                let_go.notified().await;
                handshakes = 3;
            }
            if to_computer.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    let (_, ()) = tokio::join!(forth, back);
}
