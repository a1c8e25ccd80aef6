use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::host::{Event, Host};
use claviger_phone_protocol::{Closed, NewPairing, Offer, Refusal, SystemRandomness};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot, watch};
use tokio::time::sleep;

use crate::live::{Cut, Live};
use crate::pair::provisional::Provisional;
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
    pub(crate) runtime: Handle,
}

/// How long an attempt is wanted.
#[derive(Clone)]
pub(crate) struct Until(watch::Receiver<()>);

impl Until {
    /// Returns one that lasts until the sender is dropped.
    pub(crate) fn dropped() -> (watch::Sender<()>, Self) {
        let (wanted, until) = watch::channel(());
        (wanted, Self(until))
    }

    /// Waits for the end.
    pub(crate) async fn over(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
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
    pub(crate) async fn run(self, mut live: Live, mut until: Until) -> Result<Paired, Failed> {
        let mut told = false;
        loop {
            let host = Host::pair(self.offer.clone(), Box::new(SystemRandomness));
            live = live.restart(host);
            let refusal = match self.go(&mut live, &mut until).await {
                Ok(new) => return Ok(self.paired(new, live)),
                Err(Broken::Refused(refusal)) => refusal,
                Err(Broken::Failed(failed)) => {
                    // A phone that sees no end of the stream, as on a serial line, would wait for the rest of two minutes.
                    live.bye("the computer has given the pairing up").await;
                    return Err(failed);
                }
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
                () = until.over() => return Err(Failed::Over(PairError::GivenUp)),
            }
        }
    }

    /// Goes through one handshake, and what people have to do with it.
    async fn go(&self, live: &mut Live, until: &mut Until) -> Result<NewPairing, Broken> {
        let mut turn: Option<OwnedMutexGuard<()>> = None;
        let mut new = None;
        loop {
            match next(live, until, turn.is_some()).await? {
                Event::Compare(code) => {
                    turn = Some(self.take_turn(turn)?);
                    let same = tokio::select! {
                        same = self.compare(code) => same?,
                        () = until.over() => return Err(Broken::Failed(Failed::Over(PairError::GivenUp))),
                    };
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

    async fn compare(&self, code: claviger_phone_protocol::Code) -> Result<bool, Broken> {
        let (same, answer) = oneshot::channel();
        self.tell(PairStep::Compare { code, same })?;
        match answer.await {
            Ok(same) => Ok(same),
            Err(_) if self.steps.is_closed() => Err(Broken::Failed(Failed::Over(PairError::GivenUp))),
            Err(_) => Ok(false),
        }
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
        Paired { pairing, phone, model, stream: Provisional::new(live, self.runtime) }
    }
}

/// Returns what the phone does next. Until people come in it is waited for alone, and not for long.
async fn next(live: &mut Live, until: &mut Until, people: bool) -> Result<Event, Broken> {
    let mut wanted = true;
    loop {
        let patient = people && wanted && !live.host.is_proving();
        // What has come is taken in first: a pairing that is proven already is taken back, not given up.
        tokio::select! {
            biased;
            event = live.next() => return event.map_err(|cut| Broken::of(cut, people)),
            () = until.over(), if wanted => match live.host.is_proving() {
                // To leave now would leave open whether the phone keeps it: it is gone through with, and taken back.
                true => wanted = false,
                false => return Err(Broken::Failed(Failed::Over(PairError::GivenUp))),
            },
            () = sleep(HANDSHAKE), if !patient => return Err(match people {
                true => Broken::Failed(Failed::Over(PairError::Lost)),
                false => Broken::here(LinkFault::Silent),
            }),
        }
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
