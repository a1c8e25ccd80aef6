use std::io::BufRead;

use claviger_client::blocking::Client;
use claviger_client::{
    Conversation, EnrolOptions, ErrorName, PairOptions, PairingStep, TokenFilter, TokenRow,
    UnlockTokenOptions,
};
use serde_json::json;

use super::patience::Patience;
use super::tokens::{lock, presence, refusal, token_json};
use super::{confirm, connect, has_asker, say};
use crate::cli::{EnrolPhone, Global, Pair, PhoneCommand};
use crate::show::{Table, plain};
use crate::{Problem, files, qr};

/// `claviger phone`
pub(super) fn run(global: &Global, command: &PhoneCommand) -> Result<(), Problem> {
    match command {
        PhoneCommand::List => list(global),
        PhoneCommand::Pair(options) => pair(global, options),
        PhoneCommand::Enrol(options) => enrol(global, options),
        PhoneCommand::Unpair { phone, yes } => unpair(global, phone, *yes),
        PhoneCommand::Unlock(phone) => {
            let client = connect(global)?;
            let (id, token) = choose(&client, phone.phone.as_deref(), "unlock the phone")?;
            eprintln!("say yes on {}", plain(&token.name));
            client.unlock_token(&id, &UnlockTokenOptions::default())?;
            say(global, "unlocked")
        }
        PhoneCommand::Lock(phone) => {
            let client = connect(global)?;
            let (id, _) = choose(&client, phone.phone.as_deref(), "lock the phone")?;
            client.lock_token(&id)?;
            say(global, "locked")
        }
    }
}

fn list(global: &Global) -> Result<(), Problem> {
    let phones = phones(&connect(global)?)?;
    if global.json {
        return files::json(&phones.iter().map(|(id, phone)| token_json(id, phone)).collect());
    }
    if phones.is_empty() {
        eprintln!("no phones; `claviger phone pair` pairs one");
        return Ok(());
    }
    let mut table = Table::new(&["PHONE", "NAME", "MODEL", "PRESENCE", "STATE", "LINKS"]);
    for (id, phone) in &phones {
        let links = phone.links.clone().unwrap_or_default().join(" ");
        let model = phone.model.clone().unwrap_or_default();
        table.row([id.clone(), phone.name.clone(), model, presence(phone), lock(phone).to_owned(), links]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))?;
    for (_, phone) in phones.iter().filter(|(_, phone)| phone.presence != "present") {
        for fault in phone.faults.iter().flatten() {
            eprintln!("{}: {}", plain(&phone.name), plain(fault));
        }
    }
    Ok(())
}

fn pair(global: &Global, options: &Pair) -> Result<(), Problem> {
    let client = connect(global)?;
    let (mut conversation, theirs) = Conversation::new()?;
    let wanted = PairOptions {
        conversation: Some(theirs),
        link: options.link.clone(),
        method: options.numbers.then(|| "numbers".to_owned()),
        name: options.name.clone(),
        default: options.default.then_some(true),
        timeout_ms: None,
    };
    let as_json = global.json;
    // It is not waited for: at the end it may still ask a person whose answer counts no more.
    let (failed, failure) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if let Err(problem) = converse(&mut conversation, as_json) {
            // Giving the conversation up gives the pairing up. Nobody listens any more where that is over.
            drop(failed.send(problem));
        }
    });
    let paired = client.pair_phone(&wanted);
    // Its end of the conversation, so that the thread hears of the end.
    drop(wanted);
    let token = match (paired, failure.try_recv()) {
        (Ok(token), _) => token,
        (Err(_), Ok(problem)) => return Err(problem),
        (Err(error), Err(_)) => return Err(error.into()),
    };
    let keys = client.list_keys(&claviger_client::KeyFilter::default())?;
    let keys: Vec<_> = keys.into_iter().filter(|(_, key)| key.tokens.contains(&token)).collect();
    if as_json {
        let ids: Vec<_> = keys.iter().map(|(id, _)| id).collect();
        return files::line(&json!({ "token": token, "keys": ids }).to_string());
    }
    files::line(&token)?;
    match keys.len() {
        0 => eprintln!("paired; `claviger key generate ALGORITHM --location phone` makes a key on it"),
        count => eprintln!("paired, with {count} of its keys"),
    }
    Ok(())
}

/// Shows each step as it comes, and asks about the numbers.
fn converse(conversation: &mut Conversation, as_json: bool) -> Result<(), Problem> {
    let lost = |error| Problem::file("talk about", "the pairing", error);
    while let Some(step) = conversation.next_step().map_err(lost)? {
        match step {
            PairingStep::Uri(uri) => show_uri(&String::from_utf8_lossy(uri.as_bytes()), as_json)?,
            PairingStep::Code(code) => {
                let same = ask_same(&plain(&code))?;
                conversation.answer(same).map_err(lost)?;
            }
            PairingStep::Trying(fault) => eprintln!("not reached yet: {}", plain(&fault)),
            PairingStep::Asked => eprintln!("the phone asks you now: say yes there"),
            PairingStep::Keys(count) => {
                eprintln!("the phone has {count} keys; each proves itself now, say yes there");
            }
        }
    }
    Ok(())
}

/// The URI is a secret: it goes to standard output alone, where a person or a pipe wants it, and as a picture to the terminal.
fn show_uri(uri: &str, as_json: bool) -> Result<(), Problem> {
    if as_json {
        files::line(&json!({ "uri": uri }).to_string())?;
    } else {
        if let Some(picture) = qr::for_terminal(uri) {
            eprintln!("{picture}");
        }
        files::line(uri)?;
    }
    eprintln!(
        "scan it with the phone, or give it the text (`claviger-phone pair`), within two minutes. It is a secret: show it to nobody"
    );
    Ok(())
}

/// A script answers on standard input as a person does.
fn ask_same(code: &str) -> Result<bool, Problem> {
    eprintln!("the phone must show this number: {code}");
    eprint!("Does it? [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Problem::file("read", "the answer", error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn enrol(global: &Global, options: &EnrolPhone) -> Result<(), Problem> {
    let client = connect(global)?;
    let (id, token) = choose(&client, options.phone.phone.as_deref(), "take in the phone's keys")?;
    eprintln!("each key proves itself now: say yes on {}", plain(&token.name));
    let wanted = EnrolOptions {
        default: options.default.then_some(true),
        label: options.label.clone(),
        ..EnrolOptions::default()
    };
    let waiting = Patience::with("taking in the phone's keys");
    let keys = client.enrol_card(&id, &wanted)?;
    drop(waiting);
    if global.json {
        return files::json(&json!({ "token": id, "keys": keys }));
    }
    keys.iter().try_for_each(|key| files::line(key))
}

fn unpair(global: &Global, phone: &str, yes: bool) -> Result<(), Problem> {
    let client = connect(global)?;
    let (id, token) = choose(&client, Some(phone), "unpair the phone")?;
    if !yes && has_asker() {
        let name = token.name;
        confirm(&format!("Unpair the phone {name} ({id})? Keys that stand nowhere else go with it."))?;
    }
    client.unpair(&id)?;
    say(global, "unpaired; the keys on the phone are as they were")
}

fn phones(client: &Client) -> Result<Vec<(String, TokenRow)>, Problem> {
    let tokens = client.list_tokens(&TokenFilter::default())?;
    Ok(tokens.into_iter().filter(|(_, token)| token.kind == "phone").collect())
}

/// Returns the phone that is named, by its id or by its name, or the only one that can be meant.
fn choose(client: &Client, named: Option<&str>, doing: &str) -> Result<(String, TokenRow), Problem> {
    only(phones(client)?, named, doing)
}

fn only(
    mut phones: Vec<(String, TokenRow)>,
    named: Option<&str>,
    doing: &str,
) -> Result<(String, TokenRow), Problem> {
    if let Some(name) = named {
        match phones.iter().position(|(id, _)| id == name) {
            Some(place) => return Ok(phones.swap_remove(place)),
            None => phones.retain(|(_, phone)| phone.name == name),
        }
    } else if phones.iter().any(|(_, phone)| phone.presence == "present") {
        phones.retain(|(_, phone)| phone.presence == "present");
    }
    match phones.len() {
        0 => Err(refusal(
            ErrorName::NoSuchToken,
            format!("cannot {doing}: you have no such phone; `claviger phone list` shows yours"),
        )),
        1 => Ok(phones.remove(0)),
        _ => {
            let ids: Vec<_> = phones.iter().map(|(id, _)| plain(id)).collect();
            Err(Problem::Usage(format!(
                "cannot {doing}: several phones can be meant, name one: {}",
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::only;
    use claviger_client::TokenRow;

    fn phone(id: &str, name: &str, presence: &str) -> (String, TokenRow) {
        let (name, presence) = (name.to_owned(), presence.to_owned());
        (id.to_owned(), TokenRow { kind: "phone".to_owned(), name, presence, ..TokenRow::default() })
    }

    fn pick(phones: &[(String, TokenRow)], named: Option<&str>) -> Result<String, u8> {
        only(phones.to_vec(), named, "unlock the phone")
            .map(|(id, _)| id)
            .map_err(|problem| problem.exit_code())
    }

    #[test]
    fn a_phone_is_named_by_its_id_or_its_name_and_need_not_be_where_there_is_one() {
        let phones = [phone("phone:1", "old", "removed"), phone("phone:2", "new", "present")];
        assert_eq!(pick(&phones, None), Ok("phone:2".to_owned()), "the one that is there");
        assert_eq!(pick(&phones, Some("old")), Ok("phone:1".to_owned()));
        assert_eq!(pick(&phones, Some("phone:1")), Ok("phone:1".to_owned()));
        assert_eq!(pick(&phones[..1], None), Ok("phone:1".to_owned()));
        assert_eq!(pick(&phones, Some("lost")), Err(4));
        assert_eq!(pick(&[], None), Err(4));
        let twins = [phone("phone:1", "work", "present"), phone("phone:2", "work", "present")];
        assert_eq!(pick(&twins, Some("work")), Err(2));
        assert_eq!(pick(&twins, None), Err(2));
    }
}
