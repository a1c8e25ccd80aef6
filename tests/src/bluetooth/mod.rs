//! Bluetooth: real BlueZ on controllers that a program plays, in a throw-away guest of User-Mode Linux.
//!
//! | file | what |
//! | --- | --- |
//! | [`guest`] | runs a test in a guest: the test program itself, once more, inside |
//! | [`air`] | what all controllers are in: BlueZ's emulator |
//! | [`controller`] | a controller of the guest's kernel, with faults and a recording |
//! | [`bluez`] | `bluetoothd` on that controller, on a bus of its own; its devices |
//! | [`bonds`] | who says yes or no when BlueZ bonds |
//! | [`profile`] | a program that BlueZ hands RFCOMM streams to |
//! | [`radio`] | an independent stack, bumble, as the radio of a phone or of a computer |
//!
//! Two scenes. With the computer under test, BlueZ is the computer's and bumble the phone's radio, which passes the bytes to
//! the agent's socket. With the phone under test, BlueZ is the phone's and bumble the computer's radio. Both ends on BlueZ
//! cannot be: one `bluetoothd` takes every controller of a kernel, and one UUID once.
//!
//! What this says about air is nothing: there is no noise, no distance and no other radio. It says that BlueZ is spoken to
//! as BlueZ wants it, what it answers, and how a cut looks to the ends. After an injected loss the emulator's links are
//! unusable: such a test does nothing else afterwards.

pub mod air;
pub mod bluez;
pub mod bonds;
pub mod controller;
pub mod guest;
pub mod profile;
pub mod radio;

pub use air::Air;
pub use bluez::{BlueZ, Device};
pub use bonds::Bonds;
pub use controller::Controller;
pub use guest::in_guest;
pub use profile::{Profile, Role};
pub use radio::Radio;

/// The service of `docs/phone-protocol.md`, as it stands in a phone's SDP records.
pub const SERVICE: &str = "6e2f0a10-5e1c-4c5b-9a6b-0d0c5f7c1a01";
