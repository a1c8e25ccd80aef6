//! What the machine's own services say: systemd, polkit, logind, and the user's systemd.

use claviger_client::{Bus, Machine, MachineError, Unit};

use super::finding::{
    Finding::{self, Broken, Notice, Well},
    Findings,
};
use crate::show::plain;

/// Examines what is on the system bus beside the key store, and who asks for PINs in the session.
pub(super) fn examine(findings: &mut Findings) {
    match Machine::connect(&Bus::System) {
        Ok(machine) => {
            findings.push(("service", service_finding(&machine.unit("clavigerd.service"))));
            findings.push(("other cards", opensc_finding(&machine.unit("claviger-opensc.socket"))));
            findings.push(("polkit", polkit_finding(&machine.polkit_actions(ACTIONS))));
            findings.push(("sessions", sessions_finding(&machine)));
        }
        // The key store, which is looked at next, says the same and what to do.
        Err(_) => return,
    }
    let prompter =
        Machine::connect(&Bus::Session).and_then(|machine| machine.unit("claviger-prompter.service"));
    findings.push(("prompter", prompter_finding(&prompter)));
}

fn service_finding(unit: &Result<Unit, MachineError>) -> Finding {
    let unit = match unit {
        Ok(unit) => unit,
        Err(error) => return Notice(plain(&error.to_string()), "the service is meant to be run by systemd"),
    };
    let seen = seen("clavigerd.service", unit);
    match (unit.load.as_str(), unit.active.as_str(), unit.enabled.as_str()) {
        ("masked", _, _) => {
            Broken(seen, "allow it: systemctl unmask clavigerd; then: systemctl enable --now clavigerd")
        }
        ("loaded", "active", "enabled") => Well(seen),
        ("loaded", "active", _) => Notice(
            seen,
            "after a start of the machine nobody watches the tokens until the first call: systemctl enable clavigerd",
        ),
        ("loaded", _, _) => {
            Broken(seen, "start it: systemctl restart clavigerd; its log: journalctl -u clavigerd")
        }
        _ => Broken(seen, "install Claviger's units, then: systemctl daemon-reload"),
    }
}

fn opensc_finding(unit: &Result<Unit, MachineError>) -> Finding {
    let unit = match unit {
        Ok(unit) => unit,
        Err(error) => return Notice(plain(&error.to_string()), "cards that only OpenSC knows need systemd"),
    };
    let seen = seen("claviger-opensc.socket", unit);
    match unit.active.as_str() {
        "active" => Well(seen),
        _ => Notice(seen, "for cards that only OpenSC knows: systemctl enable --now claviger-opensc.socket"),
    }
}

fn polkit_finding(actions: &Result<Vec<String>, MachineError>) -> Finding {
    match actions {
        Ok(actions) if actions.is_empty() => Broken(
            "polkit knows none of the key store's actions".to_owned(),
            "install org.claviger.policy in /usr/share/polkit-1/actions",
        ),
        Ok(actions) => Well(format!("answers, and knows {} actions", actions.len())),
        Err(error) => Broken(
            plain(&error.to_string()),
            "install polkit (apt install polkitd) and let it start (systemctl unmask polkit), or no session can be locked or ended",
        ),
    }
}

/// Root may ask polkit about the service itself; everybody may see whom logind tells of sleep.
fn sessions_finding(machine: &Machine) -> Finding {
    let may: Result<Vec<bool>, _> = LOGIND_ACTIONS.iter().map(|action| machine.service_may(action)).collect();
    let may = if nix::unistd::geteuid().is_root() { Some(may) } else { None };
    judge_sessions(&machine.service_hears_of_sleep(), may.as_ref())
}

fn judge_sessions(
    sleep: &Result<bool, MachineError>,
    may: Option<&Result<Vec<bool>, MachineError>>,
) -> Finding {
    match (sleep, may) {
        (Err(error), _) => Broken(
            plain(&error.to_string()),
            "without logind no session is known: systemctl start systemd-logind; its log: journalctl -u systemd-logind",
        ),
        (Ok(_), Some(Err(error))) => {
            Broken(plain(&error.to_string()), "look at the service first: systemctl status clavigerd polkit")
        }
        (Ok(_), Some(Ok(may))) if may.contains(&false) => Broken(
            "the key store may not lock and end sessions".to_owned(),
            "install 50-claviger.rules in /usr/share/polkit-1/rules.d, and look for rules before it that say no",
        ),
        (Ok(false), _) => Notice(
            "logind does not wait for the key store before the machine sleeps".to_owned(),
            "restart it: systemctl restart clavigerd; its log: journalctl -u clavigerd",
        ),
        (Ok(true), Some(Ok(_))) => Well("the key store may lock and end them, and hears of sleep".to_owned()),
        (Ok(true), None) => Well("logind answers, and tells the key store of sleep".to_owned()),
    }
}

fn prompter_finding(unit: &Result<Unit, MachineError>) -> Finding {
    match unit {
        Ok(unit) if unit.active == "active" => Well(seen("claviger-prompter.service", unit)),
        Ok(unit) => Notice(
            seen("claviger-prompter.service", unit),
            "to be asked for PINs on the screen: systemctl --user enable --now claviger-prompter",
        ),
        Err(_) => Notice(
            "there is no user session bus here".to_owned(),
            "to be asked for PINs in a terminal, run there: claviger-prompter --tty",
        ),
    }
}

fn seen(name: &str, unit: &Unit) -> String {
    let Unit { load, active, enabled } = unit;
    match load.as_str() {
        "loaded" => plain(&format!("{name} is {active}, {enabled}")),
        load => plain(&format!("{name} is {load}")),
    }
}

const ACTIONS: &str = "org.claviger.";
const LOGIND_ACTIONS: [&str; 2] = ["org.freedesktop.login1.manage", "org.freedesktop.login1.lock-sessions"];

#[cfg(test)]
mod tests {
    use super::{
        Broken, MachineError, Notice, Unit, Well, judge_sessions, polkit_finding, prompter_finding,
        service_finding,
    };

    fn unit(load: &str, active: &str, enabled: &str) -> Result<Unit, MachineError> {
        Ok(Unit { load: load.to_owned(), active: active.to_owned(), enabled: enabled.to_owned() })
    }

    fn silent<T>() -> Result<T, MachineError> {
        Err(MachineError::Silent("somebody"))
    }

    #[test]
    fn each_state_of_the_service_has_its_remedy() {
        assert!(matches!(service_finding(&unit("loaded", "active", "enabled")), Well(_)));
        let disabled = service_finding(&unit("loaded", "active", "disabled"));
        assert!(matches!(disabled, Notice(_, mend) if mend.ends_with("systemctl enable clavigerd")));
        let failed = service_finding(&unit("loaded", "activating", "enabled"));
        assert!(matches!(failed, Broken(_, mend) if mend.contains("journalctl")));
        let masked = service_finding(&unit("masked", "inactive", ""));
        assert!(matches!(masked, Broken(_, mend) if mend.contains("unmask")));
        let missing = service_finding(&unit("not-found", "inactive", ""));
        assert!(matches!(missing, Broken(seen, _) if seen == "clavigerd.service is not-found"));
        assert!(matches!(service_finding(&silent()), Notice(..)));
    }

    #[test]
    fn a_polkit_that_knows_nothing_of_the_key_store_is_told_from_one_that_is_not_there() {
        assert!(matches!(polkit_finding(&Ok(vec!["org.claviger.a".to_owned()])), Well(_)));
        assert!(matches!(polkit_finding(&Ok(Vec::new())), Broken(_, mend) if mend.contains("policy")));
        assert!(matches!(polkit_finding(&silent()), Broken(_, mend) if mend.contains("polkitd")));
    }

    #[test]
    fn a_key_store_that_may_not_end_sessions_is_found() {
        assert!(matches!(judge_sessions(&Ok(true), Some(&Ok(vec![true, true]))), Well(_)));
        assert!(matches!(judge_sessions(&Ok(true), None), Well(_)));
        let refused = judge_sessions(&Ok(true), Some(&Ok(vec![true, false])));
        assert!(matches!(refused, Broken(_, mend) if mend.contains("50-claviger.rules")));
        assert!(matches!(judge_sessions(&Ok(true), Some(&silent())), Broken(..)));
        assert!(matches!(judge_sessions(&Ok(false), None), Notice(..)));
        assert!(matches!(judge_sessions(&silent(), None), Broken(_, mend) if mend.contains("logind")));
    }

    #[test]
    fn who_is_not_asked_on_a_screen_is_told_of_the_terminal() {
        assert!(matches!(prompter_finding(&unit("loaded", "active", "enabled")), Well(_)));
        let stopped = prompter_finding(&unit("loaded", "inactive", "enabled"));
        assert!(matches!(stopped, Notice(_, mend) if mend.contains("--user")));
        assert!(matches!(prompter_finding(&silent()), Notice(_, mend) if mend.contains("--tty")));
    }
}
