//! The configuration: TOML, a main file and drop-ins, later ones win key by key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claviger_card::CardsConfig;
use claviger_core::Caps;
use claviger_soft::Cost;
use serde::Deserialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Everything that can be configured, with its defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whether a registration waits for an administrator.
    pub consent: bool,
    /// Algorithms of the keys that a registration makes.
    pub first_keys: Vec<claviger_token::Algorithm>,
    /// How long an unlocked store stays open without use; `None` is for ever.
    pub idle: Option<Duration>,
    /// The cost of guessing a pass phrase; `None` is calibrated at the first use.
    pub cost: Option<Cost>,
    /// How much one user may have under way.
    pub caps: Caps,
    /// Which cards are looked for, and how patiently.
    pub cards: CardsConfig,
    /// What is logged.
    pub log: Targets,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            consent: false,
            first_keys: vec![claviger_token::Algorithm::P256],
            idle: Some(Duration::from_secs(8 * 3600)),
            cost: None,
            caps: Caps::default(),
            cards: CardsConfig { opensc_socket: Some(OPENSC_SOCKET.into()), ..CardsConfig::default() },
            log: Targets::new().with_default(LevelFilter::INFO),
        }
    }
}

/// Why a configuration is not in order: which file, where, and what to do.
#[derive(Debug)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what } = self;
        match line {
            Some(line) => write!(formatter, "cannot read configuration {}:{line}: {what}", file.display()),
            None => write!(formatter, "cannot read configuration {}: {what}", file.display()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads `file` and its drop-ins. A default file that does not exist is no error; one that was named is.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let main = named.unwrap_or(Path::new(DEFAULT_FILE));
        let mut config = Self::default();
        match read(main)? {
            Some(text) => config.merge(main, &text)?,
            None if named.is_some() => return Err(failure(main, None, "there is no such file")),
            None => {}
        }
        for file in drop_ins(&main.with_extension("d"))? {
            if let Some(text) = read(&file)? {
                config.merge(&file, &text)?;
            }
        }
        Ok(config)
    }

    /// Takes over what `text` says; what it does not say stays.
    pub fn merge(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let Document { registration, unlock, kdf, limits, cards, log } =
            toml::from_str(text).map_err(|error| {
                let line =
                    error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
                failure(file, line, with_hint(error.message()))
            })?;
        let value = |what: String| failure(file, None, what);
        set(&mut self.consent, registration.consent);
        if let Some(names) = registration.keys {
            self.first_keys = algorithms(&names).map_err(value)?;
        }
        if let Some(text) = unlock.idle {
            self.idle = idle(&text).map_err(value)?;
        }
        self.merge_kdf(&kdf).map_err(value)?;
        let Caps { operations, channels, subscriptions, files, keys } = &mut self.caps;
        set(operations, limits.operations);
        set(channels, limits.channels);
        set(subscriptions, limits.subscriptions);
        set(files, limits.files);
        set(keys, limits.keys);
        self.merge_cards(cards).map_err(value)?;
        if let Some(text) = log.level {
            self.log = filter(&text).map_err(value)?;
        }
        Ok(())
    }

    fn merge_cards(&mut self, table: CardsTable) -> Result<(), String> {
        let CardsTable { applications, opensc_socket, wait, deadline } = table;
        if let Some(names) = applications {
            let kind = |name: &String| {
                let unknown = || format!("[cards] applications: {name:?} is none of piv, openpgp, opensc");
                claviger_card::Kind::from_name(name).ok_or_else(unknown)
            };
            self.cards.applications = names.iter().map(kind).collect::<Result<_, _>>()?;
        }
        if let Some(path) = opensc_socket {
            self.cards.opensc_socket = (!path.as_os_str().is_empty()).then_some(path);
        }
        set(&mut self.cards.wait, wait.map(|text| patience("wait", &text)).transpose()?);
        set(&mut self.cards.deadline, deadline.map(|text| patience("deadline", &text)).transpose()?);
        Ok(())
    }

    fn merge_kdf(&mut self, kdf: &Kdf) -> Result<(), String> {
        let Kdf { memory_kib, passes, lanes } = *kdf;
        if (memory_kib, passes, lanes) == (None, None, None) {
            return Ok(());
        }
        let base = self.cost.unwrap_or(Cost::FLOOR);
        let cost = Cost {
            memory_kib: memory_kib.unwrap_or(base.memory_kib),
            passes: passes.unwrap_or(base.passes),
            lanes: lanes.unwrap_or(base.lanes),
        };
        let (floor, ceiling) = (Cost::FLOOR, Cost::CEILING);
        for (name, value, least, most) in [
            ("memory-kib", cost.memory_kib, floor.memory_kib, ceiling.memory_kib),
            ("passes", cost.passes, floor.passes, ceiling.passes),
            ("lanes", cost.lanes, floor.lanes, ceiling.lanes),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("[kdf] {name} = {value} is out of bounds: {least} to {most}"));
            }
        }
        if cost.memory_kib.saturating_mul(cost.passes) > Cost::MOST_WORK_KIB {
            return Err(format!("[kdf] memory-kib x passes is over {} KiB", Cost::MOST_WORK_KIB));
        }
        self.cost = Some(cost);
        Ok(())
    }
}

/// The file as it is written. Unknown keys are refused: a typo must not be silence.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    registration: RegistrationTable,
    unlock: Unlock,
    kdf: Kdf,
    limits: LimitsTable,
    cards: CardsTable,
    log: Log,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RegistrationTable {
    consent: Option<bool>,
    keys: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Unlock {
    idle: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Kdf {
    memory_kib: Option<u32>,
    passes: Option<u32>,
    lanes: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    operations: Option<u32>,
    channels: Option<u32>,
    subscriptions: Option<u32>,
    files: Option<u32>,
    keys: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct CardsTable {
    applications: Option<Vec<String>>,
    opensc_socket: Option<PathBuf>,
    wait: Option<String>,
    deadline: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Log {
    level: Option<String>,
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn idle(text: &str) -> Result<Option<Duration>, String> {
    if text == "never" {
        return Ok(None);
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(Some(duration)),
        Ok(_) => Err(format!("[unlock] idle = {text:?} is under a second; say \"never\" for no time-out")),
        Err(error) => Err(format!("[unlock] idle = {text:?} is no duration like \"8h\" or \"15m\": {error}")),
    }
}

fn patience(name: &str, text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (SHORTEST..=LONGEST).contains(&duration) => Ok(duration),
        Ok(_) => Err(format!("[cards] {name} = {text:?} is not within 100ms to 2m")),
        Err(error) => Err(format!("[cards] {name} = {text:?} is no duration like \"5s\": {error}")),
    }
}

fn filter(text: &str) -> Result<Targets, String> {
    // Targets takes any other word for a module of which everything is logged: a typo would be silence.
    let is_level = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    match (text.split(',').all(is_level), text.parse()) {
        (true, Ok(targets)) => Ok(targets),
        (_, Err(error)) => Err(format!("[log] level = {text:?}: {error}")),
        (false, Ok(_)) => Err(format!(
            "[log] level = {text:?}: there are error, warn, info, debug, trace and off, or MODULE=LEVEL"
        )),
    }
}

fn algorithms(names: &[String]) -> Result<Vec<claviger_token::Algorithm>, String> {
    names
        .iter()
        .map(|name| {
            claviger_token::Algorithm::from_name(name)
                .ok_or_else(|| format!("[registration] keys: {name:?} is no algorithm"))
        })
        .collect()
}

/// Adds "did you mean …?" to toml's "unknown field `x`, expected one of `a`, `b`".
fn with_hint(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let hint = message.starts_with("unknown field").then(|| quoted.next()).flatten().and_then(|typo| {
        let near = quoted.map(|known| (strsim::osa_distance(typo, known), known)).min()?;
        (near.0 <= 3).then(|| format!("; did you mean `{}`?", near.1))
    });
    format!("{message}{}", hint.unwrap_or_default())
}

fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failure(folder, None, error.to_string())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failure(folder, None, error.to_string()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(file, None, error.to_string())),
        Ok(metadata) if metadata.len() > SIZE_LIMIT => {
            return Err(failure(file, None, format!("it has more than {SIZE_LIMIT} bytes")));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(file).map(Some).map_err(|error| failure(file, None, error.to_string()))
}

fn failure(file: &Path, line: Option<usize>, what: impl Into<String>) -> ConfigError {
    ConfigError { file: file.to_owned(), line, what: what.into() }
}

/// Where systemd listens for the helper that knows OpenSC.
const OPENSC_SOCKET: &str = "/run/claviger/opensc.sock";
/// The bounds of what is waited for a card.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(120);
const DEFAULT_FILE: &str = "/etc/claviger/claviger.toml";
const SIZE_LIMIT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{Config, Path};
    use std::time::Duration;

    fn merged(texts: &[&str]) -> Result<Config, String> {
        let mut config = Config::default();
        for text in texts {
            config.merge(Path::new("x.toml"), text).map_err(|error| error.to_string())?;
        }
        Ok(config)
    }

    #[test]
    fn the_shipped_file_says_the_defaults() {
        let shipped = include_str!("../../config/claviger.toml");
        assert_eq!(merged(&[shipped]), Ok(Config::default()));
        // The same with every commented example switched on: it must at least be valid.
        let examples: String =
            shipped.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n").collect();
        assert!(merged(&[&examples]).is_ok_and(|config| config != Config::default()));
    }

    #[test]
    fn a_later_file_wins_key_by_key() {
        let config = merged(&["[unlock]\nidle = \"1h\"\n[limits]\nkeys = 5", "[limits]\nfiles = 1"]);
        let config = config.expect("valid");
        assert_eq!(
            (config.idle, config.caps.keys, config.caps.files),
            (Some(Duration::from_secs(3600)), 5, 1)
        );
    }

    #[test]
    fn a_typo_is_refused_with_file_line_and_hint() {
        let error = merged(&["[limits]\nkeys = 1\n[unlock]\nidel = \"1h\"\n"]).expect_err("a typo");
        assert!(error.contains("x.toml:4"), "{error}");
        assert!(error.contains("did you mean `idle`?"), "{error}");
        let error = merged(&["[unlok]\n"]).expect_err("a typo");
        assert!(error.contains("x.toml:1") && error.contains("`unlock`"), "{error}");
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for text in [
            "[unlock]\nidle = \"soon\"",
            "[unlock]\nidle = \"0s\"",
            "[kdf]\nmemory-kib = 8",
            "[limits]\nkeys = -1",
            "[limits]\nkeys = \"many\"",
            "[registration]\nkeys = [\"DSA\"]",
            "unlock = 1",
            "[log]\nlevel = \"loud\"",
            "[cards]\napplications = [\"sim\"]",
            "[cards]\nwait = \"0s\"",
            "[cards]\ndeadline = \"1h\"",
        ] {
            assert!(merged(&[text]).is_err(), "{text}");
        }
        assert_eq!(merged(&["[unlock]\nidle = \"never\""]).map(|config| config.idle), Ok(None));
    }
}
