use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::host::Host;
use claviger_phone_protocol::{Offer, SystemRandomness};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dial::stream;
use crate::live::Live;
use crate::pair::attempt::{Attempt, Failed, Until};
use crate::registry::Registry;
use crate::{Link, LinkFault, PairError, PairStep, Paired, Proposal};

/// Looks for the phone that is ready to be paired: on every stream that can be had, until one brings it.
pub(crate) struct Search {
    registry: Arc<Registry>,
    proposal: Proposal,
    offer: Offer,
    steps: UnboundedSender<PairStep>,
    /// Who connects to the user's socket.
    arriving: UnboundedReceiver<Live>,
    people: Arc<Mutex<()>>,
    attempts: JoinSet<(Link, Result<Paired, Failed>)>,
    /// Dropped, it ends the attempts.
    wanted: Option<watch::Sender<()>>,
    until: Until,
    /// The links on which an attempt runs.
    busy: BTreeSet<Link>,
    /// What was said of each link already.
    told: Vec<(Link, LinkFault)>,
}

impl Search {
    pub(crate) fn new(
        registry: Arc<Registry>,
        proposal: Proposal,
        offer: Offer,
        steps: UnboundedSender<PairStep>,
        arriving: UnboundedReceiver<Live>,
    ) -> Self {
        let (wanted, until) = Until::dropped();
        Self {
            registry,
            proposal,
            offer,
            steps,
            arriving,
            people: Arc::default(),
            attempts: JoinSet::new(),
            wanted: Some(wanted),
            until,
            busy: BTreeSet::new(),
            told: Vec::new(),
        }
    }

    /// Returns what is said when the time is over.
    pub(crate) fn out_of_time(&self) -> PairError {
        PairError::TimedOut(self.told.last().map(|(_, fault)| fault.clone()))
    }

    pub(crate) async fn run(&mut self) -> Result<Paired, PairError> {
        loop {
            let links = self.links().await;
            for link in links {
                if !self.busy.contains(&link) {
                    self.dial(link);
                }
            }
            let pause = sleep(BETWEEN_ROUNDS);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some(live) = self.arriving.recv() => self.attempt(Link::Socket, async { Ok(live) }),
                    Some(joined) = self.attempts.join_next() => match joined {
                        Ok((link, outcome)) => {
                            self.busy.remove(&link);
                            match outcome {
                                Ok(paired) => return Ok(paired),
                                Err(Failed::Over(error)) => return Err(error),
                                Err(Failed::Here(fault)) => self.tell(link, fault),
                            }
                        }
                        Err(error) => return Err(PairError::Internal(error.to_string())),
                    },
                    else => pending().await,
                }
            }
        }
    }

    /// Returns the links to dial, anew each time: a phone may be bonded meanwhile.
    async fn links(&self) -> Vec<Link> {
        if let Some(link) = &self.proposal.link {
            return vec![link.clone()];
        }
        let mut links = vec![Link::Socket];
        match self.registry.bonded_phones().await {
            Ok(phones) => links.extend(phones.into_iter().map(|address| Link::Rfcomm { address })),
            Err(fault) => tracing::debug!("no phone is looked for by Bluetooth: {fault}"),
        }
        links
    }

    /// Begins an attempt on a stream that is yet to be opened.
    fn dial(&mut self, link: Link) {
        let (registry, uid, way) = (Arc::clone(&self.registry), self.proposal.uid, link.clone());
        self.busy.insert(link.clone());
        self.attempt(link, async move {
            let stream = stream(&registry, &way, uid).await?;
            let idle = Host::connect(Vec::new(), Box::new(SystemRandomness));
            Ok(Live::new(idle, stream, way))
        });
    }

    /// Ends the attempts, and lets them take leave of their phones.
    pub(crate) async fn end(&mut self) {
        self.wanted = None;
        let ending = async {
            // What one of them brings now is wanted by nobody, and taken back.
            while self.attempts.join_next().await.is_some() {}
        };
        // One that takes longer ends by itself.
        drop(timeout(LEAVE, ending).await);
    }

    fn attempt(&mut self, link: Link, live: impl Future<Output = Result<Live, LinkFault>> + Send + 'static) {
        let mut until = self.until.clone();
        let attempt = Attempt {
            offer: self.offer.clone(),
            name: self.proposal.name.clone(),
            steps: self.steps.clone(),
            people: Arc::clone(&self.people),
            named: self.proposal.link.is_some(),
            runtime: self.registry.runtime.clone(),
        };
        self.attempts.spawn(async move {
            let live = tokio::select! {
                live = live => live.map_err(Failed::Here),
                () = until.over() => Err(Failed::Over(PairError::GivenUp)),
            };
            let outcome = match live {
                Ok(live) => attempt.run(live, until).await,
                Err(failed) => Err(failed),
            };
            (link, outcome)
        });
    }

    /// Says once what a link does. That nobody has connected to a socket is no news.
    fn tell(&mut self, link: Link, fault: LinkFault) {
        let known = self.told.iter().any(|(known, said)| *known == link && *said == fault);
        if fault != LinkFault::NobodyConnected && !known {
            self.told.push((link.clone(), fault.clone()));
            // Whoever does not listen any more has this task ended.
            drop(self.steps.send(PairStep::Trying(link, fault)));
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        // They end by themselves, and take leave before.
        self.attempts.detach_all();
    }
}

/// How long the end of a pairing waits for its attempts to take leave.
const LEAVE: Duration = Duration::from_secs(1);
/// How long after one round of dialling the next begins.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);
