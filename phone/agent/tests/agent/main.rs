//! The agent as it runs, with computers that are the host's end of phone/protocol.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod agent;
mod bus;
mod computer;

mod asking;
mod bluetooth;
mod keeping;
mod managing;
mod meanwhile;
mod notifying;
mod pairing;
mod serial;
mod sleeping;
mod using;
mod writing;
