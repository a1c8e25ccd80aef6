//! What a token does not do.

use std::sync::Arc;

use claviger_token::{
    Algorithm, Binding, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Purpose, Spare, TokenError, TokenOp,
};

use crate::{Check, Subject, peers};

pub(crate) const CHECKS: &[Check] = &[
    ("a locked token refuses everything", a_locked_token_refuses_everything),
    ("a wrong secret is named as that", a_wrong_secret_is_named_as_that),
    ("a key opens for its own binding only", a_key_opens_for_its_own_binding_only),
    ("a deleted key is gone", a_deleted_key_is_gone),
    ("more data than the limit are refused", more_data_than_the_limit_are_refused),
    ("what the capabilities do not name is refused", what_the_capabilities_do_not_name_is_refused),
    ("data that do not fit are refused", data_that_do_not_fit_are_refused),
    ("garbage is not imported", garbage_is_not_imported),
];

fn a_locked_token_refuses_everything(subject: &dyn Subject) {
    let (key, mechanism, data) = subject.signer();
    subject.lock();
    assert!(!subject.token().is_unlocked());
    let none = Parameters::default();
    assert_eq!(subject.sign(&key, mechanism, &none, &data), Err(TokenError::Locked));
    for algorithm in &subject.token().capabilities().generates {
        assert_eq!(subject.generate(*algorithm).err(), Some(TokenError::Locked), "{algorithm}");
    }
    for algorithm in &subject.token().capabilities().imports {
        if let Some(document) = peers::private_key(*algorithm) {
            let error = subject.import(*algorithm, &document).err();
            assert_eq!(error, Some(TokenError::Locked), "{algorithm}");
        }
    }
    // Locking what is locked does no harm.
    subject.lock();
    subject.unlock().unwrap();
    assert!(subject.sign(&key, mechanism, &none, &data).is_ok());
}

fn a_wrong_secret_is_named_as_that(subject: &dyn Subject) {
    let Some(wrong) = subject.wrong_secret() else { return };
    subject.lock();
    let outcome =
        subject.perform(TokenOp::Unlock { secret: wrong, slots: subject.slots(), spare: Spare::Last });
    assert!(matches!(outcome.err(), Some(TokenError::WrongSecret { .. })), "a wrong secret is that");
    assert!(!subject.token().is_unlocked(), "a wrong secret does not unlock");
    subject.unlock().unwrap();
}

fn a_key_opens_for_its_own_binding_only(subject: &dyn Subject) {
    let (key, mechanism, data) = subject.signer();
    if key.record.is_none() {
        return; // Nothing of the key is kept by the host, so there is nothing to put in another's place.
    }
    let none = Parameters::default();
    // Once in use, too: a parsed key must not serve a handle that it was not opened from.
    subject.sign(&key, mechanism, &none, &data).unwrap();
    for foreign in foreign_handles(&key) {
        let outcome = subject.sign(&foreign, mechanism, &none, &data);
        assert!(matches!(outcome, Err(TokenError::Damaged(_))), "{:?}: {outcome:?}", foreign.binding);
    }
    subject.sign(&key, mechanism, &none, &data).unwrap();
}

/// Returns the handle with each part of what its record is bound to changed.
fn foreign_handles(key: &KeyHandle) -> Vec<KeyHandle> {
    let own = (*key.binding).clone();
    let other_id = KeyId::from_bytes([0xee; 16]);
    let bindings = [
        Binding { uid: own.uid + 1, ..own.clone() },
        Binding { user_name: "mallory".into(), ..own.clone() },
        Binding { user_name: format!("{}\0", own.user_name), ..own.clone() },
        Binding { created: own.created + 1, ..own.clone() },
        Binding { key: other_id, ..own },
    ];
    let with_binding = bindings.map(|binding| KeyHandle { binding: Arc::new(binding), ..key.clone() });
    let mut public_key = key.info.public_key.to_vec();
    *public_key.last_mut().unwrap() ^= 1;
    let info = KeyInfo { public_key: public_key.into(), ..(*key.info).clone() };
    let with_public_key = KeyHandle { info: Arc::new(info), ..key.clone() };
    let mut record = key.record.as_ref().unwrap().to_vec();
    *record.last_mut().unwrap() ^= 1;
    let with_record = KeyHandle { record: Some(record.into()), ..key.clone() };
    with_binding.into_iter().chain([with_public_key, with_record]).collect()
}

fn a_deleted_key_is_gone(subject: &dyn Subject) {
    let (key, mechanism, data) = subject.signer();
    let none = Parameters::default();
    subject.sign(&key, mechanism, &none, &data).unwrap();
    if !subject.token().capabilities().erases {
        let refused = subject.delete(&key).err();
        assert!(
            matches!(refused, Some(TokenError::NotSupported(_))),
            "what cannot be erased is said: {refused:?}"
        );
        subject.sign(&key, mechanism, &none, &data).unwrap();
        return;
    }
    let (other, ..) = subject.signer();
    subject.delete(&key).unwrap();
    // The host erases what it kept.
    let erased = KeyHandle { record: None, ..key };
    assert_eq!(subject.sign(&erased, mechanism, &none, &data), Err(TokenError::NoSuchKey));
    assert!(subject.sign(&other, mechanism, &none, &data).is_ok(), "the others stay");
}

fn more_data_than_the_limit_are_refused(subject: &dyn Subject) {
    let limit = subject.token().capabilities().data_limit;
    let none = Parameters::default();
    let (key, mechanism, _) = subject.signer();
    let outcome = subject.sign(&key, mechanism, &none, &vec![0; limit + 1]);
    assert_eq!(outcome, Err(TokenError::DataTooLarge { limit }));
    if mechanism.hash().is_some() {
        assert!(subject.sign(&key, mechanism, &none, &vec![0; limit]).is_ok(), "the limit itself is taken");
    }
}

fn what_the_capabilities_do_not_name_is_refused(subject: &dyn Subject) {
    let capabilities = subject.token().capabilities();
    for algorithm in Algorithm::ALL {
        if !capabilities.generates.contains(&algorithm) {
            let error = subject.generate(algorithm).err();
            assert_eq!(error, Some(TokenError::AlgorithmNotSupported(algorithm)));
        }
    }
    for (algorithm, _) in subject.abilities() {
        let Some(key) = subject.any_key(algorithm) else { continue };
        for mechanism in Mechanism::ALL {
            let can = capabilities.mechanisms.contains(&mechanism) && mechanism.fits(algorithm);
            refuse_other_purposes(subject, &key, mechanism, can);
        }
    }
}

/// Tries the key for each purpose that it, or the mechanism, does not have.
fn refuse_other_purposes(subject: &dyn Subject, key: &KeyHandle, mechanism: Mechanism, can: bool) {
    let expected = Some(TokenError::MechanismNotSupported(mechanism, key.info.algorithm));
    let name = format!("{} {mechanism}", key.info.algorithm);
    let none = Parameters::default();
    let serves = |purpose| can && mechanism.serves(purpose);
    if !serves(Purpose::Sign) {
        assert_eq!(subject.sign(key, mechanism, &none, &[1; 32]).err(), expected, "{name} sign");
    }
    if !serves(Purpose::Decrypt) {
        assert_eq!(subject.decrypt(key, mechanism, &none, &[1; 256]).err(), expected, "{name} decrypt");
    }
    if !serves(Purpose::Derive) {
        assert_eq!(subject.derive(key, mechanism, &[1; 32]).err(), expected, "{name} derive");
    }
    if !serves(Purpose::Decapsulate) {
        assert_eq!(subject.decapsulate(key, mechanism, &[1; 768]).err(), expected, "{name} decapsulate");
    }
}

fn data_that_do_not_fit_are_refused(subject: &dyn Subject) {
    for (algorithm, mechanisms) in subject.abilities() {
        let Some(key) = subject.any_key(algorithm) else { continue };
        for mechanism in mechanisms {
            refuse_bad_data(subject, &key, mechanism);
        }
    }
}

fn refuse_bad_data(subject: &dyn Subject, key: &KeyHandle, mechanism: Mechanism) {
    let none = Parameters::default();
    let name = format!("{} {mechanism}", key.info.algorithm);
    let invalid = |error: Option<TokenError>, what: &str| {
        assert!(matches!(error, Some(TokenError::DataInvalid(_))), "{name}, {what}: {error:?}");
    };
    match mechanism {
        Mechanism::Ecdsa => {
            invalid(subject.sign(key, mechanism, &none, &[]).err(), "no digest");
            invalid(subject.sign(key, mechanism, &none, &[1; 65]).err(), "too long a digest");
        }
        Mechanism::RsaPkcs => {
            let size = key.info.algorithm.modulus_size().unwrap();
            invalid(subject.sign(key, mechanism, &none, &[]).err(), "nothing to pad");
            invalid(
                subject.sign(key, mechanism, &none, &vec![1; size - 10]).err(),
                "no room for the padding",
            );
            invalid(subject.decrypt(key, mechanism, &none, &[1; 255]).err(), "less than a block");
            invalid(subject.decrypt(key, mechanism, &none, &[0xff; 513]).err(), "more than a block");
        }
        Mechanism::RsaPkcsPss => {
            invalid(subject.sign(key, mechanism, &none, &[1; 31]).err(), "no SHA-256 digest");
            let long = Parameters { salt_length: Some(600), ..Parameters::default() };
            invalid(subject.sign(key, mechanism, &long, &[1; 32]).err(), "too long a salt");
        }
        Mechanism::RsaPkcsOaep => {
            let size = key.info.algorithm.modulus_size().unwrap();
            invalid(subject.decrypt(key, mechanism, &none, &vec![1; size]).err(), "no such padding");
            invalid(subject.decrypt(key, mechanism, &none, &[]).err(), "no block");
        }
        Mechanism::Ecdh1Derive => {
            invalid(subject.derive(key, mechanism, &[]).err(), "no peer");
            let mut peer = peers::agree(key.info.algorithm, &key.info.public_key).0;
            if key.info.algorithm == Algorithm::X25519 {
                // RFC 7748, 6.1: a peer whose secret would be all zero.
                peer.fill(0);
            } else {
                *peer.last_mut().unwrap() ^= 1;
            }
            invalid(subject.derive(key, mechanism, &peer).err(), "a peer that is not on the curve");
        }
        Mechanism::MlDsa => {
            let long = Parameters { context: Some(vec![0; 256]), ..Parameters::default() };
            invalid(subject.sign(key, mechanism, &long, b"message").err(), "too long a context");
        }
        Mechanism::MlKem => invalid(subject.decapsulate(key, mechanism, &[1; 767]).err(), "no ciphertext"),
        // They take any message up to the limit.
        _ => {}
    }
}

fn garbage_is_not_imported(subject: &dyn Subject) {
    if subject.token().capabilities().imports.is_empty() {
        let error = subject.import(Algorithm::P256, &[0x30, 0x00]).err();
        let refused =
            matches!(error, Some(TokenError::NotSupported(_) | TokenError::AlgorithmNotSupported(_)));
        assert!(refused, "{error:?}");
        return;
    }
    for algorithm in &subject.token().capabilities().imports {
        let Some(document) = peers::private_key(*algorithm) else { continue };
        for garbage in [&b""[..], b"\x30\x00", &document[1..], &document[..document.len() - 1]] {
            let error = subject.import(*algorithm, garbage).err();
            assert!(matches!(error, Some(TokenError::DataInvalid(_))), "{algorithm}: {error:?}");
        }
        let error = subject.import(*algorithm, &[&document[..], &[0]].concat()).err();
        assert!(matches!(error, Some(TokenError::DataInvalid(_))), "{algorithm}, a byte more: {error:?}");
    }
}
