//! `libclaviger_pkcs11.so`: a user's keys, wherever they are, for every program that speaks PKCS#11.
//!
//! | file | noun |
//! | --- | --- |
//! | `border` | the functions themselves: pointers, panics, the lists of functions |
//! | `calls` | what they do, without pointers |
//! | `state` | `Module`: between `C_Initialize` and `C_Finalize`, in one process |
//! | `world` | `World`: slots, sessions, logins, objects, under one lock |
//! | `slot`, `session` | one of each |
//! | `objects` | what handles stand for, and their attributes |
//! | `certificate`, `chains` | certificates, and which keys have them |
//! | `template` | `Template`: attributes, copied from the application |
//! | `operations` | what is done with keys: sign, decrypt, derive, digest and the like |
//! | `key` | `Key`: a key of the user's, `PublicKey`: its public half, taken apart |
//! | `rv` | `Rv`: the codes, and what an error of the key store is among them |
//! | `store` | [`Store`]: what the module asks of the key store |
//! | `daemon`, `bus` | the key store that it is: `clavigerd`, over at most four connections that are kept |
//! | `tlv` | a little DER |
//!
//! **In a stranger's process.** No panic crosses the border; nothing is printed but what a panic says; no thread is left
//! behind. Whatever waits for the key store holds no lock but one that lets one at a time list slots. After a `fork` the
//! child has nothing until it initializes the module for itself.

#![deny(unsafe_code)]

mod border;
mod bus;
mod calls;
mod certificate;
mod chains;
mod daemon;
mod key;
mod objects;
mod operations;
mod rv;
mod session;
mod slot;
mod state;
mod store;
mod template;
#[cfg(test)]
mod testing;
mod tlv;
mod world;

pub use store::Store;

/// Initializes the module in this process over another key store than the daemon: for tests and the fuzzer. Returns
/// whether it was not initialized yet.
pub fn initialize_over(store: Box<dyn Store>) -> bool {
    state::initialize(|| store).is_ok()
}
