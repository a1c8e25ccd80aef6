use std::path::Path;
use std::time::Duration;

use claviger_core::Action;
use claviger_phone_token::Bluetooth;

use super::Config;

fn merged(texts: &[&str]) -> Result<Config, String> {
    let mut config = Config::default();
    for text in texts {
        config.merge(Path::new("x.toml"), text).map_err(|error| error.to_string())?;
    }
    Ok(config)
}

#[test]
fn the_shipped_file_says_the_defaults() {
    let shipped = include_str!("../../../config/claviger.toml");
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
    assert_eq!((config.idle, config.caps.keys, config.caps.files), (Some(Duration::from_secs(3600)), 5, 1));
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
        "[login]\nremote-cards = \"no\"",
        "[login]\nauthentication-lifetime = \"0s\"",
        "[login]\nauthentication-lifetime = \"never\"",
        "[login]\nphone-pause = \"never\"",
        "[phones]\nbluetooth = \"yes\"",
        "[phones]\nlost = \"1s\"",
        "[phones]\ngrace = \"0s\"",
        "[phones]\nrequest-timeout = \"1h\"",
        "[phones]\nruntime = \"/tmp\"",
        "[removal]\nlocal = \"logout\"",
        "[removal]\nconfirmation = \"never\"",
        "[removal]\nunreachable = \"0s\"",
        "[removal]\nunreachable = \"2days\"",
        "[sessions]\nfreeze = 1",
    ] {
        assert!(merged(&[text]).is_err(), "{text}");
    }
    assert_eq!(merged(&["[unlock]\nidle = \"never\""]).map(|config| config.idle), Ok(None));
}

#[test]
fn what_follows_a_removal_is_the_administrators_to_say() {
    let text = "[removal]\nremote = \"none\"\nfloor = \"lock\"\nunreachable = \"30s\"\nconfirmation = \"2s\"";
    let config = merged(&[text, "[removal]\nlocal = \"terminate\"\nunreachable = \"never\""]).expect("valid");
    let removal = config.removal;
    assert_eq!(
        (removal.local, removal.remote, removal.floor),
        (Action::Terminate, Action::None, Action::Lock)
    );
    assert_eq!((removal.confirmation, removal.unreachable), (Duration::from_secs(2), None));
}

#[test]
fn links_to_phones_can_be_switched_off_one_by_one() {
    let phones = |text| merged(&[text]).expect("valid").phones;
    let usual = Config::default().phones;
    assert_eq!((usual.bluetooth.clone(), usual.serial), (Bluetooth::System, true));
    let quiet = phones("[phones]\nbluetooth = false\nserial = false\ngrace = \"1m\"\nlost = \"10s\"");
    assert_eq!((quiet.bluetooth, quiet.serial), (Bluetooth::Off, false));
    assert_eq!((quiet.grace, quiet.lost), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((quiet.request, quiet.runtime), (usual.request, usual.runtime));
}
