//! What OpenPGP cards send: whole dialogues.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use claviger_card::parsers::{openpgp_perform, openpgp_read};
use claviger_card::{CardError, CardKey, CardOp, CardOutput, Contents, Kind, Pin, PinRules};
use claviger_token::{
    Algorithm, Capabilities, Mechanism, Parameters, PinPolicy, Secret, Site, Spare, TouchPolicy, Usage,
};

use super::answers::Answers;

/// An OpenPGP card answers an operation: nothing is left open on the card, no password is sent twice, and what comes
/// of it has the right form. The first byte says which operation.
pub(super) fn openpgp_answers(bytes: &[u8]) -> bool {
    let Some((which, answers)) = bytes.split_first() else { return false };
    let mut card = Answers::new(answers, usize::MAX);
    if which % 11 == 0 {
        return openpgp_read(&mut card).is_ok_and(|contents| contents.is_some_and(|found| is_sound(&found)));
    }
    let pin = Secret::new(b"123456".to_vec());
    let outcome = openpgp_perform(&mut card, &CONTENTS, Pin::Given(&pin), operation(which % 11));
    for reference in [0x81, 0x82, 0x83] {
        holds_no_password(&card, reference, &outcome);
    }
    match &outcome {
        Ok(CardOutput::Signature(signature)) => assert_eq!(signature.len(), 64),
        Ok(CardOutput::Plaintext(plaintext)) => assert!(plaintext.expose().len() <= 245),
        Ok(CardOutput::SharedSecret(secret)) => assert_eq!(secret.expose().len(), 32),
        Ok(CardOutput::Generated(made)) => {
            assert_eq!(claviger_soft::algorithm_of(&made.public_key), Ok(made.algorithm));
        }
        Ok(CardOutput::Attestation(chain)) => assert!(!chain.is_empty()),
        Ok(CardOutput::Done) | Err(_) => {}
    }
    outcome.is_ok()
}

/// A VERIFY goes over once, and whatever it left open is closed again, unless the card refused it or is gone.
fn holds_no_password(card: &Answers<'_>, reference: u8, outcome: &Result<CardOutput, CardError>) {
    let shown = |command: &&Vec<u8>| command.starts_with(&[0x00, 0x20, 0x00, reference]);
    let times = card.sent.iter().filter(shown).count();
    assert!(times <= 1, "a password was sent again");
    let mut after = card.sent.iter().skip_while(|command| !shown(command));
    let is_closed = after.any(|command| command.starts_with(&[0x00, 0x20, 0xff, reference]));
    let refused = matches!(
        outcome,
        Err(CardError::WrongPin { .. }
            | CardError::PinBlocked
            | CardError::WrongAuthority(_)
            | CardError::NotSupported(_)
            | CardError::Malformed(_)
            | CardError::Status(..))
    );
    let gone = matches!(outcome, Err(CardError::Gone));
    assert!(times == 0 || is_closed || card.is_reset || refused || gone, "a password is left shown");
}

/// Whatever is found on a card is usable by whoever asks for it.
fn is_sound(contents: &Contents) -> bool {
    assert_eq!(contents.serial.len(), 12);
    assert!(!contents.name.contains(char::is_control));
    for key in &contents.keys {
        assert_eq!(claviger_soft::algorithm_of(&key.public_key), Ok(key.algorithm));
        assert!(!key.usage.is_empty() && key.usage.is_within(key.algorithm.usage()));
    }
    true
}

fn operation(which: u8) -> CardOp {
    let place = |name: &str| name.to_owned();
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
    let parameters = Parameters::default();
    let authority = Some(secret("12345678"));
    let site = |slot: Option<&str>| Site {
        slot: slot.map(str::to_owned),
        authority: authority.clone(),
        ..Site::default()
    };
    match which {
        1 => CardOp::Verify { spare: Spare::Last },
        2 => {
            let (algorithm, mechanism) = (Algorithm::P256, Mechanism::Ecdsa);
            CardOp::Sign { reference: place("sign"), algorithm, mechanism, parameters, data: vec![7; 32] }
        }
        3 => {
            let (algorithm, mechanism) = (Algorithm::Rsa2048, Mechanism::RsaPkcs);
            let ciphertext = vec![7; 256];
            CardOp::Decrypt { reference: place("decrypt"), algorithm, mechanism, parameters, ciphertext }
        }
        4 => CardOp::Generate { algorithm: Algorithm::P256, site: site(Some("sign")) },
        5 => CardOp::Generate { algorithm: Algorithm::Rsa2048, site: site(None) },
        6 => CardOp::ChangePin { old: secret("123456"), new: secret("654321"), spare: Spare::Last },
        7 => CardOp::UnblockPin { puk: secret("12345678"), new: secret("654321") },
        8 => CardOp::WriteCertificate {
            reference: place("sign"),
            certificate: b"\x30\x00".to_vec(),
            authority: Some(secret("12345678")),
        },
        9 => CardOp::Attest { reference: place("sign") },
        _ => {
            let (algorithm, peer) = (Algorithm::X25519, [&[9], &[0; 31][..]].concat());
            CardOp::Derive { reference: place("authenticate"), algorithm, peer }
        }
    }
}

/// A card with a P-256 key to sign, an RSA key that nobody has to decrypt, and one of X25519 where none belongs.
static CONTENTS: LazyLock<Contents> = LazyLock::new(|| {
    let key = |reference: &str, algorithm: Algorithm, usage: Usage| CardKey {
        reference: reference.to_owned(),
        algorithm,
        public_key: Vec::new().into(),
        usage,
        pin_policy: PinPolicy::Once,
        touch_policy: TouchPolicy::Never,
        certificates: Vec::new(),
    };
    let usage = Usage::default();
    Contents {
        kind: Kind::OpenPgp,
        serial: "fffe00000007".to_owned(),
        name: "a card".to_owned(),
        keys: vec![
            key("sign", Algorithm::P256, Usage { sign: true, ..usage }),
            key("decrypt", Algorithm::Rsa2048, Usage { decrypt: true, ..usage }),
            key("authenticate", Algorithm::X25519, Usage { derive: true, ..usage }),
        ],
        capabilities: Arc::new(Capabilities {
            mechanisms: BTreeSet::new(),
            generates: BTreeSet::new(),
            imports: BTreeSet::new(),
            erases: false,
            data_limit: 512,
        }),
        pin: PinRules { shortest: 6, longest: 127, digits_only: false },
        tries_left: None,
        puk_tries_left: None,
    }
});
