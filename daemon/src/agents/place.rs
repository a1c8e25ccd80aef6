//! Where people are: the sessions that requests come from and that agents serve.

use claviger_core::{Refusal, Session, SessionId};

use crate::callers::Peer;
use crate::logind::LogindError;
use crate::service::Service;

/// Returns true where somebody can answer in that session: its screen is not locked.
pub(super) fn is_open(service: &Service, session: &SessionId) -> bool {
    service.sessions.find(session).is_some_and(|entry| !is_locked(&entry.session))
}

/// Returns the session that an agent of `uid` serves: the one it names, else the one it is in, else the user's graphical
/// one, else the user's only one.
///
/// # Errors
/// [`Refusal::InvalidArguments`] where it names one that is not the user's.
pub(crate) async fn served(
    service: &Service,
    peer: &Peer,
    uid: u32,
    named: Option<String>,
) -> Result<Option<SessionId>, Refusal> {
    if let Some(name) = named {
        return own(service, uid, SessionId::new(name)).await.map(Some);
    }
    if let Some(session) = service.session_of(peer).await {
        return Ok(Some(session));
    }
    let sessions: Vec<Session> = service.sessions.list().into_iter().map(|entry| entry.session).collect();
    Ok(usual(&sessions, uid))
}

/// Asks logind where the book has none of that id: a session begins with its agents.
async fn own(service: &Service, uid: u32, id: SessionId) -> Result<SessionId, Refusal> {
    let none = || Refusal::InvalidArguments("you have no such session".into());
    if let Some(entry) = service.sessions.find(&id) {
        return if entry.session.uid == uid { Ok(id) } else { Err(none()) };
    }
    let logind = service.logind.as_ref().ok_or_else(none)?;
    match logind.refresh(id.clone()).await {
        // logind also takes words for "mine".
        Ok(session) if session.id == id && session.uid == uid => Ok(id),
        Ok(_) | Err(LogindError::NoSuchSession) => Err(none()),
        Err(LogindError::TimedOut) => Err(Refusal::Timeout),
        Err(error @ (LogindError::Denied(_) | LogindError::Unreachable(_))) => {
            Err(Refusal::Internal(error.to_string().into()))
        }
    }
}

/// Returns the session in which a program of a desktop is that is in none itself.
fn usual(sessions: &[Session], uid: u32) -> Option<SessionId> {
    let own: Vec<&Session> =
        sessions.iter().filter(|session| session.uid == uid && session.is_the_users()).collect();
    let open = own.iter().find(|session| session.can_lock() && !is_locked(session));
    let graphical = open.or_else(|| own.iter().find(|session| session.can_lock()));
    let only = || if let [only] = own.as_slice() { Some(only) } else { None };
    graphical.or_else(only).map(|session| session.id.clone())
}

fn is_locked(session: &Session) -> bool {
    session.locked && session.can_lock()
}

#[cfg(test)]
mod tests {
    use claviger_core::{Session, SessionId};

    use super::usual;

    fn session(id: &str, uid: u32, kind: &str) -> Session {
        Session {
            id: SessionId::new(id),
            started: 1,
            uid,
            class: "user".to_owned(),
            kind: kind.to_owned(),
            seat: String::new(),
            tty: String::new(),
            remote: false,
            remote_host: String::new(),
            locked: false,
            closing: false,
        }
    }

    #[test]
    fn a_program_that_is_in_no_session_serves_the_screen_else_the_only_session() {
        let (tty, desk) = (session("1", 1, "tty"), session("2", 1, "wayland"));
        let locked = Session { locked: true, id: SessionId::new("3"), ..desk.clone() };
        let manager = Session { class: "manager".to_owned(), id: SessionId::new("4"), ..tty.clone() };
        let ssh = Session { remote: true, id: SessionId::new("5"), ..tty.clone() };
        let others = session("6", 2, "wayland");
        let table: [(&[&Session], Option<&str>); 7] = [
            (&[&tty, &desk, &others], Some("2")),
            (&[&locked, &desk], Some("2")),
            (&[&locked, &tty], Some("3")),
            (&[&tty, &manager], Some("1")),
            (&[&tty, &ssh], None),
            (&[&others], None),
            (&[], None),
        ];
        for (sessions, expected) in table {
            let sessions: Vec<Session> = sessions.iter().map(|session| (*session).clone()).collect();
            assert_eq!(usual(&sessions, 1).as_ref().map(SessionId::as_str), expected, "{sessions:?}");
        }
    }
}
