//! Those who are not the phone.

use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::Known;
use claviger_token::Presence;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::fixture::{key, make_a_key, pairing};
use super::{Fixture, Terminal, TestPhone, deadline};
use crate::{Link, LinkFault, Refusal};

/// Waits until a link has failed, and returns how.
async fn fault(fixture: &Fixture) -> LinkFault {
    let mut events = fixture.phones.subscribe();
    deadline(async {
        loop {
            let faults = fixture.phones.snapshot().remove(0).faults;
            match faults
                .into_iter()
                .map(|(_, fault)| fault)
                .find(|fault| *fault != LinkFault::NobodyConnected)
            {
                Some(fault) => return fault,
                None => drop(events.recv().await),
            }
        }
    })
    .await
}

#[tokio::test]
async fn another_phone_with_the_same_name_and_pairing_is_refused() {
    let fixture = Fixture::new();
    let terminal = Terminal::new();
    let (pairing, known) = pairing(vec![Link::Serial { path: terminal.path.clone() }]);
    // It knows everything but the phone's private key.
    let (stranger, _) = TestPhone::new(vec![Known { own: key(), ..known }]);
    tokio::spawn(stranger.serve_terminal(terminal.clone()));
    fixture.phones.keep(pairing.clone(), None);
    let fault = fault(&fixture).await;
    assert!(matches!(fault, LinkFault::Refused(Refusal::HandshakeFailed) | LinkFault::Wrong(_)), "{fault:?}");
    assert_eq!(fixture.registry.presence(&pairing.token()), Presence::Unreachable);
}

#[tokio::test]
async fn a_phone_that_was_paired_with_another_computer_is_refused() {
    let fixture = Fixture::new();
    let (pairing, _) = pairing(vec![Link::Socket]);
    let (_, other) = super::fixture::pairing(vec![Link::Socket]);
    let (stranger, _) = TestPhone::new(vec![other]);
    fixture.phones.keep(pairing.clone(), None);
    tokio::spawn(stranger.serve(fixture.connect().await));
    assert_eq!(fault(&fixture).await, LinkFault::Refused(Refusal::UnknownPairing));
    assert_eq!(fixture.registry.presence(&pairing.token()), Presence::Unreachable);
}

#[tokio::test]
async fn a_terminal_that_another_program_holds_says_so_and_counts_as_our_own_side() {
    let fixture = Fixture::new();
    let terminal = Terminal::new();
    let held = std::fs::File::options().read(true).write(true).open(&terminal.path).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let (pairing, known) = pairing(vec![Link::Serial { path: terminal.path.clone() }]);
    let (phone, _) = TestPhone::new(vec![known]);
    tokio::spawn(phone.serve_terminal(terminal.clone()));
    fixture.phones.keep(pairing.clone(), None);
    let fault = fault(&fixture).await;
    assert_eq!(fault, LinkFault::TtyBusy);
    assert!(fault.is_ours());
    drop(held);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    assert_eq!(fixture.phones.snapshot()[0].faults, []);
}

/// Bytes that look like anything; always the same ones.
struct Junk(u64);

impl Junk {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 56) as u8
    }

    /// Returns up to so many bytes: noise, or lines that begin like real ones.
    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let lines = [
            "\r\nOK\r\n",
            "\r\nERROR\r\n",
            "\r\n+CME ERROR: 22\r\n",
            "\r\n+CKVER: 1\r\n\r\nOK\r\n",
            "\r\n+CKVER: 4294967296,,\"\r\n",
            "\r\n+CKHS: \"AAAA\"\r\n\r\nOK\r\n",
            "\r\n+CKX: 0,\"AAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\r\n",
            "\r\n+CKX: 1,\"",
            "AT+CKVER?\r",
            "\r\n\r\n\r\n",
        ];
        let length = usize::from(self.next()) * most / 256 + 1;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            match self.next() {
                0..96 => bytes.extend(lines[usize::from(self.next()) % lines.len()].as_bytes()),
                96..200 => bytes.push(self.next()),
                _ => bytes.push(self.next() % 96 + 32),
            }
        }
        bytes
    }
}

#[tokio::test]
async fn junk_never_stops_a_line_and_the_phone_is_found_behind_it() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(vec![Link::Socket]);
    fixture.phones.keep(pairing.clone(), None);
    let mut junk = Junk(1);
    for _ in 0..200 {
        let mut stream = fixture.connect().await;
        let bytes = junk.bytes(20_000);
        let (mut reader, mut writer) = stream.split();
        let written = async {
            // The other end may have had enough.
            drop(writer.write_all(&bytes).await);
            drop(writer.shutdown().await);
        };
        let mut rest = Vec::new();
        let read = reader.read_to_end(&mut rest);
        drop(deadline(async { tokio::join!(written, read) }).await);
    }
    let (phone, _) = TestPhone::new(vec![known]);
    tokio::spawn(phone.serve(fixture.connect().await));
    fixture.wait_until(&pairing.token(), Presence::Present).await;
}

#[tokio::test]
async fn junk_inside_an_open_channel_ends_in_a_new_one() {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(vec![Link::Socket]);
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.phones.keep(pairing.clone(), None);
    let mut junk = Junk(2);
    let mut made = None;
    for _ in 0..20 {
        // A man in the middle passes everything on, and then adds something.
        let mut here = fixture.connect().await;
        let (mut there, inner) = tokio::io::duplex(4096);
        let serving = tokio::spawn(Arc::clone(&phone).serve(inner));
        let token = fixture.phones.token(&pairing.token());
        let passing = async { drop(tokio::io::copy_bidirectional(&mut here, &mut there).await) };
        let using = async {
            fixture.wait_until(&pairing.token(), Presence::Present).await;
            if made.is_none() {
                made = Some(make_a_key(&*token).await);
            }
            fixture.sign_at_last(&*token, made.as_ref().unwrap()).await;
        };
        tokio::select! {
            () = passing => panic!("it was not cut"),
            () = using => {}
        }
        drop(here.write_all(&junk.bytes(5000)).await);
        // Whatever it was: a line that belongs to no channel, or a cut.
        let mut rest = Vec::new();
        drop(timeout(Duration::from_millis(100), here.read_to_end(&mut rest)).await);
        serving.abort();
    }
    tokio::spawn(Arc::clone(&phone).serve(fixture.connect().await));
    let token = fixture.phones.token(&pairing.token());
    fixture.sign_at_last(&*token, made.as_ref().unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_connects_and_says_nothing_is_not_kept_for_ever() {
    let fixture = Fixture::new();
    let (pairing, _) = pairing(vec![Link::Socket]);
    fixture.phones.keep(pairing, None);
    let mut stream = fixture.connect().await;
    let mut said = Vec::new();
    deadline(stream.read_to_end(&mut said)).await.unwrap();
    assert_eq!(fault(&fixture).await, LinkFault::Silent);
    // Time that stands still goes on only when nobody has anything to do.
    sleep(Duration::from_secs(1)).await;
}
