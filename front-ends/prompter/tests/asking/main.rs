//! `claviger-prompter` as a program: on a real bus, with pinentry-curses and the terminal on a real pseudo terminal, and with a
//! pinentry of toy strength for everything that a real one does rarely.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod pinentries;
mod scene;
mod terminals;
mod tidings;
#[allow(dead_code, reason = "the toy of the client's tests can do more than is asked of it here")]
#[path = "../../../../client-lib/tests/toy/mod.rs"]
mod toy;
