//! The person is asked on a terminal: a pty whose other end is the test.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::thread;

use claviger_phone::approval::{Approver, Terminal, Unlocking, Verdict};
use claviger_phone::question::{Operation, Question};
use claviger_phone_protocol::{Reply, Rv};
use claviger_token::{Algorithm, Errand, Mechanism};
use rustix::pty::OpenptFlags;

use crate::agent::{Agent, DEADLINE, wait};
use crate::computer::{Computer, sign};

/// The person's end of a terminal.
struct Person {
    screen: File,
    seen: String,
}

impl Person {
    fn sit_down() -> (Self, Terminal) {
        let screen = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
        rustix::pty::grantpt(&screen).expect("a pty");
        rustix::pty::unlockpt(&screen).expect("a pty");
        let path = rustix::pty::ptsname(&screen, Vec::new()).expect("a name");
        let terminal = Terminal::at(path.to_str().expect("text").as_ref()).expect("a terminal");
        (Self { screen: screen.into(), seen: String::new() }, terminal)
    }

    /// Reads until that stands on the screen.
    fn see(&mut self, text: &str) {
        let begin = std::time::Instant::now();
        while !self.seen.contains(text) {
            assert!(begin.elapsed() < DEADLINE, "{text} is not on the screen: {}", self.seen);
            let mut bytes = [0; 1024];
            let timeout = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            let fd = self.screen.as_fd();
            let mut polled = [rustix::event::PollFd::from_borrowed_fd(fd, rustix::event::PollFlags::IN)];
            if rustix::event::poll(&mut polled, Some(&timeout)).expect("polled") > 0 {
                let count = self.screen.read(&mut bytes).expect("a screen");
                self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        }
    }

    fn enter(&mut self, line: &str) {
        self.seen.clear();
        self.screen.write_all(line.as_bytes()).expect("a keyboard");
        self.screen.write_all(b"\n").expect("a keyboard");
    }
}

fn question(operation: Operation) -> Question {
    let errand = Errand { user: "alice".into(), application: "mail\u{1b}[2J".into(), purpose: "sign".into() };
    Question::new(operation, "00", "laptop", &errand)
        .with_key("k", "signing", Algorithm::P256)
        .with_data(Mechanism::EcdsaSha256, b"abc")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn the_person_sees_who_asks_for_what_and_answers() {
    let runtime = runtime();
    let (mut person, terminal) = {
        let _in_it = runtime.enter();
        Person::sit_down()
    };
    let terminal = Arc::new(terminal);
    for (entered, operation, expected) in [
        ("y", Operation::Sign, Verdict::Approved),
        ("", Operation::Sign, Verdict::Refused),
        ("what?", Operation::Sign, Verdict::Refused),
        ("m", Operation::Sign, Verdict::ApprovedFor(claviger_phone::approval::A_WHILE)),
        ("m", Operation::Delete, Verdict::Refused),
        ("yes", Operation::Delete, Verdict::Approved),
    ] {
        let (question, terminal) = (question(operation), Arc::clone(&terminal));
        let answering = async { terminal.approve(&question).await };
        let person = &mut person;
        let verdict = thread::scope(|scope| {
            scope.spawn(move || {
                person.see("Approve?");
                for text in
                    ["laptop", "alice", "mail[2J", "\"signing\" (P-256)", "ECDSA_SHA256", "ba7816bf8f01cfea"]
                {
                    person.see(text);
                }
                person.enter(entered);
            });
            runtime.block_on(answering)
        });
        assert_eq!(verdict, expected, "{entered}");
    }
}

#[test]
fn a_secret_is_not_shown_and_none_is_a_no() {
    let runtime = runtime();
    let (mut person, terminal) = {
        let _in_it = runtime.enter();
        Person::sit_down()
    };
    for entered in ["correct horse", ""] {
        let question = question(Operation::Sign);
        let person = &mut person;
        let answer = thread::scope(|scope| {
            scope.spawn(move || {
                person.see("Enter the pass phrase");
                person.see("the secret is wrong");
                person.enter(entered);
                person.see("\r\n");
                assert!(!person.seen.contains("horse"), "{}", person.seen);
            });
            runtime.block_on(terminal.unlock(&question, "pass phrase", Some("the secret is wrong")))
        });
        match answer {
            Unlocking::Secret(secret) => assert_eq!(secret.expose(), entered.as_bytes()),
            Unlocking::Refused => assert_eq!(entered, ""),
            Unlocking::Impossible(why) => panic!("{why}"),
        }
    }
}

#[test]
fn a_question_that_nobody_waits_for_is_taken_back() {
    let runtime = runtime();
    let (mut person, terminal) = {
        let _in_it = runtime.enter();
        Person::sit_down()
    };
    let question = question(Operation::Sign);
    let (asked, gone) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let person = &mut person;
        scope.spawn(move || {
            person.see("Approve?");
            asked.send(()).expect("somebody waits");
            person.see("The question was taken back.");
        });
        runtime.block_on(async {
            let answer = terminal.approve(&question);
            let seen = tokio::task::spawn_blocking(move || gone.recv());
            tokio::select! {
                _ = answer => panic!("nobody answered"),
                _ = seen => {}
            }
        });
    });
}

#[test]
fn a_request_that_its_computer_gives_up_or_leaves_behind_is_noted_so() {
    let agent =
        Agent::start("[[rule]]\npurpose = 'forgotten'\nanswer = 'ignore'\n[[rule]]\nanswer = 'approve'");
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    let id = computer.begin(sign(&key, "forgotten"));
    // What comes behind it is not held up.
    computer.sign(&key);
    computer.cancel(id);
    let (answered, outcome) = computer.answer();
    assert_eq!((answered, outcome.err().map(|failure| failure.rv)), (id, Some(Rv::FunctionCanceled)));
    computer.begin(sign(&key, "forgotten"));
    computer.sign(&key);
    drop(computer);
    let expected = [
        "pair: approved",
        "generate: approved",
        "sign: approved",
        "sign: given up",
        "sign: approved",
        "sign: given up",
    ];
    wait("the last line", || (agent.outcomes() == expected).then_some(()));
    let mut computer = Computer::connected(&agent, &pairing.known);
    assert!(matches!(computer.ask(sign(&key, "sign")), Ok(Reply::Signature(_))));
}
