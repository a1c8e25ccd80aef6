#![expect(unsafe_code, reason = "aws-lc-rs has no SHA3-224")]

use std::ptr;

use aws_lc_sys as lc;

/// A SHA3-224 digest under way.
pub(super) struct Sha3_224(*mut lc::EVP_MD_CTX);

// SAFETY: an EVP_MD_CTX is not tied to a thread, and whoever has this value has it alone.
unsafe impl Send for Sha3_224 {}

impl Sha3_224 {
    /// Begins. aws-lc refuses nothing here but for want of memory, on which the process ends anyway.
    pub(super) fn new() -> Self {
        // SAFETY: they take nothing, a state that was just made, and a constant.
        unsafe {
            let state = Self(lc::EVP_MD_CTX_new());
            assert!(!state.0.is_null(), "out of memory");
            assert_eq!(
                lc::EVP_DigestInit_ex(state.0, lc::EVP_sha3_224(), ptr::null_mut()),
                1,
                "out of memory"
            );
            state
        }
    }

    /// Takes the next piece.
    pub(super) fn update(&mut self, data: &[u8]) {
        // SAFETY: the state was initialised; the slice is valid for its length.
        let code = unsafe { lc::EVP_DigestUpdate(self.0, data.as_ptr().cast(), data.len()) };
        assert_eq!(code, 1, "an initialised digest takes data");
    }

    /// Returns the digest.
    pub(super) fn finish(self) -> [u8; 28] {
        let mut digest = [0; 28];
        // SAFETY: the state was initialised; SHA3-224 writes 28 bytes; the length may be null.
        let code = unsafe { lc::EVP_DigestFinal_ex(self.0, digest.as_mut_ptr(), ptr::null_mut()) };
        assert_eq!(code, 1, "an initialised digest ends");
        digest
    }
}

impl Drop for Sha3_224 {
    fn drop(&mut self) {
        // SAFETY: the pointer is null or came from EVP_MD_CTX_new, and is not used again.
        unsafe { lc::EVP_MD_CTX_free(self.0) }
    }
}
