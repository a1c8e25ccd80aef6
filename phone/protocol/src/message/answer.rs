use std::collections::BTreeSet;

use claviger_token::{Algorithm, Capabilities, Errand, KeyId, Mechanism, Secret, Usage};
use zeroize::Zeroizing;

use super::request::reference;
use crate::at::{Argument, Arguments, BadArguments, Information, Outcome, Writer};
use crate::message::{Verb, clean};
use crate::{Answer, Failure, Info, KeyEntry, Notice, Reply, RequestId, Rv};

/// What a phone says on an open channel.
pub(crate) enum FromPhone {
    Answer(Answer),
    Notice(Notice),
    /// A notice of a younger phone; it is passed over.
    Unknown,
}

impl FromPhone {
    /// Reads a message; `asked` knows what was asked under an id. What belongs to no request is an error, and closes the channel.
    pub(crate) fn from_text(
        text: &str,
        asked: impl FnOnce(RequestId) -> Option<Verb>,
    ) -> Result<Self, BadArguments> {
        let mut lines = text.split(['\r', '\n']).filter(|line| !line.trim().is_empty());
        let first =
            lines.next().and_then(Information::parse).ok_or(BadArguments("a message says nothing"))?;
        let mut lines: Vec<&str> = lines.take(LINES_LIMIT + 1).collect();
        if lines.len() > LINES_LIMIT {
            return Err(BadArguments("an answer has too many lines"));
        }
        let Some(outcome) = lines.pop() else {
            let notice = Notice::from_line(&first)?;
            return Ok(notice.map_or(Self::Unknown, Self::Notice));
        };
        let mut arguments = first.arguments()?;
        let id = RequestId::take(&mut arguments)?;
        let verb = asked(id).ok_or(BadArguments("an answer belongs to no request"))?;
        let outcome = match (first.name.as_str(), Outcome::parse(outcome)) {
            ("+CKE", Some(Outcome::Error(_))) => Err(failure(arguments)?),
            (name, Some(Outcome::Ok)) if name == verb.name() => read(verb, arguments, &lines)
                .map_err(|BadArguments(what)| Failure::new(Rv::DeviceError, what)),
            (_, Some(Outcome::Ok | Outcome::Error(_)) | None) => {
                return Err(BadArguments("an answer is none to what was asked"));
            }
        };
        Ok(Self::Answer(Answer { id, outcome }))
    }
}

impl Answer {
    /// Writes the message, to a request of that kind.
    pub(crate) fn to_text(&self, verb: Verb) -> Zeroizing<String> {
        let id = self.id.to_string();
        match &self.outcome {
            Ok(reply) if verb.gives(reply) => reply_text(&id, verb, reply),
            Ok(_) => failure_text(&id, &Failure::new(Rv::GeneralError, "the phone mistook the command")),
            Err(failure) => failure_text(&id, failure),
        }
    }
}

/// Writes `+CKE` and `ERROR`.
pub(crate) fn failure_text(id: &str, failure: &Failure) -> Zeroizing<String> {
    let Failure { rv, text, count } = failure;
    let text = clean(text, TEXT_LIMIT);
    let mut line = vec![Argument::Text(id), Argument::Number(rv.number()), Argument::Text(&text)];
    line.extend(count.map(|count| Argument::Number(count.into())));
    let mut writer = Writer::with_room(64 + 3 * TEXT_LIMIT);
    writer.line("+CKE: ", &line);
    writer.line("ERROR", &[]);
    writer.finish()
}

/// Reads what stands behind the id of `+CKE`.
pub(crate) fn failure(mut arguments: Arguments<'_>) -> Result<Failure, BadArguments> {
    let rv = Rv::from_number(arguments.number()?);
    let text = clean(&arguments.text()?, TEXT_LIMIT);
    let count = if arguments.left() > 0 { Some(arguments.small()?) } else { None };
    Ok(Failure { rv, text, count })
}

fn reply_text(id: &str, verb: Verb, reply: &Reply) -> Zeroizing<String> {
    use Argument::{Data, Number, Text};
    let head = format!("{}: ", verb.name());
    let mut first = vec![Text(id)];
    let mut more = Vec::new();
    match reply {
        Reply::Done => {}
        Reply::Info(info) => {
            let Info { label, manufacturer, model, serial, capabilities, unlocked: _, asks_itself: _ } = info;
            first.extend([Text(label), Text(manufacturer), Text(model), Text(serial)]);
            first.extend([
                Number(flags(info)),
                Number(capabilities.data_limit.try_into().unwrap_or(u64::MAX)),
            ]);
            more = capability_lines(capabilities);
        }
        Reply::Keys(keys) => first.push(Number(keys.len().try_into().unwrap_or(u64::MAX))),
        Reply::Key(_) => {}
        Reply::Signature(bytes) | Reply::Ciphertext(bytes) | Reply::Digest(bytes) => first.push(Data(bytes)),
        Reply::Plaintext(secret) | Reply::SharedSecret(secret) | Reply::Random(secret) => {
            first.push(Data(secret.expose()));
        }
        Reply::Certificates(certificates) => {
            first.extend(certificates.iter().map(|certificate| Data(certificate)));
        }
    }
    let mut writer = Writer::with_room(0);
    if let Reply::Key(key) = reply {
        key.write(&mut writer, &head, Some(id));
    } else {
        writer.line(&head, &first);
    }
    for (head, line) in more {
        writer.line(head, &line);
    }
    if let Reply::Keys(keys) = reply {
        keys.iter().for_each(|key| key.write(&mut writer, "+CKKEY: ", None));
    }
    writer.line("OK", &[]);
    writer.finish()
}

fn capability_lines(capabilities: &Capabilities) -> Vec<(&'static str, Vec<Argument<'static>>)> {
    let Capabilities { mechanisms, generates, imports, erases: _, data_limit: _ } = capabilities;
    let names = |algorithms: &BTreeSet<Algorithm>| {
        algorithms.iter().map(|algorithm| Argument::Text(algorithm.name())).collect()
    };
    let numbers = mechanisms.iter().map(|mechanism| Argument::Number(mechanism.number())).collect();
    vec![("+CKMECH: ", numbers), ("+CKGENS: ", names(generates)), ("+CKIMPS: ", names(imports))]
}

fn read(verb: Verb, mut first: Arguments<'_>, more: &[&str]) -> Result<Reply, BadArguments> {
    let line = &mut first;
    let reply = match verb {
        Verb::Info => return info(line, more).map(Reply::Info),
        Verb::Find => return keys(line, more).map(Reply::Keys),
        Verb::Attributes | Verb::Generate | Verb::Import => {
            let key = KeyEntry::read(line)?.ok_or(BadArguments("the key is of a kind that is not known"))?;
            Reply::Key(key)
        }
        Verb::Sign => Reply::Signature(line.data()?),
        Verb::Encrypt => Reply::Ciphertext(line.data()?),
        Verb::Decrypt => Reply::Plaintext(Secret::new(line.data()?)),
        Verb::Derive | Verb::Decapsulate => Reply::SharedSecret(Secret::new(line.data()?)),
        Verb::Random => Reply::Random(Secret::new(line.data()?)),
        Verb::Digest => Reply::Digest(line.data()?),
        Verb::Certificates => Reply::Certificates(line.rest(Arguments::data)?),
        Verb::Verify
        | Verb::Certify
        | Verb::Delete
        | Verb::Login
        | Verb::Logout
        | Verb::Ping
        | Verb::Unpair => Reply::Done,
    };
    if more.is_empty() { Ok(reply) } else { Err(BadArguments("an answer has too many lines")) }
}

fn info(line: &mut Arguments<'_>, more: &[&str]) -> Result<Info, BadArguments> {
    let mut text = || line.text().map(|text| clean(&text, TEXT_LIMIT));
    let (label, manufacturer, model, serial) = (text()?, text()?, text()?, text()?);
    let (flags, data_limit) = (line.number()?, line.number()?);
    let numbers = arguments_of(more, "+CKMECH")?.rest(Arguments::number)?;
    let algorithms = |name| -> Result<BTreeSet<Algorithm>, BadArguments> {
        let names = arguments_of(more, name)?.rest(Arguments::text)?;
        Ok(names.iter().filter_map(|name| Algorithm::from_name(name)).collect())
    };
    let capabilities = Capabilities {
        mechanisms: numbers.into_iter().filter_map(Mechanism::from_number).collect(),
        generates: algorithms("+CKGENS")?,
        imports: algorithms("+CKIMPS")?,
        erases: flags & ERASES != 0,
        data_limit: data_limit.try_into().unwrap_or(usize::MAX),
    };
    let (unlocked, asks_itself) = (flags & UNLOCKED != 0, flags & ASKS_ITSELF != 0);
    Ok(Info { label, manufacturer, model, serial, unlocked, asks_itself, capabilities })
}

fn arguments_of<'a>(lines: &[&'a str], name: &str) -> Result<Arguments<'a>, BadArguments> {
    let mut lines = lines.iter().filter_map(|line| Information::parse(line));
    lines.find(|line| line.name == name).ok_or(BadArguments("an answer lacks a line"))?.arguments()
}

fn keys(line: &mut Arguments<'_>, more: &[&str]) -> Result<Vec<KeyEntry>, BadArguments> {
    if line.number()? != u64::try_from(more.len()).unwrap_or(u64::MAX) {
        return Err(BadArguments("an answer has another number of keys than it says"));
    }
    let mut keys = Vec::with_capacity(more.len());
    for line in more {
        let line = Information::parse(line).filter(|line| line.name == "+CKKEY");
        let mut arguments = line.ok_or(BadArguments("a key is none"))?.arguments()?;
        keys.extend(KeyEntry::read(&mut arguments)?);
    }
    Ok(keys)
}

impl KeyEntry {
    fn write(&self, writer: &mut Writer, head: &str, request: Option<&str>) {
        use Argument::{Data, Number, Text};
        let Self { reference, id, label, algorithm, usage, public_key } = self;
        let id = id.map_or_else(String::new, |id| id.to_string());
        let mut line: Vec<Argument<'_>> = request.map(Text).into_iter().collect();
        line.extend([Text(reference), Text(&id), Text(label), Text(algorithm.name())]);
        line.extend([Number(usage_number(*usage)), Data(public_key)]);
        writer.line(head, &line);
    }

    /// Reads a key; `None` where it is of a kind that is not known here.
    fn read(line: &mut Arguments<'_>) -> Result<Option<Self>, BadArguments> {
        let reference = reference(line)?;
        let id = match line.text()? {
            id if id.is_empty() => None,
            id => Some(id.parse::<KeyId>().map_err(|_| BadArguments("a key id is none"))?),
        };
        let label = clean(&line.text()?, TEXT_LIMIT);
        let algorithm = Algorithm::from_name(&line.text()?);
        let usage = usage_from_number(line.number()?);
        let public_key = line.data()?;
        let entry = |algorithm| Self { reference, id, label, algorithm, usage, public_key };
        Ok(algorithm.map(entry))
    }
}

const fn usage_number(usage: Usage) -> u64 {
    let Usage { sign, decrypt, derive } = usage;
    sign as u64 | (decrypt as u64) << 1 | (derive as u64) << 2
}

const fn usage_from_number(number: u64) -> Usage {
    Usage { sign: number & 1 != 0, decrypt: number & 2 != 0, derive: number & 4 != 0 }
}

fn flags(info: &Info) -> u64 {
    let flag = |set: bool, flag: u64| if set { flag } else { 0 };
    flag(info.unlocked, UNLOCKED)
        | flag(info.asks_itself, ASKS_ITSELF)
        | flag(info.capabilities.erases, ERASES)
}

/// The most lines of an answer behind its first.
const LINES_LIMIT: usize = 16_384;

const UNLOCKED: u64 = 1;
const ASKS_ITSELF: u64 = 2;
const ERASES: u64 = 4;

/// The most bytes of what people read.
const TEXT_LIMIT: usize = Errand::TEXT_LIMIT;
