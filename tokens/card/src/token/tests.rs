use std::sync::Weak;

use claviger_conformance::block_on;
use claviger_token::{Binding, KeyId, KeyInfo, Parameters, Site};

use super::*;
use crate::CardsConfig;

fn handle() -> KeyHandle {
    let (id, algorithm) = (KeyId::from_bytes([1; 16]), Algorithm::P256);
    let info = KeyInfo { id, algorithm, usage: algorithm.usage(), public_key: b"key".as_slice().into() };
    let binding = Binding { uid: 1000, user_name: "alice".into(), key: id, created: 0 };
    KeyHandle { info: Arc::new(info), reference: "9a".into(), record: None, binding: Arc::new(binding) }
}

fn operations() -> Vec<TokenOp> {
    let (key, binding) = (handle(), (*handle().binding).clone());
    let secret = || Secret::new(b"123456".to_vec());
    vec![
        TokenOp::Sign {
            key: key.clone(),
            mechanism: Mechanism::Ecdsa,
            parameters: Parameters::default(),
            data: vec![1; 32],
        },
        TokenOp::Derive { key, mechanism: Mechanism::Ecdh1Derive, peer: vec![4; 65] },
        TokenOp::Unlock { secret: secret(), slots: None, spare: Spare::Last },
        TokenOp::Generate { algorithm: Algorithm::P256, binding, site: Site::default() },
    ]
}

#[test]
fn a_card_that_is_nowhere_is_said_to_be_absent_at_once() {
    let registry = Registry::new(CardsConfig::default());
    let token = registry.token(&TokenId::new("card:piv:00"));
    for operation in operations() {
        assert_eq!(block_on(token.perform(operation)).err(), Some(TokenError::Absent));
    }
    let (old, new) = (Secret::new(b"123456".to_vec()), Secret::new(b"654321".to_vec()));
    assert_eq!(block_on(token.change_pin(old, new, Spare::Last)), Err(TokenError::Absent));
    assert_eq!(block_on(token.attest("9a")), Err(TokenError::Absent));
    assert_eq!((token.presence(), token.is_unlocked()), (Presence::Unreachable, false));
    assert!(!token.is_ready(&handle()) && token.contents().is_none() && token.reader().is_none());
}

#[test]
fn what_no_such_card_can_do_is_refused_first() {
    let registry = Registry::new(CardsConfig::default());
    let token = registry.token(&TokenId::new("card:piv:00"));
    let (key, parameters) = (handle(), Parameters::default());
    let mechanism = Mechanism::EcdsaSha256;
    let sign = TokenOp::Sign { key: key.clone(), mechanism, parameters, data: Vec::new() };
    let refused = TokenError::MechanismNotSupported(mechanism, Algorithm::P256);
    assert_eq!(block_on(token.perform(sign)).err(), Some(refused));
    let (key, mechanism) = (key, Mechanism::MlKem);
    let open = TokenOp::Decapsulate { key: key.clone(), mechanism, ciphertext: Vec::new() };
    let refused = TokenError::MechanismNotSupported(mechanism, Algorithm::P256);
    assert_eq!(block_on(token.perform(open)).err(), Some(refused));
    let delete = block_on(token.perform(TokenOp::Delete { key })).err();
    assert!(matches!(delete, Some(TokenError::NotSupported(_))), "{delete:?}");
}

#[test]
fn a_token_outlives_its_registry_as_an_absent_one() {
    let token = CardToken::new(TokenId::new("card:openpgp:00"), Weak::new());
    assert_eq!(token.presence(), Presence::Unreachable);
    let unlock = TokenOp::Unlock { secret: Secret::new(b"123456".to_vec()), slots: None, spare: Spare::Last };
    assert_eq!(block_on(token.perform(unlock)).err(), Some(TokenError::Absent));
}

#[test]
fn the_same_id_is_the_same_token() {
    let registry = Registry::new(CardsConfig::default());
    let id = TokenId::new("card:piv:00");
    assert!(Arc::ptr_eq(&registry.token(&id), &registry.token(&id)));
}
