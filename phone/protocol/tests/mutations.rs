//! Every frame of a session, dropped, doubled, moved, cut, repeated and flipped: nothing is done twice, nothing is done that was
//! not asked for, and whatever does not come through unharmed ends the channel.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use claviger_phone_protocol::{Command, Errand, Mechanics, Reply};
use claviger_token::{Mechanism, Parameters};
use common::{Link, Owner, Writer, host};

/// What stands between the two ends does with the lines that are written.
type Mutation = Box<dyn Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>>;

/// So many data take two frames.
const LONG: usize = 10_000;

/// So few take one.
const SHORT: usize = 16;

/// Asks for two signatures.
fn ask(link: &mut Link, size: usize) {
    for letter in *b"12" {
        link.host.request(sign(letter, size)).unwrap();
    }
}

/// A phone that signs with what it was given.
fn open() -> Link {
    let mut link = Link::open();
    link.owner.reply = |request| match &request.command {
        Command::Sign { data, .. } => Ok(Reply::Signature(data.clone())),
        _ => panic!("another command came"),
    };
    link
}

fn sign(letter: u8, size: usize) -> Command {
    let with = Mechanics {
        key: "k1".to_owned(),
        mechanism: Mechanism::EcdsaSha256,
        parameters: Parameters::default(),
    };
    Command::Sign { with, data: vec![letter; size], errand: Errand::default() }
}

fn letter(command: &Command) -> u8 {
    match command {
        Command::Sign { data, .. } => {
            assert!(data.iter().all(|byte| *byte == data[0]), "other data came");
            data[0]
        }
        _ => panic!("another command came"),
    }
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\r').map(<[u8]>::to_vec).collect()
}

/// Lets the two requests through a mutation, then asks for a third, and holds that none was done twice, none out of turn, and
/// the third only if both came before it.
fn requests_survive_or_end(mutation: &Mutation, size: usize, name: &str) {
    let mut link = open();
    ask(&mut link, size);
    for line in mutation(lines(&link.host.output())) {
        link.give_phone(&line);
    }
    // What was cut off lies in the phone's buffer; a driver would close. Here the next command meets it.
    link.host.request(sign(b'3', size)).unwrap();
    let third = link.host.output();
    link.give_phone(&third);
    let done: Vec<u8> = link.asked.iter().map(|request| letter(&request.command)).collect();
    let closed = link.phone_events().iter().any(|event| event.starts_with("closed"));
    if closed {
        assert!(b"12".starts_with(&done), "{name}: {done:?} were done");
    } else {
        assert_eq!(done, b"123", "{name}: the channel is open and something is missing");
    }
}

/// The same in the other direction: two answers come through a mutation, then a third.
fn answers_survive_or_end(mutation: &Mutation, size: usize, name: &str) {
    let mut link = open();
    ask(&mut link, size);
    let requests = link.host.output();
    link.give_phone(&requests);
    for line in mutation(lines(&link.phone.output())) {
        link.give_host(&line);
    }
    if link.host.request(sign(b'3', size)).is_ok() {
        let request = link.host.output();
        link.give_phone(&request);
        let answer = link.phone.output();
        link.give_host(&answer);
    }
    let events = link.host_events();
    let answered: Vec<&str> = events.iter().filter_map(|event| event.strip_prefix("answered ")).collect();
    let answered: Vec<u8> = answered.iter().map(|signature| signature.as_bytes()[0]).collect();
    if events.last().is_some_and(|event| event.starts_with("closed")) {
        assert!(b"12".starts_with(&answered), "{name}: {answered:?} were answered");
    } else {
        assert_eq!(answered, b"123", "{name}: the channel is open and something is missing");
    }
}

/// How many lines there are: two frames for each request; as many answers, and an `OK` before them for each frame.
fn mutations(count: usize) -> Vec<(String, Mutation)> {
    let mut all: Vec<(String, Mutation)> = Vec::new();
    for place in 0..count {
        let mut add = |name: &str, mutation: Mutation| all.push((format!("{name} {place}"), mutation));
        add(
            "dropped",
            Box::new(move |mut lines| {
                lines.remove(place);
                lines
            }),
        );
        add(
            "doubled",
            Box::new(move |mut lines| {
                lines.insert(place, lines[place].clone());
                lines
            }),
        );
        add(
            "repeated at the end",
            Box::new(move |mut lines| {
                lines.push(lines[place].clone());
                lines
            }),
        );
        add(
            "moved to the front",
            Box::new(move |mut lines| {
                let line = lines.remove(place);
                lines.insert(0, line);
                lines
            }),
        );
        for length in [0, 1, 7, 8, 12, 1000] {
            add(
                &format!("cut to {length}"),
                Box::new(move |mut lines| {
                    lines[place].truncate(length);
                    lines
                }),
            );
            add(
                &format!("cut to {length} and ended"),
                Box::new(move |mut lines| {
                    lines[place].truncate(length);
                    lines[place].push(b'\r');
                    lines
                }),
            );
        }
    }
    all
}

#[test]
fn requests_are_done_once_or_the_channel_ends() {
    let none: Mutation = Box::new(|lines| {
        assert_eq!(lines.len(), 4);
        lines
    });
    requests_survive_or_end(&none, LONG, "unchanged");
    for (name, mutation) in mutations(4) {
        requests_survive_or_end(&mutation, LONG, &name);
    }
}

#[test]
fn answers_come_once_or_the_channel_ends() {
    let mut count = 0;
    let mut link = open();
    ask(&mut link, LONG);
    let requests = link.host.output();
    link.give_phone(&requests);
    count += lines(&link.phone.output()).len();
    let none: Mutation = Box::new(|lines| lines);
    answers_survive_or_end(&none, LONG, "unchanged");
    for (name, mutation) in mutations(count - 1) {
        answers_survive_or_end(&mutation, LONG, &name);
    }
}

/// One bit of every byte of a line, and every bit of its ends.
fn flips(line: &[u8]) -> Vec<(usize, u8)> {
    let ends = (0..12).chain(line.len() - 4..line.len());
    let ends = ends.flat_map(|place| (0..8).map(move |bit| (place, 1 << bit)));
    ends.chain((12..line.len() - 4).map(|place| (place, 1 << (place % 8)))).collect()
}

#[test]
fn a_flipped_bit_of_a_request_changes_nothing_or_ends_the_channel() {
    let mut link = open();
    ask(&mut link, SHORT);
    let whole = lines(&link.host.output());
    for (number, line) in whole.iter().enumerate() {
        for (place, bit) in flips(line) {
            let flip: Mutation = Box::new(move |mut lines| {
                lines[number][place] ^= bit;
                lines
            });
            requests_survive_or_end(&flip, SHORT, &format!("bit {bit:#x} of byte {place} of line {number}"));
        }
    }
}

#[test]
fn a_flipped_bit_of_an_answer_changes_nothing_or_ends_the_channel() {
    let mut link = open();
    ask(&mut link, SHORT);
    let requests = link.host.output();
    link.give_phone(&requests);
    let whole = lines(&link.phone.output());
    // Every line that is long is a frame; the short ones are flipped as well.
    for (number, line) in whole.iter().enumerate().filter(|(_, line)| line.len() > 30) {
        for (place, bit) in flips(line) {
            let flip: Mutation = Box::new(move |mut lines| {
                lines[number][place] ^= bit;
                lines
            });
            answers_survive_or_end(&flip, SHORT, &format!("bit {bit:#x} of byte {place} of line {number}"));
        }
    }
}

#[test]
fn a_flipped_bit_of_a_handshake_opens_nothing_or_changes_nothing() {
    let mut good = Link::new(host(), Owner::default());
    good.run();
    let transcript: Vec<(Writer, String)> = good.transcript.clone();
    let greeting = transcript.iter().position(|(_, line)| line.starts_with("AT+CKHS")).unwrap();
    for number in [greeting, greeting + 1] {
        let (writer, line) = &transcript[number];
        for place in 0..line.len() {
            let mut link = Link::new(host(), Owner::default());
            let mut line = line.clone().into_bytes();
            line[place] ^= 1 << (place % 7);
            carry(&mut link, *writer, &transcript[number].1, &line);
            let open = (link.host.is_open(), link.phone.is_open().is_some());
            let said = link.host_events();
            assert!(
                open == (true, true) || (!open.0 && !said.iter().any(|event| event.starts_with("opened"))),
                "bit of byte {place} of line {number}: {open:?} {said:?}"
            );
        }
    }
}

/// Runs a link on which one line is replaced by another.
fn carry(link: &mut Link, writer: Writer, from: &str, to: &[u8]) {
    let replace = |bytes: Vec<u8>, by: Writer| -> Vec<u8> {
        let place = bytes.windows(from.len()).position(|window| window == from.as_bytes());
        match place {
            Some(place) if by == writer => [&bytes[..place], to, &bytes[place + from.len()..]].concat(),
            _ => bytes,
        }
    };
    loop {
        let from_host = replace(link.host.output(), Writer::Host);
        let from_phone = replace(link.phone.output(), Writer::Phone);
        if from_host.is_empty() && from_phone.is_empty() {
            return;
        }
        link.give_phone(&from_host);
        link.give_host(&from_phone);
    }
}
