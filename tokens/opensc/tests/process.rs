//! The program itself, with a connection as its standard input and no card: cards are the scenarios' business.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use claviger_card::CardError;
use claviger_card::opensc::frame::{FrameError, receive, send};
use claviger_card::opensc::protocol::{Reply, Request, VERSION};

/// Starts the program with one end of a connection; its module is none.
fn start() -> (UnixStream, Child) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(LONG)).unwrap();
    let child = command().stdin(Stdio::from(OwnedFd::from(theirs))).spawn().unwrap();
    (ours, child)
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger-opensc"));
    command.args(["--module", "/nonexistent/opensc-pkcs11.so"]).stdout(Stdio::null());
    command
}

fn ask(connection: &mut UnixStream, request: &Request) -> Result<Reply, FrameError> {
    send(connection, request)?;
    receive(connection)
}

fn hello(version: u16) -> Request {
    Request::Hello { version, reader: "Reader 00 00".to_owned() }
}

/// Waits for the end of the process, and no longer than is reasonable.
fn end_of(mut child: Child) -> ExitStatus {
    let (told, end) = mpsc::channel();
    thread::spawn(move || told.send(child.wait().unwrap()).unwrap());
    end.recv_timeout(LONG).expect("it ends")
}

/// Also that the program stands between OpenSC and PC/SC, however it was linked: else it ends before it answers.
#[test]
fn it_greets_and_says_what_is_missing() {
    let (mut connection, child) = start();
    assert!(matches!(ask(&mut connection, &hello(VERSION)), Ok(Reply::Ready)));
    let reply = ask(&mut connection, &Request::Read);
    assert!(matches!(reply, Ok(Reply::Refused(CardError::ServiceGone(_)))));
    drop(connection);
    assert!(end_of(child).success());
}

#[test]
fn it_ends_with_its_connection_although_nothing_was_said() {
    let (connection, child) = start();
    drop(connection);
    assert!(end_of(child).success());
}

#[test]
fn it_refuses_another_version_and_a_request_without_a_reader() {
    let (mut connection, _child) = start();
    let reply = ask(&mut connection, &Request::Read);
    assert!(matches!(reply, Ok(Reply::Refused(CardError::Reader(_)))));
    let reply = ask(&mut connection, &hello(VERSION + 1));
    assert!(matches!(reply, Ok(Reply::Refused(CardError::Reader(_)))));
}

#[test]
fn it_wants_a_connection() {
    let end = command().stdin(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(!end.success());
}

const LONG: Duration = Duration::from_secs(20);
