//! What the scenarios of removal begin with, and what they look at.

use claviger_tests::lab::{Guest, Login};
use serde_json::Value;

/// A session ends.
pub(crate) const ENDS: &str = "fa600038ee9c47aab282b6a51ae3bc86";
/// A session is asked to lock.
pub(crate) const LOCKS: &str = "88edd0860c494a188dd57a802f65efea";
/// Nothing is done.
pub(crate) const TOLD: &str = "87f3274cea2d4828b0dfc01a2b96a48b";
/// A session should have locked, and stays open.
pub(crate) const STAYS_OPEN: &str = "e9f357325743428cbfd726743f2ea2fa";
/// logind or polkit did not do it.
pub(crate) const FAILED: &str = "0695e15606d94b62a531ca4652908a46";

/// Gives the user of the session an account whose only key stands on the card that is there, unlocked.
pub(crate) async fn enrol(session: &mut Login<'_>) {
    session.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
    unlock(session).await;
}

/// Unlocks the card with the PIN.
pub(crate) async fn unlock(session: &mut Login<'_>) {
    session.run("claviger card unlock --pin-file pin").await.ok();
}

/// Binds the session to the card that is there.
pub(crate) async fn bind(session: &mut Login<'_>) {
    session.run("claviger session bind \"$XDG_SESSION_ID\"").await.ok();
}

/// Writes a drop-in of the configuration and has the service read it.
pub(crate) async fn configure(guest: &Guest, text: &str) {
    guest.write("/etc/claviger/claviger.d/scene.toml", 0o644, text);
    guest.systemctl("restart clavigerd").await.ok();
}

/// Waits until the tokens of all bound sessions are as said: `present`, `removed`, `unreachable`.
pub(crate) async fn until_all_are(guest: &Guest, presence: &str) {
    let list = "claviger --json session list | tr -d ' \\n'";
    guest
        .until(&format!(
            "said=$({list}) && case $said in *'\"presence\":\"{presence}\"'*) ! echo \"$said\" | \
             sed 's/\"presence\":\"{presence}\"//g' | grep -q '\"presence\":\"[a-z]' ;; *) false ;; esac"
        ))
        .await;
}

/// Returns the entries of the journal with that message id, oldest first.
pub(crate) async fn entries(guest: &Guest, message: &str) -> Vec<Value> {
    let said =
        guest.run(&format!("journalctl --quiet --no-pager --output json MESSAGE_ID={message}")).await.ok();
    said.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the entries with that message id that are about a session, waiting for the first.
pub(crate) async fn about(guest: &Guest, message: &str, session: &str) -> Vec<Value> {
    guest.until(&format!("journalctl --quiet MESSAGE_ID={message} SESSION={session} | grep -q .")).await;
    let mut entries = entries(guest, message).await;
    entries.retain(|entry| entry["SESSION"] == session);
    entries
}

/// Returns true if nothing with that message id is in the journal about a session.
pub(crate) async fn nothing_about(guest: &Guest, message: &str, session: &str) -> bool {
    entries(guest, message).await.iter().all(|entry| entry["SESSION"] != session)
}

/// Returns when an entry was written, in microseconds since 1970.
pub(crate) fn micros(entry: &Value) -> u64 {
    entry["__REALTIME_TIMESTAMP"].as_str().unwrap().parse().unwrap()
}
