use std::sync::Arc;

use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, Purpose, TokenKind, Usage};

use super::{Administration, Caller, administrator, authorize};
use crate::{Defaults, Guesses, Key, KeyState, Refusal, Registration, User};

const PURPOSES: [Purpose; 4] = [Purpose::Sign, Purpose::Decrypt, Purpose::Derive, Purpose::Decapsulate];

fn alice() -> Caller {
    Caller { uid: 1000, user_name: "alice".into() }
}

fn account() -> User {
    User {
        uid: 1000,
        name: "alice".into(),
        location: TokenKind::Local,
        registration: Registration::Active,
        defaults: Defaults::default(),
        guesses: Guesses::default(),
        created: 0,
        slots: None,
    }
}

fn key(uid: u32, state: KeyState, usage: Usage) -> Key {
    let id = KeyId::from_bytes([1; 16]);
    Key {
        info: Arc::new(KeyInfo { id, algorithm: Algorithm::P256, usage, public_key: Arc::from([]) }),
        binding: Arc::new(Binding { uid, user_name: "alice".into(), key: id, created: 0 }),
        label: String::new(),
        state,
        last_used: None,
        certificates: Vec::new(),
        attestation: Vec::new(),
        placements: Vec::new(),
    }
}

const EVERYTHING: Usage = Usage { sign: true, decrypt: true, derive: true };

#[test]
fn the_owner_of_an_active_account_may_use_a_current_key_for_what_it_is_meant() {
    for purpose in PURPOSES {
        let leave = authorize(&alice(), &account(), &key(1000, KeyState::Current, EVERYTHING), purpose);
        assert_eq!(leave.map(|leave| leave.purpose()).ok(), Some(purpose));
        let refused =
            authorize(&alice(), &account(), &key(1000, KeyState::Current, Usage::default()), purpose);
        assert!(matches!(refused, Err(Refusal::UsageNotAllowed(_))), "{purpose:?}");
    }
}

#[test]
fn a_retired_key_still_decrypts_and_derives_but_signs_no_more() {
    for purpose in PURPOSES {
        let leave = authorize(&alice(), &account(), &key(1000, KeyState::Retired, EVERYTHING), purpose);
        assert_eq!(leave.is_ok(), purpose != Purpose::Sign, "{purpose:?}");
    }
}

#[test]
fn a_revoked_key_does_nothing() {
    for purpose in PURPOSES {
        let leave = authorize(&alice(), &account(), &key(1000, KeyState::Revoked, EVERYTHING), purpose);
        assert_eq!(leave.err(), Some(Refusal::KeyRevoked));
    }
}

#[test]
fn nobody_uses_the_key_of_another_not_even_root() {
    for uid in [0, 1, 1001, u32::MAX] {
        let other = Caller { uid, user_name: "alice".into() };
        let leave = authorize(&other, &account(), &key(1000, KeyState::Current, EVERYTHING), Purpose::Sign);
        assert!(matches!(leave, Err(Refusal::AccessDenied(_))), "{uid}");
    }
    let strange = key(1001, KeyState::Current, EVERYTHING);
    assert_eq!(authorize(&alice(), &account(), &strange, Purpose::Sign).err(), Some(Refusal::NoSuchKey));
}

#[test]
fn a_number_that_was_given_to_another_person_opens_nothing() {
    let other = Caller { uid: 1000, user_name: "mallory".into() };
    let leave = authorize(&other, &account(), &key(1000, KeyState::Current, EVERYTHING), Purpose::Sign);
    assert!(matches!(leave, Err(Refusal::AccessDenied(_))));
}

#[test]
fn no_key_is_used_before_the_account_is_active() {
    for registration in Registration::ALL.into_iter().filter(|state| *state != Registration::Active) {
        let user = User { registration, ..account() };
        let leave = authorize(&alice(), &user, &key(1000, KeyState::Current, EVERYTHING), Purpose::Sign);
        assert!(
            matches!(leave, Err(Refusal::RegistrationPending(_) | Refusal::NotRegistered(_))),
            "{registration}"
        );
    }
}

#[test]
fn root_administers_on_the_system_bus_and_the_daemons_user_elsewhere() {
    assert_eq!(administrator(0, Administration::Root), Ok(()));
    assert!(administrator(1000, Administration::Root).is_err());
    assert_eq!(administrator(1000, Administration::Uid(1000)), Ok(()));
    assert!(administrator(0, Administration::Uid(1000)).is_err());
}
