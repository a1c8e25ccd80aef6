//! How much one end can make the other keep.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use claviger_phone_protocol::phone::Event;
use claviger_phone_protocol::{
    Closed, Command, DATA_LIMIT, Failure, MESSAGE_LIMIT, NotOpen, PENDING_BYTES_LIMIT, Reply, Request, Rv,
    host,
};
use claviger_token::Secret;
use common::raw::{RawHost, RawPhone};
use common::{Link, Owner, host, hosts, phone, phones};

fn random(length: usize) -> Command {
    Command::Random { length: length.try_into().unwrap() }
}

/// A channel to a phone that answers nothing.
fn slow() -> Link {
    let mut link = Link::open();
    link.owner = Owner { answers: false, ..Owner::default() };
    link
}

fn answer(link: &mut Link, request: &Request) {
    link.phone.answer(request.id, Ok(Reply::Random(Secret::new(vec![7; 8]))));
    link.run();
}

#[test]
fn a_message_in_fragments_of_a_byte_is_understood() {
    let mut raw = RawHost::connect(phone(), &hosts(), &phones());
    let (last, first) = b"AT+CKFIND=\"0000000000000001\"".split_last().unwrap();
    for byte in first {
        assert!(raw.frame(1, 1, &[*byte]).is_empty());
    }
    assert!(matches!(raw.frame(0, 0, &[*last])[..], [Event::Opened(_), Event::Asked(_)]));
    // What was taken is gone from the buffer.
    let events = raw.say("AT+CKFIND=\"0000000000000002\"");
    assert!(matches!(events[..], [Event::Asked(_)]));
}

#[test]
fn a_message_of_the_most_bytes_is_taken_whatever_its_fragments() {
    for size in [1000, 11_999, 12_000] {
        let mut raw = RawHost::connect(phone(), &hosts(), &phones());
        let mut message = b"AT+CKDIG=\"0000000000000001\",592,\"\"".to_vec();
        message.resize(MESSAGE_LIMIT, b' ');
        let fragments: Vec<&[u8]> = message.chunks(size).collect();
        let (last, first) = fragments.split_last().unwrap();
        assert!(first.iter().all(|fragment| raw.frame(1, 1, fragment).is_empty()));
        assert!(matches!(raw.frame(0, 0, last)[..], [Event::Opened(_), Event::Asked(_)]), "{size}");
    }
}

#[test]
fn a_message_of_too_many_values_closes_the_channel() {
    let mut raw = RawHost::connect(phone(), &hosts(), &phones());
    let most = format!("AT+CKFIND=\"0000000000000001\"{}", ",".repeat(1023));
    raw.say(&most);
    assert_eq!(raw.hear(), ["+CKE: \"0000000000000001\",7,\"there are too many values\"\r\nERROR"]);
    assert!(matches!(raw.say(&format!("{most},"))[..], [Event::Closed(Closed::Malformed(_))]));
}

#[test]
fn an_answer_of_too_many_lines_closes_the_channel() {
    for (lines, is_closed) in [(16_383, false), (16_384, true)] {
        let mut raw = RawPhone::connect(host(), &phones());
        let id = raw.host.request(Command::Logout).unwrap();
        let answer = format!("+CKLOGOUT: \"{id}\"\r\n{}OK", "x\r".repeat(lines));
        let mut events = Vec::new();
        let fragments: Vec<&[u8]> = answer.as_bytes().chunks(12_000).collect();
        let (last, first) = fragments.split_last().unwrap();
        first.iter().for_each(|fragment| events.extend(raw.frame(1, 1, fragment)));
        events.extend(raw.frame(0, 0, last));
        assert_eq!(matches!(events[..], [host::Event::Closed(Closed::OutOfOrder)]), is_closed, "{lines}");
    }
}

#[test]
fn a_phone_takes_no_more_requests_than_it_has_bytes_for() {
    let mut raw = RawHost::connect(phone(), &hosts(), &phones());
    let mut asked = 0;
    for number in 1..=64 {
        let events = raw.say(&format!("AT+CKRND=\"{number:016X}\",{DATA_LIMIT}"));
        asked += events.iter().filter(|event| matches!(event, Event::Asked(_))).count();
    }
    assert_eq!(asked, PENDING_BYTES_LIMIT / DATA_LIMIT);
    let refused = raw.hear();
    assert_eq!(refused.len(), 64 - asked);
    assert!(refused.iter().all(|answer| answer.contains("\",144,\"")), "{}", refused[0]);
    // What has no weight is still heard, and an answer makes room.
    assert!(matches!(raw.say("AT+CKFIND=\"0000000000000100\"")[..], [Event::Asked(_)]));
    raw.phone
        .answer(claviger_phone_protocol::RequestId::new(1), Err(Failure::new(Rv::FunctionRejected, "no")));
    assert!(matches!(raw.say("AT+CKRND=\"0000000000000101\",1048576")[..], [Event::Asked(_)]));
}

#[test]
fn a_host_keeps_back_what_a_phone_would_not_take() {
    let mut link = slow();
    for _ in 0..PENDING_BYTES_LIMIT / DATA_LIMIT {
        assert!(link.host.has_room(&random(DATA_LIMIT)));
        link.host.request(random(DATA_LIMIT)).unwrap();
    }
    assert!(!link.host.has_room(&random(1)));
    assert_eq!(link.host.request(random(1)), Err(NotOpen::Full));
    assert!(link.host.has_room(&Command::Ping));
    link.run();
    let first = link.asked.remove(0);
    answer(&mut link, &first);
    assert!(link.host.has_room(&random(DATA_LIMIT)) && !link.host.has_room(&random(DATA_LIMIT + 1)));
}

#[test]
fn what_is_too_much_at_any_time_is_told_at_once() {
    let mut link = slow();
    link.host.request(random(DATA_LIMIT)).unwrap();
    assert!(link.host.has_room(&random(PENDING_BYTES_LIMIT + 1)));
    link.host.request(random(PENDING_BYTES_LIMIT + 1)).unwrap();
    link.run();
    assert_eq!(link.host_events(), ["failed 0x21 there are too many bytes"]);
    assert!(link.host.has_room(&random(DATA_LIMIT)), "it is weighed no more");
}

#[test]
fn a_host_sees_a_long_answer_come() {
    let mut raw = RawPhone::connect(host(), &phones());
    let id = raw.host.request(random(3)).unwrap();
    let before = raw.host.frames();
    let answer = format!("+CKRND: \"{id}\",\"AAAA\"\r\nOK");
    let (head, tail) = answer.as_bytes().split_at(9);
    assert!(raw.frame(1, 1, head).is_empty());
    assert_eq!(raw.host.frames(), before + 1);
    raw.host.receive(b"+CREG: 1\r\nOK\r\n+CKX 0\r\n");
    assert!(raw.host.event().is_none());
    assert_eq!(raw.host.frames(), before + 1, "anybody can say that");
    assert!(matches!(raw.frame(0, 0, tail)[..], [host::Event::Answered(_)]));
    assert_eq!(raw.host.frames(), before + 2);
    raw.host.receive(b"+CKX: 0,\"AAAA\"\r\n");
    assert!(matches!(raw.host.event(), Some(host::Event::Closed(Closed::Forged))));
    assert_eq!(raw.host.frames(), before + 2);
}
