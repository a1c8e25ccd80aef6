use std::future::Future;
use std::sync::Arc;

use claviger_dbus::wire::{NoOptions, Prompt};
use claviger_dbus::{CallError, ErrorName};
use zbus::message::Header;

use super::desk::{Desk, Question};
use super::{Agent, NoAnswer};

/// What the daemon calls: `xml/org.claviger.KeyStore1.Agent.xml`.
pub(super) struct Face<A> {
    agent: Arc<A>,
    desk: Arc<Desk>,
}

impl<A: Agent> Face<A> {
    pub(super) fn new(agent: A, desk: Arc<Desk>) -> Self {
        Self { agent: Arc::new(agent), desk }
    }

    /// Takes in a question of the daemon's; nobody else's is answered.
    fn take_in(&self, header: &Header<'_>, id: &str) -> Result<Question, CallError> {
        self.serves(header)?;
        let question = self.desk.take_in(id);
        question.ok_or_else(|| {
            CallError::new(ErrorName::AlreadyExists, "cannot ask: this question is being asked")
        })
    }

    fn serves(&self, header: &Header<'_>) -> Result<(), CallError> {
        let is_daemon = header.sender().is_some_and(|sender| self.desk.is_daemon(sender.as_str()));
        is_daemon
            .then_some(())
            .ok_or_else(|| CallError::new(ErrorName::AccessDenied, "cannot ask: only the key store may"))
    }

    /// Waits for the answer, in its turn; a question that is taken back is dropped.
    async fn ask<T>(
        &self,
        mut question: Question,
        asking: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, CallError> {
        let in_turn = async {
            let _mine = self.desk.turn().await;
            asking.await
        };
        tokio::select! {
            biased;
            () = question.taken_back() => Err(CallError::new(ErrorName::Cancelled, "cannot ask: nobody waits any more")),
            answer = in_turn => answer.map_err(CallError::from),
        }
    }
}

#[zbus::interface(name = "org.claviger.KeyStore1.Agent")]
impl<A: Agent> Face<A> {
    async fn request_secret(
        &self,
        prompt: Prompt,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<zbus::OwnedFd, CallError> {
        let question = self.take_in(&header, &prompt.prompt)?;
        let secret = self.ask(question, self.agent.secret(prompt)).await?;
        secret.to_descriptor().map_err(|error| CallError::new(ErrorName::Internal, error.to_string()))
    }

    async fn confirm(&self, prompt: Prompt, #[zbus(header)] header: Header<'_>) -> Result<bool, CallError> {
        let question = self.take_in(&header, &prompt.prompt)?;
        self.ask(question, self.agent.confirm(prompt)).await
    }

    fn display_code(&self, prompt: Prompt, #[zbus(header)] header: Header<'_>) -> Result<(), CallError> {
        let mut question = self.take_in(&header, &prompt.prompt)?;
        let agent = Arc::clone(&self.agent);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = question.taken_back() => {}
                () = agent.display(prompt) => {}
            }
        });
        Ok(())
    }

    fn cancel(
        &self,
        prompt: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.serves(&header)?;
        self.desk.take_back(prompt);
        Ok(())
    }
}

impl From<NoAnswer> for CallError {
    fn from(reason: NoAnswer) -> Self {
        let name = match reason {
            NoAnswer::Declined => ErrorName::Declined,
            NoAnswer::TimedOut => ErrorName::Timeout,
            NoAnswer::Impossible(_) => ErrorName::Internal,
        };
        Self::new(name, reason.to_string())
    }
}
