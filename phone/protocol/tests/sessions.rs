//! Whole sessions between the two ends.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use claviger_phone_protocol::host::Host;
use claviger_phone_protocol::{
    Change, Command, Errand, Failure, Known, Mechanics, Method, NotOpen, Notice, PENDING_LIMIT, PairingId,
    Reply, Rv, StaticKey, SystemRandomness,
};
use claviger_token::{Mechanism, Parameters};
use common::{Link, Owner, PAIRING, host, hosts, offer, pairing_host};

fn sign(data: &[u8]) -> Command {
    let with = Mechanics {
        key: "k1".to_owned(),
        mechanism: Mechanism::EcdsaSha256,
        parameters: Parameters::default(),
    };
    let errand =
        Errand { user: "alice".to_owned(), application: "ssh".to_owned(), purpose: "sign".to_owned() };
    Command::Sign { with, data: data.to_vec(), errand }
}

#[test]
fn a_channel_opens_and_a_request_is_answered() {
    let mut link = Link::open();
    link.host.request(sign(b"data")).unwrap();
    link.run();
    assert_eq!(link.host_events(), ["answered signed"]);
    assert_eq!(link.phone_events(), ["asked"]);
    assert!(matches!(&link.asked[0].command, Command::Sign { data, errand, .. }
        if data == b"data" && errand.application == "ssh"));
    assert_eq!(link.phone.is_open(), Some(PAIRING));
    assert_eq!(link.host.pending(), 0);
}

#[test]
fn the_heartbeat_is_answered_without_the_driver() {
    let mut link = Link::open();
    link.host.request(Command::Ping).unwrap();
    link.run();
    assert_eq!(link.host_events(), ["answered"]);
    assert_eq!(link.phone_events(), ["pinged"]);
}

#[test]
fn a_megabyte_goes_there_and_back() {
    let mut link = Link::open();
    link.owner.reply = |request| match &request.command {
        Command::Sign { data, .. } => Ok(Reply::Signature(data.clone())),
        _ => Err(Failure::new(Rv::GeneralError, "what?")),
    };
    let data: Vec<u8> = (0..claviger_phone_protocol::DATA_LIMIT).map(|place| (place % 251) as u8).collect();
    link.host.request(sign(&data)).unwrap();
    link.run();
    let Some(claviger_phone_protocol::host::Event::Answered(answer)) = link.at_host.pop_front() else {
        panic!("no answer");
    };
    assert!(matches!(answer.outcome, Ok(Reply::Signature(back)) if back == data));
}

#[test]
fn what_is_more_than_a_message_is_not_even_sent() {
    let mut link = Link::open();
    let much = vec![0; claviger_phone_protocol::MESSAGE_LIMIT];
    assert_eq!(link.host.request(sign(&much)), Err(NotOpen::TooLong));
    // More data than an operation takes, in a message that is short enough.
    link.host.request(sign(&vec![0; claviger_phone_protocol::DATA_LIMIT + 1])).unwrap();
    link.run();
    assert_eq!(link.host_events(), ["failed 0x21 there are too many bytes"]);
}

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut link = Link::open();
    link.owner.answers = false;
    let first = link.host.request(sign(b"1")).unwrap();
    let second = link.host.request(sign(b"2")).unwrap();
    link.run();
    assert!(first < second);
    assert_eq!(link.host.pending(), 2);
    link.phone.answer(second, Ok(Reply::Signature(b"two".to_vec())));
    link.phone.answer(first, Err(Failure::new(Rv::FunctionRejected, "no")));
    // Once is enough.
    link.phone.answer(first, Ok(Reply::Signature(b"one".to_vec())));
    link.run();
    assert_eq!(link.host_events(), ["answered two", "failed 0x200 no"]);
}

#[test]
fn a_request_that_is_given_up_is_cancelled_once_and_answered_once() {
    let mut link = Link::open();
    link.owner.answers = false;
    let id = link.host.request(sign(b"1")).unwrap();
    link.host.cancel(id);
    link.host.cancel(id);
    link.run();
    assert_eq!(link.phone_events(), ["asked", "cancelled"]);
    link.phone.answer(id, Err(Failure::new(Rv::FunctionCanceled, "given up")));
    link.host.cancel(id);
    link.run();
    assert_eq!(link.host_events(), ["failed 0x50 given up"]);
    assert!(link.host.is_open(), "a cancel that crosses the answer does no harm");
}

#[test]
fn a_phone_says_what_it_has_to_say() {
    let mut link = Link::open();
    for notice in [Notice::Pause(500), Notice::Changed(Change::Locked), Notice::Bye("off".to_owned())] {
        link.phone.notify(&notice).unwrap();
    }
    link.run();
    assert_eq!(
        link.host_events(),
        ["noticed Pause(120)", "noticed Changed(Locked)", "noticed Bye(\"off\")", "closed Bye(\"off\")"]
    );
    assert_eq!(link.phone.notify(&Notice::Pause(1)), Err(NotOpen::Closed));
    assert_eq!(link.host.request(Command::Ping), Err(NotOpen::Closed));
}

#[test]
fn a_host_says_good_bye() {
    let mut link = Link::open();
    link.host.bye("suspend");
    link.run();
    assert_eq!(link.phone_events(), ["closed Bye(\"suspend\")"]);
    assert_eq!(link.host_events(), [] as [&str; 0]);
}

#[test]
fn no_more_requests_wait_than_may() {
    let mut link = Link::open();
    link.owner.answers = false;
    for _ in 0..PENDING_LIMIT {
        link.host.request(sign(b"1")).unwrap();
    }
    assert_eq!(link.host.request(sign(b"1")), Err(NotOpen::Full));
    link.run();
    assert_eq!(link.asked.len(), PENDING_LIMIT);
}

#[test]
fn a_reply_of_another_kind_than_was_asked_for_is_an_error_of_the_phone() {
    let mut link = Link::open();
    link.owner.reply = |_| Ok(Reply::Done);
    link.host.request(sign(b"1")).unwrap();
    link.run();
    assert_eq!(link.host_events(), ["failed 0x5 the phone mistook the command"]);
}

#[test]
fn the_pairings_of_a_user_are_tried_in_turn() {
    let other = Known {
        pairing: PairingId::from_bytes([0xb0; 16]),
        own: StaticKey::generate(&mut SystemRandomness).unwrap(),
        ..hosts()
    };
    let host = Host::connect(vec![other.clone(), hosts()], Box::new(SystemRandomness));
    let mut link = Link::new(host, Owner::default());
    link.run();
    assert_eq!(link.host_events(), [format!("opened {PAIRING}")]);
    let host = Host::connect(vec![other], Box::new(SystemRandomness));
    let mut link = Link::new(host, Owner::default());
    link.run();
    assert_eq!(link.host_events(), ["closed Refused(UnknownPairing)"]);
    let mut link = Link::new(Host::connect(Vec::new(), Box::new(SystemRandomness)), Owner::default());
    link.run();
    assert_eq!(link.host_events(), ["closed Refused(UnknownPairing)"]);
}

#[test]
fn another_key_than_the_paired_one_opens_nothing() {
    for wrong in [
        Known { own: StaticKey::from_bytes(&[9; 32]), ..hosts() },
        Known { peer: StaticKey::from_bytes(&[9; 32]).public(), ..hosts() },
        Known { uid: 1001, ..hosts() },
    ] {
        let mut link = Link::new(Host::connect(vec![wrong], Box::new(SystemRandomness)), Owner::default());
        link.run();
        assert_eq!(link.host_events(), ["closed Refused(HandshakeFailed)"]);
        assert_eq!(link.phone_events(), [format!("hello {PAIRING}")]);
    }
}

#[test]
fn nothing_is_asked_before_the_channel_is_open() {
    let mut host = host();
    assert_eq!(host.request(Command::Ping), Err(NotOpen::Closed));
    host.cancel(claviger_phone_protocol::RequestId::new(1));
    host.confirm(true);
    assert_eq!(host.output(), b"ATE0\r");
}

#[test]
fn pairing_by_uri_ends_in_an_open_channel_and_the_same_record_on_both_sides() {
    let uri = offer(Method::Uri).uri();
    let owner = Owner { known: Vec::new(), uri, ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Uri), owner);
    link.run();
    let pairing = offer(Method::Uri).pairing;
    assert_eq!(
        link.host_events(),
        ["person asked", "paired Alice's phone Test 1", &format!("opened {pairing}")]
    );
    assert_eq!(
        link.phone_events(),
        [
            format!("hello uri:{pairing}"),
            "terms desk alice 1000".to_owned(),
            format!("hello {pairing}"),
            format!("opened {pairing}"),
            "pinged".to_owned()
        ]
    );
    link.host.request(sign(b"1")).unwrap();
    link.run();
    assert_eq!(link.host_events(), ["answered signed"]);
}

#[test]
fn pairing_by_numbers_waits_for_both_persons() {
    let owner = Owner { known: Vec::new(), numbers: true, ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Numbers), owner);
    link.run();
    let code = link.codes[0].clone();
    assert_eq!(code.len(), 6);
    assert_eq!(link.host_events(), [format!("compare {code}")]);
    assert!(link.granted.is_none(), "the phone's person is not asked before the host's has compared");
    link.host.confirm(true);
    link.run();
    let pairing = offer(Method::Numbers).pairing;
    assert_eq!(
        link.host_events(),
        ["person asked", "paired Alice's phone Test 1", &format!("opened {pairing}")]
    );
}

#[test]
fn numbers_that_differ_end_it_on_both_sides() {
    let owner = Owner { known: Vec::new(), numbers: true, ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Numbers), owner);
    link.run();
    link.host_events();
    link.host.confirm(false);
    link.run();
    assert_eq!(link.host_events(), ["closed NumbersDiffer"]);
    assert!(link.phone_events().last().unwrap().starts_with("closed Bye"));
    assert!(link.granted.is_none());
}

#[test]
fn the_phones_person_may_say_no() {
    let uri = offer(Method::Uri).uri();
    let owner = Owner { known: Vec::new(), uri, grants: false, ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Uri), owner);
    link.run();
    let events = link.host_events();
    assert_eq!(events[0], "person asked");
    assert!(events[1].starts_with("closed Declined(Failure { rv: FunctionRejected"), "{events:?}");
}
