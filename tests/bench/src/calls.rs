//! Client processes that call the daemon, or the no-op server in its place: the same code for both.

use std::os::fd::OwnedFd as StdFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use claviger_dbus::proxy::{KeysProxy, ServiceProxy};
use claviger_dbus::wire::{NoOptions, SignOptions};
use claviger_dbus::{Bytes, ErrorName, Failure};
use tokio::task::JoinSet;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::proxy::CacheProperties;

use crate::crew::{Order, Shift, obey};
use crate::error::{Doing, Error};
use crate::stats::Work;

/// What a client calls, over and over.
#[derive(Clone)]
enum Job {
    /// `Sign` with this key and mechanism. A flood goes on when it is refused, other clients must not be.
    Sign { key: String, mechanism: String, flood: bool },
    /// `SetLabel` of this key: a durable update of the table.
    Label { key: String },
}

impl Job {
    fn parse(words: &[&str]) -> Option<Self> {
        match *words {
            [how @ ("sign" | "flood"), key, mechanism] => {
                Some(Self::Sign { key: key.into(), mechanism: mechanism.into(), flood: how == "flood" })
            }
            ["label", key] => Some(Self::Label { key: key.into() }),
            _ => None,
        }
    }

    async fn call(&self, keys: &KeysProxy<'_>, turn: u64) -> Result<(), Failure> {
        match self {
            Self::Sign { key, mechanism, .. } => {
                keys.sign(key, mechanism, Bytes::new(&[3; 32]), &SignOptions::default()).await.map(drop)
            }
            Self::Label { key } => keys.set_label(key, &format!("label {turn}"), &NoOptions {}).await,
        }
    }

    fn bears(&self, failure: &Failure) -> bool {
        matches!(self, Self::Sign { flood: true, .. })
            && matches!(failure, Failure::Refused(error) if error.name == ErrorName::LimitsExceeded)
    }
}

/// Calls as it is told: over a few channels, or with one bus connection for each client.
pub(crate) fn work(bus: &str, service: &str, channels: usize) -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start a client")?;
    let channels =
        (0..channels).map(|_| runtime.block_on(open_channel(bus, service))).collect::<Result<Vec<_>, _>>()?;
    let mut clients = Vec::new();
    obey(|order| {
        runtime.block_on(async {
            while clients.len() < order.lanes {
                clients.push(match channels.get(clients.len() % channels.len().max(1)) {
                    Some((keys, _)) => keys.clone(),
                    None => keys(&connect(bus).await?, service).await?,
                });
            }
            call_all(&clients[..order.lanes], order).await
        })
    })
}

async fn call_all(clients: &[KeysProxy<'static>], order: &Order<'_>) -> Result<Work, Error> {
    let job = Job::parse(&order.job)
        .ok_or_else(|| Error::Child { who: "the bench".to_owned(), said: order.job.join(" ") })?;
    let mut lanes = JoinSet::new();
    for client in clients {
        lanes.spawn(call_on(client.clone(), job.clone(), order.shift));
    }
    let mut work = Work::default();
    for lane in lanes.join_all().await {
        let Work { refused, latencies, .. } = lane?;
        work.refused += refused;
        work.latencies.extend(latencies);
    }
    Ok(work)
}

async fn call_on(keys: KeysProxy<'static>, job: Job, shift: Shift) -> Result<Work, Failure> {
    let mut work = Work::default();
    for turn in 0.. {
        if shift.is_over() {
            break;
        }
        let began = Instant::now();
        match job.call(&keys, turn).await {
            Ok(()) => shift.count(&mut work.latencies, began),
            Err(failure) if job.bears(&failure) => work.refused += 1,
            Err(failure) => return Err(failure),
        }
    }
    Ok(work)
}

/// Connects to a bus.
pub(crate) async fn connect(bus: &str) -> Result<Connection, Error> {
    Ok(Builder::address(bus).build().await?)
}

/// Returns the keys of a service, on a bus.
pub(crate) async fn keys(bus: &Connection, service: &str) -> Result<KeysProxy<'static>, Error> {
    Ok(KeysProxy::builder(bus)
        .destination(service.to_owned())
        .cache_properties(CacheProperties::No)
        .build()
        .await?)
}

/// Opens a channel; returns the keys at its other end, and the bus connection that keeps it open.
async fn open_channel(bus: &str, service: &str) -> Result<(KeysProxy<'static>, Connection), Error> {
    let bus = connect(bus).await?;
    let opener = ServiceProxy::builder(&bus)
        .destination(service.to_owned())
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let end: StdFd = opener.open_channel(&NoOptions {}).await?.into();
    let channel = Builder::unix_stream(UnixStream::from(end)).p2p().build().await?;
    Ok((keys(&channel, service).await?, bus))
}
