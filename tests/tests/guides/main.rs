//! What `docs/guides` says is done, line by line, by alice at her terminal, on a machine where Claviger has just been installed.
//!
//! Every block of shell in a guide is run, in its order; what a program asks she answers. A guide is followed at once, or section by
//! section where something happens elsewhere in between. `tests/tests/luks` follows the guide for encrypted volumes.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod certificates;
mod done_when;
mod guide;
mod mail;
mod phone;
mod reader;
mod ssh;
mod sudo;
mod tls;
mod www;
