//! Scenarios of sessions: the installed service in a whole machine with systemd, logind, PAM, polkit and pcscd; one
//! file per theme.
//!
//! A guest boots in half a second and goes with its value; a test has one. `claviger_tests::lab` tells the rest.
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_pulled_card_is_gone() {
//!     let guest = Guest::plan().readers(2).claviger().boot().await;   // clavigerd runs, as installed
//!     let mut card = guest.card(0, Kind::Piv);                        // in the first reader
//!     let mut alice = guest.log_in("alice", Door::Ssh).await;         // or Seat, Console, Service
//!     alice.run("claviger card list").await.ok();                     // in her session; guest.run() is root outside
//!     let mut su = guest.terminal("login alice");                     // a program on a terminal of its own
//!     su.hear("Password:").await;
//!     su.say("alice-password");
//!     card.remove_noticed();                                          // put_back() puts it in again
//!     alice.ended().await;                                            // or alice.session().await, guest.sessions()
//! }
//! ```

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod absence;
mod attacks;
mod doctor;
mod done_when;
mod features;
mod freeze;
mod inside;
mod installed;
mod lab;
mod locks;
mod login;
mod package;
mod pam;
mod phones;
mod polkit;
mod prompts;
mod removal;
mod restarts;
mod sandbox;
mod scene;
mod sleep;
mod told;
mod unreachable;
mod voids;
