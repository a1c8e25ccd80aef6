//! The Rust way to talk to Claviger.
//!
//! ```no_run
//! # async fn sign() -> Result<(), claviger_client::Error> {
//! use claviger_client::{Bus, Client, SignOptions};
//!
//! let client = Client::connect(&Bus::System).await?;
//! let signature = client.sign("", "", b"what I mean", &SignOptions::default()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | file | noun |
//! | --- | --- |
//! | `bus` | [`Bus`]: where the daemon is, read from the text of `--bus` |
//! | `client` | [`Client`]: the connection, who serves it, what goes which way |
//! | `daemon` | who owns the name, and whether to trust them |
//! | `channel` | the private connection, opened when first needed |
//! | `keys`, `account`, `tokens`, `sessions`, `public`, `admin`, `service` | the methods, one file per interface |
//! | `events` | [`Events`]: what happens, as it happens |
//! | `agents` | [`Agent`], a program that asks the person, and [`Agency`], which serves it |
//! | `desktop` | notifications |
//! | `large` | data too large for a message, and signatures of them |
//! | `pairing` | [`Conversation`]: what people see and say while a phone is paired |
//! | `secret` | [`Secret`], and how one crosses the bus |
//! | `der` | keys taken apart and put together, for who brings or shows them; with the feature `der` |
//! | [`blocking`] | the same client for programs without a runtime, and a wait for events that ends in time |
//! | `login` | [`Login`]: what a program that logs people in asks, safely in a stranger's process |
//! | `machine` | [`Machine`]: what systemd, polkit and logind say, for who looks what is wrong |
//! | `error` | [`Error`]: sorted by what helps |
//!
//! **What goes which way.** Key operations and public operations go over a private channel, which the client
//! opens by itself at the first of them; where none is to be had they go over the bus. Everything that changes
//! something (accounts, keys, cards, administration) goes over the bus.
//!
//! **What is done twice.** Only key and public operations, once, over the bus, when the channel broke under
//! them: they change nothing, so it does not matter whether the first was carried out. Anything else is
//! repeated only where the bus says that it reached nobody.

#![forbid(unsafe_code)]

mod account;
mod admin;
mod agents;
pub mod blocking;
mod bus;
mod channel;
mod client;
mod daemon;
#[cfg(feature = "der")]
pub mod der;
mod desktop;
mod error;
mod events;
mod keys;
mod large;
mod login;
mod machine;
mod pairing;
mod public;
mod secret;
mod service;
mod sessions;
mod tokens;

pub use agents::{Agency, Agent, NoAnswer, Standing};
pub use bus::{Bus, InvalidBus};
pub use claviger_dbus::wire::{
    AccountRow, AgentOptions, AuthenticateOptions, CertificateOptions, ChangePinOptions, DecapsulateOptions,
    DecryptOptions, DeriveOptions, EncryptOptions, EnrolOptions, ExplainOptions, Explanation,
    InitCardOptions, KeyFilter, KeyRow, Means, NewKeyOptions, PairOptions, PrepareOptions, Prompt,
    PublicKeyRow, RegisterOptions, SessionRow, SessionWhy, SignOptions, Statistics, TokenFilter, TokenKeyRow,
    TokenRow, TokenState, UnlockOptions, UnlockTokenOptions, UserPage, UserRow, VerifyOptions,
};
pub use claviger_dbus::{ByteBuf, CallError, ErrorName, names, steers};
pub use client::{Builder, Client};
pub use desktop::notify;
pub use error::Error;
pub use events::{Event, Events};
pub use login::{Login, SYSTEM_BUS};
pub use machine::{Machine, MachineError, Unit};
pub use pairing::{Conversation, PairingStep};
pub use secret::{Secret, secret_descriptor};
pub use zbus::OwnedFd as Descriptor;
