//! What must not work: frames that were changed, requests that come twice, ends that lie.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use claviger_phone_protocol::phone::Event;
use claviger_phone_protocol::{Closed, Command, host};
use claviger_phone_protocol::{MESSAGE_LIMIT, RequestId};
use common::raw::{RawHost, RawPhone};
use common::{Link, host, hosts, phone, phones};

fn raw_host() -> RawHost {
    RawHost::connect(phone(), &hosts(), &phones())
}

fn raw_phone() -> RawPhone {
    RawPhone::connect(host(), &phones())
}

fn closed(events: &[Event]) -> &Closed {
    match events.last() {
        Some(Event::Closed(closed)) => closed,
        _ => panic!("the phone's end is still open"),
    }
}

fn closed_at_host(events: &[host::Event]) -> &Closed {
    match events.last() {
        Some(host::Event::Closed(closed)) => closed,
        _ => panic!("the host's end is still open"),
    }
}

#[test]
fn somebody_elses_host_and_phone_are_understood() {
    let mut raw = raw_host();
    let events = raw.say("AT+CKFIND=\"0000000000000001\"");
    assert!(matches!(events[..], [Event::Opened(_), Event::Asked(_)]));
    let mut raw = raw_phone();
    raw.host.request(Command::Logout).unwrap();
    assert!(raw.hear()[0].starts_with("AT+CKLOGOUT="));
}

#[test]
fn an_unknown_command_is_answered_and_the_channel_stays() {
    let mut raw = raw_host();
    raw.say("AT+CKFLY=\"0000000000000001\",7");
    assert_eq!(raw.hear(), ["+CKE: \"0000000000000001\",84,\"there is no such command\"\r\nERROR"]);
    raw.say("AT+CKPING=\"0000000000000002\"");
    assert_eq!(raw.hear(), ["+CKPING: \"0000000000000002\"\r\nOK"]);
}

#[test]
fn a_request_id_is_good_for_one_request() {
    for second in ["0000000000000005", "0000000000000004"] {
        let mut raw = raw_host();
        raw.say("AT+CKFIND=\"0000000000000005\"");
        let events = raw.say(&format!("AT+CKFIND=\"{second}\""));
        assert!(matches!(events[..], [Event::Closed(Closed::OutOfOrder)]));
    }
}

#[test]
fn a_flag_that_lies_closes_the_channel() {
    for (outer, inner) in [(0, 1), (1, 0), (0, 2), (2, 2)] {
        let mut raw = raw_host();
        let events = raw.frame(outer, inner, b"AT+CKFIND=\"0000000000000001\"");
        assert!(matches!(closed(&events), Closed::Forged | Closed::Malformed(_)));
        assert_eq!(events.len(), 1);
        let mut raw = raw_phone();
        assert!(matches!(
            closed_at_host(&raw.frame(outer, inner, b"+CKPAUSE: 1")),
            Closed::Forged | Closed::Malformed(_)
        ));
    }
}

#[test]
fn a_frame_without_a_byte_closes_the_channel() {
    for more in [0, 1] {
        assert_eq!(*closed(&raw_host().frame(more, more, b"")), Closed::Forged);
        assert_eq!(*closed_at_host(&raw_phone().frame(more, more, b"")), Closed::Forged);
    }
}

#[test]
fn a_message_that_is_none_closes_the_channel() {
    for text in [&b"RING"[..], b"AT+CKPING", b"\xff\xfe", b"AT+CKPING=\"1\""] {
        assert!(matches!(closed(&raw_host().frame(0, 0, text)), Closed::Malformed(_)));
    }
    for text in [&b"RING"[..], b"\xff\xfe", b"+CKPING: \"0000000000000001\"\r\nOK", b"OK"] {
        let mut raw = raw_phone();
        assert!(matches!(closed_at_host(&raw.frame(0, 0, text)), Closed::Malformed(_) | Closed::OutOfOrder));
    }
}

#[test]
fn a_message_without_end_closes_the_channel() {
    let fragment = vec![b'x'; 12_000];
    let most = MESSAGE_LIMIT / fragment.len();
    let mut raw = raw_host();
    for _ in 0..most {
        assert!(raw.frame(1, 1, &fragment).is_empty());
    }
    assert_eq!(*closed(&raw.frame(1, 1, &fragment)), Closed::TooLong);
    let mut raw = raw_phone();
    for _ in 0..most {
        assert!(raw.frame(1, 1, &fragment).is_empty());
    }
    assert_eq!(*closed_at_host(&raw.frame(1, 1, &fragment)), Closed::TooLong);
}

#[test]
fn a_line_without_end_closes_the_stream() {
    let long = vec![b'A'; claviger_phone_protocol::LINE_LIMIT + 1];
    let mut phone = phone();
    phone.receive(&long);
    assert!(matches!(phone.event(), Some(Event::Closed(Closed::TooLong))));
    let mut host = host();
    host.receive(&long);
    assert!(matches!(host.event(), Some(host::Event::Closed(Closed::TooLong))));
}

#[test]
fn an_answer_comes_once() {
    let mut raw = raw_phone();
    let id = raw.host.request(Command::Logout).unwrap();
    let answer = format!("+CKLOGOUT: \"{id}\"\r\nOK");
    assert!(matches!(raw.say(&answer)[..], [host::Event::Answered(_)]));
    assert!(matches!(raw.say(&answer)[..], [host::Event::Closed(Closed::OutOfOrder)]));
}

#[test]
fn an_answer_to_what_was_not_asked_closes_the_channel() {
    let mut raw = raw_phone();
    let id = raw.host.request(Command::Logout).unwrap();
    let other = RequestId::new(id.number() + 1);
    let events = raw.say(&format!("+CKLOGOUT: \"{other}\"\r\nOK"));
    assert!(matches!(events[..], [host::Event::Closed(Closed::OutOfOrder)]));
}

#[test]
fn a_second_handshake_in_a_channel_closes_it() {
    let mut link = Link::open();
    link.phone.receive(b"AT+CKHS=\"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\",\"\",1\r");
    assert!(matches!(link.phone.event(), Some(Event::Closed(Closed::Malformed(_)))));
}

#[test]
fn a_frame_without_a_channel_closes_the_stream() {
    let mut phone = phone();
    phone.receive(b"AT+CKX=0,\"AAAA\"\r");
    assert!(matches!(phone.event(), Some(Event::Closed(Closed::Forged))));
    assert_eq!(phone.output(), b"\r\nERROR\r\n");
    assert!(phone.event().is_none(), "that was the last one");
}

#[test]
fn a_command_in_clear_that_is_none_closes_an_open_channel() {
    for line in
        ["AT+CGMI", "AT+CKVER=1", "ATD112;", "AT+CMEE=\"", "AT+CMEE=\"1\"", "AT+CKPING=\"0000000000000001\""]
    {
        let mut link = Link::open();
        link.phone.receive(format!("{line}\r").as_bytes());
        assert!(matches!(link.phone.event(), Some(Event::Closed(Closed::Malformed(_)))), "{line}");
        assert_eq!(link.phone.output(), b"\r\nERROR\r\n", "{line}");
    }
    for line in ["AT", "ATE0", "ATI", "ATZ", "AT+CMEE=0", "AT+CKVER?"] {
        let mut link = Link::open();
        link.phone.receive(format!("{line}\r").as_bytes());
        assert!(link.phone.event().is_none(), "{line}");
        assert!(link.phone.output().ends_with(b"\r\nOK\r\n"), "{line}");
        assert!(link.phone.is_open().is_some(), "{line}");
    }
}

#[test]
fn a_phone_that_closed_the_channel_is_believed() {
    let mut link = Link::open();
    link.give_host(b"\r\nERROR\r\n");
    assert_eq!(link.host_events(), ["closed Refused(Other(0))"]);
}

#[test]
fn a_recorded_session_played_to_the_phone_opens_nothing() {
    let mut link = Link::open();
    link.host.request(Command::Logout).unwrap();
    link.run();
    let recorded: Vec<String> = link
        .transcript
        .iter()
        .filter(|(writer, _)| *writer == common::Writer::Host)
        .map(|(_, line)| format!("{line}\r"))
        .collect();
    // The phone draws other bytes this time.
    let identity = claviger_phone_protocol::phone::Identity { product: String::new() };
    let mut again = Link::new(host(), common::Owner::default());
    again.phone = claviger_phone_protocol::phone::Phone::new(identity, Box::new(common::Counting(7)));
    recorded.iter().for_each(|line| again.give_phone(line.as_bytes()));
    let events = again.phone_events();
    assert_eq!(events.last().map(String::as_str), Some("closed Forged"));
    assert!(events.iter().all(|event| !event.starts_with("opened")), "{events:?}");
    assert!(again.asked.is_empty());
}

#[test]
fn no_more_handshakes_are_tried_on_a_stream_than_a_user_can_need() {
    let mut phone = phone();
    for _ in 0..64 {
        phone.receive(b"AT+CKHS=\"x\",\"\",1\r");
        assert!(phone.event().is_none());
    }
    phone.receive(b"AT+CKHS=\"x\",\"\",1\r");
    assert!(matches!(phone.event(), Some(Event::Closed(Closed::Malformed(_)))));
}

#[test]
fn a_phone_that_decides_is_not_filled_up() {
    let mut raw = phone();
    raw.receive(b"AT+CKHS=\"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\",\"AAAA\",1\r");
    assert!(matches!(raw.event(), Some(Event::Hello(_))));
    raw.receive(b"AT\r");
    assert!(raw.event().is_none(), "nothing is looked at meanwhile");
    raw.receive(&[b'\r'; 70_000]);
    assert!(matches!(raw.event(), Some(Event::Closed(Closed::TooLong))));
}
