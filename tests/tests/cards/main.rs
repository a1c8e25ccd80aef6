//! Scenarios of cards: the real daemon, a real pcscd, virtual cards; one file per theme.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod agents;
mod answers;
mod applet;
mod applications;
mod attackers;
mod calls;
mod certificates;
mod conformance;
mod desk;
mod enrolment;
mod interoperability;
mod leaks;
mod load;
mod logins;
mod mechanisms;
mod opensc;
mod pins;
mod places;
mod removal;
mod service;
mod sharing;
mod witness;
