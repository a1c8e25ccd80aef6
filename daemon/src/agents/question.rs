use std::sync::Arc;
use std::time::Duration;

use claviger_core::{Refusal, Resource};
use claviger_dbus::names::SECRET_LIMIT;
use claviger_dbus::proxy::AgentProxy;
use claviger_dbus::wire::{NoOptions, Prompt};
use claviger_dbus::{ErrorName, Failure};
use claviger_token::Secret;
use tokio::runtime::Handle;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;

use super::registry::Registration;
use crate::permits::Permit;
use crate::secrets;
use crate::service::Service;
use crate::take_back::{TakeBack, question_id};

/// One question to one agent. Dropping it takes the question back.
pub(super) struct Question {
    agent: Registration,
    proxy: AgentProxy<'static>,
    prompt: Prompt,
    uid: u32,
    permit: Permit,
    runtime: Handle,
}

/// Why a question has no answer.
pub(super) enum Unanswered {
    /// The agent is gone, or does not do what an agent does: it is as if there were none.
    NoAgent,
    /// Any other cause, the person's own no among them.
    Refused(Refusal),
}

impl Question {
    /// Prepares to put `prompt`, because of a request of `uid` that `peer` made.
    pub(super) async fn new(
        service: &Arc<Service>,
        agent: Registration,
        (uid, peer): (u32, &OwnedUniqueName),
        prompt: Prompt,
    ) -> Result<Self, Unanswered> {
        let permit = service.permits.take(uid, Resource::Prompts).map_err(Unanswered::Refused)?;
        let proxy = proxy(service, &agent).await.map_err(|_| Unanswered::NoAgent)?;
        let id = question_id().map_err(Unanswered::Refused)?;
        let prompt = Prompt { prompt: id, pid: service.process_of(peer).await, ..prompt };
        Ok(Self { agent, proxy, prompt, uid, permit, runtime: service.runtime.clone() })
    }

    /// Asks for a secret.
    pub(super) async fn secret(self) -> Result<Secret, Unanswered> {
        let (uid, agent) = (self.uid, self.agent.clone());
        let descriptor = self.put(async |agent, prompt| agent.request_secret(&prompt).await).await?;
        tokio::select! {
            biased;
            secret = secrets::read(descriptor.into(), SECRET_LIMIT) => secret.map_err(|refusal| {
                tracing::warn!(uid, agent = %agent.name, "an agent's answer is no secret: {refusal}");
                Unanswered::NoAgent
            }),
            () = agent.gone.cancelled() => Err(Unanswered::NoAgent),
        }
    }

    /// Asks for a yes.
    pub(super) async fn yes(self) -> Result<bool, Unanswered> {
        self.put(async |agent, prompt| agent.confirm(&prompt).await).await
    }

    /// Puts the question. The call has a task of its own, and so is never given up half written. The user's place for
    /// questions is free again when the agent has let go of it: an agent that answers nothing fills its own user's
    /// places and no others'.
    async fn put<T, F>(self, ask: impl FnOnce(AgentProxy<'static>, Prompt) -> F) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let Self { agent, proxy, prompt, uid, permit, runtime } = self;
        let open = TakeBack::new(runtime.clone(), take_back(proxy.clone(), prompt.prompt.clone()));
        let (asked, gone) = (ask(proxy, prompt), agent.gone.clone());
        let call = runtime.spawn(async move {
            let _permit = permit;
            tokio::select! {
                biased;
                answer = asked => Ok(answer),
                () = gone.cancelled() => Err(Unanswered::NoAgent),
                () = tokio::time::sleep(LONGEST) => Err(Unanswered::Refused(Refusal::Timeout)),
            }
        });
        let answer = call.await.unwrap_or(Err(Unanswered::NoAgent))?;
        open.answered();
        answer.map_err(|failure| unanswered(&agent, uid, failure))
    }
}

async fn take_back(proxy: AgentProxy<'static>, prompt: String) -> zbus::Result<()> {
    proxy.inner().call_noreply("Cancel", &(prompt, NoOptions {})).await
}

async fn proxy(service: &Service, agent: &Registration) -> zbus::Result<AgentProxy<'static>> {
    AgentProxy::builder(service.connection())
        .destination(agent.name.inner().clone())
        .path(agent.path.clone())
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

fn unanswered(agent: &Registration, uid: u32, failure: Failure) -> Unanswered {
    match failure {
        Failure::Refused(error) if error.name == ErrorName::Declined => {
            Unanswered::Refused(Refusal::Declined)
        }
        Failure::Refused(error) if error.name == ErrorName::Cancelled => {
            Unanswered::Refused(Refusal::Cancelled)
        }
        Failure::Refused(error) if error.name == ErrorName::Timeout => Unanswered::Refused(Refusal::Timeout),
        Failure::Refused(_) | Failure::Transport(_) => {
            tracing::warn!(uid, agent = %agent.name, "an agent does not answer: {failure}");
            Unanswered::NoAgent
        }
    }
}

/// No question stays open longer: no call that could wait for its answer does.
const LONGEST: Duration = Duration::from_secs(120);
