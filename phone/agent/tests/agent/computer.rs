//! A computer: the host's end of phone/protocol on a stream.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use claviger_phone_protocol::host::{Event, Host};
use claviger_phone_protocol::{
    Closed, Command, Failure, KeyEntry, Known, Mechanics, Method, NewKey, NewPairing, Notice, Offer, Reply,
    RequestId, SystemRandomness, Terms,
};
use claviger_token::{Algorithm, Errand, KeyId, Mechanism, Parameters};

use crate::agent::Agent;

/// A computer that talks to a phone on one stream.
pub(crate) struct Computer<S = UnixStream> {
    pub(crate) host: Host,
    stream: S,
}

impl Computer {
    /// Makes an offer of pairing.
    pub(crate) fn offer(method: Method, name: &str) -> Offer {
        let terms = Terms { host: name.to_owned(), user: "alice".to_owned(), uid: 1000 };
        Offer::new(method, terms, &mut SystemRandomness).expect("random bytes")
    }

    /// Pairs by the offer's URI, which the person gives to the agent.
    pub(crate) fn paired(agent: &Agent, name: &str) -> (Self, NewPairing) {
        let offer = Self::offer(Method::Uri, name);
        let uri = offer.uri().expect("a URI").to_text();
        let mut asking = agent.begin(&["pair"]);
        asking.stdin.take().expect("piped").write_all(uri.as_bytes()).expect("it reads");
        let (computer, pairing) = Self::dial_to_pair(agent, offer);
        let output = asking.wait_with_output().expect("its end");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), pairing.known.pairing.to_string());
        (computer, pairing)
    }

    /// Tries until the agent is ready to pair.
    fn dial_to_pair(agent: &Agent, offer: Offer) -> (Self, NewPairing) {
        crate::agent::wait("the pairing", || {
            let host = Host::pair(offer.clone(), Box::new(SystemRandomness));
            let mut computer = Self { host, stream: agent.socket() };
            let mut pairing = None;
            loop {
                match computer.event() {
                    Event::Paired(new) => pairing = Some(*new),
                    Event::Opened(_) => break pairing.take().map(|pairing| (computer, pairing)),
                    Event::Closed(_) => break None,
                    _ => {}
                }
            }
        })
    }

    /// Begins to pair.
    pub(crate) fn pair(agent: &Agent, offer: Offer) -> Self {
        Self { host: Host::pair(offer, Box::new(SystemRandomness)), stream: agent.socket() }
    }

    /// Opens a channel.
    pub(crate) fn connected(agent: &Agent, known: &Known) -> Self {
        Self::connect(agent.socket(), known).expect("a channel")
    }
}

impl<S: Read + Write> Computer<S> {
    /// Opens a channel on that stream.
    pub(crate) fn connect(stream: S, known: &Known) -> Result<Self, Closed> {
        let mut computer =
            Self { host: Host::connect(vec![known.clone()], Box::new(SystemRandomness)), stream };
        loop {
            match computer.event() {
                Event::Opened(_) => return Ok(computer),
                Event::Closed(closed) => return Err(closed),
                _ => {}
            }
        }
    }

    /// Returns what happens next. The end of the stream counts as a good-bye.
    pub(crate) fn event(&mut self) -> Event {
        let mut buffer = [0; 4096];
        loop {
            self.flush();
            let event = self.host.event();
            self.flush();
            if let Some(event) = event {
                return event;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Event::Closed(Closed::Bye("the stream ended".to_owned())),
                Ok(count) => self.host.receive(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return Event::Closed(Closed::Bye("the stream broke".to_owned()));
                }
                Err(error) => panic!("the phone says nothing: {error}"),
            }
        }
    }

    fn flush(&mut self) {
        let output = self.host.output();
        // A phone that went is noticed when it is read from.
        drop(self.stream.write_all(&output));
    }

    /// Writes bytes that are no protocol.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// Asks for something, and sends it.
    pub(crate) fn begin(&mut self, command: Command) -> RequestId {
        let id = self.host.request(command).expect("a channel");
        self.flush();
        id
    }

    /// Gives a request up.
    pub(crate) fn cancel(&mut self, id: RequestId) {
        self.host.cancel(id);
        self.flush();
    }

    /// Returns the next answer.
    pub(crate) fn answer(&mut self) -> (RequestId, Result<Reply, Failure>) {
        loop {
            match self.event() {
                Event::Answered(answer) => return (answer.id, answer.outcome),
                Event::Closed(closed) => panic!("the channel is closed: {closed}"),
                _ => {}
            }
        }
    }

    /// Asks for something and waits for the answer.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Reply, Failure> {
        let id = self.begin(command);
        let (answered, outcome) = self.answer();
        assert_eq!(answered, id);
        outcome
    }

    /// Waits for the end of the stream.
    pub(crate) fn closed(&mut self) -> Closed {
        loop {
            if let Event::Closed(closed) = self.event() {
                return closed;
            }
        }
    }

    /// Waits for a notice.
    pub(crate) fn notice(&mut self) -> Notice {
        loop {
            match self.event() {
                Event::Noticed(notice) => return notice,
                Event::Closed(closed) => panic!("the channel is closed: {closed}"),
                _ => {}
            }
        }
    }

    /// Has a key made.
    pub(crate) fn generate(&mut self, algorithm: Algorithm, number: u8) -> KeyEntry {
        match self.ask(generate(algorithm, number)) {
            Ok(Reply::Key(key)) => key,
            Ok(_) => panic!("it is no key"),
            Err(failure) => panic!("{failure}"),
        }
    }

    /// Has "hello" signed, and checks the signature.
    pub(crate) fn sign(&mut self, key: &KeyEntry) {
        match self.ask(sign(key, "sign")) {
            Ok(Reply::Signature(signature)) => check(key, &signature),
            Ok(_) => panic!("it is no signature"),
            Err(failure) => panic!("{failure}"),
        }
    }

    /// Returns the keys that the phone shows.
    pub(crate) fn keys(&mut self) -> Vec<KeyEntry> {
        match self.ask(Command::Find) {
            Ok(Reply::Keys(keys)) => keys,
            Ok(_) => panic!("these are no keys"),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// Checks a signature of "hello".
pub(crate) fn check(key: &KeyEntry, signature: &[u8]) {
    let mechanism = key.algorithm.default_signature().expect("it signs");
    let parameters = Parameters::default();
    let good = claviger_soft::verify(&key.public_key, mechanism, &parameters, b"hello", signature);
    assert_eq!(good, Ok(true));
}

/// Returns the command to make a key.
pub(crate) fn generate(algorithm: Algorithm, number: u8) -> Command {
    let new = NewKey { id: KeyId::from_bytes([number; 16]), label: format!("key {number}") };
    Command::Generate { algorithm, new, errand: errand("generate") }
}

/// Returns the command to sign "hello".
pub(crate) fn sign(key: &KeyEntry, purpose: &str) -> Command {
    Command::Sign {
        with: with(key, key.algorithm.default_signature()),
        data: b"hello".to_vec(),
        errand: errand(purpose),
    }
}

/// Returns how to use a key.
pub(crate) fn with(key: &KeyEntry, mechanism: Option<Mechanism>) -> Mechanics {
    Mechanics {
        key: key.reference.clone(),
        mechanism: mechanism.expect("a mechanism"),
        parameters: Parameters::default(),
    }
}

pub(crate) fn errand(purpose: &str) -> Errand {
    Errand { user: "alice".to_owned(), application: "mail".to_owned(), purpose: purpose.to_owned() }
}
