//! A bus of one's own, and a key store of toy strength on it: it tells which way a call came, and goes away on
//! request.

mod tokens;

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use claviger_client::Bus;
use claviger_dbus::wire::{
    AccountRow, CertificateOptions, KeyRow, NewKeyOptions, NoOptions, SignOptions, TokenState, UnlockOptions,
};
use claviger_dbus::{ByteBuf, Bytes, CallError, ErrorName, names};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Guid};

use tokens::ToyTokens;
pub(crate) use tokens::{CARD, KEY, ToyCard};

/// A bus that ends with this value.
pub(crate) struct PrivateBus {
    daemon: Child,
    pub(crate) address: String,
}

impl PrivateBus {
    pub(crate) fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon");
        let mut address = String::new();
        let output = daemon.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut address).expect("its address");
        Self { daemon, address: address.trim().to_owned() }
    }

    pub(crate) fn bus(&self) -> Bus {
        Bus::Address(self.address.clone())
    }

    pub(crate) async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.address.as_str()).build().await.expect("a connection")
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

/// What the toy was asked, and how it behaves.
#[derive(Default)]
pub(crate) struct Toy {
    pub(crate) gives_no_channel: AtomicBool,
    /// The next digest asked for over a channel ends the channel.
    pub(crate) drops_channel: AtomicBool,
    pub(crate) channels_asked: AtomicU32,
    pub(crate) digests: AtomicU32,
    pub(crate) keys_made: AtomicU32,
    pub(crate) signatures: AtomicU32,
    /// The next signature asked for ends the connection that it was asked for on.
    pub(crate) drops_signer: AtomicBool,
    /// What `Unlock` was given.
    pub(crate) passphrase: Mutex<Option<OwnedFd>>,
    /// The one card in the one reader.
    pub(crate) card: Arc<Mutex<ToyCard>>,
    /// Kept for as long as the toy lives.
    channels: Mutex<Vec<Connection>>,
}

impl Toy {
    /// Ends the channels that it gave, at a time when nothing is asked.
    pub(crate) async fn end_channels(&self) {
        let channels = std::mem::take(&mut *self.channels.lock().expect("no panic"));
        for channel in channels {
            channel.close().await.expect("an end");
        }
    }

    /// Serves on the bus until the connection is dropped.
    pub(crate) async fn serve(self: &Arc<Self>, bus: &PrivateBus) -> Connection {
        zbus::connection::Builder::address(bus.address.as_str())
            .serve_at(names::OBJECT_PATH, ToyService(Arc::clone(self)))
            .serve_at(names::OBJECT_PATH, ToyPublic { toy: Arc::clone(self), way: "bus" })
            .serve_at(names::OBJECT_PATH, ToyKeys(Arc::clone(self)))
            .serve_at(names::OBJECT_PATH, ToyAccount(Arc::clone(self)))
            .serve_at(names::OBJECT_PATH, ToyTokens(Arc::clone(&self.card)))
            .name(names::BUS_NAME)
            .build()
            .await
            .expect("a toy on the bus")
    }
}

pub(crate) struct ToyService(Arc<Toy>);

#[zbus::interface(name = "org.claviger.KeyStore1.Service")]
impl ToyService {
    fn open_channel(&self, options: NoOptions) -> Result<zbus::OwnedFd, CallError> {
        let NoOptions {} = options;
        let Self(toy) = self;
        toy.channels_asked.fetch_add(1, Ordering::SeqCst);
        if toy.gives_no_channel.load(Ordering::SeqCst) {
            return Err(CallError::new(ErrorName::LimitsExceeded, "cannot open a channel: enough"));
        }
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        let (public, toy) = (ToyPublic { toy: Arc::clone(toy), way: "channel" }, Arc::clone(toy));
        let (keys, account) = (ToyKeys(Arc::clone(&toy)), ToyAccount(Arc::clone(&toy)));
        let tokens = ToyTokens(Arc::clone(&toy.card));
        tokio::spawn(async move {
            let channel = zbus::connection::Builder::unix_stream(ours)
                .server(Guid::generate())
                .p2p()
                .serve_at(names::OBJECT_PATH, public)
                .serve_at(names::OBJECT_PATH, keys)
                .serve_at(names::OBJECT_PATH, account)
                .serve_at(names::OBJECT_PATH, tokens)
                .build()
                .await
                .expect("a channel");
            toy.channels.lock().expect("no panic").push(channel);
        });
        Ok(OwnedFd::from(theirs).into())
    }

    async fn subscribe(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let sender = header.sender().expect("a sender").to_owned();
        let to_sender = emitter.set_destination(sender.into());
        Self::locked_changed(&to_sender, true).await.expect("a signal");
        let state = TokenState { presence: Some("removed".to_owned()), locked: Some(true) };
        Self::token_changed(&to_sender, CARD, state).await.expect("a signal");
        Self::token_changed(&to_sender, "", TokenState::default()).await.expect("a signal");
        Ok(())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        "toy"
    }

    #[zbus(signal)]
    async fn token_changed(emitter: &SignalEmitter<'_>, token: &str, state: TokenState) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn locked_changed(emitter: &SignalEmitter<'_>, locked: bool) -> zbus::Result<()>;
}

pub(crate) struct ToyPublic {
    toy: Arc<Toy>,
    way: &'static str,
}

#[zbus::interface(name = "org.claviger.KeyStore1.Public")]
impl ToyPublic {
    /// Answers with the way the call came; the hash SLOW is never done.
    async fn digest(
        &self,
        hash: &str,
        data: &Bytes,
        options: NoOptions,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<ByteBuf, CallError> {
        let NoOptions {} = options;
        let Self { toy, way } = self;
        toy.digests.fetch_add(1, Ordering::SeqCst);
        if hash == "SLOW" {
            std::future::pending::<()>().await;
        }
        if hash != "SHA256" || data.is_empty() {
            return Err(CallError::new(ErrorName::InvalidArgs, "cannot digest: no hash or no data"));
        }
        if *way == "channel" && toy.drops_channel.swap(false, Ordering::SeqCst) {
            connection.clone().close().await.expect("an end");
            std::future::pending::<()>().await;
        }
        Ok(ByteBuf::from(way.as_bytes()))
    }
}

pub(crate) struct ToyKeys(Arc<Toy>);

#[zbus::interface(name = "org.claviger.KeyStore1.Keys")]
impl ToyKeys {
    /// Makes the key, and goes away before it says so.
    async fn generate_key(
        &self,
        algorithm: &str,
        options: NewKeyOptions,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<String, CallError> {
        assert_eq!((algorithm, options), ("P-256", NewKeyOptions::default()));
        self.0.keys_made.fetch_add(1, Ordering::SeqCst);
        connection.clone().close().await.expect("an end");
        std::future::pending().await
    }

    /// Signs "signature", or goes away before it says so.
    async fn sign(
        &self,
        _key: &str,
        _mechanism: &str,
        _data: &Bytes,
        options: SignOptions,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<ByteBuf, CallError> {
        assert_eq!(options, SignOptions::default());
        self.0.signatures.fetch_add(1, Ordering::SeqCst);
        if self.0.drops_signer.swap(false, Ordering::SeqCst) {
            connection.clone().close().await.expect("an end");
            std::future::pending::<()>().await;
        }
        Ok(ByteBuf::from(b"signature".as_slice()))
    }

    /// The card's key is the default one.
    fn get_key(&self, key: &str, options: NoOptions) -> Result<(String, KeyRow), CallError> {
        let NoOptions {} = options;
        let public_key = self.0.card.lock().expect("no panic").public_key.clone().into();
        match key {
            "" | KEY => Ok((KEY.to_owned(), KeyRow { public_key, ..KeyRow::default() })),
            _ => Err(CallError::new(ErrorName::NoSuchKey, "cannot show the key: there is none")),
        }
    }

    /// The card's key has one certificate.
    fn get_certificates(&self, key: &str, options: NoOptions) -> Vec<ByteBuf> {
        let NoOptions {} = options;
        let certificate = self.0.card.lock().expect("no panic").certificate.clone();
        let is_there = key == KEY && !certificate.is_empty();
        is_there.then(|| ByteBuf::from(certificate)).into_iter().collect()
    }

    fn set_certificate(&self, key: &str, certificate: &Bytes, options: CertificateOptions) {
        let CertificateOptions { chain, authority } = options;
        assert_eq!((key, chain.as_deref().unwrap_or_default()), (KEY, [].as_slice()));
        let mut card = self.0.card.lock().expect("no panic");
        card.certificate = certificate.to_vec();
        card.authority = authority.map(tokens::read);
    }

    fn attest(&self, key: &str, options: NoOptions) -> Result<Vec<ByteBuf>, CallError> {
        let NoOptions {} = options;
        if key != KEY {
            return Err(CallError::new(ErrorName::NotSupported, "cannot attest: the key is on no card"));
        }
        Ok(vec![ByteBuf::from(vec![0x30, 0x01]), ByteBuf::from(vec![0x30, 0x02])])
    }
}

pub(crate) struct ToyAccount(Arc<Toy>);

#[zbus::interface(name = "org.claviger.KeyStore1.Account")]
impl ToyAccount {
    #[expect(clippy::unused_async, reason = "methods of an interface are")]
    async fn unlock(&self, passphrase: zbus::OwnedFd, options: UnlockOptions) -> Result<(), CallError> {
        assert_eq!(options.idle, Some(60));
        *self.0.passphrase.lock().expect("no panic") = Some(passphrase.into());
        Ok(())
    }

    /// The card's key is the default one, where it was enrolled so.
    fn get_account(&self, options: NoOptions) -> AccountRow {
        let NoOptions {} = options;
        let card = self.0.card.lock().expect("no panic");
        let default = card.is_default.then(|| ("sign".to_owned(), KEY.to_owned()));
        AccountRow {
            state: "active".to_owned(),
            location: "card".to_owned(),
            defaults: default.into_iter().collect(),
            ..AccountRow::default()
        }
    }
}
