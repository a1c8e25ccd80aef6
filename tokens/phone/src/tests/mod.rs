//! The computer's end against a real, small phone, on streams as they are.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod bus;
mod cuts;
mod fixture;
mod pairing;
mod phone;
mod radio;
mod silence;
mod strangers;
mod suite;

use fixture::{Fixture, Terminal, deadline};
use phone::{Answers, Heard, Ready, TestPhone};
