use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claviger_phone_protocol::{Command, Reply};
use claviger_token::{TokenError, TokenId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::line::Order;
use crate::registry::Registry;

/// One request on its way to a line.
pub(crate) struct Ask {
    /// What tells it from all others of this process.
    pub(crate) number: u64,
    pub(crate) command: Command,
    pub(crate) limit: Duration,
    answer: oneshot::Sender<Result<Reply, TokenError>>,
}

/// One that a line has taken: its time runs.
pub(crate) struct Waiting {
    pub(crate) number: u64,
    pub(crate) deadline: Instant,
    answer: Option<oneshot::Sender<Result<Reply, TokenError>>>,
}

impl Ask {
    /// Begins to wait for the answer; what to send is returned apart.
    pub(crate) fn wait(self) -> (Command, Waiting) {
        let Self { number, command, limit, answer } = self;
        (command, Waiting { number, deadline: Instant::now() + limit, answer: Some(answer) })
    }
}

impl Waiting {
    /// Answers. Whoever asked may have gone; of two answers the first counts.
    pub(crate) fn settle(&mut self, outcome: Result<Reply, TokenError>) {
        if let Some(answer) = self.answer.take() {
            // An unheard answer is nobody's loss.
            drop(answer.send(outcome));
        }
    }

    /// Returns true until it was answered.
    pub(crate) const fn is_open(&self) -> bool {
        self.answer.is_some()
    }
}

/// Asks a phone. Dropping the future gives the request up, and the phone is told.
pub(crate) fn ask(
    registry: &Arc<Registry>,
    token: &TokenId,
    command: Command,
    limit: Duration,
) -> impl Future<Output = Result<Reply, TokenError>> + Send + use<> {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let (answer, answered) = oneshot::channel();
    let ask = Ask { number, command, limit, answer };
    let asking = Asking { registry: Arc::clone(registry), token: token.clone(), number, over: false };
    let taken = registry.order(token, Order::Ask(Box::new(ask)));
    async move {
        // The whole of it, not only the field that is used below.
        let mut asking = asking;
        let outcome = match taken {
            // The line drops what it cannot answer any more only when all ends.
            true => answered.await.unwrap_or(Err(TokenError::Absent)),
            false => Err(TokenError::Absent),
        };
        asking.over = true;
        outcome
    }
}

/// Whoever waits for an answer; when they go, the request is given up.
struct Asking {
    registry: Arc<Registry>,
    token: TokenId,
    number: u64,
    over: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.over {
            self.registry.order(&self.token, Order::GiveUp(self.number));
        }
    }
}
