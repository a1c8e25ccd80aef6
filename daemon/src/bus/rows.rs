//! Accounts and keys as callers see them.

use claviger_core::plan::is_possible;
use claviger_core::{Action, Guesses, Key, KeyState, Placement, Registration, RemovalPolicy, User};
use claviger_dbus::ByteBuf;
use claviger_dbus::wire::{AccountRow, KeyRow, PublicKeyRow, UserRow};
use claviger_soft::KeySlots;
use claviger_token::{Mechanism, Purpose, Token, TokenKind};

use crate::accounts::Seat;
use crate::clock::now;
use crate::table::{Account, UserSummary};

pub(super) fn key_row(seat: &Seat, account: &Account, key: &Key) -> KeyRow {
    let place = seat.place(account, key, None).ok();
    let mut location: Vec<String> =
        key.placements.iter().map(|placement| placement.kind.name().to_owned()).collect();
    location.dedup();
    KeyRow {
        label: key.label.clone(),
        algorithm: key.info.algorithm.name().to_owned(),
        usage: key.info.usage.names().map(String::from).collect(),
        state: key.state.name().to_owned(),
        location,
        tokens: key.placements.iter().map(|placement| placement.token.to_string()).collect(),
        slots: key.placements.iter().map(|placement| placement.reference.to_string()).collect(),
        pin_policies: key.placements.iter().map(|placement| pin_policy(seat, placement)).collect(),
        present: place.is_some(),
        locked: place.is_none_or(|(placement, token)| !token.is_ready(&key.handle(placement))),
        public_key: ByteBuf::from(key.info.public_key.to_vec()),
        mechanisms: mechanisms(seat, key).map(|mechanism| mechanism.name().to_owned()).collect(),
        created: key.binding.created,
        last_used: seat.last_used(key.id()).or(key.last_used),
        default_for: default_for(&account.user, key),
        certificate: key.certificates.first().cloned().map(ByteBuf::from),
        confirm: Some(key.confirm.name().to_owned()),
    }
}

/// Returns when a token wants its PIN for a key; empty where it has none, or was not seen since the start.
fn pin_policy(seat: &Seat, placement: &Placement) -> String {
    let known = match placement.kind {
        TokenKind::Local | TokenKind::Phone => None,
        TokenKind::Card => seat.card(&placement.token).ok().and_then(|card| card.contents()),
    };
    let key = known.as_ref().and_then(|contents| contents.key(&placement.reference));
    key.map(|key| key.pin_policy.name().to_owned()).unwrap_or_default()
}

/// Returns what can be done with a key: by its algorithm, its usage, its state, and what the tokens can that it stands
/// on.
fn mechanisms(seat: &Seat, key: &Key) -> impl Iterator<Item = Mechanism> {
    let (algorithm, usage) = (key.info.algorithm, key.info.usage);
    let tokens = key.placements.iter().filter_map(|placement| seat.token(placement).ok());
    let abilities: Vec<_> = tokens.map(|token| token.capabilities()).collect();
    let can = move |mechanism: Mechanism, purpose| {
        mechanism.serves(purpose)
            && abilities.iter().any(|can| is_possible(mechanism, purpose, algorithm, can))
    };
    let (signs, opens) = match key.state {
        KeyState::Current => (true, true),
        KeyState::Retired => (false, true),
        KeyState::Revoked => (false, false),
    };
    Mechanism::ALL.into_iter().filter(move |mechanism| {
        mechanism.is_offered()
            && mechanism.fits(algorithm)
            && (signs && usage.sign && can(*mechanism, Purpose::Sign)
                || opens && usage.decrypt && can(*mechanism, Purpose::Decrypt)
                || opens && usage.derive && can(*mechanism, Purpose::Derive)
                || opens && usage.derive && can(*mechanism, Purpose::Decapsulate))
    })
}

fn default_for(user: &User, key: &Key) -> Vec<String> {
    let defaults = user.defaults.by_name().into_iter();
    defaults.filter(|(_, id)| *id == Some(key.id())).map(|(name, _)| name.to_owned()).collect()
}

pub(super) fn public_key_row(user: &User, key: &Key) -> PublicKeyRow {
    PublicKeyRow {
        algorithm: key.info.algorithm.name().to_owned(),
        usage: key.info.usage.names().map(String::from).collect(),
        state: key.state.name().to_owned(),
        public_key: ByteBuf::from(key.info.public_key.to_vec()),
        created: key.binding.created,
        default_for: default_for(user, key),
        certificate: key.certificates.first().cloned().map(ByteBuf::from),
    }
}

pub(super) fn account_row(
    seat: &Seat,
    user_name: &str,
    account: Option<&Account>,
    removal: &RemovalPolicy,
) -> AccountRow {
    let own = account.and_then(|account| account.user.removal);
    let action = |remote| Some(removal.action(own, remote).name().to_owned());
    let row = AccountRow {
        uid: seat.uid,
        user_name: user_name.to_owned(),
        state: Registration::None.name().to_owned(),
        location: TokenKind::Local.name().to_owned(),
        locked: true,
        removal_action: Some(own.map_or("", Action::name).to_owned()),
        removal_local: action(false),
        removal_remote: action(true),
        ..AccountRow::default()
    };
    let Some(Account { user, keys, tokens: _ }) = account else { return row };
    let slots = slots(user);
    AccountRow {
        state: user.registration.name().to_owned(),
        location: user.location.name().to_owned(),
        locked: !seat.token.is_unlocked(),
        unlocked_until: unlocked_until(seat),
        keys: count(keys),
        tries_failed: user.guesses.failed,
        try_after: try_after(user.guesses),
        has_recovery_code: slots.as_ref().is_some_and(KeySlots::has_recovery_code),
        host_bound: slots.is_some_and(|slots| slots.host_id().is_some()),
        defaults: user
            .defaults
            .by_name()
            .into_iter()
            .filter_map(|(name, id)| Some((name.to_owned(), id?.to_string())))
            .collect(),
        created: Some(user.created),
        ..row
    }
}

pub(super) fn user_row(account: &Account) -> UserRow {
    let Account { user, keys, tokens: _ } = account;
    UserRow {
        user_name: user.name.clone(),
        state: user.registration.name().to_owned(),
        location: user.location.name().to_owned(),
        keys: count(keys),
        tries_failed: user.guesses.failed,
        try_after: try_after(user.guesses),
        has_recovery_code: slots(user).map(|slots| slots.has_recovery_code()),
        created: Some(user.created),
    }
}

pub(super) fn summary_row(summary: UserSummary) -> (u32, UserRow) {
    let row = UserRow {
        user_name: summary.name,
        state: summary.registration.name().to_owned(),
        location: summary.location.name().to_owned(),
        keys: summary.keys,
        tries_failed: summary.guesses.failed,
        try_after: try_after(summary.guesses),
        has_recovery_code: None,
        created: Some(summary.created),
    };
    (summary.uid, row)
}

/// Slots under a consent phrase, or damaged ones, say nothing.
fn slots(user: &User) -> Option<KeySlots> {
    user.slots.as_ref().and_then(|slots| KeySlots::from_bytes(slots).ok())
}

fn count(keys: &[Key]) -> u32 {
    let kept = keys.iter().filter(|key| key.state != KeyState::Revoked).count();
    u32::try_from(kept).unwrap_or(u32::MAX)
}

fn try_after(guesses: Guesses) -> Option<i64> {
    match guesses.wait(now()) {
        0 => None,
        seconds => Some(now() + i64::from(seconds)),
    }
}

fn unlocked_until(seat: &Seat) -> Option<i64> {
    let until = seat.idle(seat.token.id()).until().filter(|_| seat.token.is_unlocked())?;
    let left = until.saturating_duration_since(tokio::time::Instant::now()).as_secs();
    Some(now() + i64::try_from(left).ok()?)
}
