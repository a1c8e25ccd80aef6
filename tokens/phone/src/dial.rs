use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use claviger_phone_protocol::SystemRandomness;
use claviger_phone_protocol::host::Host;
use tokio::sync::Notify;

use crate::back_off::BackOff;
use crate::link::{Link, Stream, serial};
use crate::live::{Live, open};
use crate::registry::Registry;
use crate::{LinkFault, Pairing};

/// The links of one phone, and when each is tried next.
pub(crate) struct Dialer {
    links: Vec<(Link, BackOff)>,
    /// Somebody waits for the phone.
    pub(crate) nudge: Arc<Notify>,
}

impl Dialer {
    pub(crate) fn new(pairing: &Pairing) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let begin = |link: &Link| (link.clone(), BackOff::new(link.is_radio(), now));
        Self { links: pairing.links.iter().map(begin).collect(), nudge: Arc::default() }
    }

    /// Takes in that a connection by that link, made then, was lost.
    pub(crate) fn cut(&mut self, link: &Link, made: Instant) {
        let now = tokio::time::Instant::now().into_std();
        let cut = self.links.iter_mut().filter(|(known, _)| known == link);
        cut.for_each(|(_, back_off)| back_off.cut(now, made));
        // The others bring the phone back as well.
        self.nudge_all(now);
    }

    fn nudge_all(&mut self, now: Instant) {
        self.links.iter_mut().for_each(|(_, back_off)| back_off.nudge(now));
    }
}

/// Tries the links in their order, each when it is due, until one has brought the phone.
pub(crate) async fn dial(registry: &Arc<Registry>, pairing: &Pairing, dialer: &mut Dialer) -> Live {
    let token = pairing.token();
    let nudge = Arc::clone(&dialer.nudge);
    // From before the first try: what changes during one must not be missed.
    let mut radio = registry.radio();
    loop {
        let now = tokio::time::Instant::now().into_std();
        let due = dialer.links.iter_mut().find(|(_, back_off)| back_off.due() <= now);
        if let Some((link, back_off)) = due {
            match attempt(registry, pairing, link).await {
                Ok(live) => {
                    registry.report(&token, link, None);
                    return live;
                }
                Err(fault) => registry.report(&token, link, Some(fault)),
            }
            back_off.fail(tokio::time::Instant::now().into_std());
            continue;
        }
        let next = dialer.links.iter().map(|(_, back_off)| back_off.due()).min();
        let wait = async {
            match next {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            () = nudge.notified() => dialer.nudge_all(tokio::time::Instant::now().into_std()),
            // The adapter or bluetoothd is back.
            () = radio.changed() => dialer.nudge_all(tokio::time::Instant::now().into_std()),
        }
    }
}

/// Tries one link: a stream, and a channel on it.
async fn attempt(registry: &Arc<Registry>, pairing: &Pairing, link: &Link) -> Result<Live, LinkFault> {
    let stream = stream(registry, link, pairing.uid).await?;
    let host = Host::connect(vec![pairing.known()], Box::new(SystemRandomness));
    let opened = open(Live::new(host, stream, link.clone())).await;
    opened.map(|(_, live)| live).map_err(|unopened| unopened.fault())
}

/// Returns a stream by that link. A socket brings none here: whoever connects there is greeted and arrives by themselves.
pub(crate) async fn stream(registry: &Arc<Registry>, link: &Link, uid: u32) -> Result<Stream, LinkFault> {
    match link {
        Link::Rfcomm { address } => registry.dial_radio(*address).await,
        Link::Serial { .. } if !registry.config.serial => Err(LinkFault::SerialNotWanted),
        Link::Serial { path } => serial::open(path, &registry.runtime).await,
        Link::Socket => {
            registry.listen_for(uid)?;
            Err(LinkFault::NobodyConnected)
        }
    }
}
