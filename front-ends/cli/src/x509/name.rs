//! Whose it is: `CN=alice,O=Example` (RFC 4514) to an X.501 Name.
//!
//! x509-cert has a reader of its own. It takes `\\\,` for an unescaped comma, refuses a space after a comma, puts
//! any bytes into a PrintableString, and cannot say what is wrong; so this one.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier, PrintableStringRef};
use x509_cert::der::{Decode, Tag};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    /// It has no attribute at all.
    Empty,
    /// It is written as `openssl req -subj` wants it.
    Slashes,
    /// An attribute has no `=`, or no name before it.
    NoType(String),
    /// Such an attribute is not known.
    UnknownType(String),
    /// Nothing follows the `=`.
    NoValue(String),
    /// A letter stands there as it is, and would have to be escaped.
    Unescaped(char),
    /// What follows a backslash is no escape.
    BadEscape,
    /// What follows a `#` is no DER value in hexadecimal.
    BadHex(String),
    /// A value has a control character, or letters that such an attribute cannot have.
    BadLetters(String),
    /// A value has more letters than RFC 5280 lets it have; or a country has not two.
    BadLength(String, usize),
    /// The same attribute twice, joined by a `+`.
    Twice,
}

/// Reads a name. Spaces around attributes and values do not count unless they are escaped.
pub(crate) fn parse(text: &str) -> Result<Name, NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if text.starts_with('/') {
        return Err(NameError::Slashes);
    }
    let mut letters = text.chars().peekable();
    let mut parts = Vec::new();
    let mut part = Vec::new();
    loop {
        let attribute = attribute(&mut letters)?;
        // X.501, 9.3: the attributes of one relative distinguished name are of distinct types.
        if part.iter().any(|other: &AttributeTypeAndValue| other.oid == attribute.oid) {
            return Err(NameError::Twice);
        }
        part.push(attribute);
        let end = letters.next();
        if end == Some('+') {
            continue;
        }
        let whole = std::mem::take(&mut part);
        parts.push(RelativeDistinguishedName::try_from(whole).map_err(|_| NameError::Twice)?);
        if end.is_none() {
            break;
        }
    }
    // RFC 4514, 2.1: "starting with the last element of the sequence and moving backwards toward the first".
    parts.reverse();
    Ok(Name::hazmat_from_rdn_sequence(RdnSequence::from(parts)))
}

/// Reads `type=value` up to the separator behind it, which stays.
fn attribute(letters: &mut Peekable<Chars<'_>>) -> Result<AttributeTypeAndValue, NameError> {
    let mut kind = String::new();
    while let Some(letter) = letters.next_if(|letter| !matches!(letter, '=' | ',' | '+')) {
        kind.push(letter);
    }
    let kind = kind.trim();
    if kind.is_empty() || letters.next_if_eq(&'=').is_none() {
        return Err(NameError::NoType(kind.to_owned()));
    }
    let Attribute { oid, writing, most } = Attribute::of(kind)?;
    while letters.next_if_eq(&' ').is_some() {}
    if letters.next_if_eq(&'#').is_some() {
        return Ok(AttributeTypeAndValue { oid, value: hex_value(letters, kind)? });
    }
    let value = value(letters, kind)?;
    let length = value.chars().count();
    if length > most || (writing == Writing::Country && length != most) {
        return Err(NameError::BadLength(kind.to_owned(), most));
    }
    let value = writing.encode(&value).ok_or_else(|| NameError::BadLetters(kind.to_owned()))?;
    Ok(AttributeTypeAndValue { oid, value })
}

/// Reads a value in words, and undoes its escapes (RFC 4514, 2.4).
fn value(letters: &mut Peekable<Chars<'_>>, kind: &str) -> Result<String, NameError> {
    let mut bytes = Vec::new();
    // Up to here it is not white space that nobody escaped.
    let mut kept = 0;
    while let Some(letter) = letters.next_if(|letter| !matches!(letter, ',' | '+')) {
        match letter {
            '\\' => {
                bytes.push(escaped(letters)?);
                kept = bytes.len();
            }
            '"' | ';' | '<' | '>' => return Err(NameError::Unescaped(letter)),
            letter => {
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                if letter != ' ' {
                    kept = bytes.len();
                }
            }
        }
    }
    bytes.truncate(kept);
    if bytes.is_empty() {
        return Err(NameError::NoValue(kind.to_owned()));
    }
    let value = String::from_utf8(bytes).map_err(|_| NameError::BadLetters(kind.to_owned()))?;
    if value.chars().any(char::is_control) {
        // A NUL or a line end in a name has fooled many a reader of certificates.
        return Err(NameError::BadLetters(kind.to_owned()));
    }
    Ok(value)
}

/// Returns the byte that an escape stands for; its backslash has been read.
fn escaped(letters: &mut Peekable<Chars<'_>>) -> Result<u8, NameError> {
    let first = letters.next().ok_or(NameError::BadEscape)?;
    if let Some(high) = first.to_digit(16) {
        let low = letters.next().and_then(|letter| letter.to_digit(16)).ok_or(NameError::BadEscape)?;
        return u8::try_from(high * 16 + low).map_err(|_| NameError::BadEscape);
    }
    match first {
        ' ' | '"' | '#' | '=' | '\\' | '+' | ',' | ';' | '<' | '>' => {
            u8::try_from(first).map_err(|_| NameError::BadEscape)
        }
        _ => Err(NameError::BadEscape),
    }
}

/// Reads a value that is DER in hexadecimal, behind its `#`.
fn hex_value(letters: &mut Peekable<Chars<'_>>, kind: &str) -> Result<Any, NameError> {
    let mut digits = String::new();
    while let Some(letter) = letters.next_if(|letter| !matches!(letter, ',' | '+')) {
        digits.push(letter);
    }
    let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.trim().as_bytes()).ok();
    let value = decoded.and_then(|der| Any::from_der(&der).ok());
    value.ok_or_else(|| NameError::BadHex(kind.to_owned()))
}

/// A kind of attribute.
struct Attribute {
    oid: ObjectIdentifier,
    writing: Writing,
    /// The most letters: the upper bounds of RFC 5280, appendix A.1.
    most: usize,
}

/// How an attribute's value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// UTF-8.
    Any,
    /// The letters of a PrintableString.
    Printable,
    /// Two letters of a PrintableString (ISO 3166).
    Country,
    /// ASCII.
    Ascii,
}

impl Writing {
    fn encode(self, value: &str) -> Option<Any> {
        let tag = match self {
            Self::Any => Tag::Utf8String,
            Self::Printable | Self::Country => {
                PrintableStringRef::new(value).ok()?;
                Tag::PrintableString
            }
            Self::Ascii if value.is_ascii() => Tag::Ia5String,
            Self::Ascii => return None,
        };
        Any::new(tag, value.as_bytes()).ok()
    }
}

impl Attribute {
    /// Returns the attribute of that name (in any case) or object identifier.
    fn of(kind: &str) -> Result<Self, NameError> {
        let unknown = || NameError::UnknownType(kind.to_owned());
        let named = KNOWN.iter().find(|(names, ..)| names.iter().any(|name| name.eq_ignore_ascii_case(kind)));
        let oid = named.map_or(kind, |(_, oid, ..)| *oid);
        let oid = ObjectIdentifier::new(oid).map_err(|_| unknown())?;
        let known =
            KNOWN.iter().find(|(_, known, ..)| ObjectIdentifier::new(known).is_ok_and(|known| known == oid));
        let (writing, most) =
            known.map_or((Writing::Any, usize::MAX), |(.., writing, most)| (*writing, *most));
        Ok(Self { oid, writing, most })
    }
}

/// Names, object identifier, how it is written, and the most letters (RFC 4519, RFC 5280 A.1, RFC 2985).
type Known = (&'static [&'static str], &'static str, Writing, usize);

const KNOWN: [Known; 15] = [
    (&["CN", "commonName"], "2.5.4.3", Writing::Any, 64),
    (&["SN", "surname"], "2.5.4.4", Writing::Any, 32768),
    (&["serialNumber"], "2.5.4.5", Writing::Printable, 64),
    (&["C", "countryName"], "2.5.4.6", Writing::Country, 2),
    (&["L", "localityName"], "2.5.4.7", Writing::Any, 128),
    (&["ST", "stateOrProvinceName"], "2.5.4.8", Writing::Any, 128),
    (&["STREET", "streetAddress"], "2.5.4.9", Writing::Any, 128),
    (&["O", "organizationName"], "2.5.4.10", Writing::Any, 64),
    (&["OU", "organizationalUnitName"], "2.5.4.11", Writing::Any, 64),
    (&["title"], "2.5.4.12", Writing::Any, 64),
    (&["GN", "givenName"], "2.5.4.42", Writing::Any, 32768),
    (&["initials"], "2.5.4.43", Writing::Any, 32768),
    (&["DC", "domainComponent"], "0.9.2342.19200300.100.1.25", Writing::Ascii, 63),
    (&["UID", "userId"], "0.9.2342.19200300.100.1.1", Writing::Any, 256),
    (&["E", "EMAIL", "emailAddress"], "1.2.840.113549.1.9.1", Writing::Ascii, 255),
];

impl fmt::Display for NameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("it is empty; write it like CN=alice,O=Example"),
            Self::Slashes => formatter.write_str("write it like CN=alice,O=Example, with commas (RFC 4514)"),
            Self::NoType(text) => {
                write!(
                    formatter,
                    "`{text}` is no TYPE=VALUE; write it like CN=alice,O=Example (a comma in a value is `\\,`)"
                )
            }
            Self::UnknownType(kind) => {
                write!(
                    formatter,
                    "`{kind}` is no attribute that is known here (CN, O, OU, C, ST, L, STREET, DC, UID, E, …); name it by its OID"
                )
            }
            Self::NoValue(kind) => write!(formatter, "{kind} has no value"),
            Self::Unescaped(letter) => write!(formatter, "write `\\{letter}` for `{letter}` in a value"),
            Self::BadEscape => {
                formatter.write_str("after a backslash comes one of ,+\"\\<>;#= or two hexadecimal digits")
            }
            Self::BadHex(kind) => write!(formatter, "{kind}=# wants DER in hexadecimal behind it"),
            Self::BadLetters(kind) => write!(formatter, "{kind} has letters that it cannot have"),
            Self::BadLength(kind, 2) => write!(formatter, "{kind} has two letters, like DE"),
            Self::BadLength(kind, most) => write!(formatter, "{kind} has at most {most} letters"),
            Self::Twice => formatter.write_str("the same attribute stands twice, joined by a `+`"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test fails by panicking")]

    use super::{NameError, parse};
    use x509_cert::der::{Decode, Encode};
    use x509_cert::name::Name;

    /// Returns what is read, as x509-cert writes it.
    fn written(text: &str) -> String {
        parse(text).expect("a name").to_string()
    }

    /// RFC 4514, section 4.
    #[test]
    fn the_standards_examples_are_read() {
        for text in [
            "UID=jsmith,DC=example,DC=net",
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            "1.3.6.1.4.1.1466.0=#04024869",
            "CN=Lu\u{10d}i\u{107}",
        ] {
            let name = parse(text).expect("a name");
            let read_again = Name::from_der(&name.to_der().expect("DER")).expect("a name");
            assert_eq!(name, read_again, "{text}");
            assert_eq!(parse(&name.to_string()).expect("a name"), name, "{text}");
        }
        assert_eq!(written(r"CN=Lu\C4\8Di\C4\87"), "CN=Lučić");
    }

    #[test]
    fn the_first_in_the_text_is_the_last_in_the_name() {
        let name = parse("CN=alice,O=Example").expect("a name");
        let oids: Vec<_> = name.iter().map(|attribute| attribute.oid.to_string()).collect();
        assert_eq!(oids, ["2.5.4.10", "2.5.4.3"]);
    }

    #[test]
    fn spaces_that_nobody_escaped_do_not_count() {
        assert_eq!(written(" cn = alice , O= Example Ltd "), "CN=alice,O=Example Ltd");
        assert_eq!(written(r"CN=\ alice\ "), r"CN=\ alice\ ");
        assert_eq!(written(r"CN=a\\\,b,O=c"), r"CN=a\\\,b,O=c");
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_reason() {
        let letters = |kind: &str| NameError::BadLetters(kind.to_owned());
        for (text, error) in [
            ("", NameError::Empty),
            ("/CN=alice/O=Example", NameError::Slashes),
            ("alice", NameError::NoType("alice".to_owned())),
            ("CN=alice,", NameError::NoType(String::new())),
            ("CN=Smith, John", NameError::NoType("John".to_owned())),
            ("XY=alice", NameError::UnknownType("XY".to_owned())),
            ("CN=", NameError::NoValue("CN".to_owned())),
            ("CN=a;b", NameError::Unescaped(';')),
            (r"CN=a\", NameError::BadEscape),
            (r"CN=a\x", NameError::BadEscape),
            (r"CN=a\4", NameError::BadEscape),
            ("CN=#zz", NameError::BadHex("CN".to_owned())),
            (r"CN=a\00b", letters("CN")),
            (r"CN=\FF", letters("CN")),
            ("C=Ü1", letters("C")),
            ("DC=ü", letters("DC")),
            ("C=Germany", NameError::BadLength("C".to_owned(), 2)),
            ("CN=a+CN=b", NameError::Twice),
        ] {
            assert_eq!(parse(text), Err(error.clone()), "{text}");
            assert!(!error.to_string().is_empty());
        }
        let long = format!("CN={}", "a".repeat(65));
        assert_eq!(parse(&long), Err(NameError::BadLength("CN".to_owned(), 64)));
        assert!(parse(&long[..67]).is_ok());
    }
}
