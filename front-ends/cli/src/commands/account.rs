use claviger_client::{ErrorName, RegisterOptions, TokenFilter, UnlockOptions};
use serde_json::json;

use super::patience::Patience;
use super::{connect, say};
use crate::cli::{Backup, Consent, Global, Passphrase, Recovery, RecoveryCommand, Register, Restore, Unlock};
use crate::files::Output;
use crate::{Problem, files};

/// `claviger register`
pub(super) fn register(global: &Global, options: &Register) -> Result<(), Problem> {
    let client = connect(global)?;
    // Better now than after a pass phrase was thought of.
    let state = client.account()?.state;
    let refused = match state.as_str() {
        // An account that a card made has no local store yet.
        "active" => {
            client.list_tokens(&TokenFilter::default())?.iter().any(|(_, token)| token.kind == "local")
        }
        state => matches!(state, "applied" | "pending"),
    };
    if refused {
        return Err(Problem::Failed(format!(
            "cannot register: there is an account already, its state is {state}"
        )));
    }
    let passphrase = options.passphrase.source().choose("pass phrase")?;
    let keys = if options.no_keys { Some(Vec::new()) } else { options.keys.clone() };
    let waiting = Patience::with("making the keys");
    client.register(&passphrase, &RegisterOptions { keys })?;
    drop(waiting);
    say(global, &format!("registered; {}", next_step(&client.account()?.state)))
}

/// Returns a new account's state with what to do next.
fn next_step(state: &str) -> String {
    match state {
        "active" => "the account is active: unlock your keys with `claviger unlock`".to_owned(),
        state => format!(
            "the account is {state}: an administrator consents with `claviger admin consent USER`, then enter the phrase with `claviger consent`"
        ),
    }
}

/// `claviger consent`
pub(super) fn consent(global: &Global, options: &Consent) -> Result<(), Problem> {
    let client = connect(global)?;
    let phrase = options.phrase.source().get("consent phrase")?;
    let waiting = Patience::with("checking the phrase");
    client.consent(&phrase)?;
    drop(waiting);
    say(global, "the account is active")
}

/// `claviger unlock`
pub(super) fn unlock(global: &Global, options: &Unlock) -> Result<(), Problem> {
    let client = connect(global)?;
    let passphrase = options.passphrase.source().get("pass phrase")?;
    let waiting = Patience::with("unlocking");
    client.unlock(&passphrase, &UnlockOptions { timeout_ms: None, idle: options.idle })?;
    drop(waiting);
    say(global, "unlocked")
}

/// `claviger lock`
pub(super) fn lock(global: &Global) -> Result<(), Problem> {
    connect(global)?.lock()?;
    say(global, "locked")
}

/// `claviger passphrase`
pub(super) fn passphrase(global: &Global, options: &Passphrase) -> Result<(), Problem> {
    let client = connect(global)?;
    let old = options.old.source().get("pass phrase")?;
    let new = options.new.source().choose("new pass phrase")?;
    let waiting = Patience::with("changing the pass phrase");
    client.change_passphrase(&old, &new)?;
    drop(waiting);
    say(global, "the pass phrase is changed")
}

/// `claviger recovery`
pub(super) fn recovery(global: &Global, options: &Recovery) -> Result<(), Problem> {
    let client = connect(global)?;
    match &options.command {
        None | Some(RecoveryCommand::Make) => {
            let code = client.make_recovery_code()?;
            print_secret(global, "recovery-code", code.as_bytes())?;
            if !global.json {
                eprintln!(
                    "Write it down and keep it apart from this machine: it opens your keys without the pass phrase."
                );
            }
            Ok(())
        }
        Some(RecoveryCommand::Use { code, new }) => {
            let code = code.source().get("recovery code")?;
            let new = new.source().choose("new pass phrase")?;
            let waiting = Patience::with("changing the pass phrase");
            client.recover(&code, &new).map_err(|error| match error.name() {
                Some(ErrorName::WrongPassphrase) => Problem::WrongCode,
                _ => Problem::from(error),
            })?;
            drop(waiting);
            say(global, "the pass phrase is changed")
        }
    }
}

/// Prints a secret that is shown once, with one new line.
pub(super) fn print_secret(global: &Global, name: &str, secret: &[u8]) -> Result<(), Problem> {
    let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
    if global.json {
        return files::json(&json!({ name: String::from_utf8_lossy(secret) }));
    }
    files::print_bytes(&[secret, b"\n"].concat())
}

/// `claviger backup`
pub(super) fn backup(global: &Global, options: Backup) -> Result<(), Problem> {
    let client = connect(global)?;
    let account = client.account()?;
    let backup = client.backup()?;
    let is_file = options.output.as_ref().is_some_and(|path| path.as_os_str() != "-");
    Output::new(options.output, false).write(&backup)?;
    if is_file {
        say(global, &format!("{} bytes, still sealed under your pass phrase", backup.len()))?;
    }
    if account.host_bound && !account.has_recovery_code {
        eprintln!("This backup opens on this host only; make a recovery code first: `claviger recovery`.");
    }
    Ok(())
}

/// `claviger restore`
pub(super) fn restore(global: &Global, options: &Restore) -> Result<(), Problem> {
    let backup = files::read(Some(&options.file), BACKUP_LIMIT)?;
    let client = connect(global)?;
    client.restore(&backup)?;
    say(global, &format!("restored; {}", next_step(&client.account()?.state)))
}

const BACKUP_LIMIT: usize = 64 * 1024 * 1024;
