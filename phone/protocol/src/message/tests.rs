#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;

use claviger_token::{
    Algorithm, Capabilities, Errand, Hash, Kdf, KeyId, Mechanism, Parameters, Secret, Spare, Usage,
};

use super::{FromHost, FromPhone, Verb};
use crate::pairing::{Commitment, HostStep, Nonce, PhoneStep};
use crate::{
    Answer, Change, Command, DATA_LIMIT, Failure, Info, KeyEntry, Mechanics, NewKey, Notice, Reply, Request,
    RequestId, Rv, Terms,
};

/// One message after the other, with an empty line between; `docs/phone-protocol.md` shows the same.
const GOLDEN: &str = include_str!("../../tests/golden/messages.txt");

const ID: RequestId = RequestId::new(0x20a1_b2c3_d4e5_f607);

fn errand() -> Errand {
    let [user, application, purpose] = ["alice", "/usr/bin/ssh", "sign"].map(str::to_owned);
    Errand { user, application, purpose }
}

fn with(mechanism: Mechanism, parameters: Parameters) -> Mechanics {
    Mechanics { key: "k1".to_owned(), mechanism, parameters }
}

fn new_key() -> NewKey {
    NewKey { id: KeyId::from_bytes([0xab; 16]), label: "Alice's \"key\"".to_owned() }
}

fn commands() -> Vec<Command> {
    let key = || "k1".to_owned();
    let pss = Parameters { hash: Some(Hash::Sha256), salt_length: Some(32), ..Parameters::default() };
    let oaep =
        Parameters { hash: Some(Hash::Sha256), label: Some(b"label".to_vec()), ..Parameters::default() };
    let ecdh = Parameters { kdf: Some(Kdf::Null), ..Parameters::default() };
    let none = Parameters::default;
    vec![
        Command::Info,
        Command::Find,
        Command::Attributes { key: key() },
        Command::Generate { algorithm: Algorithm::P256, new: new_key(), errand: errand() },
        Command::Import { private_key: Secret::new(vec![0x30, 0]), new: new_key(), errand: errand() },
        Command::Sign {
            with: with(Mechanism::EcdsaSha256, none()),
            data: b"data".to_vec(),
            errand: errand(),
        },
        Command::Sign { with: with(Mechanism::RsaPkcsPss, pss), data: vec![7; 32], errand: errand() },
        Command::Verify {
            with: with(Mechanism::EcdsaSha256, none()),
            data: b"data".to_vec(),
            signature: b"signature".to_vec(),
        },
        Command::Encrypt {
            with: with(Mechanism::RsaPkcsOaep, oaep.clone()),
            plaintext: Secret::new(b"plaintext".to_vec()),
        },
        Command::Decrypt {
            with: with(Mechanism::RsaPkcsOaep, oaep),
            ciphertext: b"ciphertext".to_vec(),
            errand: errand(),
        },
        Command::Derive { with: with(Mechanism::Ecdh1Derive, ecdh), peer: vec![9; 32], errand: errand() },
        Command::Decapsulate {
            with: with(Mechanism::MlKem, none()),
            ciphertext: b"encapsulated".to_vec(),
            errand: errand(),
        },
        Command::Random { length: 32 },
        Command::Digest { hash: Hash::Sha256, data: b"abc".to_vec() },
        Command::Certificates { key: key() },
        Command::Certify {
            key: key(),
            certificates: vec![vec![0x30, 0], vec![0x30, 1, 0]],
            errand: errand(),
        },
        Command::Delete { key: key(), errand: errand() },
        Command::Login {
            secret: Some(Secret::new(b"pass phrase".to_vec())),
            spare: Spare::Last,
            errand: errand(),
        },
        Command::Login { secret: None, spare: Spare::Nothing, errand: errand() },
        Command::Logout,
        Command::Ping,
        Command::Unpair,
    ]
}

fn key_entry() -> KeyEntry {
    KeyEntry {
        reference: "k1".to_owned(),
        id: Some(KeyId::from_bytes([0xab; 16])),
        label: "Zoë".to_owned(),
        algorithm: Algorithm::P256,
        usage: Usage { sign: true, decrypt: false, derive: true },
        public_key: b"public key".to_vec(),
    }
}

fn info() -> Info {
    let [label, manufacturer, model, serial] = ["Alice's phone", "Acme", "Two", ""].map(str::to_owned);
    let capabilities = Capabilities {
        mechanisms: BTreeSet::from([Mechanism::Ecdsa, Mechanism::Eddsa]),
        generates: BTreeSet::from([Algorithm::P256, Algorithm::Ed25519]),
        imports: BTreeSet::new(),
        erases: true,
        data_limit: DATA_LIMIT,
    };
    Info { label, manufacturer, model, serial, unlocked: true, asks_itself: true, capabilities }
}

fn replies() -> Vec<(Verb, Result<Reply, Failure>)> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
    let card = KeyEntry { id: None, reference: "piv 9a".to_owned(), ..key_entry() };
    let wrong = Failure { rv: Rv::PinIncorrect, text: "the secret is wrong".to_owned(), count: Some(2) };
    vec![
        (Verb::Info, Ok(Reply::Info(info()))),
        (Verb::Find, Ok(Reply::Keys(vec![key_entry(), card]))),
        (Verb::Attributes, Ok(Reply::Key(key_entry()))),
        (Verb::Generate, Ok(Reply::Key(key_entry()))),
        (Verb::Import, Ok(Reply::Key(key_entry()))),
        (Verb::Sign, Ok(Reply::Signature(bytes("signature")))),
        (Verb::Verify, Ok(Reply::Done)),
        (Verb::Encrypt, Ok(Reply::Ciphertext(bytes("ciphertext")))),
        (Verb::Decrypt, Ok(Reply::Plaintext(secret("plaintext")))),
        (Verb::Derive, Ok(Reply::SharedSecret(secret("shared secret")))),
        (Verb::Decapsulate, Ok(Reply::SharedSecret(secret("shared secret")))),
        (Verb::Random, Ok(Reply::Random(secret("random")))),
        (Verb::Digest, Ok(Reply::Digest(bytes("digest")))),
        (Verb::Certificates, Ok(Reply::Certificates(vec![vec![0x30, 0], vec![0x30, 1, 0]]))),
        (Verb::Certify, Ok(Reply::Done)),
        (Verb::Delete, Ok(Reply::Done)),
        (Verb::Login, Ok(Reply::Done)),
        (Verb::Logout, Ok(Reply::Done)),
        (Verb::Ping, Ok(Reply::Done)),
        (Verb::Unpair, Ok(Reply::Done)),
        (Verb::Sign, Err(Failure::new(Rv::FunctionRejected, "the person said no"))),
        (Verb::Login, Err(wrong)),
    ]
}

fn notices() -> [Notice; 5] {
    [
        Notice::Bye("shutdown".to_owned()),
        Notice::Pause(60),
        Notice::Changed(Change::Unlocked),
        Notice::Changed(Change::Locked),
        Notice::Changed(Change::Keys),
    ]
}

fn steps() -> Vec<String> {
    let nonce = Nonce::from_bytes(&[5; 32]).unwrap();
    let terms = Terms { host: "desk".to_owned(), user: "alice".to_owned(), uid: 1000 };
    let host =
        [HostStep::Begin, HostStep::Nonce(nonce), HostStep::Pair(terms), HostStep::Bye("no".to_owned())];
    let paired = PhoneStep::Paired { phone: "Alice's phone".to_owned(), model: "Two".to_owned() };
    let phone = [
        PhoneStep::Commitment(Commitment::to(&nonce, &[6; 32])),
        PhoneStep::Nonce(nonce),
        paired,
        PhoneStep::Declined(Failure::new(Rv::FunctionRejected, "the person said no")),
    ];
    let host = host.iter().map(|step| step.to_text().to_string());
    host.chain(phone.iter().map(|step| step.to_text().to_string())).collect()
}

fn written() -> Vec<String> {
    let requests = commands().into_iter().map(|command| Request { id: ID, command }.to_text());
    let host = [FromHost::cancel_text(ID), FromHost::bye_text("suspend")];
    let answers = replies().into_iter().map(|(verb, outcome)| Answer { id: ID, outcome }.to_text(verb));
    let notices = notices().map(|notice| notice.to_text());
    let all = requests.chain(host).chain(answers).chain(notices).map(|text| text.to_string());
    all.chain(steps()).collect()
}

#[test]
fn messages_are_written_as_the_page_shows_them() {
    let written = written().join("\n\n").replace("\r\n", "\n") + "\n";
    assert!(written == GOLDEN, "this was written:\n{written}");
}

#[test]
fn messages_are_read_as_what_they_were_written_from() {
    let mut golden = GOLDEN.trim_end().split("\n\n").map(|message| message.replace('\n', "\r\n"));
    for command in commands() {
        let text = golden.next().unwrap();
        let Ok(FromHost::Request(request)) = FromHost::from_text(&text) else { panic!("no request: {text}") };
        assert_eq!((request.id, Verb::of(&request.command)), (ID, Verb::of(&command)), "{text}");
        assert_eq!(*request.to_text(), text);
    }
    assert!(matches!(FromHost::from_text(&golden.next().unwrap()), Ok(FromHost::Cancel(ID))));
    assert!(
        matches!(FromHost::from_text(&golden.next().unwrap()), Ok(FromHost::Bye(reason)) if reason == "suspend")
    );
    for (verb, _) in replies() {
        let text = golden.next().unwrap();
        let Ok(FromPhone::Answer(answer)) = FromPhone::from_text(&text, |_| Some(verb)) else {
            panic!("no answer: {text}")
        };
        assert_eq!(*answer.to_text(verb), text);
    }
    for notice in notices() {
        let text = golden.next().unwrap();
        assert!(
            matches!(FromPhone::from_text(&text, |_| None), Ok(FromPhone::Notice(read)) if read == notice)
        );
    }
    assert_eq!(golden.by_ref().take(4).filter(|text| HostStep::from_text(text).is_ok()).count(), 4);
    assert!(PhoneStep::commitment(&golden.next().unwrap()).is_ok());
    assert!(PhoneStep::nonce(&golden.next().unwrap()).is_ok());
    assert_eq!(PhoneStep::names(&golden.next().unwrap()).unwrap().0, "Alice's phone");
    assert!(PhoneStep::names(&golden.next().unwrap()).is_err());
    assert_eq!(golden.next(), None);
}

#[test]
fn what_was_read_is_what_was_meant() {
    let text = Request { id: ID, command: commands().swap_remove(6) }.to_text();
    let Ok(FromHost::Request(Request { command: Command::Sign { with, data, errand: for_whom }, .. })) =
        FromHost::from_text(&text)
    else {
        panic!("no signature")
    };
    assert_eq!((with.mechanism, with.parameters.salt_length), (Mechanism::RsaPkcsPss, Some(32)));
    assert_eq!((data, for_whom), (vec![7; 32], errand()));
    let text = Answer { id: ID, outcome: Ok(Reply::Info(info())) }.to_text(Verb::Info);
    let read = FromPhone::from_text(&text, |_| Some(Verb::Info));
    assert!(
        matches!(read, Ok(FromPhone::Answer(Answer { outcome: Ok(Reply::Info(read)), .. })) if read == info())
    );
}

/// Returns the number that a bad command is answered with.
fn refused(text: &str) -> u64 {
    match FromHost::from_text(text) {
        Ok(FromHost::Refused(id, failure)) => {
            assert_eq!(id, ID);
            failure.rv.number()
        }
        Ok(FromHost::Request(_) | FromHost::Cancel(_) | FromHost::Bye(_)) | Err(_) => panic!("{text}"),
    }
}

#[test]
fn a_bad_command_with_a_good_id_is_answered() {
    let id = ID.to_string();
    for (rest, number) in [
        (r#"AT+CKFLY="ID""#, 0x54),
        (r#"AT+CKPING="ID",1"#, 0x07),
        (r#"AT+CKATTR="ID""#, 0x07),
        (r#"AT+CKATTR="ID","""#, 0x07),
        (r#"AT+CKATTR="ID","a\22b""#, 0x07),
        (r#"AT+CKGEN="ID","DSA","","","","","""#, 0x62),
        (r#"AT+CKGEN="ID","P-256","12","label","","","""#, 0x07),
        (r#"AT+CKSIGN="ID","k1",0,"","","","","""#, 0x70),
        (r#"AT+CKSIGN="ID","k1",4161,"speed=1","","","","""#, 0x71),
        (r#"AT+CKSIGN="ID","k1",4161,"","Q","","","""#, 0x07),
        (r#"AT+CKDIG="ID",1,"""#, 0x70),
        (r#"AT+CKRND="ID",1048577"#, 0x21),
        (r#"AT+CKLOGIN="ID",3,"","","""#, 0x07),
    ] {
        assert_eq!(refused(&rest.replace("ID", &id)), number, "{rest}");
    }
}

#[test]
fn what_has_no_id_is_no_command_at_all() {
    for text in [
        "",
        "PING",
        "AT",
        "AT+CKPING",
        "AT+CKPING?",
        "AT+CKPING=",
        "AT+CKPING=1",
        r#"AT+CKPING="1""#,
        r#"AT+CKPING="20a1b2c3d4e5f60""#,
        r#"AT+CKPING="+0a1b2c3d4e5f607""#,
        r#"AT+CKPING="20a1b2c3d4e5f6071""#,
        r#"AT+CKCAN="x""#,
        "AT+CKBYE=1",
    ] {
        assert!(FromHost::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn an_answer_that_is_wrong_in_itself_is_the_phones_fault_and_no_others() {
    let read =
        |text: &str, verb| match FromPhone::from_text(&text.replace("ID", &ID.to_string()), |_| Some(verb)) {
            Ok(FromPhone::Answer(Answer { outcome, .. })) => outcome.err().map(|failure| failure.rv),
            Ok(FromPhone::Notice(_) | FromPhone::Unknown) | Err(_) => None,
        };
    for (text, verb) in [
        ("+CKSIGN: \"ID\"\r\nOK", Verb::Sign),
        ("+CKSIGN: \"ID\",\"Q\"\r\nOK", Verb::Sign),
        ("+CKSIGN: \"ID\",\"\"\r\n+X: 1\r\nOK", Verb::Sign),
        ("+CKFIND: \"ID\",1\r\nOK", Verb::Find),
        ("+CKFIND: \"ID\",1\r\n+CKX: 1\r\nOK", Verb::Find),
        ("+CKINFO: \"ID\",\"\",\"\",\"\",\"\",0,0\r\n+CKMECH: \r\n+CKGENS: \r\nOK", Verb::Info),
        ("+CKGEN: \"ID\",\"k\",\"\",\"\",\"DSA\",1,\"\"\r\nOK", Verb::Generate),
    ] {
        assert_eq!(read(text, verb), Some(Rv::DeviceError), "{text}");
    }
    for (text, verb) in [
        ("+CKSIGN: \"ID\",\"\"\r\nERROR", Verb::Sign),
        ("+CKE: \"ID\",5,\"\"\r\nOK", Verb::Sign),
        ("+CKSIGN: \"ID\",\"\"\r\nOK", Verb::Decrypt),
        ("+CKSIGN: \"ID\",\"\"\r\nMAYBE", Verb::Sign),
        ("OK", Verb::Sign),
        ("", Verb::Sign),
    ] {
        let read = FromPhone::from_text(&text.replace("ID", &ID.to_string()), |_| Some(verb));
        assert!(read.is_err(), "{text}");
    }
    let nobodys = FromPhone::from_text("+CKPING: \"20A1B2C3D4E5F607\"\r\nOK", |_| None);
    assert!(nobodys.is_err(), "an answer that belongs to no request");
}

#[test]
fn what_a_younger_phone_says_is_passed_over() {
    let read = |text: &str| FromPhone::from_text(text, |_| Some(Verb::Find));
    assert!(matches!(read("+CKNEW: 1"), Ok(FromPhone::Unknown)));
    assert!(matches!(read("+CKCHG: \"colour\""), Ok(FromPhone::Unknown)));
    let text = format!("+CKFIND: \"{ID}\",1\r\n+CKKEY: \"k\",\"\",\"\",\"FN-DSA-512\",1,\"\"\r\nOK");
    let Ok(FromPhone::Answer(Answer { outcome: Ok(Reply::Keys(keys)), .. })) = read(&text) else {
        panic!("no keys")
    };
    assert_eq!(keys, []);
}

#[test]
fn what_a_person_reads_arrives_without_what_could_deceive() {
    let mut command = commands().swap_remove(5);
    if let Command::Sign { errand, .. } = &mut command {
        errand.application = format!("ssh\u{202e}\u{1b}[2J\r\n{}", "é".repeat(200));
    }
    let text = Request { id: ID, command }.to_text();
    let Ok(FromHost::Request(Request { command: Command::Sign { errand, .. }, .. })) =
        FromHost::from_text(&text)
    else {
        panic!("no signature")
    };
    assert!(errand.application.starts_with("ssh[2Jé") && errand.application.len() <= Errand::TEXT_LIMIT);
}
