use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::host::{Event, Host};
use claviger_phone_protocol::{Closed, NewPairing, Offer, Refusal, SystemRandomness};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::{sleep, timeout};

use crate::live::{Cut, Live};
use crate::{LinkFault, PairError, PairStep, Paired, Pairing};

/// One stream, on which somebody may be who can be paired.
pub(crate) struct Attempt {
    pub(crate) offer: Offer,
    pub(crate) name: Option<String>,
    pub(crate) steps: UnboundedSender<PairStep>,
    /// Held by the one phone that people are busy with.
    pub(crate) people: Arc<Mutex<()>>,
    /// Somebody named the link: whoever answers there is the phone that is meant.
    pub(crate) named: bool,
}

/// How an attempt came to nothing.
pub(crate) enum Failed {
    /// Another stream may do better.
    Here(LinkFault),
    /// The pairing is over.
    Over(PairError),
}

impl Attempt {
    /// Tries, as long as the phone is not ready and the stream lasts.
    pub(crate) async fn run(self, mut live: Live) -> Result<Paired, Failed> {
        let mut told = false;
        loop {
            let host = Host::pair(self.offer.clone(), Box::new(SystemRandomness));
            live = live.restart(host);
            let refusal = match self.go(&mut live).await {
                Ok(new) => return Ok(self.paired(new, live)),
                Err(Broken::Refused(refusal)) => refusal,
                Err(Broken::Failed(failed)) => return Err(failed),
            };
            let fault = LinkFault::Refused(refusal);
            match refusal {
                // Nobody has told the phone yet, or it is busy with another computer: in a moment it may be ready.
                Refusal::NotAllowed | Refusal::UnknownPairing | Refusal::Busy => {}
                Refusal::HandshakeFailed if self.named => {
                    return Err(Failed::Over(PairError::WrongSecret));
                }
                // Anybody can say so, and is not to end the pairing with another phone by it.
                Refusal::HandshakeFailed
                | Refusal::NotSupported
                | Refusal::BadParameters
                | Refusal::Other(_) => {
                    return Err(Failed::Here(fault));
                }
            }
            if !std::mem::replace(&mut told, true) {
                // Whoever does not listen any more has this task ended.
                drop(self.steps.send(PairStep::Trying(live.link.clone(), fault)));
            }
            tokio::select! {
                () = sleep(BETWEEN_TRIES) => {}
                () = live.end() => return Err(Failed::Here(LinkFault::Ended)),
            }
        }
    }

    /// Goes through one handshake, and what people have to do with it.
    async fn go(&self, live: &mut Live) -> Result<NewPairing, Broken> {
        let mut turn: Option<OwnedMutexGuard<()>> = None;
        let mut new = None;
        loop {
            // Until people come in, the phone alone is waited for.
            let event = match turn {
                None => timeout(HANDSHAKE, live.next()).await.map_err(|_| Broken::here(LinkFault::Silent))?,
                Some(_) => live.next().await,
            };
            match event.map_err(|cut| Broken::of(cut, turn.is_some()))? {
                Event::Compare(code) => {
                    turn = Some(self.take_turn(turn)?);
                    let same = self.compare(code).await;
                    live.host.confirm(same);
                }
                Event::PersonAsked => {
                    turn = Some(self.take_turn(turn)?);
                    self.tell(PairStep::Asked)?;
                }
                Event::Paired(paired) => new = Some(*paired),
                Event::Opened(_) => match new.take() {
                    Some(new) => return Ok(new),
                    None => return Err(Broken::of(Cut::Closed(Closed::OutOfOrder), true)),
                },
                // What a phone says unasked can wait; answers there are none, and the end comes as an error.
                Event::Noticed(_) | Event::Answered(_) | Event::Closed(_) => {}
            }
        }
    }

    /// People are busy with one phone at a time: a second one that is ready is hung up on.
    fn take_turn(&self, turn: Option<OwnedMutexGuard<()>>) -> Result<OwnedMutexGuard<()>, Broken> {
        let taken = turn.or_else(|| Arc::clone(&self.people).try_lock_owned().ok());
        taken.ok_or_else(|| Broken::here(LinkFault::Refused(Refusal::Busy)))
    }

    async fn compare(&self, code: claviger_phone_protocol::Code) -> bool {
        let (same, answer) = oneshot::channel();
        self.steps.send(PairStep::Compare { code, same }).is_ok() && answer.await.unwrap_or(false)
    }

    fn tell(&self, step: PairStep) -> Result<(), Broken> {
        self.steps.send(step).map_err(|_| Broken::Failed(Failed::Over(PairError::GivenUp)))
    }

    fn paired(self, new: NewPairing, live: Live) -> Paired {
        let NewPairing { known, phone, model, .. } = new;
        let pairing = Pairing {
            id: known.pairing,
            uid: known.uid,
            name: self.name.unwrap_or_else(|| phone.clone()),
            host_key: known.own,
            phone_key: known.peer,
            links: vec![live.link.clone()],
        };
        Paired { pairing, phone, model, live }
    }
}

/// How one handshake ended.
enum Broken {
    Refused(Refusal),
    Failed(Failed),
}

impl Broken {
    const fn here(fault: LinkFault) -> Self {
        Self::Failed(Failed::Here(fault))
    }

    /// Judges an end. Once people were asked, it is the end of the pairing: they are not asked twice.
    fn of(cut: Cut, asked: bool) -> Self {
        match cut {
            Cut::Closed(Closed::Declined(_)) => Self::Failed(Failed::Over(PairError::Declined)),
            Cut::Closed(Closed::NumbersDiffer) => Self::Failed(Failed::Over(PairError::NumbersDiffer)),
            Cut::Closed(Closed::Refused(refusal)) if !asked => Self::Refused(refusal),
            Cut::Closed(closed) if asked => Self::Failed(Failed::Over(PairError::Phone(closed))),
            Cut::Closed(closed) => Self::here(closed.into()),
            Cut::Ended if asked => Self::Failed(Failed::Over(PairError::Lost)),
            Cut::Ended => Self::here(LinkFault::Ended),
        }
    }
}

/// How long a phone that is not ready is left alone.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
/// How long a phone may take for a step in which no people are asked.
const HANDSHAKE: Duration = Duration::from_secs(10);
