use std::time::SystemTime;

use claviger_client::Event;
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
        Event::TokenChanged(token) => {
            (format!("token {} changed", plain(token)), json!({ "name": "TokenChanged", "token": token }))
        }
        Event::LockedChanged(locked) => (
            if *locked { "locked" } else { "unlocked" }.to_owned(),
            json!({ "name": "LockedChanged", "locked": locked }),
        ),
        Event::SessionEnding(session) => (
            format!("session {} is about to end", plain(session)),
            json!({ "name": "SessionEnding", "session": session }),
        ),
        Event::Gone => ("the key store left the bus".to_owned(), json!({ "name": "Gone" })),
    }
}
