//! The harness: real buses, the real daemon, and people of several uids.
//!
//! | file | what |
//! | --- | --- |
//! | [`accounts`] | who takes part: existing Debian accounts |
//! | [`programs`] | where `clavigerd` and `claviger` are, runnable by anyone |
//! | [`parsers`] | everything that reads outside bytes, for the corpora and the fuzzer |
//! | [`place`] | folders with the right owner, small file systems |
//! | [`bus`] | a private dbus-daemon that lets every user in, and what it carried |
//! | [`daemon`] | `clavigerd` under a uid of its own: start, stop, kill, log |
//! | [`peer`] | a connection to the bus as some user, and calls by the documented contract alone |
//! | [`secret`] | pass phrases in pipes: well-behaved, closed, too long, without end |
//! | [`account`] | the usual beginning: registered, unlocked, with a key |
//! | [`memory`] | what stands in the daemon's memory |
//! | [`command`] | other programs, as some user or as root |
//! | [`shell`] | the command line as a person uses it |
//! | [`openssl`] | the second opinion |
//! | [`agent`] | a toy agent, answered by the test |
//! | [`cards`] | a house with a pcscd beside it, and cards that somebody enrolled |
//! | [`pcsc`] | a private pcscd, virtual cards, other programs beside |
//! | [`phone`] | the real `claviger-phone`, with the wire to it in the test's hands |
//! | [`clients`] | programs that others wrote, at keys in the local store, on a card, on a phone |
//! | [`bluetooth`] | real BlueZ and virtual radios, in a guest |
//! | [`lab`] | whole machines in containers: systemd, logind, PAM, polkit, pcscd |
//! | [`house`] | a bus with a daemon on it: what most scenarios start from |
//!
//! A scenario speaks to the daemon by D-Bus alone, as a program does that knows nothing of its insides; that is
//! why nothing here uses `claviger-client`. The command line has scenarios of its own.

// A harness that cannot set the scene has nothing better to do than to say why and stop.
#![allow(clippy::unwrap_used, reason = "the whole crate is tests")]

pub mod account;
pub mod accounts;
pub mod agent;
pub mod bluetooth;
pub mod bus;
pub mod cards;
pub mod clients;
pub mod command;
pub mod daemon;
pub mod house;
pub mod lab;
pub mod memory;
pub mod openssl;
pub mod parsers;
pub mod pcsc;
pub mod peer;
pub mod phone;
pub mod place;
pub mod programs;
pub mod secret;
pub mod shell;

use std::pin::Pin;
use std::time::{Duration, Instant};

use zbus::export::futures_core::Stream;

/// How long anything may take before a test gives up: generous, as the machine may be busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Returns what `future` gives, or fails the test if it takes longer than [`DEADLINE`].
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than {DEADLINE:?}"),
    }
}

/// Returns the next item of a stream, or `None` at its end.
pub async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Asks again and again until `holds`, and returns false if it did not within [`DEADLINE`]. For what sends no
/// event that one could wait for.
pub async fn until(mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}
