//! Calls about cards that only some scenarios make, and what is looked up again and again.

use std::path::Path;
use std::process::Command;

use claviger_tests::cards::{CardHouse, word};
use claviger_tests::pcsc::Card;
use claviger_tests::pcsc::card::Logged;
use claviger_tests::peer::{Attributes, Options, Peer, Refusal, none, option};
use claviger_tests::secret;
use claviger_tests::shell::Shell;
use zbus::OwnedVariant;

/// Every PIV card's PUK as it comes.
pub(crate) const PUK: &str = "12345678";

/// Unlocks a card, with further options.
pub(crate) async fn unlock(peer: &Peer, token: &str, pin: &str, mut options: Options) -> Result<(), Refusal> {
    options.insert("pin", secret::pipe(pin).into());
    peer.call("Tokens", "UnlockToken", &(token, options)).await
}

/// Replaces a card's PIN.
pub(crate) async fn change_pin(peer: &Peer, token: &str, old: &str, new: &str) -> Result<(), Refusal> {
    peer.call("Tokens", "ChangePin", &(token, secret::pipe(old), secret::pipe(new), none())).await
}

/// Sets a PIN anew with the PUK.
pub(crate) async fn unblock_pin(peer: &Peer, token: &str, puk: &str, new: &str) -> Result<(), Refusal> {
    peer.call("Tokens", "UnblockPin", &(token, secret::pipe(puk), secret::pipe(new), none())).await
}

/// Takes a card out of the account.
pub(crate) async fn forget(peer: &Peer, token: &str) -> Result<(), Refusal> {
    peer.call("Tokens", "ForgetToken", &(token, none())).await
}

/// Says that the last try may be spent.
pub(crate) fn last_try() -> Options {
    option("last-try", true)
}

/// Returns a number among attributes; none where it is left out.
pub(crate) fn number(row: &Attributes, name: &str) -> Option<u32> {
    row.get(name).map(|value| value.clone().try_into().expect("a number"))
}

/// Returns a list of words among attributes.
pub(crate) fn words(row: &Attributes, name: &str) -> Vec<String> {
    row[name].clone().try_into().expect("words")
}

/// Returns how many tries the daemon says are left at the PIN.
pub(crate) async fn told_tries(peer: &Peer, token: &str) -> Option<u32> {
    number(&peer.token(token).await.unwrap(), "tries-left")
}

/// Returns what the card in a reader tells of its keys, by their places.
pub(crate) async fn keys_on(peer: &Peer, token: &str) -> Vec<(String, Attributes)> {
    let card = peer.token(token).await.unwrap();
    let keys: Vec<Attributes> = value(&card["keys"]);
    keys.into_iter().map(|key| (word(&key, "slot"), key)).collect()
}

/// Returns an attribute of any type.
pub(crate) fn value<T>(value: &OwnedVariant) -> T
where
    T: TryFrom<OwnedVariant>,
    T::Error: std::fmt::Debug,
{
    value.clone().try_into().expect("the documented type")
}

/// Returns the caller's default key for signing, where there is one.
pub(crate) async fn default_key(peer: &Peer) -> Option<String> {
    let defaults: std::collections::HashMap<String, String> = value(&peer.account().await["defaults"]);
    defaults.get("sign").cloned()
}

/// Returns which instructions that spend a try at a PIN or PUK the card was sent since the log was last emptied:
/// VERIFY with data, CHANGE REFERENCE DATA, RESET RETRY COUNTER.
pub(crate) fn tries_spent(card: &mut Card) -> Vec<u8> {
    let log = card.drain_log();
    let commands = log.iter().filter_map(Logged::command);
    let spends = |command: &&[u8]| match command[1] {
        0x20 => command.len() > 5,
        instruction => matches!(instruction, 0x24 | 0x2C),
    };
    commands.filter(spends).map(|command| command[1]).collect()
}

/// Runs openssl in a folder, which must succeed.
pub(crate) fn openssl(folder: &Path, words: &str) {
    let ran = Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Opens a shell of somebody who has the PIN of new cards in the file `pin`.
pub(crate) fn shell(house: &CardHouse, person: &claviger_tests::accounts::Person) -> Shell {
    let shell = Shell::new(&house.house.bus, person);
    shell.file("pin", format!("{}\n", claviger_tests::cards::PIN));
    shell
}
