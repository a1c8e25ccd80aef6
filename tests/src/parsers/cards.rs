//! What cards send: whole dialogues, and single objects.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use claviger_card::parsers::{piv_object, piv_perform, piv_read, piv_recognize};
use claviger_card::{CardError, CardKey, CardOp, CardOutput, Contents, Kind, Pin, PinRules};
use claviger_token::{
    Algorithm, Capabilities, Mechanism, Parameters, PinPolicy, Secret, Site, Spare, TouchPolicy, Usage,
};

use super::answers::Answers;

/// A PIV card answers an operation: nothing is left open on the card, no PIN is sent twice, and what comes of it has
/// the right form. The first byte says which operation.
pub(super) fn apdu_answers(bytes: &[u8]) -> bool {
    let Some((which, answers)) = bytes.split_first() else { return false };
    let mut card = Answers::new(answers, SHORT);
    let op = match which % 15 {
        0 => return piv_read(&mut card).is_ok_and(|contents| contents.is_some_and(|found| is_sound(&found))),
        1 => return piv_recognize(&mut card, SERIAL).is_ok(),
        which => operation(which),
    };
    let (pin, contents) = (Secret::new(b"123456".to_vec()), &*CONTENTS);
    let outcome = piv_perform(&mut card, contents, Pin::Given(&pin), op);
    let shown = |command: &Vec<u8>| command.starts_with(b"\x00\x20\x00\x80\x08");
    let tries = card.sent.iter().filter(|command| shown(command)).count();
    assert!(tries <= 1, "the PIN was sent again");
    let after = card.sent.iter().skip_while(|command| !shown(command));
    let is_taken_back = after.into_iter().any(|command| command.starts_with(b"\x00\x20\xff\x80"));
    let refused = matches!(
        outcome,
        Err(CardError::WrongPin { .. }
            | CardError::PinBlocked
            | CardError::SecretUnfit(_)
            | CardError::Status(..))
    );
    let gone = matches!(outcome, Err(CardError::Gone));
    assert!(tries == 0 || is_taken_back || card.is_reset || refused || gone, "the PIN is left shown");
    match &outcome {
        Ok(CardOutput::Signature(signature)) => assert!(matches!(signature.len(), 64 | 256)),
        Ok(CardOutput::Plaintext(plaintext)) => assert_eq!(plaintext.expose().len(), 256),
        Ok(CardOutput::SharedSecret(secret)) => assert_eq!(secret.expose().len(), 32),
        Ok(CardOutput::Generated(made)) => {
            assert_eq!(claviger_soft::algorithm_of(&made.public_key), Ok(made.algorithm));
        }
        Ok(CardOutput::Attestation(chain)) => assert!(!chain.is_empty()),
        Ok(CardOutput::Done) | Err(_) => {}
    }
    outcome.is_ok()
}

/// One object of a PIV card, or what an answer holds.
pub(super) fn piv_objects(bytes: &[u8]) -> bool {
    piv_object(bytes)
}

/// Whatever is found on a card is usable by whoever asks for it.
fn is_sound(contents: &Contents) -> bool {
    assert!(!contents.serial.is_empty() && !contents.name.contains(char::is_control));
    for key in &contents.keys {
        assert_eq!(claviger_soft::algorithm_of(&key.public_key), Ok(key.algorithm));
        assert!(!key.usage.is_empty() && key.usage.is_within(key.algorithm.usage()));
    }
    true
}

fn operation(which: u8) -> CardOp {
    let (elliptic, modulus) = ("9a".to_owned(), "9d".to_owned());
    let parameters = Parameters::default();
    let authority = Some(Secret::new(vec![0x42; 24]));
    let site = |slot: Option<&str>| Site {
        slot: slot.map(str::to_owned),
        authority: authority.clone(),
        ..Site::default()
    };
    match which {
        2 => CardOp::Verify { spare: Spare::Last },
        3 => {
            let (algorithm, mechanism) = (Algorithm::P256, Mechanism::Ecdsa);
            CardOp::Sign { reference: elliptic, algorithm, mechanism, parameters, data: vec![7; 32] }
        }
        4 => {
            let (algorithm, mechanism) = (Algorithm::Rsa2048, Mechanism::RsaX509);
            CardOp::Sign { reference: modulus, algorithm, mechanism, parameters, data: vec![7; 256] }
        }
        5 => {
            let (algorithm, mechanism) = (Algorithm::Rsa2048, Mechanism::RsaX509);
            CardOp::Decrypt { reference: modulus, algorithm, mechanism, parameters, ciphertext: vec![7; 256] }
        }
        6 => CardOp::Derive { reference: elliptic, algorithm: Algorithm::P256, peer: POINT.to_vec() },
        7 => CardOp::Generate { algorithm: Algorithm::P256, site: site(Some("9a")) },
        8 => CardOp::Generate { algorithm: Algorithm::P256, site: site(None) },
        9 => {
            let site = Site { touch_policy: Some(TouchPolicy::Always), ..site(Some("82")) };
            CardOp::Generate { algorithm: Algorithm::P256, site }
        }
        10 => CardOp::ChangePin {
            old: Secret::new(b"123456".to_vec()),
            new: Secret::new(b"654321".to_vec()),
            spare: Spare::Last,
        },
        11 => CardOp::UnblockPin {
            puk: Secret::new(b"12345678".to_vec()),
            new: Secret::new(b"654321".to_vec()),
        },
        12 => CardOp::Attest { reference: elliptic },
        13 => CardOp::Authenticate {
            reference: elliptic,
            algorithm: Algorithm::P256,
            mechanism: Mechanism::Ecdsa,
            parameters,
            data: vec![7; 32],
            spare: Spare::Two,
        },
        _ => CardOp::WriteCertificate { reference: "82".to_owned(), certificate: Vec::new(), authority },
    }
}

/// A card with a P-256 key in 9A, and an RSA key that nobody has in 9D.
static CONTENTS: LazyLock<Contents> = LazyLock::new(|| {
    let key = |reference: &str, algorithm: Algorithm, public_key: Vec<u8>| CardKey {
        reference: reference.to_owned(),
        algorithm,
        public_key: public_key.into(),
        usage: Usage { sign: true, ..algorithm.usage() },
        pin_policy: PinPolicy::Once,
        touch_policy: TouchPolicy::Never,
        certificates: Vec::new(),
    };
    let elliptic = [EC_PREFIX, POINT].concat();
    let modulus = [RSA_PREFIX, &[0x81; 256], b"\x02\x03\x01\x00\x01"].concat();
    Contents {
        kind: Kind::Piv,
        serial: SERIAL.to_owned(),
        name: "a card".to_owned(),
        keys: vec![key("9a", Algorithm::P256, elliptic), key("9d", Algorithm::Rsa2048, modulus)],
        capabilities: Arc::new(Capabilities {
            mechanisms: BTreeSet::from([Mechanism::Ecdsa, Mechanism::RsaX509, Mechanism::Ecdh1Derive]),
            generates: BTreeSet::from([Algorithm::P256]),
            imports: BTreeSet::new(),
            erases: false,
            data_limit: 512,
        }),
        pin: PinRules { shortest: 6, longest: 8, digits_only: true },
        tries_left: None,
        puk_tries_left: None,
    }
});

/// The virtual card's.
const SERIAL: &str = "c1a716e5000040008000000000000001";
const EC_PREFIX: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const RSA_PREFIX: &[u8] =
    b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00\
    \x30\x82\x01\x0a\x02\x82\x01\x01\x00";
/// The base point of P-256 (SP 800-186, 3.2.1.3).
const POINT: &[u8] = b"\x04\
    \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
    \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/// A command of ISO 7816-3 without extended lengths: header, Lc, 255 bytes, Le.
const SHORT: usize = 261;
