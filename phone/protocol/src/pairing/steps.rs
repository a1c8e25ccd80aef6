use claviger_token::Errand;
use zeroize::Zeroizing;

use super::{Commitment, Nonce, Terms};
use crate::at::{self, Action, Argument, BadArguments, Information, Outcome, Writer};
use crate::message::{clean, failure, failure_text};
use crate::{Closed, Failure};

/// What a host says while it is being paired.
pub(crate) enum HostStep {
    /// `AT+CKSAS=0`: let us make a code.
    Begin,
    /// `AT+CKSAS="…"`: this is my nonce.
    Nonce(Nonce),
    /// `AT+CKPAIR=…`: pair with me.
    Pair(Terms),
    /// `AT+CKBYE="…"`: I have changed my mind.
    Bye(String),
}

impl HostStep {
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        match self {
            Self::Begin => Writer::one("AT+CKSAS=", &[Argument::Number(0)]),
            Self::Nonce(nonce) => Writer::one("AT+CKSAS=", &[Argument::Data(nonce.as_bytes())]),
            Self::Pair(Terms { host, user, uid }) => {
                let (host, user) = (clean(host, TEXT_LIMIT), clean(user, TEXT_LIMIT));
                let uid = Argument::Number((*uid).into());
                Writer::one("AT+CKPAIR=", &[Argument::Text(&host), Argument::Text(&user), uid])
            }
            Self::Bye(reason) => Writer::one("AT+CKBYE=", &[Argument::Text(&clean(reason, TEXT_LIMIT))]),
        }
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Closed> {
        let command = at::Command::parse(text).ok_or(Closed::Malformed("a message is no command"))??;
        let Action::Set(mut arguments) = command.action else {
            return Err(Closed::Malformed("a command has no values"));
        };
        let step = match command.name.as_str() {
            "+CKSAS" if arguments.clone().number() == Ok(0) => {
                arguments.number()?;
                Self::Begin
            }
            "+CKSAS" => Self::Nonce(Nonce::from_bytes(&arguments.data()?)?),
            "+CKPAIR" => {
                let host = clean(&arguments.text()?, TEXT_LIMIT);
                let user = clean(&arguments.text()?, TEXT_LIMIT);
                Self::Pair(Terms { host, user, uid: arguments.small()? })
            }
            "+CKBYE" => Self::Bye(clean(&arguments.text()?, TEXT_LIMIT)),
            _ => return Err(Closed::Malformed("a command has no place in a pairing")),
        };
        arguments.end()?;
        Ok(step)
    }
}

/// What a phone says while it is being paired.
pub(crate) enum PhoneStep {
    /// `+CKSAS: "…"`: this binds me to my nonce.
    Commitment(Commitment),
    /// `+CKSAS: "…"`: this is my nonce.
    Nonce(Nonce),
    /// `+CKPAIR: …`: so be it.
    Paired { phone: String, model: String },
    /// `+CKE: …`.
    Declined(Failure),
}

impl PhoneStep {
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let (head, line) = match self {
            Self::Commitment(commitment) => ("+CKSAS: ", vec![Argument::Data(commitment.as_bytes())]),
            Self::Nonce(nonce) => ("+CKSAS: ", vec![Argument::Data(nonce.as_bytes())]),
            Self::Paired { phone, model } => {
                ("+CKPAIR: ", vec![Argument::Text(phone), Argument::Text(model)])
            }
            Self::Declined(failure) => return failure_text("", failure),
        };
        let mut writer = Writer::with_room(0);
        writer.line(head, &line);
        writer.line("OK", &[]);
        writer.finish()
    }

    /// Reads an answer to `AT+CKSAS=0`.
    pub(crate) fn commitment(text: &str) -> Result<Commitment, Closed> {
        let data = answer(text, "+CKSAS")?.arguments()?.data()?;
        Commitment::from_bytes(&data)
    }

    /// Reads an answer to `AT+CKSAS="…"`.
    pub(crate) fn nonce(text: &str) -> Result<Nonce, Closed> {
        let data = answer(text, "+CKSAS")?.arguments()?.data()?;
        Nonce::from_bytes(&data)
    }

    /// Reads an answer to `AT+CKPAIR=…`: the phone's name, and its model.
    pub(crate) fn names(text: &str) -> Result<(String, String), Closed> {
        let mut names = answer(text, "+CKPAIR")?.arguments()?;
        Ok((clean(&names.text()?, TEXT_LIMIT), clean(&names.text()?, TEXT_LIMIT)))
    }
}

/// Returns the line of information of an answer of one line; a `+CKE` is the end of the pairing.
fn answer<'a>(text: &'a str, name: &str) -> Result<Information<'a>, Closed> {
    let mut lines = text.split(['\r', '\n']).filter(|line| !line.trim().is_empty());
    let strange = Closed::Malformed("an answer is none to what was asked");
    let first = lines.next().and_then(Information::parse).ok_or(strange.clone())?;
    match (lines.next().and_then(Outcome::parse), lines.next()) {
        (Some(Outcome::Ok), None) if first.name == name => Ok(first),
        (Some(Outcome::Error(_)), None) if first.name == "+CKE" => {
            let mut arguments = first.arguments()?;
            arguments.text()?;
            Err(Closed::Declined(failure(arguments)?))
        }
        (Some(Outcome::Ok | Outcome::Error(_)) | None, _) => Err(strange),
    }
}

impl From<BadArguments> for Closed {
    fn from(BadArguments(what): BadArguments) -> Self {
        Self::Malformed(what)
    }
}

/// The most bytes of what people read.
const TEXT_LIMIT: usize = Errand::TEXT_LIMIT;
