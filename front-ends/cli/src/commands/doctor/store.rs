//! What the key store itself says, as the one who asks may see it.

use std::os::unix::net::UnixStream;

use claviger_client::blocking::Client;
use claviger_client::{AccountRow, Bus, Error, ErrorName, TokenFilter, TokenRow};

use super::finding::{
    Finding::{self, Broken, Notice, Well},
    Findings,
};
use super::phones;
use crate::show::plain;

/// Examines the key store, and stops where nothing further can be seen.
pub(super) fn examine(bus: &Bus, findings: &mut Findings) {
    let client = match Client::connect(bus) {
        Ok(client) => client,
        Err(error) => {
            let (check, mend) = match &error {
                Error::NoBus(_) => ("bus", mend_bus(bus)),
                other => ("key store", mend_daemon(bus, other)),
            };
            findings.push((check, Broken(error.to_string(), mend)));
            return;
        }
    };
    findings.push(("bus", Well(format!("connected to {bus}"))));
    let version = match client.version() {
        Ok(version) => version,
        Err(error) => {
            let mend = mend_daemon(bus, &error);
            findings.push(("key store", Broken(error.to_string(), mend)));
            return;
        }
    };
    findings.push(("key store", version_finding(&version)));
    findings.push(("owner", owner_finding(bus)));
    findings.push(("channel", channel_finding(&client)));
    findings.push(("mechanisms", mechanisms_finding(&client)));
    findings.push(("encryption", digest_finding(&client)));
    let tokens = client.list_tokens(&TokenFilter { all: Some(true) });
    let has_store = tokens.as_ref().is_ok_and(|tokens| tokens.iter().any(|(_, token)| token.kind == "local"));
    match client.account() {
        Ok(account) => findings.extend(account_findings(&account, has_store)),
        Err(error) => findings.push(("account", Broken(error.to_string(), mend_store(&error)))),
    }
    findings.push(("keys", keys_finding(&client)));
    match tokens {
        Ok(tokens) => {
            findings.push(("cards", cards_finding(&tokens, has_card_service())));
            phones::examine(bus, &tokens, findings);
        }
        Err(error) => findings.push(("cards", Broken(error.to_string(), mend_store(&error)))),
    }
}

fn version_finding(version: &str) -> Finding {
    let seen = format!("clavigerd {}", plain(version));
    if version == env!("CARGO_PKG_VERSION") {
        Well(seen)
    } else {
        Notice(
            format!("{seen}, while this is claviger {}", env!("CARGO_PKG_VERSION")),
            "install the same version of both, and restart clavigerd after an update",
        )
    }
}

/// The client itself refuses any other owner on the system bus: having come here it was right.
fn owner_finding(bus: &Bus) -> Finding {
    match bus {
        Bus::System => Well("the name belongs to the user claviger".to_owned()),
        Bus::Session | Bus::Address(_) => Notice(
            "not the system bus: whoever runs this bus could be the key store".to_owned(),
            "good for trying it out; for service use the system bus",
        ),
    }
}

fn channel_finding(client: &Client) -> Finding {
    match client.open_channel() {
        Ok(true) => Well("opened".to_owned()),
        Ok(false) => Notice(
            "none was given; everything goes over the bus, more slowly".to_owned(),
            "end programs of yours that hold many channels (8 per user)",
        ),
        Err(error) => Broken(error.to_string(), "restart clavigerd: systemctl restart clavigerd"),
    }
}

fn mechanisms_finding(client: &Client) -> Finding {
    match client.mechanisms() {
        Ok(mechanisms) if mechanisms.is_empty() => {
            Broken("none".to_owned(), "the log of clavigerd says why: journalctl -u clavigerd")
        }
        Ok(mechanisms) => Well(format!("{} offered", mechanisms.len())),
        Err(error) => Broken(error.to_string(), "install the same version of claviger and clavigerd"),
    }
}

/// FIPS 180-4's example: the digest of "abc".
fn digest_finding(client: &Client) -> Finding {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    match client.digest("SHA256", b"abc") {
        Ok(digest) if data_encoding::HEXLOWER.encode(&digest) == expected => {
            Well("computes rightly".to_owned())
        }
        Ok(_) => Broken("the digest of a known text is wrong".to_owned(), "do not use this installation"),
        Err(error) => Broken(error.to_string(), "the log of clavigerd says why: journalctl -u clavigerd"),
    }
}

fn account_findings(account: &AccountRow, has_store: bool) -> Vec<(&'static str, Finding)> {
    let seen = format!("{} ({})", plain(&account.state), plain(&account.user_name));
    let finding = match account.state.as_str() {
        "active" => Well(seen),
        "none" => Notice(seen, "make an account with `claviger register`"),
        "applied" => Notice(seen, "an administrator consents with `claviger admin consent USER`"),
        "pending" => Notice(seen, "enter the consent phrase with `claviger consent`"),
        _ => Broken(seen, "ask an administrator"),
    };
    let mut findings = vec![("account", finding)];
    // Without a local store there is nothing that a recovery code would open.
    if account.state == "active" && has_store {
        findings.push(("recovery", recovery_finding(account)));
    }
    findings
}

fn recovery_finding(account: &AccountRow) -> Finding {
    match (account.has_recovery_code, account.host_bound) {
        (true, _) => Well("there is a recovery code".to_owned()),
        (false, true) => Notice(
            "no recovery code, and the pass phrase works on this host only".to_owned(),
            "make one with `claviger recovery`, or the keys are lost with this machine",
        ),
        (false, false) => Notice(
            "no recovery code".to_owned(),
            "make one with `claviger recovery`, for a forgotten pass phrase",
        ),
    }
}

fn keys_finding(client: &Client) -> Finding {
    match client.list_keys(&claviger_client::KeyFilter::default()) {
        Ok(keys) => {
            let absent = keys.iter().filter(|(_, key)| !key.present).count();
            match absent {
                0 => Well(format!("{}, all present", keys.len())),
                absent => Notice(
                    format!("{absent} of {} cannot be reached", keys.len()),
                    "connect the phone or insert the card that holds them",
                ),
            }
        }
        Err(error) if error.name() == Some(ErrorName::NotRegistered) => Well("none yet".to_owned()),
        Err(error) => Broken(error.to_string(), mend_store(&error)),
    }
}

/// Judges by what the key store sees; the socket says why it sees nothing.
fn cards_finding(tokens: &[(String, TokenRow)], has_service: bool) -> Finding {
    let cards: Vec<_> = tokens.iter().map(|(_, token)| token).filter(|token| token.kind == "card").collect();
    let mine = cards.iter().filter(|card| card.enrolled).count();
    let present = cards.iter().filter(|card| card.presence == "present").count();
    let seen = format!("{present} in the readers, {mine} of yours");
    if cards.iter().any(|card| card.presence == "unreachable") || (mine > present && !has_service) {
        return match has_service {
            true => Broken(
                "the smart card service does not answer".to_owned(),
                "restart it: systemctl restart pcscd; its log: journalctl -u pcscd",
            ),
            false => Broken("there is no smart card service".to_owned(), MEND_CARD_SERVICE),
        };
    }
    if cards.iter().any(|card| card.enrolled && card.tries_left == Some(0)) {
        return Notice(
            format!("{seen}; the PIN of one is blocked"),
            "set a new PIN with the PUK: `claviger card pin unblock`",
        );
    }
    match (present, has_service) {
        (0, false) => {
            Notice("there is no smart card service; cards cannot be used".to_owned(), MEND_CARD_SERVICE)
        }
        (0, true) if mine == 0 => Well("none in the readers".to_owned()),
        _ => Well(seen),
    }
}

/// Returns true where pcscd listens, or systemd on its behalf. Its socket may stay behind when it goes.
fn has_card_service() -> bool {
    let socket = std::env::var_os("PCSCLITE_CSOCK_NAME").unwrap_or_else(|| "/run/pcscd/pcscd.comm".into());
    UnixStream::connect(socket).is_ok()
}

const MEND_CARD_SERVICE: &str = "for cards, install pcscd (apt install pcscd), allow it (systemctl unmask pcscd.socket pcscd) and start it: systemctl enable --now pcscd.socket";

const fn mend_bus(bus: &Bus) -> &'static str {
    match bus {
        Bus::System => "start the system bus: systemctl start dbus.socket",
        Bus::Session => "there is no session bus here: DBUS_SESSION_BUS_ADDRESS must name one",
        Bus::Address(_) => "look at the address after --bus (or in CLAVIGER_BUS): nobody listens there",
    }
}

const fn mend_daemon(bus: &Bus, error: &Error) -> &'static str {
    match (error, bus) {
        (Error::NoDaemon(_), Bus::System) => {
            "start the service: systemctl enable --now clavigerd; its log: journalctl -u clavigerd"
        }
        (Error::NoDaemon(_), _) => "start clavigerd with the same --bus",
        (Error::Untrusted(_), _) => {
            "another program took the name: find it with busctl status org.claviger.KeyStore1"
        }
        (Error::Timeout | Error::Lost(_), _) => "restart the service: systemctl restart clavigerd",
        (Error::Protocol(_), _) => "install the same version of claviger and clavigerd",
        (Error::Refused(_), _) => {
            "the bus policy is missing: install org.claviger.KeyStore1.conf and reload dbus"
        }
        (Error::NoBus(_) | Error::Local(..), _) => "look at the message",
    }
}

fn mend_store(error: &Error) -> &'static str {
    match error.name() {
        Some(ErrorName::StoreCorrupt) => "take a backup back in: `claviger restore FILE`",
        Some(ErrorName::StoreFull) => "make room where clavigerd keeps its state (/var/lib/claviger)",
        Some(_) | None => "the log of clavigerd says why: journalctl -u clavigerd",
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Finding, Notice, Well, cards_finding};
    use claviger_client::TokenRow;

    fn look(cards: &[(bool, &str)], has_service: bool) -> Finding {
        let row = |(enrolled, presence): &(bool, &str)| TokenRow {
            kind: "card".to_owned(),
            enrolled: *enrolled,
            presence: (*presence).to_owned(),
            ..TokenRow::default()
        };
        let rows: Vec<_> = cards.iter().map(|card| (String::new(), row(card))).collect();
        cards_finding(&rows, has_service)
    }

    #[test]
    fn a_machine_without_cards_is_well_and_one_without_their_service_is_told() {
        assert!(matches!(look(&[], true), Well(seen) if seen == "none in the readers"));
        assert!(matches!(look(&[], false), Notice(_, mend) if mend.contains("pcscd.socket")));
        assert!(matches!(look(&[(false, "present")], true), Well(seen) if seen.starts_with("1 in")));
        assert!(matches!(look(&[(true, "removed")], true), Well(seen) if seen.ends_with("1 of yours")));
    }

    #[test]
    fn a_card_service_that_is_missed_is_told_from_one_that_hangs() {
        assert!(
            matches!(look(&[(true, "removed")], false), Broken(seen, _) if seen.contains("no smart card"))
        );
        assert!(
            matches!(look(&[(true, "unreachable")], false), Broken(seen, _) if seen.contains("no smart card"))
        );
        assert!(matches!(look(&[(true, "unreachable")], true), Broken(_, mend) if mend.contains("restart")));
    }

    #[test]
    fn a_blocked_pin_is_noticed() {
        let card = TokenRow {
            kind: "card".to_owned(),
            enrolled: true,
            presence: "present".to_owned(),
            tries_left: Some(0),
            ..TokenRow::default()
        };
        let finding = cards_finding(&[(String::new(), card)], true);
        assert!(matches!(finding, Notice(_, mend) if mend.contains("pin unblock")));
    }
}
