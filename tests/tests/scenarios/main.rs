//! Scenarios against the real daemon on a real bus, one file per theme. They need root, to be several people.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod accounts;
mod agents;
mod arguments;
mod certificates;
mod channels;
mod client_library;
mod command_line;
mod crashes;
mod descriptors;
mod disk;
mod endings;
mod flooding;
mod leaks;
mod lives;
mod logins;
mod openssl_agrees;
mod places;
mod policy;
mod preferences;
mod privacy;
mod prompter;
mod reasons;
mod service;
mod sessions;
mod vanishing;
