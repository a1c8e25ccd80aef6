use claviger_client::ErrorName;
use std::time::Duration;

use cryptoki_sys as sys;

use super::{RO, logged_in, only, plain, slots};
use crate::operations::Sign;
use crate::rv::Rv;
use crate::session::Login;
use crate::testing::House;

#[test]
fn slots_and_serials_stay_and_presence_is_true_to_life() {
    let (house, module) = House::furnished();
    let (before, serial) = (slots(&module), module.token_info(slots(&module).1).unwrap().serialNumber);
    house.put_card("removed");
    assert_eq!(slots(&module), before);
    assert_eq!(module.slot_list(true, true), Ok(vec![before.0]));
    assert_eq!(module.slot_info(before.1).unwrap().flags & sys::CKF_TOKEN_PRESENT, 0);
    assert_ne!(module.slot_info(before.1).unwrap().flags & sys::CKF_REMOVABLE_DEVICE, 0);
    assert_eq!(module.token_info(before.1).err(), Some(Rv::TOKEN_NOT_PRESENT));
    assert_eq!(module.open_session(before.1, RO), Err(Rv::TOKEN_NOT_PRESENT));
    house.put_card("present");
    assert_eq!(module.token_info(before.1).unwrap().serialNumber, serial);
    let (_, again) = House::furnished();
    assert_eq!(slots(&again), before, "in every process");
}

#[test]
fn a_token_without_keys_is_no_slot() {
    let (house, module) = House::furnished();
    house.inside().keys.pop();
    assert_eq!(module.slot_list(false, true).unwrap().len(), 1);
}

#[test]
fn a_slot_whose_last_key_goes_stays_while_it_has_sessions() {
    let (house, module) = House::furnished();
    let (_, card) = slots(&module);
    let session = logged_in(&module, card);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.destroy(session, key).unwrap();
    assert_eq!(house.count("delete"), 1);
    assert!(module.session_info(session).is_ok());
    module.close_all_sessions(card).unwrap();
    assert_eq!(module.slot_list(false, true).unwrap().len(), 1);
    assert_eq!(module.close_all_sessions(card), Ok(()), "as often as one likes");
    assert_eq!(module.close_all_sessions(card + 1), Err(Rv::SLOT_ID_INVALID));
}

#[test]
fn a_key_that_other_tokens_have_too_is_not_destroyed_at_one() {
    let (house, module) = House::furnished();
    let (local, _) = slots(&module);
    house.inside().keys[0].1.tokens.push(crate::testing::CARD.to_owned());
    let session = logged_in(&module, local);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    assert_eq!(module.destroy(session, key), Err(Rv::ACTION_PROHIBITED));
    assert_eq!(house.count("delete"), 0);
}

#[test]
fn no_key_store_is_no_slot() {
    let (house, module) = House::furnished();
    house.inside().tokens.clear();
    assert_eq!(module.slot_list(false, true), Ok(Vec::new()));
}

#[test]
fn a_token_that_goes_takes_its_sessions_and_its_login_with_it() {
    let (house, module) = House::furnished();
    let (local, card) = slots(&module);
    let (stays, goes) = (logged_in(&module, local), logged_in(&module, card));
    house.put_card("removed");
    assert_eq!(module.session_info(goes).err(), Some(Rv::DEVICE_REMOVED), "it is seen now");
    assert_eq!(module.session_info(goes).err(), Some(Rv::SESSION_HANDLE_INVALID), "it was seen before");
    assert!(matches!(module.world().login(card), Login::Public));
    assert!(module.session_info(stays).is_ok());
}

#[test]
fn a_token_that_goes_during_an_operation_was_removed() {
    for name in [ErrorName::TokenRemoved, ErrorName::TokenAbsent, ErrorName::WrongToken] {
        let (house, module) = House::furnished();
        let session = logged_in(&module, slots(&module).1);
        let key = only(&module, session, sys::CKO_PRIVATE_KEY);
        module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
        house.inside().refuses = Some(name);
        assert_eq!(module.whole::<Sign>(session, b"text", Some(256)).err(), Some(Rv::DEVICE_REMOVED));
        assert_eq!(module.sign_init(session, &plain(sys::CKM_ECDSA), key), Err(Rv::SESSION_HANDLE_INVALID));
    }
}

#[test]
fn a_bus_that_cannot_be_reached_takes_no_sessions_with_it() {
    let (house, module) = House::furnished();
    let (_, card) = slots(&module);
    let session = logged_in(&module, card);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
    house.inside().no_bus = true;
    let sign = || module.whole::<Sign>(session, b"text", Some(256));
    assert_eq!(sign().err(), Some(Rv::DEVICE_ERROR));
    assert_eq!(module.session_info(session).err(), Some(Rv::DEVICE_ERROR));
    house.inside().no_bus = false;
    module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
    assert!(sign().is_ok(), "session, login and handles are as they were");
}

#[test]
fn a_list_of_slots_is_not_older_than_some_seconds() {
    let (house, module) = House::furnished();
    let (local, card) = slots(&module);
    house.put_card("removed");
    assert_eq!(module.slot_list(true, false), Ok(vec![local, card]), "what was counted");
    let before = module.world().renewed.unwrap();
    module.world().renewed = before.checked_sub(Duration::from_secs(6));
    assert_eq!(module.slot_list(true, false), Ok(vec![local]), "who never counts sees it too");
}

#[test]
fn who_waits_is_told_which_token_came_or_went() {
    let (house, module) = House::furnished();
    let (_, card) = slots(&module);
    assert_eq!(module.wait_for_slot_event(false), Err(Rv::NO_EVENT));
    house.put_card("removed");
    assert_eq!(module.wait_for_slot_event(false), Ok(card));
    assert_eq!(module.wait_for_slot_event(false), Err(Rv::NO_EVENT), "once");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| module.wait_for_slot_event(true));
        house.put_card("present");
        assert_eq!(waiting.join().unwrap(), Ok(card));
    });
}

#[test]
fn who_waits_asks_when_something_happened_and_no_oftener() {
    let (house, module) = House::furnished();
    slots(&module);
    let before = house.inside().lists;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| module.wait_for_slot_event(true));
        for round in 1..=3 {
            house.wait_for_lists(before + round);
            house.tell();
        }
        house.wait_for_lists(before + 4);
        module.end();
        assert_eq!(waiting.join().unwrap(), Err(Rv::CRYPTOKI_NOT_INITIALIZED));
    });
    assert_eq!(house.inside().lists, before + 4, "once at first, and after each of three events");
}

#[test]
fn who_waits_is_woken_when_the_module_ends() {
    let (house, module) = House::furnished();
    slots(&module);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| module.wait_for_slot_event(true));
        module.end();
        assert_eq!(waiting.join().unwrap(), Err(Rv::CRYPTOKI_NOT_INITIALIZED));
    });
    assert_eq!(house.count("interrupt"), 1, "the key store's own wait is ended too");
}

#[test]
fn there_is_an_end_to_sessions() {
    let (_, module) = House::furnished();
    let (local, _) = slots(&module);
    for _ in 0..crate::world::SESSIONS {
        module.open_session(local, RO).unwrap();
    }
    assert_eq!(module.open_session(local, RO), Err(Rv::SESSION_COUNT));
    module.close_all_sessions(local).unwrap();
    assert!(module.open_session(local, RO).is_ok());
    assert_eq!(module.open_session(local, 0), Err(Rv::SESSION_PARALLEL_NOT_SUPPORTED));
}
