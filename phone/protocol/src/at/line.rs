use super::{Arguments, BadArguments};

/// A command line that begins with `AT`.
#[derive(Clone, Debug)]
pub(crate) struct Command<'a> {
    /// The letters behind `AT` in upper case: empty, `E`, `I`, `Z`, `+CKVER`, …
    pub(crate) name: String,
    /// What is wanted of it.
    pub(crate) action: Action<'a>,
}

/// What is wanted of a command.
#[derive(Clone, Debug)]
pub(crate) enum Action<'a> {
    /// `AT+NAME`, `ATE0`: do it; the digits behind a basic command change nothing here.
    Execute,
    /// `AT+NAME?`.
    Read,
    /// `AT+NAME=?`.
    Test,
    /// `AT+NAME=…`.
    Set(Arguments<'a>),
}

impl<'a> Command<'a> {
    /// Reads a line; `None` where it is no command line at all.
    pub(crate) fn parse(line: &'a str) -> Option<Result<Self, BadArguments>> {
        let line = line.trim_matches(' ');
        let prefix = line.get(..2).filter(|prefix| prefix.eq_ignore_ascii_case("AT"))?;
        let body = line[prefix.len()..].trim_start_matches(' ');
        Some(match body.strip_prefix('+') {
            Some(extended) => Self::extended(extended),
            None => Self::basic(body),
        })
    }

    fn extended(body: &'a str) -> Result<Self, BadArguments> {
        let (name, behind) = name(body)?;
        let action = match behind.trim_matches(' ') {
            "" => Action::Execute,
            "?" => Action::Read,
            other => {
                let values = other.strip_prefix('=').ok_or(BadArguments("there is no such command"))?;
                match values.trim_matches(' ') {
                    "?" => Action::Test,
                    values => Action::Set(Arguments::parse(values)?),
                }
            }
        };
        Ok(Self { name, action })
    }

    fn basic(body: &'a str) -> Result<Self, BadArguments> {
        let name = body.get(..1).unwrap_or_default();
        if !name.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(BadArguments("there is no such command"));
        }
        if !body[name.len()..].trim_matches(' ').bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(BadArguments("there is no such command"));
        }
        Ok(Self { name: name.to_ascii_uppercase(), action: Action::Execute })
    }
}

/// A line of information, `+NAME: …`.
#[derive(Clone, Debug)]
pub(crate) struct Information<'a> {
    /// The name with its `+`, in upper case.
    pub(crate) name: String,
    /// What stands behind the colon.
    pub(crate) text: &'a str,
}

impl<'a> Information<'a> {
    /// Reads a line; `None` where it is none.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let (name, behind) = name(line.trim_matches(' ').strip_prefix('+')?).ok()?;
        let text = behind.trim_start_matches(' ').strip_prefix(':')?.trim_matches(' ');
        Some(Self { name, text })
    }

    /// Reads the values.
    pub(crate) fn arguments(&self) -> Result<Arguments<'a>, BadArguments> {
        Arguments::parse(self.text)
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// With the number of `+CME ERROR`; 0 where there is none.
    Error(u32),
}

impl Outcome {
    /// Reads a line; `None` where it is none.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim_matches(' ');
        if line.eq_ignore_ascii_case("OK") {
            return Some(Self::Ok);
        }
        if line.eq_ignore_ascii_case("ERROR") {
            return Some(Self::Error(0));
        }
        let prefix = "+CME ERROR";
        let head = line.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
        let number = line[head.len()..].trim_start_matches(' ').strip_prefix(':')?.trim_matches(' ');
        // Texts instead of numbers (`AT+CMEE=2`) say no more than that it failed.
        Some(Self::Error(number.parse().unwrap_or(0)))
    }
}

/// Reads the name of an extended command behind its `+` (V.250, 5.4.1), and returns what stands behind it.
fn name(text: &str) -> Result<(String, &str), BadArguments> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (name, behind) = text.split_at(end);
    if name.is_empty() || name.len() > NAME_LIMIT {
        return Err(BadArguments("there is no such command"));
    }
    Ok((format!("+{}", name.to_ascii_uppercase()), behind))
}

/// The most letters of a name (V.250, 5.4.1: sixteen with the `+`).
const NAME_LIMIT: usize = 15;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::{Action, Command, Information, Outcome};

    fn command(line: &str) -> (String, &'static str) {
        let command = Command::parse(line).unwrap().unwrap();
        let action = match command.action {
            Action::Execute => "execute",
            Action::Read => "read",
            Action::Test => "test",
            Action::Set(_) => "set",
        };
        (command.name, action)
    }

    #[test]
    fn commands_are_read_whatever_their_case_and_spaces() {
        for (line, name, action) in [
            ("AT", "", "execute"),
            (" at ", "", "execute"),
            ("ate0", "E", "execute"),
            ("AT E 1", "E", "execute"),
            ("ATZ", "Z", "execute"),
            ("At+ckver ?", "+CKVER", "read"),
            ("AT +CKVER=?", "+CKVER", "test"),
            ("AT+CKX = 0 , \"QQ==\"", "+CKX", "set"),
            ("AT+CKX=", "+CKX", "set"),
            ("AT+CKX", "+CKX", "execute"),
        ] {
            assert_eq!(command(line), (name.to_owned(), action), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_told_from_a_wrong_one() {
        for line in ["", "A", "OK", "RING", "+CKX: 0", "ätsch"] {
            assert!(Command::parse(line).is_none(), "{line}");
        }
        for line in ["AT+", "AT+CKVER!", "AT?", "ATE0+CMEE=1", "AT+CKX=\"", "AT+A234567890123456", "ATé"] {
            assert!(Command::parse(line).unwrap().is_err(), "{line}");
        }
    }

    #[test]
    fn results_are_read_whatever_their_case_and_spaces() {
        let information = Information::parse(" +ckver : 1,2 ").unwrap();
        assert_eq!((information.name.as_str(), information.text), ("+CKVER", "1,2"));
        for line in ["OK", "CKX: 0", "+: 1", "+CKX 0", "RING"] {
            assert!(Information::parse(line).is_none(), "{line}");
        }
        assert_eq!(Outcome::parse(" ok"), Some(Outcome::Ok));
        assert_eq!(Outcome::parse("Error"), Some(Outcome::Error(0)));
        assert_eq!(Outcome::parse("+CME ERROR: 22"), Some(Outcome::Error(22)));
        assert_eq!(Outcome::parse("+cme error: not found"), Some(Outcome::Error(0)));
        assert_eq!(Outcome::parse("OKAY"), None);
    }
}
