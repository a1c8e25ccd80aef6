//! Everything that reads outside bytes, each as a function that must return whatever it is given, says whether it
//! took that, and holds what can be held of any input. `tests/fuzz` mutates their inputs; `tests/tests/corpora.rs` replays what is kept.

mod answers;
mod cards;
mod openpgp;
mod phone;
mod pkcs11;
mod prompter;
mod ssh;

use std::path::Path;
use std::sync::LazyLock;

use claviger::import::PrivateKeyFile;
use claviger_card::opensc::is_message;
use claviger_core::policy::Caller;
use claviger_core::{Selector, check_label};
use claviger_dbus::wire::{
    DecapsulateOptions, DecryptOptions, DeriveOptions, EncryptOptions, ExplainOptions, KeyFilter,
    NewKeyOptions, NoOptions, RegisterOptions, SignOptions, UnlockOptions, UserPage, VerifyOptions,
};
use claviger_soft::{
    DataKey, KeySlots, algorithm_of, ecdsa_der_to_raw, ecdsa_raw_to_der, encapsulate, encrypt, import_with,
    open_record, seal_record, verify,
};
use claviger_token::{Algorithm, Binding, KeyId, Mechanism, Parameters, Secret};
use clavigerd::accounts::backup;
use clavigerd::channel::frames::Frames;
use clavigerd::config::Config;
use serde::de::DeserializeOwned;
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{BE, LE};

/// A parser by its name, which is also the name of its corpus.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: [Target; 23] = [
    ("sealed-record", sealed_record),
    ("key-slots", key_slots),
    ("public-key", public_key),
    ("private-key", private_key),
    ("private-key-file", private_key_file),
    ("signature-form", signature_form),
    ("configuration", configuration),
    ("key-selector", key_selector),
    ("options", options),
    ("channel-frames", channel_frames),
    ("backup", backup),
    ("apdu-answers", cards::apdu_answers),
    ("piv-objects", cards::piv_objects),
    ("opensc-frames", opensc_frames),
    ("openpgp-answers", openpgp::openpgp_answers),
    ("assuan", prompter::assuan),
    ("phone-lines", phone::lines),
    ("phone-messages", phone::messages),
    ("phone-at-host", phone::at_host),
    ("phone-at-phone", phone::at_phone),
    ("pairing-uri", phone::pairing_uri),
    ("pkcs11-calls", pkcs11::calls),
    ("ssh-agent-frames", ssh::frames),
];

/// A record of one's own, and what it is bound to.
struct Sealed {
    key: DataKey,
    binding: Binding,
    record: Vec<u8>,
}

static SEALED: LazyLock<Sealed> = LazyLock::new(|| {
    let key = DataKey::generate().unwrap();
    let id = KeyId::from_bytes([7; 16]);
    let binding = Binding { uid: 1000, user_name: "alice".to_owned(), key: id, created: 1_800_000_000 };
    let secret = Secret::new(b"what is sealed need not be a key".to_vec());
    let record = seal_record(&key, &binding, PUBLIC_KEY, &secret).unwrap();
    Sealed { key, binding, record }
});

/// A sealed record opens only as it was sealed.
fn sealed_record(bytes: &[u8]) -> bool {
    let Sealed { key, binding, record } = &*SEALED;
    // libFuzzer looks into comparisons, and so finds the very record; any other must not open.
    let opened = open_record(key, binding, PUBLIC_KEY, bytes).is_ok();
    assert_eq!(opened, bytes == record.as_slice(), "a made-up record opened");
    // The same bytes as damage to a good record.
    let mut damaged = record.clone();
    for (place, byte) in bytes.iter().enumerate() {
        match damaged.get_mut(place) {
            Some(there) => *there ^= byte,
            None => damaged.push(*byte),
        }
    }
    let opened = open_record(key, binding, PUBLIC_KEY, &damaged).is_ok();
    assert_eq!(opened, damaged == *record, "a damaged record opened");
    let cut = &record[..record.len().min(bytes.len())];
    assert_eq!(open_record(key, binding, PUBLIC_KEY, cut).is_ok(), cut.len() == record.len());
    opened
}

/// Key slots are written as they were read, with the sum over them that accidents are told by.
fn key_slots(bytes: &[u8]) -> bool {
    let sum = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut taken = false;
    for bytes in [bytes.to_vec(), [bytes, sum.as_ref()].concat()] {
        if let Ok(slots) = KeySlots::from_bytes(&bytes) {
            assert_eq!(slots.to_bytes(), bytes, "they are written differently");
            drop((slots.host_id(), slots.has_recovery_code()));
            taken = true;
        }
    }
    taken
}

/// A public key is refused, or usable: verifying says no, encrypting works or is not its business.
fn public_key(bytes: &[u8]) -> bool {
    let Ok(algorithm) = algorithm_of(bytes) else { return false };
    for mechanism in Mechanism::ALL {
        let verified = verify(bytes, mechanism, &Parameters::default(), b"data", &[1; 64]);
        assert!(!matches!(verified, Ok(true)), "{mechanism}: {algorithm} verifies anything");
        drop(encrypt(bytes, mechanism, &Parameters::default(), b"data"));
    }
    drop(encapsulate(bytes));
    true
}

/// A private key, DER PKCS#8, is refused, or sealed as what it says it is.
fn private_key(bytes: &[u8]) -> bool {
    let Sealed { key, binding, .. } = &*SEALED;
    let Ok(imported) = import_with(key, &Secret::new(bytes.to_vec()), binding) else { return false };
    let record = imported.record.expect("a local key has a record");
    assert_eq!(algorithm_of(&imported.public_key), Ok(imported.algorithm));
    assert!(open_record(key, binding, &imported.public_key, &record).is_ok());
    true
}

/// A private key file gives a key, a sealed key or an error.
fn private_key_file(bytes: &[u8]) -> bool {
    PrivateKeyFile::parse(bytes).is_ok()
}

/// A signature in DER and as r || s are the same signature.
fn signature_form(bytes: &[u8]) -> bool {
    let mut taken = false;
    for algorithm in [Algorithm::P256, Algorithm::P384, Algorithm::P521] {
        if let Ok(raw) = ecdsa_der_to_raw(algorithm, bytes) {
            let again = ecdsa_raw_to_der(algorithm, &raw);
            assert_eq!(again.as_deref(), Ok(bytes), "there are two encodings of one signature");
            taken = true;
        }
    }
    taken
}

/// A configuration is taken over or refused with file and line.
fn configuration(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut config = Config::default();
    let merged = config.merge(Path::new("fuzz.toml"), text);
    merged.map_err(|error| assert!(error.to_string().contains("fuzz.toml"), "{error}")).is_ok()
}

/// What a caller names a key by.
fn key_selector(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let selector = Selector::parse(text);
    if check_label(text).is_ok() && !text.is_empty() {
        assert_eq!(selector, Ok(Selector::Label(text.to_owned())), "a label must select by label");
    }
    selector.is_ok()
}

/// The options of every method, in both byte orders.
fn options(bytes: &[u8]) -> bool {
    fn read<T: DeserializeOwned + zbus::Type>(bytes: &[u8]) -> bool {
        [LE, BE].into_iter().any(|order| Data::new(bytes, Context::new(order, 0)).deserialize::<T>().is_ok())
    }
    let all = [
        read::<NoOptions>,
        read::<SignOptions>,
        read::<DecryptOptions>,
        read::<DeriveOptions>,
        read::<DecapsulateOptions>,
        read::<EncryptOptions>,
        read::<VerifyOptions>,
        read::<NewKeyOptions>,
        read::<ExplainOptions>,
        read::<KeyFilter>,
        read::<RegisterOptions>,
        read::<UnlockOptions>,
        read::<UserPage>,
    ];
    // Every one of them is tried, whichever takes it first.
    all.into_iter().filter(|read| read(bytes)).count() > 0
}

/// A stream on a channel is followed alike, however it is cut.
fn channel_frames(bytes: &[u8]) -> bool {
    let (mut whole, mut cut) = (Frames::new(), Frames::new());
    let outcome = whole.advance(bytes);
    assert_eq!(bytes.chunks(7).try_for_each(|piece| cut.advance(piece)), outcome);
    outcome.is_ok()
}

/// A backup is refused, or is an account of the caller's own.
fn backup(bytes: &[u8]) -> bool {
    let caller = Caller { uid: 0, user_name: "root".to_owned() };
    let Ok(account) = backup::read(&caller, bytes, 100) else { return false };
    assert_eq!(account.user.uid, caller.uid);
    assert!(account.keys.len() <= 100 && account.keys.iter().all(|key| key.binding.uid == caller.uid));
    true
}

/// What the OpenSC helper says, and what it is told.
fn opensc_frames(bytes: &[u8]) -> bool {
    is_message(bytes)
}

/// Stands for a public key where only its bytes matter.
const PUBLIC_KEY: &[u8] = b"a public key";
