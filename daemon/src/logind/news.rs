use std::collections::HashSet;
use std::time::Duration;

use claviger_core::{Event, SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use zbus::OwnedObjectPath;

use super::signals::Waiting;
use super::{Logind, LogindError};

/// Looks up what logind told of and passes it on, until the service ends. Everything of sessions goes through here, one
/// after the other: what was looked up before a session ended is never told after its end.
pub(super) async fn tell(logind: Logind, events: mpsc::UnboundedSender<Event>, listed: oneshot::Sender<()>) {
    let mut listed = Some(listed);
    let mut again = None;
    while !events.is_closed() {
        let mut waiting = tokio::select! {
            waiting = logind.pending.take() => waiting,
            () = sleep_until(again.unwrap_or_else(|| Instant::now() + REVIEW)) => {
                Waiting { anew: true, ..Waiting::default() }
            }
        };
        // What failed before is owed, whatever came first.
        waiting.anew |= again.take().is_some();
        let anew = waiting.anew;
        match look_up(&logind, &events, waiting).await {
            Ok(()) if anew => drop(listed.take().map(|listed| listed.send(()))),
            Ok(()) => {}
            Err(error) => {
                tracing::warn!("{error}; its sessions are asked for again");
                again = Some(Instant::now() + PAUSE);
            }
        }
    }
}

async fn look_up(
    logind: &Logind,
    events: &mpsc::UnboundedSender<Event>,
    waiting: Waiting,
) -> Result<(), LogindError> {
    let Waiting { anew, removed, changed, asked } = waiting;
    let tell = |event| drop(events.send(event));
    // First what is over: an id that came again is in what follows.
    for id in removed {
        tell(Event::Ended(SessionId::new(id)));
    }
    let everything = if anew {
        // So also what has changed.
        logind.sessions().await.map(|sessions| tell(Event::Sessions(sessions)))
    } else {
        tell_changed(logind, &tell, changed).await
    };
    // Last: whoever may ask must not keep what changed from being told.
    for (id, answer) in asked {
        if answer.is_closed() {
            continue;
        }
        let found = logind.session(&id).await;
        if let Ok(session) = &found {
            tell(Event::Session(session.clone()));
        }
        // Whoever asked may have gone.
        drop(answer.send(found));
    }
    everything
}

async fn tell_changed(
    logind: &Logind,
    tell: impl Fn(Event),
    changed: HashSet<OwnedObjectPath>,
) -> Result<(), LogindError> {
    for path in changed {
        match logind.session_at(path).await {
            Ok(session) => tell(Event::Session(session)),
            // It is over, and that is told as well.
            Err(LogindError::NoSuchSession) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How long after a failure everything is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often everything is asked for although nothing was told: logind does not tell that a session is closing, that is,
/// that its person has gone and only processes are left.
const REVIEW: Duration = Duration::from_secs(60);
