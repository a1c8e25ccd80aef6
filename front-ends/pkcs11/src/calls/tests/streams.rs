use cryptoki_sys as sys;

use super::{logged_in, only, plain, slots};
use crate::calls::Delivery;
use crate::operations::{Decrypt, Digest, Encrypt, Parameter, Sign, Value};
use crate::rv::Rv;
use crate::template::Template;
use crate::testing::{CARD, House, LOCAL, template};

fn length(delivery: Delivery) -> (&'static str, usize) {
    match delivery {
        Delivery::Bytes(bytes) => ("bytes", bytes.len()),
        Delivery::Length(length) => ("length", length),
        Delivery::TooSmall(length) => ("too small", length),
    }
}

#[test]
fn asking_for_the_length_signs_nothing_and_keeps_the_operation() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.sign_init(session, &plain(sys::CKM_ECDSA), key).unwrap();
    assert_eq!(module.sign_init(session, &plain(sys::CKM_ECDSA), key), Err(Rv::OPERATION_ACTIVE));
    let sign = |room| module.whole::<Sign>(session, &[7; 32], room).map(length);
    assert_eq!(sign(None), Ok(("length", 64)));
    assert_eq!(sign(Some(63)), Ok(("too small", 64)));
    assert_eq!(house.count("sign"), 0);
    assert_eq!(sign(Some(64)), Ok(("bytes", 64)));
    assert_eq!(sign(Some(64)), Err(Rv::OPERATION_NOT_INITIALIZED), "it is over");
    assert_eq!(house.count("sign"), 1);
}

#[test]
fn a_plain_text_that_does_not_fit_is_decrypted_once() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).1);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    module.decrypt_init(session, &plain(sys::CKM_RSA_PKCS), key).unwrap();
    let decrypt = |room| module.whole::<Decrypt>(session, &[7; 256], room).map(length);
    assert_eq!(decrypt(Some(3)), Ok(("too small", 14)));
    assert_eq!(decrypt(None), Ok(("length", 14)));
    assert_eq!(decrypt(Some(14)), Ok(("bytes", 14)));
    assert_eq!(house.count("decrypt"), 1, "nobody is asked twice");
}

#[test]
fn who_asks_how_much_comes_of_a_piece_is_told_of_some() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).1);
    let (public, private) =
        (only(&module, session, sys::CKO_PUBLIC_KEY), only(&module, session, sys::CKO_PRIVATE_KEY));
    assert_eq!(module.most::<Encrypt>(session), Err(Rv::OPERATION_NOT_INITIALIZED));
    module.encrypt_init(session, &plain(sys::CKM_RSA_PKCS), public).unwrap();
    assert_eq!(module.most::<Encrypt>(session), Ok(256));
    module.piece::<Encrypt>(session, b"text").unwrap();
    assert_eq!(module.last::<Encrypt>(session, Some(256)).map(length), Ok(("bytes", 256)));
    module.decrypt_init(session, &plain(sys::CKM_RSA_PKCS), private).unwrap();
    assert_eq!(module.most::<Decrypt>(session), Ok(245), "what fits beside the padding");
}

#[test]
fn a_key_is_used_at_the_token_of_the_session() {
    let (house, module) = House::furnished();
    for (_, row) in &mut house.inside().keys {
        row.tokens = vec![LOCAL.to_owned(), CARD.to_owned()];
    }
    let (local, card) = slots(&module);
    for (slot, token) in [(local, LOCAL), (card, CARD)] {
        let session = logged_in(&module, slot);
        let key = |algorithm: &str| {
            let label = if algorithm == "EC" { "mine" } else { "badge" };
            let wanted = [
                (sys::CKA_CLASS, sys::CKO_PRIVATE_KEY.to_ne_bytes().to_vec()),
                (sys::CKA_LABEL, label.as_bytes().to_vec()),
            ];
            let wanted: Vec<_> = wanted.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
            super::found(&module, session, &template(&wanted))[0]
        };
        house.inside().asked.clear();
        module.sign_init(session, &plain(sys::CKM_ECDSA), key("EC")).unwrap();
        module.whole::<Sign>(session, &[7; 32], Some(64)).unwrap();
        module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key("RSA")).unwrap();
        module.piece::<Sign>(session, b"piece").unwrap();
        module.last::<Sign>(session, Some(256)).unwrap();
        module.decrypt_init(session, &plain(sys::CKM_RSA_PKCS), key("RSA")).unwrap();
        module.whole::<Decrypt>(session, &[7; 256], Some(256)).unwrap();
        module
            .unwrap(session, (&plain(sys::CKM_RSA_PKCS), key("RSA")), &[7; 256], Template::default())
            .unwrap();
        let peer = Value::Ecdh { kdf: None, shared: Vec::new(), peer: [&[4][..], &[7; 64]].concat() };
        let agree = Parameter { mechanism: sys::CKM_ECDH1_DERIVE, value: peer };
        module.derive(session, &agree, key("EC"), Template::default()).unwrap();
        let asked = house.inside().asked.clone();
        assert_eq!(asked.len(), 5);
        assert!(asked.iter().all(|line| line.ends_with(&format!(" at {token}"))), "{asked:?}");
    }
}

#[test]
fn pieces_are_one_message() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let digest = |pieces: &[&[u8]]| {
        module.digest_init(session, &plain(sys::CKM_SHA256)).unwrap();
        for piece in pieces {
            module.piece::<Digest>(session, piece).unwrap();
        }
        match module.last::<Digest>(session, Some(32)).unwrap() {
            Delivery::Bytes(bytes) => bytes,
            Delivery::Length(_) | Delivery::TooSmall(_) => panic!("there was room"),
        }
    };
    assert_eq!(digest(&[b"one ", b"message"]), digest(&[b"one message"]));
    assert_ne!(digest(&[b"one "]), digest(&[b"one message"]));
}

#[test]
fn a_session_that_is_closed_meanwhile_keeps_nothing() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    module.digest_init(session, &plain(sys::CKM_SHA256)).unwrap();
    module.world().close(session).unwrap();
    assert_eq!(module.piece::<Digest>(session, b"x"), Err(Rv::SESSION_HANDLE_INVALID));
}

#[test]
fn operations_are_cancelled_by_their_flags() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    module.digest_init(session, &plain(sys::CKM_SHA256)).unwrap();
    module.cancel(session, sys::CKF_SIGN).unwrap();
    assert_eq!(module.digest_init(session, &plain(sys::CKM_SHA256)), Err(Rv::OPERATION_ACTIVE));
    module.cancel(session, sys::CKF_DIGEST).unwrap();
    assert_eq!(module.digest_init(session, &plain(sys::CKM_SHA256)), Ok(()));
}

#[test]
fn an_operation_that_another_thread_is_at_keeps_its_place() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    let begin = || module.sign_init(session, &plain(sys::CKM_ECDSA), key);
    let sign = |room| module.whole::<Sign>(session, &[7; 32], room).map(length);
    begin().unwrap();
    std::thread::scope(|scope| {
        let door = house.inside().door.clone();
        let held = door.lock().unwrap();
        let signing = scope.spawn(|| sign(Some(64)));
        house.wait_for("sign");
        assert_eq!(begin(), Err(Rv::OPERATION_ACTIVE));
        assert_eq!(sign(None), Err(Rv::OPERATION_ACTIVE));
        drop(held);
        assert_eq!(signing.join().unwrap(), Ok(("bytes", 64)));
    });
    assert_eq!(begin(), Ok(()), "it is over");
}

#[test]
fn what_was_cancelled_does_not_come_back() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).1);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    let begin = || module.sign_init(session, &plain(sys::CKM_SHA256_RSA_PKCS), key);
    let sign = |room| module.whole::<Sign>(session, b"text", room).map(length);
    begin().unwrap();
    std::thread::scope(|scope| {
        let door = house.inside().door.clone();
        let held = door.lock().unwrap();
        let signing = scope.spawn(|| sign(Some(256)));
        house.wait_for("sign");
        module.cancel(session, sys::CKF_SIGN).unwrap();
        drop(held);
        assert_eq!(signing.join().unwrap(), Ok(("bytes", 256)));
        assert_eq!(sign(None), Err(Rv::OPERATION_NOT_INITIALIZED));
    });
    // Another one that was begun meanwhile stays.
    begin().unwrap();
    std::thread::scope(|scope| {
        let door = house.inside().door.clone();
        house.inside().asked.clear();
        let held = door.lock().unwrap();
        let signing = scope.spawn(|| sign(Some(256)));
        house.wait_for("sign");
        module.cancel(session, sys::CKF_SIGN).unwrap();
        begin().unwrap();
        drop(held);
        assert_eq!(signing.join().unwrap(), Ok(("bytes", 256)));
        assert_eq!(sign(None), Ok(("length", 256)));
    });
}

#[test]
fn signatures_are_checked_with_the_public_half() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let (public, private) =
        (only(&module, session, sys::CKO_PUBLIC_KEY), only(&module, session, sys::CKO_PRIVATE_KEY));
    let mechanism = plain(sys::CKM_ECDSA);
    module.verify_init(session, &mechanism, public).unwrap();
    assert_eq!(module.verify(session, &[7; 32], &[0x5a; 64]), Ok(()));
    module.verify_init(session, &mechanism, public).unwrap();
    assert_eq!(module.verify(session, &[7; 32], &[0; 64]), Err(Rv::SIGNATURE_INVALID));
    let refused = Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
    assert_eq!(module.verify_init(session, &mechanism, private), refused);
    assert_eq!(module.sign_init(session, &mechanism, public), refused);
    assert_eq!(module.encrypt_init(session, &mechanism, public), refused);
}
