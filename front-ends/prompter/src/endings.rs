use claviger_client::{Client, Error, Event, SessionWhy};

use crate::asker::Asker;
use crate::clean::clean;

/// Tells the person why their sessions end, until the key store leaves. `only` is the one session to tell of.
pub(crate) async fn tell(client: Client, asker: Asker, only: Option<String>) -> Result<(), Error> {
    let mut events = client.subscribe().await?;
    while let Some(event) = events.next().await? {
        match event {
            Event::SessionEnding(session, why) if only.as_ref().is_none_or(|only| *only == session) => {
                asker.tell_ending(&session, &why).await;
            }
            Event::Gone => break,
            Event::SessionEnding(..)
            | Event::KeysChanged
            | Event::TokenChanged(..)
            | Event::LockedChanged(_) => {}
        }
    }
    Ok(())
}

/// Returns why a session ends, in words.
pub(crate) fn text(session: &str, why: &SessionWhy) -> String {
    let SessionWhy { action, reason, token, token_name } = why;
    let name = Some(clean(token_name, ROOM)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| clean(token, ROOM));
    let cause = match reason.as_str() {
        "removed" => "was removed",
        "unreachable" => "cannot be reached any more",
        _ => "went away",
    };
    let session = clean(session, ROOM);
    let effect = match action.as_str() {
        "lock" => format!("your session {session} is being locked"),
        "terminate" => format!("your session {session} is being ended"),
        _ => format!("your session {session} goes on"),
    };
    format!("The token \"{name}\" {cause}: {effect}.")
}

/// The line above the text.
pub(crate) const SUMMARY: &str = "Your token is gone";

/// How many bytes each name may take.
const ROOM: usize = 80;

#[cfg(test)]
mod tests {
    use super::text;
    use claviger_client::SessionWhy;

    #[test]
    fn a_session_that_ends_is_told_with_its_cause() {
        for (action, reason, name, expected) in [
            ("lock", "removed", "work", "The token \"work\" was removed: your session c2 is being locked."),
            (
                "terminate",
                "unreachable",
                "",
                "The token \"card:00ff\" cannot be reached any more: your session c2 is being ended.",
            ),
            ("none", "removed", "a\u{202e}\"b\n", "The token \"a'b\" was removed: your session c2 goes on."),
            ("fly", "stolen", "work", "The token \"work\" went away: your session c2 goes on."),
        ] {
            let why = SessionWhy {
                action: action.to_owned(),
                reason: reason.to_owned(),
                token: "card:00ff".to_owned(),
                token_name: name.to_owned(),
            };
            assert_eq!(text("c2", &why), expected);
        }
    }
}
