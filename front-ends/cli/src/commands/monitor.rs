use std::time::SystemTime;

use claviger_client::{Event, SessionWhy, TokenState};
use serde_json::{Value, json};

use super::connect;
use crate::cli::Global;
use crate::show::plain;
use crate::{Problem, files};

/// `claviger monitor`: until the key store goes away, or it is interrupted.
pub(super) fn monitor(global: &Global) -> Result<(), Problem> {
    let client = connect(global)?;
    let mut events = client.subscribe()?;
    if !global.json {
        eprintln!("watching; interrupt to stop");
    }
    while let Some(event) = events.next_event()? {
        let (text, value) = tell(&event);
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        if global.json {
            // One line each: whoever reads need not wait for an end.
            files::line(&json!({ "time": now.to_string(), "event": value }).to_string())?;
        } else {
            files::line(&format!("{now}  {text}"))?;
        }
        if event == Event::Gone {
            break;
        }
    }
    Err(Problem::Failed("the key store went away".to_owned()))
}

/// Returns an event for people and for scripts.
fn tell(event: &Event) -> (String, Value) {
    match event {
        Event::KeysChanged => ("keys changed".to_owned(), json!({ "name": "KeysChanged" })),
        Event::TokenChanged(token, state) => (
            token_text(token, state),
            json!({
                "name": "TokenChanged", "token": token, "presence": state.presence, "locked": state.locked,
            }),
        ),
        Event::LockedChanged(locked) => (
            if *locked { "locked" } else { "unlocked" }.to_owned(),
            json!({ "name": "LockedChanged", "locked": locked }),
        ),
        Event::SessionEnding(session, why) => (
            session_text(session, why),
            json!({
                "name": "SessionEnding", "session": session, "action": why.action, "reason": why.reason,
                "token": why.token, "token-name": why.token_name, "seconds": why.seconds,
            }),
        ),
        Event::Gone => ("the key store left the bus".to_owned(), json!({ "name": "Gone" })),
    }
}

fn session_text(session: &str, why: &SessionWhy) -> String {
    let what = match (why.action.as_str(), why.seconds) {
        ("lock", None) => "is locked".to_owned(),
        ("terminate", None) => "ends".to_owned(),
        ("lock", Some(seconds)) => format!("is locked in {seconds} s"),
        ("terminate", Some(seconds)) => format!("ends in {seconds} s"),
        _ => "goes on".to_owned(),
    };
    let (session, token, reason) = (plain(session), plain(&why.token_name), plain(&why.reason));
    format!("session {session} {what}: {token} ({reason})")
}

fn token_text(token: &str, state: &TokenState) -> String {
    if token.is_empty() {
        return "the readers or the cards in them changed".to_owned();
    }
    let locked = state.locked.map(|locked| if locked { "locked" } else { "unlocked" });
    let states: Vec<_> = state.presence.as_deref().into_iter().chain(locked).map(plain).collect();
    match states.as_slice() {
        [] => format!("token {} changed", plain(token)),
        states => format!("token {}: {}", plain(token), states.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{tell, token_text};
    use claviger_client::{Event, TokenState};

    #[test]
    fn a_token_is_told_with_what_it_is_now() {
        let state = TokenState { presence: Some("present".to_owned()), locked: Some(true) };
        assert_eq!(token_text("card:piv:00ff", &state), "token card:piv:00ff: present, locked");
        assert_eq!(token_text("card:piv:00ff", &TokenState::default()), "token card:piv:00ff changed");
        assert!(token_text("", &TokenState::default()).contains("readers"));
        let (_, value) = tell(&Event::TokenChanged("card:piv:00ff".to_owned(), state));
        assert_eq!((&value["presence"], &value["locked"]), (&"present".into(), &true.into()));
    }
}
