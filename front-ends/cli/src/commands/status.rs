use claviger_client::{AccountRow, TokenFilter, TokenRow};
use serde_json::{Value, json};

use super::connect;
use super::tokens::{token_json, token_line};
use crate::cli::Global;
use crate::show::{Colour, Facts, plain, time, time_ahead};
use crate::{Problem, files};

/// `claviger status`
pub(super) fn status(global: &Global) -> Result<(), Problem> {
    let client = connect(global)?;
    let account = client.account()?;
    let version = client.version()?;
    let tokens = client.list_tokens(&TokenFilter::default())?;
    if global.json {
        return files::json(&account_json(&account, &version, &tokens));
    }
    for line in account_facts(&account, &version, &tokens).lines() {
        files::line(&line)?;
    }
    Ok(())
}

/// Returns the account as JSON, named as on the bus.
fn account_json(account: &AccountRow, version: &str, tokens: &[(String, TokenRow)]) -> Value {
    let AccountRow {
        uid,
        user_name,
        state,
        location,
        locked,
        unlocked_until,
        keys,
        tries_failed,
        try_after,
        has_recovery_code,
        host_bound,
        defaults,
        created,
        removal_action,
        removal_local,
        removal_remote,
    } = account;
    json!({
        "uid": uid, "user-name": user_name, "state": state, "location": location, "locked": locked,
        "unlocked-until": unlocked_until, "keys": keys, "tries-failed": tries_failed, "try-after": try_after,
        "has-recovery-code": has_recovery_code, "host-bound": host_bound, "defaults": defaults,
        "created": created, "version": version, "removal-action": removal_action,
        "removal-local": removal_local, "removal-remote": removal_remote,
        "cards": of_kind(tokens, "card").map(|(id, card)| token_json(id, card)).collect::<Value>(),
        "phones": of_kind(tokens, "phone").map(|(id, phone)| token_json(id, phone)).collect::<Value>(),
    })
}

fn of_kind<'a>(
    tokens: &'a [(String, TokenRow)],
    kind: &'a str,
) -> impl Iterator<Item = &'a (String, TokenRow)> {
    tokens.iter().filter(move |(_, token)| token.kind == kind)
}

fn account_facts(account: &AccountRow, version: &str, tokens: &[(String, TokenRow)]) -> Facts {
    // An account that was made by enrolling a card has no local store to unlock or to recover.
    let has_store = account.state != "active" || tokens.iter().any(|(_, token)| token.kind == "local");
    let mut facts = Facts::default();
    facts.add("user", format!("{} ({})", plain(&account.user_name), account.uid));
    facts.add("account", state(&account.state));
    if account.state != "none" {
        facts.add("new keys", account.location.clone());
        let lock = if has_store { format!(", {}", lock_state(account)) } else { String::new() };
        facts.add("keys", format!("{}{lock}", account.keys));
        for (purpose, key) in &account.defaults {
            facts.add(&format!("to {purpose}"), plain(key));
        }
        if has_store {
            facts.add(
                "recovery code",
                if account.has_recovery_code { "made" } else { "none (`claviger recovery` makes one)" },
            );
        }
        if account.host_bound {
            facts.add("pass phrase", "works on this host only");
        }
        if account.tries_failed > 0 {
            facts.add("wrong tries", Colour::Yellow.paint(&account.tries_failed.to_string()));
        }
        if let Some(after) = account.try_after {
            facts.add("next try", time_ahead(after));
        }
        if let Some(created) = account.created {
            facts.add("since", time(created));
        }
    }
    for kind in ["card", "phone"] {
        for (id, token) in of_kind(tokens, kind) {
            facts.add(kind, token_line(id, token));
        }
    }
    facts.add("key store", format!("clavigerd {}", plain(version)));
    facts
}

/// Returns a state with what to do next.
fn state(state: &str) -> String {
    match state {
        "active" => Colour::Green.paint(state),
        "none" => format!("{} (`claviger register` makes one)", Colour::Yellow.paint(state)),
        "applied" => {
            format!(
                "{} (waits for an administrator: `claviger admin consent USER`)",
                Colour::Yellow.paint(state)
            )
        }
        "pending" => {
            format!("{} (enter the consent phrase: `claviger consent`)", Colour::Yellow.paint(state))
        }
        other => Colour::Red.paint(&plain(other)),
    }
}

fn lock_state(account: &AccountRow) -> String {
    match (account.locked, account.unlocked_until) {
        _ if account.state != "active" => Colour::Yellow.paint("not usable yet"),
        (true, _) => format!("{} (`claviger unlock`)", Colour::Yellow.paint("locked")),
        (false, Some(until)) => format!("{} until {}", Colour::Green.paint("unlocked"), time_ahead(until)),
        (false, None) => Colour::Green.paint("unlocked"),
    }
}

#[cfg(test)]
mod tests {
    use super::account_facts;
    use claviger_client::{AccountRow, TokenRow};

    fn told(tokens: &[(&str, &str)]) -> String {
        let account =
            AccountRow { state: "active".to_owned(), locked: true, keys: 2, ..AccountRow::default() };
        let row = |kind: &str| TokenRow { kind: kind.to_owned(), locked: true, ..TokenRow::default() };
        let tokens: Vec<_> = tokens.iter().map(|(id, kind)| ((*id).to_owned(), row(kind))).collect();
        account_facts(&account, "0.1.0", &tokens).lines().join("\n")
    }

    #[test]
    fn an_account_with_only_a_card_is_not_told_to_unlock_a_store_that_it_has_not() {
        let both = told(&[("local:0", "local"), ("card:piv:00ff", "card")]);
        assert!(both.contains("`claviger unlock`") && both.contains("`claviger recovery`"), "{both}");
        let card = told(&[("card:piv:00ff", "card")]);
        assert!(!card.contains("`claviger unlock`") && !card.contains("recovery"), "{card}");
        assert!(card.contains("card:piv:00ff"), "{card}");
        let phone = told(&[("phone:00ff", "phone")]);
        assert!(!phone.contains("`claviger unlock`") && phone.contains("phone:00ff"), "{phone}");
    }
}
