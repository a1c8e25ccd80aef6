use std::time::Duration;

use claviger_phone_protocol::SystemRandomness;
use claviger_phone_protocol::host::Host;

use crate::line::Order;
use crate::link::{Link, Stream};
use crate::live::{Live, Unopened, open};
use crate::registry::WeakRegistry;
use crate::{LinkFault, Pairing};

/// Finds out which phone of that user has connected, and hands the stream to its line; or to the pairing that the user
/// waits for. One that is neither may stay for a while: perhaps it will be paired.
pub(crate) async fn greet(registry: WeakRegistry, uid: u32, stream: Stream) {
    let idle = || Host::connect(Vec::new(), Box::new(SystemRandomness));
    let mut live = Live::new(idle(), stream, Link::Socket);
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let Some(strong) = registry.upgrade() else { return };
        let mut changes = strong.changes();
        let known = strong.who_may_connect(uid);
        if !known.is_empty() {
            let host = Host::connect(known, Box::new(SystemRandomness));
            live = match open(live.restart(host)).await {
                Ok((pairing, live)) => {
                    strong.order(&Pairing::token_of(pairing), Order::Arrived(Box::new(live)));
                    return;
                }
                Err(Unopened::Refused(refusal, live)) => {
                    strong.report_socket(uid, &LinkFault::Refused(refusal));
                    *live
                }
                Err(Unopened::Useless(fault)) => {
                    strong.report_socket(uid, &fault);
                    return;
                }
            };
        }
        live = match strong.offer_to_pairing(uid, live) {
            None => return,
            Some(live) => live,
        };
        drop(strong);
        tokio::select! {
            _ = changes.changed() => {}
            () = live.end() => return,
            () = tokio::time::sleep_until(patience) => return,
        }
    }
}

/// How long a phone that nobody knows may stay connected.
const PATIENCE: Duration = Duration::from_secs(30);
