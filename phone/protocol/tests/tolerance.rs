//! What other people's phones, modems and terminals do to lines, and what is said before a channel is open.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use claviger_phone_protocol::host::Event;
use claviger_phone_protocol::{Command, Refusal};
use common::{Link, Owner, host, phone};

/// Runs a link whose lines are changed on their way.
fn run(link: &mut Link, to_phone: impl Fn(&str) -> String, to_host: impl Fn(&str) -> String) {
    loop {
        let from_host = String::from_utf8(link.host.output()).unwrap();
        let from_phone = String::from_utf8(link.phone.output()).unwrap();
        if from_host.is_empty() && from_phone.is_empty() {
            return;
        }
        link.give_phone(to_phone(&from_host).as_bytes());
        link.give_host(to_host(&from_phone).as_bytes());
    }
}

fn holds(to_phone: impl Fn(&str) -> String, to_host: impl Fn(&str) -> String) {
    let mut link = Link::new(host(), Owner::default());
    run(&mut link, &to_phone, &to_host);
    link.host.request(Command::Logout).unwrap();
    link.owner.reply = |_| Ok(claviger_phone_protocol::Reply::Done);
    run(&mut link, &to_phone, &to_host);
    let events = link.host_events();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].starts_with("opened") && events[1] == "answered", "{events:?}");
}

/// Lower-cases what is not quoted.
fn lower(text: &str) -> String {
    let parts = text.split('"').enumerate();
    let parts: Vec<String> = parts
        .map(|(place, part)| if place % 2 == 0 { part.to_lowercase() } else { part.to_owned() })
        .collect();
    parts.join("\"")
}

#[test]
fn case_outside_quotes_does_not_matter() {
    holds(lower, lower);
}

#[test]
fn spaces_between_words_do_not_matter() {
    let spaced = |text: &str| text.replace(',', " , ").replace('=', " = ").replace("\r\n+", "\r\n  +");
    // Base64 has a `=` of its own, inside quotes.
    let spaced = move |text: &str| {
        let parts = text.split('"').enumerate();
        let parts: Vec<String> =
            parts.map(|(place, part)| if place % 2 == 0 { spaced(part) } else { part.to_owned() }).collect();
        parts.join("\"")
    };
    holds(spaced, spaced);
}

#[test]
fn line_feeds_blank_lines_and_other_ends_do_not_matter() {
    holds(|text| text.replace('\r', "\r\n"), |text| text.replace("\r\n", "\n\n\n"));
    holds(|text| text.replace('\r', "\n\r"), |text| text.replace("\r\n", "\r"));
}

#[test]
fn what_a_modem_says_unasked_is_passed_over() {
    let ring =
        |text: &str| format!("\r\nRING\r\n\r\n+CREG: 1,\"\x01\r\n{text}\r\nNO CARRIER\r\n+CKNEW: 1\r\n");
    holds(str::to_owned, move |text| if text.is_empty() { String::new() } else { ring(text) });
    holds(
        |text| if text.is_empty() { String::new() } else { format!("noise\r\u{e9}\r{text}") },
        str::to_owned,
    );
}

#[test]
fn a_phone_that_repeats_every_command_is_understood() {
    let mut link = Link::new(host(), Owner::default());
    loop {
        let from_host = link.host.output();
        if from_host.is_empty() {
            break;
        }
        // The echo comes first.
        link.give_host(&from_host);
        link.give_phone(&from_host);
        let from_phone = link.phone.output();
        link.give_host(&from_phone);
    }
    assert!(matches!(link.at_host.front(), Some(Event::Opened(_))));
}

#[test]
fn bytes_one_by_one_are_understood() {
    let mut link = Link::new(host(), Owner::default());
    loop {
        let (from_host, from_phone) = (link.host.output(), link.phone.output());
        if from_host.is_empty() && from_phone.is_empty() {
            break;
        }
        from_host.iter().for_each(|byte| link.give_phone(&[*byte]));
        from_phone.iter().for_each(|byte| link.give_host(&[*byte]));
    }
    assert!(link.host.is_open());
}

/// Returns what a phone answers to a line.
fn answer(line: &str) -> String {
    let mut phone = phone();
    phone.receive(line.as_bytes());
    while phone.event().is_some() {
        phone.turn_away(Refusal::UnknownPairing);
    }
    String::from_utf8(phone.output()).unwrap()
}

#[test]
fn a_phone_answers_in_clear_what_a_modem_would() {
    let id = "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0";
    for (line, wanted) in [
        ("AT\r", "\r\nOK\r\n"),
        ("ATE0\r", "\r\nOK\r\n"),
        ("ate1\r", "\r\nOK\r\n"),
        ("ATZ\r", "\r\nOK\r\n"),
        ("ATI\r", "\r\nClaviger test phone\r\n\r\nOK\r\n"),
        ("AT+CMEE=1\r", "\r\nOK\r\n"),
        ("AT+CKVER?\r", "\r\n+CKVER: 1\r\n\r\nOK\r\n"),
        ("AT+CKVER=?\r", "\r\nERROR\r\n"),
        ("AT+CGMI\r", "\r\nERROR\r\n"),
        ("ATD112;\r", "\r\nERROR\r\n"),
        ("AT+CKHS\r", "\r\nERROR\r\n"),
        ("AT+CKHS=1\r", "\r\n+CME ERROR: 50\r\n"),
        ("AT+CKPING=\"0000000000000001\"\r", "\r\nERROR\r\n"),
        ("hello?\r", ""),
        ("\r\r\n", ""),
        ("AT", ""),
    ] {
        assert_eq!(answer(line), wanted, "{line:?}");
    }
    assert_eq!(answer(&format!("AT+CKHS=\"{id}\",\"AAAA\",1\r")), "\r\n+CME ERROR: 22\r\n");
    assert_eq!(answer(&format!("AT+CKHS=\"{id}\",\"AAAA\",7\r")), "\r\n+CME ERROR: 4\r\n");
    assert_eq!(answer(&format!("AT+CKHS=\"{id}\",\"AAAA\"\r")), "\r\n+CME ERROR: 50\r\n");
    assert_eq!(answer(&format!("AT+CMEE=0\rAT+CKHS=\"{id}\",\"AAAA\",1\r")), "\r\nOK\r\n\r\nERROR\r\n");
}
