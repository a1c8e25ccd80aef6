//! Questions that others have on the bus, and that are taken back when nobody waits for the answer any more.

use std::pin::Pin;

use claviger_core::Refusal;
use tokio::runtime::Handle;

/// Takes a question back when it is dropped unanswered.
pub(crate) struct TakeBack {
    runtime: Handle,
    call: Option<Pin<Box<dyn Future<Output = zbus::Result<()>> + Send>>>,
}

impl TakeBack {
    /// Returns what makes `call` once nobody waits. It is a call without a reply: whoever does not answer questions need not
    /// answer that.
    pub(crate) fn new(
        runtime: Handle,
        call: impl Future<Output = zbus::Result<()>> + Send + 'static,
    ) -> Self {
        Self { runtime, call: Some(Box::pin(call)) }
    }

    /// The question was answered.
    pub(crate) fn answered(mut self) {
        self.call = None;
    }
}

impl Drop for TakeBack {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        drop(self.runtime.spawn(async move {
            if let Err(error) = call.await {
                tracing::debug!("cannot take a question back: {error}");
            }
        }));
    }
}

/// Returns a name for a question that nobody guesses.
pub(crate) fn question_id() -> Result<String, Refusal> {
    let random = claviger_soft::random(16).map_err(Refusal::from)?;
    Ok(data_encoding::HEXLOWER.encode(random.expose()))
}
