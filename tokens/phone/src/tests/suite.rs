//! The suite that every token passes, over each kind of stream that there is without a radio.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use claviger_conformance::{Subject, ToyToken};
use claviger_token::{Binding, KeyId, Presence, Secret, Token};
use tokio::sync::oneshot;

use super::fixture::pairing;
use super::{Fixture, Terminal, TestPhone};
use crate::{Link, PhoneToken};

struct PhoneSubject {
    token: Arc<PhoneToken>,
    keys: AtomicU8,
}

impl Subject for PhoneSubject {
    fn token(&self) -> &dyn Token {
        &*self.token
    }

    fn secret(&self) -> Secret {
        ToyToken::secret()
    }

    fn new_binding(&self) -> Binding {
        let key = KeyId::from_bytes([self.keys.fetch_add(1, Ordering::Relaxed); 16]);
        Binding { uid: 1000, user_name: "alice".into(), key, created: 1_700_000_000 }
    }
}

/// Runs the suite against a phone that serves the other end of that link.
async fn pass(link: Link, terminal: Option<Terminal>) {
    let fixture = Fixture::new();
    let (pairing, known) = pairing(vec![link]);
    let (phone, _) = TestPhone::new(vec![known]);
    fixture.phones.keep(pairing.clone(), None);
    match &terminal {
        Some(terminal) => tokio::spawn(phone.serve_terminal(terminal.clone())),
        None => tokio::spawn(phone.serve(fixture.connect().await)),
    };
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let subject = PhoneSubject { token: fixture.phones.token(&pairing.token()), keys: AtomicU8::new(0) };
    // The suite waits on threads of its own, as the daemon's channels do.
    let (done, passed) = oneshot::channel();
    thread::spawn(move || {
        claviger_conformance::run(&subject);
        done.send(())
    });
    passed.await.expect("the suite passes");
}

#[tokio::test]
async fn a_phone_on_a_terminal_passes() {
    let terminal = Terminal::new();
    pass(Link::Serial { path: terminal.path.clone() }, Some(terminal)).await;
}

#[tokio::test]
async fn a_phone_on_a_socket_passes() {
    pass(Link::Socket, None).await;
}
