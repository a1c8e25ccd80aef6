use std::ptr;

use cryptoki_sys as sys;

use super::memory::Memory;

/// Arguments for calls, as the input has them. Pointers are null or point to as much as their lengths say; a length that
/// is too large for any memory may stand beside a pointer too, for that can be told.
pub(super) struct Dealer<'input> {
    input: std::slice::Iter<'input, u8>,
    memory: Memory,
    slots: Vec<u64>,
    sessions: Vec<u64>,
    objects: Vec<u64>,
    /// Where handles are expected after the call.
    expected: Vec<(Kind, *mut u64)>,
}

/// What a handle is one of.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Slot,
    Session,
    Object,
}

impl<'input> Dealer<'input> {
    pub(super) fn new(input: &'input [u8]) -> Self {
        Self {
            input: input.iter(),
            memory: Memory::default(),
            slots: Vec::new(),
            sessions: Vec::new(),
            objects: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// Returns the next byte; none at the input's end.
    pub(super) fn next(&mut self) -> Option<u8> {
        self.input.next().copied()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    /// Notes what the call gave, and holds that it wrote nowhere else.
    pub(super) fn look_back(&mut self) {
        for (kind, address) in std::mem::take(&mut self.expected) {
            let numbers = self.memory.numbers_at(address).to_vec();
            let known = self.handles(kind);
            for number in numbers {
                if number != UNTOUCHED && number != 0 && !known.contains(&number) {
                    known.push(number);
                }
            }
        }
        self.memory.clear();
    }

    /// Returns a handle that was given before, or some number.
    pub(super) fn handle(&mut self, kind: Kind) -> u64 {
        let byte = usize::from(self.byte());
        let known = self.handles(kind);
        match known.len() {
            0 => byte as u64,
            _ if byte >= 250 => u64::MAX - byte as u64,
            length => known[byte % length],
        }
    }

    fn handles(&mut self, kind: Kind) -> &mut Vec<u64> {
        match kind {
            Kind::Slot => &mut self.slots,
            Kind::Session => &mut self.sessions,
            Kind::Object => &mut self.objects,
        }
    }

    pub(super) fn slot(&mut self) -> u64 {
        self.handle(Kind::Slot)
    }

    pub(super) fn session(&mut self) -> u64 {
        self.handle(Kind::Session)
    }

    pub(super) fn object(&mut self) -> u64 {
        self.handle(Kind::Object)
    }

    /// Returns where a handle is to be written, mostly.
    pub(super) fn place(&mut self, kind: Kind) -> *mut u64 {
        if self.byte() == 255 {
            return ptr::null_mut();
        }
        self.places(kind, 1)
    }

    /// Returns where so many handles are to be written.
    pub(super) fn places(&mut self, kind: Kind, count: usize) -> *mut u64 {
        let address = self.memory.words(&vec![UNTOUCHED; count]);
        self.expected.push((kind, address));
        address
    }

    /// Returns room for so many numbers, or none.
    pub(super) fn numbers(&mut self, count: usize) -> *mut u64 {
        if self.byte() == 255 { ptr::null_mut() } else { self.memory.words(&vec![UNTOUCHED; count]) }
    }

    /// Returns the address of a number.
    pub(super) fn number_at(&mut self, number: u64) -> *mut u64 {
        self.memory.words(&[number])
    }

    /// Returns bytes of the input, or no pointer, or a length that cannot be.
    pub(super) fn bytes(&mut self) -> (*mut u8, u64) {
        match self.byte() {
            255 => (ptr::null_mut(), u64::from(self.byte())),
            254 => (self.memory.bytes(b"short"), u64::MAX - u64::from(self.byte())),
            253 => (ptr::null_mut(), 0),
            length => {
                let length = usize::from(length);
                let mut bytes: Vec<u8> = self.input.as_slice().iter().copied().take(length % 16).collect();
                self.input.by_ref().take(bytes.len()).for_each(drop);
                // The lengths that keys have are longer than inputs should be.
                bytes.resize(if length >= 240 { 256 } else { length }, 7);
                (self.memory.bytes(&bytes), bytes.len() as u64)
            }
        }
    }

    /// Returns room for bytes, and where the length of it stands.
    pub(super) fn room(&mut self) -> (*mut u8, *mut u64) {
        let room = match self.byte() {
            255 => return (ptr::null_mut(), ptr::null_mut()),
            254 => return (ptr::null_mut(), self.number_at(0)),
            length if length >= 128 => 8192,
            length => usize::from(length),
        };
        (self.memory.bytes(&vec![0; room]), self.number_at(room as u64))
    }

    /// Returns room for a struct of `length` bytes, or none.
    pub(super) fn structure<T>(&mut self) -> *mut T {
        match self.byte() {
            255 => ptr::null_mut(),
            _ => self.memory.bytes(&vec![0; size_of::<T>()]).cast(),
        }
    }

    /// Returns a mechanism with its parameter, with none, or with one of another size. Another struct of the same size
    /// would have numbers where pointers are expected: no module can tell.
    pub(super) fn mechanism(&mut self) -> *mut sys::CK_MECHANISM {
        let number = match self.byte() {
            255 => return ptr::null_mut(),
            254 => u64::from(self.byte()) << 8,
            other => MECHANISMS[usize::from(other) % MECHANISMS.len()],
        };
        let (start, length) = match self.byte() % 4 {
            0 => (0, 0),
            1 => match self.bytes() {
                (_, 24 | 40) => (0, 24),
                (start, length) => (start as u64, length),
            },
            _ => {
                let words = self.parameter(number);
                (self.memory.words(&words) as u64, 8 * words.len() as u64)
            }
        };
        self.memory.words(&[number, start, length]).cast()
    }

    /// Returns the struct that is the mechanism's parameter.
    fn parameter(&mut self, mechanism: u64) -> Vec<u64> {
        match mechanism {
            sys::CKM_RSA_PKCS_PSS | sys::CKM_SHA256_RSA_PKCS_PSS => {
                vec![self.one_of(HASHES), self.one_of(MGFS), self.one_of(&[32, 0, 20, 64, 512, u64::MAX])]
            }
            sys::CKM_RSA_PKCS_OAEP => {
                let numbers = [self.one_of(HASHES), self.one_of(MGFS), self.one_of(&[1, 0, 2])];
                let (label, length) = self.bytes();
                [&numbers[..], &[label as u64, length]].concat()
            }
            sys::CKM_ECDH1_DERIVE => {
                let kdf = u64::from(self.byte() % 24);
                let ((shared, shared_length), (peer, length)) = (self.bytes(), self.bytes());
                vec![kdf, shared_length, shared as u64, length, peer as u64]
            }
            sys::CKM_EDDSA => {
                let (context, length) = self.bytes();
                vec![u64::from(self.byte() % 3), length, context as u64]
            }
            sys::CKM_ML_DSA => {
                let (context, length) = self.bytes();
                vec![self.one_of(&[0, 1, 2, 3]), context as u64, length]
            }
            _ => vec![0; usize::from(self.byte() % 8)],
        }
    }

    fn one_of(&mut self, numbers: &[u64]) -> u64 {
        numbers[usize::from(self.byte()) % numbers.len()]
    }

    /// Returns a template whose values are read, and how many attributes it has.
    pub(super) fn template(&mut self) -> (*mut sys::CK_ATTRIBUTE, u64) {
        self.attributes(false)
    }

    /// Returns a template whose values are written: all lengths are true.
    pub(super) fn room_template(&mut self) -> (*mut sys::CK_ATTRIBUTE, u64) {
        self.attributes(true)
    }

    fn attributes(&mut self, written: bool) -> (*mut sys::CK_ATTRIBUTE, u64) {
        let count = match self.byte() {
            255 => return (ptr::null_mut(), 1),
            254 => return (self.memory.words(&[0; 3]).cast(), u64::MAX),
            count => u64::from(count % 8),
        };
        let words: Vec<u64> = (0..count).flat_map(|_| self.attribute(written)).collect();
        (self.memory.words(&words).cast(), count)
    }

    fn attribute(&mut self, written: bool) -> [u64; 3] {
        let kind = match self.byte() {
            255 => u64::from(self.byte()) << 24,
            other => ATTRIBUTES[usize::from(other) % ATTRIBUTES.len()],
        };
        let (start, length) = match self.byte() % 4 {
            0 => {
                let number = [0, 1, 2, 3, 4, 16, 32, 2048][usize::from(self.byte()) % 8];
                (self.number_at(number).cast(), 8)
            }
            1 => {
                let byte = self.byte() % 3;
                (self.memory.bytes(&[byte]), 1)
            }
            _ => match self.bytes() {
                (_, length) if written && length > 4096 => (ptr::null_mut(), length),
                bytes => bytes,
            },
        };
        [kind, start as u64, length]
    }
}

/// What stands where nothing was written.
const UNTOUCHED: u64 = 0x5555_5555_5555_5555;

const MECHANISMS: &[u64] = &[
    sys::CKM_ECDSA,
    sys::CKM_ECDSA_SHA256,
    sys::CKM_ECDSA_SHA3_256,
    sys::CKM_EDDSA,
    sys::CKM_RSA_PKCS,
    sys::CKM_SHA256_RSA_PKCS,
    sys::CKM_RSA_PKCS_PSS,
    sys::CKM_SHA256_RSA_PKCS_PSS,
    sys::CKM_RSA_PKCS_OAEP,
    sys::CKM_RSA_X_509,
    sys::CKM_ECDH1_DERIVE,
    sys::CKM_ML_DSA,
    sys::CKM_ML_KEM,
    sys::CKM_SHA_1,
    sys::CKM_SHA256,
    sys::CKM_SHA3_512,
    sys::CKM_RSA_PKCS_KEY_PAIR_GEN,
    sys::CKM_EC_KEY_PAIR_GEN,
    sys::CKM_EC_EDWARDS_KEY_PAIR_GEN,
    sys::CKM_ML_KEM_KEY_PAIR_GEN,
];

const HASHES: &[u64] = &[sys::CKM_SHA256, sys::CKM_SHA_1, sys::CKM_SHA384, sys::CKM_SHA3_256, sys::CKM_MD5];

const MGFS: &[u64] = &[sys::CKG_MGF1_SHA256, sys::CKG_MGF1_SHA1, sys::CKG_MGF1_SHA384, 0, u64::MAX];

const ATTRIBUTES: &[u64] = &[
    sys::CKA_CLASS,
    sys::CKA_TOKEN,
    sys::CKA_PRIVATE,
    sys::CKA_LABEL,
    sys::CKA_ID,
    sys::CKA_KEY_TYPE,
    sys::CKA_VALUE,
    sys::CKA_VALUE_LEN,
    sys::CKA_SENSITIVE,
    sys::CKA_EXTRACTABLE,
    sys::CKA_ENCRYPT,
    sys::CKA_DECRYPT,
    sys::CKA_SIGN,
    sys::CKA_VERIFY,
    sys::CKA_DERIVE,
    sys::CKA_WRAP,
    sys::CKA_MODULUS,
    sys::CKA_MODULUS_BITS,
    sys::CKA_PUBLIC_EXPONENT,
    sys::CKA_PRIVATE_EXPONENT,
    sys::CKA_PRIME_1,
    sys::CKA_EC_PARAMS,
    sys::CKA_EC_POINT,
    sys::CKA_PARAMETER_SET,
    sys::CKA_CERTIFICATE_TYPE,
    sys::CKA_SUBJECT,
    sys::CKA_ALWAYS_AUTHENTICATE,
    sys::CKA_ALLOWED_MECHANISMS,
];
