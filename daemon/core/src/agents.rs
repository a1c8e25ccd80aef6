//! Which program asks the person. Pure.

use crate::SessionId;

/// An agent, as far as choosing needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Whose it is; it serves nobody else.
    pub uid: u32,
    /// The session that it serves; `None` for requests that are in none.
    pub session: Option<SessionId>,
}

/// Returns the agent that asks for a request of `uid`, made in `session`; an index into `agents`, which are in the
/// order of their registration.
///
/// A request of a session is asked for in that session and nowhere else: the person is there. Programs of a desktop
/// mostly run in the user's service manager and are in no session: any agent of the user serves them, one in a
/// session that `is_open` before others.
pub fn choose_agent(
    agents: &[Agent],
    uid: u32,
    session: Option<&SessionId>,
    is_open: impl Fn(&SessionId) -> bool,
) -> Option<usize> {
    let own = || agents.iter().enumerate().filter(|(_, agent)| agent.uid == uid);
    if let Some(session) = session {
        return own().find(|(_, agent)| agent.session.as_ref() == Some(session)).map(|(index, _)| index);
    }
    let open = own().find(|(_, agent)| agent.session.as_ref().is_some_and(&is_open));
    open.or_else(|| own().next()).map(|(index, _)| index)
}

/// Returns true where a session of that user has an agent already: the first one serves while it lives.
pub fn is_served(agents: &[Agent], uid: u32, session: Option<&SessionId>) -> bool {
    agents.iter().any(|agent| agent.uid == uid && agent.session.as_ref() == session)
}

#[cfg(test)]
mod tests {
    use super::{Agent, choose_agent, is_served};
    use crate::SessionId;

    fn agent(uid: u32, session: &str) -> Agent {
        Agent { uid, session: (!session.is_empty()).then(|| SessionId::new(session)) }
    }

    #[test]
    fn a_person_is_asked_where_they_are_and_never_somebody_else() {
        let agents = [agent(1, "locked"), agent(1, "desk"), agent(2, "other"), agent(3, "")];
        let chosen = |uid, session: &str| {
            let session = (!session.is_empty()).then(|| SessionId::new(session));
            choose_agent(&agents, uid, session.as_ref(), |session| session.as_str() != "locked")
        };
        for (uid, session, expected) in [
            (1, "desk", Some(1)),
            (1, "locked", Some(0)),
            (1, "ssh", None),
            (1, "other", None),
            (1, "", Some(1)),
            (2, "", Some(2)),
            (2, "desk", None),
            (3, "", Some(3)),
            (3, "tty", None),
            (4, "", None),
        ] {
            assert_eq!(chosen(uid, session), expected, "{uid} {session:?}");
        }
    }

    #[test]
    fn the_first_agent_of_a_session_serves_it() {
        let agents = [agent(1, "desk"), agent(1, "")];
        let desk = SessionId::new("desk");
        assert!(is_served(&agents, 1, Some(&desk)));
        assert!(is_served(&agents, 1, None));
        assert!(!is_served(&agents, 2, Some(&desk)));
        assert!(!is_served(&agents, 1, Some(&SessionId::new("ssh"))));
    }
}
