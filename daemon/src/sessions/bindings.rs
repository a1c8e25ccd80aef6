//! Binding a session to a token, and giving that up.

use std::borrow::Cow;
use std::sync::Arc;

use claviger_core::{Binding, How, Place, Refusal, Registration, Session, SessionId};
use claviger_token::{Presence, Token, TokenId};

use super::{Release, boot, journal};
use crate::accounts::login::{self, Login};
use crate::accounts::{Holder, token_name};
use crate::callers::Visit;
use crate::clock::now;
use crate::logind::{Logind, LogindError};
use crate::service::Service;
use crate::table::Account;

/// Binds a session to the token that its user logged in with; the authentication is used up, however this ends. The
/// caller is one who may.
pub async fn open(
    service: &Arc<Service>,
    uid: u32,
    session: &str,
    authentication: &str,
) -> Result<(), Refusal> {
    let logind = logind(service)?;
    let Login { token, .. } = login::take(service, authentication, uid)?;
    let id = SessionId::new(session);
    // Now, and not as the book has it: the session is a moment old.
    let found = logind.refresh(id.clone()).await.map_err(|error| of_logind(error, &id))?;
    // logind also takes words for "mine".
    if found.id != id || found.uid != uid {
        return Err(Refusal::InvalidArguments(format!("session {id} is not that user's").into()));
    }
    let account = service.accounts.seat(uid).account(&service.table).await?;
    let account = account.ok_or(Refusal::NotRegistered(Registration::None))?;
    bind(service, &account, found, token, How::Login).await
}

/// Forgets what a session is bound to. The caller is one who may.
pub async fn close(service: &Arc<Service>, session: &str) -> Result<(), Refusal> {
    match service.logind {
        Some(_) => service.sessions.release(SessionId::new(session), Release::Any).await,
        None => Ok(()),
    }
}

/// Binds one of the caller's sessions to one of the caller's tokens.
pub async fn bind_own(
    service: &Arc<Service>,
    visit: &Visit,
    session: &str,
    token: &str,
) -> Result<(), Refusal> {
    logind(service)?;
    let uid = visit.caller.uid;
    let account = service.accounts.seat(uid).own(&service.table, &visit.caller).await?;
    let session = own_session(service, uid, session)?;
    let token = own_token(service, &account, token)?;
    bind(service, &account, session, token, How::Manual).await
}

/// Gives up a binding that the caller made.
pub async fn release_own(service: &Arc<Service>, visit: &Visit, session: &str) -> Result<(), Refusal> {
    logind(service)?;
    let session = own_session(service, visit.caller.uid, session)?;
    service.sessions.release(session.id, Release::Manual).await
}

async fn bind(
    service: &Arc<Service>,
    account: &Account,
    session: Session,
    token: TokenId,
    how: How,
) -> Result<(), Refusal> {
    let name = token_name(account, &token);
    let Session { id, started, uid, seat, tty, remote_host, .. } = session;
    let place = Place { seat, tty, remote_host };
    let boot = boot::boot_id();
    let binding = Binding { session: id, started, boot, uid, token, how, place, bound: now() };
    service.sessions.prefer(uid, account.user.removal);
    service.sessions.bind(binding.clone(), name).await?;
    journal::bound(&binding);
    Ok(())
}

/// Returns the caller's session of that id; of no id, the caller's only one.
fn own_session(service: &Service, uid: u32, id: &str) -> Result<Session, Refusal> {
    let invalid = |text: Cow<'static, str>| Err(Refusal::InvalidArguments(text));
    let mut own = service.sessions.list().into_iter().map(|entry| entry.session);
    if !id.is_empty() {
        let found = own.find(|session| session.id.as_str() == id && session.uid == uid);
        return found.map_or_else(|| invalid("you have no session of that id".into()), Ok);
    }
    let mut own = own.filter(|session| session.uid == uid && session.is_the_users());
    match (own.next(), own.next()) {
        (Some(session), None) => Ok(session),
        (None, _) => invalid("you have no session".into()),
        (Some(_), Some(_)) => invalid("you have several sessions: say which one".into()),
    }
}

/// Returns the caller's token of that id, if it is there and unlocked; of no id, the only card or phone that is there.
fn own_token(service: &Service, account: &Account, id: &str) -> Result<TokenId, Refusal> {
    let local = TokenId::local(account.user.uid);
    if id == local.as_str() {
        let unlocked = service.accounts.seat(account.user.uid).is_unlocked();
        return if account.user.slots.is_none() {
            Err(Refusal::NoLocalStore)
        } else if unlocked {
            Ok(local)
        } else {
            Err(Refusal::Locked)
        };
    }
    let is_there = |token: &TokenId| service.presence(token) == Presence::Present;
    let mut cards = account.tokens.iter().map(|enrolled| &enrolled.id);
    let token = if id.is_empty() {
        let mut there = cards.filter(|token| is_there(token));
        match (there.next(), there.next()) {
            (Some(token), None) => token,
            (None, _) => return Err(Refusal::TokenAbsent("your card or phone".into())),
            (Some(_), Some(_)) => {
                return Err(Refusal::InvalidArguments(
                    "several of your cards and phones are there: say which one".into(),
                ));
            }
        }
    } else {
        cards.find(|token| token.as_str() == id).ok_or(Refusal::NoSuchToken)?
    };
    let (unlocked, locked) = match Holder::of(token) {
        Holder::Card => (service.cards.token(token).is_unlocked(), Refusal::PinNeeded),
        Holder::Phone => (service.phones.token(token).is_unlocked(), Refusal::PhoneLocked),
        Holder::Store => return Err(Refusal::NoSuchToken),
    };
    match (is_there(token), unlocked) {
        (true, true) => Ok(token.clone()),
        (true, false) => Err(locked),
        (false, _) => Err(Refusal::TokenAbsent(token_name(account, token).into())),
    }
}

fn logind(service: &Service) -> Result<&Logind, Refusal> {
    service.logind.as_ref().ok_or(Refusal::NotSupported("a session where there is no logind".into()))
}

fn of_logind(error: LogindError, id: &SessionId) -> Refusal {
    match error {
        LogindError::NoSuchSession => Refusal::InvalidArguments(format!("there is no session {id}").into()),
        LogindError::Unreachable(_) => Refusal::NotSupported(error.to_string().into()),
        LogindError::Denied(_) => Refusal::Internal(error.to_string().into()),
        LogindError::TimedOut => Refusal::Timeout,
    }
}
