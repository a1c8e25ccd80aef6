//! What stands on the card, read without a PIN.

use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_token::{Algorithm, Capabilities, Mechanism, PinPolicy};

use super::application::{self, Application};
use super::attributes::{self, Offer};
use super::channel::Channel;
use super::kdf::Kdf;
use super::slot::Slot;
use super::{certificate, public_key};
use crate::{CardError, CardKey, Contents, Kind};

/// Reads everything.
pub(super) fn contents(channel: &mut Channel<'_>) -> Result<Contents, CardError> {
    let application = Application::read(channel)?;
    let information = application::algorithm_information(channel)?;
    let hashed = application.capabilities.kdf_do() && Kdf::read(channel)?.hashes();
    let mut keys = Vec::new();
    for slot in Slot::ALL {
        keys.extend(key(channel, &application, slot)?);
    }
    let offers = attributes::offers(&application, information.as_ref());
    let passwords = &application.passwords;
    Ok(Contents {
        kind: Kind::OpenPgp,
        serial: application.serial(),
        name: application.name(),
        capabilities: Arc::new(capabilities(&application, &offers, &keys)),
        keys,
        pin: application.pin_rules(hashed),
        tries_left: Some(u32::from(passwords.err_count_pw1())),
        // Where no reset code is set, the Admin PIN takes its part.
        puk_tries_left: Some(u32::from(match passwords.err_count_rc() {
            0 => passwords.err_count_pw3(),
            tries => tries,
        })),
    })
}

/// Reads the key at a place, if there is one, and Claviger has its algorithm.
fn key(
    channel: &mut Channel<'_>,
    application: &Application,
    slot: Slot,
) -> Result<Option<CardKey>, CardError> {
    let attributes = application.attributes(slot);
    if application.occupied(slot) == Some(false) || attributes::algorithm(attributes, slot).is_none() {
        return Ok(None);
    }
    let Some(key) = public_key::read(channel, slot, attributes)? else { return Ok(None) };
    let certificates = certificate::read(channel, slot, &key.document)?;
    Ok(Some(CardKey {
        reference: slot.name().to_owned(),
        algorithm: key.algorithm,
        public_key: key.document.into(),
        usage: slot.usage(key.algorithm),
        pin_policy: pin_policy(application, slot),
        touch_policy: application.touch_policy(slot),
        certificates,
    }))
}

/// Returns when a key at that place wants the PIN: the first of the PW status bytes says whether it is good for one
/// signature or for more (4.4.3.2).
fn pin_policy(application: &Application, slot: Slot) -> PinPolicy {
    if slot == Slot::Sign && application.passwords.pw1_cds_valid_once() {
        PinPolicy::Always
    } else {
        PinPolicy::Once
    }
}

/// Says what the card can do. RSA-PSS and OAEP are beyond it: it has no raw RSA, and pads by PKCS#1 version 1.5 only.
fn capabilities(application: &Application, offers: &[Offer], keys: &[CardKey]) -> Capabilities {
    let generates = attributes::algorithms(offers);
    let imports = if application.capabilities.key_import() { generates.clone() } else { BTreeSet::new() };
    let all: BTreeSet<Algorithm> =
        generates.iter().copied().chain(keys.iter().map(|key| key.algorithm)).collect();
    let mechanisms = [Mechanism::Ecdsa, Mechanism::Eddsa, Mechanism::RsaPkcs, Mechanism::Ecdh1Derive]
        .into_iter()
        .filter(|mechanism| all.iter().any(|algorithm| mechanism.fits(*algorithm)))
        .collect();
    // A command has seven bytes before its data and two after them.
    let data_limit = application.longest_command.map_or(DATA_LIMIT, |length| length.saturating_sub(9));
    Capabilities { mechanisms, generates, imports, erases: false, data_limit: data_limit.max(DATA_LIMIT) }
}

/// What every card takes, and no card needs more for anything but Ed25519: a block of RSA-4096.
const DATA_LIMIT: usize = 512;
