//! Scenarios of cards: the real daemon, a real pcscd, virtual cards; one file per theme.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod removal;
mod service;
