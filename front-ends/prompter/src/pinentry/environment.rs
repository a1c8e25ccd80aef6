use std::ffi::OsStr;
use std::io::IsTerminal as _;

/// Where a pinentry shows itself, beside what it takes from the environment (DISPLAY, WAYLAND_DISPLAY, the session bus).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    terminal: Option<String>,
    terminal_type: Option<String>,
    /// The locale of letters, and that of messages.
    letters: Option<String>,
    messages: Option<String>,
}

impl Environment {
    /// Returns that of this process: as for gpg-agent, GPG_TTY names the terminal, or else standard input is it.
    pub(crate) fn of_this_process() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let locale = |name: &str| variable("LC_ALL").or_else(|| variable(name)).or_else(|| variable("LANG"));
        Self {
            terminal: variable("GPG_TTY").filter(|name| name.starts_with('/')).or_else(standard_input),
            terminal_type: variable("TERM"),
            letters: locale("LC_CTYPE"),
            messages: locale("LC_MESSAGES"),
        }
    }

    /// Returns the options of `OPTION`.
    pub(crate) fn options(&self) -> Vec<String> {
        let Self { terminal, terminal_type, letters, messages } = self;
        let mut options = Vec::new();
        let mut add = |name: &str, value: Option<&str>| {
            options.extend(value.map(|value| format!("{name}={value}")));
        };
        add("ttyname", terminal.as_deref());
        add("ttytype", terminal_type.as_deref());
        // Services have no locale; texts in UTF-8 are then still understood.
        add("lc-ctype", Some(letters.as_deref().unwrap_or("C.UTF-8")));
        add("lc-messages", messages.as_deref());
        options
    }

    /// Returns a text that the locale has letters for: pinentry-curses shows nothing at all of one that it has not.
    pub(crate) fn writable(&self, text: &str) -> String {
        let is_unicode = self.letters.as_deref().is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        if is_unicode {
            return text.to_owned();
        }
        text.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect()
    }
}

/// Returns the terminal that is standard input.
fn standard_input() -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let path = std::fs::read_link("/proc/self/fd/0").ok()?;
    Some(path.as_os_str()).and_then(OsStr::to_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn a_pinentry_is_told_its_terminal_and_its_locale() {
        let nothing = Environment::default();
        assert_eq!(nothing.options(), ["lc-ctype=C.UTF-8"]);
        let all = Environment {
            terminal: Some("/dev/pts/3".to_owned()),
            terminal_type: Some("xterm".to_owned()),
            letters: Some("de_DE.UTF-8".to_owned()),
            messages: Some("C".to_owned()),
        };
        let expected = ["ttyname=/dev/pts/3", "ttytype=xterm", "lc-ctype=de_DE.UTF-8", "lc-messages=C"];
        assert_eq!(all.options(), expected);
    }

    #[test]
    fn letters_that_the_locale_has_not_are_not_written() {
        let with = |letters: Option<&str>| Environment {
            letters: letters.map(str::to_owned),
            ..Environment::default()
        };
        for (locale, expected) in [
            (None, "K\u{fc}che"),
            (Some("de_DE.UTF-8"), "K\u{fc}che"),
            (Some("C.utf8"), "K\u{fc}che"),
            (Some("C"), "K?che"),
            (Some("de_DE"), "K?che"),
        ] {
            assert_eq!(with(locale).writable("K\u{fc}che"), expected, "{locale:?}");
        }
    }
}
