//! The orders of the test, one a line on standard input, each answered by one line on standard output.

use std::path::PathBuf;
use std::time::Duration;

use crate::identity::{Identity, Kind};
use crate::slot::{Depth, Plan, Slot};
use crate::touch::Touch;

/// Carries an order out and returns the answer: `ok`, what was asked for, or `error` and why.
pub fn carry_out(order: &str, slot: &Slot, touch: &Touch) -> String {
    let words: Vec<&str> = order.split_whitespace().collect();
    match words[..] {
        ["count"] => slot.count().to_string(),
        ["drain-log"] => ["log".to_owned()].into_iter().chain(slot.drain_log()).collect::<Vec<_>>().join(" "),
        _ => match obey(&words, slot, touch) {
            Ok(()) => "ok".to_owned(),
            Err(why) => format!("error {why}"),
        },
    }
}

fn obey(words: &[&str], slot: &Slot, touch: &Touch) -> Result<(), String> {
    match *words {
        ["insert"] => {
            slot.insert();
            require(slot.wait_until_seen(), "the reader did not notice the card")?;
        }
        ["await-seen"] => require(slot.wait_until_seen(), "the reader did not notice the card")?,
        ["remove"] => slot.remove(),
        ["swap-fast", pause] => {
            let pause = millis(pause)?;
            slot.remove();
            std::thread::sleep(pause);
            slot.insert();
            require(slot.wait_until_wired(), "the reader does not listen")?;
        }
        ["load", folder, kind] => load(slot, folder, kind, slot.identity().serial)?,
        ["load", folder, kind, serial] => load(slot, folder, kind, number(serial)?)?,
        ["delay-us", pause] => slot.set_delay(Duration::from_micros(number(pause)?)),
        ["delay-ms-at", nth, pause] => slot.plan(number(nth)?, Plan::Delay(millis(pause)?)),
        ["remove-before", nth] => slot.plan(number(nth)?, Plan::RemoveBefore),
        ["remove-unanswered", nth] => slot.plan(number(nth)?, Plan::RemoveUnanswered),
        ["remove-after", nth] => slot.plan(number(nth)?, Plan::RemoveAfter),
        // vpcd waits for good after an empty answer, which is no card's doing.
        ["truncate-at", nth, length] => {
            let length = number(length)?;
            require(length > 0, "an empty answer would hang the reader")?;
            slot.plan(number(nth)?, Plan::Truncate(length));
        }
        ["garble-at", nth, digits] => slot.plan(number(nth)?, Plan::Garble(bytes(digits)?)),
        ["hang-at", nth] => slot.plan(number(nth)?, Plan::Hang),
        ["resume"] => slot.resume(),
        ["forget-plans"] => slot.forget_plans(),
        ["reset-count"] => slot.reset_count(),
        ["log", "off"] => slot.set_depth(Depth::Off),
        ["log", "on"] => slot.set_depth(Depth::Headers),
        ["log", "full"] => slot.set_depth(Depth::Full),
        ["touch", "wait"] => touch.wait(),
        ["touch", "hold"] => touch.hold(),
        ["touch", "press"] => touch.press(),
        _ => return Err(format!("no such order: {}", words.join(" "))),
    }
    Ok(())
}

fn load(slot: &Slot, folder: &str, kind: &str, serial: u32) -> Result<(), String> {
    let kind: Kind = kind.parse()?;
    let identity = Identity { kind, folder: PathBuf::from(folder), serial };
    identity.make().map_err(|error| error.to_string())?;
    let loaded = slot.load(identity);
    require(loaded, "a card is in the reader")
}

fn require(is: bool, otherwise: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(otherwise.into()) }
}

fn millis(word: &str) -> Result<Duration, String> {
    number(word).map(Duration::from_millis)
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("not a number: {word}"))
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let pairs: Option<Vec<u8>> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    pairs.ok_or_else(|| format!("not hexadecimal digits: {digits}"))
}
