use std::time::Duration;

use claviger_client::{AuthenticateOptions, Error, Means, PrepareOptions, Secret};
use pam::constants::PamResultCode;

use crate::arguments::{Arguments, FirstPass, Location};
use crate::host::{Host, Level, User};
use crate::outcome::Outcome;
use crate::proof::{Proof, VARIABLE};
use crate::text::harmless;

/// Asks the person for the secret, and has the token answer a challenge.
pub(crate) fn authenticate(
    host: &mut Host<'_>,
    arguments: &Arguments,
) -> Result<PamResultCode, PamResultCode> {
    let Some(user) = host.user()? else { return Ok(PamResultCode::PAM_IGNORE) };
    let situation = host.situation(arguments.location);
    let remote = situation.remote_host.is_some();
    let login = Login { user, situation, timeout: arguments.timeout };
    // The connection is gone while the person is asked: that may take minutes, or never end.
    let means = host
        .connect()
        .and_then(|store| store.prepare(login.user.uid, &login.situation, PREPARE))
        .map_err(|error| refuse(host, &login.user, &error, remote))?;
    let first = host.password().filter(|_| means.kind == Location::Local.as_str());
    if let Some(password) = first.filter(|_| arguments.first_pass != FirstPass::Ignore) {
        match login.attempt(host, &means, &password) {
            Ok(authentication) => return login.succeed(host, &means, authentication),
            Err(error) if arguments.first_pass == FirstPass::Try && is_wrong(&error) => {}
            Err(error) => return Err(refuse(host, &login.user, &error, remote)),
        }
    }
    if arguments.first_pass == FirstPass::Only {
        host.log(Level::Notice, &format!("cannot authenticate {}: nobody may be asked", login.user.name));
        return Err(PamResultCode::PAM_AUTHINFO_UNAVAIL);
    }
    let secret = ask(host, &means)?;
    let authentication =
        login.attempt(host, &means, &secret).map_err(|error| refuse(host, &login.user, &error, remote))?;
    if means.kind == Location::Local.as_str() {
        host.set_password(&secret);
    }
    login.succeed(host, &means, authentication)
}

/// Says that the credentials are there, where this module has authenticated the user.
pub(crate) fn set_credentials(
    host: &mut Host<'_>,
    _arguments: &Arguments,
) -> Result<PamResultCode, PamResultCode> {
    // Deleting them comes after the session, which has taken the proof.
    let ours = host.is_bound() || host.variable(VARIABLE).is_some_and(|proof| proof.parse::<Proof>().is_ok());
    Ok(if ours { PamResultCode::PAM_SUCCESS } else { PamResultCode::PAM_IGNORE })
}

/// Who logs in, and how.
struct Login {
    user: User,
    situation: PrepareOptions,
    timeout: Option<Duration>,
}

impl Login {
    fn attempt(&self, host: &Host<'_>, means: &Means, secret: &Secret) -> Result<String, Error> {
        let Self { user, situation, timeout } = self;
        let PrepareOptions { location, service, tty, remote_host, requesting_user } = situation.clone();
        let patience = timeout.unwrap_or_else(|| patience(means));
        let options = AuthenticateOptions {
            token: Some(means.token.clone()),
            pin_pad: means.pin_pad.then_some(true),
            location,
            service,
            tty,
            remote_host,
            requesting_user,
            timeout_ms: u32::try_from(patience.as_millis()).ok(),
        };
        // The daemon is the one to give up, and can say at what. Where it hangs, this side does.
        host.connect()?.authenticate(user.uid, secret, &options, patience + GRACE)
    }

    fn succeed(
        &self,
        host: &mut Host<'_>,
        means: &Means,
        authentication: String,
    ) -> Result<PamResultCode, PamResultCode> {
        let Self { user, .. } = self;
        let proof = Proof { uid: user.uid, authentication };
        // Without it the session would not end with the token.
        host.set_variable(VARIABLE, Some(&proof.to_string()))?;
        host.log(Level::Notice, &format!("authenticated {} with {}", user.name, token(means)));
        Ok(PamResultCode::PAM_SUCCESS)
    }
}

/// Asks for what the token wants. Nothing entered goes on to the next module, and costs no try.
fn ask(host: &Host<'_>, means: &Means) -> Result<Secret, PamResultCode> {
    let name = harmless(&means.name);
    if means.kind == Location::Phone.as_str() {
        host.tell(&format!("Approve the login on your phone “{name}”."));
        return Ok(Secret::new(Vec::new()));
    }
    if means.pin_pad {
        host.tell(&format!("Enter the PIN of card “{name}” at the reader."));
        return Ok(Secret::new(Vec::new()));
    }
    let secret = if means.kind == Location::Local.as_str() {
        host.ask("Pass phrase of your key store:")?
    } else {
        host.ask(&format!("PIN of card “{name}”:"))?
    };
    if secret.as_bytes().is_empty() { Err(PamResultCode::PAM_AUTH_ERR) } else { Ok(secret) }
}

/// Returns what the log calls the token.
fn token(means: &Means) -> String {
    if means.kind == Location::Local.as_str() {
        "the pass phrase of the local key store".to_owned()
    } else {
        format!("the {} “{}”", means.kind, means.name)
    }
}

fn is_wrong(error: &Error) -> bool {
    Outcome::of(error) == Outcome::Wrong
}

/// Logs why, tells the person what they can use, and returns what PAM is told.
fn refuse(host: &Host<'_>, user: &User, error: &Error, remote: bool) -> PamResultCode {
    let outcome = Outcome::of(error);
    let level = match outcome {
        Outcome::NotOurs => Level::Debug,
        Outcome::Absent | Outcome::Wrong | Outcome::NoMoreTries => Level::Notice,
        Outcome::NotAllowed | Outcome::Unavailable => Level::Warning,
    };
    host.log(level, &format!("cannot authenticate {}: {error}", user.name));
    if outcome.is_shown(remote) {
        host.complain(&error.to_string());
    }
    outcome.authentication()
}

/// Returns how long an authentication may take: a person, a reader and a card, a person and a phone, or a key derivation.
fn patience(means: &Means) -> Duration {
    if means.kind == Location::Local.as_str() {
        LOCAL
    } else if means.kind == Location::Phone.as_str() {
        PHONE
    } else {
        CARD
    }
}

/// How long the daemon may take to say what a user can log in with; starting it included.
pub(crate) const PREPARE: Duration = Duration::from_secs(5);

const LOCAL: Duration = Duration::from_secs(10);
const CARD: Duration = Duration::from_secs(60);
/// A little longer than the phone asks, so that it is the phone that nobody answered.
const PHONE: Duration = Duration::from_secs(65);
const GRACE: Duration = Duration::from_secs(1);
