use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::message::clean;
use crate::{PairingId, Randomness, RandomnessFailed};

/// The one-time secret of a pairing: 128 random bits, wiped when dropped.
#[derive(Clone)]
pub struct Psk(Zeroizing<[u8; 16]>);

/// What a host shows to the phone that it wants to be paired with. All of it is secret until it was used.
#[derive(Clone)]
pub struct PairingUri {
    /// The pairing that will be.
    pub pairing: PairingId,
    /// The one-time secret.
    pub secret: Psk,
    /// BLAKE2s of the host's static public key.
    pub key_hash: [u8; 32],
    /// The host's user.
    pub uid: u32,
    /// The host's name.
    pub host: String,
}

/// The text is no pairing URI: what is wrong with it. Nothing of the text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUri(&'static str);

impl Psk {
    pub(super) fn generate(randomness: &mut dyn Randomness) -> Result<Self, RandomnessFailed> {
        let mut bytes = Zeroizing::new([0; 16]);
        randomness.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PairingUri {
    /// Returns the text that is shown; wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let Self { pairing, secret, key_hash, uid, host } = self;
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LIMIT));
        text.push_str(SCHEME);
        text.push_str("1?id=");
        text.push_str(&pairing.to_string());
        text.push_str("&s=");
        BASE64URL_NOPAD.encode_append(secret.expose(), &mut text);
        text.push_str("&k=");
        BASE64URL_NOPAD.encode_append(key_hash, &mut text);
        text.push_str("&u=");
        text.push_str(&uid.to_string());
        text.push_str("&n=");
        for byte in clean(host, HOST_LIMIT).bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte));
                }
                other => text.push_str(&format!("%{other:02X}")),
            }
        }
        text
    }
}

impl FromStr for PairingUri {
    type Err = InvalidUri;

    /// Reads one; what stands around it is not looked at where it is white.
    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let text = text.trim();
        if text.len() > TEXT_LIMIT {
            return Err(InvalidUri("it is too long"));
        }
        let scheme = text.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
        let rest = &text[scheme.ok_or(InvalidUri("it does not begin with claviger-pair:"))?.len()..];
        let (version, query) = rest.split_once('?').ok_or(InvalidUri("it has no parameters"))?;
        if version != "1" {
            return Err(InvalidUri("it is of another version"));
        }
        let [pairing, secret, key_hash, uid, host] = parameters(query)?;
        let missing = InvalidUri("a parameter is missing");
        let pairing = pairing.ok_or(missing)?.parse().map_err(|_| InvalidUri("the id is none"))?;
        let secret = Psk(bytes(secret.ok_or(missing)?)?);
        let key_hash = *bytes(key_hash.ok_or(missing)?)?;
        let uid = uid.ok_or(missing)?;
        let digits = uid.bytes().all(|byte| byte.is_ascii_digit());
        let uid = uid.parse().ok().filter(|_| digits).ok_or(InvalidUri("the user is no number"))?;
        let host = clean(&unescape(host.unwrap_or_default())?, HOST_LIMIT);
        Ok(Self { pairing, secret, key_hash, uid, host })
    }
}

/// Finds the values of the known parameters; the others are those of younger hosts.
fn parameters(query: &str) -> Result<[Option<&str>; 5], InvalidUri> {
    let mut values = [None; 5];
    for pair in query.split('&') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let Some(place) = ["id", "s", "k", "u", "n"].iter().position(|known| *known == name) else {
            continue;
        };
        if values[place].replace(value).is_some() {
            return Err(InvalidUri("a parameter comes twice"));
        }
    }
    Ok(values)
}

fn bytes<const SIZE: usize>(text: &str) -> Result<Zeroizing<[u8; SIZE]>, InvalidUri> {
    let decoded = BASE64URL_NOPAD.decode(text.as_bytes()).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| InvalidUri("a value is not base64url"))?;
    let mut bytes = Zeroizing::new([0; SIZE]);
    if decoded.len() != SIZE {
        return Err(InvalidUri("a value is too long or too short"));
    }
    bytes.copy_from_slice(&decoded);
    Ok(bytes)
}

/// Puts the bytes in place that `%hh` stands for.
fn unescape(text: &str) -> Result<String, InvalidUri> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push((high << 4 | low) as u8),
            _ => return Err(InvalidUri("an escape is not two hexadecimal digits")),
        }
    }
    String::from_utf8(bytes).map_err(|_| InvalidUri("the host's name is not UTF-8"))
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot read the pairing URI: {}", self.0)
    }
}

impl std::error::Error for InvalidUri {}

const SCHEME: &str = "claviger-pair:";

/// The most bytes of a URI.
const TEXT_LIMIT: usize = 1024;

/// The most bytes of a host's name: each may take three.
const HOST_LIMIT: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::PairingUri;

    const GOOD: &str = "claviger-pair:1?id=000102030405060708090a0b0c0d0e0f&s=AAECAwQFBgcICQoLDA0ODw&k=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8&u=1000&n=Zo%C3%AB%20desk";

    fn error(text: &str) -> String {
        text.parse::<PairingUri>().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_uri_is_read_back_as_it_was_written() {
        let uri: PairingUri = GOOD.parse().unwrap();
        assert_eq!((uri.uid, uri.host.as_str()), (1000, "Zoë desk"));
        assert_eq!(*uri.to_text(), GOOD);
    }

    #[test]
    fn order_unknown_parameters_case_of_the_scheme_and_space_around_do_not_matter() {
        let (head, query) = GOOD.split_once('?').unwrap();
        let mut parts: Vec<&str> = query.split('&').collect();
        parts.reverse();
        let text = format!(" {}?x=1&y&{}\n", head.to_uppercase(), parts.join("&"));
        assert_eq!(*text.parse::<PairingUri>().unwrap().to_text(), GOOD);
    }

    #[test]
    fn what_is_no_uri_is_refused_without_being_repeated() {
        for (from, to) in [
            ("claviger-pair:", "claviger:"),
            ("pair:1", "pair:2"),
            ("1?", "1"),
            ("id=0", "id="),
            ("id=", "ix="),
            ("s=AAEC", "s=AAE"),
            ("s=AA", "s=AA=="),
            ("&k=", "&q="),
            ("u=1000", "u=-1"),
            ("u=1000", "u=+1"),
            ("u=1000", "u=4294967296"),
            ("u=1000", "u=1&u=1"),
            ("%C3%AB", "%C3"),
            ("%20desk", "%2"),
            ("%20", "%zz"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = error(&text);
            assert!(error.starts_with("cannot read the pairing URI: "), "{text}: {error}");
            assert!(!error.contains("AAEC"));
        }
        assert!(error(&format!("{GOOD}{}", "x".repeat(1024))).contains("too long"));
    }

    #[test]
    fn the_longest_name_of_a_host_fits() {
        let mut uri: PairingUri = GOOD.parse().unwrap();
        uri.host = "é".repeat(300);
        uri.uid = u32::MAX;
        assert_eq!(uri.to_text().parse::<PairingUri>().unwrap().host, "é".repeat(128));
    }
}
