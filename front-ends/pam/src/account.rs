use pam::constants::PamResultCode;

use crate::arguments::Arguments;
use crate::authenticate::PREPARE;
use crate::host::{Host, Level};
use crate::outcome::Outcome;
use crate::proof::{Proof, VARIABLE};

/// Says whether the user has an account of Claviger's. There is nothing that expires, so it has no word against anybody.
pub(crate) fn check(host: &mut Host<'_>, arguments: &Arguments) -> Result<PamResultCode, PamResultCode> {
    let Some(user) = host.user()? else { return Ok(PamResultCode::PAM_IGNORE) };
    let proof = host.variable(VARIABLE).and_then(|proof| proof.parse::<Proof>().ok());
    if proof.is_some_and(|proof| proof.uid == user.uid) {
        return Ok(PamResultCode::PAM_SUCCESS);
    }
    let situation = host.situation(arguments.location);
    let prepared = host.connect().and_then(|store| store.prepare(user.uid, &situation, PREPARE));
    let outcome = match &prepared {
        Ok(_) => return Ok(PamResultCode::PAM_SUCCESS),
        Err(error) => Outcome::of(error),
    };
    host.log(Level::Debug, &format!("{} cannot log in with a token now: {outcome:?}", user.name));
    Ok(match outcome {
        Outcome::Absent | Outcome::NoMoreTries => PamResultCode::PAM_SUCCESS,
        Outcome::NotOurs | Outcome::Wrong | Outcome::NotAllowed | Outcome::Unavailable => {
            PamResultCode::PAM_IGNORE
        }
    })
}
