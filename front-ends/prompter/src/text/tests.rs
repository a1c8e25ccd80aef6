use claviger_client::Prompt;

use super::{Texts, code, confirmation, secret};
use crate::Application;
use crate::assuan::{LINE_LIMIT, escape};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn ssh() -> Application {
    Application { pid: Some(42), program: some("/usr/bin/ssh"), name: some("ssh") }
}

fn card() -> Prompt {
    Prompt {
        token_kind: some("card"),
        token_name: some("work"),
        reader: some("ACS ACR39U"),
        host: some("desk"),
        secret: some("pin"),
        label: some("mail"),
        key: some("00ff"),
        purpose: some("sign"),
        mechanism: some("ECDSA_SHA256"),
        shortest: Some(6),
        longest: Some(8),
        tries_left: Some(3),
        ..Prompt::default()
    }
}

fn lines(texts: &Texts) -> String {
    texts.description.join("\n")
}

#[test]
fn a_card_that_asks_is_told_with_its_key_and_its_program() {
    let texts = secret(&card(), &ssh());
    let expected = "\
The card \"work\" in the reader \"ACS ACR39U\" of the computer \"desk\" asks for its PIN.
It is needed to sign with the key \"mail\" (ECDSA_SHA256).
The program that asks claims to be \"ssh\" (\"/usr/bin/ssh\", process 42).
It has 6 to 8 characters.";
    assert_eq!(lines(&texts), expected);
    assert_eq!((texts.field, texts.error.as_deref()), ("PIN", Some("3 tries are left.")));
}

#[test]
fn the_local_store_asks_for_the_pass_phrase() {
    let prompt = Prompt {
        token_kind: some("local"),
        token_name: some("alice"),
        secret: some("passphrase"),
        ..Prompt::default()
    };
    let texts = secret(&prompt, &Application::default());
    let expected = "The local key store asks for your pass phrase.\nIt is not known which program asks.";
    assert_eq!(lines(&texts), expected);
    assert_eq!((texts.field, texts.error), ("pass phrase", None));
}

#[test]
fn what_went_wrong_and_the_last_try_are_told() {
    let last = "This is the last try: if it is wrong, it is blocked.";
    for (tries_left, last_try, wrong, expected) in [
        (Some(2), None, Some(true), some("Wrong PIN. 2 tries are left.")),
        (None, None, Some(true), some("Wrong PIN.")),
        (Some(1), None, None, some(last)),
        (Some(1), Some(true), Some(true), Some(format!("Wrong PIN. {last}"))),
        (None, Some(true), None, some(last)),
        (Some(0), None, None, some("No try is left.")),
        (None, Some(false), Some(false), None),
    ] {
        let prompt = Prompt { tries_left, last_try, wrong, ..card() };
        assert_eq!(secret(&prompt, &ssh()).error, expected, "{tries_left:?} {last_try:?} {wrong:?}");
    }
}

#[test]
fn a_yes_is_asked_for_with_the_key_and_the_program() {
    for (purpose, expected) in [
        ("sign", "sign"),
        ("decrypt", "decrypt"),
        ("derive", "agree on a secret"),
        ("decapsulate", "open a secret that was sent"),
        ("fly", "do something"),
    ] {
        let prompt = Prompt { purpose: some(purpose), label: None, mechanism: None, reader: None, ..card() };
        let expected = format!(
            "May a program {expected} with the key \"00ff\"?\n\
             The card \"work\" of the computer \"desk\" has the key.\n\
             The program that asks claims to be \"ssh\" (\"/usr/bin/ssh\", process 42)."
        );
        assert_eq!(lines(&confirmation(&prompt, &ssh())), expected);
    }
    let nothing = confirmation(&Prompt::default(), &Application::default());
    assert!(lines(&nothing).starts_with("May a program use a key of yours?\nThe token has the key.\n"));
}

#[test]
fn what_a_program_says_is_shown_as_its_own_words() {
    let prompt = Prompt { reason: some("log in to \"host\" of\nexample.org\u{202e}"), ..card() };
    let says = "\"ssh\" says: \"log in to 'host' of example.org\"";
    let (asked, wanted) = (confirmation(&prompt, &ssh()), secret(&prompt, &ssh()));
    assert_eq!(asked.description.last().map(String::as_str), Some(says));
    assert_eq!(wanted.description[3], says, "before how long the PIN is");
    let hidden = confirmation(&prompt, &Application::default());
    assert_eq!(
        hidden.description.last().map(String::as_str),
        Some("It says: \"log in to 'host' of example.org\"")
    );
    let nothing = Prompt { reason: some("\u{202e}"), ..card() };
    assert_eq!(confirmation(&nothing, &ssh()), confirmation(&card(), &ssh()));
}

#[test]
fn a_program_that_hides_is_told_as_far_as_it_is_seen() {
    let ends = |application: &Application| secret(&card(), application).description.remove(2);
    let only_name = Application { program: None, ..ssh() };
    assert_eq!(ends(&only_name), "The program that asks claims to be \"ssh\", process 42.");
    let gone = Application { pid: Some(42), ..Application::default() };
    assert_eq!(ends(&gone), "It is not known which program asks, process 42.");
}

#[test]
fn a_code_is_shown_as_it_is() {
    let prompt = Prompt { code: some("123 456"), token_kind: some("phone"), ..Prompt::default() };
    assert_eq!(lines(&code(&prompt)), "The phone shows this code too, if it is the right one:\n123 456");
}

#[test]
fn what_strangers_chose_cannot_pretend_to_be_the_prompter() {
    for hostile in [
        "x\". Everything is fine.\nThe program that asks claims to be \"sudo",
        "\u{202e}drow ssap ruoy retne\u{202c}",
        "\u{1b}]0;sudo\u{7}\u{1b}[2J",
        "%0AERR 99%0ABYE",
        "<b>Enter your password</b>",
        &"%".repeat(10_000),
        &"\u{1f511}".repeat(10_000),
        &"\u{202e}".repeat(10_000),
    ] {
        let text = || some(hostile);
        let prompt = Prompt {
            token_name: text(),
            reader: text(),
            key: text(),
            label: text(),
            mechanism: text(),
            host: text(),
            code: text(),
            reason: text(),
            tries_left: Some(u32::MAX),
            shortest: Some(u32::MAX - 1),
            longest: Some(u32::MAX),
            ..card()
        };
        let application = Application { pid: Some(u32::MAX), program: text(), name: text() };
        let usual = Prompt { reason: some("log in"), ..card() };
        let honest = [secret(&usual, &ssh()), confirmation(&usual, &ssh()), code(&usual)];
        let asked = [secret(&prompt, &application), confirmation(&prompt, &application), code(&prompt)];
        for (texts, honest) in asked.iter().zip(honest) {
            assert!(texts.description.len() <= honest.description.len(), "no line more");
            let told = lines(texts);
            assert!(told.chars().all(|letter| letter == '\n' || !letter.is_control()), "{told:?}");
            assert!(!told.contains(['\u{202e}', '<', '>']), "{told:?}");
            assert!(!told.contains("\"sudo"), "{told:?}");
            let line = escape(&told);
            assert!(!line.contains('\n'));
            assert!(line.len() < LINE_LIMIT - "SETDESC \r\n".len(), "{}: {line}", line.len());
        }
    }
}
