//! Every key does what its mechanisms say.

use claviger_token::{Algorithm, Hash, KeyHandle, Mechanism, Parameters, Presence, Purpose};

use crate::{Check, Subject, peers};

pub(crate) const CHECKS: &[Check] = &[
    ("it says what it is", it_says_what_it_is),
    ("generated keys do what their mechanisms say", generated_keys_do_what_their_mechanisms_say),
    ("imported keys keep their public key and work", imported_keys_keep_their_public_key_and_work),
    ("existing keys do what their mechanisms say", existing_keys_do_what_their_mechanisms_say),
    ("two keys differ", two_keys_differ),
    ("keys work again after a lock and an unlock", keys_work_again_after_a_lock_and_an_unlock),
];

fn it_says_what_it_is(subject: &dyn Subject) {
    let token = subject.token();
    assert!(!token.id().as_str().is_empty());
    assert_eq!(token.presence(), Presence::Present);
    assert!(token.is_unlocked(), "it was just unlocked");
    let capabilities = token.capabilities();
    assert!(capabilities.data_limit > 0);
    let abilities = subject.abilities();
    for mechanism in &capabilities.mechanisms {
        assert!(
            abilities.iter().any(|(algorithm, _)| mechanism.fits(*algorithm)),
            "{mechanism} goes with no key"
        );
    }
    for (algorithm, mechanisms) in abilities {
        assert!(!mechanisms.is_empty(), "{algorithm} keys are good for nothing");
    }
}

fn generated_keys_do_what_their_mechanisms_say(subject: &dyn Subject) {
    let generates = &subject.token().capabilities().generates;
    for (algorithm, mechanisms) in subject.abilities() {
        if generates.contains(&algorithm) {
            for site in subject.sites(algorithm) {
                let key = subject.generate_at(algorithm, site);
                let key = key.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
                assert_eq!(key.info.algorithm, algorithm);
                use_key(subject, &key, &mechanisms);
            }
        }
    }
}

fn imported_keys_keep_their_public_key_and_work(subject: &dyn Subject) {
    let imports = &subject.token().capabilities().imports;
    for (algorithm, mechanisms) in subject.abilities() {
        let Some((document, public_key)) = peers::imported(algorithm) else { continue };
        if imports.contains(&algorithm) {
            for site in subject.import_sites(algorithm) {
                let key = subject.import_at(&document, site);
                let key = key.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
                assert_eq!(key.info.algorithm, algorithm);
                assert_eq!(*key.info.public_key, *public_key, "{algorithm}");
                use_key(subject, &key, &mechanisms);
            }
        }
    }
}

fn existing_keys_do_what_their_mechanisms_say(subject: &dyn Subject) {
    let abilities = subject.abilities();
    for key in subject.existing() {
        let own = abilities.iter().find(|(algorithm, _)| *algorithm == key.info.algorithm);
        use_key(subject, &key, &own.expect("an existing key is an ability").1);
    }
}

fn two_keys_differ(subject: &dyn Subject) {
    for algorithm in &subject.token().capabilities().generates {
        if algorithm.modulus_size().is_none_or(|size| size == 256) {
            let keys = [subject.generate(*algorithm).unwrap(), subject.generate(*algorithm).unwrap()];
            assert_ne!(keys[0].info.public_key, keys[1].info.public_key, "{algorithm}");
        }
    }
}

fn keys_work_again_after_a_lock_and_an_unlock(subject: &dyn Subject) {
    let (key, mechanism, _) = subject.signer();
    sign(subject, &key, mechanism);
    subject.lock();
    assert!(!subject.token().is_unlocked());
    subject.unlock().unwrap();
    assert!(subject.token().is_unlocked());
    sign(subject, &key, mechanism);
}

/// Puts a key to everything that it can do where it stands.
fn use_key(subject: &dyn Subject, key: &KeyHandle, mechanisms: &[Mechanism]) {
    let usage = key.info.usage;
    for mechanism in mechanisms {
        if usage.sign && mechanism.serves(Purpose::Sign) {
            sign(subject, key, *mechanism);
        }
        if usage.decrypt && *mechanism == Mechanism::RsaX509 {
            decrypt_raw(subject, key);
        } else if usage.decrypt && mechanism.serves(Purpose::Decrypt) {
            decrypt(subject, key, *mechanism);
        }
        if usage.derive && mechanism.serves(Purpose::Derive) {
            derive(subject, key, *mechanism);
        }
        if usage.derive && mechanism.serves(Purpose::Decapsulate) {
            decapsulate(subject, key, *mechanism);
        }
    }
}

fn sign(subject: &dyn Subject, key: &KeyHandle, mechanism: Mechanism) {
    let algorithm = key.info.algorithm;
    let name = format!("{algorithm} {mechanism}");
    for message in [&b""[..], b"m", &[0x5a; 200]] {
        let data = peers::to_be_signed(algorithm, mechanism, message);
        let signature = subject
            .sign(key, mechanism, &Parameters::default(), &data)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let verifies = |message: &[u8], signature: &[u8]| {
            peers::verifies(algorithm, &key.info.public_key, mechanism, message, signature)
        };
        assert!(verifies(message, &signature), "{name}: the signature is wrong");
        assert!(!verifies(b"another message", &signature), "{name}: it signs anything");
        let mut changed = signature;
        changed[7] ^= 0x10;
        assert!(!verifies(message, &changed), "{name}: the control");
    }
}

fn decrypt(subject: &dyn Subject, key: &KeyHandle, mechanism: Mechanism) {
    let name = format!("{} {mechanism}", key.info.algorithm);
    let (hashes, labels): (&[Hash], &[&[u8]]) = match mechanism {
        Mechanism::RsaPkcs => (&[Hash::Sha256], &[b""]),
        _ => (&[Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512], &[b"", b"a label"]),
    };
    for (hash, label) in hashes.iter().flat_map(|hash| labels.iter().map(move |label| (*hash, *label))) {
        let parameters =
            Parameters { hash: Some(hash), label: Some(label.to_vec()), ..Parameters::default() };
        for plaintext in [&b""[..], b"a disk key of thirty-two bytes!!"] {
            let ciphertext = peers::encrypt(&key.info.public_key, mechanism, hash, label, plaintext);
            let opened = subject.decrypt(key, mechanism, &parameters, &ciphertext);
            let opened = opened.unwrap_or_else(|error| panic!("{name} {hash}: {error}"));
            assert_eq!(opened.expose(), plaintext, "{name} {hash}");
        }
    }
}

/// RFC 8017, 7.2.1: "EM = 0x00 || 0x02 || PS || 0x00 || M". The primitive gives the whole block back.
fn decrypt_raw(subject: &dyn Subject, key: &KeyHandle) {
    let plaintext = b"a disk key of thirty-two bytes!!";
    let ciphertext = peers::encrypt(&key.info.public_key, Mechanism::RsaPkcs, Hash::Sha256, b"", plaintext);
    let block = subject.decrypt(key, Mechanism::RsaX509, &Parameters::default(), &ciphertext);
    let block = block.unwrap_or_else(|error| panic!("{} RSA_X_509: {error}", key.info.algorithm));
    assert_eq!(block.expose().len(), ciphertext.len());
    assert!(
        block.expose().starts_with(&[0, 2]) && block.expose().ends_with(&[&[0], &plaintext[..]].concat())
    );
}

fn derive(subject: &dyn Subject, key: &KeyHandle, mechanism: Mechanism) {
    let algorithm = key.info.algorithm;
    let (peer, expected) = peers::agree(algorithm, &key.info.public_key);
    let shared = subject.derive(key, mechanism, &peer).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
    assert_eq!(shared.expose(), expected, "{algorithm}: both sides agree");
    // The other accepted form: SubjectPublicKeyInfo. The key's own is at hand, and its header serves.
    let header = key.info.public_key.len() - peer.len();
    let document = [&key.info.public_key[..header], &peer].concat();
    let shared = subject.derive(key, mechanism, &document).unwrap();
    assert_eq!(shared.expose(), expected, "{algorithm}: the form of the peer's key does not matter");
}

fn decapsulate(subject: &dyn Subject, key: &KeyHandle, mechanism: Mechanism) {
    let algorithm: Algorithm = key.info.algorithm;
    let (mut ciphertext, expected) = peers::encapsulate(algorithm, &key.info.public_key);
    let opened = subject.decapsulate(key, mechanism, &ciphertext);
    let opened = opened.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
    assert_eq!(opened.expose(), expected, "{algorithm}");
    // FIPS 203, algorithm 18: a changed ciphertext opens to a secret that nobody else has.
    ciphertext[3] ^= 1;
    let other = subject.decapsulate(key, mechanism, &ciphertext).unwrap();
    assert_ne!(other.expose(), expected, "{algorithm}");
    assert_eq!(other.expose().len(), 32, "{algorithm}");
}
