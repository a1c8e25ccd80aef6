use std::borrow::Cow;

use data_encoding::BASE64;

/// One value of a command or a result.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value<'a> {
    /// Nothing stands between the commas.
    Omitted,
    Number(u64),
    Text(Cow<'a, str>),
}

/// The values are not what they must be: what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadArguments(pub(crate) &'static str);

/// Values, taken one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Arguments<'a> {
    values: std::vec::IntoIter<Value<'a>>,
}

impl<'a> Arguments<'a> {
    /// Reads values parted by commas; of nothing at all, none.
    pub(crate) fn parse(text: &'a str) -> Result<Self, BadArguments> {
        let mut values = Vec::new();
        let mut rest = text.trim_matches(' ');
        if rest.is_empty() {
            return Ok(Self { values: values.into_iter() });
        }
        loop {
            if values.len() == VALUES_LIMIT {
                return Err(BadArguments("there are too many values"));
            }
            let (value, behind) = value(rest)?;
            values.push(value);
            match behind.trim_start_matches(' ').strip_prefix(',') {
                Some(more) => rest = more.trim_start_matches(' '),
                None if behind.trim_start_matches(' ').is_empty() => break,
                None => return Err(BadArguments("something stands behind a value")),
            }
        }
        Ok(Self { values: values.into_iter() })
    }

    /// Returns how many are left.
    pub(crate) fn left(&self) -> usize {
        self.values.len()
    }

    /// Takes a number.
    pub(crate) fn number(&mut self) -> Result<u64, BadArguments> {
        match self.values.next() {
            Some(Value::Number(number)) => Ok(number),
            Some(Value::Omitted | Value::Text(_)) | None => Err(BadArguments("a number is missing")),
        }
    }

    /// Takes a number that is not greater than 32 bits hold.
    pub(crate) fn small(&mut self) -> Result<u32, BadArguments> {
        self.number()?.try_into().map_err(|_| BadArguments("a number is too great"))
    }

    /// Takes a text.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, BadArguments> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Omitted | Value::Number(_)) | None => Err(BadArguments("a text is missing")),
        }
    }

    /// Takes bytes, which are written in base64.
    pub(crate) fn data(&mut self) -> Result<Vec<u8>, BadArguments> {
        base64(&self.text()?).ok_or(BadArguments("data are not base64"))
    }

    /// Takes the same thing until nothing is left.
    pub(crate) fn rest<T>(
        &mut self,
        take: impl Fn(&mut Self) -> Result<T, BadArguments>,
    ) -> Result<Vec<T>, BadArguments> {
        let mut all = Vec::with_capacity(self.left());
        while self.left() > 0 {
            all.push(take(self)?);
        }
        Ok(all)
    }

    /// Holds that nothing is left.
    pub(crate) fn end(&self) -> Result<(), BadArguments> {
        if self.left() == 0 { Ok(()) } else { Err(BadArguments("there are too many values")) }
    }
}

/// Reads base64 in the one form that the bytes have. (The crate takes several pieces, each with its own padding.)
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    (BASE64.encode_len(bytes.len()) == text.len()).then_some(bytes)
}

/// Reads one value, and returns what stands behind it.
fn value(text: &str) -> Result<(Value<'_>, &str), BadArguments> {
    if let Some(string) = text.strip_prefix('"') {
        let (inside, behind) = string.split_once('"').ok_or(BadArguments("a quote is missing"))?;
        return Ok((Value::Text(unescape(inside)?), behind));
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, behind) = text.split_at(end);
    if digits.is_empty() {
        return Ok((Value::Omitted, behind));
    }
    let number = digits.parse().map_err(|_| BadArguments("a number is too great"))?;
    Ok((Value::Number(number), behind))
}

/// Puts the bytes in place that `\hh` stands for.
fn unescape(text: &str) -> Result<Cow<'_, str>, BadArguments> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push((high << 4 | low) as u8),
            _ => return Err(BadArguments("an escape is not two hexadecimal digits")),
        }
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| BadArguments("a text is not UTF-8"))
}

/// The most values of one line: a message of nothing but commas would take thirty times its size.
const VALUES_LIMIT: usize = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::{Arguments, BadArguments};

    #[test]
    fn values_are_read_with_spaces_around_them_and_escapes_inside() {
        let mut arguments = Arguments::parse(r#" 12 , "a, b\22\5c\C3\a9é" ,"" "#).unwrap();
        assert_eq!(arguments.number(), Ok(12));
        assert_eq!(arguments.text().unwrap(), "a, b\"\\éé");
        assert_eq!(arguments.data(), Ok(Vec::new()));
        assert_eq!(arguments.end(), Ok(()));
        assert_eq!(Arguments::parse("  ").unwrap().left(), 0);
        assert_eq!(Arguments::parse(",").unwrap().left(), 2);
    }

    #[test]
    fn a_line_has_no_more_values_than_it_may() {
        assert_eq!(Arguments::parse(&",".repeat(1023)).unwrap().left(), 1024);
        let too_many = BadArguments("there are too many values");
        for length in [1024, 1_500_000] {
            assert_eq!(Arguments::parse(&",".repeat(length)).err(), Some(too_many));
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for bad in [
            "\"",
            "\"a",
            "\"a\"b",
            "1 2",
            "-1",
            "1x",
            r#""\4""#,
            r#""\4g""#,
            r#""\ff""#,
            "18446744073709551616",
        ] {
            assert!(Arguments::parse(bad).is_err(), "{bad}");
        }
        let wrong = |text| Arguments::parse(text).unwrap();
        assert_eq!(wrong("\"1\"").number(), Err(BadArguments("a number is missing")));
        assert_eq!(wrong("1").text(), Err(BadArguments("a text is missing")));
        assert_eq!(wrong(",1").text(), Err(BadArguments("a text is missing")));
        assert_eq!(wrong("4294967296").small(), Err(BadArguments("a number is too great")));
        assert_eq!(wrong("1").end(), Err(BadArguments("there are too many values")));
        for bad in ["\"QQ\"", "\"QR==\"", "\"Q Q=\"", "\"QQ==QQ==\""] {
            assert!(wrong(bad).data().is_err(), "{bad}");
        }
    }
}
