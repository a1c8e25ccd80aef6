//! A serial line: a pty whose other end is the computer.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;

use claviger_phone_protocol::Closed;
use claviger_token::Algorithm;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pty::OpenptFlags;
use rustix::termios::LocalModes;

use crate::agent::{Agent, YES, wait};
use crate::computer::Computer;

/// The computer's end of the wire. What is sent while nobody listens is lost: nothing comes back then.
struct Line(File);

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut polled = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        match rustix::event::poll(&mut polled, Some(&second))? {
            0 => Ok(0),
            // Nobody has the other end open: as if the cable were out.
            _ => self.0.read(buffer).or(Ok(0)),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_paired_computer_signs_over_a_wire_also_after_junk() {
    let agent = Agent::start(YES);
    let (computer, pairing) = Computer::paired(&agent, "laptop");
    drop(computer);
    let line = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
    rustix::pty::grantpt(&line).expect("a pty");
    rustix::pty::unlockpt(&line).expect("a pty");
    let path = rustix::pty::ptsname(&line, Vec::new()).expect("a name");
    let agent = agent.restart_with(&["--serial", path.to_str().expect("text")]);
    // It listens as soon as the line passes bytes on as they are.
    let is_raw = || {
        let modes = rustix::termios::tcgetattr(&line).expect("a line").local_modes;
        (!modes.contains(LocalModes::ICANON)).then_some(())
    };
    wait("the agent at the line", is_raw);
    let open = || Line(line.try_clone().expect("a copy").into());
    let mut computer = Computer::connect(open(), &pairing.known).expect("a channel");
    let key = computer.generate(Algorithm::P256, 1);
    computer.sign(&key);
    computer.write(b"AT+CKX=0,\"AAAA\"\r");
    computer.closed();
    drop(computer);
    // The line is opened anew, and nothing that was said before is believed.
    wait("another channel", || {
        let mut computer = Computer::connect(open(), &pairing.known).ok()?;
        computer.sign(&key);
        Some(())
    });
    let mut agent = agent;
    let mut computer = wait("one more channel", || Computer::connect(open(), &pairing.known).ok());
    agent.terminate();
    let closed = computer.closed();
    assert!(matches!(&closed, Closed::Bye(why) if why.contains("agent ends")), "{closed}");
}
