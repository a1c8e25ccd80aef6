//! The Claviger service: everything that does I/O.
//!
//! | room | what |
//! | --- | --- |
//! | `pipeline` | the path of a request, on one screen; `host`: the host's part of a plan |
//! | `settle` `agents` | what only the owner's yes or secret allows, and who asks for it; `polkit`: what polkit decides; `take_back`: questions nobody waits for any more |
//! | `callers` `names` | who a peer is, and when it is gone; `errand`: for whom an operation is done, where a token shows it |
//! | `accounts` | the accounts in use, and what their owners and administrators do with them |
//! | `table` | the user info table on disk |
//! | `presence` | cards and phones that come and go, told to their owners |
//! | `logind` `sessions` | who is logged in, what sessions are bound to, and what follows when a token goes |
//! | `permits` `workers` `carried` | limits per user, turns for slow computations, work that outlives its caller |
//! | `secrets` `files` `conversation` | what comes by descriptor |
//! | `bus` | the D-Bus faces; `channel`: private connections; `signals`: who hears what |
//! | `service` | what all requests share |
//! | `run` | start and stop; `arguments`, `config`, `logging`, `clock`, `stream`, `watchdog` |

pub mod accounts;
pub mod agents;
pub mod arguments;
pub mod bus;
pub mod callers;
mod carried;
pub mod channel;
mod clock;
pub mod config;
mod conversation;
mod errand;
mod ffi;
mod files;
pub mod hardening;
mod host;
pub mod logging;
pub mod logind;
mod names;
mod operation;
pub mod permits;
pub mod pipeline;
mod polkit;
mod presence;
pub mod run;
mod secrets;
pub mod service;
pub mod sessions;
mod settle;
pub mod signals;
mod stream;
pub mod table;
mod take_back;
mod watchdog;
pub mod workers;
