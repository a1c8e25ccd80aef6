use std::borrow::Cow;
use std::time::Duration;

/// What stands behind the module's name in `/etc/pam.d`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Only with this kind of token.
    pub(crate) location: Option<Location>,
    /// Whether what another module asked for is tried as the pass phrase.
    pub(crate) first_pass: FirstPass,
    /// How long an authentication may take; it depends on the token unless told.
    pub(crate) timeout: Option<Duration>,
    /// A session that cannot be bound does not open.
    pub(crate) require: bool,
    /// Says in the log what it does.
    pub(crate) debug: bool,
}

/// Where a private key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the local store, under a pass phrase.
    Local,
    /// On a card, behind a PIN.
    Card,
    /// On a phone, behind its person's yes.
    Phone,
}

/// What is done with a password that another module asked for. It is only ever tried as a pass phrase: as a PIN it would spend
/// a try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FirstPass {
    /// Nothing.
    #[default]
    Ignore,
    /// It is tried, and if it is wrong the person is asked.
    Try,
    /// It is tried, and nobody is ever asked.
    Only,
}

impl Location {
    /// Returns the name that the bus has for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Card => "card",
            Self::Phone => "phone",
        }
    }
}

impl Arguments {
    /// Reads the words; returns those beside that mean nothing.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = Cow<'a, str>>) -> (Self, Vec<String>) {
        let mut arguments = Self::default();
        let unknown = words.filter(|word| arguments.take(word).is_none()).map(Cow::into_owned).collect();
        if arguments.first_pass == FirstPass::Only {
            // A card's PIN is always asked for.
            arguments.location = arguments.location.or(Some(Location::Local));
        }
        (arguments, unknown)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        match word.split_once('=') {
            None if word == "try_first_pass" => self.first_pass = FirstPass::Try,
            // In the `password` stack modules are given the second name.
            None if word == "use_first_pass" || word == "use_authtok" => self.first_pass = FirstPass::Only,
            None if word == "require" => self.require = true,
            None if word == "debug" => self.debug = true,
            Some(("location", "local")) => self.location = Some(Location::Local),
            Some(("location", "phone")) => self.location = Some(Location::Phone),
            Some(("location", "card")) => self.location = Some(Location::Card),
            Some(("timeout", seconds)) => {
                let seconds = seconds.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds))?;
                self.timeout = Some(Duration::from_secs(seconds));
            }
            None | Some(_) => return None,
        }
        Some(())
    }
}

/// Nobody waits longer for a login.
const MOST_SECONDS: u64 = 600;

#[cfg(test)]
mod tests {
    use super::{Arguments, FirstPass, Location};
    use std::borrow::Cow;
    use std::time::Duration;

    fn parse(words: &str) -> (Arguments, Vec<String>) {
        Arguments::parse(words.split_whitespace().map(Cow::from))
    }

    #[test]
    fn every_argument_is_read() {
        let (arguments, unknown) = parse("location=card try_first_pass timeout=7 require debug");
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(parse("location=phone").0.location, Some(Location::Phone));
        let expected = Arguments {
            location: Some(Location::Card),
            first_pass: FirstPass::Try,
            timeout: Some(Duration::from_secs(7)),
            require: true,
            debug: true,
        };
        assert_eq!(arguments, expected);
    }

    #[test]
    fn what_means_nothing_is_told_and_changes_nothing() {
        let words = "nullok location=sim timeout=0 timeout=601 timeout=soon timeout debug=1 require=";
        let (arguments, unknown) = parse(words);
        assert_eq!(arguments, Arguments::default());
        assert_eq!(unknown, words.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn a_password_that_nobody_is_asked_for_is_for_the_local_store_unless_told() {
        assert_eq!(parse("use_first_pass").0.location, Some(Location::Local));
        assert_eq!(parse("use_first_pass location=card").0.location, Some(Location::Card));
        assert_eq!(parse("try_first_pass").0.location, None);
        assert_eq!(parse("use_authtok").0.first_pass, FirstPass::Only);
    }
}
