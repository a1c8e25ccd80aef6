use claviger_core::{Refusal, SessionId};
use claviger_token::{Token, TokenKind};
use zbus::message::{Flags, Header};

use super::place::is_open;
use super::registry::Registration;
use super::yeses::Scope;
use crate::callers::Peer;
use crate::service::Service;

/// Who makes a request, and whether it may bring a person in.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Who makes it.
    pub peer: &'a Peer,
    /// The message allows interaction, and no option forbids it.
    pub may_ask: bool,
    /// An option forbids it. A phone asks its person all the same, unless it is not bothered at all.
    pub no_prompt: bool,
}

impl<'a> Asking<'a> {
    /// Returns what the message says.
    pub fn of(peer: &'a Peer, header: &Header<'_>, no_prompt: Option<bool>) -> Self {
        let allowed = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let no_prompt = no_prompt.unwrap_or(false);
        Self { peer, may_ask: allowed && !no_prompt, no_prompt }
    }

    /// Refuses where the request forbids to ask anybody and this token asks its person by itself. Others may do so although
    /// their message gives no leave to ask: programs that know nothing of phones sign with one all the same.
    pub fn may_bother(&self, token: &dyn Token) -> Result<(), Refusal> {
        match token.kind() {
            TokenKind::Phone if self.no_prompt => Err(Refusal::MayNotAsk),
            TokenKind::Phone | TokenKind::Local | TokenKind::Card => Ok(()),
        }
    }

    /// Returns the session that the request comes from.
    pub(super) async fn session(&self, service: &Service) -> Option<SessionId> {
        service.session_of(self.peer).await
    }

    /// Returns the agent that asks for this request of `uid`.
    ///
    /// # Errors
    /// [`Refusal::MayNotAsk`], [`Refusal::NobodyToAsk`].
    pub(super) async fn agent(&self, service: &Service, uid: u32) -> Result<Registration, Refusal> {
        if !self.may_ask {
            return Err(Refusal::MayNotAsk);
        }
        let session = self.session(service).await;
        let is_open = |session: &_| is_open(service, session);
        service.agents.registry.choose(uid, session.as_ref(), is_open).ok_or(Refusal::NobodyToAsk)
    }

    /// Refuses where nobody would be asked because of this request of `uid`.
    pub async fn would_ask(&self, service: &Service, uid: u32) -> Result<(), Refusal> {
        self.agent(service, uid).await.map(drop)
    }

    /// Returns how far a yes to this request counts.
    pub(super) async fn scope(&self, service: &Service) -> Scope {
        match self.session(service).await {
            Some(session) => Scope::Session(session),
            None => Scope::Connection(self.peer.serial),
        }
    }
}
