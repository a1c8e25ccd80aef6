use claviger_phone_protocol::{Change, Closed, Command, Notice, Reply, Rv};
use claviger_token::{Algorithm, Mechanism, Secret, Spare};

use crate::agent::{Agent, YES};
use crate::computer::{Computer, check, errand, generate, sign, with};

#[test]
fn a_key_is_made_and_signs_with_a_yes_and_not_with_a_no() {
    let agent = Agent::start("[[rule]]\npurpose = 'login'\nanswer = 'refuse'\n[[rule]]\nanswer = 'approve'");
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    assert_eq!(key.label, "key 1");
    assert_eq!(computer.keys(), std::slice::from_ref(&key));
    computer.sign(&key);
    let refused = computer.ask(sign(&key, "login")).err().expect("it is refused");
    assert_eq!(refused.rv, Rv::FunctionRejected);
    assert_eq!(agent.outcomes(), ["pair: approved", "generate: approved", "sign: approved", "sign: refused"]);
    let log = agent.run(&["log"], b"");
    let text = String::from_utf8_lossy(&log.stdout);
    let line = text.lines().last().expect("a line");
    for word in
        ["laptop", "alice", "mail", "sign", "key 1", "ECDSA_SHA256", "login", "2cf24dba5fb0a30e", "refused"]
    {
        assert!(line.contains(word), "{word} is not in: {line}");
    }
}

#[test]
fn every_algorithm_does_what_it_can() {
    let agent = Agent::start(YES);
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    for (number, algorithm) in (1..).zip(Algorithm::ALL) {
        // Three of them show what there is to RSA, and they take long.
        if matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096) {
            continue;
        }
        let key = computer.generate(algorithm, number);
        if algorithm.default_signature().is_some() {
            computer.sign(&key);
        } else if algorithm == Algorithm::X25519 {
            let other = computer.generate(algorithm, 0x80 + number);
            let mut agree = |own: &claviger_phone_protocol::KeyEntry,
                             peer: &claviger_phone_protocol::KeyEntry| {
                let with = with(own, Some(Mechanism::Ecdh1Derive));
                let derive =
                    Command::Derive { with, peer: peer.public_key.clone(), errand: errand("derive") };
                match computer.ask(derive) {
                    Ok(Reply::SharedSecret(secret)) => secret.expose().to_vec(),
                    _ => panic!("there is no secret"),
                }
            };
            assert_eq!(agree(&key, &other), agree(&other, &key));
        } else {
            let (ciphertext, expected) = claviger_soft::encapsulate(&key.public_key).expect("a key");
            let with = with(&key, Some(Mechanism::MlKem));
            match computer.ask(Command::Decapsulate { with, ciphertext, errand: errand("decrypt") }) {
                Ok(Reply::SharedSecret(secret)) => assert_eq!(secret.expose(), expected.expose()),
                _ => panic!("there is no secret"),
            }
        }
    }
}

#[test]
fn what_needs_no_private_key_is_not_asked_about() {
    let agent = Agent::start(
        "[[rule]]\noperation = 'generate'\nanswer = 'approve'\n[[rule]]\noperation = 'pair'\nanswer = 'approve'\n\
                              [[rule]]\noperation = 'sign'\nanswer = 'approve'",
    );
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::Rsa2048, 1);
    let plaintext = Secret::new(b"secret".to_vec());
    let with = || with(&key, Some(Mechanism::RsaPkcsOaep));
    let Ok(Reply::Ciphertext(ciphertext)) = computer.ask(Command::Encrypt { with: with(), plaintext }) else {
        panic!("there is no ciphertext")
    };
    let refused = computer.ask(Command::Decrypt { with: with(), ciphertext, errand: errand("decrypt") });
    assert_eq!(refused.err().expect("it is refused").rv, Rv::FunctionRejected);
    let Ok(Reply::Random(random)) = computer.ask(Command::Random { length: 64 }) else { panic!("no bytes") };
    assert_eq!(random.expose().len(), 64);
    let digest = Command::Digest { hash: claviger_token::Hash::Sha256, data: b"abc".to_vec() };
    assert!(matches!(computer.ask(digest), Ok(Reply::Digest(digest)) if digest[..2] == [0xba, 0x78]));
    let Ok(Reply::Signature(signature)) = computer.ask(sign(&key, "sign")) else { panic!("no signature") };
    check(&key, &signature);
    let mut verify = |data: &[u8]| {
        let with = crate::computer::with(&key, Some(Mechanism::Sha256RsaPkcs));
        computer.ask(Command::Verify { with, data: data.to_vec(), signature: signature.clone() })
    };
    assert!(verify(b"hello").is_ok());
    assert_eq!(verify(b"Hello").err().expect("it is another's").rv, Rv::SignatureInvalid);
}

#[test]
fn a_key_is_taken_over_certified_and_erased() {
    let agent = Agent::start(YES);
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let signer = computer.generate(Algorithm::Ed25519, 1);
    let certify = |certificates| Command::Certify {
        key: signer.reference.clone(),
        certificates,
        errand: errand("certify"),
    };
    assert!(computer.ask(certify(vec![vec![0x30, 0x00], vec![1; 3000]])).is_ok());
    let certificates = Command::Certificates { key: signer.reference.clone() };
    let Ok(Reply::Certificates(chain)) = computer.ask(certificates) else { panic!("no certificates") };
    assert_eq!(chain, [vec![0x30, 0x00], vec![1; 3000]]);
    computer.sign(&signer);
    let again = computer.ask(generate(Algorithm::P256, 1)).err().expect("the id is taken");
    assert_eq!(again.rv, Rv::DataInvalid);
    let delete = Command::Delete { key: signer.reference.clone(), errand: errand("delete") };
    assert!(computer.ask(delete).is_ok());
    assert_eq!(computer.keys(), []);
    let gone = computer.ask(sign(&signer, "sign")).err().expect("it is gone");
    assert_eq!(gone.rv, Rv::KeyHandleInvalid);
    let junk = Command::Import {
        private_key: Secret::new(b"no key".to_vec()),
        new: claviger_phone_protocol::NewKey {
            id: claviger_token::KeyId::from_bytes([9; 16]),
            label: String::new(),
        },
        errand: errand("import"),
    };
    assert_eq!(computer.ask(junk).err().expect("it is none").rv, Rv::DataInvalid);
}

#[test]
fn two_computers_use_the_same_keys_at_once() {
    let agent = Agent::start(YES);
    let (mut one, _) = Computer::paired(&agent, "laptop");
    let (mut two, _) = Computer::paired(&agent, "desk");
    let key = one.generate(Algorithm::P256, 1);
    assert_eq!(two.notice(), Notice::Changed(Change::Keys));
    assert_eq!(two.keys(), std::slice::from_ref(&key));
    for _ in 0..3 {
        let (first, second) = (one.begin(sign(&key, "sign")), two.begin(sign(&key, "sign")));
        assert_eq!((one.answer().0, two.answer().0), (first, second));
    }
}

#[test]
fn many_requests_are_in_flight_and_each_is_answered_once() {
    let agent = Agent::start(YES);
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    let mut pending: Vec<_> = (0..50).map(|_| computer.begin(sign(&key, "sign"))).collect();
    while !pending.is_empty() {
        let (id, outcome) = computer.answer();
        let Ok(Reply::Signature(signature)) = outcome else { panic!("no signature") };
        check(&key, &signature);
        let place = pending.iter().position(|pending| *pending == id).expect("it was asked and not answered");
        pending.remove(place);
    }
}

#[test]
fn the_newest_stream_of_a_computer_wins() {
    let agent = Agent::start(YES);
    let (mut first, pairing) = Computer::paired(&agent, "laptop");
    let mut second = Computer::connected(&agent, &pairing.known);
    assert!(matches!(first.closed(), Closed::Bye(_)));
    assert_eq!(second.keys(), []);
}

#[test]
fn after_its_logout_a_computer_must_log_in() {
    let agent = Agent::start(YES);
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    assert!(computer.ask(Command::Logout).is_ok());
    let locked = computer.ask(sign(&key, "sign")).err().expect("it is logged out");
    assert_eq!(locked.rv, Rv::UserNotLoggedIn);
    let login = |secret: Option<&[u8]>| Command::Login {
        secret: secret.map(|secret| Secret::new(secret.to_vec())),
        spare: Spare::Last,
        errand: errand("unlock"),
    };
    assert!(computer.ask(login(None)).is_ok());
    computer.sign(&key);
    // The secret itself, where the rules let it.
    assert!(agent.run(&["lock"], b"").status.success());
    for _ in 0..3 {
        let wrong = computer.ask(login(Some(b"wrong"))).err().expect("it is wrong");
        assert_eq!(wrong.rv, Rv::PinIncorrect);
    }
    let enough = computer.ask(login(Some(b"correct horse"))).err().expect("it guessed too often");
    assert_eq!(enough.rv, Rv::PinLocked);
}

#[test]
fn rules_that_let_no_computer_in_again_do_not_let_it_in_by_a_login() {
    let rules = "[[rule]]\noperation = 'unlock'\nanswer = 'refuse'\n[[rule]]\nanswer = 'approve'\n";
    let agent = Agent::start(rules);
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    assert!(computer.ask(sign(&key, "login")).is_ok(), "it is in");
    assert!(computer.ask(Command::Logout).is_ok());
    let refused = computer.ask(sign(&key, "login")).err().expect("the rules say no");
    assert_eq!(refused.rv, Rv::FunctionRejected);
    let locked = computer.ask(sign(&key, "sign")).err().expect("it is logged out");
    assert_eq!(locked.rv, Rv::UserNotLoggedIn);
}

#[test]
fn locked_keys_are_unlocked_by_the_person_and_hosts_are_told() {
    let agent = Agent::start(YES);
    let (mut computer, _) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    assert!(agent.run(&["lock"], b"").status.success());
    while computer.notice() != Notice::Changed(Change::Locked) {}
    let locked = computer.ask(sign(&key, "sign")).err().expect("it is locked");
    assert_eq!(locked.rv, Rv::UserNotLoggedIn);
    let wrong = agent.run(&["unlock", "--passphrase-file", "-"], b"wrong\n");
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert!(agent.run(&["unlock", "--passphrase-file", "-"], b"correct horse\n").status.success());
    while computer.notice() != Notice::Changed(Change::Unlocked) {}
    computer.sign(&key);
}

#[test]
fn junk_ends_its_own_stream_and_nothing_else() {
    let agent = Agent::start(YES);
    let (mut computer, pairing) = Computer::paired(&agent, "laptop");
    let key = computer.generate(Algorithm::P256, 1);
    let (mut other, _) = Computer::paired(&agent, "desk");
    let long = [&b"AT+CKX=0,\""[..], &vec![b'A'; 40_000], b"\"\r"].concat();
    for junk in [&b"AT+CKX=0,\"AAAA\"\r"[..], b"AT+CKX=0,\"***\"\r", &long] {
        computer.write(junk);
        computer.closed();
        computer = Computer::connected(&agent, &pairing.known);
    }
    other.sign(&key);
    computer.sign(&key);
}
