//! What stands on the other side of the socket: strangers, junk, crowds, and those who go.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use claviger_tests::DEADLINE;
use claviger_tests::accounts::Person;
use claviger_tests::agent::{Agent, Heard};
use claviger_tests::command::run;
use claviger_tests::place::give;

use crate::desk::Desk;

const LIST: &[u8] = &[0, 0, 0, 1, 11];
const FAILURE: &[u8] = &[0, 0, 0, 1, 5];

/// Sends bytes and returns the next answer; nothing where the connection ends.
fn ask(stream: &mut UnixStream, bytes: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // It may be closed already.
    stream.write_all(bytes).ok();
    let mut head = [0; 4];
    if stream.read_exact(&mut head).is_err() {
        return Vec::new();
    }
    let mut body = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut body).unwrap();
    [head.as_slice(), &body].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

#[tokio::test]
async fn strangers_are_not_answered_not_even_root() {
    let desk = Desk::set().await;
    let mut own = desk.connect(&Person::alice());
    assert_eq!(ask(&mut own, LIST), framed(&[12, 0, 0, 0, 0]));
    // The socket's mode keeps them out; were it open, the agent would.
    give(&desk.home, &Person::alice(), 0o755);
    give(&desk.socket(), &Person::alice(), 0o666);
    for stranger in [Person::root(), Person::bob()] {
        assert_eq!(ask(&mut desk.connect(&stranger), LIST), b"", "{}", stranger.name);
    }
    assert_eq!(ask(&mut own, LIST).len(), 9, "hers goes on");
}

#[tokio::test]
async fn junk_is_refused_and_frames_that_cannot_be_end_the_connection() {
    let desk = Desk::set().await;
    let mut stream = desk.connect(&Person::alice());
    let junk: [&[u8]; 8] = [
        &[0],
        &[200, 1, 2, 3],
        &[13],
        &[13, 0, 0, 0, 9],
        &[17, 0xff, 0xff, 0xff, 0xff],
        &[27],
        &[1],
        &[11, 0],
    ];
    for message in junk {
        assert_eq!(ask(&mut stream, &framed(message)), FAILURE, "{message:?}");
    }
    assert_eq!(ask(&mut stream, LIST).len(), 9, "it goes on");
    let mut largest = framed(&vec![200; 256 * 1024]);
    assert_eq!(ask(&mut stream, &largest), FAILURE, "the largest that is taken");
    largest[..4].copy_from_slice(&(256 * 1024 + 1_u32).to_be_bytes());
    assert_eq!(ask(&mut stream, &largest[..4]), b"", "refused before it is there");
    for empty in [[0; 4], [0xff; 4]] {
        assert_eq!(ask(&mut desk.connect(&Person::alice()), &empty), b"");
    }
}

#[tokio::test]
async fn the_extensions_are_told() {
    let desk = Desk::set().await;
    let mut stream = desk.connect(&Person::alice());
    let string = |text: &str| framed(text.as_bytes());
    let answer = ask(&mut stream, &framed(&[&[27], string("query").as_slice()].concat()));
    let names = ["query", "session-bind@openssh.com", "restrict-destination-v00@openssh.com"];
    let names = names.map(string).concat();
    assert_eq!(answer, framed(&[&[29], string("query").as_slice(), &names].concat()));
    let unknown = framed(&[&[27], string("fly@example.org").as_slice()].concat());
    assert_eq!(ask(&mut stream, &unknown), FAILURE);
}

#[tokio::test]
async fn a_crowd_is_not_let_in_and_passes() {
    let desk = Desk::set().await;
    let mut crowd: Vec<UnixStream> = (0..128).map(|_| desk.connect(&Person::alice())).collect();
    for stream in &mut crowd {
        assert_eq!(ask(stream, LIST).len(), 9);
    }
    assert_eq!(ask(&mut desk.connect(&Person::alice()), LIST), b"", "one too many");
    drop(crowd);
    desk.shows(&[]).await;
}

#[tokio::test]
async fn one_that_waits_for_a_person_holds_up_no_other_and_going_takes_the_question_back() {
    let desk = Desk::set().await;
    desk.generate("Ed25519", "asked").await;
    desk.generate("Ed25519", "free").await;
    desk.shell.claviger("key confirm asked always").await.ok();
    let mut agent = Agent::of(&desk.house, &Person::alice()).await;
    let mut waits = desk.program("ssh-add").args(["-T", "asked.pub"]).spawn().unwrap();
    let question = agent.asked().await;
    desk.run("ssh-add", "-T free.pub").await.ok();
    assert_eq!(desk.shown().await.len(), 2);
    waits.kill().unwrap();
    waits.wait().unwrap();
    match agent.hears().await {
        Heard::TakenBack(id) => assert_eq!(id, question.id()),
        Heard::Asked(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_locked_store_asks_once_and_then_signs() {
    let desk = Desk::set().await;
    desk.generate("Ed25519", "key").await;
    desk.run("ssh-add", "-T key.pub").await.ok();
    desk.alice.lock().await.unwrap();
    assert_ne!(desk.run("ssh-add", "-T key.pub").await.code, Some(0), "nobody can be asked");
    let mut agent = Agent::of(&desk.house, &Person::alice()).await;
    let (signed, ()) = tokio::join!(desk.run("ssh-add", "-T key.pub"), async {
        agent.asked().await.typed(claviger_tests::account::PASSPHRASE);
    });
    signed.ok();
    desk.run("ssh-add", "-T key.pub").await.ok();
    assert!(agent.heard_nothing().await);
}

#[tokio::test]
async fn a_daemon_that_was_restarted_is_found_again() {
    let mut desk = Desk::set().await;
    desk.generate("Ed25519", "key").await;
    desk.run("ssh-add", "-T key.pub").await.ok();
    desk.house.daemon.kill().await;
    assert_ne!(desk.run("ssh-add", "-T key.pub").await.code, Some(0));
    desk.house.daemon.restart(&desk.house.bus).await.unwrap();
    assert_eq!(desk.shown().await, ["key"]);
    desk.shell.claviger("unlock --passphrase-file passphrase").await.ok();
    desk.run("ssh-add", "-T key.pub").await.ok();
}

#[tokio::test]
async fn a_locked_agent_shows_and_signs_nothing_until_it_is_told_the_same_again() {
    let desk = Desk::set().await;
    desk.generate("Ed25519", "key").await;
    assert_eq!(told(&desk, "-X", "open").await, Some(1), "it is not locked");
    assert_eq!(told(&desk, "-x", "sesame").await, Some(0));
    assert_eq!(told(&desk, "-x", "again").await, Some(1));
    assert_eq!(desk.shown().await, [""; 0]);
    assert_ne!(desk.run("ssh-add", "-T key.pub").await.code, Some(0));
    assert_eq!(told(&desk, "-X", "wrong").await, Some(1));
    assert_eq!(desk.shown().await, [""; 0]);
    // Of this agent only: the key store knows nothing of it.
    desk.shell.file("message", "a message");
    desk.shell.claviger("sign --key key -o signature message").await.ok();
    assert_eq!(told(&desk, "-X", "sesame").await, Some(0));
    assert_eq!(desk.shown().await, ["key"]);
    desk.run("ssh-add", "-T key.pub").await.ok();
}

/// Locks or unlocks with ssh-add, to which a program types the pass phrase. Returns its exit code.
async fn told(desk: &Desk, how: &str, phrase: &str) -> Option<i32> {
    desk.file("ask", format!("#!/bin/sh\necho {phrase}\n"));
    desk.run("chmod", "700 ask").await.ok();
    let mut command = desk.program("ssh-add");
    command.env("SSH_ASKPASS", desk.home.join("ask")).env("SSH_ASKPASS_REQUIRE", "force").arg(how);
    run(command, b"").await.code
}

#[tokio::test]
async fn no_secret_is_told_and_no_core_is_left() {
    let mut desk = Desk::set().await;
    desk.end().await;
    desk.keygen("key", "-t ed25519").await;
    let mut command = desk.program("/bin/sh");
    command.env("AGENT", desk.agent_command().get_program()).env("BUS", desk.house.bus.address());
    command.arg("-ec").arg(
        r#"
        "$AGENT" --bus "$BUS" -d -a debug.sock 2>log >lines &
        pid=$!
        while ! test -s lines; do :; done
        export SSH_AUTH_SOCK=debug.sock
        ssh-add -q key; ssh-add -T key.pub
        grep 'Max core file size' /proc/$pid/limits
        stat -c %u /proc/$pid/mem
        kill $pid; wait $pid
        "#,
    );
    let ran = run(command, b"").await.ok();
    let lines: Vec<&str> = ran.text().lines().collect();
    let [limits, owner] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(limits.split_whitespace().rev().nth(1), Some("0"), "{limits}");
    assert_eq!(owner, "0", "nobody of hers may look into it");
    let log = desk.text("log");
    let body = desk.text("key").lines().nth(2).unwrap().to_owned();
    assert!(log.contains("debug: key: ") && !log.contains(&body), "{log}");
}
