//! What a YubiKey tells of its keys, and what only a YubiKey has.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey as Peer, X25519};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use claviger_token::{Algorithm, Mechanism, PinPolicy, TouchPolicy, Usage};

use super::toy::{Toy, certificate, foreign_key, object};
use super::{bytes, derive, error, perform, sign, sign_with};
use crate::piv::{read, recognize};
use crate::{CardError, CardOp, CardOutput, Pin, spki};

#[test]
fn keys_without_certificates_are_seen() {
    let mut card =
        Toy::new().with_key(0x9A, 0x11, 3, 3).with_key(0x9D, 0xE0, 1, 2).with_key(0x95, 0xE1, 2, 1);
    // A certificate of the key, one of another, and one where no key is.
    card.objects.insert(0x5F_C1_05, object(&certificate(&card.public_key(0x9A))));
    card.objects.insert(0x5F_C1_0B, object(&certificate(&foreign_key())));
    card.objects.insert(0x5F_C1_0A, object(&certificate(&foreign_key())));
    let contents = read(&mut card).unwrap().unwrap();
    assert_eq!(contents.serial, "ab".repeat(16));
    assert_eq!(
        (&contents.name[..], contents.tries_left, contents.puk_tries_left),
        ("YubiKey 1234567", Some(2), Some(1))
    );
    assert!(!contents.pin.digits_only);
    let [first, second, third] = &contents.keys[..] else { panic!("there are three") };
    assert_eq!((&first.reference[..], first.algorithm), ("9a", Algorithm::P256));
    assert_eq!((first.pin_policy, first.touch_policy), (PinPolicy::Always, TouchPolicy::Cached));
    assert_eq!(first.certificates, [certificate(&first.public_key)]);
    assert_eq!((&second.reference[..], second.algorithm), ("9d", Algorithm::Ed25519));
    assert_eq!((second.pin_policy, second.touch_policy), (PinPolicy::Never, TouchPolicy::Always));
    assert!(second.certificates.is_empty(), "it is of the key that was there before");
    assert_eq!(second.usage, Usage { sign: true, ..Usage::default() });
    assert_eq!((&third.reference[..], third.algorithm), ("95", Algorithm::X25519));
    assert!(contents.capabilities.mechanisms.contains(&Mechanism::Eddsa));
    assert!(contents.capabilities.imports.contains(&Algorithm::X25519));
}

#[test]
fn rubbish_where_a_certificate_should_be_hides_nothing() {
    let mut card = Toy::new().with_key(0x9A, 0x11, 2, 1).with_key(0x9C, 0x11, 2, 1);
    card.objects.insert(0x5F_C1_05, b"this is not even TLV".to_vec());
    card.objects.insert(0x5F_C1_0A, object(b"this is not a certificate"));
    let contents = read(&mut card).unwrap().unwrap();
    assert_eq!(contents.keys.len(), 2);
    assert!(contents.keys.iter().all(|key| key.certificates.is_empty()));
    card.tells = false;
    assert!(read(&mut card).unwrap().unwrap().keys.is_empty(), "nothing else tells of the keys");
}

#[test]
fn a_yubikey_without_chuid_goes_by_its_number() {
    let mut card = Toy::new();
    card.objects.clear();
    let contents = read(&mut card).unwrap().unwrap();
    assert_eq!(contents.serial, "yubikey-1234567");
    assert_eq!(contents.name, "YubiKey 1234567 (without CHUID)");
    recognize(&mut card, &contents.serial).unwrap();
    assert!(matches!(error(recognize(&mut card, "yubikey-7654321")), CardError::Wrong(_)));
    assert!(matches!(error(recognize(&mut card, &"ab".repeat(16))), CardError::Wrong(_)));
    card.version = None;
    assert!(matches!(error(recognize(&mut card, "yubikey-1234567")), CardError::Wrong(_)));
}

#[test]
fn ed25519_signs_the_message_itself() {
    let mut card = Toy::new().with_key(0x9C, 0xE0, 2, 1);
    let contents = read(&mut card).unwrap().unwrap();
    // Longer than one APDU.
    for message in [&b""[..], b"a message", &[7; 700]] {
        let op = sign_with("9c", Algorithm::Ed25519, Mechanism::Eddsa, message.to_vec());
        if message.is_empty() {
            // 81 00 asks a card for a challenge of its own.
            assert!(matches!(error(perform(&mut card, &contents, op)), CardError::DataInvalid(_)));
            continue;
        }
        let signature = bytes(perform(&mut card, &contents, op)).unwrap();
        let (_, point) = spki::parse(&contents.keys[0].public_key).unwrap();
        UnparsedPublicKey::new(&ED25519, point).verify(message, &signature).unwrap();
        assert!(card.is_closed());
    }
}

#[test]
fn x25519_agrees() {
    let mut card = Toy::new().with_key(0x9D, 0xE1, 2, 1);
    let contents = read(&mut card).unwrap().unwrap();
    let own = PrivateKey::generate(&X25519).unwrap();
    let peer = own.compute_public_key().unwrap().as_ref().to_vec();
    let secret = bytes(perform(&mut card, &contents, derive("9d", Algorithm::X25519, peer))).unwrap();
    let (_, point) = spki::parse(&contents.keys[0].public_key).unwrap();
    let expected = agreement::agree(&own, Peer::new(&X25519, point), (), |secret| Ok(secret.to_vec()));
    assert_eq!(Ok(secret), expected);
    assert!(card.is_closed());
    let low = derive("9d", Algorithm::X25519, vec![0; 32]);
    assert!(matches!(error(perform(&mut card, &contents, low)), CardError::DataInvalid(_)));
}

#[test]
fn a_touch_that_does_not_come_is_named() {
    let mut card = Toy::new().with_key(0x9A, 0x11, 2, 2);
    card.is_touched = false;
    let contents = read(&mut card).unwrap().unwrap();
    assert_eq!(error(perform(&mut card, &contents, sign("9a"))), CardError::NotTouched);
    assert!(card.is_closed());
    let without = crate::piv::perform(&mut card, &contents, Pin::None, sign("9a"));
    assert_eq!(error(without), CardError::PinNeeded);
    card.is_touched = true;
    perform(&mut card, &contents, sign("9a")).unwrap();
}

#[test]
fn another_key_at_the_place_is_noticed() {
    let mut card = Toy::new().with_key(0x9A, 0x11, 2, 1);
    let contents = read(&mut card).unwrap().unwrap();
    let mut card = card.with_key(0x9A, 0xE0, 2, 1);
    assert!(matches!(error(perform(&mut card, &contents, sign("9a"))), CardError::Wrong(_)));
    card.keys.clear();
    assert_eq!(error(perform(&mut card, &contents, sign("9a"))), CardError::NoSuchKey);
    assert!(card.is_closed());
}

#[test]
fn a_key_is_attested_and_by_whom() {
    let mut card = Toy::new().with_key(0x9A, 0x11, 2, 1);
    let issuer = certificate(&foreign_key());
    card.objects.insert(0x5F_FF_01, object(&issuer));
    let contents = read(&mut card).unwrap().unwrap();
    let attest = || CardOp::Attest { reference: "9a".to_owned() };
    let CardOutput::Attestation(chain) = perform(&mut card, &contents, attest()).unwrap() else {
        panic!("it attests")
    };
    assert_eq!(chain, [certificate(&contents.keys[0].public_key), issuer]);
    let mut card = card.with_key(0x9A, 0x11, 2, 1);
    let other = error(perform(&mut card, &contents, attest()));
    assert!(matches!(other, CardError::Wrong(_)), "it is of the key that came after");
    card.tells = false;
    assert!(matches!(error(perform(&mut card, &contents, attest())), CardError::NotSupported(_)));
}
