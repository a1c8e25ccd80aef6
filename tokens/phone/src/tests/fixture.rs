use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use claviger_phone_protocol::host::Host;
use claviger_phone_protocol::{Known, PairingId, StaticKey, SystemRandomness};
use claviger_token::{Generated, Presence, Token, TokenError, TokenId, TokenOutput};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::phone::{TestPhone, generate, sign};
use crate::link::Link;
use crate::live::{Live, open};
use crate::registry::Registry;
use crate::{Bluetooth, Pairing, PhoneEvent, Phones, PhonesConfig};

/// This process's user: whoever connects to the socket is they.
pub(super) fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Waits, but not for ever: with time that stands still that costs nothing.
pub(super) async fn deadline<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(600), future).await.expect("it does not come")
}

/// A computer that phones are paired with, and its folder for sockets.
pub(super) struct Fixture {
    pub(super) phones: Arc<Phones>,
    pub(super) registry: Arc<Registry>,
    pub(super) events: UnboundedReceiver<PhoneEvent>,
    pub(super) folder: TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut PhonesConfig)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = PhonesConfig::new(folder.path());
        config.bluetooth = Bluetooth::Off;
        change(&mut config);
        let phones = Phones::start(config, &Handle::current());
        let (registry, events) = (Arc::clone(&phones.registry), phones.subscribe());
        Self { phones, registry, events, folder }
    }

    /// Connects to the user's socket, as soon as there is one.
    pub(super) async fn connect(&self) -> UnixStream {
        let path = self.folder.path().join("phone").join(uid().to_string());
        deadline(async {
            loop {
                match UnixStream::connect(&path).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    /// Keeps a phone that is connected by a stream in memory, as nothing else connects it.
    pub(super) async fn keep_in_memory(&self, phone: &Arc<TestPhone>, pairing: &Pairing) {
        self.registry.keep(pairing.clone(), None, Some(live(phone, pairing).await));
        self.wait_until(&pairing.token(), Presence::Present).await;
    }

    pub(super) async fn wait_until(&self, token: &TokenId, presence: Presence) {
        let mut changes = self.registry.changes();
        deadline(async {
            while self.registry.presence(token) != presence {
                changes.changed().await.unwrap();
            }
        })
        .await;
    }

    /// Signs as soon as the phone is there; what is lost with a channel is tried again.
    pub(super) async fn sign_at_last(&self, token: &dyn Token, made: &Generated) {
        loop {
            self.wait_until(token.id(), Presence::Present).await;
            match sign_with(token, made).await {
                Ok(()) => return,
                Err(TokenError::Removed | TokenError::Absent) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Returns the next event that says more than that something changed.
    pub(super) async fn event(&mut self) -> PhoneEvent {
        loop {
            match deadline(self.events.recv()).await.unwrap() {
                PhoneEvent::Changed { .. } => {}
                event => return event,
            }
        }
    }

    /// Returns true where nothing happened that says more than that something changed.
    pub(super) fn is_quiet(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            if !matches!(event, PhoneEvent::Changed { .. }) {
                return false;
            }
        }
        true
    }
}

/// Makes a key on the phone.
pub(super) async fn make_a_key(token: &dyn Token) -> Generated {
    match deadline(token.perform(generate())).await.unwrap() {
        TokenOutput::Generated(made) => made,
        _ => panic!("generating gives a key"),
    }
}

/// Signs with a key on the phone.
pub(super) async fn sign_with(token: &dyn Token, made: &Generated) -> Result<(), TokenError> {
    deadline(token.perform(sign(made, b"data"))).await.map(|output| assert!(is_signature(&output)))
}

fn is_signature(output: &TokenOutput) -> bool {
    matches!(output, TokenOutput::Signature(signature) if signature.len() == 64)
}

/// Makes a pairing, and what the phone keeps of it.
pub(super) fn pairing(links: Vec<Link>) -> (Pairing, Known) {
    let (host, phone) = (key(), key());
    let id = PairingId::generate(&mut SystemRandomness).unwrap();
    let known = Known { pairing: id, uid: uid(), own: phone.clone(), peer: host.public() };
    let name = "Alice's phone".into();
    let pairing = Pairing { id, uid: uid(), name, phone_key: phone.public(), host_key: host, links };
    (pairing, known)
}

pub(super) fn key() -> StaticKey {
    StaticKey::generate(&mut SystemRandomness).unwrap()
}

/// Opens a channel to the phone on a stream in memory.
pub(super) async fn live(phone: &Arc<TestPhone>, pairing: &Pairing) -> Live {
    let (here, there) = tokio::io::duplex(1024);
    tokio::spawn(Arc::clone(phone).serve(there));
    live_on(here, pairing).await
}

/// Opens a channel to the phone on a stream that brings a kilobyte of what it says in each `pace`, until it is cut.
pub(super) async fn slow_live(
    phone: &Arc<TestPhone>,
    pairing: &Pairing,
    pace: Duration,
) -> (Live, AbortHandle) {
    let (here, between) = tokio::io::duplex(1024);
    let (yonder, there) = tokio::io::duplex(1024);
    tokio::spawn(Arc::clone(phone).serve(there));
    let (mut from_host, mut to_host) = tokio::io::split(between);
    let (mut from_phone, mut to_phone) = tokio::io::split(yonder);
    tokio::spawn(async move { tokio::io::copy(&mut from_host, &mut to_phone).await });
    let carrying = tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(count) = from_phone.read(&mut buffer).await {
            if count == 0 || to_host.write_all(&buffer[..count]).await.is_err() {
                return;
            }
            tokio::time::sleep(pace).await;
        }
    });
    (live_on(here, pairing).await, carrying.abort_handle())
}

async fn live_on(here: DuplexStream, pairing: &Pairing) -> Live {
    let host = Host::connect(vec![pairing.known()], Box::new(SystemRandomness));
    let opened = open(Live::new(host, Box::new(here), Link::Socket)).await;
    opened.map(|(_, live)| live).unwrap_or_else(|unopened| panic!("{}", unopened.fault()))
}

/// A terminal whose other end is a stream.
#[derive(Clone)]
pub(super) struct Terminal {
    pub(super) path: PathBuf,
    other: Arc<StdStream>,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        let (other, inner) = StdStream::pair().unwrap();
        // A master without a slave reads EIO; that the slave was opened once keeps it.
        let keeper = File::options().read(true).write(true).open(&path).unwrap();
        raw(&keeper);
        let (mut from, mut to) = (File::from(master), inner);
        let (mut back_from, mut back_to) = (to.try_clone().unwrap(), from.try_clone().unwrap());
        thread::spawn(move || {
            copy(&mut from, &mut to);
            drop(keeper);
        });
        thread::spawn(move || copy(&mut back_from, &mut back_to));
        Self { path, other: Arc::new(other) }
    }

    /// Returns the other end, where the phone is.
    pub(super) fn other(&self) -> UnixStream {
        let other = self.other.try_clone().unwrap();
        other.set_nonblocking(true).unwrap();
        UnixStream::from_std(other).unwrap()
    }
}

fn raw(terminal: &File) {
    let mut settings = rustix::termios::tcgetattr(terminal).unwrap();
    settings.make_raw();
    rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, &settings).unwrap();
}

fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = [0; 4096];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
