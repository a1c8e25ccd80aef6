//! What a phone can do, as a text: the daemon keeps it for when the phone is away.
//!
//! Lines of `name value`; a name that is not known, from a later version, is skipped.

use std::collections::BTreeSet;

use claviger_phone_protocol::Info;
use claviger_token::{Algorithm, Capabilities, Mechanism};

/// Returns the text of it. Whether the phone was unlocked is not kept.
pub fn print(info: &Info) -> String {
    let Info { label, manufacturer, model, serial, unlocked: _, asks_itself, capabilities } = info;
    let Capabilities { mechanisms, generates, imports, erases, data_limit } = capabilities;
    let mechanisms: Vec<_> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
    let names = |algorithms: &BTreeSet<Algorithm>| {
        algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(" ")
    };
    let lines = [
        ("label", one_line(label)),
        ("manufacturer", one_line(manufacturer)),
        ("model", one_line(model)),
        ("serial", one_line(serial)),
        ("asks-itself", asks_itself.to_string()),
        ("mechanisms", mechanisms.join(" ")),
        ("generates", names(generates)),
        ("imports", names(imports)),
        ("erases", erases.to_string()),
        ("data-limit", data_limit.to_string()),
    ];
    lines.iter().map(|(name, value)| format!("{name} {value}\n")).collect()
}

/// Returns what the text says; `None` where it is no such text.
pub fn parse(text: &str) -> Option<Info> {
    let value = |wanted: &str| {
        let line = text.lines().find_map(|line| line.split_once(' ').filter(|(name, _)| *name == wanted));
        line.map(|(_, value)| value.to_owned())
    };
    let algorithms = |name: &str| -> Option<BTreeSet<Algorithm>> {
        Some(value(name)?.split_whitespace().filter_map(Algorithm::from_name).collect())
    };
    Some(Info {
        label: value("label")?,
        manufacturer: value("manufacturer")?,
        model: value("model")?,
        serial: value("serial")?,
        unlocked: false,
        asks_itself: value("asks-itself")?.parse().ok()?,
        capabilities: Capabilities {
            mechanisms: value("mechanisms")?.split_whitespace().filter_map(Mechanism::from_name).collect(),
            generates: algorithms("generates")?,
            imports: algorithms("imports")?,
            erases: value("erases")?.parse().ok()?,
            data_limit: value("data-limit")?.parse().ok()?,
        },
    })
}

fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::{parse, print};
    use crate::Info;
    use claviger_token::{Algorithm, Capabilities, Mechanism};

    fn info() -> Info {
        Info {
            label: "Alice's phone".into(),
            manufacturer: String::new(),
            model: "A phone 2".into(),
            serial: "1 2".into(),
            unlocked: false,
            asks_itself: true,
            capabilities: Capabilities {
                mechanisms: Mechanism::ALL.into_iter().collect(),
                generates: Algorithm::ALL.into_iter().collect(),
                imports: [].into(),
                erases: true,
                data_limit: 1_048_576,
            },
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        assert_eq!(parse(&print(&info())), Some(info()));
    }

    #[test]
    fn a_line_break_in_a_name_forges_no_line() {
        let forged = Info { label: "a\nerases false".into(), ..info() };
        let read = parse(&print(&forged)).expect("it is such a text");
        assert_eq!(read.label, "a erases false");
        assert!(read.capabilities.erases);
    }

    #[test]
    fn what_is_missing_is_noticed_and_what_is_new_is_skipped() {
        let text = print(&info());
        assert_eq!(parse(&format!("{text}colour blue\n")), Some(info()));
        for line in text.lines() {
            assert_eq!(parse(&text.replace(&format!("{line}\n"), "")), None, "{line}");
        }
    }
}
