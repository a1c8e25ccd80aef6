use claviger_token::{Algorithm, Errand, KeyId, Mechanism, Secret, Spare};
use zeroize::Zeroizing;

use super::notice::REASON_LIMIT;
use super::parameters;
use crate::at::{self, Action, Argument, Arguments, BadArguments, Writer};
use crate::message::{Mechanics, NewKey, Verb, clean};
use crate::{Command, DATA_LIMIT, Failure, Request, RequestId, Rv};

/// What a host says on an open channel.
pub(crate) enum FromHost {
    Request(Request),
    /// The id is right and the rest is not: this is the answer.
    Refused(RequestId, Failure),
    Cancel(RequestId),
    Bye(String),
}

impl FromHost {
    /// Reads a message. What has not even an id is an error, and closes the channel.
    pub(crate) fn from_text(text: &str) -> Result<Self, BadArguments> {
        let command = at::Command::parse(text).ok_or(BadArguments("a message is no command"))??;
        let Action::Set(mut arguments) = command.action else {
            return Err(BadArguments("a command has no request id"));
        };
        match command.name.as_str() {
            "+CKCAN" => RequestId::take(&mut arguments).map(Self::Cancel),
            "+CKBYE" => Ok(Self::Bye(clean(&arguments.text()?, REASON_LIMIT))),
            name => {
                let id = RequestId::take(&mut arguments)?;
                let command = match Verb::from_name(name) {
                    Some(verb) => read(verb, arguments),
                    None => Err(Failure::new(Rv::FunctionNotSupported, "there is no such command")),
                };
                Ok(match command {
                    Ok(command) => Self::Request(Request { id, command }),
                    Err(failure) => Self::Refused(id, failure),
                })
            }
        }
    }

    /// Writes that a request is given up.
    pub(crate) fn cancel_text(id: RequestId) -> Zeroizing<String> {
        Writer::one("AT+CKCAN=", &[Argument::Text(&id.to_string())])
    }

    /// Writes a good-bye.
    pub(crate) fn bye_text(reason: &str) -> Zeroizing<String> {
        Writer::one("AT+CKBYE=", &[Argument::Text(&clean(reason, REASON_LIMIT))])
    }
}

impl Request {
    /// Writes the message.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let Self { id, command } = self;
        let head = format!("AT{}=", Verb::of(command).name());
        let id = id.to_string();
        let owned = owned_text(command);
        let mut line = vec![Argument::Text(&id)];
        append(&mut line, command, &owned);
        Writer::one(&head, &line)
    }
}

/// Returns the text that has to be made for a command: its parameters, or the id of its new key.
fn owned_text(command: &Command) -> String {
    match command {
        Command::Sign { with, .. }
        | Command::Verify { with, .. }
        | Command::Encrypt { with, .. }
        | Command::Decrypt { with, .. }
        | Command::Derive { with, .. }
        | Command::Decapsulate { with, .. } => parameters::to_text(&with.parameters),
        Command::Generate { new, .. } | Command::Import { new, .. } => new.id.to_string(),
        Command::Info
        | Command::Find
        | Command::Attributes { .. }
        | Command::Random { .. }
        | Command::Digest { .. }
        | Command::Certificates { .. }
        | Command::Certify { .. }
        | Command::Delete { .. }
        | Command::Login { .. }
        | Command::Logout
        | Command::Ping
        | Command::Unpair => String::new(),
    }
}

fn append<'a>(line: &mut Vec<Argument<'a>>, command: &'a Command, owned: &'a str) {
    use Argument::{Data, Number, Text};
    match command {
        Command::Info | Command::Find | Command::Logout | Command::Ping | Command::Unpair => {}
        Command::Attributes { key } | Command::Certificates { key } => line.push(Text(key)),
        Command::Generate { algorithm, new, errand } => {
            line.extend([Text(algorithm.name()), Text(owned), Text(&new.label)]);
            line.extend(errand_arguments(errand));
        }
        Command::Import { private_key, new, errand } => {
            line.extend([Data(private_key.expose()), Text(owned), Text(&new.label)]);
            line.extend(errand_arguments(errand));
        }
        Command::Sign { with, data, errand }
        | Command::Decrypt { with, ciphertext: data, errand }
        | Command::Derive { with, peer: data, errand }
        | Command::Decapsulate { with, ciphertext: data, errand } => {
            line.extend(mechanics_arguments(with, owned));
            line.push(Data(data));
            line.extend(errand_arguments(errand));
        }
        Command::Verify { with, data, signature } => {
            line.extend(mechanics_arguments(with, owned));
            line.extend([Data(data), Data(signature)]);
        }
        Command::Encrypt { with, plaintext } => {
            line.extend(mechanics_arguments(with, owned));
            line.push(Data(plaintext.expose()));
        }
        Command::Random { length } => line.push(Number((*length).into())),
        Command::Digest { hash, data } => {
            line.extend([Number(parameters::digest_number(*hash)), Data(data)]);
        }
        Command::Certify { key, certificates, errand } => {
            line.push(Text(key));
            line.extend(errand_arguments(errand));
            line.extend(certificates.iter().map(|certificate| Data(certificate)));
        }
        Command::Delete { key, errand } => {
            line.push(Text(key));
            line.extend(errand_arguments(errand));
        }
        Command::Login { secret, spare, errand } => {
            line.push(Number(spare.keeps().into()));
            line.extend(errand_arguments(errand));
            line.extend(secret.as_ref().map(|secret| Data(secret.expose())));
        }
    }
}

fn mechanics_arguments<'a>(with: &'a Mechanics, parameters: &'a str) -> [Argument<'a>; 3] {
    let Mechanics { key, mechanism, parameters: _ } = with;
    [Argument::Text(key), Argument::Number(mechanism.number()), Argument::Text(parameters)]
}

fn errand_arguments(errand: &Errand) -> [Argument<'_>; 3] {
    let Errand { user, application, purpose } = errand;
    [user, application, purpose].map(|text| Argument::Text(&text[..text.floor_char_boundary(TEXT_LIMIT)]))
}

/// Reads what stands behind the id.
fn read(verb: Verb, mut line: Arguments<'_>) -> Result<Command, Failure> {
    let line = &mut line;
    let command = match verb {
        Verb::Info => Command::Info,
        Verb::Find => Command::Find,
        Verb::Attributes => Command::Attributes { key: reference(line)? },
        Verb::Generate => {
            let algorithm = Algorithm::from_name(&line.text()?);
            let algorithm =
                algorithm.ok_or_else(|| Failure::new(Rv::KeySizeRange, "there are no such keys"))?;
            Command::Generate { algorithm, new: new_key(line)?, errand: errand(line)? }
        }
        Verb::Import => {
            let private_key = Secret::new(line.data()?);
            Command::Import { private_key, new: new_key(line)?, errand: errand(line)? }
        }
        Verb::Sign => Command::Sign { with: mechanics(line)?, data: data(line)?, errand: errand(line)? },
        Verb::Verify => {
            Command::Verify { with: mechanics(line)?, data: data(line)?, signature: line.data()? }
        }
        Verb::Encrypt => Command::Encrypt { with: mechanics(line)?, plaintext: Secret::new(data(line)?) },
        Verb::Decrypt => {
            Command::Decrypt { with: mechanics(line)?, ciphertext: data(line)?, errand: errand(line)? }
        }
        Verb::Derive => Command::Derive { with: mechanics(line)?, peer: data(line)?, errand: errand(line)? },
        Verb::Decapsulate => {
            Command::Decapsulate { with: mechanics(line)?, ciphertext: data(line)?, errand: errand(line)? }
        }
        Verb::Random => Command::Random { length: random_length(line)? },
        Verb::Digest => {
            let hash = parameters::digest_from_number(line.number()?);
            let hash = hash.ok_or_else(|| Failure::new(Rv::MechanismInvalid, "there is no such digest"))?;
            Command::Digest { hash, data: data(line)? }
        }
        Verb::Certificates | Verb::Certify => certificates(line)?,
        Verb::Delete => Command::Delete { key: reference(line)?, errand: errand(line)? },
        Verb::Login => {
            let spare = spare(line.number()?)?;
            let errand = errand(line)?;
            let secret = if line.left() > 0 { Some(Secret::new(line.data()?)) } else { None };
            Command::Login { secret, spare, errand }
        }
        Verb::Logout => Command::Logout,
        Verb::Ping => Command::Ping,
        Verb::Unpair => Command::Unpair,
    };
    line.end()?;
    Ok(command)
}

fn mechanics(line: &mut Arguments<'_>) -> Result<Mechanics, Failure> {
    let key = reference(line)?;
    let mechanism = Mechanism::from_number(line.number()?)
        .ok_or_else(|| Failure::new(Rv::MechanismInvalid, "there is no such mechanism"))?;
    Ok(Mechanics { key, mechanism, parameters: parameters::from_text(&line.text()?)? })
}

fn new_key(line: &mut Arguments<'_>) -> Result<NewKey, Failure> {
    let id = line.text()?.parse::<KeyId>().map_err(|_| BadArguments("a key id is none"))?;
    Ok(NewKey { id, label: clean(&line.text()?, TEXT_LIMIT) })
}

fn errand(line: &mut Arguments<'_>) -> Result<Errand, BadArguments> {
    let mut text = || line.text().map(|text| clean(&text, TEXT_LIMIT));
    Ok(Errand { user: text()?, application: text()?, purpose: text()? })
}

fn certificates(line: &mut Arguments<'_>) -> Result<Command, Failure> {
    let key = reference(line)?;
    if line.left() == 0 {
        return Ok(Command::Certificates { key });
    }
    Ok(Command::Certify { key, errand: errand(line)?, certificates: line.rest(Arguments::data)? })
}

fn data(line: &mut Arguments<'_>) -> Result<Vec<u8>, Failure> {
    let data = line.data()?;
    if data.len() > DATA_LIMIT { Err(too_much()) } else { Ok(data) }
}

fn random_length(line: &mut Arguments<'_>) -> Result<u32, Failure> {
    let length = line.small()?;
    if usize::try_from(length).is_ok_and(|length| length <= DATA_LIMIT) {
        Ok(length)
    } else {
        Err(too_much())
    }
}

fn spare(keeps: u64) -> Result<Spare, BadArguments> {
    [Spare::Nothing, Spare::Last, Spare::Two]
        .into_iter()
        .find(|spare| u64::from(spare.keeps()) == keeps)
        .ok_or(BadArguments("so many tries are never kept"))
}

/// Takes a phone's name of a key.
pub(super) fn reference(line: &mut Arguments<'_>) -> Result<String, BadArguments> {
    let text = line.text()?;
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
    if text.is_empty() || text.len() > REFERENCE_LIMIT || !printable {
        return Err(BadArguments("a key is named by what is no name"));
    }
    Ok(text.into_owned())
}

fn too_much() -> Failure {
    let limit = u32::try_from(DATA_LIMIT).ok();
    Failure { rv: Rv::DataLenRange, text: "there are too many bytes".to_owned(), count: limit }
}

impl RequestId {
    /// Takes an id: 16 hexadecimal digits.
    pub(super) fn take(line: &mut Arguments<'_>) -> Result<Self, BadArguments> {
        let text = line.text()?;
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(&text, 16).ok().filter(|_| digits);
        number.map(Self::new).ok_or(BadArguments("a request id is none"))
    }
}

impl From<BadArguments> for Failure {
    fn from(BadArguments(what): BadArguments) -> Self {
        Self::new(Rv::ArgumentsBad, what)
    }
}

/// The most bytes of a phone's name of a key.
const REFERENCE_LIMIT: usize = 128;

/// The most bytes of what people read.
const TEXT_LIMIT: usize = Errand::TEXT_LIMIT;
