use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use claviger_core::{Action, Notice};
use claviger_dbus::wire::SessionWhy;
use tokio::time::sleep;

use super::journal;
use crate::accounts::passphrase;
use crate::logind::{Logind, LogindError};
use crate::service::Service;
use crate::signals::Event;

/// Tells the user that nothing happens.
pub(super) fn tell(service: &Service, notice: &Notice) {
    announce(service, notice, Action::None, None);
    journal::told(notice);
}

/// Tells the user what will happen, and when, unless the token answers again.
pub(super) fn warn(service: &Service, notice: &Notice, action: Action, left: Duration) {
    announce(service, notice, action, Some(left));
    journal::missing(notice, action, left);
}

/// Tells the user that what was announced does not happen.
pub(super) fn relieve(service: &Service, notice: &Notice) {
    announce(service, notice, Action::None, None);
    journal::returned(notice);
}

/// Tells everybody that a session stays as it is although it should not.
pub(super) fn unlockable(service: &Service, notice: &Notice) {
    announce(service, notice, Action::None, None);
    journal::unlockable(notice);
}

/// Has a session lock its screen. Whether it did is told by logind, and what follows where it did not is the book's to
/// say: one try is as good as that clock.
pub(super) async fn lock(service: Arc<Service>, notice: Notice) {
    let Some(logind) = &service.logind else { return };
    announce(&service, &notice, Action::Lock, None);
    journal::locked(&notice);
    match logind.lock(&notice.session).await {
        Ok(()) | Err(LogindError::NoSuchSession) => {}
        Err(error) => journal::failed(&notice, Action::Lock, &error),
    }
}

/// Ends a session; `cause` is when its token was seen to go. Whoever must be asked may be away for a moment (logind,
/// polkit): it is tried until it is done, or until the session is over.
pub(super) async fn terminate(service: Arc<Service>, notice: Notice, cause: Instant) {
    let Some(logind) = &service.logind else { return };
    announce(&service, &notice, Action::Terminate, None);
    // The signals go out now; nobody waits for who is slow to take them.
    tokio::task::yield_now().await;
    let mut call = pin!(logind.terminate(&notice.session));
    // Polled once, the message is sent. What follows is done while logind works.
    let mut outcome = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    journal::terminated(&notice, cause.elapsed());
    service.callers.end_session(&notice.session);
    let first = match &mut outcome {
        Poll::Ready(outcome) => std::mem::replace(outcome, Ok(())),
        Poll::Pending => call.await,
    };
    if let Err(error) = first {
        insist(&service, logind, &notice, error).await;
    }
}

async fn insist(service: &Service, logind: &Logind, notice: &Notice, mut error: LogindError) {
    let started = service.sessions.find(&notice.session).map(|entry| entry.session.started);
    let (began, mut pause) = (Instant::now(), SHORTEST);
    loop {
        if error == LogindError::NoSuchSession {
            return;
        }
        if began.elapsed() > AFTER_RETURN && service.sessions.is_present(&notice.token) {
            // Long after, with the token back: its user works on, and nobody understands an end any more.
            return tracing::error!(session = %notice.session, "the session could not be ended and its token is back");
        }
        journal::failed(notice, Action::Terminate, &error);
        sleep(pause).await;
        let now = service.sessions.find(&notice.session).map(|entry| entry.session.started);
        if now.is_none() || now != started {
            return;
        }
        error = match logind.terminate(&notice.session).await {
            Ok(()) => return tracing::info!(session = %notice.session, "the session ends at last"),
            Err(error) => error,
        };
        pause = (pause * 2).min(LONGEST);
    }
}

/// Locks what the user unlocked, as configured: nobody is there any more.
pub(super) fn last_session_ended(service: &Arc<Service>, uid: u32) {
    if !service.config.sessions.lock_after_last_session {
        return;
    }
    let (service, seat) = (Arc::clone(service), service.accounts.seat(uid));
    tracing::info!(uid, "the user's last session ended");
    drop(tokio::spawn(async move { passphrase::lock_everything(&service, &seat).await }));
}

fn announce(service: &Service, notice: &Notice, action: Action, left: Option<Duration>) {
    let why = SessionWhy {
        action: action.name().to_owned(),
        reason: notice.reason.name().to_owned(),
        token: notice.token.to_string(),
        token_name: service.sessions.token_name(&notice.token),
        // Rounded up: nobody has less time than they are told.
        seconds: left.map(|left| u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)),
    };
    let session = notice.session.to_string();
    service.subscribers.announce(notice.uid, &Event::SessionEnding { session, why });
}

/// How long a session is still to end although its token came back.
const AFTER_RETURN: Duration = Duration::from_secs(60);
/// The pauses between tries to end a session.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
