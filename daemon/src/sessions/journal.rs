//! The entries of the journal that people and programs look for, each with a message id: `journalctl MESSAGE_ID=…`.
//!
//! All have the fields `SESSION`, `UID` (the user's), `TOKEN`, `REASON` (`removed`, `unreachable`, `missing`, `returned`) and `ACTION`
//! (`none`, `lock`, `terminate`). For the catalog (`catalogctl`, `journalctl --catalog`):
//!
//! | id | what happened | what to say |
//! | --- | --- | --- |
//! | `fa600038ee9c47aab282b6a51ae3bc86` | a session ends | The token that session @SESSION@ is bound to is gone (@REASON@), so the session of uid @UID@ was ended. `ELAPSED_USEC` has the microseconds from the report of it to logind being asked |
//! | `88edd0860c494a188dd57a802f65efea` | a session is asked to lock its screen | The token that session @SESSION@ is bound to is gone (@REASON@), so the session was asked to lock. If it does not say so in time, `[removal] escalation` follows |
//! | `87f3274cea2d4828b0dfc01a2b96a48b` | a token is gone and nothing is done | The token that session @SESSION@ is bound to is gone (@REASON@); its user, or the administrator, wants nothing to be done, or it is locked already |
//! | `e9f357325743428cbfd726743f2ea2fa` | a session stays open | Session @SESSION@ should have locked and cannot or did not; `[removal] escalation` says that it stays |
//! | `0695e15606d94b62a531ca4652908a46` | logind did not do it | logind or polkit did not do what session @SESSION@ needs; ending a session is tried again. Is /usr/share/polkit-1/rules.d/50-claviger.rules in place? |
//! | `1d3b7c5e0f8a4b6d9c2e7a51f4083b96` | a phone is missing | The phone that session @SESSION@ is bound to does not answer; unless it does within `SECONDS` seconds, it counts as removed and what `ACTION` says happens |
//! | `8f6a2d94c7e14f30b5d1a06e3b9c7d52` | a phone returned | The phone that session @SESSION@ is bound to was missing and is not missed any more: nothing happens to the session |
//! | `667469514c5f4e25a16297c139c14a79` | a session is bound | Session @SESSION@ of uid @UID@ is bound to token @TOKEN@ |

use std::time::Duration;

use claviger_core::{Action, Binding, Notice};

use crate::logind::LogindError;

pub(super) fn terminated(notice: &Notice, elapsed: Duration) {
    let Notice { session, uid, token, reason } = notice;
    tracing::warn!(
        message_id = "fa600038ee9c47aab282b6a51ae3bc86",
        %session, uid, %token, reason = reason.name(), action = Action::Terminate.name(),
        elapsed_usec = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "the session's token is gone: the session ends"
    );
}

pub(super) fn locked(notice: &Notice) {
    let Notice { session, uid, token, reason } = notice;
    tracing::warn!(
        message_id = "88edd0860c494a188dd57a802f65efea",
        %session, uid, %token, reason = reason.name(), action = Action::Lock.name(),
        "the session's token is gone: the session is to lock"
    );
}

pub(super) fn told(notice: &Notice) {
    let Notice { session, uid, token, reason } = notice;
    tracing::warn!(
        message_id = "87f3274cea2d4828b0dfc01a2b96a48b",
        %session, uid, %token, reason = reason.name(), action = Action::None.name(),
        "the session's token is gone: nothing is done"
    );
}

pub(super) fn missing(notice: &Notice, action: Action, left: Duration) {
    let Notice { session, uid, token, reason } = notice;
    // Rounded up, as its user is told.
    let seconds = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
    tracing::warn!(
        message_id = "1d3b7c5e0f8a4b6d9c2e7a51f4083b96",
        %session, uid, %token, reason = reason.name(), action = action.name(), seconds,
        "the session's phone does not answer: it counts as removed soon"
    );
}

pub(super) fn returned(notice: &Notice) {
    let Notice { session, uid, token, reason } = notice;
    tracing::info!(
        message_id = "8f6a2d94c7e14f30b5d1a06e3b9c7d52",
        %session, uid, %token, reason = reason.name(), action = Action::None.name(),
        "the session's phone is not missed any more"
    );
}

pub(super) fn unlockable(notice: &Notice) {
    let Notice { session, uid, token, reason } = notice;
    tracing::error!(
        message_id = "e9f357325743428cbfd726743f2ea2fa",
        %session, uid, %token, reason = reason.name(), action = Action::None.name(),
        "the session's token is gone and the session did not lock: it stays as it is"
    );
}

pub(super) fn failed(notice: &Notice, action: Action, error: &LogindError) {
    let Notice { session, uid, token, reason } = notice;
    tracing::error!(
        message_id = "0695e15606d94b62a531ca4652908a46",
        %session, uid, %token, reason = reason.name(), action = action.name(),
        "the session's token is gone, but: {error}"
    );
}

pub(super) fn bound(binding: &Binding) {
    let Binding { session, uid, token, how, .. } = binding;
    tracing::info!(
        message_id = "667469514c5f4e25a16297c139c14a79",
        %session, uid, %token, how = how.name(),
        "a session is bound"
    );
}
