//! What a connection is bound to, and what a key that is meant for certain hosts may do on it, as in OpenSSH's
//! `ssh-agent.c` (9.2).

use std::fmt;

use crate::pattern;
use crate::protocol::{Certificate, Destination, Hop, Identity, Login, Role, SessionBind};

/// The sessions that a connection was bound to, hop by hop (`session-bind@openssh.com`).
#[derive(Debug, Default)]
pub struct Sessions {
    bound: Vec<Bound>,
    /// A binding was tried and refused: nobody knows what this connection is.
    has_failed: bool,
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Bound {
    /// The host's key or certificate.
    pub host: Identity,
    /// The session.
    pub session: Vec<u8>,
    /// True where the agent was forwarded to that host.
    pub is_forwarded: bool,
}

/// Why a connection is not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBound {
    /// The host did not sign the session.
    BadSignature,
    /// The connection is in use for a login already.
    InUse,
    /// The session is another host's.
    OtherHost,
    /// It is bound too often.
    TooMany,
}

/// Why a key that is meant for certain hosts is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPermitted {
    /// The connection is bound to no session.
    Unbound,
    /// What is signed is no login.
    NoLogin,
    /// The session is not the one that the connection is bound to.
    OtherSession,
    /// No permitted hop leads there.
    NoHop,
}

impl Sessions {
    /// Returns the sessions, the first hop first.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Returns true where the use may come from another machine.
    pub fn is_forwarded(&self) -> bool {
        self.has_failed || self.bound.iter().any(|bound| bound.is_forwarded)
    }

    /// Remembers that a binding failed.
    pub const fn failed(&mut self) {
        self.has_failed = true;
    }

    /// Takes in a binding whose signature was verified.
    pub fn bind(&mut self, bind: &SessionBind<'_>) -> Result<(), NotBound> {
        for bound in &self.bound {
            if !bound.is_forwarded {
                return Err(NotBound::InUse);
            }
            if bound.session == bind.session {
                return if bound.host == bind.host { Ok(()) } else { Err(NotBound::OtherHost) };
            }
        }
        if self.bound.len() >= LIMIT {
            return Err(NotBound::TooMany);
        }
        let SessionBind { host, session, signature: _, is_forwarded } = bind;
        let (host, session) = (host.clone(), session.to_vec());
        self.bound.push(Bound { host, session, is_forwarded: *is_forwarded });
        Ok(())
    }

    /// Returns true where a key that is meant for these hops is shown to whoever is on this connection.
    pub fn may_list(&self, destinations: &[Destination], now: u64) -> bool {
        let Some(last) = self.bound.last() else { return destinations.is_empty() || !self.has_failed };
        destinations.is_empty()
            || (self.walk(destinations, None, now).is_ok()
                // "This hides keys that are allowed to be used to authenticate to a host but not permitted for use
                // beyond it."
                && (!last.is_forwarded || hop(destinations, Some(&last.host), None, None, now).is_some()))
    }

    /// Returns the name of the host that the login is to, as the hops have it, where the key may be used for it.
    pub fn may_sign<'d>(
        &self,
        destinations: &'d [Destination],
        login: Option<&Login<'_>>,
        now: u64,
    ) -> Result<&'d str, NotPermitted> {
        let last = self.bound.last().ok_or(NotPermitted::Unbound)?;
        let login = login.ok_or(NotPermitted::NoLogin)?;
        let host = self.walk(destinations, Some(login.user), now)?;
        if login.session != last.session {
            return Err(NotPermitted::OtherSession);
        }
        match &login.host {
            Some(host) if *host != last.host => return Err(NotPermitted::OtherSession),
            // Only the first hop may be to a host that knows nothing of this.
            None if self.bound.len() > 1 => return Err(NotPermitted::OtherSession),
            Some(_) | None => {}
        }
        Ok(host)
    }

    /// Holds that every hop is permitted; `user` is for the last one.
    fn walk<'d>(
        &self,
        destinations: &'d [Destination],
        user: Option<&str>,
        now: u64,
    ) -> Result<&'d str, NotPermitted> {
        let (mut from, mut name) = (None, "");
        for (place, bound) in self.bound.iter().enumerate() {
            let is_last = place + 1 == self.bound.len();
            // A login ends a chain, and only hops that are forwarded lead on.
            let is_right = if is_last { !bound.is_forwarded || user.is_none() } else { bound.is_forwarded };
            if !is_right {
                return Err(NotPermitted::NoHop);
            }
            let user = user.filter(|_| is_last);
            let destination = hop(destinations, from, Some(&bound.host), user, now);
            name = &destination.ok_or(NotPermitted::NoHop)?.to.host;
            from = Some(&bound.host);
        }
        Ok(name)
    }
}

/// Returns what permits a hop; what is not told fits everything.
fn hop<'d>(
    destinations: &'d [Destination],
    from: Option<&Identity>,
    to: Option<&Identity>,
    user: Option<&str>,
    now: u64,
) -> Option<&'d Destination> {
    destinations.iter().find(|destination| {
        let fits_from = match from {
            Some(host) => is_host(&destination.from, host, now),
            None => destination.from.keys.is_empty(),
        };
        let wanted = &destination.to.user;
        fits_from
            && to.is_none_or(|host| is_host(&destination.to, host, now))
            && user.is_none_or(|user| wanted.is_empty() || pattern::matches(user, wanted))
    })
}

/// Returns true where a host is the one that a hop names.
fn is_host(hop: &Hop, host: &Identity, now: u64) -> bool {
    hop.keys.iter().any(|(key, is_authority)| match host {
        Identity::Key(host) => !is_authority && host == key,
        Identity::Certificate(certificate) => {
            *is_authority && certificate.authority == *key && is_of_host(certificate, &hop.host, now)
        }
    })
}

/// Returns true where a certificate is that of a host of that name, now. Its signature was verified when it came.
fn is_of_host(certificate: &Certificate, name: &str, now: u64) -> bool {
    let Certificate { role, principals, after, before, is_critical, .. } = certificate;
    *role == Role::Host
        && !is_critical
        && (*after..*before).contains(&now)
        && (principals.is_empty() || principals.iter().any(|principal| pattern::matches(name, principal)))
}

impl fmt::Display for NotBound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BadSignature => "the host did not sign the session",
            Self::InUse => "the connection is in use for a login already",
            Self::OtherHost => "the session is another host's",
            Self::TooMany => "there are too many sessions",
        })
    }
}

impl fmt::Display for NotPermitted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unbound => "the key is for certain hosts only, and the connection is bound to none",
            Self::NoLogin => "the key is for certain hosts only, and this is no login",
            Self::OtherSession => "the login is not in the session that the connection is bound to",
            Self::NoHop => "the key is not for this host or user",
        })
    }
}

impl std::error::Error for NotBound {}
impl std::error::Error for NotPermitted {}

/// As many as in OpenSSH.
const LIMIT: usize = 16;

#[cfg(test)]
mod tests;
