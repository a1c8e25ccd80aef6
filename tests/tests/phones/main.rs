//! Scenarios of phones: the real daemon, the real claviger-phone, and the wire between in the test's hands; one file per
//! theme.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod pairing;
mod person;
