use std::sync::Arc;

use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, Purpose, TokenId, TokenKind, Usage};

use super::{
    Administration, Authorized, Caller, Circumstances, Verdict, administrator, authorize, may_authenticate,
};
use crate::{
    Confirm, Defaults, Guesses, Key, KeyState, Placement, PlacementState, Refusal, Registration, User,
};

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
        login_guesses: Guesses::default(),
        removal: None,
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
        confirm: Confirm::Never,
        placements: Vec::new(),
    }
}

const EVERYTHING: Usage = Usage { sign: true, decrypt: true, derive: true };

/// Asks on an ordinary day; nothing of these keys is asked for.
fn may_use(caller: &Caller, user: &User, key: &Key, purpose: Purpose) -> Result<Authorized, Refusal> {
    match authorize(caller, user, key, purpose, Circumstances::default())? {
        Verdict::Allow(authorized) => Ok(authorized),
        Verdict::Ask(_) => panic!("nothing is to be asked"),
    }
}

#[test]
fn a_key_asks_its_owner_as_often_as_the_owner_wants() {
    for (confirm, confirmed, asks) in [
        (Confirm::Never, false, false),
        (Confirm::Session, false, true),
        (Confirm::Session, true, false),
        (Confirm::Always, false, true),
        (Confirm::Always, true, true),
    ] {
        let key = Key { confirm, ..key(1000, KeyState::Current, EVERYTHING) };
        let circumstances = Circumstances { confirmed, ..Circumstances::default() };
        let verdict = authorize(&alice(), &account(), &key, Purpose::Sign, circumstances);
        match verdict.expect("it is alice's") {
            Verdict::Allow(_) => assert!(!asks, "{confirm:?} {confirmed}"),
            Verdict::Ask(challenge) => {
                assert!(asks, "{confirm:?} {confirmed}");
                assert!(challenge.answered(true).is_ok());
            }
        }
    }
}

#[test]
fn a_program_may_want_the_owner_asked_and_a_phone_asks_by_itself() {
    use TokenKind::{Card, Local, Phone};
    let wanted = Circumstances { wanted: true, confirmed: true, frozen: false, at: None };
    for (confirm, kinds, asks) in [
        (Confirm::Never, &[Local][..], true),
        (Confirm::Never, &[Card], true),
        (Confirm::Session, &[Local], true),
        (Confirm::Always, &[Local], true),
        (Confirm::Never, &[Phone], false),
        (Confirm::Never, &[Phone, Phone], false),
        (Confirm::Never, &[Phone, Card], true),
        (Confirm::Always, &[Phone], true),
        (Confirm::Never, &[], true),
    ] {
        let placement = |kind: &TokenKind| Placement {
            token: TokenId::new("somewhere"),
            kind: *kind,
            reference: Arc::from(""),
            state: PlacementState::Current,
            record: None,
        };
        let placements = kinds.iter().map(placement).collect();
        let key = Key { confirm, placements, ..key(1000, KeyState::Current, EVERYTHING) };
        let verdict = authorize(&alice(), &account(), &key, Purpose::Sign, wanted).expect("it is alice's");
        assert_eq!(matches!(verdict, Verdict::Ask(_)), asks, "{confirm:?} {kinds:?}");
    }
}

#[test]
fn a_key_that_is_to_be_used_on_a_phone_is_asked_for_there_whatever_else_it_stands_on() {
    let placement = |kind: TokenKind| Placement {
        token: TokenId::new(kind.name()),
        kind,
        reference: Arc::from(""),
        state: PlacementState::Current,
        record: None,
    };
    let placements = vec![placement(TokenKind::Local), placement(TokenKind::Phone)];
    let key = Key { placements, ..key(1000, KeyState::Current, EVERYTHING) };
    for (at, asks) in [(None, true), (Some("local"), true), (Some("phone"), false), (Some("card"), true)] {
        let at = at.map(TokenId::new);
        let wanted = Circumstances { wanted: true, at: at.as_ref(), ..Circumstances::default() };
        let verdict = authorize(&alice(), &account(), &key, Purpose::Sign, wanted).expect("it is alice's");
        assert_eq!(matches!(verdict, Verdict::Ask(_)), asks, "{at:?}");
    }
}

#[test]
fn a_no_is_a_no() {
    let key = Key { confirm: Confirm::Always, ..key(1000, KeyState::Current, EVERYTHING) };
    let verdict = authorize(&alice(), &account(), &key, Purpose::Sign, Circumstances::default());
    let Ok(Verdict::Ask(challenge)) = verdict else { panic!("it is to be asked") };
    assert_eq!(challenge.answered(false).err(), Some(Refusal::Declined));
}

#[test]
fn frozen_keys_are_refused_to_their_owner_and_foreign_ones_are_refused_as_ever() {
    let frozen = Circumstances { frozen: true, confirmed: true, ..Circumstances::default() };
    let key = key(1000, KeyState::Current, EVERYTHING);
    let refused = authorize(&alice(), &account(), &key, Purpose::Sign, frozen).err();
    assert_eq!(refused, Some(Refusal::SessionLocked));
    let other = Caller { uid: 1001, user_name: "bob".into() };
    let refused = authorize(&other, &account(), &key, Purpose::Sign, frozen).err();
    assert!(matches!(refused, Some(Refusal::AccessDenied(_))));
}

#[test]
fn who_logs_in_is_spoken_for_by_themselves_or_by_root() {
    for (caller, uid, allowed) in [(0, 1000, true), (1000, 1000, true), (1001, 1000, false), (1000, 0, false)]
    {
        let answer = may_authenticate(caller, uid, Administration::Root);
        assert_eq!(answer.is_ok(), allowed, "{caller} for {uid}");
    }
}

#[test]
fn the_owner_of_an_active_account_may_use_a_current_key_for_what_it_is_meant() {
    for purpose in PURPOSES {
        let leave = may_use(&alice(), &account(), &key(1000, KeyState::Current, EVERYTHING), purpose);
        assert_eq!(leave.map(|leave| leave.purpose()).ok(), Some(purpose));
        let refused = may_use(&alice(), &account(), &key(1000, KeyState::Current, Usage::default()), purpose);
        assert!(matches!(refused, Err(Refusal::UsageNotAllowed(_))), "{purpose:?}");
    }
}

#[test]
fn a_retired_key_still_decrypts_and_derives_but_signs_no_more() {
    for purpose in PURPOSES {
        let leave = may_use(&alice(), &account(), &key(1000, KeyState::Retired, EVERYTHING), purpose);
        assert_eq!(leave.is_ok(), purpose != Purpose::Sign, "{purpose:?}");
    }
}

#[test]
fn a_revoked_key_does_nothing() {
    for purpose in PURPOSES {
        let leave = may_use(&alice(), &account(), &key(1000, KeyState::Revoked, EVERYTHING), purpose);
        assert_eq!(leave.err(), Some(Refusal::KeyRevoked));
    }
}

#[test]
fn nobody_uses_the_key_of_another_not_even_root() {
    for uid in [0, 1, 1001, u32::MAX] {
        let other = Caller { uid, user_name: "alice".into() };
        let leave = may_use(&other, &account(), &key(1000, KeyState::Current, EVERYTHING), Purpose::Sign);
        assert!(matches!(leave, Err(Refusal::AccessDenied(_))), "{uid}");
    }
    let strange = key(1001, KeyState::Current, EVERYTHING);
    assert_eq!(may_use(&alice(), &account(), &strange, Purpose::Sign).err(), Some(Refusal::NoSuchKey));
}

#[test]
fn a_number_that_was_given_to_another_person_opens_nothing() {
    let other = Caller { uid: 1000, user_name: "mallory".into() };
    let leave = may_use(&other, &account(), &key(1000, KeyState::Current, EVERYTHING), Purpose::Sign);
    assert!(matches!(leave, Err(Refusal::AccessDenied(_))));
}

#[test]
fn no_key_is_used_before_the_account_is_active() {
    for registration in Registration::ALL.into_iter().filter(|state| *state != Registration::Active) {
        let user = User { registration, ..account() };
        let leave = may_use(&alice(), &user, &key(1000, KeyState::Current, EVERYTHING), Purpose::Sign);
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
