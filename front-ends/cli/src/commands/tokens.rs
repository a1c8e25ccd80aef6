//! Tokens as people see them, and which of them is meant.

use claviger_client::blocking::Client;
use claviger_client::{CallError, Error, ErrorName, TokenFilter, TokenKeyRow, TokenRow};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::connect;
use crate::cli::{Global, TokenCommand};
use crate::show::{Colour, Table, plain};
use crate::{Problem, certificate, files};

/// `claviger token`
pub(super) fn run(global: &Global, command: &TokenCommand) -> Result<(), Problem> {
    match command {
        TokenCommand::List => list(global),
    }
}

fn list(global: &Global) -> Result<(), Problem> {
    let tokens = connect(global)?.list_tokens(&TokenFilter::default())?;
    if global.json {
        return files::json(&tokens.iter().map(|(id, token)| token_json(id, token)).collect());
    }
    if tokens.is_empty() {
        eprintln!(
            "no tokens; `claviger register` makes a local store, `claviger card enrol` a card yours, `claviger phone pair` pairs a phone"
        );
        return Ok(());
    }
    let mut table = Table::new(&["TOKEN", "KIND", "NAME", "PRESENCE", "STATE", "TRIES LEFT"]);
    for (id, token) in tokens {
        let kind = if token.kind == "card" { application(&token).to_owned() } else { token.kind.clone() };
        table.row([id, kind, token.name.clone(), presence(&token), lock(&token).to_owned(), tries(&token)]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))
}

/// Returns a token as JSON, named as on the bus; bytes as Base64.
pub(super) fn token_json(id: &str, token: &TokenRow) -> Value {
    let TokenRow {
        kind,
        application,
        name,
        reader,
        presence,
        enrolled,
        taken,
        locked,
        pin_pad,
        tries_left,
        puk_tries_left,
        pin_shortest,
        pin_longest,
        mechanisms,
        generates,
        imports,
        created,
        model,
        links,
        link,
        faults,
        keys,
    } = token;
    json!({
        "id": id, "kind": kind, "application": application, "name": name, "reader": reader,
        "presence": presence, "enrolled": enrolled, "taken": taken, "locked": locked, "pin-pad": pin_pad,
        "tries-left": tries_left, "puk-tries-left": puk_tries_left, "pin-shortest": pin_shortest,
        "pin-longest": pin_longest, "mechanisms": mechanisms, "generates": generates, "imports": imports,
        "created": created, "model": model, "links": links, "link": link, "faults": faults, "keys": keys.as_ref().map(|keys| keys.iter().map(key_json).collect::<Value>()),
    })
}

fn key_json(key: &TokenKeyRow) -> Value {
    let TokenKeyRow { slot, algorithm, usage, public_key, certificates, pin_policy, touch_policy, key } = key;
    json!({
        "slot": slot, "algorithm": algorithm, "usage": usage, "public-key": BASE64.encode(public_key),
        "certificates": certificates.iter().map(|der| certificate::to_json(der)).collect::<Value>(),
        "pin-policy": pin_policy, "touch-policy": touch_policy, "key": key,
    })
}

/// Returns what people call the application on a card.
pub(super) fn application(token: &TokenRow) -> &str {
    match token.application.as_str() {
        "piv" => "PIV",
        "openpgp" => "OpenPGP",
        "opensc" => "OpenSC",
        other => other,
    }
}

/// Returns where a token is.
pub(super) fn presence(token: &TokenRow) -> String {
    match (token.presence.as_str(), token.reader.as_str()) {
        ("present", "") => match token.link.as_deref() {
            Some(link) => format!("by {}", plain(link)),
            None => "present".to_owned(),
        },
        ("present", reader) => format!("in {}", plain(reader)),
        ("removed", _) => "absent".to_owned(),
        (other, _) => plain(other),
    }
}

/// Returns whether its keys can be used.
pub(super) const fn lock(token: &TokenRow) -> &'static str {
    if token.locked { "locked" } else { "unlocked" }
}

/// Returns whose it is.
pub(super) const fn whose(token: &TokenRow) -> &'static str {
    match (token.enrolled, token.taken) {
        (true, _) => "yours",
        (false, true) => "somebody else's",
        (false, false) => "nobody's",
    }
}

/// Returns how many tries are left, where the card tells.
pub(super) fn tries(token: &TokenRow) -> String {
    match (token.tries_left, token.puk_tries_left) {
        (None, None) => String::new(),
        (Some(0), None) => "blocked".to_owned(),
        (Some(0), Some(puk)) => format!("blocked, PUK {puk}"),
        (Some(pin), None) => pin.to_string(),
        (Some(pin), Some(puk)) => format!("{pin}, PUK {puk}"),
        (None, Some(puk)) => format!("PUK {puk}"),
    }
}

/// Returns a card or a phone of the caller's in one line, for an overview.
pub(super) fn token_line(id: &str, token: &TokenRow) -> String {
    let presence = match token.presence.as_str() {
        "present" => Colour::Green.paint(&presence(token)),
        _ => Colour::Yellow.paint(&presence(token)),
    };
    let tries = match token.tries_left {
        Some(0) => format!(", {}", Colour::Red.paint("PIN blocked (`claviger card pin unblock`)")),
        Some(tries @ 1..3) => format!(", {} left at the PIN", Colour::Yellow.paint(&tries.to_string())),
        Some(_) | None => String::new(),
    };
    format!("{} ({}), {presence}, {}{tries}", plain(&token.name), plain(id), lock(token))
}

/// Which cards can be meant where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// One that the caller enrolled; one that is there rather than one that is away.
    Mine,
    /// One in the readers that is nobody's.
    Nobodys,
    /// One in the readers; the caller's rather than nobody's.
    Any,
}

/// Returns id and attributes of the card that is named, or of the only one that can be meant. `doing` says what
/// for, as in "cannot unlock the card".
pub(super) fn choose(
    client: &Client,
    named: Option<&str>,
    meant: Meant,
    doing: &str,
) -> Result<(String, TokenRow), Problem> {
    if let Some(token) = named {
        return Ok((token.to_owned(), client.token(token)?));
    }
    only(client.list_tokens(&TokenFilter { all: Some(true) })?, meant, doing)
}

fn only(tokens: Vec<(String, TokenRow)>, meant: Meant, doing: &str) -> Result<(String, TokenRow), Problem> {
    let is_present = |token: &TokenRow| token.presence == "present";
    // A card without an id is none that something could be done with.
    let is_usable = |id: &str, token: &TokenRow| !id.is_empty() && token.kind == "card" && !token.taken;
    let mut cards: Vec<_> = tokens.into_iter().filter(|(id, token)| is_usable(id, token)).collect();
    match meant {
        Meant::Mine => {
            cards.retain(|(_, card)| card.enrolled);
            prefer(&mut cards, is_present);
        }
        Meant::Nobodys => cards.retain(|(_, card)| !card.enrolled && is_present(card)),
        Meant::Any => {
            cards.retain(|(_, card)| is_present(card));
            prefer(&mut cards, |card| card.enrolled);
        }
    }
    match cards.len() {
        0 => Err(none(meant, doing)),
        1 => Ok(cards.remove(0)),
        _ => {
            let ids: Vec<_> = cards.iter().map(|(id, _)| plain(id)).collect();
            Err(Problem::Usage(format!(
                "cannot {doing}: several cards can be meant, name one: {}",
                ids.join(", ")
            )))
        }
    }
}

/// Keeps only the better ones, if there are any.
fn prefer(cards: &mut Vec<(String, TokenRow)>, better: impl Fn(&TokenRow) -> bool) {
    if cards.iter().any(|(_, card)| better(card)) {
        cards.retain(|(_, card)| better(card));
    }
}

fn none(meant: Meant, doing: &str) -> Problem {
    let (name, cause) = match meant {
        Meant::Mine => (
            ErrorName::NoSuchToken,
            "you have no card; `claviger card enrol` makes the one in the reader yours",
        ),
        Meant::Nobodys => (
            ErrorName::TokenAbsent,
            "there is none in the readers that is nobody's; `claviger card list` shows every card",
        ),
        Meant::Any => (
            ErrorName::TokenAbsent,
            "there is none in the readers; `claviger doctor` says whether readers work",
        ),
    };
    refusal(name, format!("cannot {doing}: {cause}"))
}

/// Returns what the key store would say, said before it is asked.
pub(super) fn refusal(name: ErrorName, text: String) -> Problem {
    Problem::Store(Error::Refused(CallError::new(name, text)))
}

#[cfg(test)]
mod tests {
    use super::{Meant, only, presence, token_json, tries, whose};
    use crate::Problem;
    use claviger_client::{TokenKeyRow, TokenRow};

    fn card(enrolled: bool, presence: &str) -> TokenRow {
        TokenRow { kind: "card".to_owned(), enrolled, presence: presence.to_owned(), ..TokenRow::default() }
    }

    fn pick(tokens: &[(&str, TokenRow)], meant: Meant) -> Result<String, Problem> {
        let tokens = tokens.iter().map(|(id, token)| ((*id).to_owned(), token.clone())).collect();
        only(tokens, meant, "look at the card").map(|(id, _)| id)
    }

    #[test]
    fn the_only_card_that_can_be_meant_is_taken() -> Result<(), Problem> {
        let local = TokenRow { kind: "local".to_owned(), enrolled: true, ..TokenRow::default() };
        let taken = TokenRow { taken: true, ..card(false, "present") };
        let tokens = [
            ("local:0", local),
            ("mine", card(true, "present")),
            ("new", card(false, "present")),
            ("his", taken),
            ("", card(false, "present")),
        ];
        assert_eq!(pick(&tokens, Meant::Mine)?, "mine");
        assert_eq!(pick(&tokens, Meant::Nobodys)?, "new");
        assert_eq!(pick(&tokens, Meant::Any)?, "mine");
        Ok(())
    }

    #[test]
    fn a_card_that_is_there_is_preferred_to_one_that_is_away() -> Result<(), Problem> {
        let away = ("away", card(true, "removed"));
        assert_eq!(pick(&[away.clone(), ("here", card(true, "present"))], Meant::Mine)?, "here");
        assert_eq!(pick(std::slice::from_ref(&away), Meant::Mine)?, "away");
        assert_eq!(pick(&[away], Meant::Any).map_err(|problem| problem.exit_code()), Err(4));
        Ok(())
    }

    #[test]
    fn no_card_and_several_cards_are_told_apart() {
        for meant in [Meant::Mine, Meant::Nobodys, Meant::Any] {
            let problem = pick(&[], meant).err();
            assert_eq!(problem.map(|problem| problem.exit_code()), Some(4), "{meant:?}");
        }
        let two = [("one", card(false, "present")), ("two", card(false, "present"))];
        let problem = pick(&two, Meant::Nobodys).err();
        assert!(problem.as_ref().is_some_and(|problem| problem.to_string().ends_with("one, two")));
        assert_eq!(problem.map(|problem| problem.exit_code()), Some(2));
    }

    #[test]
    fn a_token_is_told_in_words() {
        let mut token = TokenRow { reader: "Virtual\x1b[2J".to_owned(), ..card(true, "present") };
        assert_eq!(presence(&token), "in Virtual\u{fffd}[2J");
        assert_eq!(presence(&card(true, "removed")), "absent");
        assert_eq!(presence(&card(true, "unreachable")), "unreachable");
        assert_eq!((whose(&token), whose(&card(false, "present"))), ("yours", "nobody's"));
        assert_eq!(tries(&token), "");
        (token.tries_left, token.puk_tries_left) = (Some(0), Some(3));
        assert_eq!(tries(&token), "blocked, PUK 3");
    }

    #[test]
    fn json_has_the_names_of_the_bus_and_keys_only_where_they_are_known() {
        let mut token = card(true, "present");
        assert!(token_json("card:piv:00ff", &token)["keys"].is_null());
        token.keys = Some(vec![TokenKeyRow { slot: "9a".to_owned(), ..TokenKeyRow::default() }]);
        let json = token_json("card:piv:00ff", &token);
        assert_eq!((&json["id"], &json["keys"][0]["slot"]), (&"card:piv:00ff".into(), &"9a".into()));
        assert!(json["tries-left"].is_null());
    }
}
