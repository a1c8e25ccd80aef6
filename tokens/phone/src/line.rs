use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use claviger_phone_protocol::Command;
use claviger_token::{Presence, TokenError, TokenId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::Pairing;
use crate::ask::{Ask, Waiting};
use crate::dial::{Dialer, dial};
use crate::live::Live;
use crate::registry::Registry;
use crate::session::{self, End};

/// What a line is told.
pub(crate) enum Order {
    /// Asks the phone.
    Ask(Box<Ask>),
    /// Nobody waits for that answer any more.
    GiveUp(u64),
    /// The phone has connected by itself.
    Arrived(Box<Live>),
    /// Dial now; while connected, see whether it is there.
    Nudge,
    /// Says that the pairing ends, and ends; then answers.
    Forget(oneshot::Sender<()>),
}

/// The task of one phone: it dials, keeps the stream that stands, and dials again.
pub(crate) struct Line {
    pub(crate) registry: Arc<Registry>,
    pub(crate) token: TokenId,
    pub(crate) pairing: Pairing,
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    /// What waits for a connection.
    pub(crate) queue: VecDeque<(Command, Waiting)>,
}

impl Line {
    pub(crate) fn new(
        registry: Arc<Registry>,
        pairing: Pairing,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Self {
        Self { registry, token: pairing.token(), pairing, orders, queue: VecDeque::new() }
    }

    /// Runs until the phone is forgotten, or all ends.
    pub(crate) async fn run(mut self) {
        let mut dialer = Dialer::new(&self.pairing);
        let mut arrived = None;
        loop {
            let live = match arrived.take() {
                Some(live) => live,
                None => match self.wait_for_a_connection(&mut dialer).await {
                    Some(live) => live,
                    None => break,
                },
            };
            let link = live.link.clone();
            tracing::debug!("{}: connected by {link}", self.token);
            let made = Instant::now();
            self.registry.connect(&self.token, Some(link.clone()));
            let end = session::run(&mut self, *live).await;
            self.registry.connect(&self.token, None);
            match end {
                End::Cut(why) => {
                    tracing::debug!("{}: {link} was cut: {why:?}", self.token);
                    dialer.cut(&link, made.into_std());
                }
                End::Arrived(live) => arrived = Some(live),
                End::Over => break,
            }
        }
        for (_, mut waiting) in self.queue {
            waiting.settle(Err(TokenError::Absent));
        }
    }

    /// Dials, and does meanwhile what it is told; `None` where it shall end.
    async fn wait_for_a_connection(&mut self, dialer: &mut Dialer) -> Option<Box<Live>> {
        let pairing = self.pairing.clone();
        let (registry, nudge) = (Arc::clone(&self.registry), Arc::clone(&dialer.nudge));
        let mut dialing = pin!(dial(&registry, &pairing, dialer));
        loop {
            let mut changes = self.registry.changes();
            self.give_up_on_the_absent();
            self.give_up_the_late();
            let deadline = self.queue.iter().map(|(_, waiting)| waiting.deadline).min();
            let order = tokio::select! {
                live = &mut dialing => return Some(Box::new(live)),
                _ = changes.changed() => continue,
                () = until(deadline) => continue,
                order = self.orders.recv() => order?,
            };
            match order {
                Order::Ask(ask) => self.queue.push_back(ask.wait()),
                Order::GiveUp(number) => self.queue.retain(|(_, waiting)| waiting.number != number),
                Order::Arrived(live) => return Some(live),
                Order::Nudge => nudge.notify_one(),
                Order::Forget(done) => {
                    // Nobody waits where the answer is unheard.
                    let _ = done.send(());
                    return None;
                }
            }
        }
    }

    /// Answers what has waited for a connection for its whole time.
    pub(crate) fn give_up_the_late(&mut self) {
        let now = Instant::now();
        let late = self.queue.iter_mut().filter(|(_, waiting)| waiting.deadline <= now);
        late.for_each(|(_, waiting)| waiting.settle(Err(TokenError::Timeout)));
        self.queue.retain(|(_, waiting)| waiting.is_open());
    }

    /// A short cut is waited out; while the phone is known to be away nobody waits for it.
    fn give_up_on_the_absent(&mut self) {
        if self.registry.presence(&self.token) != Presence::Present {
            self.queue.drain(..).for_each(|(_, mut waiting)| waiting.settle(Err(TokenError::Absent)));
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
