//! The lines that a pinentry is told in and answers with (Assuan, a chapter of libassuan's manual). Pure.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

/// What a pinentry answers, line by line.
#[derive(Clone, PartialEq, Eq)]
pub enum Line {
    /// It did what it was told.
    Done,
    /// A part of what the person entered.
    Data(Zeroizing<Vec<u8>>),
    /// It did not: an error of libgpg-error, without its source.
    Failed(u16),
    /// A comment, or a status that changes nothing.
    Passing,
}

/// What came is no line of Assuan's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage;

impl fmt::Display for Garbage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it does not speak Assuan")
    }
}

impl std::error::Error for Garbage {}

/// Returns what a line says, without its end.
pub fn parse(line: &[u8]) -> Result<Line, Garbage> {
    let (word, rest) = match line.iter().position(|&byte| byte == b' ') {
        Some(place) => (&line[..place], &line[place + 1..]),
        None => (line, &[] as &[u8]),
    };
    match word {
        b"OK" => Ok(Line::Done),
        b"D" => decode(rest).map(Line::Data),
        b"ERR" => error(rest).map(Line::Failed),
        b"S" | b"" => Ok(Line::Passing),
        word if word.starts_with(b"#") => Ok(Line::Passing),
        _ => Err(Garbage),
    }
}

/// Takes per cent signs back.
fn decode(data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Garbage> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut rest = data.iter();
    while let Some(&byte) = rest.next() {
        decoded.push(match byte {
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            byte => byte,
        });
    }
    Ok(decoded)
}

fn digit(byte: Option<&u8>) -> Result<u8, Garbage> {
    let digit = byte.and_then(|&byte| char::from(byte).to_digit(16)).ok_or(Garbage)?;
    u8::try_from(digit).map_err(|_| Garbage)
}

/// The low half of the number is the error, the high one says who made it.
fn error(rest: &[u8]) -> Result<u16, Garbage> {
    let digits = rest.split(|&byte| byte == b' ').next().unwrap_or_default();
    let number: u32 = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Garbage)?;
    u16::try_from(number & 0xffff).map_err(|_| Garbage)
}

/// Returns a text so that it can stand in a line: with per cent signs for what would end it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '%' | '\0'..='\u{1f}' | '\u{7f}' => escaped.push_str(&format!("%{:02X}", u32::from(letter))),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Lines as they come in, in a room that never grows and is wiped.
pub struct Lines {
    room: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { room: Zeroizing::new(vec![0; LINE_LIMIT]), filled: 0 }
    }
}

impl Lines {
    /// Returns where to read to.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.room[self.filled..]
    }

    /// Takes note that so many bytes were read there.
    pub fn read(&mut self, count: usize) {
        self.filled = self.room.len().min(self.filled + count);
    }

    /// Returns the next line; `None` where its end is still to come.
    pub fn next_line(&mut self) -> Option<Result<Line, Garbage>> {
        let Self { room, filled } = self;
        let Some(end) = room[..*filled].iter().position(|&byte| byte == b'\n') else {
            return (*filled == room.len()).then_some(Err(Garbage));
        };
        let line = room[..end].strip_suffix(b"\r").unwrap_or(&room[..end]);
        let line = parse(line);
        room.copy_within(end + 1..*filled, 0);
        let left = *filled - end - 1;
        room[left..*filled].zeroize();
        *filled = left;
        Some(line)
    }
}

/// The longest line, its end included: "lines are limited to 1000 bytes".
pub const LINE_LIMIT: usize = 1002;

#[cfg(test)]
mod tests;
