//! Child processes that have an account at the daemon, or wait for the daemon: what is done once, not over and over.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use claviger_dbus::names;
use claviger_dbus::proxy::{AccountProxy, KeysProxy, PublicProxy, TokensProxy};
use claviger_dbus::wire::{
    EnrolOptions, KeyFilter, NewKeyOptions, NoOptions, PairOptions, RegisterOptions, SignOptions,
    TokenFilter, TokenRow, UnlockOptions,
};
use claviger_dbus::{ByteBuf, Bytes, ErrorName, Failure};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::time::timeout;
use zbus::Fd;
use zbus::export::futures_core::Stream;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};

use crate::calls::connect;
use crate::child::{say, say_ready};
use crate::error::{Doing, Error};

/// The daemon, as the owner of an account sees it.
struct Owner {
    account: AccountProxy<'static>,
    keys: KeysProxy<'static>,
    public: PublicProxy<'static>,
    tokens: TokensProxy<'static>,
}

/// Takes orders until standard input ends: `enrol`, `unlock`, `key ALGORITHM`, `keys`, `digest FILE`, `card READER`,
/// `pair LINK`, `phone-key TOKEN`, `sign KEY`.
pub(crate) fn work(bus: &str) -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start an owner")?;
    let owner = runtime.block_on(async {
        let bus = connect(bus).await?;
        Ok::<_, Error>(Owner {
            account: AccountProxy::new(&bus).await?,
            keys: KeysProxy::new(&bus).await?,
            public: PublicProxy::new(&bus).await?,
            tokens: TokensProxy::new(&bus).await?,
        })
    })?;
    say_ready()?;
    for order in std::io::stdin().lock().lines() {
        let order = order.doing("hear an order")?;
        say(&runtime.block_on(owner.obey(&order))?)?;
    }
    Ok(())
}

impl Owner {
    async fn obey(&self, order: &str) -> Result<String, Error> {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("enrol", _) => {
                let no_keys = RegisterOptions { keys: Some(Vec::new()) };
                self.account.register(passphrase()?, &no_keys).await?;
                self.unlock().await
            }
            ("unlock", _) => self.unlock().await,
            ("key", algorithm) => self.make_key(algorithm).await,
            ("keys", _) => Ok(self.keys.list_keys(&KeyFilter::default()).await?.len().to_string()),
            ("card", reader) => self.enrol_card(reader).await,
            ("digest", file) => self.digest(file).await,
            ("pair", link) => self.pair(link).await,
            ("phone-key", token) => self.make_key_on(token).await,
            ("sign", key) => self.sign(key).await,
            _ => Err(Error::Child { who: "the bench".to_owned(), said: order.to_owned() }),
        }
    }

    async fn unlock(&self) -> Result<String, Error> {
        self.account.unlock(passphrase()?, &UnlockOptions::default()).await?;
        Ok("unlocked".to_owned())
    }

    async fn make_key(&self, algorithm: &str) -> Result<String, Error> {
        let id = self.keys.generate_key(algorithm, &NewKeyOptions::default()).await?;
        if algorithm == "P-256" {
            self.check_signature(&id).await?;
        }
        Ok(id)
    }

    /// Enrols the card in that reader and returns the id of its key.
    async fn enrol_card(&self, reader: &str) -> Result<String, Error> {
        let wanted = |(_, row): &(String, TokenRow)| row.application == "piv" && row.reader == reader;
        let until = Instant::now() + PATIENCE;
        let token = loop {
            let all = self.tokens.list_tokens(&TokenFilter { all: Some(true) }).await?;
            match all.into_iter().find(wanted) {
                Some((token, _)) => break token,
                None if Instant::now() > until => {
                    return Err(Error::Child { who: "the daemon".to_owned(), said: "no card".to_owned() });
                }
                None => tokio::task::yield_now().await,
            }
        };
        let pin = Some(secret(b"123456")?);
        let options = EnrolOptions { pin, ..EnrolOptions::default() };
        let keys = self.tokens.enrol_card(&token, &options).await?;
        let none = || Error::Child { who: "the daemon".to_owned(), said: "no key".to_owned() };
        let id = keys.into_iter().next().ok_or_else(none)?;
        Ok(id)
    }

    /// Pairs the phone at the other end of that link: says the URI first, and answers with the token.
    async fn pair(&self, link: &str) -> Result<String, Error> {
        let (ours, theirs) = UnixStream::pair().doing("make a pair of sockets")?;
        // The URI is the first line; what else is said needs no answer.
        std::thread::spawn(move || {
            let mut conversation = BufReader::new(ours).lines().map_while(Result::ok);
            if let Some(uri) = conversation.find_map(|line| line.strip_prefix("uri ").map(str::to_owned)) {
                // An order whose answer nobody hears fails at the other end.
                drop(say(&uri));
            }
            conversation.for_each(drop);
        });
        let options = PairOptions {
            conversation: Some(zbus::OwnedFd::from(OwnedFd::from(theirs))),
            link: Some(link.to_owned()),
            ..PairOptions::default()
        };
        Ok(self.tokens.pair_phone(&options).await?)
    }

    async fn make_key_on(&self, token: &str) -> Result<String, Error> {
        let options = NewKeyOptions {
            location: Some("phone".to_owned()),
            token: Some(token.to_owned()),
            ..NewKeyOptions::default()
        };
        let id = self.keys.generate_key("P-256", &options).await?;
        self.check_signature(&id).await?;
        Ok(id)
    }

    /// Signs once; with a phone that is expected any moment, until it is there.
    async fn sign(&self, key: &str) -> Result<String, Error> {
        let until = Instant::now() + PATIENCE;
        loop {
            let options = SignOptions::default();
            match self.keys.sign(key, "ECDSA", Bytes::new(&[3; 32]), &options).await {
                Ok(_) => return Ok("signed".to_owned()),
                Err(Failure::Refused(refusal))
                    if refusal.name == ErrorName::TokenAbsent && Instant::now() < until => {}
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// What is measured must be right: ring looks at one signature.
    async fn check_signature(&self, id: &str) -> Result<(), Error> {
        let (_, row) = self.keys.get_key(id, &NoOptions {}).await?;
        let options = SignOptions::default();
        let signature = self.keys.sign(id, "ECDSA_SHA256", Bytes::new(b"message"), &options).await?;
        // The point stands at the end of a P-256 SubjectPublicKeyInfo.
        let point = row.public_key.last_chunk::<65>().ok_or(Error::Cryptography("read the public key"))?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(b"message", &signature)
            .map_err(|_| Error::Cryptography("verify the daemon's signature"))
    }

    /// Returns the seconds that it took, and the digest.
    async fn digest(&self, file: &str) -> Result<String, Error> {
        let file: OwnedFd = File::open(file).doing(format!("open {file}"))?.into();
        let began = Instant::now();
        let digest: ByteBuf = self.public.digest_file("SHA256", Fd::from(&file), &NoOptions {}).await?;
        Ok(format!("{} {}", began.elapsed().as_secs_f64(), hex(&digest)))
    }
}

/// The pass phrase of every account here, and the PIN of every token.
pub(crate) const PASSPHRASE: &str = "bench bench bench";

/// Returns a pipe that holds it.
fn passphrase() -> Result<Fd<'static>, Error> {
    secret(PASSPHRASE.as_bytes()).map(Fd::from)
}

fn secret(bytes: &[u8]) -> Result<zbus::OwnedFd, Error> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
    File::from(writing).write_all(bytes).doing("fill a pipe")?;
    Ok(reading.into())
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers each order once the daemon has appeared on the bus and given an answer.
pub(crate) fn watch(bus: &str) -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start a watcher")?;
    runtime.block_on(async {
        let bus = connect(bus).await?;
        let driver = DBusProxy::new(&bus).await?;
        let mut changes = driver.receive_name_owner_changed_with_args(&[(0, names::BUS_NAME)]).await?;
        let account = AccountProxy::new(&bus).await?;
        say_ready()?;
        for order in std::io::stdin().lock().lines() {
            order.doing("hear an order")?;
            timeout(PATIENCE, appearance(&mut changes)).await.doing("wait for the daemon")??;
            match account.get_account(&NoOptions {}).await {
                Ok(row) => say(&format!("{} {} keys", row.state, row.keys))?,
                Err(Failure::Refused(refusal)) => say(refusal.name.short())?,
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(())
    })
}

async fn appearance(changes: &mut NameOwnerChangedStream) -> Result<(), Error> {
    while let Some(change) = next(changes).await {
        if change.args()?.new_owner().is_some() {
            return Ok(());
        }
    }
    Err(Error::Child { who: "the bus".to_owned(), said: "good-bye".to_owned() })
}

pub(crate) async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)).await
}

const PATIENCE: Duration = Duration::from_secs(20);
