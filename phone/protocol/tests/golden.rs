//! The sessions that docs/phone-protocol.md shows, written by both ends, and read again with snow and nothing else.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use blake2::{Blake2s256, Digest};
use claviger_phone_protocol::{Command, Errand, Mechanics, Method, Notice, PairingUri, Reply, StaticKey};
use claviger_token::{Mechanism, Parameters};
use common::raw::{KK, Recipe, XX, XXPSK0, prologue, quoted, read, unseal, write};
use common::{Link, Owner, Writer, host, host_key, offer, pairing_host, phone_key};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use snow::TransportState;

/// What a session is explained with.
struct Explained {
    text: String,
    /// The lines of the session that are still to be explained.
    lines: std::vec::IntoIter<(Writer, String)>,
}

/// The two ends' view of a channel: each reads what the other wrote.
struct Ends {
    host: TransportState,
    phone: TransportState,
}

/// What is known before a handshake.
struct Known {
    protocol: &'static str,
    hello: String,
    uid: &'static str,
    host: StaticKey,
    phone: StaticKey,
    psk: Option<[u8; 32]>,
    /// Where the counting bytes of either end stand.
    ephemerals: (u8, u8),
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// 32 bytes that count on from a start, as the ends draw them.
fn counting(start: u8) -> [u8; 32] {
    std::array::from_fn(|place| start.wrapping_add(u8::try_from(place).unwrap()))
}

impl Explained {
    fn new(link: &Link) -> Self {
        Self { text: String::new(), lines: link.transcript.clone().into_iter() }
    }

    fn say(&mut self, name: &str, value: &str) {
        writeln!(self.text, "{name:<24} {value}").unwrap();
    }

    /// Copies the next line of the session, which must be that end's.
    fn line(&mut self, writer: Writer) -> String {
        let (who, line) = self.lines.next().expect("the session goes on");
        assert_eq!(who, writer, "{line}");
        let mark = if who == Writer::Host { 'H' } else { 'P' };
        writeln!(self.text, "{mark} {line}").unwrap();
        line
    }

    fn lines(&mut self, writer: Writer, wanted: &[&str]) {
        wanted.iter().for_each(|wanted| assert_eq!(self.line(writer), *wanted));
    }

    fn opening(&mut self) {
        self.lines(Writer::Host, &["ATE0"]);
        self.lines(Writer::Phone, &["OK"]);
        self.lines(Writer::Host, &["AT+CKVER?"]);
        self.lines(Writer::Phone, &["+CKVER: 1", "OK"]);
    }

    /// Does a handshake again with what is known, and holds that the ends wrote the same.
    fn handshake(&mut self, known: &Known) -> (Ends, Vec<u8>) {
        let Known { protocol, hello, uid, host, phone, psk, ephemerals } = known;
        let mutual = *protocol == KK;
        let prologue = prologue("1", "1", hello, uid);
        let recipe = |own, peer: &StaticKey, ephemeral| Recipe {
            protocol,
            prologue: prologue.clone(),
            own,
            peer: mutual.then(|| *peer.public().as_bytes()),
            psk: *psk,
            ephemeral: Some(counting(ephemeral)),
        };
        let mut initiator = recipe(host, phone, ephemerals.0).build(true);
        let mut responder = recipe(phone, host, ephemerals.1).build(false);
        self.say("protocol", protocol);
        self.say("prologue", &hex(&prologue));
        self.say("host's ephemeral key", &hex(&counting(ephemerals.0)));
        self.say("phone's ephemeral key", &hex(&counting(ephemerals.1)));
        let first = write(&mut initiator);
        read(&mut responder, &first);
        self.lines(Writer::Host, &[&format!("AT+CKHS=\"{hello}\",\"{first}\",1")]);
        let second = write(&mut responder);
        read(&mut initiator, &second);
        self.lines(Writer::Phone, &[&format!("+CKHS: \"{second}\""), "OK"]);
        if !mutual {
            let third = write(&mut initiator);
            read(&mut responder, &third);
            self.lines(Writer::Host, &[&format!("AT+CKHS=\"{hello}\",\"{third}\",1")]);
            self.lines(Writer::Phone, &["OK"]);
        }
        let hash = initiator.get_handshake_hash().to_vec();
        self.say("handshake hash", &hex(&hash));
        let (host, phone) =
            (initiator.into_transport_mode().unwrap(), responder.into_transport_mode().unwrap());
        (Ends { host, phone }, hash)
    }

    /// Copies the host's next frame, and says what is in it.
    fn host_says(&mut self, ends: &mut Ends) -> String {
        let line = self.line(Writer::Host);
        let text = message(&mut ends.phone, &line, "AT+CKX=0");
        self.inside('h', &text);
        text
    }

    /// Copies the phone's `OK` to a frame.
    fn taken(&mut self) {
        self.lines(Writer::Phone, &["OK"]);
    }

    fn phone_says(&mut self, ends: &mut Ends) -> String {
        let line = self.line(Writer::Phone);
        let text = message(&mut ends.host, &line, "+CKX: 0");
        self.inside('p', &text);
        text
    }

    fn inside(&mut self, mark: char, text: &str) {
        text.split("\r\n").for_each(|line| writeln!(self.text, "{mark} {line}").unwrap());
    }

    /// One request of the host and its answer.
    fn exchange(&mut self, ends: &mut Ends) -> (String, String) {
        let request = self.host_says(ends);
        self.taken();
        (request, self.phone_says(ends))
    }

    /// Holds that this is what the file says; what was written instead lies beside the build.
    fn compare(mut self, name: &str) {
        assert_eq!(self.lines.next(), None, "the session goes on");
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&written, &self.text).unwrap();
        let golden = fs::read_to_string(&golden).unwrap_or_default();
        assert!(golden == self.text, "{name} is not as golden; see {}", written.display());
    }
}

fn message(noise: &mut TransportState, line: &str, head: &str) -> String {
    let plain = unseal(noise, &quoted(line, head));
    assert_eq!(plain[0], 0, "a single frame");
    String::from_utf8(plain[1..].to_vec()).unwrap()
}

fn known_session(hello: String, ephemerals: (u8, u8), host: StaticKey) -> Known {
    Known { protocol: KK, hello, uid: "1000", host, phone: phone_key(), psk: None, ephemerals }
}

#[test]
fn a_session() {
    let mut link = Link::new(host(), Owner::default());
    link.run();
    let with = Mechanics {
        key: "k1".to_owned(),
        mechanism: Mechanism::EcdsaSha256,
        parameters: Parameters::default(),
    };
    let [user, application, purpose] = ["alice", "/usr/bin/ssh", "sign"].map(str::to_owned);
    let errand = Errand { user, application, purpose };
    link.owner.reply = |_| Ok(Reply::Signature(b"a signature".to_vec()));
    link.host.request(Command::Sign { with, data: b"abc".to_vec(), errand }).unwrap();
    link.run();
    link.phone.notify(&Notice::Pause(30)).unwrap();
    link.run();
    link.host.bye("suspend");
    link.run();

    let mut session = Explained::new(&link);
    session.say("host's static key", &hex(host_key().expose()));
    session.say("phone's static key", &hex(phone_key().expose()));
    session.say("host's public key", &hex(host_key().public().as_bytes()));
    session.say("phone's public key", &hex(phone_key().public().as_bytes()));
    session.opening();
    let known = known_session(common::PAIRING.to_string(), (0x40, 0x80), host_key());
    let (mut ends, _) = session.handshake(&known);
    let (ping, pong) = session.exchange(&mut ends);
    assert_eq!(ping, "AT+CKPING=\"3030B131B232B333\"");
    assert_eq!(pong, "+CKPING: \"3030B131B232B333\"\r\nOK");
    let (request, _) = session.exchange(&mut ends);
    assert!(request.starts_with("AT+CKSIGN="));
    assert_eq!(session.phone_says(&mut ends), "+CKPAUSE: 30");
    assert_eq!(session.host_says(&mut ends), "AT+CKBYE=\"suspend\"");
    session.taken();
    session.compare("session.txt");
}

#[test]
fn a_pairing_by_uri() {
    let made = offer(Method::Uri);
    let uri = made.uri().unwrap();
    let text = uri.to_text();
    let owner = Owner { known: Vec::new(), uri: text.parse::<PairingUri>().ok(), ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Uri), owner);
    link.run();

    let mut session = Explained::new(&link);
    session.say("URI", &text);
    let secret = text.split("s=").nth(1).unwrap().split('&').next().unwrap();
    let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).unwrap();
    let psk: [u8; 32] =
        Blake2s256::new_with_prefix(b"claviger pair psk").chain_update(&secret).finalize().into();
    // The offer draws its id first and its key behind that.
    let key = StaticKey::from_bytes(&counting(0x11));
    assert_eq!(uri.key_hash, <[u8; 32]>::from(Blake2s256::digest(key.public().as_bytes())));
    session.say("one-time secret", &hex(&secret));
    session.say("pre-shared key", &hex(&psk));
    session.say("host's static key", &hex(key.expose()));
    session.say("host's public key", &hex(key.public().as_bytes()));
    session.say("phone's static key", &hex(phone_key().expose()));
    session.opening();
    let known = Known {
        protocol: XXPSK0,
        hello: format!("uri:{}", made.pairing),
        uid: "1000",
        host: key.clone(),
        phone: phone_key(),
        psk: Some(psk),
        ephemerals: (0x40, 0x80),
    };
    let (mut ends, _) = session.handshake(&known);
    let (asked, _) = session.exchange(&mut ends);
    assert_eq!(asked, "AT+CKPAIR=\"desk\",\"alice\",1000");
    let (mut ends, _) = session.handshake(&known_session(made.pairing.to_string(), (0x60, 0xa0), key));
    session.exchange(&mut ends);
    session.compare("pairing-by-uri.txt");
}

#[test]
fn a_pairing_by_numbers() {
    let made = offer(Method::Numbers);
    let owner = Owner { known: Vec::new(), numbers: true, ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Numbers), owner);
    link.run();
    link.host.confirm(true);
    link.run();

    let mut session = Explained::new(&link);
    let key = StaticKey::from_bytes(&counting(0x11));
    session.say("host's static key", &hex(key.expose()));
    session.say("phone's static key", &hex(phone_key().expose()));
    session.opening();
    let known = Known {
        protocol: XX,
        hello: format!("numbers:{}", made.pairing),
        uid: "",
        host: key.clone(),
        phone: phone_key(),
        psk: None,
        ephemerals: (0x40, 0x80),
    };
    let (mut ends, hash) = session.handshake(&known);
    let (hosts, phones) = (counting(0x60), counting(0xa0));
    session.say("phone's nonce", &hex(&phones));
    let commitment =
        Blake2s256::new_with_prefix(b"claviger sas commit").chain_update(&hash).chain_update(phones);
    session.say("commitment", &hex(&commitment.finalize()));
    session.exchange(&mut ends);
    session.say("host's nonce", &hex(&hosts));
    session.exchange(&mut ends);
    let code = Blake2s256::new_with_prefix(b"claviger sas code").chain_update(&hash);
    let code: [u8; 32] = code.chain_update(hosts).chain_update(phones).finalize().into();
    session.say("hash of the code", &hex(&code));
    let code = u64::from_be_bytes(code[..8].try_into().unwrap()) % 1_000_000;
    assert_eq!(link.codes, [format!("{code:06}")]);
    session.say("code", &link.codes[0]);
    session.exchange(&mut ends);
    let (mut ends, _) = session.handshake(&known_session(made.pairing.to_string(), (0x80, 0xc0), key));
    session.exchange(&mut ends);
    session.compare("pairing-by-numbers.txt");
}

#[test]
fn the_page_shows_what_the_ends_write() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../../docs/phone-protocol.md")).unwrap();
    for name in ["session.txt", "pairing-by-uri.txt", "pairing-by-numbers.txt", "messages.txt"] {
        let golden = fs::read_to_string(root.join("tests/golden").join(name)).unwrap();
        assert!(page.contains(&golden), "docs/phone-protocol.md does not show {name} as it is");
    }
}
