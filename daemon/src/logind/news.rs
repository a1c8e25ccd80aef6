use claviger_core::{Event, SessionId};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::signals::Waiting;
use super::{Logind, LogindError};

/// Looks up what logind told of and passes it on, until the service ends. Everything of sessions goes through here, one
/// after the other: what was looked up before a session ended is never told after its end.
pub(super) async fn tell(logind: Logind, events: mpsc::UnboundedSender<Event>, listed: oneshot::Sender<()>) {
    let mut listed = Some(listed);
    let mut again = None;
    while !events.is_closed() {
        let waiting = tokio::select! {
            waiting = logind.pending.take() => waiting,
            () = until(again) => Waiting { anew: true, ..Waiting::default() },
        };
        again = None;
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
    for (id, answer) in asked {
        let found = logind.session(&id).await;
        if let Ok(session) = &found {
            tell(Event::Session(session.clone()));
        }
        // Whoever asked may have gone.
        drop(answer.send(found));
    }
    if anew {
        // Everything, so also what has changed.
        tell(Event::Sessions(logind.sessions().await?));
        return Ok(());
    }
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

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// How long after a failure everything is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
