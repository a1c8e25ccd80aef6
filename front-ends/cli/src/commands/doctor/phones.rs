//! The ways to the caller's phones, as the key store last found them.

use claviger_client::{Bus, Machine, MachineError, TokenRow, Unit};

use super::finding::{
    Finding::{self, Broken, Notice, Well},
    Findings,
};
use crate::show::plain;

/// Examines what phones need of this machine, and what keeps each phone that is away from being reached.
pub(super) fn examine(bus: &Bus, tokens: &[(String, TokenRow)], findings: &mut Findings) {
    let phones: Vec<_> =
        tokens.iter().map(|(_, token)| token).filter(|token| token.kind == "phone").collect();
    if phones.is_empty() {
        return findings.push(("phones", Well("none paired".to_owned())));
    }
    let uses = |way: &str| phones.iter().any(|phone| links(phone).any(|link| link.starts_with(way)));
    if uses(BLUETOOTH) && *bus == Bus::System {
        let unit = Machine::connect(bus).and_then(|machine| machine.unit("bluetooth.service"));
        findings.push(("Bluetooth", bluetooth_finding(&unit)));
    }
    if uses(SERIAL) && *bus == Bus::System {
        let unit = Machine::connect(bus).and_then(|machine| machine.unit("ModemManager.service"));
        findings.extend(modem_finding(&unit).map(|finding| ("ModemManager", finding)));
    }
    findings.extend(phones.into_iter().map(|phone| ("phone", phone_finding(phone))));
}

fn links(phone: &TokenRow) -> impl Iterator<Item = &str> {
    phone.links.iter().flatten().map(String::as_str)
}

fn bluetooth_finding(unit: &Result<Unit, MachineError>) -> Finding {
    match unit {
        Ok(unit) if unit.active == "active" => Well("bluetooth.service is active".to_owned()),
        Ok(unit) if unit.load == "masked" => Broken(
            "bluetooth.service is masked".to_owned(),
            "allow it: systemctl unmask bluetooth; systemctl enable --now bluetooth",
        ),
        Ok(unit) if unit.load == "loaded" => Broken(
            plain(&format!("bluetooth.service is {}", unit.active)),
            "start it: systemctl enable --now bluetooth; its log: journalctl -u bluetooth",
        ),
        Ok(_) => Broken("bluetooth.service is not installed".to_owned(), "install BlueZ (apt install bluez)"),
        Err(error) => Notice(plain(&error.to_string()), "look whether bluetoothd runs"),
    }
}

/// It looks for modems on every terminal that is plugged in, and holds each for a while, unless a udev rule says that it is
/// none.
fn modem_finding(unit: &Result<Unit, MachineError>) -> Option<Finding> {
    let runs = unit.as_ref().is_ok_and(|unit| unit.active == "active");
    runs.then(|| {
        Notice(
            "it runs, and may hold the phone's terminal for a while after it is plugged in".to_owned(),
            "tell it that the phone is no modem, in /etc/udev/rules.d/70-phone.rules: ACTION!=\"remove\", SUBSYSTEM==\"tty\", ATTRS{idVendor}==\"VVVV\", ATTRS{idProduct}==\"PPPP\", ENV{ID_MM_DEVICE_IGNORE}=\"1\"",
        )
    })
}

/// Judges by what the key store saw when it last tried each way.
fn phone_finding(phone: &TokenRow) -> Finding {
    let name = plain(&phone.name);
    if phone.presence == "present" {
        let by = phone.link.as_deref().map(|link| format!(", by {}", plain(link))).unwrap_or_default();
        return Well(format!("{name} is there{by}"));
    }
    let faults: Vec<_> = phone.faults.iter().flatten().map(|fault| plain(fault)).collect();
    let seen = match faults.as_slice() {
        [] => format!("{name} cannot be reached"),
        faults => format!("{name} cannot be reached: {}", faults.join("; ")),
    };
    Notice(seen, mend(phone))
}

fn mend(phone: &TokenRow) -> &'static str {
    match links(phone).next() {
        Some(link) if link.starts_with(BLUETOOTH) => {
            "switch Bluetooth on at both ends (bluetoothctl show), bond them if they are not (bluetoothctl pair ADDRESS), and start claviger-phone on the phone"
        }
        Some(link) if link.starts_with(SERIAL) => {
            "plug it in and start claviger-phone on it; who holds the terminal: fuser -v DEVICE; the service must be in the terminal's group, dialout; a driver that was not there when the service started: systemctl restart clavigerd"
        }
        Some(_) | None => {
            "start claviger-phone on the phone; over USB: adb reverse localabstract:claviger localfilesystem:/run/claviger/phone/UID"
        }
    }
}

const BLUETOOTH: &str = "bluetooth:";
const SERIAL: &str = "serial:";

#[cfg(test)]
mod tests {
    use super::{Broken, MachineError, Notice, Unit, Well, bluetooth_finding, modem_finding, phone_finding};
    use claviger_client::TokenRow;

    fn unit(load: &str, active: &str) -> Result<Unit, MachineError> {
        Ok(Unit { load: load.to_owned(), active: active.to_owned(), enabled: String::new() })
    }

    fn phone(link: &str, fault: &str) -> TokenRow {
        TokenRow {
            name: "Pixel".to_owned(),
            presence: "unreachable".to_owned(),
            links: Some(vec![link.to_owned()]),
            faults: Some(vec![format!("{link}: {fault}")]),
            ..TokenRow::default()
        }
    }

    #[test]
    fn a_phone_that_is_away_is_told_with_what_keeps_it_away() {
        let bonded =
            phone("bluetooth:00:AA:01:00:00:42", "cannot dial it: it is not bonded with this computer");
        assert!(
            matches!(phone_finding(&bonded), Notice(seen, mend) if seen.contains("not bonded") && mend.contains("bluetoothctl pair"))
        );
        let busy = phone("serial:/dev/ttyACM0", "cannot open the terminal: another program holds it");
        assert!(
            matches!(phone_finding(&busy), Notice(seen, mend) if seen.contains("holds it") && mend.contains("fuser"))
        );
        let wire = phone("socket", "nobody has connected to the socket");
        assert!(matches!(phone_finding(&wire), Notice(_, mend) if mend.contains("adb reverse")));
        let there = TokenRow { presence: "present".to_owned(), link: Some("socket".to_owned()), ..wire };
        assert!(matches!(phone_finding(&there), Well(seen) if seen == "Pixel is there, by socket"));
    }

    #[test]
    fn a_bluetooth_that_does_not_run_has_its_remedy() {
        assert!(matches!(bluetooth_finding(&unit("loaded", "active")), Well(_)));
        assert!(
            matches!(bluetooth_finding(&unit("loaded", "inactive")), Broken(_, mend) if mend.contains("enable"))
        );
        assert!(
            matches!(bluetooth_finding(&unit("masked", "inactive")), Broken(_, mend) if mend.contains("unmask"))
        );
        assert!(
            matches!(bluetooth_finding(&unit("not-found", "inactive")), Broken(_, mend) if mend.contains("bluez"))
        );
        assert!(matches!(bluetooth_finding(&Err(MachineError::Silent("systemd"))), Notice(..)));
    }

    #[test]
    fn a_modem_manager_is_told_of_only_where_it_runs() {
        assert!(
            matches!(modem_finding(&unit("loaded", "active")), Some(Notice(_, mend)) if mend.contains("ID_MM_DEVICE_IGNORE"))
        );
        assert!(modem_finding(&unit("loaded", "inactive")).is_none());
        assert!(modem_finding(&Err(MachineError::Silent("systemd"))).is_none());
    }
}
