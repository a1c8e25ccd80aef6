use std::time::Duration;

use claviger_client::Error;
use pam::constants::PamResultCode;

use crate::arguments::Arguments;
use crate::host::{Host, Level};
use crate::proof::{Proof, VARIABLE};

/// Binds the logind session to the token that its user logged in with, if it was one.
///
/// It never keeps anybody out, unless `require` says so: what fails here is the end of a session, not its beginning.
pub(crate) fn open(host: &mut Host<'_>, arguments: &Arguments) -> Result<PamResultCode, PamResultCode> {
    let Some(proof) = host.variable(VARIABLE) else { return Ok(PamResultCode::PAM_SUCCESS) };
    // It is good for one session, and nothing for the programs in it.
    if let Err(code) = host.set_variable(VARIABLE, None) {
        host.log(Level::Error, &format!("cannot take {VARIABLE} out of the environment: {code:?}"));
    }
    let Ok(proof) = proof.parse::<Proof>() else {
        host.log(Level::Warning, &format!("cannot read {VARIABLE}: somebody else has set it"));
        return Ok(verdict(arguments));
    };
    // With `sudo` it is the invoker who authenticates, and the session is another's.
    let Some(user) = host.user()?.filter(|user| user.uid == proof.uid) else {
        host.log(Level::Debug, "the session is not that of who has authenticated: nothing is bound");
        return Ok(PamResultCode::PAM_SUCCESS);
    };
    // Without pam_systemd before it there is no session that could end, and none either where logind hangs.
    let Some(session) = host.variable(SESSION) else {
        let text = format!(
            "cannot bind the session of {}: logind has given it none; it will not end with the token",
            user.name
        );
        host.log(Level::Warning, &text);
        return Ok(verdict(arguments));
    };
    let bound = host
        .connect()
        .and_then(|store| store.open_session(user.uid, &session, &proof.authentication, SESSIONS));
    match bound {
        Ok(()) => {
            host.mark_bound();
            host.log(Level::Debug, &format!("bound session {session} of {}", user.name));
            Ok(PamResultCode::PAM_SUCCESS)
        }
        Err(error) => {
            complain(host, &session, &user.name, &error);
            Ok(verdict(arguments))
        }
    }
}

/// Releases the session that this process has bound. Where that was another process, logind tells the daemon all the same.
pub(crate) fn close(host: &mut Host<'_>, _arguments: &Arguments) -> Result<PamResultCode, PamResultCode> {
    if !host.is_bound() {
        return Ok(PamResultCode::PAM_SUCCESS);
    }
    if let Some(session) = host.variable(SESSION) {
        let released = host.connect().and_then(|store| store.close_session(&session, SESSIONS));
        if let Err(error) = released {
            host.log(Level::Notice, &format!("cannot release session {session}: {error}"));
        }
    }
    Ok(PamResultCode::PAM_SUCCESS)
}

fn complain(host: &Host<'_>, session: &str, user: &str, error: &Error) {
    let text =
        format!("cannot bind session {session} of {user} to the token: {error}; it will not end with it");
    host.log(Level::Error, &text);
}

const fn verdict(arguments: &Arguments) -> PamResultCode {
    if arguments.require { PamResultCode::PAM_SESSION_ERR } else { PamResultCode::PAM_SUCCESS }
}

/// What pam_systemd puts into the PAM environment.
const SESSION: &str = "XDG_SESSION_ID";

const SESSIONS: Duration = Duration::from_secs(5);
