use std::path::PathBuf;

use claviger_card::{CardsConfig, Kind};
use claviger_core::{Caps, RemovalPolicy};
use claviger_phone_token::{Bluetooth, PhonesConfig};
use claviger_soft::Cost;
use serde::Deserialize;

use super::{Config, LoginConfig, SessionsConfig, values};

/// The file as it is written. Unknown keys are refused: a typo must not be silence.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    registration: RegistrationTable,
    unlock: Unlock,
    kdf: Kdf,
    limits: LimitsTable,
    cards: CardsTable,
    phones: PhonesTable,
    login: LoginTable,
    removal: RemovalTable,
    sessions: SessionsTable,
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
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct PhonesTable {
    bluetooth: Option<bool>,
    serial: Option<bool>,
    lost: Option<String>,
    grace: Option<String>,
    request_timeout: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct LoginTable {
    remote_cards: Option<bool>,
    remote_phones: Option<bool>,
    phone_pause: Option<String>,
    authentication_lifetime: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RemovalTable {
    local: Option<String>,
    remote: Option<String>,
    floor: Option<String>,
    escalation: Option<String>,
    confirmation: Option<String>,
    unreachable: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct SessionsTable {
    freeze: Option<bool>,
    wipe_on_sleep: Option<bool>,
    lock_after_last_session: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Log {
    level: Option<String>,
}

impl Document {
    /// Takes over into `config` what the file says; what it does not say stays.
    pub(super) fn change(self, config: &mut Config) -> Result<(), String> {
        let Self { registration, unlock, kdf, limits, cards, phones, login, removal, sessions, log } = self;
        set(&mut config.consent, registration.consent);
        set(&mut config.first_keys, registration.keys.map(|names| values::algorithms(&names)).transpose()?);
        set(&mut config.idle, unlock.idle.map(|text| values::idle(&text)).transpose()?);
        kdf.change(&mut config.cost)?;
        limits.change(&mut config.caps);
        cards.change(&mut config.cards)?;
        phones.change(&mut config.phones)?;
        login.change(&mut config.login)?;
        removal.change(&mut config.removal)?;
        sessions.change(&mut config.sessions);
        set(&mut config.log, log.level.map(|text| values::filter(&text)).transpose()?);
        Ok(())
    }
}

impl LimitsTable {
    fn change(self, config: &mut Caps) {
        let Caps { operations, channels, subscriptions, files, keys } = config;
        set(operations, self.operations);
        set(channels, self.channels);
        set(subscriptions, self.subscriptions);
        set(files, self.files);
        set(keys, self.keys);
    }
}

impl LoginTable {
    fn change(self, config: &mut LoginConfig) -> Result<(), String> {
        let LoginConfig { remote_cards, remote_phones, phone_pause, lifetime } = config;
        set(remote_cards, self.remote_cards);
        set(remote_phones, self.remote_phones);
        set(phone_pause, self.phone_pause.map(|text| values::pause(&text)).transpose()?);
        set(lifetime, self.authentication_lifetime.map(|text| values::lifetime(&text)).transpose()?);
        Ok(())
    }
}

impl RemovalTable {
    fn change(self, config: &mut RemovalPolicy) -> Result<(), String> {
        let RemovalPolicy { local, remote, floor, escalation, confirmation, unreachable } = config;
        for (action, name, text) in [
            (local, "local", self.local),
            (remote, "remote", self.remote),
            (floor, "floor", self.floor),
            (escalation, "escalation", self.escalation),
        ] {
            set(action, text.map(|text| values::action(name, &text)).transpose()?);
        }
        set(confirmation, self.confirmation.map(|text| values::confirmation(&text)).transpose()?);
        set(unreachable, self.unreachable.map(|text| values::unreachable(&text)).transpose()?);
        Ok(())
    }
}

impl SessionsTable {
    fn change(self, config: &mut SessionsConfig) {
        let SessionsConfig { freeze, wipe_on_sleep, lock_after_last_session } = config;
        set(freeze, self.freeze);
        set(wipe_on_sleep, self.wipe_on_sleep);
        set(lock_after_last_session, self.lock_after_last_session);
    }
}

impl CardsTable {
    fn change(self, config: &mut CardsConfig) -> Result<(), String> {
        let Self { applications, opensc_socket, wait, deadline } = self;
        if let Some(names) = applications {
            let kind = |name: &String| {
                let unknown = || format!("[cards] applications: {name:?} is none of piv, openpgp, opensc");
                Kind::from_name(name).ok_or_else(unknown)
            };
            config.applications = names.iter().map(kind).collect::<Result<_, _>>()?;
        }
        if let Some(path) = opensc_socket {
            config.opensc_socket = (!path.as_os_str().is_empty()).then_some(path);
        }
        set(&mut config.wait, wait.map(|text| values::patience("wait", &text)).transpose()?);
        set(&mut config.deadline, deadline.map(|text| values::patience("deadline", &text)).transpose()?);
        Ok(())
    }
}

impl PhonesTable {
    fn change(self, config: &mut PhonesConfig) -> Result<(), String> {
        let Self { bluetooth, serial, lost, grace, request_timeout } = self;
        // Where the sockets are is not the file's to say, and every other time follows from these.
        let PhonesConfig { runtime: _, bluetooth: radio, serial: lines, heartbeat: _, .. } = config;
        set(radio, bluetooth.map(|wanted| if wanted { Bluetooth::System } else { Bluetooth::Off }));
        set(lines, serial);
        set(&mut config.lost, lost.map(|text| values::lost(&text)).transpose()?);
        set(&mut config.grace, grace.map(|text| values::grace(&text)).transpose()?);
        set(&mut config.request, request_timeout.map(|text| values::request_timeout(&text)).transpose()?);
        Ok(())
    }
}

impl Kdf {
    fn change(self, config: &mut Option<Cost>) -> Result<(), String> {
        let Self { memory_kib, passes, lanes } = self;
        if (memory_kib, passes, lanes) == (None, None, None) {
            return Ok(());
        }
        let base = config.unwrap_or(Cost::FLOOR);
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
        *config = Some(cost);
        Ok(())
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
