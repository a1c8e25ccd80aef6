//! Clears what cryptography leaves on the stack.
//!
//! Heap memory is cleared where it is freed: by `zeroize` in Rust, by `OPENSSL_free` in aws-lc. What computations
//! leave on the stack is not: aws-lc copies an EC scalar there to multiply with it, Argon2 the pass phrase.

use std::hint::black_box;

/// More than EC, Ed25519, RSA, AES and Blake2 use; ML-DSA and ML-KEM use more and clear it themselves.
const DEPTH: usize = 32 * 1024;

/// Runs the work and then clears the stack below.
pub(crate) fn on_cleared_stack<T>(work: impl FnOnce() -> T) -> T {
    let result = apart(work);
    clear();
    result
}

#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn clear() {
    let mut area = [0_u64; DEPTH / 8];
    black_box(&mut area);
}

#[cfg(test)]
mod tests;
