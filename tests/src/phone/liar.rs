use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use claviger_phone_protocol::phone::{Event, Identity, Phone};
use claviger_phone_protocol::{
    Command, Failure, Hello, Info, KeyEntry, Known, Notice, PairingUri, Refusal, Reply, Request, Rv,
    StaticKey, SystemRandomness,
};
use claviger_token::{Algorithm, Capabilities, Mechanism, Secret};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accounts::Person;
use crate::peer::{Peer, none};
use crate::phone::PairCall;
use crate::phone::relay::is_open;
use crate::until;

/// A phone of its own make that speaks the protocol and can sign (Ed25519), and lies when it is told to. It comes over the
/// daemon's socket.
pub struct Liar {
    state: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What it does instead of what it was asked.
pub enum Lie {
    /// What is right.
    Truth,
    /// It answers that.
    Says(Result<Reply, Failure>),
    /// It never answers.
    Never,
    /// It writes that into the stream, outside the channel, and never answers.
    Junk(Vec<u8>),
    /// It says all that unasked, then what is right.
    Flood(Vec<Notice>),
    /// It hangs up.
    HangUp,
}

/// Decides what becomes of a command.
type Script = Box<dyn FnMut(&Command) -> Lie + Send>;

struct Shared {
    mind: Mutex<Mind>,
    /// How often a channel came to be open.
    opened: watch::Sender<usize>,
}

struct Mind {
    known: Vec<Known>,
    invited: Option<PairingUri>,
    script: Option<Script>,
    keys: Vec<(KeyEntry, Arc<Ed25519KeyPair>)>,
}

impl Liar {
    /// Starts it; it connects to that socket as `person`, again and again.
    pub fn start(socket: PathBuf, person: &Person) -> Self {
        let mind = Mind { known: Vec::new(), invited: None, script: None, keys: Vec::new() };
        let state = Arc::new(Shared { mind: Mutex::new(mind), opened: watch::Sender::new(0) });
        let task = tokio::spawn(connect(socket, person.clone(), Arc::clone(&state)));
        Self { state, task }
    }

    /// Pairs with somebody's account, honestly.
    pub async fn pair(&self, owner: &Peer) -> String {
        let mut call = PairCall::begin(owner, Some("socket"), none());
        let uri = call.hears("uri ").await;
        self.state.mind().invited = Some(uri.parse().unwrap());
        call.ends().await.expect("it is paired")
    }

    /// Forgets every lie, and tells these from now on.
    pub fn lies(&self, script: impl FnMut(&Command) -> Lie + Send + 'static) {
        self.state.mind().script = Some(Box::new(script));
    }

    /// Is honest again.
    pub fn repents(&self) {
        self.state.mind().script = None;
    }

    /// Returns what it says of its keys.
    pub fn keys(&self) -> Vec<KeyEntry> {
        self.state.mind().keys.iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// Signs with the key at that place, as it would if it were asked.
    pub fn signature(&self, reference: &str, data: &[u8]) -> Vec<u8> {
        self.state.mind().sign(reference, data).expect("it has the key")
    }

    /// Puts another key's public half in the place of each.
    pub fn swaps_its_keys(&self) {
        for (entry, _) in &mut self.state.mind().keys {
            entry.public_key = new_key().1;
        }
    }

    /// Returns how often a channel to it was opened so far.
    pub fn opened(&self) -> usize {
        *self.state.opened.borrow()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }
}

async fn connect(socket: PathBuf, person: Person, state: Arc<Shared>) {
    loop {
        if !until(|| is_open(&socket)).await {
            return;
        }
        let stream = person.connect(&socket);
        stream.set_nonblocking(true).unwrap();
        serve(UnixStream::from_std(stream).unwrap(), &state).await;
    }
}

async fn serve(mut stream: UnixStream, state: &Shared) {
    let identity = Identity { product: "a liar".to_owned() };
    let mut phone = Phone::new(identity, Box::new(SystemRandomness));
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => phone.receive(&buffer[..count]),
        }
        while let Some(event) = phone.event() {
            let junk = state.react(&mut phone, event);
            let output = phone.output();
            match junk {
                Some(junk) => {
                    if stream.write_all(&[output, junk].concat()).await.is_err() {
                        return;
                    }
                }
                None => return,
            }
        }
        if stream.write_all(&phone.output()).await.is_err() {
            return;
        }
    }
}

impl Shared {
    /// Reacts, and returns what is to be written behind it; `None` where it hangs up.
    fn react(&self, phone: &mut Phone, event: Event) -> Option<Vec<u8>> {
        match event {
            Event::Hello(hello) => self.greet(phone, hello),
            Event::Opened(_) => self.opened.send_modify(|count| *count += 1),
            Event::Terms(_) => {
                if let Some(new) = phone.grant("Liar", "L1") {
                    self.mind().known.push(new.known);
                }
            }
            Event::Asked(request) => return self.asked(phone, request),
            Event::Cancelled(id) => phone.answer(id, Err(Failure::new(Rv::FunctionCanceled, "cancelled"))),
            Event::Closed(_) => return None,
            Event::Compare(_) | Event::Pinged => {}
        }
        Some(Vec::new())
    }

    fn greet(&self, phone: &mut Phone, hello: Hello) {
        let mind = self.mind();
        match hello {
            Hello::Known(id) => match mind.known.iter().find(|known| known.pairing == id) {
                Some(known) => phone.admit(known),
                None => phone.turn_away(Refusal::UnknownPairing),
            },
            Hello::Uri(id) => match &mind.invited {
                Some(uri) if uri.pairing == id => {
                    phone.pair_by_uri(uri, StaticKey::generate(&mut SystemRandomness).unwrap());
                }
                _ => phone.turn_away(Refusal::NotAllowed),
            },
            Hello::Numbers(_) => phone.turn_away(Refusal::NotAllowed),
        }
    }

    fn asked(&self, phone: &mut Phone, Request { id, command }: Request) -> Option<Vec<u8>> {
        let mut mind = self.mind();
        let lie = mind.script.as_mut().map_or(Lie::Truth, |script| script(&command));
        match lie {
            Lie::Truth => phone.answer(id, mind.truth(command)),
            Lie::Says(outcome) => phone.answer(id, outcome),
            Lie::Never => {}
            Lie::Junk(junk) => return Some(junk),
            Lie::Flood(notices) => {
                for notice in &notices {
                    phone.notify(notice).ok();
                }
                phone.answer(id, mind.truth(command));
            }
            Lie::HangUp => return None,
        }
        Some(Vec::new())
    }
}

impl Mind {
    fn truth(&mut self, command: Command) -> Result<Reply, Failure> {
        Ok(match command {
            Command::Info => Reply::Info(info()),
            Command::Find => Reply::Keys(self.keys.iter().map(|(entry, _)| entry.clone()).collect()),
            Command::Attributes { key } => {
                let found = self.keys.iter().find(|(entry, _)| entry.reference == key);
                Reply::Key(found.ok_or_else(unknown)?.0.clone())
            }
            Command::Generate { algorithm, new, .. } => {
                let (pair, public_key) = new_key();
                let entry = KeyEntry {
                    reference: format!("k{}", self.keys.len()),
                    id: Some(new.id),
                    label: new.label,
                    algorithm,
                    usage: algorithm.usage(),
                    public_key,
                };
                self.keys.push((entry.clone(), Arc::new(pair)));
                Reply::Key(entry)
            }
            Command::Sign { with, data, .. } => {
                Reply::Signature(self.sign(&with.key, &data).ok_or_else(unknown)?)
            }
            Command::Certificates { .. } => Reply::Certificates(Vec::new()),
            Command::Random { length } => Reply::Random(Secret::new(vec![4; length as usize])),
            Command::Delete { key, .. } => {
                self.keys.retain(|(entry, _)| entry.reference != key);
                Reply::Done
            }
            Command::Login { .. } | Command::Logout | Command::Ping | Command::Unpair => Reply::Done,
            Command::Import { .. }
            | Command::Verify { .. }
            | Command::Encrypt { .. }
            | Command::Decrypt { .. }
            | Command::Derive { .. }
            | Command::Decapsulate { .. }
            | Command::Digest { .. }
            | Command::Certify { .. } => {
                return Err(Failure::new(Rv::FunctionNotSupported, "it cannot"));
            }
        })
    }

    fn sign(&self, reference: &str, data: &[u8]) -> Option<Vec<u8>> {
        let (_, key) = self.keys.iter().find(|(entry, _)| entry.reference == reference)?;
        Some(key.sign(data).as_ref().to_vec())
    }
}

fn unknown() -> Failure {
    Failure::new(Rv::KeyHandleInvalid, "no such key")
}

fn info() -> Info {
    Info {
        label: "Liar".to_owned(),
        manufacturer: "nobody".to_owned(),
        model: "L1".to_owned(),
        serial: String::new(),
        unlocked: true,
        asks_itself: true,
        capabilities: Capabilities {
            mechanisms: [Mechanism::Eddsa].into(),
            generates: [Algorithm::Ed25519].into(),
            imports: [].into(),
            erases: true,
            data_limit: 1 << 20,
        },
    }
}

/// Makes an Ed25519 key; returns its public half as SubjectPublicKeyInfo (RFC 8410), too.
fn new_key() -> (Ed25519KeyPair, Vec<u8>) {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let public_key = [SPKI, pair.public_key().as_ref()].concat();
    (pair, public_key)
}

/// What stands before the 32 bytes of an Ed25519 key.
const SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
