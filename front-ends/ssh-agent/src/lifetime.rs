//! Times as ssh has them: `600`, `10m`, `1h30m`.

use std::fmt;

/// The text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTime;

/// Returns the seconds of a time in the format of sshd_config(5); none is no lifetime at all.
pub fn seconds(text: &str) -> Result<u32, NoTime> {
    let mut total: u32 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let number: u32 = number.parse().map_err(|_| NoTime)?;
        let (unit, after) = match after.chars().next() {
            None => (1, after),
            Some(letter) => (unit(letter)?, &after[letter.len_utf8()..]),
        };
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or(NoTime)?;
        rest = after;
    }
    if total == 0 { Err(NoTime) } else { Ok(total) }
}

const fn unit(letter: char) -> Result<u32, NoTime> {
    match letter {
        's' | 'S' => Ok(1),
        'm' | 'M' => Ok(60),
        'h' | 'H' => Ok(60 * 60),
        'd' | 'D' => Ok(24 * 60 * 60),
        'w' | 'W' => Ok(7 * 24 * 60 * 60),
        _ => Err(NoTime),
    }
}

impl fmt::Display for NoTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time is for example 600, 10m or 1h30m")
    }
}

impl std::error::Error for NoTime {}

#[cfg(test)]
mod tests {
    use super::{NoTime, seconds};

    /// The examples of sshd_config(5).
    #[test]
    fn times_are_those_of_ssh() {
        for (text, expected) in [("600", 600), ("10m", 600), ("1h30m", 5400), ("1W2d", 777_600)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "m", "10x", "-1", "9999999999", "9999w9999w", "1h30m-", "ä"] {
            assert_eq!(seconds(text), Err(NoTime), "{text}");
        }
    }
}
