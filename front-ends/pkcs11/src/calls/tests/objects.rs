use claviger_client::ErrorName;
use cryptoki_sys as sys;

use super::{RO, found, logged_in, only, plain, slots};
use crate::objects::Attribute;
use crate::rv::Rv;
use crate::state::Module;
use crate::testing::{CERTIFICATE, House, P256, P256_ID, RSA, RSA_ID, template};

fn value(module: &Module, session: u64, object: u64, kind: sys::CK_ATTRIBUTE_TYPE) -> Option<Vec<u8>> {
    match module.object(session, object).unwrap().attribute(kind) {
        Attribute::Value(value) => Some(value),
        Attribute::Sensitive | Attribute::None => None,
    }
}

const TRUE: &[u8] = &[sys::CK_TRUE];

fn class(class: sys::CK_OBJECT_CLASS) -> [u8; 8] {
    class.to_ne_bytes()
}

#[test]
fn key_public_key_and_certificate_have_one_id() {
    let (house, module) = House::furnished();
    house.inside().keys[1].1.certificate = Some(CERTIFICATE.to_vec().into());
    house.inside().chains = vec![(RSA_ID.to_owned(), vec![CERTIFICATE.to_vec()])];
    let session = logged_in(&module, slots(&module).1);
    let id = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
    let same = found(&module, session, &template(&[(sys::CKA_ID, &id)]));
    let classes: Vec<_> =
        same.iter().map(|object| value(&module, session, *object, sys::CKA_CLASS).unwrap()).collect();
    for wanted in [sys::CKO_PRIVATE_KEY, sys::CKO_PUBLIC_KEY, sys::CKO_CERTIFICATE] {
        assert!(classes.contains(&class(wanted).to_vec()), "{wanted}");
    }
    assert_eq!(classes.len(), 3);
}

#[test]
fn public_keys_and_certificates_need_no_login() {
    let (house, module) = House::furnished();
    house.inside().keys[1].1.certificate = Some(CERTIFICATE.to_vec().into());
    let session = module.open_session(slots(&module).1, RO).unwrap();
    only(&module, session, sys::CKO_PUBLIC_KEY);
    let certificate = only(&module, session, sys::CKO_CERTIFICATE);
    assert_eq!(value(&module, session, certificate, sys::CKA_VALUE).as_deref(), Some(CERTIFICATE));
    assert_eq!(value(&module, session, certificate, sys::CKA_PUBLIC_KEY_INFO).as_deref(), Some(RSA));
    assert_eq!(value(&module, session, certificate, sys::CKA_END_DATE).as_deref(), Some(&b"21261028"[..]));
    let serial = value(&module, session, certificate, sys::CKA_SERIAL_NUMBER).unwrap();
    assert_eq!(serial[..6], [0x02, 0x14, 0x3c, 0xb5, 0x4c, 0xb2]);
}

#[test]
fn private_keys_tell_what_they_are_and_not_what_they_hold() {
    let (_, module) = House::furnished();
    let (local, card) = slots(&module);
    let session = logged_in(&module, card);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    assert_eq!(value(&module, session, key, sys::CKA_MODULUS).map(|modulus| modulus.len()), Some(256));
    assert_eq!(value(&module, session, key, sys::CKA_PUBLIC_EXPONENT), Some(vec![1, 0, 1]));
    for kind in [sys::CKA_SENSITIVE, sys::CKA_PRIVATE, sys::CKA_TOKEN, sys::CKA_DECRYPT, sys::CKA_SIGN] {
        assert_eq!(value(&module, session, key, kind).as_deref(), Some(TRUE), "{kind:#x}");
    }
    assert_eq!(value(&module, session, key, sys::CKA_EXTRACTABLE), Some(vec![sys::CK_FALSE]));
    let object = module.object(session, key).unwrap();
    assert!(matches!(object.attribute(sys::CKA_PRIVATE_EXPONENT), Attribute::Sensitive));
    assert!(matches!(object.attribute(sys::CKA_EC_POINT), Attribute::None));
    let session = logged_in(&module, local);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    let point = value(&module, session, key, sys::CKA_EC_POINT).unwrap();
    assert_eq!((&point[..3], point.len()), (&[0x04, 65, 0x04][..], 67), "an OCTET STRING of the point");
    assert_eq!(point[2..], P256[P256.len() - 65..]);
    assert!(matches!(module.object(session, key).unwrap().attribute(sys::CKA_VALUE), Attribute::Sensitive));
}

#[test]
fn a_handle_of_another_slot_is_none() {
    let (_, module) = House::furnished();
    let (local, card) = slots(&module);
    let (here, there) = (logged_in(&module, local), logged_in(&module, card));
    let key = only(&module, here, sys::CKO_PRIVATE_KEY);
    assert_eq!(module.object(there, key).err(), Some(Rv::OBJECT_HANDLE_INVALID));
    assert_eq!(module.operand(there, key).err(), Some(Rv::KEY_HANDLE_INVALID));
}

#[test]
fn a_certificate_comes_to_the_key_that_it_is_for_and_goes_again() {
    let (house, module) = House::furnished();
    let (local, card) = slots(&module);
    let session = logged_in(&module, card);
    let wanted = template(&[
        (sys::CKA_CLASS, &class(sys::CKO_CERTIFICATE)),
        (sys::CKA_TOKEN, TRUE),
        (sys::CKA_VALUE, CERTIFICATE),
    ]);
    let certificate = module.create(session, wanted.clone()).unwrap();
    assert_eq!(house.count(&format!("certify {RSA_ID}")), 1);
    assert_eq!(only(&module, session, sys::CKO_CERTIFICATE), certificate);
    let other = logged_in(&module, local);
    assert_eq!(module.create(other, wanted), Err(Rv::TEMPLATE_INCONSISTENT), "no key there is the one");
    module.destroy(session, certificate).unwrap();
    assert_eq!(house.count(&format!("certify {RSA_ID} 0")), 1);
    assert_eq!(module.object(session, certificate).err(), Some(Rv::OBJECT_HANDLE_INVALID));
}

#[test]
fn only_who_is_logged_in_and_may_write_changes_a_token() {
    let (house, module) = House::furnished();
    let (local, _) = slots(&module);
    let (reader, writer) = (module.open_session(local, RO).unwrap(), logged_in(&module, local));
    let key = only(&module, writer, sys::CKO_PRIVATE_KEY);
    let label = template(&[(sys::CKA_LABEL, b"ours")]);
    assert_eq!(module.destroy(reader, key), Err(Rv::SESSION_READ_ONLY));
    assert_eq!(module.change(reader, key, &label), Err(Rv::SESSION_READ_ONLY));
    module.change(writer, key, &label).unwrap();
    assert_eq!(value(&module, writer, key, sys::CKA_LABEL).as_deref(), Some(&b"ours"[..]));
    let id = template(&[(sys::CKA_ID, b"01")]);
    assert_eq!(module.change(writer, key, &id), Err(Rv::ATTRIBUTE_READ_ONLY));
    let public = only(&module, writer, sys::CKO_PUBLIC_KEY);
    assert_eq!(module.destroy(writer, public), Err(Rv::ACTION_PROHIBITED), "it goes with the private one");
    module.destroy(writer, key).unwrap();
    assert_eq!(house.count(&format!("delete {P256_ID}")), 1);
}

#[test]
fn a_key_pair_is_made_where_the_slot_is_and_for_what_is_asked() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let public = template(&[(sys::CKA_EC_PARAMS, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")]);
    let private = template(&[(sys::CKA_TOKEN, TRUE), (sys::CKA_SIGN, TRUE), (sys::CKA_DECRYPT, TRUE)]);
    let made = module.generate(session, sys::CKM_EC_KEY_PAIR_GEN, &public, &private).unwrap();
    assert_eq!(house.count(r#"generate P-256 Some("local") Some(["sign"])"#), 1);
    assert_eq!(value(&module, session, made.0, sys::CKA_ID), value(&module, session, made.1, sys::CKA_ID));
    let in_session = template(&[]);
    let refused = module.generate(session, sys::CKM_EC_KEY_PAIR_GEN, &public, &in_session);
    assert_eq!(refused, Err(Rv::TEMPLATE_INCONSISTENT));
    let elsewhere = template(&[(sys::CKA_EC_PARAMS, b"\x06\x05\x2b\x81\x04\x00\x0a")]);
    let refused = module.generate(session, sys::CKM_EC_KEY_PAIR_GEN, &elsewhere, &private);
    assert_eq!(refused, Err(Rv::CURVE_NOT_SUPPORTED));
}

#[test]
fn a_private_key_is_taken_in_as_pkcs8() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let mut attributes: Vec<(u64, &[u8])> = vec![];
    let (private, kind) = (class(sys::CKO_PRIVATE_KEY), class(sys::CKK_EC));
    attributes.extend([
        (sys::CKA_CLASS, &private[..]),
        (sys::CKA_KEY_TYPE, &kind[..]),
        (sys::CKA_TOKEN, TRUE),
    ]);
    attributes.push((sys::CKA_EC_PARAMS, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"));
    assert_eq!(module.create(session, template(&attributes)), Err(Rv::TEMPLATE_INCOMPLETE));
    attributes.push((sys::CKA_VALUE, &[7; 31]));
    module.create(session, template(&attributes)).unwrap();
    assert_eq!(house.count("import Some(48)"), 1);
}

#[test]
fn a_public_key_is_the_half_that_is_there_or_lives_in_its_session() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).0);
    let (public, kind) = (class(sys::CKO_PUBLIC_KEY), class(sys::CKK_EC));
    let point = &P256[P256.len() - 65..];
    let wanted = |token: &[u8], point: &[u8]| {
        template(&[
            (sys::CKA_CLASS, &public),
            (sys::CKA_KEY_TYPE, &kind),
            (sys::CKA_EC_PARAMS, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
            (sys::CKA_EC_POINT, point),
            (sys::CKA_TOKEN, token),
        ])
    };
    let half = only(&module, session, sys::CKO_PUBLIC_KEY);
    assert_eq!(module.create(session, wanted(TRUE, point)), Ok(half));
    let mut other = point.to_vec();
    other[64] ^= 1;
    assert_eq!(module.create(session, wanted(TRUE, &other)), Err(Rv::TEMPLATE_INCONSISTENT));
    let brought = module.create(session, wanted(&[sys::CK_FALSE], &other)).unwrap();
    assert_eq!(value(&module, session, brought, sys::CKA_TOKEN), Some(vec![sys::CK_FALSE]));
    let data = template(&[(sys::CKA_CLASS, &class(sys::CKO_DATA)), (sys::CKA_TOKEN, TRUE)]);
    assert_eq!(module.create(session, data), Err(Rv::TEMPLATE_INCONSISTENT));
    let second = module.open_session(slots(&module).0, RO).unwrap();
    module.world().close(session).unwrap();
    assert_eq!(module.object(second, brought).err(), Some(Rv::OBJECT_HANDLE_INVALID), "it lived there");
}

#[test]
fn what_comes_of_a_private_key_goes_with_the_login() {
    let (_, module) = House::furnished();
    let session = logged_in(&module, slots(&module).1);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    let unwrap = |wanted: &[(u64, &[u8])]| {
        module.unwrap(session, (&plain(sys::CKM_RSA_PKCS), key), &[7; 256], template(wanted)).unwrap()
    };
    let (usual, public) = (unwrap(&[]), unwrap(&[(sys::CKA_PRIVATE, &[sys::CK_FALSE])]));
    assert_eq!(value(&module, session, usual, sys::CKA_PRIVATE).as_deref(), Some(TRUE));
    module.logout(session).unwrap();
    assert_eq!(module.object(session, usual).err(), Some(Rv::OBJECT_HANDLE_INVALID));
    assert!(module.object(session, public).is_ok(), "the program wanted it so");
    // "Only public objects can be created unless the normal user is logged in."
    let secret = |private: &[u8]| {
        let class = class(sys::CKO_SECRET_KEY);
        let wanted = [(sys::CKA_CLASS, &class[..]), (sys::CKA_VALUE, &[7; 16]), (sys::CKA_PRIVATE, private)];
        module.create(session, template(&wanted))
    };
    assert_eq!(secret(TRUE), Err(Rv::USER_NOT_LOGGED_IN));
    assert!(secret(&[sys::CK_FALSE]).is_ok());
}

#[test]
fn keys_are_not_made_on_a_card_nor_taken_in_by_one() {
    let (house, module) = House::furnished();
    let session = logged_in(&module, slots(&module).1);
    let curve = (sys::CKA_EC_PARAMS, &b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"[..]);
    let (private, kind) = (class(sys::CKO_PRIVATE_KEY), class(sys::CKK_EC));
    let (private, kind) = ((sys::CKA_CLASS, &private[..]), (sys::CKA_KEY_TYPE, &kind[..]));
    for name in [ErrorName::AccessDenied, ErrorName::NotSupported] {
        house.inside().refuses = Some(name);
        let wanted = template(&[(sys::CKA_TOKEN, TRUE)]);
        let made = module.generate(session, sys::CKM_EC_KEY_PAIR_GEN, &template(&[curve]), &wanted);
        assert_eq!(made, Err(Rv::TOKEN_WRITE_PROTECTED));
        let taken = template(&[private, kind, curve, (sys::CKA_TOKEN, TRUE), (sys::CKA_VALUE, &[7; 32])]);
        assert_eq!(module.create(session, taken), Err(Rv::TOKEN_WRITE_PROTECTED));
    }
}

#[test]
fn a_retired_key_opens_but_signs_no_more() {
    let (house, module) = House::furnished();
    house.inside().keys[1].1.state = "retired".to_owned();
    let session = logged_in(&module, slots(&module).1);
    let key = only(&module, session, sys::CKO_PRIVATE_KEY);
    assert_eq!(value(&module, session, key, sys::CKA_SIGN), Some(vec![sys::CK_FALSE]));
    assert_eq!(value(&module, session, key, sys::CKA_DECRYPT).as_deref(), Some(TRUE));
}
