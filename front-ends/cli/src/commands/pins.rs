//! PINs: asked at the right place, with the last try only on the person's word.

use std::io::{BufRead, Write};

use claviger_client::{ChangePinOptions, Descriptor, ErrorName, TokenRow, UnlockTokenOptions};

use super::patience::Patience;
use super::tokens::{Meant, choose, refusal};
use super::{connect, has_asker, say};
use crate::Problem;
use crate::cli::{Global, LastTry, PinCommand, UnlockCard};
use crate::secrets::Source;
use crate::show::plain;

/// What a card is given to open it.
pub(super) struct Given {
    /// The PIN; none where the reader asks for it.
    pub(super) pin: Option<Descriptor>,
    /// The last try may be spent.
    pub(super) last_try: Option<bool>,
}

/// Gets a card's PIN from where it is told to come, or leaves it to the reader's pin pad.
pub(super) fn get(
    card: (&str, &TokenRow),
    source: &Source,
    last: LastTry,
    doing: &str,
) -> Result<Given, Problem> {
    let (_, token) = card;
    let last_try = last_try(token, source, last, doing)?;
    if token.pin_pad && source.is_terminal() {
        eprintln!("enter the PIN at the reader {}", plain(&token.reader));
        return Ok(Given { pin: None, last_try });
    }
    introduce(card, source);
    Ok(Given { pin: Some(source.get("PIN")?.to_descriptor()?), last_try })
}

/// Says which card it is that a PIN is asked for.
fn introduce((id, token): (&str, &TokenRow), source: &Source) {
    if !source.is_terminal() {
        return;
    }
    let tries = token.tries_left.map(|tries| format!(", tries left: {tries}")).unwrap_or_default();
    eprintln!("{} ({}){tries}", plain(&token.name), plain(id));
}

/// Returns whether the last try may be spent. A person is asked; a script says it with `--last-try`.
fn last_try(token: &TokenRow, source: &Source, last: LastTry, doing: &str) -> Result<Option<bool>, Problem> {
    match token.tries_left {
        Some(0) => Err(refusal(
            ErrorName::PinLocked,
            format!(
                "cannot {doing}: its PIN is blocked after too many wrong ones; `claviger card pin unblock` sets a new one with the PUK"
            ),
        )),
        Some(1) if !last.last_try && source.is_terminal() && has_asker() => {
            let mut answer = std::io::stdin().lock();
            agree(&mut answer).map(|()| Some(true))
        }
        // The key store refuses where it is the last one and nobody said that it may be spent.
        Some(_) | None => Ok(last.last_try.then_some(true)),
    }
}

/// Asks for the word, not for a letter: a finger slips.
fn agree(answers: &mut impl BufRead) -> Result<(), Problem> {
    eprint!("One try is left. Another wrong PIN blocks the card. Type yes to go on: ");
    let mut answer = String::new();
    std::io::stderr()
        .flush()
        .and_then(|()| answers.read_line(&mut answer))
        .map_err(|error| Problem::file("read", "the answer", error))?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => Err(Problem::Failed("nothing was tried".to_owned())),
    }
}

/// `claviger card unlock`
pub(super) fn unlock(global: &Global, options: &UnlockCard) -> Result<(), Problem> {
    let doing = "unlock the card";
    let client = connect(global)?;
    let (id, token) = choose(&client, options.card.token.as_deref(), Meant::Mine, doing)?;
    let Given { pin, last_try } = get((&id, &token), &options.pin.source(), options.last, doing)?;
    let waiting = Patience::with("unlocking the card");
    client.unlock_token(&id, &UnlockTokenOptions { pin, last_try, idle: options.idle, timeout_ms: None })?;
    drop(waiting);
    say(global, "unlocked")
}

/// `claviger card pin`
pub(super) fn run(global: &Global, command: &PinCommand) -> Result<(), Problem> {
    let client = connect(global)?;
    match command {
        PinCommand::Change { card, old, new, last } => {
            let doing = "change the card's PIN";
            let (id, token) = choose(&client, card.token.as_deref(), Meant::Any, doing)?;
            let last_try = last_try(&token, &old.source(), *last, doing)?;
            introduce((&id, &token), &old.source());
            let old = old.source().get("PIN")?;
            let new = new.source().choose("new PIN")?;
            client.change_pin(&id, &old, &new, &ChangePinOptions { last_try })?;
            say(global, "the PIN is changed")
        }
        PinCommand::Unblock { card, puk, new } => {
            let (id, token) = choose(&client, card.token.as_deref(), Meant::Any, "set the card's PIN anew")?;
            let what = if token.application == "openpgp" { "resetting code or Admin PIN" } else { "PUK" };
            let puk = puk.source().get(what)?;
            let new = new.source().choose("new PIN")?;
            client.unblock_pin(&id, &puk, &new)?;
            say(global, "the PIN is set anew")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{agree, get, last_try};
    use crate::Problem;
    use crate::cli::LastTry;
    use crate::secrets::Source;
    use claviger_client::TokenRow;

    const TERMINAL: Source = Source::Terminal("pin");
    const CAREFUL: LastTry = LastTry { last_try: false };
    const DARING: LastTry = LastTry { last_try: true };

    fn card(tries_left: u32) -> TokenRow {
        TokenRow { tries_left: Some(tries_left), ..TokenRow::default() }
    }

    #[test]
    fn the_last_try_wants_the_whole_word() {
        assert!(agree(&mut &b"yes\n"[..]).is_ok());
        for answer in [&b"y\n"[..], b"Yes\n", b"\n", b"", b"no\n"] {
            assert!(agree(&mut &answer[..]).is_err());
        }
    }

    #[test]
    fn a_script_says_with_an_option_that_the_last_try_may_be_spent() -> Result<(), Problem> {
        let script = Source::Descriptor(3);
        assert_eq!(last_try(&card(1), &script, CAREFUL, "unlock")?, None);
        assert_eq!(last_try(&card(1), &script, DARING, "unlock")?, Some(true));
        assert_eq!(last_try(&card(1), &TERMINAL, DARING, "unlock")?, Some(true));
        assert_eq!(last_try(&card(3), &TERMINAL, CAREFUL, "unlock")?, None);
        Ok(())
    }

    #[test]
    fn a_blocked_card_is_not_asked_again() {
        let problem = last_try(&card(0), &TERMINAL, DARING, "unlock the card").err();
        assert!(problem.as_ref().is_some_and(|problem| problem.to_string().contains("pin unblock")));
        assert_eq!(problem.map(|problem| problem.exit_code()), Some(5));
    }

    #[test]
    fn a_reader_with_a_pin_pad_asks_unless_a_pin_is_given() -> Result<(), Problem> {
        let token = TokenRow { pin_pad: true, ..card(3) };
        assert!(get(("card:piv:00ff", &token), &TERMINAL, CAREFUL, "unlock")?.pin.is_none());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pin");
        std::fs::write(&path, "123456\n").expect("a file");
        let given = get(("card:piv:00ff", &token), &Source::File(path), CAREFUL, "unlock")?;
        let mut pin = String::new();
        let descriptor = std::os::fd::OwnedFd::from(given.pin.expect("a PIN"));
        std::io::Read::read_to_string(&mut std::fs::File::from(descriptor), &mut pin).expect("text");
        assert_eq!(pin, "123456");
        Ok(())
    }
}
