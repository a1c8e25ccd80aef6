//! What the management key is for: keys, certificates, identity.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use claviger_token::{Algorithm, Capabilities, Generated, PinPolicy, Secret, Site, TouchPolicy};

use super::toy::{Toy, certificate, foreign_key, object};
use super::{error, perform};
use crate::piv::read;
use crate::{CardError, CardOp, CardOutput, Contents, Exchange, tlv};

fn key() -> Option<Secret> {
    Some(Secret::new(vec![0x42; 24]))
}

fn site(slot: &str) -> Site {
    let slot = Some(slot.to_owned()).filter(|slot| !slot.is_empty());
    Site { slot, authority: key(), ..Site::default() }
}

fn contents(card: &mut Toy) -> Contents {
    read(card).unwrap().unwrap()
}

fn generate(card: &mut Toy, algorithm: Algorithm, site: Site) -> Result<Generated, CardError> {
    let contents = contents(card);
    match perform(card, &contents, CardOp::Generate { algorithm, site })? {
        CardOutput::Generated(made) => Ok(made),
        _ => panic!("it gives a key"),
    }
}

fn import(card: &mut Toy, document: Vec<u8>, site: Site) -> Result<Generated, CardError> {
    let contents = contents(card);
    match perform(card, &contents, CardOp::Import { private_key: Secret::new(document), site })? {
        CardOutput::Generated(made) => Ok(made),
        _ => panic!("it gives a key"),
    }
}

fn write(card: &mut dyn Exchange, contents: &Contents, certificate: Vec<u8>) -> Result<(), CardError> {
    let op = CardOp::WriteCertificate { reference: "9a".to_owned(), certificate, authority: key() };
    perform(card, contents, op).map(drop)
}

#[test]
fn a_key_is_made_where_it_was_wished() {
    let mut card = Toy::new();
    card.objects.insert(0x5F_C1_0B, object(&certificate(&foreign_key())));
    let wish =
        Site { pin_policy: Some(PinPolicy::Always), touch_policy: Some(TouchPolicy::Cached), ..site("9d") };
    let made = generate(&mut card, Algorithm::P256, wish).unwrap();
    assert_eq!((made.algorithm, &made.reference[..]), (Algorithm::P256, "9d"));
    assert_eq!(made.public_key, card.public_key(0x9D));
    assert_eq!(made.attestation, [certificate(&made.public_key)]);
    assert_eq!((card.keys[&0x9D].pin, card.keys[&0x9D].touch), (3, 3));
    assert!(!card.objects.contains_key(&0x5F_C1_0B), "the certificate of the key before is gone");
    assert!(card.is_closed() && card.reset, "nobody else finds the card open");
    let after = contents(&mut card);
    assert_eq!(after.key("9d").unwrap().public_key[..], made.public_key[..]);
}

#[test]
fn a_key_finds_a_free_place() {
    let mut card = Toy::new().with_key(0x9A, 0x11, 2, 1);
    card.objects.insert(0x5F_C1_0A, object(&certificate(&foreign_key())));
    for (algorithm, expected) in
        [(Algorithm::Ed25519, "82"), (Algorithm::X25519, "9d"), (Algorithm::P256, "83")]
    {
        assert_eq!(generate(&mut card, algorithm, site("")).unwrap().reference, expected);
    }
    for place in 0x82..=0x95 {
        card = card.with_key(place, 0x11, 2, 1);
    }
    assert!(matches!(error(generate(&mut card, Algorithm::P256, site(""))), CardError::DataInvalid(_)));
    // A card that does not tell of keys may have one anywhere.
    card.keys.clear();
    card.tells = false;
    assert!(matches!(error(generate(&mut card, Algorithm::P256, site(""))), CardError::DataInvalid(_)));
    assert_eq!(generate(&mut card, Algorithm::P256, site("9A")).unwrap().reference, "9a");
}

#[test]
fn what_a_card_cannot_make_is_refused() {
    let mut card = Toy::new();
    let refused = |card: &mut Toy, algorithm, site| error(generate(card, algorithm, site));
    assert_eq!(
        refused(&mut card, Algorithm::P521, site("9a")),
        CardError::AlgorithmNotSupported(Algorithm::P521)
    );
    // The card says that it can, and cannot.
    assert_eq!(
        refused(&mut card, Algorithm::P384, site("9a")),
        CardError::AlgorithmNotSupported(Algorithm::P384)
    );
    assert!(matches!(refused(&mut card, Algorithm::P256, site("9b")), CardError::DataInvalid(_)));
    card.version = None;
    assert_eq!(
        refused(&mut card, Algorithm::Ed25519, site("9a")),
        CardError::AlgorithmNotSupported(Algorithm::Ed25519)
    );
    let touch = Site { touch_policy: Some(TouchPolicy::Always), ..site("9a") };
    assert!(matches!(refused(&mut card, Algorithm::P256, touch), CardError::NotSupported(_)));
    assert!(card.keys.is_empty());
    let habit =
        Site { pin_policy: Some(PinPolicy::Once), touch_policy: Some(TouchPolicy::Never), ..site("9a") };
    assert!(generate(&mut card, Algorithm::P256, habit).is_ok(), "it is the habit of the place anyway");
}

#[test]
fn a_management_key_that_is_missing_or_wrong_is_named() {
    for (proves, cipher) in [(true, 0x0A), (false, 0x0A), (true, 0x03), (false, 0x03)] {
        for tells in [true, false] {
            let mut card = Toy { proves, tells, management: (cipher, [0x42; 24]), ..Toy::new() };
            let with = |authority| Site { authority, ..site("9a") };
            let missing = error(generate(&mut card, Algorithm::P256, with(None)));
            assert_eq!(missing, CardError::AuthorityNeeded("management key"));
            // Not 0x43: the last bit of each byte of a 3DES key counts for nothing.
            let wrong = Some(Secret::new(vec![0x44; 24]));
            let wrong = error(generate(&mut card, Algorithm::P256, with(wrong)));
            assert_eq!(wrong, CardError::WrongAuthority("management key"), "{cipher} {proves} {tells}");
            let short = Some(Secret::new(vec![0x42; 16]));
            let short = error(generate(&mut card, Algorithm::P256, with(short)));
            assert!(matches!(short, CardError::SecretUnfit(_)), "{cipher} {proves} {tells}");
            assert!(card.keys.is_empty() && card.is_closed());
            generate(&mut card, Algorithm::P256, with(key())).unwrap();
            assert!(card.is_closed());
        }
    }
}

#[test]
fn a_card_that_does_not_know_its_management_key_gets_nothing() {
    let mut card = Toy { is_honest: false, ..Toy::new() };
    let refused = error(import(&mut card, ed25519(), site("9a")));
    assert!(matches!(refused, CardError::Wrong(_)));
    assert!(card.imported.is_none());
}

#[test]
fn keys_are_imported_as_yubikeys_want_them() {
    let mut card = Toy::new();
    let rsa = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let made = import(&mut card, rsa.as_ref().to_vec(), site("82")).unwrap();
    assert_eq!((made.algorithm, &made.reference[..]), (Algorithm::Rsa2048, "82"));
    let (number, place, data) = card.imported.take().unwrap();
    let elements = tlv::all(&data).unwrap();
    let sizes: Vec<_> = elements.iter().map(|element| (element.tag, element.value.len())).collect();
    assert_eq!((number, place), (0x07, 0x82));
    assert_eq!(sizes, [(1, 128), (2, 128), (3, 128), (4, 128), (5, 128)]);

    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let wish = Site { touch_policy: Some(TouchPolicy::Always), ..site("9c") };
    import(&mut card, p384.as_ref().to_vec(), wish).unwrap();
    let (number, place, data) = card.imported.take().unwrap();
    assert_eq!((number, place, data.len()), (0x14, 0x9C, 53));
    assert_eq!((&data[..2], &data[50..]), (&[6, 48][..], &[0xAB, 1, 2][..]));

    import(&mut card, ed25519(), site("")).unwrap();
    let (number, place, data) = card.imported.take().unwrap();
    assert_eq!((number, place, &data[..2], data.len()), (0xE0, 0x9A, &[7, 32][..], 34));
    assert!(card.is_closed());
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let mut card = Toy::new();
    for rubbish in [Vec::new(), b"this is not a key".to_vec(), ed25519()[1..].to_vec()] {
        assert!(matches!(error(import(&mut card, rubbish, site("9a"))), CardError::DataInvalid(_)));
    }
    let mut old = Toy { version: Some([5, 4, 3]), ..Toy::new() };
    let refused = error(import(&mut old, ed25519(), site("9a")));
    assert_eq!(refused, CardError::AlgorithmNotSupported(Algorithm::Ed25519));
    let mut other = Toy { version: None, ..Toy::new() };
    assert!(matches!(error(import(&mut other, ed25519(), site("9a"))), CardError::NotSupported(_)));
    // It says that it can, and has no such command.
    let mut contents = contents(&mut other);
    let all = Capabilities { imports: [Algorithm::Ed25519].into(), ..(*contents.capabilities).clone() };
    contents.capabilities = Arc::new(all);
    let mut deaf = crate::replay::Replay::new([]);
    assert!(matches!(
        error(perform(
            &mut deaf,
            &contents,
            CardOp::Import { private_key: Secret::new(ed25519()), site: site("9a") }
        )),
        CardError::Gone
    ));
}

#[test]
fn a_certificate_is_written_beside_its_own_key_only() {
    let mut card = Toy::new().with_key(0x9A, 0x11, 2, 1);
    let before = contents(&mut card);
    let own = certificate(&card.public_key(0x9A));
    write(&mut card, &before, own.clone()).unwrap();
    assert!(card.is_closed());
    assert_eq!(contents(&mut card).keys[0].certificates, [own]);
    let foreign = write(&mut card, &before, certificate(&foreign_key()));
    assert!(matches!(error(foreign), CardError::DataInvalid(_)));
    assert!(matches!(error(write(&mut card, &before, b"rubbish".to_vec())), CardError::DataInvalid(_)));
    write(&mut card, &before, Vec::new()).unwrap();
    assert!(contents(&mut card).keys[0].certificates.is_empty());
    let mut long = certificate(&card.public_key(0x9A));
    let padding = tlv::element(0x04, &[&[0; 3200]]);
    let inside = tlv::only(&long, 0x30).unwrap().to_vec();
    long = tlv::element(0x30, &[&inside, &padding]).to_vec();
    assert!(matches!(error(write(&mut card, &before, long)), CardError::DataInvalid(_)));
}

#[test]
fn a_card_is_given_a_fresh_identity() {
    let mut card = Toy::new();
    card.objects.clear();
    let mut serials = Vec::new();
    for _ in 0..2 {
        let contents = contents(&mut card);
        perform(&mut card, &contents, CardOp::Initialize { authority: key() }).unwrap();
        assert!(card.is_closed());
        let serial = read(&mut card).unwrap().unwrap().serial;
        assert_eq!((serial.len(), &serial[12..13]), (32, "4"), "a random UUID");
        serials.push(serial);
    }
    assert_ne!(serials[0], serials[1]);
    assert!(card.objects.contains_key(&0x5F_C1_07));
    let contents = contents(&mut card);
    let refused = perform(&mut card, &contents, CardOp::Initialize { authority: None });
    assert_eq!(error(refused), CardError::AuthorityNeeded("management key"));
}

fn ed25519() -> Vec<u8> {
    Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref().to_vec()
}
