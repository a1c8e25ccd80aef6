//! Who must not be paired: somebody in between, somebody with another secret, somebody who takes a version away.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use blake2::{Blake2s256, Digest};
use claviger_phone_protocol::host::{self, Host};
use claviger_phone_protocol::phone::{self, Phone};
use claviger_phone_protocol::{
    Closed, Hello, Method, Offer, PairingUri, Refusal, StaticKey, SystemRandomness,
};
use common::raw::{Recipe, XX, prologue, quoted, read, seal, unseal, write};
use common::{Counting, Link, Owner, host as connecting_host, offer, pairing_host, phone, phone_key, terms};
use data_encoding::BASE64;
use snow::TransportState;

fn at_host(host: &mut Host, bytes: &str) -> Vec<host::Event> {
    host.receive(bytes.as_bytes());
    std::iter::from_fn(|| host.event()).collect()
}

fn at_phone(phone: &mut Phone, bytes: &str) -> Vec<phone::Event> {
    phone.receive(bytes.as_bytes());
    let mut events = Vec::new();
    while let Some(event) = phone.event() {
        if matches!(event, phone::Event::Hello(Hello::Numbers(_))) {
            phone.pair_by_numbers(phone_key());
        }
        events.push(event);
    }
    events
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Somebody between the two who has shaken hands with both, under a key of her own.
struct Between {
    host: Host,
    phone: Phone,
    /// Her channel with the host, and with the phone.
    with_host: TransportState,
    with_phone: TransportState,
    /// The hash of her handshake with the host.
    hash: Vec<u8>,
}

impl Between {
    fn new() -> Self {
        let mallory = StaticKey::generate(&mut SystemRandomness).unwrap();
        let (mut host, mut phone) = (pairing_host(Method::Numbers), phone());
        let hello = Hello::Numbers(offer(Method::Numbers).pairing).to_string();
        let recipe = Recipe {
            protocol: XX,
            prologue: prologue("1", "1", &hello, ""),
            own: &mallory,
            peer: None,
            psk: None,
            ephemeral: None,
        };
        // As a phone towards the host.
        host.output();
        at_host(&mut host, "OK\r\n+CKVER: 1\r\nOK\r\n");
        let mut noise = recipe.build(false);
        read(&mut noise, &quoted(&text(host.output()), "AT+CKHS"));
        at_host(&mut host, &format!("+CKHS: \"{}\"\r\nOK\r\n", write(&mut noise)));
        read(&mut noise, &quoted(&text(host.output()), "AT+CKHS"));
        at_host(&mut host, "OK\r\n");
        let hash = noise.get_handshake_hash().to_vec();
        let with_host = noise.into_transport_mode().unwrap();
        // As a host towards the phone.
        let mut noise = recipe.build(true);
        at_phone(&mut phone, &format!("AT+CKHS=\"{hello}\",\"{}\",1\r", write(&mut noise)));
        read(&mut noise, &quoted(&text(phone.output()), "+CKHS"));
        at_phone(&mut phone, &format!("AT+CKHS=\"{hello}\",\"{}\",1\r", write(&mut noise)));
        phone.output();
        Self { host, phone, with_host, with_phone: noise.into_transport_mode().unwrap(), hash }
    }

    /// Takes what the host says in its channel.
    fn host_says(&mut self) -> Vec<u8> {
        unseal(&mut self.with_host, &quoted(&text(self.host.output()), "AT+CKX"))[1..].to_vec()
    }

    fn phone_says(&mut self) -> Vec<u8> {
        unseal(&mut self.with_phone, &quoted(&text(self.phone.output()), "+CKX"))[1..].to_vec()
    }

    fn give_host(&mut self, message: &[u8]) -> Vec<host::Event> {
        let line = format!("OK\r\n+CKX: 0,\"{}\"\r\n", seal(&mut self.with_host, 0, message));
        at_host(&mut self.host, &line)
    }

    fn give_phone(&mut self, message: &[u8]) -> Vec<phone::Event> {
        let line = format!("AT+CKX=0,\"{}\"\r", seal(&mut self.with_phone, 0, message));
        at_phone(&mut self.phone, &line)
    }
}

#[test]
fn somebody_between_who_relays_is_caught_by_the_commitment() {
    let mut between = Between::new();
    let begin = between.host_says();
    between.give_phone(&begin);
    let commitment = between.phone_says();
    between.give_host(&commitment);
    let nonce = between.host_says();
    let shown = between.give_phone(&nonce);
    assert!(matches!(shown[..], [phone::Event::Compare(_)]));
    let nonce = between.phone_says();
    let events = between.give_host(&nonce);
    assert!(
        matches!(events[..], [host::Event::Closed(Closed::Malformed(_))]),
        "the commitment is to another handshake"
    );
}

#[test]
fn somebody_between_who_plays_both_parts_makes_the_codes_differ() {
    let mut differing = 0;
    for number in 0..8 {
        let mut between = Between::new();
        let hers = [number; 32];
        // Towards the host: a commitment of her own, made as the page says.
        assert_eq!(between.host_says(), b"AT+CKSAS=0");
        let commitment = Blake2s256::new_with_prefix(b"claviger sas commit").chain_update(&between.hash);
        let commitment = commitment.chain_update(hers).finalize();
        between.give_host(format!("+CKSAS: \"{}\"\r\nOK", BASE64.encode(&commitment)).as_bytes());
        between.host_says();
        let shown = between.give_host(format!("+CKSAS: \"{}\"\r\nOK", BASE64.encode(&hers)).as_bytes());
        let [host::Event::Compare(at_host)] = shown[..] else { panic!("the host shows no code") };
        // Towards the phone: a nonce of her own.
        between.give_phone(b"AT+CKSAS=0");
        between.phone_says();
        let shown = between.give_phone(format!("AT+CKSAS=\"{}\"", BASE64.encode(&hers)).as_bytes());
        let [phone::Event::Compare(at_phone)] = shown[..] else { panic!("the phone shows no code") };
        differing += usize::from(at_host != at_phone);
    }
    assert!(differing >= 7, "one in a million may be the same");
}

#[test]
fn a_host_that_asks_before_the_numbers_were_made_is_not_heard() {
    let mut between = Between::new();
    let events = between.give_phone(b"AT+CKPAIR=\"desk\",\"alice\",1000");
    assert!(matches!(events[..], [phone::Event::Closed(Closed::Malformed(_))]));
    let mut between = Between::new();
    between.give_phone(b"AT+CKSAS=0");
    let events = between.give_phone(b"AT+CKPING=\"0000000000000001\"");
    assert!(matches!(events[..], [phone::Event::Closed(Closed::Malformed(_))]), "nothing else is done there");
}

/// Pairs by a URI that was changed on its way.
fn pair_with(change: impl FnOnce(&mut PairingUri)) -> (Vec<String>, Vec<String>) {
    let mut uri = offer(Method::Uri).uri().unwrap();
    change(&mut uri);
    let owner = Owner { known: Vec::new(), uri: Some(uri), ..Owner::default() };
    let mut link = Link::new(pairing_host(Method::Uri), owner);
    link.run();
    assert!(link.granted.is_none());
    (link.host_events(), link.phone_events())
}

#[test]
fn another_secret_pairs_nothing() {
    let other = Offer::new(Method::Uri, terms(), &mut Counting(0x99)).unwrap().uri().unwrap();
    let (host, phone) = pair_with(|uri| uri.secret = other.secret.clone());
    assert_eq!(host, ["closed Refused(HandshakeFailed)"]);
    assert_eq!(phone[1], "closed Forged");
}

#[test]
fn a_key_that_the_uri_did_not_promise_pairs_nothing() {
    let (host, phone) = pair_with(|uri| uri.key_hash[31] ^= 1);
    assert_eq!(host, ["closed Refused(HandshakeFailed)"]);
    assert_eq!(phone[1], "closed WrongKey");
}

#[test]
fn another_user_than_the_uris_pairs_nothing() {
    let (host, phone) = pair_with(|uri| uri.uid = 0);
    assert_eq!(host, ["closed Refused(HandshakeFailed)"]);
    assert_eq!(phone[1], "closed Forged");
}

#[test]
fn a_handshake_to_pair_that_is_wrong_is_answered_by_one_line() {
    let mut uri = offer(Method::Uri).uri().unwrap();
    uri.secret = Offer::new(Method::Uri, terms(), &mut Counting(0x99)).unwrap().uri().unwrap().secret;
    for (errors, wanted) in [("AT+CMEE=1\r", "+CME ERROR: 100"), ("AT+CMEE=0\r", "ERROR")] {
        let mut host = pairing_host(Method::Uri);
        host.output();
        at_host(&mut host, "OK\r\n+CKVER: 1\r\nOK\r\n");
        let mut phone = phone();
        phone.receive(errors.as_bytes());
        phone.receive(&host.output());
        assert!(matches!(phone.event(), Some(phone::Event::Hello(Hello::Uri(_)))));
        phone.output();
        phone.pair_by_uri(&uri, common::phone_key());
        assert_eq!(text(phone.output()), format!("\r\n{wanted}\r\n"));
        assert!(matches!(phone.event(), Some(phone::Event::Closed(Closed::Forged))));
        phone.receive(b"AT\r");
        assert!(phone.event().is_none() && phone.output().is_empty(), "it is over");
    }
}

#[test]
fn whoever_is_not_paired_yet_cannot_send_much() {
    let mut between = Between::new();
    let events = between.give_phone(&[b'x'; 4097]);
    assert!(matches!(events[..], [phone::Event::Closed(Closed::TooLong)]));
    let events = between.give_host(&[b'x'; 4097]);
    assert!(matches!(events[..], [host::Event::Closed(Closed::TooLong)]));
    // The longest that an honest host can have to say.
    let mut between = Between::new();
    between.give_phone(b"AT+CKSAS=0");
    between.give_phone(format!("AT+CKSAS=\"{}\"", BASE64.encode(&[5; 32])).as_bytes());
    let long = "\\C3\\A9".repeat(128);
    let events = between.give_phone(format!("AT+CKPAIR=\"{long}\",\"{long}\",4294967295").as_bytes());
    let [phone::Event::Terms(terms)] = &events[..] else { panic!("it is not heard") };
    assert_eq!((terms.host.len(), terms.user.len()), (256, 256));
}

#[test]
fn a_phone_that_nobody_made_ready_is_not_paired() {
    for method in [Method::Uri, Method::Numbers] {
        let owner = Owner { known: Vec::new(), ..Owner::default() };
        let mut link = Link::new(pairing_host(method), owner);
        link.run();
        assert_eq!(link.host_events(), ["closed Refused(NotAllowed)"]);
    }
}

#[test]
fn a_second_pairing_is_told_that_the_phone_is_busy() {
    let mut host = pairing_host(Method::Numbers);
    let mut phone = phone();
    host.output();
    at_host(&mut host, "OK\r\n+CKVER: 1\r\nOK\r\n");
    phone.receive(&host.output());
    assert!(matches!(phone.event(), Some(phone::Event::Hello(Hello::Numbers(_)))));
    phone.turn_away(Refusal::Busy);
    let events = at_host(&mut host, &text(phone.output()));
    assert!(matches!(events[..], [host::Event::Closed(Closed::Refused(Refusal::Busy))]));
}

#[test]
fn an_offer_of_versions_that_was_changed_on_its_way_opens_nothing() {
    // The phone offered 1 and 2, and somebody took the 2 away: here the other way round.
    for (from, to, at) in [("+CKVER: 1", "+CKVER: 1,2", "host"), ("\",1\r", "\",1,2\r", "phone")] {
        let mut link = Link::new(connecting_host(), Owner::default());
        loop {
            let (from_host, from_phone) = (text(link.host.output()), text(link.phone.output()));
            if from_host.is_empty() && from_phone.is_empty() {
                break;
            }
            link.give_phone(if at == "phone" { from_host.replace(from, to) } else { from_host }.as_bytes());
            link.give_host(if at == "host" { from_phone.replace(from, to) } else { from_phone }.as_bytes());
        }
        assert_eq!(link.host_events(), ["closed Refused(HandshakeFailed)"], "{at}");
    }
}

#[test]
fn ends_without_a_common_version_part() {
    let mut host = connecting_host();
    let events = at_host(&mut host, "OK\r\n+CKVER: 7,8\r\nOK\r\n");
    assert!(matches!(events[..], [host::Event::Closed(Closed::NoCommonVersion)]));
}

#[test]
fn a_point_of_small_order_is_no_key() {
    let mut host = pairing_host(Method::Numbers);
    host.output();
    at_host(&mut host, "OK\r\n+CKVER: 1\r\nOK\r\n");
    let hello = Hello::Numbers(offer(Method::Numbers).pairing).to_string();
    // Noise lets the peer send any static key that it can encrypt: zero needs no private one.
    let own = StaticKey::from_bytes(&[3; 32]);
    let recipe = Recipe {
        protocol: XX,
        prologue: prologue("1", "1", &hello, ""),
        own: &own,
        peer: None,
        psk: None,
        ephemeral: None,
    };
    let mut noise = recipe.build_with_zero_key(false);
    read(&mut noise, &quoted(&text(host.output()), "AT+CKHS"));
    let events = at_host(&mut host, &format!("+CKHS: \"{}\"\r\nOK\r\nOK\r\n", write(&mut noise)));
    assert!(matches!(events[..], [host::Event::Closed(Closed::WrongKey)]));
}
