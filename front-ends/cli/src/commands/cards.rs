use claviger_client::blocking::Client;
use claviger_client::{Descriptor, EnrolOptions, ErrorName, InitCardOptions, TokenFilter, TokenRow};
use serde_json::{Value, json};

use super::patience::Patience;
use super::pins::{self, Given};
use super::tokens::{Meant, application, choose, lock, presence, token_json, tries, whose};
use super::{confirm, connect, has_asker, say};
use crate::authority::Authority;
use crate::certificate::Certificate;
use crate::cli::{AuthoritySource, CardCommand, Enrol, Global};
use crate::show::{Facts, Table, plain, time};
use crate::{Problem, files};

/// `claviger card`
pub(super) fn run(global: &Global, command: &CardCommand) -> Result<(), Problem> {
    match command {
        CardCommand::List => list(global),
        CardCommand::Show(card) => show(global, card.token.as_deref()),
        CardCommand::Enrol(options) => enrol(global, options),
        CardCommand::Forget { token, yes } => forget(global, token, *yes),
        CardCommand::Unlock(options) => pins::unlock(global, options),
        CardCommand::Lock(card) => {
            let client = connect(global)?;
            let (id, _) = choose(&client, card.token.as_deref(), Meant::Mine, "lock the card")?;
            client.lock_token(&id)?;
            say(global, "locked")
        }
        CardCommand::Init { card, authority, yes } => init(global, card.token.as_deref(), authority, *yes),
        CardCommand::Pin(command) => pins::run(global, command),
    }
}

fn list(global: &Global) -> Result<(), Problem> {
    let client = connect(global)?;
    let mut cards = Vec::new();
    for (id, listed) in client.list_tokens(&TokenFilter { all: Some(true) })? {
        if listed.kind == "card" && listed.presence == "present" {
            cards.push((look_into(&client, &id, &listed)?, id));
        }
    }
    if global.json {
        return files::json(&cards.iter().map(|(card, id)| token_json(id, card)).collect());
    }
    if cards.is_empty() {
        eprintln!("no card in the readers; `claviger doctor` says whether readers work");
        return Ok(());
    }
    let mut table = Table::new(&["TOKEN", "NAME", "APPLICATION", "READER", "WHOSE", "KEYS", "TRIES LEFT"]);
    for (card, id) in cards {
        let keys = card.keys.as_ref().map(|keys| keys.len().to_string()).unwrap_or_default();
        let (application, whose, tries) =
            (application(&card).to_owned(), whose(&card).to_owned(), tries(&card));
        // What is no token has no id, and is nobody's in another sense.
        let (id, whose) = if id.is_empty() { ("-".to_owned(), String::new()) } else { (id, whose) };
        table.row([id, card.name, application, card.reader, whose, keys, tries]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))
}

/// Returns a card with its keys; without them where it is somebody else's, unknown, or was pulled meanwhile.
fn look_into(client: &Client, id: &str, listed: &TokenRow) -> Result<TokenRow, Problem> {
    if listed.taken || id.is_empty() {
        return Ok(listed.clone());
    }
    match client.token(id) {
        Ok(card) => Ok(card),
        Err(error) => match error.name() {
            Some(ErrorName::NoSuchToken | ErrorName::TokenAbsent | ErrorName::TokenRemoved) => {
                Ok(listed.clone())
            }
            _ => Err(error.into()),
        },
    }
}

fn show(global: &Global, named: Option<&str>) -> Result<(), Problem> {
    let client = connect(global)?;
    let (id, _) = choose(&client, named, Meant::Any, "show the card")?;
    let card = client.token(&id)?;
    if global.json {
        return files::json(&token_json(&id, &card));
    }
    card_facts(&id, &card).lines().iter().try_for_each(|line| files::line(line))?;
    let keys = card.keys.unwrap_or_default();
    if keys.is_empty() {
        return Ok(());
    }
    files::line("")?;
    let mut table = Table::new(&["SLOT", "ALGORITHM", "USAGE", "PIN", "TOUCH", "KEY", "CERTIFICATE"]);
    for key in keys {
        let certificate = key.certificates.first().map(|der| Certificate::summary(der)).unwrap_or_default();
        table.row([
            key.slot,
            key.algorithm,
            key.usage.join(","),
            key.pin_policy,
            key.touch_policy,
            key.key,
            certificate,
        ]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))
}

fn card_facts(id: &str, card: &TokenRow) -> Facts {
    let mut facts = Facts::default();
    facts
        .add("token", plain(id))
        .add("name", plain(&card.name))
        .add("application", plain(application(card)))
        .add("presence", presence(card));
    let whose = whose(card);
    facts.add("whose", if card.enrolled { format!("{whose}, {}", lock(card)) } else { whose.to_owned() });
    if card.pin_pad {
        facts.add("PIN pad", "the reader asks for the PIN itself");
    }
    if let Some(tries) = Some(tries(card)).filter(|tries| !tries.is_empty()) {
        facts.add("tries left", tries);
    }
    if let (Some(shortest), Some(longest)) = (card.pin_shortest, card.pin_longest) {
        facts.add("PIN", format!("{shortest} to {longest} characters"));
    }
    let lists = [("mechanisms", &card.mechanisms), ("makes", &card.generates), ("takes in", &card.imports)];
    for (name, words) in lists.into_iter().filter(|(_, words)| !words.is_empty()) {
        facts.add(name, plain(&words.join(" ")));
    }
    if let Some(created) = card.created {
        facts.add("since", time(created));
    }
    facts
}

fn enrol(global: &Global, options: &Enrol) -> Result<(), Problem> {
    let doing = "enrol the card";
    let client = connect(global)?;
    let (id, token) = choose(&client, options.token.as_deref(), Meant::Nobodys, doing)?;
    let Given { pin, last_try } = pins::get((&id, &token), &options.pin.source(), options.last, doing)?;
    let wanted = EnrolOptions {
        pin,
        default: options.default.then_some(true),
        label: options.label.clone(),
        last_try,
        timeout_ms: None,
    };
    let waiting = Patience::with("enrolling the card");
    let keys = client.enrol_card(&id, &wanted)?;
    drop(waiting);
    let defaults = client.account()?.defaults;
    let defaults: Vec<_> = defaults.into_iter().filter(|(_, key)| keys.contains(key)).collect();
    if global.json {
        let defaults: Value =
            defaults.into_iter().map(|(purpose, key)| (purpose, Value::from(key))).collect();
        return files::json(&json!({ "token": id, "keys": keys, "defaults": defaults }));
    }
    keys.iter().try_for_each(|key| files::line(key))?;
    for (purpose, key) in &defaults {
        eprintln!("default to {}: {}", plain(purpose), plain(key));
    }
    if keys.is_empty() {
        eprintln!("it has no keys yet; `claviger key generate ALGORITHM --location card` makes one on it");
    } else if defaults.is_empty() {
        eprintln!("the default keys are others; `claviger key default KEY --purpose sign` changes that");
    }
    Ok(())
}

fn forget(global: &Global, token: &str, yes: bool) -> Result<(), Problem> {
    let client = connect(global)?;
    if !yes && has_asker() {
        let name = client.token(token)?.name;
        confirm(&format!("Forget the card {name} ({token})? Keys that stand nowhere else go with it."))?;
    }
    client.forget_token(token)?;
    say(global, "forgotten; the card itself is as it was")
}

fn init(global: &Global, named: Option<&str>, authority: &AuthoritySource, yes: bool) -> Result<(), Problem> {
    let client = connect(global)?;
    let (id, card) = choose(&client, named, Meant::Any, "give the card a fresh identity")?;
    if !yes && has_asker() {
        confirm(&format!(
            "Give {} ({id}) a fresh identity? Other systems that know the card by its old one will not know it.",
            card.name
        ))?;
    }
    let authority = authority_for(authority, || Ok(card.application.clone()))?;
    let token = client.init_card(&id, &InitCardOptions { authority })?;
    if global.json { files::json(&json!({ "token": token })) } else { files::line(&token) }
}

/// Gets what a card's administrator knows: from where the options say, else from a person, where there is one and
/// the card (whose application is looked up only then) wants it.
pub(super) fn authority_for(
    told: &AuthoritySource,
    application: impl FnOnce() -> Result<String, Problem>,
) -> Result<Option<Descriptor>, Problem> {
    let authority = match told.authority() {
        Authority::Untold if has_asker() => {
            Authority::asked_for(&application()?).unwrap_or(Authority::Untold)
        }
        told => told,
    };
    let secret = authority.get()?;
    Ok(secret.map(|secret| secret.to_descriptor()).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::card_facts;
    use claviger_client::TokenRow;

    #[test]
    fn a_card_is_shown_with_what_it_tells_and_no_more() {
        let mut card = TokenRow {
            kind: "card".to_owned(),
            application: "piv".to_owned(),
            name: "Yubico 123".to_owned(),
            reader: "Virtual 00".to_owned(),
            presence: "present".to_owned(),
            enrolled: true,
            locked: true,
            tries_left: Some(3),
            ..TokenRow::default()
        };
        let lines = card_facts("card:piv:00ff", &card).lines();
        assert_eq!(
            lines,
            [
                "token        card:piv:00ff",
                "name         Yubico 123",
                "application  PIV",
                "presence     in Virtual 00",
                "whose        yours, locked",
                "tries left   3",
            ]
        );
        (card.enrolled, card.tries_left) = (false, None);
        assert!(card_facts("card:piv:00ff", &card).lines().contains(&"whose        nobody's".to_owned()));
    }
}
