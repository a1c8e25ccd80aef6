//! What a person is told a signature is for.

use crate::folders::Folders;
use crate::protocol::{Fingerprint, Identity, Login, Purpose};
use crate::sessions::Sessions;

/// Returns the text for the question; `host` is the name by which the key's hops know the host.
pub(crate) fn reason(
    purpose: &Purpose<'_>,
    sessions: &Sessions,
    folders: &Folders,
    host: Option<&str>,
) -> Option<String> {
    let what = match purpose {
        Purpose::Login(login) => {
            let host = place(login, sessions, folders, host);
            // The other machine chose it: "git at github.com" is a user, too.
            let user = cut(&login.user.replace(QUOTES, "?"), USER);
            Some(format!("log in as '{user}' at {host}"))
        }
        Purpose::File(namespace) => Some(format!("sign with namespace {}", cut(namespace, NAME))),
        Purpose::Other => None,
    };
    let from = sessions.is_forwarded().then(|| origin(sessions, folders));
    let text = match (what, from) {
        // Who asks comes first: the end is what may be cut off.
        (Some(what), Some(from)) => format!("asked {from}: {what}"),
        (None, Some(from)) => format!("asked {from}: sign unknown data"),
        (what, None) => what?,
    };
    Some(cut(&text, LIMIT))
}

/// Returns where the login is to. Only what a host signed, or what is in the data themselves, is believed.
fn place(login: &Login<'_>, sessions: &Sessions, folders: &Folders, name: Option<&str>) -> String {
    let bound = sessions.bound().last().filter(|bound| bound.session == login.session);
    match bound.map(|bound| &bound.host).or(login.host.as_ref()) {
        Some(host) => named(host, folders, name),
        None => "an unknown host".to_owned(),
    }
}

fn named(host: &Identity, folders: &Folders, name: Option<&str>) -> String {
    let fingerprint = Fingerprint::of(host.key());
    match name.map(str::to_owned).or_else(|| folders.host_of(host.key())) {
        Some(name) => format!("{} ({fingerprint})", cut(&name, NAME)),
        None => format!("host {fingerprint}"),
    }
}

fn origin(sessions: &Sessions, folders: &Folders) -> String {
    let Some(first) = sessions.bound().iter().find(|bound| bound.is_forwarded) else {
        return "over an unknown connection".to_owned();
    };
    let key = first.host.key();
    let known = folders.host_of(key).map(|name| cut(&name, NAME));
    format!("through {}", known.unwrap_or_else(|| Fingerprint::of(key).to_string()))
}

/// Cuts a text that strangers chose.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit - "…".len()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// What the key store takes, in bytes.
const LIMIT: usize = 200;
const USER: usize = 40;
/// What looks like the end of a quotation. Prompters turn some of them into others.
const QUOTES: [char; 10] = ['\'', '"', '`', '´', '‘', '’', '“', '”', '′', '″'];
const NAME: usize = 48;

#[cfg(test)]
mod tests {
    use super::{cut, reason};
    use crate::folders::Folders;
    use crate::protocol::{Fingerprint, Identity, Login, PublicKey, Purpose, SessionBind};
    use crate::sessions::Sessions;

    fn host(seed: u8) -> PublicKey {
        PublicKey::Ed25519([seed; 32])
    }

    fn bound(hops: &[(u8, &[u8], bool)]) -> Sessions {
        let mut sessions = Sessions::default();
        for (seed, session, is_forwarded) in hops {
            let host = Identity::Key(host(*seed));
            let bind = SessionBind { host, session, signature: b"", is_forwarded: *is_forwarded };
            sessions.bind(&bind).expect("bound");
        }
        sessions
    }

    #[test]
    fn a_person_reads_who_where_and_through_whom() {
        let folders = Folders::default();
        let login = Purpose::Login(Login { session: b"two", user: "alice", host: None });
        let (one, two) = (Fingerprint::of(&host(1)), Fingerprint::of(&host(2)));
        let told = |sessions: &Sessions, name| reason(&login, sessions, &folders, name);
        assert_eq!(
            told(&bound(&[(2, b"two", false)]), None),
            Some(format!("log in as 'alice' at host {two}"))
        );
        assert_eq!(
            told(&bound(&[(1, b"one", true), (2, b"two", false)]), Some("far")),
            Some(format!("asked through {one}: log in as 'alice' at far ({two})"))
        );
        assert_eq!(
            told(&bound(&[(1, b"one", false)]), None).as_deref(),
            Some("log in as 'alice' at an unknown host"),
            "another session's host is not believed"
        );
        let git = reason(&Purpose::File("git"), &Sessions::default(), &folders, None);
        assert_eq!(git.as_deref(), Some("sign with namespace git"));
        assert_eq!(reason(&Purpose::Other, &Sessions::default(), &folders, None), None);
    }

    #[test]
    fn no_text_is_longer_than_the_key_store_takes() {
        let user = "ä".repeat(4000);
        let login = Purpose::Login(Login { session: b"two", user: &user, host: None });
        let sessions = bound(&[(1, b"one", true), (2, b"two", false)]);
        let name = "x".repeat(400);
        let text = reason(&login, &sessions, &Folders::default(), Some(&name)).expect("a reason");
        assert!(text.len() <= 200 && text.contains('…'), "{text}");
        assert!(text.starts_with("asked through SHA256:"), "{text}");
        assert_eq!(cut("abcdef", 5), "ab…");
    }

    #[test]
    fn a_user_is_not_read_as_a_host() {
        let user = "git' at \"github.com";
        let login = Purpose::Login(Login { session: b"one", user, host: None });
        let told = reason(&login, &Sessions::default(), &Folders::default(), None);
        assert_eq!(told.as_deref(), Some("log in as 'git? at ?github.com' at an unknown host"));
    }
}
