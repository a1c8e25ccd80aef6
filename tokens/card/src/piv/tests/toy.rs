//! A YubiKey of toy strength: PIN, management key, objects, metadata, and keys that really sign and agree.

use std::collections::BTreeMap;

use aes::Aes192;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use claviger_token::Algorithm;
use des::TdesEde3;

use crate::{CardError, Exchange, PadEntry, spki, tlv};

pub(super) struct Toy {
    /// What the version command answers; `None` for a card that knows no Yubico commands but the import.
    pub(super) version: Option<[u8; 3]>,
    /// Whether it has metadata and attestation.
    pub(super) tells: bool,
    /// Number of the cipher, and key.
    pub(super) management: (u8, [u8; 24]),
    /// Whether it proves that it knows the management key (mutual authentication).
    pub(super) proves: bool,
    /// Whether that proof is right.
    pub(super) is_honest: bool,
    pub(super) objects: BTreeMap<u32, Vec<u8>>,
    pub(super) keys: BTreeMap<u8, Key>,
    /// Algorithm, place and data of the last import.
    pub(super) imported: Option<(u8, u8, Vec<u8>)>,
    pub(super) is_touched: bool,
    pub(super) reset: bool,
    pub(super) pin_shown: bool,
    pub(super) managed: bool,
    pub(super) block: Vec<u8>,
    pub(super) chain: Vec<u8>,
    pub(super) rest: Vec<u8>,
}

/// A key on the toy, with Yubico's numbers of its policies.
pub(super) struct Key {
    pub(super) pair: Pair,
    pub(super) pin: u8,
    pub(super) touch: u8,
}

pub(super) enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    X25519(PrivateKey),
}

impl Pair {
    pub(super) fn generate(number: u8) -> Option<Self> {
        Some(match number {
            0x11 => Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            0xE0 => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            0xE1 => Self::X25519(PrivateKey::generate(&X25519).unwrap()),
            _ => return None,
        })
    }

    fn number(&self) -> u8 {
        match self {
            Self::P256(_) => 0x11,
            Self::Ed25519(_) => 0xE0,
            Self::X25519(_) => 0xE1,
        }
    }

    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::X25519(key) => key.compute_public_key().unwrap().as_ref().to_vec(),
        }
    }

    pub(super) fn public_key(&self) -> Vec<u8> {
        let algorithm = match self {
            Self::P256(_) => Algorithm::P256,
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::X25519(_) => Algorithm::X25519,
        };
        spki::of_point(algorithm, &self.point()).unwrap()
    }

    fn run(&self, tag: u32, data: &[u8]) -> Option<Vec<u8>> {
        match (self, tag) {
            // The toy hashes once more than a card would; the caller has no digest of its own to compare with.
            (Self::P256(pair), 0x81) if data.len() == 32 => {
                Some(pair.sign(&SystemRandom::new(), data).unwrap().as_ref().to_vec())
            }
            (Self::Ed25519(pair), 0x81) => Some(pair.sign(data).as_ref().to_vec()),
            (Self::X25519(key), 0x85) => {
                agreement::agree(key, UnparsedPublicKey::new(&X25519, data), (), |secret| Ok(secret.to_vec()))
                    .ok()
            }
            _ => None,
        }
    }
}

/// A point that is a key of nobody here.
pub(super) fn foreign_key() -> Vec<u8> {
    let point = PrivateKey::generate(&ECDH_P256).unwrap().compute_public_key().unwrap();
    spki::of_point(Algorithm::P256, point.as_ref()).unwrap()
}

/// Returns a certificate of toy strength: it has a key and nothing else.
pub(super) fn certificate(public_key: &[u8]) -> Vec<u8> {
    let names = tlv::element(0x30, &[]);
    let version = tlv::element(0xA0, &[&[2, 1, 2]]);
    let inside = tlv::element(0x30, &[&version, &[2, 1, 1], &names, &names, &names, &names, public_key]);
    tlv::element(0x30, &[&inside, &names, &[3, 1, 0]]).to_vec()
}

/// Returns the content of the object around it.
pub(super) fn object(certificate: &[u8]) -> Vec<u8> {
    [&tlv::element(0x70, &[certificate])[..], b"\x71\x01\x00\xfe\x00"].concat()
}

impl Toy {
    /// A YubiKey 5.7 with that CHUID.
    pub(super) fn new() -> Self {
        let chuid = [&b"\x34\x10"[..], &[0xAB; 16], b"\x35\x0820991231\x3e\x00\xfe\x00"].concat();
        Self {
            version: Some([5, 7, 1]),
            tells: true,
            management: (0x0A, [0x42; 24]),
            proves: true,
            is_honest: true,
            objects: BTreeMap::from([(0x5F_C1_02, chuid)]),
            keys: BTreeMap::new(),
            imported: None,
            is_touched: true,
            reset: false,
            pin_shown: false,
            managed: false,
            block: Vec::new(),
            chain: Vec::new(),
            rest: Vec::new(),
        }
    }

    pub(super) fn with_key(mut self, place: u8, number: u8, pin: u8, touch: u8) -> Self {
        self.keys.insert(place, Key { pair: Pair::generate(number).unwrap(), pin, touch });
        self
    }

    pub(super) fn public_key(&self, place: u8) -> Vec<u8> {
        self.keys[&place].pair.public_key()
    }

    /// Returns true where no other program could do what this one was allowed to.
    pub(super) fn is_closed(&self) -> bool {
        self.reset || !(self.pin_shown || self.managed)
    }

    fn answer(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> Result<Vec<u8>, u16> {
        let yubico = self.version.is_some();
        match (ins, p1, p2) {
            (0xA4, 4, 0) => {
                Ok(b"\x61\x11\x4f\x06\x00\x00\x10\x00\x01\x00\x79\x07\x4f\x05\xa0\x00\x00\x03\x08".to_vec())
            }
            (0xFD, 0, 0) => self.version.map(|version| version.to_vec()).ok_or(0x6D00),
            (0xF8, 0, 0) if yubico => Ok(1_234_567_u32.to_be_bytes().to_vec()),
            (0x20, 0, 0x80) => match data {
                [] if self.pin_shown => Ok(Vec::new()),
                [] => Err(0x63C3),
                b"123456\xff\xff" => Ok(self.show()),
                _ => Err(0x63C2),
            },
            (0x20, 0xFF, 0x80) => {
                self.pin_shown = false;
                Ok(Vec::new())
            }
            (0xCB, 0x3F, 0xFF) => self.read(data),
            (0xDB, 0x3F, 0xFF) => self.write(data),
            (0xF7, 0, place) if self.tells => self.metadata(place),
            (0xF9, place, 0) if self.tells => {
                let key = self.keys.get(&place).ok_or(0x6A88_u16)?;
                Ok(certificate(&key.pair.public_key()))
            }
            (0x47, 0, place) if self.managed => self.generate(place, data),
            (0xFE, number, place) if self.managed => {
                self.imported = Some((number, place, data.to_vec()));
                Ok(Vec::new())
            }
            (0x47 | 0xFE, ..) => Err(0x6982),
            (0x87, number, 0x9B) => self.manage(number, data),
            (0x87, number, place) => self.authenticate(number, place, data),
            _ => Err(0x6D00),
        }
    }

    fn show(&mut self) -> Vec<u8> {
        self.pin_shown = true;
        Vec::new()
    }

    fn read(&self, data: &[u8]) -> Result<Vec<u8>, u16> {
        let content = self.objects.get(&named(tlv::only(data, 0x5C).ok_or(0x6A80_u16)?)).ok_or(0x6A82_u16)?;
        Ok(tlv::element(0x53, &[content]).to_vec())
    }

    fn write(&mut self, data: &[u8]) -> Result<Vec<u8>, u16> {
        let elements = tlv::all(data).ok_or(0x6A80_u16)?;
        let [name, object] = &elements[..] else { return Err(0x6A80) };
        match (self.managed, object.value.len()) {
            (false, _) => return Err(0x6982),
            (true, 0) => drop(self.objects.remove(&named(name.value))),
            (true, ..=3000) => drop(self.objects.insert(named(name.value), object.value.to_vec())),
            _ => return Err(0x6A84),
        }
        Ok(Vec::new())
    }

    fn metadata(&self, place: u8) -> Result<Vec<u8>, u16> {
        match place {
            0x80 => Ok(b"\x01\x01\xff\x05\x01\x01\x06\x02\x03\x02".to_vec()),
            0x81 => Ok(b"\x01\x01\xff\x05\x01\x00\x06\x02\x03\x01".to_vec()),
            0x9B => Ok(vec![1, 1, self.management.0, 2, 2, 0, 1, 5, 1, 1]),
            _ => {
                let Key { pair, pin, touch } = self.keys.get(&place).ok_or(0x6A88_u16)?;
                let key = tlv::element(0x04, &[&tlv::element(0x86, &[&pair.point()])]);
                Ok([&[1, 1, pair.number(), 2, 2, *pin, *touch, 3, 1, 1], &key[..]].concat())
            }
        }
    }

    fn generate(&mut self, place: u8, data: &[u8]) -> Result<Vec<u8>, u16> {
        let elements = tlv::only(data, 0xAC).and_then(tlv::all).ok_or(0x6A80_u16)?;
        let byte = |tag| tlv::find(&elements, tag).map(|value| value[0]);
        let pair = byte(0x80).and_then(Pair::generate).ok_or(0x6A80_u16)?;
        let point = pair.point();
        self.keys.insert(place, Key { pair, pin: byte(0xAA).unwrap_or(2), touch: byte(0xAB).unwrap_or(1) });
        Ok(tlv::element(0x7F49, &[&tlv::element(0x86, &[&point])]).to_vec())
    }

    fn manage(&mut self, number: u8, data: &[u8]) -> Result<Vec<u8>, u16> {
        if number != self.management.0 {
            return Err(0x6A86);
        }
        let size = if number == 0x03 { 8 } else { 16 };
        let elements = tlv::only(data, 0x7C).and_then(tlv::all).ok_or(0x6A80_u16)?;
        let find = |tag| tlv::find(&elements, tag);
        let answer = |tag, block: &[u8]| Ok(tlv::element(0x7C, &[&tlv::element(tag, &[block])]).to_vec());
        match (find(0x80), find(0x81), find(0x82)) {
            (Some([]), None, None) if self.proves => {
                self.block = vec![0x5A; size];
                answer(0x80, &self.encrypt(&self.block))
            }
            (Some(witness), Some(challenge), None) if self.proves && witness == self.block => {
                self.managed = true;
                let mut response = self.encrypt(challenge);
                response[0] ^= u8::from(!self.is_honest);
                answer(0x82, &response)
            }
            (None, Some([]), None) => {
                self.block = vec![0xA5; size];
                answer(0x81, &self.block)
            }
            (None, None, Some(response)) if response == self.encrypt(&self.block) => {
                self.managed = true;
                Ok(Vec::new())
            }
            (_, _, Some(_)) | (Some([_, ..]), ..) => Err(0x6982),
            _ => Err(0x6A80),
        }
    }

    fn encrypt(&self, block: &[u8]) -> Vec<u8> {
        fn run<C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt>(key: &[u8], block: &[u8]) -> Vec<u8> {
            let mut block = Block::<C>::try_from(block).unwrap();
            C::new_from_slice(key).unwrap().encrypt_block(&mut block);
            block.to_vec()
        }
        match self.management {
            (0x03, key) => run::<TdesEde3>(&key, block),
            (_, key) => run::<Aes192>(&key, block),
        }
    }

    fn authenticate(&self, number: u8, place: u8, data: &[u8]) -> Result<Vec<u8>, u16> {
        let key = self.keys.get(&place).ok_or(0x6A88_u16)?;
        if key.pair.number() != number {
            return Err(0x6A86);
        }
        if (key.pin != 1 && !self.pin_shown) || (key.touch != 1 && !self.is_touched) {
            return Err(0x6982);
        }
        let elements = tlv::only(data, 0x7C).and_then(tlv::all).ok_or(0x6A80_u16)?;
        let asked = elements.iter().find(|element| !element.value.is_empty()).ok_or(0x6A80_u16)?;
        let result = key.pair.run(asked.tag, asked.value).ok_or(0x6A80_u16)?;
        Ok(tlv::element(0x7C, &[&tlv::element(0x82, &[&result])]).to_vec())
    }
}

fn named(name: &[u8]) -> u32 {
    name.iter().fold(0, |tag, byte| tag << 8 | u32::from(*byte))
}

impl Exchange for Toy {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let [class, ins, p1, p2, body @ ..] = command else { panic!("a header has four bytes") };
        let data = match body {
            [] | [_] => &[],
            [length, data @ ..] => &data[..usize::from(*length)],
        };
        if *ins == 0xC0 {
            assert!(!self.rest.is_empty(), "there is nothing to fetch");
        } else {
            self.chain.extend_from_slice(data);
            if *class == 0x10 {
                return Ok(b"\x90\x00".to_vec());
            }
            let data = std::mem::take(&mut self.chain);
            match self.answer(*ins, *p1, *p2, &data) {
                Ok(answer) => self.rest = answer,
                Err(word) => return Ok(word.to_be_bytes().to_vec()),
            }
        }
        let mut answer: Vec<u8> = self.rest.drain(..self.rest.len().min(256)).collect();
        match self.rest.len() {
            0 => answer.extend_from_slice(b"\x90\x00"),
            left => answer.extend_from_slice(&[0x61, left.min(255) as u8]),
        }
        Ok(answer)
    }

    fn has_pin_pad(&self) -> bool {
        false
    }

    fn verify_on_pad(&mut self, _: &PadEntry) -> Result<u16, CardError> {
        Err(CardError::Gone)
    }

    fn reset_at_end(&mut self) {
        self.reset = true;
    }
}
