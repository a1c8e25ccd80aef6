//! What lies on disk: records, key slots and consent seals, sound and damaged.

#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod common;

use std::time::Duration;

use claviger_soft::{
    ConsentSeal, Cost, HostSecret, KeySlots, SlotError, consent_phrase, digest, generate_with, open_record,
};
use claviger_token::{Algorithm, Hash, Secret, Spare, TokenError};
use common::{PASS_PHRASE, binding, secret};
use data_encoding::HEXLOWER_PERMISSIVE;

/// The key slots of this test: pass phrase bound to [`host`], and this recovery code.
const RECOVERY_CODE: &[u8] = b"BQOX-E2KU-4FJO-4T5F-3XSU-E6YB-ZUSF-NHNK";

const CONSENT_PHRASE: &[u8] = b"ABCD-EFGH-IJKL-MNOP";

#[test]
fn the_golden_files_open_and_are_written_again_byte_for_byte() {
    let bytes = golden(include_str!("golden/key-slots.hex"));
    let slots = KeySlots::from_bytes(&bytes).unwrap();
    assert_eq!(slots.to_bytes(), bytes);
    assert_eq!(slots.host_id().as_deref(), Some(host().id()));
    assert_eq!(host().id(), "d10a11c87f16daecf995dab834dcec6a", "SHA-256 of the label and the secret, cut");
    let key = slots.open(&secret(PASS_PHRASE), Some(&host())).unwrap();
    let recovered = slots.open_with_recovery_code(&secret(RECOVERY_CODE)).unwrap();

    let record = golden(include_str!("golden/record.hex"));
    let spki =
        golden("302a300506032b657003210079b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664");
    let document =
        [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &one_to_32()].concat();
    for key in [&key, &recovered] {
        assert_eq!(open_record(key, &binding(7), &spki, &record).unwrap().expose(), document);
    }
    let seal = golden(include_str!("golden/consent-seal.hex"));
    assert_eq!(ConsentSeal::open(&seal, &secret(CONSENT_PHRASE)).unwrap().expose(), b"key slots");
}

#[test]
fn a_record_with_any_byte_flipped_or_cut_off_is_damaged_and_the_others_open() {
    let store = common::store();
    let other = generate_with(&store.data_key, Algorithm::P256, &binding(2)).unwrap();
    for algorithm in [Algorithm::P256, Algorithm::Ed25519, Algorithm::MlKem768] {
        let made = generate_with(&store.data_key, algorithm, &binding(1)).unwrap();
        let record = made.record.unwrap();
        let open = |record: &[u8]| open_record(&store.data_key, &binding(1), &made.public_key, record).err();
        for damaged in damages(&record) {
            assert!(matches!(open(&damaged), Some(TokenError::Damaged(_))), "{algorithm}");
        }
        assert_eq!(open(&record), None, "{algorithm}: the control");
    }
    let record = other.record.unwrap();
    assert!(open_record(&store.data_key, &binding(2), &other.public_key, &record).is_ok());
    let text =
        open_record(&store.data_key, &binding(3), &other.public_key, &record).err().unwrap().to_string();
    assert!(text.contains(&binding(3).key.to_string()), "the message names the key: {text}");
}

#[test]
fn key_slots_with_any_byte_flipped_or_cut_off_are_damaged_and_never_a_wrong_pass_phrase() {
    let slots = golden(include_str!("golden/key-slots.hex"));
    for damaged in damages(&slots) {
        assert!(matches!(KeySlots::from_bytes(&damaged).err(), Some(SlotError::Damaged(_))));
    }
    let store = common::store();
    for damaged in damages(&store.slots) {
        let operation = claviger_token::TokenOp::Unlock {
            secret: secret(PASS_PHRASE),
            slots: Some(damaged.into()),
            spare: Spare::Last,
        };
        assert!(matches!(store.run(operation).err(), Some(TokenError::Damaged(_))));
    }
}

#[test]
fn a_consent_seal_with_any_byte_flipped_or_cut_off_is_damaged() {
    let seal = golden(include_str!("golden/consent-seal.hex"));
    for damaged in damages(&seal) {
        let error = ConsentSeal::open(&damaged, &secret(CONSENT_PHRASE)).err();
        assert!(matches!(error, Some(SlotError::Damaged(_))), "{error:?}");
    }
}

/// The sum is no secret: whoever changes slots can make it right again. Then the seal itself holds.
#[test]
fn slots_that_were_changed_with_their_sum_give_no_data_key() {
    let (slots, _) = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).unwrap();
    let bytes = slots.to_bytes();
    // Behind magic, version, count, kind and length: cost 12, salt 1 + 32, host 1, nonce 12, key 32, tag 16.
    let body = 13;
    for (position, what) in
        [(body + 20, "salt"), (body + 50, "nonce"), (body + 70, "key"), (body + 100, "tag")]
    {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let slots = KeySlots::from_bytes(&with_right_sum(changed)).unwrap();
        assert_eq!(slots.open(&secret(PASS_PHRASE), None).err(), Some(SlotError::WrongSecret), "{what}");
    }
}

#[test]
fn a_cost_out_of_bounds_is_neither_believed_nor_used() {
    let (slots, key) = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).unwrap();
    let with_cost = |memory_kib: u32, passes: u32, lanes: u32| {
        let mut bytes = slots.to_bytes();
        for (index, word) in [memory_kib, passes, lanes].into_iter().enumerate() {
            bytes[13 + 4 * index..][..4].copy_from_slice(&word.to_be_bytes());
        }
        KeySlots::from_bytes(&with_right_sum(bytes)).err()
    };
    for (memory_kib, passes, lanes) in
        [(8, 2, 1), (19 * 1024, 1, 1), (19 * 1024, 2, 0), (19 * 1024 - 1, 2, 1)]
    {
        assert!(matches!(with_cost(memory_kib, passes, lanes), Some(SlotError::TooWeak(_))));
    }
    for (memory_kib, passes, lanes) in [
        (u32::MAX, 2, 1),
        (512 * 1024 + 1, 2, 1),
        (19 * 1024, 65, 1),
        (19 * 1024, 2, 17),
        (19 * 1024, 2, u32::MAX),
    ] {
        assert!(matches!(with_cost(memory_kib, passes, lanes), Some(SlotError::Damaged(_))));
    }
    assert_eq!(with_cost(19 * 1024, 2, 1), None, "the control");
    let weak = Cost { memory_kib: 64, ..Cost::FLOOR };
    let made = slots.change_passphrase(&key, &secret(b"new"), None, weak);
    assert!(matches!(made.err(), Some(SlotError::TooWeak(_))));
}

#[test]
fn a_changed_pass_phrase_opens_the_same_data_key_and_the_old_one_nothing() {
    let (slots, key) = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).unwrap();
    let (slots, code) = slots.with_recovery_code(&key, Cost::FLOOR).unwrap();
    let made = generate_with(&key, Algorithm::P256, &binding(1)).unwrap();
    let slots = slots.change_passphrase(&key, &secret(b"another"), None, Cost::FLOOR).unwrap();
    let slots = KeySlots::from_bytes(&slots.to_bytes()).unwrap();
    assert_eq!(slots.open(&secret(PASS_PHRASE), None).err(), Some(SlotError::WrongSecret));
    assert!(slots.has_recovery_code(), "the other slots stay");
    let keys =
        [slots.open(&secret(b"another"), None).unwrap(), slots.open_with_recovery_code(&code).unwrap()];
    for key in keys {
        assert!(open_record(&key, &binding(1), &made.public_key, made.record.as_ref().unwrap()).is_ok());
    }
    let empty = slots.change_passphrase(&key, &secret(b""), None, Cost::FLOOR);
    assert!(matches!(empty.err(), Some(SlotError::TooWeak(_))));
}

#[test]
fn a_recovery_code_is_read_however_it_is_written_and_goes_without_the_host() {
    let (slots, key) = KeySlots::create(&secret(PASS_PHRASE), Some(&host()), Cost::FLOOR).unwrap();
    assert!(!slots.has_recovery_code());
    assert_eq!(slots.open_with_recovery_code(&secret(b"AAAA")).err(), Some(SlotError::NoSuchSlot));
    let (slots, code) = slots.with_recovery_code(&key, Cost::FLOOR).unwrap();
    let plain: Vec<u8> = code.expose().iter().copied().filter(|byte| *byte != b'-').collect();
    let (lower, spaced) = (plain.to_ascii_lowercase(), plain.chunks(8).collect::<Vec<_>>().join(&b"  "[..]));
    for written in [code.expose(), &plain, &lower, &spaced, &[&plain[..], b"\n"].concat()] {
        assert!(slots.open_with_recovery_code(&secret(written)).is_ok());
    }
    let (again, new_code) = slots.with_recovery_code(&key, Cost::FLOOR).unwrap();
    assert_ne!(new_code.expose(), code.expose());
    assert_eq!(
        again.open_with_recovery_code(&code).err(),
        Some(SlotError::WrongSecret),
        "the old one is void"
    );
    assert_eq!(again.open(&code, Some(&host())).err(), Some(SlotError::WrongSecret), "it is no pass phrase");
}

#[test]
fn a_slot_that_is_bound_to_a_host_opens_on_that_host_only() {
    let (slots, key) = KeySlots::create(&secret(PASS_PHRASE), Some(&host()), Cost::FLOOR).unwrap();
    let missing = Some(SlotError::HostSecretMissing { id: host().id().into() });
    let foreign = HostSecret::from_bytes(secret(b"the secret of another host"));
    assert_eq!(slots.open(&secret(PASS_PHRASE), None).err(), missing);
    assert_eq!(slots.open(&secret(PASS_PHRASE), Some(&foreign)).err(), missing);
    assert!(slots.open(&secret(PASS_PHRASE), Some(&host())).is_ok());
    // A slot that is not bound opens wherever it is, with a host secret or without.
    let unbound = slots.change_passphrase(&key, &secret(PASS_PHRASE), None, Cost::FLOOR).unwrap();
    assert_eq!(unbound.host_id(), None);
    assert!(unbound.open(&secret(PASS_PHRASE), Some(&host())).is_ok());
}

#[test]
fn slots_of_a_later_kind_are_kept_as_they_are() {
    let (slots, key) = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).unwrap();
    let mut bytes = slots.to_bytes();
    bytes[9] += 1;
    let end = bytes.len() - 32;
    bytes.splice(end..end, *b"\x77\x00\x05later");
    let slots = KeySlots::from_bytes(&with_right_sum(bytes.clone())).unwrap();
    assert_eq!(slots.to_bytes(), with_right_sum(bytes));
    assert!(slots.open(&secret(PASS_PHRASE), None).is_ok());
    let changed = slots.change_passphrase(&key, &secret(b"new"), None, Cost::FLOOR).unwrap().to_bytes();
    assert!(changed.windows(8).any(|window| window == b"\x77\x00\x05later"));
}

#[test]
fn a_kind_of_slot_that_is_there_twice_is_refused() {
    let (slots, _) = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).unwrap();
    let mut bytes = slots.to_bytes();
    bytes.truncate(bytes.len() - 32);
    let slot = bytes[10..].to_vec();
    bytes[9] = 2;
    bytes.extend_from_slice(&slot);
    bytes.extend_from_slice(&[0; 32]);
    assert!(matches!(KeySlots::from_bytes(&with_right_sum(bytes)).err(), Some(SlotError::Damaged(_))));
}

#[test]
fn a_consent_seal_opens_with_its_phrase_only() {
    let phrase = consent_phrase().unwrap();
    let inner = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).unwrap().0.to_bytes();
    let sealed = ConsentSeal::seal(&inner, &phrase, Cost::FLOOR).unwrap();
    assert!(!sealed.windows(8).any(|window| window == &inner[..8]), "nothing of the slots shows");
    let lower = secret(&phrase.expose().to_ascii_lowercase());
    assert_eq!(ConsentSeal::open(&sealed, &lower).unwrap().expose(), inner);
    let wrong = consent_phrase().unwrap();
    assert_eq!(ConsentSeal::open(&sealed, &wrong).err(), Some(SlotError::WrongSecret));
}

#[test]
fn calibration_finds_a_cost_within_the_bounds() {
    let quick = Cost::calibrate(Duration::from_millis(1));
    assert_eq!(quick, Cost::FLOOR, "never below the floor");
    let cost = Cost::calibrate(Duration::from_millis(250));
    assert!(cost.memory_kib >= Cost::FLOOR.memory_kib && cost.memory_kib <= Cost::CEILING.memory_kib);
    assert!(cost.passes >= Cost::FLOOR.passes && cost.passes <= Cost::CEILING.passes);
    let (slots, _) = KeySlots::create(&secret(PASS_PHRASE), None, cost).unwrap();
    assert!(KeySlots::from_bytes(&slots.to_bytes()).is_ok(), "what is written is read");
}

/// Returns the bytes with each one flipped, in one bit and in all, and cut off at each place.
fn damages(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flipped = (0..bytes.len()).flat_map(|index| {
        [0x01, 0x80, 0xff].map(|bits| {
            let mut damaged = bytes.to_vec();
            damaged[index] ^= bits;
            damaged
        })
    });
    flipped.chain((0..bytes.len()).map(|length| bytes[..length].to_vec())).chain([[bytes, &[0]].concat()])
}

fn with_right_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let sum = digest(Hash::Sha256, &bytes[..body]);
    bytes[body..].copy_from_slice(&sum);
    bytes
}

fn host() -> HostSecret {
    HostSecret::from_bytes(Secret::new(b"the secret of this host".to_vec()))
}

fn one_to_32() -> Vec<u8> {
    (1..=32).collect()
}

fn golden(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap()
}
