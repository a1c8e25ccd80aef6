//! What the person reads. Pure: a prompt and an application in, sentences out; everything that somebody else chose is cleaned.

use claviger_client::Prompt;

use crate::Application;
use crate::clean::clean;

/// A question, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// What it is about: paragraphs of one line each.
    pub description: Vec<String>,
    /// What stands before the field, for example `PIN` or `pass phrase`; empty where there is none.
    pub field: &'static str,
    /// What is wrong, or may go wrong.
    pub error: Option<String>,
}

/// Returns the texts of a question for a PIN or a pass phrase.
pub fn secret(prompt: &Prompt, application: &Application) -> Texts {
    let field = field(prompt);
    let wanted = if field == "PIN" { "its PIN" } else { "your pass phrase" };
    let mut description = vec![format!("{} asks for {wanted}.", token(prompt))];
    description.extend(purpose(prompt).map(|purpose| format!("It is needed to {purpose}.")));
    description.push(who(application));
    description.extend(reason(prompt, application));
    description.extend(length(prompt));
    Texts { description, field, error: error(prompt, field) }
}

/// Returns the texts of a question for a yes.
pub fn confirmation(prompt: &Prompt, application: &Application) -> Texts {
    let purpose = purpose(prompt).unwrap_or_else(|| "use a key of yours".to_owned());
    let mut description = vec![
        format!("May a program {purpose}?"),
        format!("{} has the key.", token(prompt)),
        who(application),
    ];
    description.extend(reason(prompt, application));
    Texts { description, field: "", error: None }
}

/// Returns the texts that show a code.
pub fn code(prompt: &Prompt) -> Texts {
    let code = clean(prompt.code.as_deref().unwrap_or_default(), CODE);
    let description = vec![format!("{} shows this code too, if it is the right one:", token(prompt)), code];
    Texts { description, field: "", error: None }
}

fn field(prompt: &Prompt) -> &'static str {
    match prompt.secret.as_deref() {
        Some("passphrase") => "pass phrase",
        // Whatever a newer daemon asks for, it is short and secret.
        Some(_) | None => "PIN",
    }
}

/// Returns what has the keys: `The card "work" in the reader "ACS" of the computer "desk"`.
fn token(prompt: &Prompt) -> String {
    let kind = match prompt.token_kind.as_deref() {
        Some("local") => "The local key store",
        Some("card") => "The card",
        Some("phone") => "The phone",
        Some(_) | None => "The token",
    };
    // A user has one local key store; its name says nothing.
    let name = match prompt.token_kind.as_deref() {
        Some("local") => None,
        Some(_) | None => quoted(prompt.token_name.as_deref(), NAME),
    };
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let reader = quoted(prompt.reader.as_deref(), READER);
    let reader = reader.map(|reader| format!(" in the reader {reader}")).unwrap_or_default();
    let host = quoted(prompt.host.as_deref(), HOST);
    let host = host.map(|host| format!(" of the computer {host}")).unwrap_or_default();
    format!("{kind}{name}{reader}{host}")
}

/// Returns what the key is for: `sign with the key "mail" (ECDSA_SHA256)`; `None` where no key is in it.
fn purpose(prompt: &Prompt) -> Option<String> {
    let key = quoted(prompt.label.as_deref(), LABEL).or_else(|| quoted(prompt.key.as_deref(), LABEL));
    let verb = match prompt.purpose.as_deref() {
        Some("sign") => "sign",
        Some("decrypt") => "decrypt",
        Some("derive") => "agree on a secret",
        Some("decapsulate") => "open a secret that was sent",
        Some(_) => "do something",
        None if key.is_some() => "do something",
        None => return None,
    };
    let key = key.map_or_else(|| " with a key of yours".to_owned(), |key| format!(" with the key {key}"));
    let mechanism = prompt.mechanism.as_deref().map(|mechanism| clean(mechanism, MECHANISM));
    let mechanism = mechanism.filter(|text| !text.is_empty()).map(|text| format!(" ({text})"));
    Some(format!("{verb}{key}{}", mechanism.unwrap_or_default()))
}

/// Returns who asks; it is a claim.
fn who(application: &Application) -> String {
    let Application { pid, program, name } = application;
    let program = quoted(program.as_deref(), PROGRAM);
    let name = quoted(name.as_deref(), PROCESS);
    let process = pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
    match (name, program) {
        (Some(name), Some(program)) => {
            format!("The program that asks claims to be {name} ({program}{process}).")
        }
        (Some(only), None) | (None, Some(only)) => {
            format!("The program that asks claims to be {only}{process}.")
        }
        (None, None) => format!("It is not known which program asks{process}."),
    }
}

/// Returns what the program says that it is for, as its own words.
fn reason(prompt: &Prompt, application: &Application) -> Option<String> {
    let reason = quoted(prompt.reason.as_deref(), REASON)?;
    let who = quoted(application.name.as_deref(), PROCESS).unwrap_or_else(|| "It".to_owned());
    Some(format!("{who} says: {reason}"))
}

/// Returns how long the secret is.
fn length(prompt: &Prompt) -> Option<String> {
    match (prompt.shortest.filter(|&count| count > 1), prompt.longest) {
        (Some(shortest), Some(longest)) if shortest == longest => {
            Some(format!("It has {shortest} characters."))
        }
        (Some(shortest), Some(longest)) => Some(format!("It has {shortest} to {longest} characters.")),
        (Some(shortest), None) => Some(format!("It has at least {shortest} characters.")),
        // Nobody enters too many by accident; it would only be one more line to read.
        (None, Some(_) | None) => None,
    }
}

fn error(prompt: &Prompt, field: &str) -> Option<String> {
    let wrong = (prompt.wrong == Some(true)).then(|| format!("Wrong {field}."));
    let is_last = prompt.last_try == Some(true) || prompt.tries_left == Some(1);
    let left = match prompt.tries_left {
        _ if is_last => Some("This is the last try: if it is wrong, it is blocked.".to_owned()),
        Some(0) => Some("No try is left.".to_owned()),
        Some(left) => Some(format!("{left} tries are left.")),
        None => None,
    };
    let parts: Vec<String> = wrong.into_iter().chain(left).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Returns a cleaned text in quotation marks; `None` where nothing is left of it.
fn quoted(text: Option<&str>, room: usize) -> Option<String> {
    let text = clean(text?, room);
    (!text.is_empty()).then(|| format!("\"{text}\""))
}

// How many bytes each may take: together with the sentences less than a line of Assuan.
const HOST: usize = 64;
const NAME: usize = 48;
const READER: usize = 80;
const LABEL: usize = 96;
const MECHANISM: usize = 40;
const PROGRAM: usize = 160;
// The kernel keeps 15 bytes of a process's name.
const PROCESS: usize = 20;
const REASON: usize = 200;
const CODE: usize = 64;

#[cfg(test)]
mod tests;
