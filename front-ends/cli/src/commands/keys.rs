use std::path::Path;

use claviger_client::blocking::Client;
use claviger_client::{ExplainOptions, Explanation, KeyFilter, KeyRow, NewKeyOptions, Secret};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::patience::Patience;
use super::tokens::{Meant, choose};
use super::{cards, certificates, confirm, connect, has_asker, requests, say};
use crate::certificate::Certificate;
use crate::cli::{Filter, Global, KeyCommand, NewKey, Site};
use crate::files::{Form, Output};
use crate::import::{FILE_LIMIT, PrivateKeyFile};
use crate::public::{self, Format};
use crate::secrets::Source;
use crate::show::{Colour, Facts, Table, plain, time};
use crate::{Problem, files};

/// `claviger key`
pub(super) fn run(global: &Global, command: KeyCommand) -> Result<(), Problem> {
    match command {
        KeyCommand::List(filter) => list(global, filter),
        KeyCommand::Show { key, public: false, .. } => show(global, &key),
        KeyCommand::Show { key, public: true, format, output } => {
            show_public(global, &key, format, Output::new(output, global.json))
        }
        KeyCommand::Generate { algorithm, new } => generate(global, &algorithm, new),
        KeyCommand::Import { file, new, passphrase } => import(global, &file, new, &passphrase.source()),
        KeyCommand::Delete { key, yes } => delete(global, &key, yes),
        KeyCommand::Default { key, purpose, none: _ } => {
            set_default(global, key.as_deref().unwrap_or_default(), &purpose)
        }
        KeyCommand::Label { key, label } => {
            connect(global)?.set_label(&key, &label)?;
            say(global, "the label is changed")
        }
        KeyCommand::Confirm { key, when } => {
            connect(global)?.set_confirm(&key, &when)?;
            say(global, &format!("you are asked {}", asked(&when)))
        }
        KeyCommand::Request(options) => requests::request(global, options),
        KeyCommand::Certificate(options) => certificates::run(global, options),
        KeyCommand::Attest { key, output } => {
            certificates::attest(global, &key, Output::new(output, global.json))
        }
        KeyCommand::Explain { key, mechanism } => explain(global, &key, &mechanism),
    }
}

fn list(global: &Global, filter: Filter) -> Result<(), Problem> {
    let Filter { label, algorithm, usage, location, state } = filter;
    let keys = connect(global)?.list_keys(&KeyFilter { label, algorithm, usage, location, state })?;
    if global.json {
        return files::json(&keys.iter().map(key_json).collect());
    }
    if keys.is_empty() {
        eprintln!("no keys; make one with `claviger key generate ALGORITHM`");
        return Ok(());
    }
    let mut table = Table::new(&["ID", "LABEL", "ALGORITHM", "USAGE", "LOCATION", "STATE", "DEFAULT TO"]);
    for (id, key) in keys {
        let state = match (key.state.as_str(), key.present, key.locked) {
            ("current", true, false) => "ready".to_owned(),
            ("current", true, true) => "locked".to_owned(),
            ("current", false, _) => "absent".to_owned(),
            (state, ..) => state.to_owned(),
        };
        let location = where_it_is(&key);
        table.row([
            id,
            key.label,
            key.algorithm,
            key.usage.join(","),
            location,
            state,
            key.default_for.join(","),
        ]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))
}

/// Returns how often a person is asked for a yes.
fn asked(when: &str) -> String {
    match when {
        "never" => "nothing when it is used".to_owned(),
        "session" => "once in each session".to_owned(),
        "always" => "each time it is used".to_owned(),
        other => plain(other),
    }
}

/// Returns a key as JSON, named as on the bus; bytes as Base64.
fn key_json((id, key): &(String, KeyRow)) -> Value {
    let KeyRow {
        label,
        algorithm,
        usage,
        state,
        location,
        tokens,
        slots,
        pin_policies,
        present,
        locked,
        public_key,
        mechanisms,
        created,
        last_used,
        default_for,
        certificate,
        confirm,
    } = key;
    json!({
        "id": id, "label": label, "algorithm": algorithm, "usage": usage, "state": state, "location": location,
        "tokens": tokens, "slots": slots, "pin-policies": pin_policies, "present": present, "locked": locked, "public-key": BASE64.encode(public_key), "mechanisms": mechanisms,
        "created": created, "last-used": last_used, "default-for": default_for,
        "confirm": confirm,
        "certificate": certificate.as_ref().map(|der| BASE64.encode(der)),
    })
}

fn show(global: &Global, key: &str) -> Result<(), Problem> {
    let found = connect(global)?.key(key)?;
    if global.json {
        return files::json(&key_json(&found));
    }
    let (id, key) = found;
    let mut facts = Facts::default();
    facts.add("id", id);
    if !key.label.is_empty() {
        facts.add("label", plain(&key.label));
    }
    let state = match key.state.as_str() {
        "current" => Colour::Green.paint("current"),
        other => Colour::Yellow.paint(&plain(other)),
    };
    let availability = match (key.present, key.locked) {
        (false, _) => "its token is absent",
        (true, true) => "locked",
        (true, false) => "ready",
    };
    facts
        .add("algorithm", plain(&key.algorithm))
        .add("usage", key.usage.join(", "))
        .add("state", format!("{state}, {availability}"))
        .add("location", where_it_is(&key));
    for place in places(&key) {
        facts.add("token", place);
    }
    facts
        .add("mechanisms", key.mechanisms.join(" "))
        .add("created", time(key.created))
        .add("last used", key.last_used.map_or_else(|| "never".to_owned(), time));
    if let Some(when) = key.confirm.as_deref().filter(|when| *when != "never") {
        facts.add("you are asked", asked(when));
    }
    if !key.default_for.is_empty() {
        facts.add("default to", key.default_for.join(", "));
    }
    if let Some(der) = &key.certificate {
        facts.add("certificate", Certificate::summary(der));
    }
    facts.lines().iter().try_for_each(|line| files::line(line))
}

/// Returns where a key stands, and whether that is away.
fn where_it_is(key: &KeyRow) -> String {
    let location = key.location.join(", ");
    if key.present || location.is_empty() { location } else { format!("{location} (absent)") }
}

/// Returns the tokens that a key stands on, with its place on each.
fn places(key: &KeyRow) -> impl Iterator<Item = String> {
    let slots = key.slots.iter().map(String::as_str).chain(std::iter::repeat(""));
    key.tokens.iter().zip(slots).map(|(token, slot)| match slot {
        "" => plain(token),
        slot => plain(&format!("{token}, slot {slot}")),
    })
}

fn show_public(global: &Global, key: &str, format: Format, output: Output) -> Result<(), Problem> {
    let (_, key) = connect(global)?.key(key)?;
    let written = public::write(&key.public_key, format, &plain(&key.label))?;
    match format {
        Format::Der => output.bytes("public-key", &written, Form::Binary),
        Format::Pem | Format::Ssh if global.json => {
            files::json(&json!({ "public-key": String::from_utf8_lossy(&written) }))
        }
        Format::Pem | Format::Ssh => output.write(&written),
    }
}

/// Returns what a new key is to be like, after asking for what the card wants for it.
fn new_key_options(client: &Client, new: NewKey) -> Result<NewKeyOptions, Problem> {
    let NewKey { label, location, usage, site } = new;
    let Site { token, slot, pin_policy, touch_policy, authority } = site;
    let authority =
        cards::authority_for(&authority, || application(client, location.as_deref(), token.as_deref()))?;
    Ok(NewKeyOptions {
        timeout_ms: None,
        no_prompt: None,
        label,
        usage,
        location,
        token,
        slot,
        pin_policy,
        touch_policy,
        authority,
    })
}

/// Returns the application on the card where a new key will stand; empty where it will be on none.
fn application(client: &Client, location: Option<&str>, token: Option<&str>) -> Result<String, Problem> {
    let on_card = match (location, token) {
        (Some(location), _) => location == "card",
        (None, Some(token)) => token.starts_with("card:"),
        (None, None) => client.account()?.location == "card",
    };
    if !on_card {
        return Ok(String::new());
    }
    Ok(choose(client, token, Meant::Mine, "put a key on the card")?.1.application)
}

fn generate(global: &Global, algorithm: &str, new: NewKey) -> Result<(), Problem> {
    let client = connect(global)?;
    let options = new_key_options(&client, new)?;
    let waiting = Patience::with("making the key");
    let id = client.generate_key(algorithm, &options)?;
    drop(waiting);
    print_id(global, &id)
}

fn import(global: &Global, file: &Path, new: NewKey, passphrase: &Source) -> Result<(), Problem> {
    let name = files::display(Some(file));
    let not_imported = |error| Problem::Import(name.clone(), error);
    let contents = Secret::from(files::read(Some(file), FILE_LIMIT)?);
    let key = match PrivateKeyFile::parse(contents.as_bytes()).map_err(not_imported)? {
        PrivateKeyFile::Clear(key) => key,
        PrivateKeyFile::Sealed(sealed) => {
            let passphrase = passphrase.get(&format!("pass phrase of {name}"))?;
            let waiting = Patience::with("opening the file");
            let opened = sealed.open(&passphrase).map_err(not_imported)?;
            drop(waiting);
            opened
        }
    };
    let client = connect(global)?;
    let id = client.import_key(&key, &new_key_options(&client, new)?)?;
    print_id(global, &id)
}

/// Prints an id alone: scripts take it from there.
fn print_id(global: &Global, id: &str) -> Result<(), Problem> {
    if global.json { files::json(&json!({ "id": id })) } else { files::line(id) }
}

fn delete(global: &Global, key: &str, yes: bool) -> Result<(), Problem> {
    let client = connect(global)?;
    if key.is_empty() {
        return Err(Problem::Usage("cannot delete the default key: name the key".to_owned()));
    }
    if !yes && has_asker() {
        let (id, row) = client.key(key)?;
        confirm(&format!("Delete the {} key {id} {} for good?", row.algorithm, row.label))?;
    }
    client.delete_key(key)?;
    say(global, "the key is deleted")
}

fn set_default(global: &Global, key: &str, purposes: &[String]) -> Result<(), Problem> {
    let client = connect(global)?;
    for purpose in purposes {
        client.set_default_key(purpose, key)?;
    }
    say(global, &format!("the default key to {} is changed", purposes.join(", ")))
}

fn explain(global: &Global, key: &str, mechanism: &str) -> Result<(), Problem> {
    let explanation = connect(global)?.explain(key, mechanism, &ExplainOptions::default())?;
    let Explanation { key, algorithm, mechanism, location, token, steps, prompts, refusal, refusal_text } =
        explanation;
    if global.json {
        return files::json(&json!({
            "key": key, "algorithm": algorithm, "mechanism": mechanism, "location": location, "token": token,
            "steps": steps, "prompts": prompts, "refusal": refusal, "refusal-text": refusal_text,
        }));
    }
    let mut facts = Facts::default();
    facts
        .add("key", format!("{key} ({algorithm})"))
        .add("mechanism", mechanism)
        .add("token", format!("{token} ({location})"));
    steps.iter().for_each(|step| {
        facts.add("step", plain(step));
    });
    prompts.iter().for_each(|prompt| {
        facts.add("asks", plain(prompt));
    });
    match refusal_text.or(refusal) {
        Some(refusal) => facts.add("refused", Colour::Red.paint(&plain(&refusal))),
        None => facts.add("outcome", Colour::Green.paint("it would be done")),
    };
    facts.lines().iter().try_for_each(|line| files::line(line))
}

#[cfg(test)]
mod tests {
    use super::{places, where_it_is};
    use claviger_client::KeyRow;

    #[test]
    fn a_key_on_an_absent_card_is_listed_as_absent() {
        let mut key = KeyRow { location: vec!["card".to_owned()], ..KeyRow::default() };
        assert_eq!(where_it_is(&key), "card (absent)");
        key.present = true;
        assert_eq!(where_it_is(&key), "card");
        // A revoked key stands nowhere.
        assert_eq!(where_it_is(&KeyRow::default()), "");
    }

    #[test]
    fn a_key_is_shown_with_its_place_on_each_token() {
        let key = KeyRow {
            tokens: vec!["local:0".to_owned(), "card:piv:00ff".to_owned()],
            slots: vec![String::new(), "9a".to_owned()],
            ..KeyRow::default()
        };
        assert_eq!(places(&key).collect::<Vec<_>>(), ["local:0", "card:piv:00ff, slot 9a"]);
    }
}
