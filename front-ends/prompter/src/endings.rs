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
    let SessionWhy { action, reason, token, token_name, seconds } = why;
    let name = Some(clean(token_name, ROOM)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| clean(token, ROOM));
    let cause = match reason.as_str() {
        "removed" => "was removed",
        "unreachable" => "cannot be reached any more",
        "missing" => "does not answer",
        "returned" => "answers again",
        _ => "went away",
    };
    let session = clean(session, ROOM);
    let effect = match (action.as_str(), seconds) {
        ("lock", None) => format!("your session {session} is being locked"),
        ("terminate", None) => format!("your session {session} is being ended"),
        ("lock", Some(seconds)) => {
            format!("your session {session} will be locked in {seconds} seconds unless it does")
        }
        ("terminate", Some(seconds)) => {
            format!("your session {session} will be ended in {seconds} seconds unless it does")
        }
        _ => format!("your session {session} goes on"),
    };
    format!("The token \"{name}\" {cause}: {effect}.")
}

/// Returns the line above the text.
pub(crate) fn summary(why: &SessionWhy) -> &'static str {
    match why.reason.as_str() {
        "missing" => "Your phone does not answer",
        "returned" => "Your phone is back",
        _ => "Your token is gone",
    }
}

/// How many bytes each name may take.
const ROOM: usize = 80;

#[cfg(test)]
mod tests {
    use super::{summary, text};
    use claviger_client::SessionWhy;

    #[test]
    fn a_session_that_ends_is_told_with_its_cause() {
        for (action, reason, name, expected) in [
            ("lock", "removed", "work", "The token \"work\" was removed: your session c2 is being locked."),
            ("none", "returned", "work", "The token \"work\" answers again: your session c2 goes on."),
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
                seconds: None,
            };
            assert_eq!(text("c2", &why), expected);
        }
    }

    #[test]
    fn a_phone_that_is_missing_is_told_with_the_time_that_is_left() {
        for (action, word) in [("lock", "locked"), ("terminate", "ended")] {
            let why = SessionWhy {
                action: action.to_owned(),
                reason: "missing".to_owned(),
                token_name: "Pixel".to_owned(),
                seconds: Some(15),
                ..SessionWhy::default()
            };
            let expected = format!(
                "The token \"Pixel\" does not answer: your session c2 will be {word} in 15 seconds unless it does."
            );
            assert_eq!(text("c2", &why), expected);
            assert_eq!(summary(&why), "Your phone does not answer");
        }
    }
}
