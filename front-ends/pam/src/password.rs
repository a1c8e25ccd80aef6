mod program;

use claviger_client::{Error, Secret};
use pam::constants::{PAM_CHANGE_EXPIRED_AUTHTOK, PamFlag, PamResultCode};

use crate::arguments::{Arguments, FirstPass, Location};
use crate::authenticate::PREPARE;
use crate::host::{Host, Level, User};
use crate::outcome::Outcome;
use program::{Change, Failure};

/// Changes the pass phrase of the user's key store, or with `location=card` a card's PIN.
///
/// PAM comes twice: first to ask whether it can be done, then to have it done.
pub(crate) fn change(host: &mut Host<'_>, arguments: &Arguments) -> Result<PamResultCode, PamResultCode> {
    let Some(user) = host.user()? else { return Ok(PamResultCode::PAM_IGNORE) };
    // Of ours nothing expires. What follows another module's password changes when that does.
    if host.has(PAM_CHANGE_EXPIRED_AUTHTOK) && arguments.first_pass == FirstPass::Ignore {
        return Ok(PamResultCode::PAM_IGNORE);
    }
    let opener = match arguments.location {
        None | Some(Location::Local) => Opener::Passphrase,
        Some(Location::Card) => Opener::Pin,
        // What opens a phone is the phone's own to change.
        Some(Location::Phone) => return Ok(PamResultCode::PAM_IGNORE),
    };
    if host.has(PRELIMINARY) {
        return check(host, &user, opener);
    }
    let secrets = match opener {
        Opener::Passphrase => passphrases(host, &user, arguments.first_pass)?,
        Opener::Pin => pins(host)?,
    };
    let Some((old, new)) = secrets else { return Ok(PamResultCode::PAM_IGNORE) };
    match program::change(&user, &Change { opener, old, new }) {
        Ok(()) => {
            host.log(Level::Notice, &format!("changed the {} of {}", opener.name(), user.name));
            Ok(PamResultCode::PAM_SUCCESS)
        }
        Err(failure) => {
            host.log(
                Level::Notice,
                &format!("cannot change the {} of {}: {failure}", opener.name(), user.name),
            );
            if let Failure::Refused(text) = &failure {
                host.complain(text);
            }
            Err(PamResultCode::PAM_AUTHTOK_ERR)
        }
    }
}

/// Looks whether there is something to change.
fn check(host: &Host<'_>, user: &User, opener: Opener) -> Result<PamResultCode, PamResultCode> {
    let situation = host.situation(Some(opener.location()));
    match host.connect().and_then(|store| store.prepare(user.uid, &situation, PREPARE)) {
        Ok(_) => Ok(PamResultCode::PAM_SUCCESS),
        // Too many wrong guesses at logins do not keep the user from changing it.
        Err(Error::Refused(refusal)) if refusal.name == claviger_client::ErrorName::TryLater => {
            Ok(PamResultCode::PAM_SUCCESS)
        }
        Err(error) => {
            host.log(Level::Debug, &format!("cannot change the {} of {}: {error}", opener.name(), user.name));
            Ok(Outcome::of(&error).change())
        }
    }
}

type Both = Option<(Secret, Secret)>;

/// Returns the pass phrase until now and from now on; `None` where other modules should have asked and did not.
fn passphrases(host: &Host<'_>, user: &User, first: FirstPass) -> Result<Both, PamResultCode> {
    let known = (first != FirstPass::Ignore).then(|| (host.old_password(), host.password()));
    let (old, new) = known.unwrap_or((None, None));
    if first == FirstPass::Only && (old.is_none() || new.is_none()) {
        // Root's `passwd alice` asks for no old password, and nobody else can open her key store.
        host.tell(&format!("The pass phrase of the key store of {} stays as it is.", user.name));
        return Ok(None);
    }
    let old = match old {
        Some(old) => old,
        None => entered(host.ask("Current pass phrase of your key store:")?)?,
    };
    let new = match new {
        Some(new) => new,
        None => twice(host, "New pass phrase of your key store:", "New pass phrase once more:")?,
    };
    Ok(Some((old, new)))
}

/// Returns the PIN until now and from now on. It is never another module's password: that would spend a try.
fn pins(host: &Host<'_>) -> Result<Both, PamResultCode> {
    let old = entered(host.ask("Current PIN of your card:")?)?;
    let new = twice(host, "New PIN of your card:", "New PIN once more:")?;
    Ok(Some((old, new)))
}

fn twice(host: &Host<'_>, prompt: &str, again: &str) -> Result<Secret, PamResultCode> {
    let new = entered(host.ask(prompt)?)?;
    if new == host.ask(again)? {
        return Ok(new);
    }
    host.complain("The two differ; nothing was changed.");
    Err(PamResultCode::PAM_AUTHTOK_ERR)
}

/// Refuses an empty one.
fn entered(secret: Secret) -> Result<Secret, PamResultCode> {
    if secret.as_bytes().is_empty() { Err(PamResultCode::PAM_AUTHTOK_ERR) } else { Ok(secret) }
}

/// What can be changed from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    /// The pass phrase of the local store.
    Passphrase,
    /// The PIN of a card.
    Pin,
}

impl Opener {
    const fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "pass phrase",
            Self::Pin => "PIN",
        }
    }

    /// Returns what it opens.
    const fn location(self) -> Location {
        match self {
            Self::Passphrase => Location::Local,
            Self::Pin => Location::Card,
        }
    }
}

/// `PAM_PRELIM_CHECK` of `security/pam_modules.h`.
const PRELIMINARY: PamFlag = 0x4000;
