//! The other end as somebody else would write it: snow and strings, and nothing of the crate's own.

use claviger_phone_protocol::host::{Event, Host};
use claviger_phone_protocol::phone::{self, Phone};
use claviger_phone_protocol::{Hello, Known, StaticKey};
use data_encoding::BASE64;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::{HandshakeState, TransportState, types};
use std::cell::Cell;

pub(crate) const KK: &str = "Noise_KK_25519_ChaChaPoly_BLAKE2s";
pub(crate) const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
pub(crate) const XXPSK0: &str = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s";

/// What a handshake is made of.
pub(crate) struct Recipe<'a> {
    pub(crate) protocol: &'a str,
    pub(crate) prologue: Vec<u8>,
    pub(crate) own: &'a StaticKey,
    pub(crate) peer: Option<[u8; 32]>,
    pub(crate) psk: Option<[u8; 32]>,
    pub(crate) ephemeral: Option<[u8; 32]>,
}

impl Recipe<'_> {
    pub(crate) fn build(&self, initiator: bool) -> HandshakeState {
        self.build_by(snow::Builder::new(self.protocol.parse().unwrap()), initiator)
    }

    /// A handshake whose static key, and everything agreed on with it, is zero: what a point of small order makes of it.
    pub(crate) fn build_with_zero_key(&self, initiator: bool) -> HandshakeState {
        let builder =
            snow::Builder::with_resolver(self.protocol.parse().unwrap(), Box::new(ZeroKey(Cell::new(0))));
        self.build_by(builder, initiator)
    }

    fn build_by<'a>(&'a self, builder: snow::Builder<'a>, initiator: bool) -> HandshakeState {
        let mut builder =
            builder.prologue(&self.prologue).unwrap().local_private_key(self.own.expose()).unwrap();
        if let Some(peer) = &self.peer {
            builder = builder.remote_public_key(peer).unwrap();
        }
        if let Some(psk) = &self.psk {
            builder = builder.psk(0, psk).unwrap();
        }
        if let Some(ephemeral) = &self.ephemeral {
            builder = builder.fixed_ephemeral_key_for_testing_only(ephemeral);
        }
        if initiator { builder.build_initiator().unwrap() } else { builder.build_responder().unwrap() }
    }
}

/// The prologue as the page says it.
pub(crate) fn prologue(host: &str, phone: &str, hello: &str, uid: &str) -> Vec<u8> {
    let mut bytes = b"claviger-phone\0".to_vec();
    for field in [host, phone, hello, uid] {
        bytes.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        bytes.extend(field.as_bytes());
    }
    bytes
}

pub(crate) fn write(noise: &mut HandshakeState) -> String {
    let mut message = [0; 128];
    let length = noise.write_message(&[], &mut message).unwrap();
    BASE64.encode(&message[..length])
}

pub(crate) fn read(noise: &mut HandshakeState, message: &str) {
    let message = BASE64.decode(message.as_bytes()).unwrap();
    assert_eq!(noise.read_message(&message, &mut [0; 128]).unwrap(), 0);
}

/// Returns what stands between the quotes of the first line that begins so.
pub(crate) fn quoted(lines: &str, head: &str) -> String {
    let line = lines.split(['\r', '\n']).find(|line| line.starts_with(head));
    line.unwrap_or_else(|| panic!("no {head} in {lines}")).split('"').rev().nth(1).unwrap().to_owned()
}

pub(crate) fn seal(noise: &mut TransportState, more: u8, text: &[u8]) -> String {
    let plain = [&[more], text].concat();
    let mut sealed = vec![0; plain.len() + 16];
    noise.write_message(&plain, &mut sealed).unwrap();
    BASE64.encode(&sealed)
}

pub(crate) fn unseal(noise: &mut TransportState, sealed: &str) -> Vec<u8> {
    let sealed = BASE64.decode(sealed.as_bytes()).unwrap();
    let mut plain = vec![0; sealed.len()];
    let length = noise.read_message(&sealed, &mut plain).unwrap();
    plain.truncate(length);
    plain
}

/// A host of somebody else's, with an open channel to a phone.
pub(crate) struct RawHost {
    pub(crate) phone: Phone,
    pub(crate) noise: TransportState,
}

impl RawHost {
    pub(crate) fn connect(mut phone: Phone, hosts: &Known, phones: &Known) -> Self {
        let hello = hosts.pairing.to_string();
        let recipe = Recipe {
            protocol: KK,
            prologue: prologue("1", "1", &hello, "1000"),
            own: &hosts.own,
            peer: Some(*hosts.peer.as_bytes()),
            psk: None,
            ephemeral: None,
        };
        let mut noise = recipe.build(true);
        phone.receive(format!("AT+CKHS=\"{hello}\",\"{}\",1\r", write(&mut noise)).as_bytes());
        assert!(matches!(phone.event(), Some(phone::Event::Hello(Hello::Known(_)))));
        phone.admit(phones);
        let output = String::from_utf8(phone.output()).unwrap();
        read(&mut noise, &quoted(&output, "+CKHS"));
        Self { phone, noise: noise.into_transport_mode().unwrap() }
    }

    /// Sends a frame, and returns what the phone's driver gets to know.
    pub(crate) fn frame(&mut self, outer: u8, inner: u8, text: &[u8]) -> Vec<phone::Event> {
        let line = format!("AT+CKX={outer},\"{}\"\r", seal(&mut self.noise, inner, text));
        self.phone.receive(line.as_bytes());
        std::iter::from_fn(|| self.phone.event()).collect()
    }

    pub(crate) fn say(&mut self, text: &str) -> Vec<phone::Event> {
        self.frame(0, 0, text.as_bytes())
    }

    /// Returns the messages of one frame that the phone wrote.
    pub(crate) fn hear(&mut self) -> Vec<String> {
        let output = String::from_utf8(self.phone.output()).unwrap();
        let frames = output.split("\r\n").filter_map(|line| line.strip_prefix("+CKX: 0,\""));
        let frames: Vec<&str> = frames.map(|frame| frame.trim_end_matches('"')).collect();
        let texts = frames.into_iter().map(|frame| unseal(&mut self.noise, frame));
        texts.map(|text| String::from_utf8(text[1..].to_vec()).unwrap()).collect()
    }
}

/// A phone of somebody else's, with an open channel to a host.
pub(crate) struct RawPhone {
    pub(crate) host: Host,
    pub(crate) noise: TransportState,
}

impl RawPhone {
    pub(crate) fn connect(mut host: Host, phones: &Known) -> Self {
        host.output();
        host.receive(b"\r\nOK\r\n\r\n+CKVER: 1\r\n\r\nOK\r\n");
        assert!(host.event().is_none());
        let output = String::from_utf8(host.output()).unwrap();
        let hello = phones.pairing.to_string();
        let recipe = Recipe {
            protocol: KK,
            prologue: prologue("1", "1", &hello, "1000"),
            own: &phones.own,
            peer: Some(*phones.peer.as_bytes()),
            psk: None,
            ephemeral: None,
        };
        let mut noise = recipe.build(false);
        read(&mut noise, &quoted(&output, "AT+CKHS"));
        let answer = write(&mut noise);
        let mut phone = Self { host, noise: noise.into_transport_mode().unwrap() };
        phone.host.receive(format!("+CKHS: \"{answer}\"\r\nOK\r\n").as_bytes());
        assert!(phone.host.event().is_none());
        let ping = phone.hear().remove(0);
        let id = quoted(&ping, "AT+CKPING");
        let opened = phone.say(&format!("+CKPING: \"{id}\"\r\nOK"));
        assert!(matches!(opened[..], [Event::Opened(_)]));
        phone
    }

    /// Sends a frame, and returns what the host's driver gets to know.
    pub(crate) fn frame(&mut self, outer: u8, inner: u8, text: &[u8]) -> Vec<Event> {
        let line = format!("+CKX: {outer},\"{}\"\r\n", seal(&mut self.noise, inner, text));
        self.host.receive(line.as_bytes());
        std::iter::from_fn(|| self.host.event()).collect()
    }

    pub(crate) fn say(&mut self, text: &str) -> Vec<Event> {
        self.frame(0, 0, text.as_bytes())
    }

    /// Returns the messages of one frame that the host wrote.
    pub(crate) fn hear(&mut self) -> Vec<String> {
        let output = String::from_utf8(self.host.output()).unwrap();
        let frames = output.split('\r').filter_map(|line| line.strip_prefix("AT+CKX=0,\""));
        let frames: Vec<&str> = frames.map(|frame| frame.trim_end_matches('"')).collect();
        let texts = frames.into_iter().map(|frame| unseal(&mut self.noise, frame));
        texts.map(|text| String::from_utf8(text[1..].to_vec()).unwrap()).collect()
    }
}

/// Gives zero for the first key that is made (snow makes the static one first) and the real thing for the second.
struct ZeroKey(Cell<u32>);

impl CryptoResolver for ZeroKey {
    fn resolve_rng(&self) -> Option<Box<dyn types::Random>> {
        DefaultResolver.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn types::Dh>> {
        match self.0.replace(self.0.get() + 1) {
            0 => Some(Box::new(Zero([0; 32]))),
            _ => DefaultResolver.resolve_dh(choice),
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn types::Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn types::Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// The point of which every multiple is zero.
struct Zero([u8; 32]);

impl types::Dh for Zero {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, _: &[u8]) {}

    fn generate(&mut self, _: &mut dyn types::Random) -> Result<(), snow::Error> {
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.0
    }

    fn privkey(&self) -> &[u8] {
        &self.0
    }

    fn dh(&self, _: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        out[..32].fill(0);
        Ok(())
    }
}
