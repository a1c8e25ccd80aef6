use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_core::{Agent, Refusal, SessionId, choose_agent, is_served};
use tokio_util::sync::CancellationToken;
use zbus::names::OwnedUniqueName;
use zbus::wire::OwnedObjectPath;

use crate::callers::Peer;

/// The agents, in the order of their registration.
#[derive(Debug, Default)]
pub struct Registry(Mutex<Vec<Registration>>);

/// One agent.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its connection to the bus.
    pub name: OwnedUniqueName,
    /// Its object there.
    pub path: OwnedObjectPath,
    /// Cancelled when it is gone, or asks no more.
    pub gone: CancellationToken,
    agent: Agent,
}

impl Registry {
    /// Enters an agent of `peer`, which serves `session` of that user.
    ///
    /// # Errors
    /// [`Refusal::AlreadyExists`] where the session has one: the first serves while it lives.
    pub fn register(
        &self,
        peer: &Peer,
        path: OwnedObjectPath,
        uid: u32,
        session: Option<SessionId>,
    ) -> Result<(), Refusal> {
        let mut agents = self.living();
        let known: Vec<Agent> = agents.iter().map(|registration| registration.agent.clone()).collect();
        if is_served(&known, uid, session.as_ref()) {
            tracing::warn!(uid, peer = %peer.name, "a second agent for one session was refused");
            return Err(Refusal::AlreadyExists("an agent for that session".into()));
        }
        tracing::info!(uid, peer = %peer.name, session = session.as_ref().map(SessionId::as_str), "an agent asks");
        let agent = Agent { uid, session };
        agents.push(Registration { name: peer.name.clone(), path, gone: peer.gone.child_token(), agent });
        Ok(())
    }

    /// Takes the agent of `peer` at that object out; whatever it is being asked is asked no more.
    pub fn unregister(&self, peer: &Peer, path: &OwnedObjectPath) {
        self.take_out(|registration| registration.name == peer.name && registration.path == *path);
    }

    /// Takes the agent of a session out, which is over.
    pub(super) fn end(&self, session: &SessionId) {
        self.take_out(|registration| registration.agent.session.as_ref() == Some(session));
    }

    fn take_out(&self, is_meant: impl Fn(&Registration) -> bool) {
        for registration in self.living().iter().filter(|registration| is_meant(registration)) {
            registration.gone.cancel();
        }
    }

    /// Returns the agent that asks for a request of `uid`, made in `session`.
    pub(super) fn choose(
        &self,
        uid: u32,
        session: Option<&SessionId>,
        is_open: impl Fn(&SessionId) -> bool,
    ) -> Option<Registration> {
        let agents = self.living();
        let known: Vec<Agent> = agents.iter().map(|registration| registration.agent.clone()).collect();
        choose_agent(&known, uid, session, is_open).map(|index| agents[index].clone())
    }

    /// Returns those that are still there. One that is gone is so before anybody looks: nothing needs to take it out.
    fn living(&self) -> MutexGuard<'_, Vec<Registration>> {
        let mut agents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        agents.retain(|registration| !registration.gone.is_cancelled());
        agents
    }
}
