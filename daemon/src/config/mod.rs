//! The configuration: TOML, a main file and drop-ins, later ones win key by key.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Config`]: everything that can be configured; [`ConfigError`] |
//! | `document` | the file as it is written, and what it changes |
//! | `values` | texts of the file as values |

mod document;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claviger_card::CardsConfig;
use claviger_core::{Caps, RemovalPolicy};
use claviger_phone_token::PhonesConfig;
use claviger_soft::Cost;
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
    /// How phones are reached, and how patiently.
    pub phones: PhonesConfig,
    /// How people log in.
    pub login: LoginConfig,
    /// What happens to a session whose token is gone.
    pub removal: RemovalPolicy,
    /// What the sessions of a user mean for the user's keys.
    pub sessions: SessionsConfig,
    /// What is logged.
    pub log: Targets,
}

/// How people log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginConfig {
    /// Whether a card in a reader of this machine serves a login from another machine.
    pub remote_cards: bool,
    /// Whether a phone serves a login from another machine.
    pub remote_phones: bool,
    /// How long a phone is not asked about logins after a no, or after no answer.
    pub phone_pause: Duration,
    /// How long an authentication can be used to bind a session.
    pub lifetime: Duration,
}

/// What the sessions of a user mean for the user's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionsConfig {
    /// Whether keys refuse use while their user's screen is locked.
    pub freeze: bool,
    /// Whether PINs and opened keys are wiped before the machine sleeps.
    pub wipe_on_sleep: bool,
    /// Whether a user's keys are locked when the user's last session ends.
    pub lock_after_last_session: bool,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self {
            remote_cards: false,
            remote_phones: true,
            phone_pause: Duration::from_secs(30),
            lifetime: Duration::from_secs(120),
        }
    }
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self { freeze: true, wipe_on_sleep: true, lock_after_last_session: true }
    }
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
            phones: PhonesConfig::new(RUNTIME_FOLDER),
            login: LoginConfig::default(),
            removal: RemovalPolicy::default(),
            sessions: SessionsConfig::default(),
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
        let document: document::Document = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            failure(file, line, with_hint(error.message()))
        })?;
        document.change(self).map_err(|what| failure(file, None, what))
    }
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

/// Where the sockets for phones are, unless told.
pub const RUNTIME_FOLDER: &str = "/run/claviger";
/// Where systemd listens for the helper that knows OpenSC.
const OPENSC_SOCKET: &str = "/run/claviger/opensc.sock";
const DEFAULT_FILE: &str = "/etc/claviger/claviger.toml";
const SIZE_LIMIT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
