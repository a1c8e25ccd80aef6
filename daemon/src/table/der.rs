//! Certificates in one column: DER documents, one right behind the other. DER says of each how long it is.

use std::fmt;

/// Why bytes are not certificates that are kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// There is nothing.
    Empty,
    /// It is no SEQUENCE, as every certificate is.
    NoSequence,
    /// Its length is not written as DER wants it.
    Length,
    /// It ends before its length.
    Cut,
    /// Bytes follow where it should end.
    Trailing,
    /// There are more documents than are kept.
    TooMany,
    /// There are more bytes than are kept.
    TooLong,
}

/// Returns the column: nothing where there are no documents.
pub(super) fn join(documents: &[Vec<u8>]) -> Result<Option<Vec<u8>>, Misfit> {
    if documents.is_empty() {
        return Ok(None);
    }
    let bytes = documents.concat();
    check_size(documents.len(), bytes.len())?;
    for document in documents {
        if length(document)? != document.len() {
            return Err(Misfit::Trailing);
        }
    }
    Ok(Some(bytes))
}

/// Returns the documents of a column.
pub(super) fn split(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Misfit> {
    check_size(0, bytes.len())?;
    let mut documents = Vec::new();
    while documents.is_empty() || !bytes.is_empty() {
        let (document, rest) = bytes.split_at(length(bytes)?);
        documents.push(document.to_vec());
        check_size(documents.len(), document.len())?;
        bytes = rest;
    }
    Ok(documents)
}

fn check_size(documents: usize, bytes: usize) -> Result<(), Misfit> {
    if documents > MOST {
        return Err(Misfit::TooMany);
    }
    if bytes > LONGEST { Err(Misfit::TooLong) } else { Ok(()) }
}

/// Returns how many of the bytes are the first document; it is never more than there are.
fn length(bytes: &[u8]) -> Result<usize, Misfit> {
    let (first, rest) = match bytes {
        [] => return Err(Misfit::Empty),
        [SEQUENCE, first, rest @ ..] => (*first, rest),
        [SEQUENCE] => return Err(Misfit::Cut),
        _ => return Err(Misfit::NoSequence),
    };
    // X.690, 8.1.3: below 0x80 it is the length itself, else the number of octets that the length has.
    let octets = match first {
        0..=0x7f => 0,
        0x81..=0x83 => usize::from(first & 0x7f),
        // 0x80 is the indefinite form, which DER has not (10.1); four octets are far beyond what is kept.
        0x80 | 0x84.. => return Err(Misfit::Length),
    };
    let content = match octets {
        0 => usize::from(first),
        _ => long_form(rest.get(..octets).ok_or(Misfit::Cut)?)?,
    };
    let length = 2 + octets + content;
    if length > bytes.len() { Err(Misfit::Cut) } else { Ok(length) }
}

/// X.690, 10.1: "encoded in the minimum number of octets".
fn long_form(octets: &[u8]) -> Result<usize, Misfit> {
    let length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
    let shortest = if octets.len() == 1 { 0x80 } else { 1 << (8 * (octets.len() - 1)) };
    if length < shortest { Err(Misfit::Length) } else { Ok(length) }
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("there is an empty certificate"),
            Self::NoSequence => formatter.write_str("there is something that is no certificate"),
            Self::Length => formatter.write_str("the length of a certificate is not DER"),
            Self::Cut => formatter.write_str("a certificate is cut off"),
            Self::Trailing => formatter.write_str("bytes follow a certificate"),
            Self::TooMany => write!(formatter, "there are more than {MOST} certificates"),
            Self::TooLong => write!(formatter, "the certificates have more than {LONGEST} bytes"),
        }
    }
}

const SEQUENCE: u8 = 0x30;
/// The most documents of one column: a chain, and room to spare.
pub(super) const MOST: usize = 16;
/// The most bytes of one column.
pub(super) const LONGEST: usize = 256 * 1024;
