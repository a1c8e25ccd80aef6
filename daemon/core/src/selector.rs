use claviger_token::{KeyId, Purpose};

use crate::{Defaults, Key, KeyState, Refusal};

/// How a caller names a key: parsed once at the border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Nothing was said: the default key for the purpose.
    Default,
    /// An exact id.
    Id(KeyId),
    /// A label.
    Label(String),
    /// An RFC 7512 URI.
    Uri(KeyUri),
}

/// What of an RFC 7512 URI selects a key here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUri {
    /// `object`: the key's label.
    pub object: Option<String>,
    /// `id`: the 16 bytes of the key's id.
    pub id: Option<KeyId>,
    /// `token`: the token that the key stands on, for example `local:1000`.
    pub token: Option<String>,
}

impl Selector {
    /// Returns the selector that `text` stands for.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::InvalidArguments(format!("a key name has at most {LONGEST} bytes").into()));
        }
        if text.is_empty() {
            return Ok(Self::Default);
        }
        if let Some(rest) = text.strip_prefix("pkcs11:") {
            return KeyUri::parse(rest).map(Self::Uri);
        }
        Ok(text.parse().map_or_else(|_| Self::Label(text.to_owned()), Self::Id))
    }

    /// Returns the one key that is meant; of keys with the same label a current one goes before retired ones.
    pub fn find<'a>(
        &self,
        keys: &'a [Key],
        defaults: &Defaults,
        purpose: Option<Purpose>,
    ) -> Result<&'a Key, Refusal> {
        match self {
            Self::Default => Self::default_key(keys, defaults, purpose),
            Self::Id(id) => keys.iter().find(|key| key.id() == *id).ok_or(Refusal::NoSuchKey),
            Self::Label(label) => one(keys.iter().filter(|key| key.label == *label)),
            Self::Uri(uri) => one(keys.iter().filter(|key| uri.matches(key))),
        }
    }

    fn default_key<'a>(
        keys: &'a [Key],
        defaults: &Defaults,
        purpose: Option<Purpose>,
    ) -> Result<&'a Key, Refusal> {
        let Some(purpose) = purpose else {
            return Err(Refusal::InvalidArguments("a key must be named here".into()));
        };
        let none = Refusal::NoDefaultKey(purpose_name(purpose));
        let id = defaults.for_purpose(purpose).ok_or_else(|| none.clone())?;
        keys.iter().find(|key| key.id() == id).ok_or(none)
    }
}

/// Returns the word for what an operation does: `sign`, `decrypt`, `derive`.
pub const fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Sign => "sign",
        Purpose::Decrypt => "decrypt",
        Purpose::Derive | Purpose::Decapsulate => "derive",
    }
}

/// Checks a label before it is given to a key: it must not be mistaken for an id or a URI.
pub fn check_label(label: &str) -> Result<(), Refusal> {
    let wrong = |why: &'static str| Err(Refusal::InvalidArguments(why.into()));
    if label.len() > 255 {
        return wrong("a label has at most 255 bytes");
    }
    if label.chars().any(char::is_control) {
        return wrong("a label has no control characters");
    }
    if label.starts_with("pkcs11:") || label.parse::<KeyId>().is_ok() {
        return wrong("a label must not look like a key id or a pkcs11: URI");
    }
    Ok(())
}

impl KeyUri {
    /// Parses what follows `pkcs11:`.
    fn parse(text: &str) -> Result<Self, Refusal> {
        let mut uri = Self::default();
        if text.contains('?') {
            return Err(bad_uri("query attributes are not taken; a PIN never belongs in a URI"));
        }
        for attribute in text.split(';').filter(|attribute| !attribute.is_empty()) {
            let (name, value) = attribute.split_once('=').ok_or_else(|| bad_uri("an attribute has no ="))?;
            let value = percent_decoded(value).ok_or_else(|| bad_uri("a % is not followed by two digits"))?;
            uri.set(name, value)?;
        }
        Ok(uri)
    }

    fn set(&mut self, name: &str, value: Vec<u8>) -> Result<(), Refusal> {
        let text = |value| String::from_utf8(value).map_err(|_| bad_uri("an attribute is not UTF-8"));
        let twice = match name {
            "object" => self.object.replace(text(value)?).is_some(),
            "token" => self.token.replace(text(value)?).is_some(),
            "id" => {
                let bytes = value.try_into().map_err(|_| bad_uri("an id has 16 bytes"))?;
                self.id.replace(KeyId::from_bytes(bytes)).is_some()
            }
            "type" if value == b"private" || value == b"public" || value == b"cert" => false,
            "type" => return Err(bad_uri("type is private, public or cert")),
            "manufacturer" | "model" if value.eq_ignore_ascii_case(b"claviger") => false,
            "manufacturer" | "model" => return Err(Refusal::NoSuchKey),
            _ => return Err(bad_uri("only object, id, token, type, manufacturer and model select a key")),
        };
        if twice { Err(bad_uri("an attribute is given twice")) } else { Ok(()) }
    }

    fn matches(&self, key: &Key) -> bool {
        let Self { object, id, token } = self;
        object.as_ref().is_none_or(|label| *label == key.label)
            && id.is_none_or(|id| id == key.id())
            && token
                .as_ref()
                .is_none_or(|token| key.placements.iter().any(|placement| placement.token.as_str() == token))
    }
}

fn one<'a>(matching: impl Iterator<Item = &'a Key>) -> Result<&'a Key, Refusal> {
    let all: Vec<&Key> = matching.collect();
    let current: Vec<&Key> = all.iter().copied().filter(|key| key.state == KeyState::Current).collect();
    match (current.as_slice(), all.as_slice()) {
        ([key], _) | ([], [key]) => Ok(key),
        ([], []) => Err(Refusal::NoSuchKey),
        ([], many) | (many, _) => Err(Refusal::AmbiguousKey { matches: many.len() }),
    }
}

fn bad_uri(why: &'static str) -> Refusal {
    Refusal::InvalidArguments(format!("the pkcs11: URI (RFC 7512) cannot be read: {why}").into())
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high << 4 | low).ok()?
            }
            plain => plain,
        });
    }
    Some(decoded)
}

const LONGEST: usize = 4096;

#[cfg(test)]
mod tests;
