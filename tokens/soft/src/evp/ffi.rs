#![expect(unsafe_code, reason = "aws-lc's safe API lacks these; see evp.rs")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use claviger_token::{Hash, Secret};

/// aws-lc refused: the input does not fit, or memory is out. It says no more that a caller could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

/// A key of any algorithm, private or public; wiped when dropped (`OPENSSL_free` clears what it frees).
pub(crate) struct Pkey(NonNull<lc::EVP_PKEY>);

// SAFETY: an EVP_PKEY is not tied to a thread.
unsafe impl Send for Pkey {}
// SAFETY: nothing here changes an EVP_PKEY once it is made, and evp.h promises that any number of threads may
// use one that does not change; what RSA keys cache inside has its own lock.
unsafe impl Sync for Pkey {}

impl Drop for Pkey {
    fn drop(&mut self) {
        // SAFETY: the pointer came from aws-lc, is owned by this value alone and is not used again.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

impl Pkey {
    /// Reads a private key, DER PKCS#8, with nothing after it. The pair is checked for EC, RSA, Ed25519, X25519.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, Failed> {
        // SAFETY: it follows the contract of `parse`.
        unsafe { Self::parse(der, lc::EVP_parse_private_key) }
    }

    /// Reads a public key, DER SubjectPublicKeyInfo, with nothing after it. EC points are on their curve.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self, Failed> {
        // SAFETY: it follows the contract of `parse`.
        unsafe { Self::parse(der, lc::EVP_parse_public_key) }
    }

    /// Makes an ML-KEM pair of its raw halves and has aws-lc try whether they belong together.
    pub(crate) fn from_kem_halves(nid: i32, public: &[u8], private: &[u8]) -> Result<Self, Failed> {
        // SAFETY: both pointers are valid for the lengths beside them and are only read.
        let key = unsafe {
            lc::EVP_PKEY_kem_new_raw_key(nid, public.as_ptr(), public.len(), private.as_ptr(), private.len())
        };
        let key = Self::own(key)?;
        // SAFETY: the key is valid and not shared yet.
        done(unsafe { lc::EVP_PKEY_kem_check_key(key.0.as_ptr()) })?;
        Ok(key)
    }

    /// Returns the private key as DER PKCS#8: the seed form where the key was made of a seed.
    pub(crate) fn to_pkcs8(&self) -> Result<Secret, Failed> {
        // SAFETY: it follows the contract of `marshal`.
        unsafe { self.marshal(lc::EVP_marshal_private_key) }
    }

    /// Returns the public key as DER SubjectPublicKeyInfo.
    pub(crate) fn to_spki(&self) -> Result<Vec<u8>, Failed> {
        // SAFETY: it follows the contract of `marshal`.
        unsafe { self.marshal(lc::EVP_marshal_public_key) }.map(|der| der.expose().to_vec())
    }

    /// Returns the raw private key, for the algorithms that have one.
    pub(crate) fn raw_private(&self) -> Result<Secret, Failed> {
        // SAFETY: `fill` gives a buffer that is null or valid for the length that it tells.
        fill(|out, length| unsafe { lc::EVP_PKEY_get_raw_private_key(self.0.as_ptr(), out, length) })
    }

    /// Signs a digest with ECDSA; the signature is DER.
    pub(crate) fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid; `fill` gives a buffer that is null or valid for the length that it
        // tells; the digest is valid for its length.
        let signature = unsafe {
            done(lc::EVP_PKEY_sign_init(context.as_ptr()))?;
            fill(|out, length| {
                lc::EVP_PKEY_sign(context.as_ptr(), out, length, digest.as_ptr(), digest.len())
            })
        };
        signature.map(|signature| signature.expose().to_vec())
    }

    /// Returns true where the DER signature is ECDSA's of the digest.
    pub(crate) fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<bool, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid, the slices are valid for their lengths and only read.
        Ok(unsafe {
            done(lc::EVP_PKEY_verify_init(context.as_ptr()))?;
            held(lc::EVP_PKEY_verify(
                context.as_ptr(),
                signature.as_ptr(),
                signature.len(),
                digest.as_ptr(),
                digest.len(),
            ))
        })
    }

    /// Signs a message with Ed25519 or, with its context, ML-DSA.
    pub(crate) fn sign_message(&self, message: &[u8], context: &[u8]) -> Result<Vec<u8>, Failed> {
        let state = MessageState::new()?;
        // SAFETY: the state and the key are valid and outlive the calls; `fill` gives a buffer that is null
        // or valid for the length that it tells; the message is valid for its length.
        let signature = unsafe {
            let mut inner = ptr::null_mut();
            done(lc::EVP_DigestSignInit(
                state.0,
                &raw mut inner,
                ptr::null(),
                ptr::null_mut(),
                self.0.as_ptr(),
            ))?;
            set_context(inner, context)?;
            fill(|out, length| lc::EVP_DigestSign(state.0, out, length, message.as_ptr(), message.len()))
        };
        signature.map(|signature| signature.expose().to_vec())
    }

    /// Returns true where the signature is Ed25519's or ML-DSA's of the message.
    pub(crate) fn verify_message(
        &self,
        message: &[u8],
        context: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failed> {
        let state = MessageState::new()?;
        // SAFETY: the state and the key are valid and outlive the calls; the slices are valid for their
        // lengths and only read.
        Ok(unsafe {
            let mut inner = ptr::null_mut();
            done(lc::EVP_DigestVerifyInit(
                state.0,
                &raw mut inner,
                ptr::null(),
                ptr::null_mut(),
                self.0.as_ptr(),
            ))?;
            set_context(inner, context)?;
            held(lc::EVP_DigestVerify(
                state.0,
                signature.as_ptr(),
                signature.len(),
                message.as_ptr(),
                message.len(),
            ))
        })
    }

    /// Agrees on a secret with a peer's public key of the same algorithm.
    pub(crate) fn agree(&self, peer: &Self) -> Result<Secret, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context and both keys are valid; aws-lc counts its own reference to the peer; `fill`
        // gives a buffer that is null or valid for the length that it tells.
        unsafe {
            done(lc::EVP_PKEY_derive_init(context.as_ptr()))?;
            done(lc::EVP_PKEY_derive_set_peer(context.as_ptr(), peer.0.as_ptr()))?;
            fill(|out, length| lc::EVP_PKEY_derive(context.as_ptr(), out, length))
        }
    }

    /// Opens an encapsulated secret with an ML-KEM key.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid; `fill` gives a buffer that is null or valid for the length that it
        // tells; the ciphertext is valid for its length.
        fill(|out, length| unsafe {
            lc::EVP_PKEY_decapsulate(context.as_ptr(), out, length, ciphertext.as_ptr(), ciphertext.len())
        })
    }

    /// Returns the pointer, valid while this value lives.
    pub(in crate::evp) const fn as_ptr(&self) -> *mut lc::EVP_PKEY {
        self.0.as_ptr()
    }

    /// Reads a key with one of aws-lc's parsers and refuses what follows it.
    ///
    /// # Safety
    /// `parser` reads from a valid CBS and returns null or a key that the caller owns.
    unsafe fn parse(
        der: &[u8],
        parser: unsafe extern "C" fn(*mut lc::CBS) -> *mut lc::EVP_PKEY,
    ) -> Result<Self, Failed> {
        let mut input = lc::cbs_st { data: ptr::null(), len: 0 };
        // SAFETY: the slice outlives the CBS, which only reads it.
        let key = unsafe {
            lc::CBS_init(&raw mut input, der.as_ptr(), der.len());
            parser(&raw mut input)
        };
        let key = Self::own(key)?;
        if input.len == 0 { Ok(key) } else { Err(Failed) }
    }

    /// Writes the key with one of aws-lc's writers. Its buffers are cleared when they grow and when freed.
    ///
    /// # Safety
    /// `writer` appends to a valid CBB and only reads the key.
    unsafe fn marshal(
        &self,
        writer: unsafe extern "C" fn(*mut lc::CBB, *const lc::EVP_PKEY) -> i32,
    ) -> Result<Secret, Failed> {
        let mut output = std::mem::MaybeUninit::<lc::CBB>::zeroed();
        let output = output.as_mut_ptr();
        // SAFETY: an all-zero CBB is valid and may be cleaned up; it lives until the end of this function.
        // CBB_finish hands over a buffer of the length that it tells, which is copied and then freed.
        unsafe {
            let (mut data, mut length) = (ptr::null_mut(), 0);
            let written = done(lc::CBB_init(output, 256))
                .and_then(|()| done(writer(output, self.0.as_ptr())))
                .and_then(|()| done(lc::CBB_finish(output, &raw mut data, &raw mut length)));
            if written.is_err() || data.is_null() {
                lc::CBB_cleanup(output);
                return Err(Failed);
            }
            let copy = Secret::new(std::slice::from_raw_parts(data, length).to_vec());
            lc::OPENSSL_free(data.cast());
            Ok(copy)
        }
    }

    fn own(key: *mut lc::EVP_PKEY) -> Result<Self, Failed> {
        match NonNull::new(key) {
            Some(key) => Ok(Self(key)),
            None => Err(refused()),
        }
    }
}

/// One operation with one key.
pub(in crate::evp) struct Context<'key>(NonNull<lc::EVP_PKEY_CTX>, PhantomData<&'key Pkey>);

impl<'key> Context<'key> {
    pub(in crate::evp) fn of(key: &'key Pkey) -> Result<Self, Failed> {
        // SAFETY: the key is valid; the context counts its own reference to it.
        let context = unsafe { lc::EVP_PKEY_CTX_new(key.as_ptr(), ptr::null_mut()) };
        NonNull::new(context).map(|context| Self(context, PhantomData)).ok_or(Failed)
    }

    pub(in crate::evp) const fn as_ptr(&self) -> *mut lc::EVP_PKEY_CTX {
        self.0.as_ptr()
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from EVP_PKEY_CTX_new and is not used again.
        unsafe { lc::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

/// The state of signing or verifying one message.
struct MessageState(*mut lc::EVP_MD_CTX);

impl MessageState {
    fn new() -> Result<Self, Failed> {
        // SAFETY: it takes nothing and gives null or a state that this value owns.
        let state = unsafe { lc::EVP_MD_CTX_new() };
        if state.is_null() { Err(Failed) } else { Ok(Self(state)) }
    }
}

impl Drop for MessageState {
    fn drop(&mut self) {
        // SAFETY: the pointer came from EVP_MD_CTX_new and is not used again.
        unsafe { lc::EVP_MD_CTX_free(self.0) }
    }
}

/// Sets ML-DSA's context; the empty one is what a new state has, and all that Ed25519 has.
///
/// # Safety
/// `inner` is the key context that an EVP_Digest…Init just gave.
unsafe fn set_context(inner: *mut lc::EVP_PKEY_CTX, context: &[u8]) -> Result<(), Failed> {
    if context.is_empty() {
        return Ok(());
    }
    // SAFETY: `inner` is valid by contract; aws-lc copies the context.
    done(unsafe { lc::EVP_PKEY_CTX_set_signature_context(inner, context.as_ptr(), context.len()) })
}

/// Calls a function that first tells how much it would write and then writes it.
pub(in crate::evp) fn fill(mut write: impl FnMut(*mut u8, *mut usize) -> i32) -> Result<Secret, Failed> {
    let mut length = 0;
    done(write(ptr::null_mut(), &raw mut length))?;
    let mut buffer = zeroize::Zeroizing::new(vec![0; length]);
    done(write(buffer.as_mut_ptr(), &raw mut length))?;
    buffer.truncate(length);
    Ok(Secret::new(std::mem::take(&mut *buffer)))
}

/// Turns aws-lc's 1 into `Ok`.
pub(in crate::evp) fn done(code: i32) -> Result<(), Failed> {
    if held(code) { Ok(()) } else { Err(Failed) }
}

fn held(code: i32) -> bool {
    let held = code == 1;
    if !held {
        refused();
    }
    held
}

/// Empties aws-lc's error queue: the next caller must not find what this one left.
pub(in crate::evp) fn refused() -> Failed {
    // SAFETY: it takes nothing and touches only this thread's queue.
    unsafe { lc::ERR_clear_error() };
    Failed
}

/// Returns aws-lc's digest.
pub(in crate::evp) fn md(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: they take nothing and return pointers to constants.
    unsafe {
        match hash {
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha224 => lc::EVP_sha224(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
            Hash::Sha3_224 => lc::EVP_sha3_224(),
            Hash::Sha3_256 => lc::EVP_sha3_256(),
            Hash::Sha3_384 => lc::EVP_sha3_384(),
            Hash::Sha3_512 => lc::EVP_sha3_512(),
        }
    }
}
