//! Scans the memory of this process for secrets, as somebody with its core dump would.

#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::RefCell;
use std::fs::{File, read_to_string};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Waker};
use std::thread;

use claviger_token::{
    Algorithm, Binding, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Secret, Site, Spare, Token,
    TokenId, TokenOp, TokenOutput,
};
use zeroize::Zeroize;

use crate::{Cost, HostSecret, KeySlots, SoftToken, encapsulate};

/// Secrets stand in this program only with every byte changed, or the scan would find the program.
const MASK: u8 = 0x5a;

/// So many bytes of a secret in a row count as found.
const WINDOW: usize = 16;

#[test]
fn after_lock_no_memory_holds_a_key_or_the_pass_phrase() {
    let phrase: Vec<u8> = b"a pass phrase of a good length!!".iter().map(|byte| byte ^ MASK).collect();
    let mut needles = vec![("pass phrase", phrase.clone())];
    needles.extend(KEYS.iter().map(|key| (key.algorithm.name(), key.masked())));
    let workers = Workers::default();
    let (token, data_key) = workers.run(move || unlock(&phrase));
    needles.push(("data key", data_key));
    for key in &KEYS {
        let token = Arc::clone(&token);
        workers.run(move || import_and_use(&token, key));
    }

    let open = found(&needles);
    for name in ["data key", "P-256", "Ed25519", "X25519", "ML-KEM-768", "ML-DSA-65"] {
        assert!(open.contains(&name), "the control: an open {name} is found, {open:?}");
    }
    token.lock();
    assert_eq!(found(&needles), Vec::<&str>::new(), "nothing is left");
    drop(workers);
}

/// Threads that stay after their work, as a daemon's workers do, with their stacks as the work left them.
#[derive(Default)]
struct Workers(RefCell<Vec<Sender<()>>>);

impl Workers {
    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, results) = channel();
        let (stay, stays) = channel::<()>();
        thread::spawn(move || {
            result.send(work()).unwrap();
            // It ends when the test drops the other end.
            stays.recv().unwrap_err();
        });
        self.0.borrow_mut().push(stay);
        results.recv().unwrap()
    }
}

/// A private key of known bytes and what stands around them.
struct Known {
    algorithm: Algorithm,
    prefix: &'static [u8],
    size: usize,
}

impl Known {
    /// Returns the changed bytes of the key: distinct for every algorithm, below every group's order.
    fn masked(&self) -> Vec<u8> {
        let start = self.algorithm.name().bytes().fold(17_u8, |sum, byte| sum.wrapping_mul(31) ^ byte);
        (0..self.size)
            .map(|index| match index {
                0 => MASK,
                _ => start.wrapping_add((index as u8).wrapping_mul(73)) ^ (index as u8) ^ 0x3c,
            })
            .collect()
    }

    #[inline(never)]
    fn document(&self) -> Secret {
        let mut bytes = Vec::with_capacity(self.prefix.len() + self.size);
        bytes.extend_from_slice(self.prefix);
        bytes.extend(self.masked().iter().map(|byte| byte ^ MASK));
        Secret::new(bytes)
    }
}

const KEYS: [Known; 7] = [
    Known {
        algorithm: Algorithm::P256,
        prefix: b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20",
        size: 32,
    },
    Known {
        algorithm: Algorithm::P384,
        prefix: b"\x30\x4e\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x04\x37\x30\x35\x02\x01\x01\x04\x30",
        size: 48,
    },
    Known {
        algorithm: Algorithm::P521,
        prefix: b"\x30\x60\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x04\x49\x30\x47\x02\x01\x01\x04\x42",
        size: 66,
    },
    Known {
        algorithm: Algorithm::Ed25519,
        prefix: b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
        size: 32,
    },
    Known {
        algorithm: Algorithm::X25519,
        prefix: b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20",
        size: 32,
    },
    Known {
        algorithm: Algorithm::MlKem768,
        prefix: b"\x30\x54\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x02\x04\x42\x80\x40",
        size: 64,
    },
    Known {
        algorithm: Algorithm::MlDsa65,
        prefix: b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12\x04\x22\x80\x20",
        size: 32,
    },
];

/// Registers and unlocks; returns the token and the changed bytes of the data key.
fn unlock(phrase: &[u8]) -> (Arc<SoftToken>, Vec<u8>) {
    let host = Arc::new(HostSecret::from_bytes(Secret::new(vec![9; 32])));
    let token = SoftToken::new(TokenId::local(1000), Some(Arc::clone(&host)));
    let (slots, data_key) = KeySlots::create(&plain(phrase), Some(&host), Cost::FLOOR).unwrap();
    let masked = data_key.expose().iter().map(|byte| byte ^ MASK).collect();
    drop(data_key);
    let slots: Arc<[u8]> = slots.to_bytes().into();
    perform(&token, TokenOp::Unlock { secret: plain(phrase), slots: Some(slots), spare: Spare::Last });
    (Arc::new(token), masked)
}

fn import_and_use(token: &SoftToken, key: &Known) {
    let handle = import(token, key);
    use_key(token, &handle);
}

#[inline(never)]
fn plain(masked: &[u8]) -> Secret {
    let mut bytes = Vec::with_capacity(masked.len());
    bytes.extend(masked.iter().map(|byte| byte ^ MASK));
    Secret::new(bytes)
}

fn import(token: &SoftToken, key: &Known) -> KeyHandle {
    let id = KeyId::from_bytes([key.size as u8 ^ key.masked()[1]; 16]);
    let binding = Binding { uid: 1000, user_name: "alice".into(), key: id, created: 7 };
    let operation =
        TokenOp::Import { private_key: key.document(), binding: binding.clone(), site: Site::default() };
    let TokenOutput::Generated(made) = perform(token, operation) else { panic!("a key") };
    let usage = made.algorithm.usage();
    let (id, public_key) = (binding.key, made.public_key.into());
    KeyHandle {
        info: Arc::new(KeyInfo { id, algorithm: made.algorithm, usage, public_key }),
        reference: "".into(),
        record: made.record.map(Into::into),
        binding: Arc::new(binding),
    }
}

fn use_key(token: &SoftToken, handle: &KeyHandle) {
    let key = || handle.clone();
    let algorithm = handle.info.algorithm;
    if let Some(mechanism) = algorithm.default_signature() {
        let parameters = Parameters::default();
        perform(token, TokenOp::Sign { key: key(), mechanism, parameters, data: vec![1; 100] });
    }
    if Mechanism::Ecdh1Derive.fits(algorithm) {
        let peer = handle.info.public_key.to_vec();
        perform(token, TokenOp::Derive { key: key(), mechanism: Mechanism::Ecdh1Derive, peer });
    }
    if Mechanism::MlKem.fits(algorithm) {
        let (ciphertext, _) = encapsulate(&handle.info.public_key).unwrap();
        perform(token, TokenOp::Decapsulate { key: key(), mechanism: Mechanism::MlKem, ciphertext });
    }
}

fn perform(token: &SoftToken, operation: TokenOp) -> TokenOutput {
    let mut performing = token.perform(operation);
    match performing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(Ok(output)) => output,
        std::task::Poll::Ready(Err(error)) => panic!("{error}"),
        std::task::Poll::Pending => panic!("the local store waits for nothing"),
    }
}

/// Returns the names of the secrets of which any 16 bytes, in either order, are in readable memory.
fn found(needles: &[(&'static str, Vec<u8>)]) -> Vec<&'static str> {
    let mut windows = Vec::new();
    for (name, needle) in needles {
        let backward: Vec<u8> = needle.iter().rev().copied().collect();
        for needle in [needle, &backward] {
            windows.extend(needle.chunks_exact(WINDOW).map(|window| (*name, window.to_vec())));
        }
    }
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found: Vec<_> =
        regions().into_iter().flat_map(|region| scan(&memory, region, &windows)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn regions() -> Vec<(u64, u64)> {
    let maps = read_to_string("/proc/self/maps").unwrap();
    let writable = maps.lines().filter(|line| line.contains(" rw"));
    writable
        .map(|line| {
            let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap())
        })
        .collect()
}

fn scan(memory: &File, (from, to): (u64, u64), windows: &[(&'static str, Vec<u8>)]) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut buffer = vec![0; (to - from) as usize];
    // Regions of the kernel and of threads that end cannot be read.
    if memory.read_exact_at(&mut buffer, from).is_ok() {
        buffer.iter_mut().for_each(|byte| *byte ^= MASK);
        let mut begins = vec![false; 1 << 16];
        windows.iter().for_each(|(_, window)| begins[pair(window)] = true);
        for index in (0..buffer.len() - 1).filter(|index| begins[pair(&buffer[*index..])]) {
            let here = windows.iter().filter(|(_, window)| buffer[index..].starts_with(window));
            found.extend(here.map(|(name, _)| *name));
        }
    }
    buffer.zeroize();
    black_box(&buffer);
    found
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}
