use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use claviger_conformance::ToyToken;
use claviger_phone_protocol::Hello;
use claviger_phone_protocol::phone::{Event, Identity, Phone};
use claviger_phone_protocol::{
    Closed, Command, Failure, Info, KeyEntry, Known, Notice, PairingUri, Refusal, Reply, Request, RequestId,
    Rv, StaticKey, SystemRandomness, Terms,
};
use claviger_token::{
    Algorithm, Binding, Errand, KeyHandle, KeyId, KeyInfo, Parameters, Site, Spare, Token, TokenOp,
    TokenOutput,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A real phone of toy strength: the state machine of the phone's end over the toy token.
pub(super) struct TestPhone {
    module: ToyToken,
    state: Mutex<State>,
    woken: Notify,
    heard: UnboundedSender<Heard>,
}

struct State {
    known: Vec<Known>,
    ready: Ready,
    agrees: bool,
    answers: Answers,
    mute: bool,
    hang_up: bool,
    notices: VecDeque<Notice>,
    keys: HashMap<String, KeyEntry>,
    logged_out: bool,
    certificates: Vec<Vec<u8>>,
}

/// Whether its person has said that it may be paired.
pub(super) enum Ready {
    No,
    Uri(PairingUri),
    Numbers,
}

/// What its person does when asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    Yes,
    No,
    Nothing,
}

/// What happened on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Opened,
    Asked(Errand),
    Cancelled,
    Number(String),
    Terms(Terms),
    Unpaired,
    LoggedOut,
    Closed(Closed),
}

impl TestPhone {
    pub(super) fn new(known: Vec<Known>) -> (Arc<Self>, UnboundedReceiver<Heard>) {
        let (heard, hearing) = unbounded_channel();
        let state = State {
            known,
            ready: Ready::No,
            agrees: true,
            answers: Answers::Yes,
            mute: false,
            hang_up: false,
            notices: VecDeque::new(),
            keys: HashMap::new(),
            logged_out: false,
            certificates: Vec::new(),
        };
        let phone = Self { module: ToyToken::new(), state: Mutex::new(state), woken: Notify::new(), heard };
        claviger_conformance::block_on(phone.module.perform(TokenOp::Unlock {
            secret: ToyToken::secret(),
            slots: None,
            spare: Spare::Last,
        }))
        .unwrap();
        (Arc::new(phone), hearing)
    }

    pub(super) fn make_ready(&self, ready: Ready) {
        self.state().ready = ready;
    }

    pub(super) fn disagree(&self) {
        self.state().agrees = false;
    }

    pub(super) fn answer(&self, answers: Answers) {
        self.state().answers = answers;
    }

    /// From now on it says nothing, whatever comes.
    pub(super) fn fall_silent(&self) {
        self.state().mute = true;
    }

    pub(super) fn say(&self, notice: Notice) {
        self.state().notices.push_back(notice);
        self.woken.notify_one();
    }

    /// Closes the stream without a word.
    pub(super) fn hang_up(&self) {
        self.state().hang_up = true;
        self.woken.notify_one();
    }

    /// Serves one stream until it ends.
    pub(super) async fn serve(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite) {
        let identity = Identity { product: "Claviger test phone".into() };
        let mut phone = Phone::new(identity, Box::new(SystemRandomness));
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut buffer = [0; 4096];
        loop {
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(count) => phone.receive(&buffer[..count]),
                },
                () = self.woken.notified() => {}
            }
            if self.state().mute {
                std::future::pending::<()>().await;
            }
            let mut over = false;
            let notices: Vec<_> = self.state().notices.drain(..).collect();
            notices.iter().for_each(|notice| phone.notify(notice).unwrap());
            while let Some(event) = phone.event() {
                over |= matches!(event, Event::Closed(_));
                self.react(&mut phone, event);
            }
            if writer.write_all(&phone.output()).await.is_err() {
                return;
            }
            if std::mem::take(&mut self.state().hang_up) || over {
                return;
            }
        }
    }

    /// Serves a terminal: it has no end, but what is said on it has.
    pub(super) async fn serve_terminal(self: Arc<Self>, terminal: super::Terminal) {
        loop {
            Arc::clone(&self).serve(terminal.other()).await;
        }
    }

    fn react(&self, phone: &mut Phone, event: Event) {
        match event {
            Event::Hello(hello) => self.greet(phone, hello),
            Event::Opened(_) => self.tell(Heard::Opened),
            Event::Compare(code) => self.tell(Heard::Number(code.to_string())),
            Event::Terms(terms) => {
                self.tell(Heard::Terms(terms));
                if self.state().agrees {
                    let new = phone.grant("Test phone", "T1").unwrap();
                    self.state().known.push(new.known);
                } else {
                    phone.decline(Failure::new(Rv::FunctionRejected, "no"));
                }
            }
            Event::Asked(request) => self.do_it(phone, request),
            Event::Cancelled(id) => {
                self.tell(Heard::Cancelled);
                phone.answer(id, Err(Failure::new(Rv::FunctionCanceled, "cancelled")));
            }
            Event::Pinged => {}
            Event::Closed(closed) => self.tell(Heard::Closed(closed)),
        }
    }

    fn greet(&self, phone: &mut Phone, hello: Hello) {
        let state = self.state();
        let key = || StaticKey::generate(&mut SystemRandomness).unwrap();
        match (hello, &state.ready) {
            (Hello::Known(id), _) => match state.known.iter().find(|known| known.pairing == id) {
                Some(known) => phone.admit(known),
                None => phone.turn_away(Refusal::UnknownPairing),
            },
            (Hello::Uri(id), Ready::Uri(uri)) if uri.pairing == id => phone.pair_by_uri(uri, key()),
            (Hello::Numbers(_), Ready::Numbers) => phone.pair_by_numbers(key()),
            (Hello::Uri(_) | Hello::Numbers(_), _) => phone.turn_away(Refusal::NotAllowed),
        }
    }

    fn do_it(&self, phone: &mut Phone, Request { id, command }: Request) {
        if let Command::Sign { errand, .. } = &command {
            self.tell(Heard::Asked(errand.clone()));
            match self.state().answers {
                Answers::Yes => {}
                Answers::No => return phone.answer(id, Err(Failure::new(Rv::FunctionRejected, "no"))),
                Answers::Nothing => return,
            }
        }
        let outcome = self.outcome(id, command);
        phone.answer(id, outcome);
    }

    fn outcome(&self, _id: RequestId, command: Command) -> Result<Reply, Failure> {
        match command {
            Command::Info => return Ok(Reply::Info(self.info())),
            Command::Find => return Ok(Reply::Keys(self.state().keys.values().cloned().collect())),
            Command::Logout => {
                self.state().logged_out = true;
                self.tell(Heard::LoggedOut);
                return self.run(TokenOp::Lock).map(|_| Reply::Done);
            }
            Command::Login { secret, .. } => {
                let secret = secret.unwrap_or_else(ToyToken::secret);
                self.run(TokenOp::Unlock { secret, slots: None, spare: Spare::Last })?;
                self.state().logged_out = false;
                return Ok(Reply::Done);
            }
            Command::Unpair => {
                self.tell(Heard::Unpaired);
                return Ok(Reply::Done);
            }
            Command::Certificates { .. } => {
                return Ok(Reply::Certificates(self.state().certificates.clone()));
            }
            Command::Certify { certificates, .. } => {
                self.state().certificates = certificates;
                return Ok(Reply::Done);
            }
            Command::Random { length } => {
                return Ok(Reply::Random(claviger_token::Secret::new(vec![7; length as usize])));
            }
            _ => {}
        }
        if self.state().logged_out {
            return Err(Failure::new(Rv::UserNotLoggedIn, "log in first"));
        }
        let operation = match command {
            Command::Sign { with, data, .. } => TokenOp::Sign {
                key: self.key(&with.key)?,
                mechanism: with.mechanism,
                parameters: with.parameters,
                data,
            },
            Command::Generate { algorithm, new, .. } => {
                let binding = binding(new.id);
                let made = self.run(TokenOp::Generate { algorithm, binding, site: Site::default() })?;
                let TokenOutput::Generated(made) = made else { panic!("generating gives a key") };
                let entry = KeyEntry {
                    reference: made.reference.clone(),
                    id: Some(new.id),
                    label: new.label,
                    algorithm,
                    usage: made.usage,
                    public_key: made.public_key,
                };
                self.state().keys.insert(made.reference, entry.clone());
                return Ok(Reply::Key(entry));
            }
            Command::Delete { key, .. } => TokenOp::Delete { key: self.key(&key)? },
            _ => return Err(Failure::new(Rv::FunctionNotSupported, "a toy")),
        };
        match self.run(operation)? {
            TokenOutput::Signature(signature) => Ok(Reply::Signature(signature)),
            _ => Ok(Reply::Done),
        }
    }

    fn run(&self, operation: TokenOp) -> Result<TokenOutput, Failure> {
        claviger_conformance::block_on(self.module.perform(operation)).map_err(Failure::from)
    }

    fn key(&self, reference: &str) -> Result<KeyHandle, Failure> {
        let state = self.state();
        let found = state.keys.get(reference);
        let entry = found.ok_or_else(|| Failure::new(Rv::KeyHandleInvalid, "no such key"))?;
        let id = entry.id.unwrap();
        let KeyEntry { algorithm, usage, .. } = *entry;
        let public_key = entry.public_key.clone().into();
        Ok(KeyHandle {
            info: Arc::new(KeyInfo { id, algorithm, usage, public_key }),
            reference: reference.into(),
            record: None,
            binding: Arc::new(binding(id)),
        })
    }

    fn info(&self) -> Info {
        Info {
            label: "Toy".into(),
            manufacturer: "nobody".into(),
            model: "T1".into(),
            serial: String::new(),
            unlocked: self.module.is_unlocked() && !self.state().logged_out,
            asks_itself: true,
            capabilities: (*self.module.capabilities()).clone(),
        }
    }

    fn tell(&self, heard: Heard) {
        // Not every test listens.
        drop(self.heard.send(heard));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn binding(key: KeyId) -> Binding {
    Binding { uid: 1000, user_name: "alice".into(), key, created: 0 }
}

/// Returns an operation that makes a key.
pub(super) fn generate() -> TokenOp {
    TokenOp::Generate {
        algorithm: Algorithm::Ed25519,
        binding: binding(KeyId::from_bytes([9; 16])),
        site: Site::default(),
    }
}

/// Returns an operation that signs with the key that was made.
pub(super) fn sign(made: &claviger_token::Generated, data: &[u8]) -> TokenOp {
    let id = KeyId::from_bytes([9; 16]);
    let info = KeyInfo {
        id,
        algorithm: made.algorithm,
        usage: made.usage,
        public_key: made.public_key.clone().into(),
    };
    let key = KeyHandle {
        info: Arc::new(info),
        reference: made.reference.as_str().into(),
        record: None,
        binding: Arc::new(binding(id)),
    };
    TokenOp::Sign {
        key,
        mechanism: claviger_token::Mechanism::Eddsa,
        parameters: Parameters::default(),
        data: data.to_vec(),
    }
}
