use claviger_client::ErrorName;
use cryptoki_sys as sys;

use super::{RO, RW, found, logged_in, only, pin, plain, slots};
use crate::operations::Sign;
use crate::rv::Rv;
use crate::template::Template;
use crate::testing::{House, PIN};

fn state(module: &crate::state::Module, session: sys::CK_SESSION_HANDLE) -> sys::CK_STATE {
    module.session_info(session).unwrap().state
}

#[test]
fn a_login_is_for_every_session_of_its_slot_and_for_no_other_slot() {
    let (_, module) = House::furnished();
    let (local, card) = slots(&module);
    let (reader, other) = (module.open_session(local, RO).unwrap(), module.open_session(card, RO).unwrap());
    let writer = logged_in(&module, local);
    assert_eq!(state(&module, reader), sys::CKS_RO_USER_FUNCTIONS);
    assert_eq!(state(&module, writer), sys::CKS_RW_USER_FUNCTIONS);
    assert_eq!(state(&module, other), sys::CKS_RO_PUBLIC_SESSION);
    assert_eq!(module.login(reader, sys::CKU_USER, pin(PIN)), Err(Rv::USER_ALREADY_LOGGED_IN));
}

#[test]
fn a_wrong_pin_is_refused_also_where_somebody_else_unlocked_the_token() {
    let (house, module) = House::furnished();
    let (local, _) = slots(&module);
    house.inside().tokens[0].1.locked = false;
    let session = module.open_session(local, RO).unwrap();
    assert_eq!(module.login(session, sys::CKU_USER, pin(b"654321")), Err(Rv::PIN_INCORRECT));
    assert_eq!(state(&module, session), sys::CKS_RO_PUBLIC_SESSION);
}

#[test]
fn an_empty_pin_never_reaches_a_token() {
    let (house, module) = House::furnished();
    let session = module.open_session(slots(&module).1, RO).unwrap();
    assert_eq!(module.login(session, sys::CKU_USER, pin(b"")), Err(Rv::PIN_INCORRECT));
    assert_eq!(module.login(session, sys::CKU_USER, None), Err(Rv::ARGUMENTS_BAD));
    assert_eq!(house.count("unlock"), 0);
}

#[test]
fn the_last_try_is_spent_by_a_program_that_saw_that_it_is() {
    let (house, module) = House::furnished();
    let (_, card) = slots(&module);
    module.token_info(card).unwrap();
    house.inside().tokens[1].1.tries_left = Some(1);
    let session = module.open_session(card, RW).unwrap();
    assert_eq!(module.login(session, sys::CKU_USER, pin(PIN)), Err(Rv::PIN_INCORRECT));
    assert_eq!(module.set_pin(session, pin(PIN), pin(b"654321")), Err(Rv::PIN_INCORRECT));
    assert_eq!((house.count("unlock"), house.count("change")), (0, 0), "nothing was tried");
    assert_ne!(module.token_info(card).unwrap().flags & sys::CKF_USER_PIN_FINAL_TRY, 0);
    assert_eq!(module.set_pin(session, pin(PIN), pin(b"654321")), Ok(()));
    assert_eq!(module.login(session, sys::CKU_USER, pin(PIN)), Ok(()));
}

#[test]
fn a_pin_pad_asks_itself() {
    let (house, module) = House::furnished();
    house.inside().tokens[1].1.pin_pad = true;
    house.inside().tokens[1].1.locked = true;
    let (_, card) = slots(&module);
    let flags = module.token_info(card).unwrap().flags;
    assert_ne!(flags & sys::CKF_PROTECTED_AUTHENTICATION_PATH, 0);
    let session = module.open_session(card, RO).unwrap();
    module.login(session, sys::CKU_USER, None).unwrap();
    assert_eq!(house.count("unlock"), 1);
}

#[test]
fn what_asks_itself_and_is_unlocked_already_asks_when_a_key_is_used_only() {
    for kind in ["card", "phone"] {
        let (house, module) = House::furnished();
        {
            let row = &mut house.inside().tokens[1].1;
            (row.kind, row.pin_pad, row.locked) = (kind.to_owned(), kind == "card", true);
        }
        let session = module.open_session(slots(&module).1, RO).unwrap();
        // It is unlocked after the module last looked.
        house.inside().tokens[1].1.locked = false;
        module.login(session, sys::CKU_USER, None).unwrap();
        assert_eq!(state(&module, session), sys::CKS_RO_USER_FUNCTIONS);
        assert_eq!(house.count("unlock"), 0, "{kind}");
    }
}

#[test]
fn with_a_phone_nobody_logs_in() {
    let (house, module) = House::furnished();
    house.inside().tokens[1].1.kind = "phone".to_owned();
    let (local, phone) = slots(&module);
    let wants = |slot| module.token_info(slot).unwrap().flags & sys::CKF_LOGIN_REQUIRED != 0;
    assert_eq!((wants(local), wants(phone)), (true, false));
    let session = module.open_session(phone, RO).unwrap();
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
    assert!(module.whole::<Sign>(session, b"text", Some(256)).is_ok());
    assert_eq!(house.count("unlock"), 0);
    // Who logs in all the same does no harm.
    module.login(session, sys::CKU_USER, None).unwrap();
    module.logout(session).unwrap();
    assert_eq!(only(&module, session, sys::CKO_PRIVATE_KEY), key);
}

#[test]
fn a_wait_before_the_next_try_is_no_lock() {
    let (house, module) = House::furnished();
    let session = module.open_session(slots(&module).0, RO).unwrap();
    for (name, code) in [(ErrorName::TryLater, Rv::FUNCTION_FAILED), (ErrorName::PinLocked, Rv::PIN_LOCKED)] {
        house.inside().refuses = Some(name);
        assert_eq!(module.login(session, sys::CKU_USER, pin(PIN)), Err(code));
    }
}

#[test]
fn logging_out_hides_the_private_keys_and_locks_nothing() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    assert_eq!(found(&module, session, &Template::default()).len(), 2);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.logout(session).unwrap();
    assert_eq!(found(&module, session, &Template::default()).len(), 1, "the public half");
    let begun = module.sign_init(session, &plain(sys::CKM_ECDSA), key);
    assert_eq!(begun, Err(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(module.logout(session), Err(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(house.count("lock"), 0);
}

#[test]
fn the_login_ends_with_the_last_session() {
    let (_, module) = House::furnished();
    let (local, _) = slots(&module);
    let (first, second) = (logged_in(&module, local), module.open_session(local, RO).unwrap());
    module.world().close(first).unwrap();
    assert_eq!(state(&module, second), sys::CKS_RO_USER_FUNCTIONS);
    module.world().close(second).unwrap();
    let third = module.open_session(local, RO).unwrap();
    assert_eq!(state(&module, third), sys::CKS_RO_PUBLIC_SESSION);
}

#[test]
fn a_store_that_locks_meanwhile_logs_out() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.sign_init(session, &plain(sys::CKM_ECDSA), key).unwrap();
    house.inside().refuses = Some(ErrorName::Locked);
    house.inside().tokens[0].1.locked = true;
    let signed = module.whole::<crate::operations::Sign>(session, &[1; 32], Some(64));
    assert_eq!(signed.err(), Some(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(state(&module, session), sys::CKS_RW_PUBLIC_SESSION);
}

#[test]
fn a_pin_that_another_token_wants_logs_nobody_out_here() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.sign_init(session, &plain(sys::CKM_ECDSA), key).unwrap();
    house.inside().refuses = Some(ErrorName::PinNeeded);
    house.inside().tokens[1].1.locked = true;
    let signed = module.whole::<crate::operations::Sign>(session, &[1; 32], Some(64));
    assert_eq!(signed.err(), Some(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(state(&module, session), sys::CKS_RW_USER_FUNCTIONS);
}

#[test]
fn a_key_that_wants_its_pin_each_time_takes_one_more_login_within_an_operation() {
    let (house, module) = House::furnished();
    house.inside().keys[1].1.pin_policies = vec!["always".to_owned()];
    let session = logged_in(&module, slots(&module).1);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    let again = |pin| module.login(session, sys::CKU_CONTEXT_SPECIFIC, pin);
    assert_eq!(again(pin(PIN)), Err(Rv::OPERATION_NOT_INITIALIZED));
    module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
    assert_eq!(again(pin(b"654321")), Err(Rv::PIN_INCORRECT));
    again(pin(PIN)).unwrap();
    assert!(module.whole::<crate::operations::Sign>(session, b"text", Some(256)).is_ok());
    assert_eq!(house.count("unlock"), 3);
    // It is good for one: the PIN that the key store still has is not taken for the next.
    module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
    assert!(module.whole::<crate::operations::Sign>(session, b"text", None).is_ok(), "its length");
    let signed = module.whole::<crate::operations::Sign>(session, b"text", Some(256));
    assert_eq!(signed.err(), Some(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(house.count("sign"), 1);
    assert_eq!(state(&module, session), sys::CKS_RW_USER_FUNCTIONS);
    module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
}

#[test]
fn the_pin_of_a_login_is_for_what_is_done_next_once() {
    let (house, module) = House::furnished();
    house.inside().keys[1].1.pin_policies = vec!["always".to_owned()];
    let session = logged_in(&module, slots(&module).1);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    let sign = || {
        module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key).unwrap();
        module.whole::<crate::operations::Sign>(session, b"text", Some(256)).err()
    };
    assert_eq!((sign(), sign()), (None, Some(Rv::USER_NOT_LOGGED_IN)));
    module.logout(session).unwrap();
    module.login(session, sys::CKU_USER, pin(PIN)).unwrap();
    module.logout(session).unwrap();
    assert_eq!((house.count("unlock"), house.count("sign")), (2, 1));
    let card = slots(&module).1;
    assert!(!module.world().take_fresh(card), "it ends with the login");
}

#[test]
fn the_puk_sets_the_pin() {
    let (house, module) = House::furnished();
    let (local, card) = slots(&module);
    let session = module.open_session(card, RW).unwrap();
    assert_eq!(module.init_pin(session, pin(b"111111")), Err(Rv::USER_NOT_LOGGED_IN));
    let reader = module.open_session(card, RO).unwrap();
    assert_eq!(module.login(session, sys::CKU_SO, pin(b"12345678")), Err(Rv::SESSION_READ_ONLY_EXISTS));
    module.world().close(reader).unwrap();
    module.login(session, sys::CKU_SO, pin(b"12345678")).unwrap();
    assert_eq!(state(&module, session), sys::CKS_RW_SO_FUNCTIONS);
    assert_eq!(module.open_session(card, RO), Err(Rv::SESSION_READ_WRITE_SO_EXISTS));
    module.init_pin(session, pin(b"111111")).unwrap();
    assert_eq!(house.count("unblock"), 1);
    let other = module.open_session(local, RW).unwrap();
    assert_eq!(module.login(other, sys::CKU_SO, pin(b"12345678")), Err(Rv::USER_TYPE_INVALID));
}

#[test]
fn a_wrong_puk_ends_the_officers_login() {
    let (_, module) = House::furnished();
    let session = module.open_session(slots(&module).1, RW).unwrap();
    module.login(session, sys::CKU_SO, pin(b"00000000")).unwrap();
    assert_eq!(module.init_pin(session, pin(b"111111")), Err(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(state(&module, session), sys::CKS_RW_PUBLIC_SESSION);
}

#[test]
fn a_pin_is_changed_in_a_writable_session() {
    let (house, module) = House::furnished();
    house.inside().tokens[1].1.pin_shortest = Some(6);
    let (_, card) = slots(&module);
    let (reader, writer) = (module.open_session(card, RO).unwrap(), module.open_session(card, RW).unwrap());
    assert_eq!(module.set_pin(reader, pin(PIN), pin(b"111111")), Err(Rv::SESSION_READ_ONLY));
    assert_eq!(module.set_pin(writer, pin(PIN), pin(b"11111")), Err(Rv::PIN_LEN_RANGE));
    assert_eq!(module.set_pin(writer, pin(b"654321"), pin(b"111111")), Err(Rv::PIN_INCORRECT));
    assert_eq!(module.set_pin(writer, pin(PIN), pin(b"111111")), Ok(()));
}

#[test]
fn tries_left_are_flags() {
    let (house, module) = House::furnished();
    let (_, card) = slots(&module);
    let tries = sys::CKF_USER_PIN_COUNT_LOW | sys::CKF_USER_PIN_FINAL_TRY | sys::CKF_USER_PIN_LOCKED;
    for (left, flags) in [
        (3, 0),
        (2, sys::CKF_USER_PIN_COUNT_LOW),
        (1, sys::CKF_USER_PIN_COUNT_LOW | sys::CKF_USER_PIN_FINAL_TRY),
        (0, sys::CKF_USER_PIN_LOCKED),
    ] {
        house.inside().tokens[1].1.tries_left = Some(left);
        assert_eq!(module.token_info(card).unwrap().flags & tries, flags, "{left}");
    }
}
