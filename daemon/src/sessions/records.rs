use std::sync::Arc;

use claviger_core::{Binding, Refusal, SessionId};
use tokio::sync::mpsc::UnboundedReceiver;

use super::Answer;
use super::keeper::Input;
use crate::service::Service;

/// What is written down.
#[derive(Debug)]
pub(super) enum Record {
    /// A binding.
    Put(Binding, Answer),
    /// That a session is bound to nothing any more.
    Forget(SessionId, Option<Answer>),
}

/// Writes down what happened in the book, in that order, so that the disk never says the last but one.
pub(super) async fn keep(service: Arc<Service>, mut records: UnboundedReceiver<Record>) {
    while let Some(record) = records.recv().await {
        match record {
            Record::Put(binding, answer) => {
                let stored = service.table.put_binding(binding.clone()).await;
                if stored.is_err() {
                    service.sessions.put(Input::Undo(binding));
                }
                drop(answer.send(stored.map_err(Refusal::from)));
            }
            Record::Forget(session, answer) => {
                let forgotten = service.table.forget_binding(&session).await;
                if let Err(error) = &forgotten {
                    // It binds nothing: its session is over, or the next start finds that it is another.
                    tracing::warn!(%session, "cannot write down that a session is bound to nothing: {error}");
                }
                if let Some(answer) = answer {
                    drop(answer.send(forgotten.map_err(Refusal::from)));
                }
            }
        }
    }
}
