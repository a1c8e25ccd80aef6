//! A pairing under way.

mod attempt;
mod error;
mod provisional;
mod search;

use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::{Code, Method, Offer, SystemRandomness, Terms};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::registry::Registry;
use crate::{Link, LinkFault, Pairing};

pub use error::PairError;
use provisional::Provisional;
use search::Search;

/// What somebody wants to be paired, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The user whose phone it will be.
    pub uid: u32,
    /// The user's name, as the phone will show it.
    pub user: String,
    /// This computer's name, likewise.
    pub host: String,
    /// How both sides make sure of each other.
    pub method: Method,
    /// The way to the phone. Without one every bonded Bluetooth device that offers the service is tried, and who connects to
    /// the user's socket.
    pub link: Option<Link>,
    /// What the owner calls the phone, instead of its own name.
    pub name: Option<String>,
}

/// What people must see, and do.
pub enum PairStep {
    /// The phone must be given this text. It is a secret.
    Uri(Zeroizing<String>),
    /// A link does not bring a phone that can be paired, or not yet.
    Trying(Link, LinkFault),
    /// Both sides must show the same number; the answer is whether they do.
    Compare {
        /// The number here, six digits as it prints itself.
        code: Code,
        /// Takes the answer; dropped, it is a no.
        same: oneshot::Sender<bool>,
    },
    /// The phone asks its person.
    Asked,
}

/// A pairing that both sides have agreed on. Only the phone keeps it yet; where this is dropped instead of
/// [adopted](crate::Phones::adopt), the phone is told to forget it.
#[must_use]
pub struct Paired {
    /// What is to be kept.
    pub pairing: Pairing,
    /// What the phone calls itself.
    pub phone: String,
    /// Which phone it is.
    pub model: String,
    pub(crate) stream: Provisional,
}

/// Pairs: see [`Phones::pair`](crate::Phones::pair).
pub(crate) async fn pair(
    registry: &Arc<Registry>,
    proposal: Proposal,
    steps: UnboundedSender<PairStep>,
) -> Result<Paired, PairError> {
    let by_socket = matches!(proposal.link, None | Some(Link::Socket));
    let under_way = registry.begin_pairing(proposal.uid, by_socket).ok_or(PairError::Busy)?;
    let (under_way, arriving) = under_way;
    let task_registry = Arc::clone(registry);
    // Streams belong to the runtime on which they are opened, and live on behind the pairing.
    let task = registry.runtime.spawn(async move {
        let _under_way = under_way;
        let terms = Terms { host: proposal.host.clone(), user: proposal.user.clone(), uid: proposal.uid };
        let offer = Offer::new(proposal.method, terms, &mut SystemRandomness);
        let offer = offer.map_err(|error| PairError::Internal(error.to_string()))?;
        if let Some(uri) = offer.uri() {
            steps.send(PairStep::Uri(uri.to_text())).map_err(|_| PairError::GivenUp)?;
        }
        let mut search = Search::new(task_registry, proposal, offer, steps.clone(), arriving);
        let outcome = tokio::select! {
            outcome = timeout(PATIENCE, search.run()) => outcome,
            () = steps.closed() => Ok(Err(PairError::GivenUp)),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(search.out_of_time()),
        };
        search.end().await;
        outcome
    });
    let _abort = AbortOnDrop(task.abort_handle());
    match task.await {
        Ok(outcome) => outcome,
        Err(error) => Err(PairError::Internal(error.to_string())),
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long a pairing may take: less than the two minutes for which the phone, and whoever asked, wait.
const PATIENCE: Duration = Duration::from_secs(110);
