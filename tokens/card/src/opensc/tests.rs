#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use claviger_token::{
    Algorithm, Generated, Hash, Mechanism, Parameters, PinPolicy, Secret, Site, Spare, TouchPolicy,
};
use tempfile::TempDir;

use super::frame::{FrameError, LONGEST, decode, encode, receive, send};
use super::protocol::{
    Found, FoundKey, FoundPublic, PHRASES, PinGiven, Reply, Request, has_serial, id, is_key, phrase,
};
use super::{Helper, found};
use crate::{CardError, CardOp, CardOutput, Kind, Pin, spki};

/// Encodes a message, decodes it and encodes it again; returns it as it came out.
fn again(request: &Request) -> Request {
    let frame = encode(request).unwrap();
    let read: Request = receive(&mut frame.as_slice()).unwrap();
    assert!(*encode(&read).unwrap() == *frame, "it is written differently");
    read
}

fn perform(pin: PinGiven, operation: CardOp) -> Request {
    Request::Perform { serial: "00aa".to_owned(), public_key: Some(vec![1, 2]), pin, operation }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn parameters() -> Parameters {
    Parameters {
        hash: Some(Hash::Sha384),
        salt_length: Some(20),
        label: Some(vec![7]),
        ..Parameters::default()
    }
}

fn operations() -> Vec<CardOp> {
    let reference = "02".to_owned();
    let site = Site {
        slot: Some("03".to_owned()),
        authority: Some(secret("12345678")),
        pin_policy: Some(PinPolicy::Always),
        touch_policy: Some(TouchPolicy::Cached),
    };
    vec![
        CardOp::Verify { spare: Spare::Nothing },
        CardOp::Verify { spare: Spare::Two },
        CardOp::Sign {
            reference: reference.clone(),
            algorithm: Algorithm::Rsa2048,
            mechanism: Mechanism::RsaPkcsPss,
            parameters: parameters(),
            data: vec![9; 32],
        },
        CardOp::Authenticate {
            reference: reference.clone(),
            algorithm: Algorithm::P256,
            mechanism: Mechanism::Ecdsa,
            parameters: Parameters::default(),
            data: vec![9; 32],
            spare: Spare::Two,
        },
        CardOp::Decrypt {
            reference: reference.clone(),
            algorithm: Algorithm::Rsa4096,
            mechanism: Mechanism::RsaX509,
            parameters: Parameters::default(),
            ciphertext: vec![9; 512],
        },
        CardOp::Derive { reference: reference.clone(), algorithm: Algorithm::X25519, peer: vec![9; 32] },
        CardOp::Generate { algorithm: Algorithm::P521, site: site.clone() },
        CardOp::Import { private_key: secret("key"), site },
        CardOp::WriteCertificate { reference: reference.clone(), certificate: vec![0x30], authority: None },
        CardOp::ChangePin { old: secret("123456"), new: secret("654321"), spare: Spare::Last },
        CardOp::UnblockPin { puk: secret("12345678"), new: secret("123456") },
        CardOp::Initialize { authority: Some(secret("x")) },
        CardOp::Attest { reference },
    ]
}

#[test]
fn every_operation_is_read_as_it_was_written() {
    for operation in operations() {
        let Request::Perform { serial, pin, .. } =
            again(&perform(PinGiven::Given(secret("123456")), operation))
        else {
            panic!("it is another request")
        };
        assert_eq!(serial, "00aa");
        assert!(matches!(pin.pin(), Pin::Given(pin) if pin.expose() == b"123456"));
    }
}

#[test]
fn every_error_is_read_as_it_was_written() {
    let (mechanism, algorithm) = (Mechanism::Ecdsa, Algorithm::P256);
    let mut errors = vec![
        CardError::WrongPin { tries_left: Some(2) },
        CardError::WrongPin { tries_left: None },
        CardError::PinBlocked,
        CardError::PinNeeded,
        CardError::LastTry,
        CardError::TriesKept { tries_left: 2 },
        CardError::SecretUnfit("a".into()),
        CardError::NotTouched,
        CardError::Declined,
        CardError::NoSuchKey,
        CardError::MechanismNotSupported(mechanism, algorithm),
        CardError::AlgorithmNotSupported(algorithm),
        CardError::DataInvalid("b".into()),
        CardError::Gone,
        CardError::Wrong("c".into()),
        CardError::Busy("d".into()),
        CardError::ServiceGone("e".into()),
        CardError::Malformed("f".into()),
        CardError::Reader("g".into()),
        CardError::Timeout,
    ];
    for phrase in PHRASES {
        errors.extend([
            CardError::NotSupported(phrase),
            CardError::AuthorityNeeded(phrase),
            CardError::WrongAuthority(phrase),
            CardError::Status(phrase, 0x6f00),
        ]);
    }
    for error in errors {
        let frame = encode(&Reply::Refused(error.clone())).unwrap();
        let Ok(Reply::Refused(read)) = receive(&mut frame.as_slice()) else { panic!("{error:?}") };
        assert_eq!(read, error);
    }
    let unknown = Reply::Refused(CardError::NotSupported("do what nobody thought of"));
    assert!(matches!(encode(&unknown), Err(FrameError::Malformed)));
}

#[test]
fn a_frame_that_is_cut_or_too_long_or_followed_by_more_is_refused() {
    let frame = encode(&perform(PinGiven::Pad, CardOp::Verify { spare: Spare::Last })).unwrap();
    for length in 1..frame.len() {
        assert!(receive::<Request>(&mut &frame[..length]).is_err(), "{length}");
    }
    assert!(matches!(receive::<Request>(&mut [].as_slice()), Err(FrameError::Closed)));
    assert!(decode::<Request>(&[&frame[4..], &[0]].concat()).is_err());
    let head = u32::try_from(LONGEST + 1).unwrap().to_be_bytes();
    assert!(matches!(receive::<Request>(&mut head.as_slice()), Err(FrameError::TooLong)));
    let long = CardOp::Import { private_key: Secret::new(vec![0; LONGEST]), site: Site::default() };
    assert!(matches!(encode(&perform(PinGiven::None, long)), Err(FrameError::TooLong)));
}

/// A card with two keys, one of which hides its private half.
fn card() -> Found {
    let key = |number: u8| FoundKey {
        id: vec![number],
        public: FoundPublic::Curve {
            parameters: b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec(),
            point: {
                let key = PrivateKey::generate(&ECDH_P256).unwrap().compute_public_key().unwrap();
                [&[0x04, 65], key.as_ref()].concat()
            },
        },
        sign: true,
        decrypt: true,
        derive: true,
        seen: number == 1,
        open: number == 1,
        always: false,
        certificate: None,
    };
    Found {
        serial: " 00 AA-1 ".to_owned(),
        label: "Alice\n".to_owned(),
        manufacturer: "Maker".to_owned(),
        shortest_pin: 4,
        longest_pin: 8,
        tries_left: Some(1),
        mechanisms: vec![Mechanism::Ecdsa.number(), Mechanism::EcdsaSha256.number(), 0x1234_5678],
        keys: vec![key(1), key(2)],
    }
}

#[test]
fn what_was_found_becomes_contents() {
    let found = card();
    let contents = found::contents(found.clone()).unwrap();
    assert_eq!((contents.kind, contents.serial.as_str()), (Kind::OpenSc, "00aa1"));
    assert_eq!(contents.name, "Maker Alice 00 AA-1");
    assert!(has_serial("00aa1", &found.serial) && !has_serial("00aa2", &found.serial));
    assert_eq!(contents.tries_left, Some(1));
    let capabilities = &contents.capabilities;
    assert_eq!(capabilities.mechanisms.iter().collect::<Vec<_>>(), [&Mechanism::Ecdsa]);
    assert!(capabilities.generates.is_empty() && capabilities.imports.is_empty());
    let [open, hidden] = &contents.keys[..] else { panic!("{:?}", contents.keys) };
    assert_eq!((open.reference.as_str(), open.pin_policy), ("01", PinPolicy::Never));
    assert_eq!((hidden.reference.as_str(), hidden.pin_policy), ("02", PinPolicy::Once));
    assert!(hidden.usage.sign && !hidden.usage.decrypt && !hidden.usage.derive, "{:?}", hidden.usage);
    assert_eq!(spki::parse(&hidden.public_key).unwrap().0, Algorithm::P256);
    assert!(is_key(&found.keys[1], &hidden.public_key) && !is_key(&found.keys[0], &hidden.public_key));
}

#[test]
fn a_card_without_a_serial_is_told_by_its_key() {
    let mut found = card();
    found.serial = "0000".to_owned();
    let named = found::contents(found.clone()).unwrap().serial;
    assert!(named.starts_with("key") && named.len() == 3 + 32, "{named}");
    found.keys.reverse();
    assert_eq!(found::contents(found.clone()).unwrap().serial, named, "the order does not matter");
    found.keys.clear();
    assert!(matches!(found::contents(found), Err(CardError::Malformed(_))));
}

#[test]
fn a_key_that_is_none_is_left_out() {
    let mut found = card();
    let FoundPublic::Curve { point, .. } = &mut found.keys[0].public else { panic!("it is a curve") };
    *point.last_mut().unwrap() ^= 1;
    found.keys[1].id.clear();
    assert!(found::contents(found).unwrap().keys.is_empty());
}

#[test]
fn an_id_is_read_back_from_its_reference() {
    assert_eq!(id("0aff"), Some(vec![0x0a, 0xff]));
    for text in ["", "0", "0A", "+1", "zz", "0aff "] {
        assert_eq!(id(text), None, "{text}");
    }
    assert_eq!(id(&"00".repeat(256)), None);
}

/// A helper of toy strength: greets, then does what the test says with every request.
fn helper(mut answer: impl FnMut(&mut UnixStream, Request) + Send + 'static) -> (TempDir, Helper) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("opensc.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let Ok(Request::Hello { reader, .. }) = receive(&mut connection) else { panic!("no greeting") };
        assert_eq!(reader, "Reader 00 00");
        send(&mut connection, &Reply::Ready).unwrap();
        while let Ok(request) = receive(&mut connection) {
            answer(&mut connection, request);
        }
    });
    let helper = Helper::connect(&path, "Reader 00 00", soon()).unwrap_or_else(|error| panic!("{error}"));
    (folder, helper)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn sign() -> CardOp {
    CardOp::Sign {
        reference: "02".to_owned(),
        algorithm: Algorithm::P256,
        mechanism: Mechanism::Ecdsa,
        parameters: Parameters::default(),
        data: vec![1; 32],
    }
}

#[test]
fn a_card_is_read_and_used_through_a_helper() {
    let found = card();
    let (_folder, mut helper) = helper(move |connection, request| {
        let reply = match request {
            Request::Read => Reply::Contents(Some(found.clone())),
            Request::Perform { public_key: Some(_), pin: PinGiven::Given(_), operation, .. } => {
                match operation {
                    CardOp::Sign { data, .. } => Reply::Output(CardOutput::Signature(data.repeat(2))),
                    _ => Reply::Refused(CardError::NoSuchKey),
                }
            }
            _ => Reply::Refused(CardError::PinNeeded),
        };
        send(connection, &reply).unwrap();
    });
    let contents = helper.read(soon()).unwrap().unwrap();
    let pin = secret("123456");
    let signature = helper.perform(&contents, Pin::Given(&pin), sign(), soon());
    assert!(matches!(signature, Ok(CardOutput::Signature(bytes)) if bytes == [1; 64]));
    assert_eq!(helper.perform(&contents, Pin::None, sign(), soon()).err(), Some(CardError::PinNeeded));
    // A refusal leaves the connection usable, and some are made before anything is sent.
    let elsewhere = CardOp::Attest { reference: "07".to_owned() };
    assert_eq!(helper.perform(&contents, Pin::None, elsewhere, soon()).err(), Some(CardError::NoSuchKey));
    let CardOp::Sign { reference, mechanism, parameters, .. } = sign() else { unreachable!() };
    let algorithm = Algorithm::Rsa2048;
    let short = CardOp::Decrypt { reference, algorithm, mechanism, parameters, ciphertext: vec![1; 255] };
    let outcome = helper.perform(&contents, Pin::Given(&pin), short, soon());
    assert!(matches!(outcome, Err(CardError::DataInvalid(_))));
    assert!(helper.perform(&contents, Pin::Given(&pin), sign(), soon()).is_ok());
}

#[test]
fn a_helper_is_never_asked_for_a_new_key_and_cannot_say_that_there_is_one() {
    let (told, asked) = std::sync::mpsc::channel();
    let (folder, mut helper) = helper(move |_, _| told.send(()).unwrap());
    let contents = found::contents(card()).unwrap();
    for operation in operations() {
        let what = match &operation {
            CardOp::Generate { .. } => phrase::GENERATE,
            CardOp::Import { .. } => phrase::IMPORT,
            _ => continue,
        };
        let outcome = helper.perform(&contents, Pin::None, operation, soon());
        assert_eq!(outcome.err(), Some(CardError::NotSupported(what)));
    }
    // The toy ends with its connection, and its sender with it.
    drop((helper, folder));
    assert!(
        asked
            .recv_timeout(Duration::from_secs(10))
            .is_err_and(|error| error == RecvTimeoutError::Disconnected)
    );
    let made = Generated {
        algorithm: Algorithm::P256,
        usage: Algorithm::P256.usage(),
        public_key: Vec::new(),
        reference: "01".to_owned(),
        record: None,
        attestation: Vec::new(),
    };
    let said = encode(&Reply::Output(CardOutput::Generated(made)));
    assert!(matches!(said, Err(FrameError::Malformed)));
    // Two bytes: an output, and the place after the last.
    assert!(matches!(decode::<Reply>(&[2, 4]), Ok(Reply::Output(CardOutput::Done))));
    assert!(matches!(decode::<Reply>(&[2, 5]), Err(FrameError::Malformed)));
}

#[test]
fn a_helper_that_does_not_answer_is_left_at_the_deadline() {
    let (told, ended) = std::sync::mpsc::channel();
    let (_folder, mut helper) = helper(move |connection, _| {
        // Half an answer, and then nothing until the connection ends.
        connection.write_all(&[0, 0]).unwrap();
        let rest = connection.read(&mut [0; 1]).unwrap();
        told.send(rest).unwrap();
    });
    let begin = Instant::now();
    let outcome = helper.read(begin + Duration::from_millis(50));
    assert_eq!(outcome.err(), Some(CardError::Timeout));
    assert!(begin.elapsed() >= Duration::from_millis(50));
    // The connection was ended although the helper object still lives: that ends the process.
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(0));
    assert!(matches!(helper.read(soon()), Err(CardError::ServiceGone(_))));
}

#[test]
fn a_helper_that_ends_or_speaks_nonsense_is_told_from_one_that_is_not_there() {
    let (_folder, mut ends) = helper(|connection, _| connection.shutdown(std::net::Shutdown::Both).unwrap());
    assert!(matches!(ends.read(soon()), Err(CardError::ServiceGone(_))));
    let (_folder, mut nonsense) = helper(|connection, _| connection.write_all(&[0, 0, 0, 1, 0xff]).unwrap());
    assert!(matches!(nonsense.read(soon()), Err(CardError::Reader(_))));
    let (_folder, mut another) =
        helper(|connection, _| send(connection, &Reply::Output(CardOutput::Done)).unwrap());
    assert!(matches!(another.read(soon()), Err(CardError::Reader(_))));
    let nobody = Helper::connect("/nonexistent/opensc.sock".as_ref(), "Reader 00 00", soon());
    assert!(matches!(nobody, Err(CardError::ServiceGone(_))));
}

#[test]
fn a_signature_of_another_size_is_refused() {
    let (_folder, mut helper) = helper(|connection, _| {
        send(connection, &Reply::Output(CardOutput::Signature(vec![0; 63]))).unwrap();
    });
    let contents = found::contents(card()).unwrap();
    let outcome = helper.perform(&contents, Pin::None, sign(), soon());
    assert!(matches!(outcome, Err(CardError::Malformed(_))));
}
