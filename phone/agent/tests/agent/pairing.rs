use std::io::{BufRead as _, BufReader, Write as _};

use claviger_phone_protocol::host::Event;
use claviger_phone_protocol::{Closed, Method, Refusal};

use crate::agent::{Agent, YES, wait};
use crate::computer::Computer;

#[test]
fn a_computer_is_paired_by_its_uri_and_known_from_then_on() {
    let agent = Agent::start(YES);
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    assert_eq!(pairing.phone, "test phone");
    assert_eq!(computer.keys(), []);
    let listed = agent.run(&["list"], b"");
    let text = String::from_utf8_lossy(&listed.stdout);
    let line =
        text.lines().find(|line| line.starts_with(&pairing.known.pairing.to_string())).expect("a line");
    assert!(line.contains("laptop") && line.contains("alice (1000)") && line.ends_with("yes"), "{text}");
    drop(computer);
    drop(Computer::connected(&agent, &pairing.known));
}

#[test]
fn a_pairing_that_the_person_refuses_is_none() {
    let agent = Agent::start("[[rule]]\noperation = 'pair'\nhost = 'desk'\nanswer = 'approve'");
    let offer = Computer::offer(Method::Uri, "laptop");
    let mut asking = agent.begin(&["pair"]);
    asking
        .stdin
        .take()
        .expect("piped")
        .write_all(offer.uri().expect("one").to_text().as_bytes())
        .expect("read");
    let closed = wait("the refusal", || match Computer::pair(&agent, offer.clone()).closed() {
        Closed::Refused(Refusal::NotAllowed) => None,
        closed => Some(closed),
    });
    assert!(matches!(closed, Closed::Declined(_)), "{closed}");
    let output = asking.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(!String::from_utf8_lossy(&agent.run(&["list"], b"").stdout).contains("laptop"));
}

#[test]
fn nobody_is_paired_uninvited() {
    let agent = Agent::start(YES);
    for method in [Method::Uri, Method::Numbers] {
        let closed = Computer::pair(&agent, Computer::offer(method, "laptop")).closed();
        assert_eq!(closed, Closed::Refused(Refusal::NotAllowed), "{method:?}");
    }
}

#[test]
fn another_computers_uri_opens_nothing_and_what_is_no_uri_is_told() {
    let agent = Agent::start(YES);
    let (invited, other) = (Computer::offer(Method::Uri, "laptop"), Computer::offer(Method::Uri, "stranger"));
    let mut asking = agent.begin(&["pair"]);
    asking
        .stdin
        .take()
        .expect("piped")
        .write_all(invited.uri().expect("one").to_text().as_bytes())
        .expect("read");
    let closed = wait("the invitation", || {
        let closed = Computer::pair(&agent, other.clone()).closed();
        (closed != Closed::Refused(Refusal::NotAllowed)).then_some(closed)
    });
    assert_eq!(closed, Closed::Refused(Refusal::Busy));
    drop(asking.kill());
    drop(asking.wait());
    let output = agent.run(&["pair"], b"claviger-pair:1?id=00");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("pairing URI"), "{output:?}");
}

#[test]
fn a_second_invitation_is_refused_while_one_stands() {
    let agent = Agent::start(YES);
    let mut first = agent.begin(&["pair", "--numbers"]);
    let mut lines = BufReader::new(first.stderr.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("Waiting"));
    let second = agent.run(&["pair", "--numbers"], b"");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("another pairing is under way"), "{second:?}");
    drop(first.kill());
    drop(first.wait());
    // The place is free again as soon as the agent knows that nobody waits any more.
    wait("the next invitation", || {
        let mut third = agent.begin(&["pair", "--numbers"]);
        let line = BufReader::new(third.stderr.take().expect("piped")).lines().next();
        drop(third.kill());
        drop(third.wait());
        line.expect("a line").expect("text").starts_with("Waiting").then_some(())
    });
}

#[test]
fn numbers_are_the_same_on_both_sides() {
    let agent = Agent::start(YES);
    let mut asking = agent.begin(&["pair", "--numbers"]);
    let mut lines = BufReader::new(asking.stderr.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("Waiting"));
    let mut computer = Computer::pair(&agent, Computer::offer(Method::Numbers, "laptop"));
    let mut stdout = BufReader::new(asking.stdout.take().expect("piped")).lines();
    let mut shown = None;
    loop {
        match computer.event() {
            Event::Compare(code) => {
                assert_eq!(stdout.next().expect("a line").expect("text"), code.to_string());
                shown = Some(code);
                computer.host.confirm(true);
            }
            Event::Opened(_) => break,
            Event::Closed(closed) => panic!("{closed}"),
            _ => {}
        }
    }
    assert!(shown.is_some());
    assert_eq!(computer.keys(), []);
    assert!(asking.wait().expect("its end").success());
}

#[test]
fn numbers_that_differ_end_the_pairing() {
    let agent = Agent::start(YES);
    let mut asking = agent.begin(&["pair", "--numbers"]);
    let mut lines = BufReader::new(asking.stderr.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("Waiting"));
    let mut computer = Computer::pair(&agent, Computer::offer(Method::Numbers, "laptop"));
    loop {
        match computer.event() {
            Event::Compare(_) => computer.host.confirm(false),
            Event::Closed(closed) => break assert_eq!(closed, Closed::NumbersDiffer),
            _ => {}
        }
    }
    assert_eq!(asking.wait().expect("its end").code(), Some(1));
}

#[test]
fn digits_are_not_drawn_anew_by_hanging_up() {
    let agent = Agent::start(YES);
    let mut asking = agent.begin(&["pair", "--numbers"]);
    let mut lines = BufReader::new(asking.stderr.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("Waiting"));
    let mut computer = Computer::pair(&agent, Computer::offer(Method::Numbers, "stranger"));
    while !matches!(computer.event(), Event::Compare(_)) {}
    drop(computer);
    assert_eq!(asking.wait().expect("its end").code(), Some(1));
    let closed = Computer::pair(&agent, Computer::offer(Method::Numbers, "stranger")).closed();
    assert_eq!(closed, Closed::Refused(Refusal::NotAllowed));
}

#[test]
fn a_yes_that_was_typed_ahead_pairs_nothing() {
    let agent = Agent::start(YES);
    let (mut keyboard, terminal) = crate::agent::terminal();
    keyboard.write_all(b"y\n").expect("a keyboard");
    let mut asking = agent.begin_at(&["pair", "--numbers"], terminal);
    let mut stderr = asking.stderr.take().expect("piped");
    crate::agent::see(&mut stderr, "Waiting");
    let mut computer = Computer::pair(&agent, Computer::offer(Method::Numbers, "laptop"));
    loop {
        if let Event::Compare(_) = computer.event() {
            break computer.host.confirm(true);
        }
    }
    let answering = std::thread::spawn(move || {
        crate::agent::see(&mut stderr, "Pair with it?");
        keyboard.write_all(b"n\n").expect("a keyboard");
        (keyboard, stderr)
    });
    assert!(matches!(computer.closed(), Closed::Declined(_)));
    assert_eq!(asking.wait().expect("its end").code(), Some(5));
    drop(answering.join().expect("no panic"));
}

#[test]
fn a_pairing_whose_person_gave_up_is_none() {
    let agent = Agent::start("[[rule]]\noperation = 'pair'\nanswer = 'ignore'");
    let mut asking = agent.begin(&["pair", "--numbers"]);
    let mut lines = BufReader::new(asking.stderr.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("Waiting"));
    let mut computer = Computer::pair(&agent, Computer::offer(Method::Numbers, "laptop"));
    loop {
        if let Event::Compare(_) = computer.event() {
            break computer.host.confirm(true);
        }
    }
    let asked = std::thread::spawn(move || computer.closed());
    // It is asked about as soon as the digits stand, which nobody is told: the end must come in either case.
    drop(asking.kill());
    drop(asking.wait());
    let closed = asked.join().expect("no panic");
    assert!(matches!(closed, Closed::Declined(_)), "{closed}");
    assert!(!String::from_utf8_lossy(&agent.run(&["list"], b"").stdout).contains("laptop"));
}

#[test]
fn a_pairing_that_cannot_be_kept_is_none_on_either_side() {
    let agent = Agent::start(YES);
    let offer = Computer::offer(Method::Numbers, "laptop");
    let mut asking = agent.begin(&["pair", "--numbers"]);
    let mut lines = BufReader::new(asking.stderr.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("Waiting"));
    let mut computer = Computer::pair(&agent, offer);
    loop {
        match computer.event() {
            Event::Compare(_) => {
                // Where its document would go there is no room.
                std::fs::remove_dir(agent.path("state/pairings")).expect("it is empty");
                computer.host.confirm(true);
            }
            Event::Paired(_) | Event::Opened(_) => panic!("it is not kept"),
            Event::Closed(_) => break,
            _ => {}
        }
    }
    assert_eq!(asking.wait().expect("its end").code(), Some(1));
}

#[test]
fn a_forgotten_computer_is_told_and_unknown_from_then_on() {
    let agent = Agent::start(YES);
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    let id = pairing.known.pairing.to_string();
    assert!(agent.run(&["forget", &id], b"").status.success());
    assert!(matches!(computer.closed(), Closed::Bye(why) if why.contains("ended the pairing")));
    let again = Computer::connect(agent.socket(), &pairing.known).err();
    assert_eq!(again, Some(Closed::Refused(Refusal::UnknownPairing)));
    assert_eq!(agent.run(&["forget", &id], b"").status.code(), Some(1));
    assert_eq!(agent.run(&["forget", "laptop"], b"").status.code(), Some(2));
}

#[test]
fn a_computer_can_end_its_own_pairing_and_no_other() {
    let agent = Agent::start(YES);
    let (mut one, first) = Computer::paired(&agent, "laptop");
    let (mut two, second) = Computer::paired(&agent, "desk");
    assert!(one.ask(claviger_phone_protocol::Command::Unpair).is_ok());
    one.closed();
    let again = Computer::connect(agent.socket(), &first.known).err();
    assert_eq!(again, Some(Closed::Refused(Refusal::UnknownPairing)));
    assert_eq!(two.keys(), []);
    drop(Computer::connected(&agent, &second.known));
}
