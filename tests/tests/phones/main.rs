//! Scenarios of phones: the real daemon, the real claviger-phone, and the wire between in the test's hands; one file per
//! theme.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod absence;
mod between;
mod canaries;
mod conformance;
mod faults;
mod lies;
mod pairing;
mod person;
mod places;
mod strangers;
mod using;
#[path = "../cards/witness.rs"]
#[allow(dead_code, reason = "cards are asked more")]
mod witness;
