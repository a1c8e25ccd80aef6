use std::fs;
use std::os::unix::net::UnixListener;

use claviger_phone_protocol::{Closed, Rv};
use claviger_token::Algorithm;

use crate::agent::{Agent, DEADLINE, YES};
use crate::computer::{Computer, generate};

#[test]
fn keys_and_pairings_outlive_a_kill() {
    let agent = Agent::start(YES);
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    let keys = [computer.generate(Algorithm::P256, 1), computer.generate(Algorithm::Ed25519, 2)];
    let agent = agent.kill_and_restart();
    let mut computer = Computer::connected(&agent, &pairing.known);
    assert_eq!(computer.keys(), keys);
    for key in &keys {
        computer.sign(key);
    }
    assert_eq!(agent.outcomes().len(), 5);
}

#[test]
fn who_ends_says_good_bye() {
    let mut agent = Agent::start(YES);
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    agent.terminate();
    assert!(matches!(computer.closed(), Closed::Bye(why) if why.contains("ends")));
    // What is there is shown without the agent as well.
    let listed = agent.run(&["list", "--json"], b"");
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains(&pairing.known.pairing.to_string()) && text.contains("\"laptop\""), "{text}");
    assert!(!agent.path("state/control").exists());
}

#[test]
fn who_ends_says_good_bye_also_where_it_connected_itself() {
    let agent = Agent::start(YES);
    let (computer, pairing) = Computer::paired(&agent, "laptop");
    drop(computer);
    let path = agent.path("computer");
    let listener = UnixListener::bind(&path).expect("a socket");
    let mut agent = agent.restart_with(&["--connect", &format!("unix:{}", path.display())]);
    let (stream, _) = listener.accept().expect("it connects");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let mut computer = Computer::connect(stream, &pairing.known).expect("a channel");
    agent.terminate();
    let closed = computer.closed();
    assert!(matches!(&closed, Closed::Bye(why) if why.contains("agent ends")), "{closed}");
}

#[test]
fn a_full_disk_loses_nothing_and_what_is_not_kept_was_not_made() {
    let agent = Agent::start(YES);
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    // Files of the agent can grow no further: a write beyond it fails, as on a full disk.
    drop(computer);
    let agent = agent.kill_and_restart_with_files_of_at_most(1024);
    let mut computer = Computer::connected(&agent, &pairing.known);
    let failure = computer.ask(generate(Algorithm::Rsa2048, 2)).err().expect("there is no room");
    assert!(matches!(failure.rv, Rv::DeviceError | Rv::DeviceMemory), "{failure}");
    assert_eq!(computer.keys(), std::slice::from_ref(&key));
    drop(computer);
    let agent = agent.kill_and_restart();
    let mut computer = Computer::connected(&agent, &pairing.known);
    assert_eq!(computer.keys(), std::slice::from_ref(&key));
    computer.sign(&key);
    let names = fs::read_dir(agent.path("state/keys")).expect("a folder");
    let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 1, "no half document is left: {names:?}");
}

#[test]
fn without_a_store_it_says_how_to_make_one() {
    let agent = Agent::prepare(YES);
    let mut child = agent.spawn(&[]);
    assert_eq!(child.wait().expect("its end").code(), Some(3));
    agent.init();
    let again = agent.run(&["init", "--passphrase-file", "-"], b"other\n");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is one already"), "{again:?}");
    for words in [&["lock"][..], &["unlock"], &["pair", "--numbers"]] {
        assert_eq!(agent.run(words, b"").status.code(), Some(4), "{words:?}");
    }
    fs::write(agent.path("passphrase"), "wrong\n").expect("room");
    let mut child = agent.spawn(&[]);
    assert_eq!(child.wait().expect("its end").code(), Some(3));
}

#[test]
fn two_agents_do_not_share_a_folder() {
    let agent = Agent::start(YES);
    let mut second = agent.spawn(&[]);
    assert_eq!(second.wait().expect("its end").code(), Some(1));
}
