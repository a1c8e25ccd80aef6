use claviger_client::blocking::Client;
use claviger_client::{Statistics, UserPage, UserRow};
use serde_json::{Value, json};

use super::account::print_secret;
use super::{confirm, connect, has_asker, say};
use crate::cli::{Global, UserCommand};
use crate::show::{Facts, Table, plain, time, time_ahead};
use crate::{Problem, files};

/// `claviger admin user`
pub(super) fn user(global: &Global, command: UserCommand) -> Result<(), Problem> {
    let client = connect(global)?;
    match command {
        UserCommand::List => list(global, &client),
        UserCommand::Show { user } => show(global, uid(&user)?, &client),
        UserCommand::Enrol { user, location } => {
            client.enrol_user(uid(&user)?, &location)?;
            say(global, "enrolled; the user registers with `claviger register`")
        }
        UserCommand::Location { user, location } => {
            client.set_location(uid(&user)?, &location)?;
            say(global, &format!("new keys will be made there: {location}"))
        }
        UserCommand::Remove { user, yes } => {
            let uid = uid(&user)?;
            if !yes && has_asker() {
                confirm(&format!("Remove {user} (uid {uid}) and erase all their private keys here?"))?;
            }
            client.remove_user(uid)?;
            say(global, "removed")
        }
    }
}

/// `claviger admin consent`
pub(super) fn consent(global: &Global, user: &str) -> Result<(), Problem> {
    let phrase = connect(global)?.issue_consent(uid(user)?)?;
    print_secret(global, "consent-phrase", phrase.as_bytes())?;
    if !global.json {
        eprintln!("Give it to the user, who enters it with `claviger consent`. It is shown only now.");
    }
    Ok(())
}

/// `claviger admin revoke`; an empty key is all of them.
pub(super) fn revoke(global: &Global, user: &str, key: &str) -> Result<(), Problem> {
    connect(global)?.revoke_key(uid(user)?, key)?;
    say(global, "revoked")
}

/// `claviger admin statistics`
pub(super) fn statistics(global: &Global) -> Result<(), Problem> {
    let Statistics { started, users, keys, unlocked, channels, subscriptions, operations, failures } =
        connect(global)?.statistics()?;
    if global.json {
        return files::json(&json!({
            "started": started, "users": users, "keys": keys, "unlocked": unlocked, "channels": channels,
            "subscriptions": subscriptions, "operations": operations, "failures": failures,
        }));
    }
    let mut facts = Facts::default();
    facts
        .add("started", time(started))
        .add("users", format!("{users}, {unlocked} unlocked"))
        .add("keys", keys.to_string())
        .add("channels", channels.to_string())
        .add("subscriptions", subscriptions.to_string())
        .add("operations", format!("{operations}, {failures} more failed"));
    facts.lines().iter().try_for_each(|line| files::line(line))
}

fn list(global: &Global, client: &Client) -> Result<(), Problem> {
    let users = all_users(client)?;
    if global.json {
        return files::json(&users.iter().map(|(uid, user)| user_json(*uid, user)).collect());
    }
    let mut table = Table::new(&["UID", "USER", "STATE", "LOCATION", "KEYS", "SINCE"]);
    for (uid, user) in users {
        let since = user.created.map(time).unwrap_or_default();
        table.row([uid.to_string(), user.user_name, user.state, user.location, user.keys.to_string(), since]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))
}

/// Turns the pages.
fn all_users(client: &Client) -> Result<Vec<(u32, UserRow)>, Problem> {
    let mut users: Vec<(u32, UserRow)> = Vec::new();
    loop {
        let after = users.last().map(|(uid, _)| *uid);
        let page = client.list_users(&UserPage { after, limit: None })?;
        let is_last = page.is_empty();
        users.extend(page);
        if is_last {
            return Ok(users);
        }
    }
}

fn user_json(uid: u32, user: &UserRow) -> Value {
    let UserRow { user_name, state, location, keys, tries_failed, try_after, has_recovery_code, created } =
        user;
    json!({
        "uid": uid, "user-name": user_name, "state": state, "location": location, "keys": keys,
        "tries-failed": tries_failed, "try-after": try_after, "has-recovery-code": has_recovery_code,
        "created": created,
    })
}

fn show(global: &Global, uid: u32, client: &Client) -> Result<(), Problem> {
    let user = client.user(uid)?;
    if global.json {
        return files::json(&user_json(uid, &user));
    }
    let mut facts = Facts::default();
    facts
        .add("user", format!("{} ({uid})", plain(&user.user_name)))
        .add("account", plain(&user.state))
        .add("new keys", plain(&user.location))
        .add("keys", user.keys.to_string())
        .add("wrong tries", user.tries_failed.to_string())
        .add("recovery code", if user.has_recovery_code == Some(true) { "made" } else { "none" });
    if let Some(after) = user.try_after {
        facts.add("next try", time_ahead(after));
    }
    if let Some(created) = user.created {
        facts.add("since", time(created));
    }
    facts.lines().iter().try_for_each(|line| files::line(line))
}

/// Returns the uid of a user name, or the number itself: users that the system forgot have only that.
fn uid(user: &str) -> Result<u32, Problem> {
    if let Ok(uid) = user.parse() {
        return Ok(uid);
    }
    match nix::unistd::User::from_name(user) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(Problem::Failed(format!(
            "cannot find the user {}: the system has none of that name",
            plain(user)
        ))),
        Err(error) => Err(Problem::file("look up", format!("the user {}", plain(user)), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::uid;

    #[test]
    fn a_user_is_a_name_or_a_number() {
        assert_eq!(uid("root").ok(), Some(0));
        assert_eq!(uid("4294967294").ok(), Some(4_294_967_294));
        assert!(uid("nobody-of-that-name").is_err());
    }
}
