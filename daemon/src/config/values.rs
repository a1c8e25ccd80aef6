use std::ops::RangeInclusive;
use std::time::Duration;

use claviger_core::Action;
use claviger_token::Algorithm;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Returns how long an unlocked store stays open without use; `None` is for ever.
pub(super) fn idle(text: &str) -> Result<Option<Duration>, String> {
    never_or(text, |text| match humantime::parse_duration(text) {
        Ok(duration) if duration >= SECOND => Ok(duration),
        Ok(_) => Err(format!("[unlock] idle = {text:?} is under a second; say \"never\" for no time-out")),
        Err(error) => Err(format!("[unlock] idle = {text:?} is no duration like \"8h\" or \"15m\": {error}")),
    })
}

/// Returns what is waited for a card.
pub(super) fn patience(name: &str, text: &str) -> Result<Duration, String> {
    duration(&format!("[cards] {name}"), text, Duration::from_millis(100)..=Duration::from_secs(120))
}

/// Returns after how long a silent phone is unreachable; it is asked every two seconds whether it is there.
pub(super) fn lost(text: &str) -> Result<Duration, String> {
    duration("[phones] lost", text, SECOND * 5..=SECOND * 60)
}

/// Returns how long after that it counts as removed.
pub(super) fn grace(text: &str) -> Result<Duration, String> {
    duration("[phones] grace", text, SECOND..=HOUR)
}

/// Returns how long a phone, and its person, may take for a request. The PAM module waits for a minute and a little.
pub(super) fn request_timeout(text: &str) -> Result<Duration, String> {
    duration("[phones] request-timeout", text, SECOND * 5..=SECOND * 60)
}

/// Returns how long a phone is not asked about logins after a no.
pub(super) fn pause(text: &str) -> Result<Duration, String> {
    duration("[login] phone-pause", text, SECOND..=HOUR)
}

/// Returns how long an authentication can be used.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    duration("[login] authentication-lifetime", text, SECOND..=HOUR)
}

/// Returns how long a session may take to lock.
pub(super) fn confirmation(text: &str) -> Result<Duration, String> {
    duration("[removal] confirmation", text, Duration::from_millis(100)..=Duration::from_secs(120))
}

/// Returns after how long a token that cannot be reached counts as removed; `None` for never.
pub(super) fn unreachable(text: &str) -> Result<Option<Duration>, String> {
    never_or(text, |text| duration("[removal] unreachable", text, SECOND..=HOUR * 24))
}

/// Returns what is done with a session.
pub(super) fn action(name: &str, text: &str) -> Result<Action, String> {
    Action::from_name(text)
        .ok_or_else(|| format!("[removal] {name} = {text:?} is none of none, lock, terminate"))
}

/// Returns what is logged.
pub(super) fn filter(text: &str) -> Result<Targets, String> {
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

/// Returns the algorithms of the keys that a registration makes.
pub(super) fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, String> {
    let algorithm = |name: &String| {
        Algorithm::from_name(name).ok_or_else(|| format!("[registration] keys: {name:?} is no algorithm"))
    };
    names.iter().map(algorithm).collect()
}

fn never_or(
    text: &str,
    parse: impl FnOnce(&str) -> Result<Duration, String>,
) -> Result<Option<Duration>, String> {
    if text == "never" { Ok(None) } else { parse(text).map(Some) }
}

fn duration(name: &str, text: &str, bounds: RangeInclusive<Duration>) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if bounds.contains(&duration) => Ok(duration),
        Ok(_) => {
            let (least, most) = bounds.into_inner();
            let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
            Err(format!("{name} = {text:?} is not within {least} to {most}"))
        }
        Err(error) => Err(format!("{name} = {text:?} is no duration like \"5s\": {error}")),
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
