//! The data types of RFC 4251, section 5, read where they stand: a frame may hold a private key, of which no copies
//! are to lie about.

use std::fmt;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They end too early.
    Short,
    /// More follows than there should be.
    Trailing,
    /// A text is no UTF-8.
    Text,
    /// A number is negative or too large.
    Number,
    /// Of a kind that is not taken: what.
    Unknown(&'static str),
    /// They contradict themselves: in what.
    Inconsistent(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => formatter.write_str("it ends too early"),
            Self::Trailing => formatter.write_str("more follows than there should be"),
            Self::Text => formatter.write_str("a name in it is no text"),
            Self::Number => formatter.write_str("a number in it cannot be"),
            Self::Unknown(what) => write!(formatter, "there is an unknown {what} in it"),
            Self::Inconsistent(what) => write!(formatter, "its {what} cannot be"),
        }
    }
}

impl std::error::Error for Malformed {}

/// Reads one thing after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins at the beginning.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns true where nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns everything that is left.
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Reads a `byte`.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.rest.split_first().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Reads a `boolean`: "all non-zero values MUST be interpreted as TRUE".
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        self.byte().map(|byte| byte != 0)
    }

    /// Reads a `uint32`.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        let (number, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*number))
    }

    /// Reads a `uint64`.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        let (number, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*number))
    }

    /// Reads a `string`.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let size = usize::try_from(self.u32()?).map_err(|_| Malformed::Short)?;
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads a `string` that is text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::Text)
    }

    /// Reads an `mpint` that is not negative, without zeros before it.
    pub fn number(&mut self) -> Result<&'a [u8], Malformed> {
        let bytes = self.bytes()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return Err(Malformed::Number);
        }
        Ok(without_zeros(bytes))
    }

    /// Holds that nothing is left.
    pub const fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing) }
    }
}

/// Returns a big-endian number without the zeros before it.
pub fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Writes one thing after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins with nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Writes a `byte`.
    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Writes a `uint32`.
    pub fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Writes a `string`. One of 4 GiB cannot come up: frames are far smaller.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let mut writer = self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        writer.0.extend_from_slice(bytes);
        writer
    }

    /// Writes an `mpint` from a big-endian number without a sign.
    pub fn number(self, number: &[u8]) -> Self {
        let number = without_zeros(number);
        match number.first() {
            // The top bit is the sign's: a zero goes before it.
            Some(first) if first & 0x80 != 0 => self.bytes(&[&[0], number].concat()),
            _ => self.bytes(number),
        }
    }

    /// Returns what was written.
    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Reader, Writer};

    /// RFC 4251, section 5, has these examples.
    #[test]
    fn numbers_are_those_of_the_standard() {
        let written = |number: &[u8]| Writer::new().number(number).done();
        assert_eq!(written(&[0]), [0, 0, 0, 0]);
        assert_eq!(
            written(&[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7]),
            [0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7]
        );
        assert_eq!(written(&[0x80]), [0, 0, 0, 2, 0, 0x80]);
        assert_eq!(Reader::new(&[0, 0, 0, 2, 0, 0x80]).number(), Ok(&[0x80][..]));
        assert_eq!(Reader::new(&[0, 0, 0, 1, 0x80]).number(), Err(Malformed::Number), "it is negative");
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut reader = Reader::new(&[0, 0, 0, 5, 1, 2, 3, 4]);
        assert_eq!(reader.bytes(), Err(Malformed::Short));
        assert_eq!(Reader::new(&[0xff; 4]).bytes(), Err(Malformed::Short));
        assert_eq!(Reader::new(&[0; 3]).u32(), Err(Malformed::Short));
        assert_eq!(Reader::new(&[0]).end(), Err(Malformed::Trailing));
        assert_eq!(Reader::new(&[0, 0, 0, 1, 0xff]).text(), Err(Malformed::Text));
    }
}
