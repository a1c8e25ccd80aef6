use std::sync::Arc;

use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, Purpose};

use super::{Selector, check_label};
use crate::{Defaults, Key, KeyState, Refusal};

fn key(number: u8, label: &str, state: KeyState) -> Key {
    let id = KeyId::from_bytes([number; 16]);
    let algorithm = Algorithm::P256;
    Key {
        info: Arc::new(KeyInfo { id, algorithm, usage: algorithm.usage(), public_key: Arc::from([]) }),
        binding: Arc::new(Binding { uid: 1, user_name: "alice".into(), key: id, created: 0 }),
        label: label.into(),
        state,
        last_used: None,
        certificates: Vec::new(),
        attestation: Vec::new(),
        confirm: crate::Confirm::Never,
        placements: Vec::new(),
    }
}

fn find(text: &str, keys: &[Key]) -> Result<KeyId, Refusal> {
    let defaults = Defaults { sign: keys.first().map(Key::id), ..Defaults::default() };
    Selector::parse(text)?.find(keys, &defaults, Some(Purpose::Sign)).map(Key::id)
}

#[test]
fn a_key_is_found_by_default_by_id_by_label_and_by_uri() {
    let keys = [key(1, "work", KeyState::Current), key(2, "home", KeyState::Current)];
    let [work, home] = [keys[0].id(), keys[1].id()];
    assert_eq!(find("", &keys), Ok(work));
    assert_eq!(find(&home.to_string(), &keys), Ok(home));
    assert_eq!(find("home", &keys), Ok(home));
    assert_eq!(find("pkcs11:object=ho%6de;type=private", &keys), Ok(home));
    let id: String = home.as_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(find(&format!("pkcs11:id={id}"), &keys), Ok(home));
}

#[test]
fn what_does_not_exist_is_no_such_key() {
    let keys = [key(1, "work", KeyState::Current)];
    for text in ["play", "ffffffffffffffffffffffffffffffff", "pkcs11:object=play", "pkcs11:manufacturer=Acme"]
    {
        assert_eq!(find(text, &keys), Err(Refusal::NoSuchKey), "{text}");
    }
}

#[test]
fn several_matches_are_ambiguous_unless_one_alone_is_current() {
    let keys = [
        key(1, "work", KeyState::Retired),
        key(2, "work", KeyState::Current),
        key(3, "old", KeyState::Retired),
        key(4, "old", KeyState::Retired),
    ];
    assert_eq!(find("work", &keys), Ok(keys[1].id()));
    assert_eq!(find("old", &keys), Err(Refusal::AmbiguousKey { matches: 2 }));
    assert_eq!(find("pkcs11:", &keys), Ok(keys[1].id()));
}

#[test]
fn a_uri_that_cannot_be_read_is_an_invalid_argument() {
    let bad = [
        "pkcs11:object",
        "pkcs11:object=a%2",
        "pkcs11:object=%zz",
        "pkcs11:id=%01",
        "pkcs11:object=a?pin-value=1234",
        "pkcs11:object=a;object=b",
        "pkcs11:slot-id=1",
        "pkcs11:type=secret-key",
        "pkcs11:object=%ff",
    ];
    for text in bad {
        assert!(matches!(Selector::parse(text), Err(Refusal::InvalidArguments(_))), "{text}");
    }
    assert!(Selector::parse(&"x".repeat(5000)).is_err());
}

#[test]
fn no_default_key_says_for_what() {
    let found = Selector::Default.find(&[], &Defaults::default(), Some(Purpose::Decrypt)).map(Key::id);
    assert_eq!(found, Err(Refusal::NoDefaultKey("decrypt")));
}

#[test]
fn a_label_is_never_mistaken_for_an_id_or_a_uri() {
    assert_eq!(check_label("my key, 2026"), Ok(()));
    assert_eq!(check_label(""), Ok(()));
    for label in ["pkcs11:object=x", "0123456789abcdef0123456789abcdef", "a\nb", &"x".repeat(256)] {
        assert!(check_label(label).is_err(), "{label}");
    }
}
