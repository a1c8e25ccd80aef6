//! Programs that others wrote, at keys that are somewhere: what each of them needs to be tried.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | this map |
//! | `location` | [`Location`]: where the keys are |
//! | `authority` | [`Authority`]: who certifies them |
//! | `keyring` | [`Keyring`]: alice's keys at one location, which can be taken away and come back |
//! | `seat` | [`Seat`]: where programs run as alice, with the module at hand |
//! | `listener` | [`Listener`]: a server on loopback, of somebody's making |
//! | `chromium` | [`chromium`]: another browser, without a window |
//! | `nss` | [`nss_database`]: where programs that use NSS are told of the module |
//! | `firefox` | [`Firefox`]: the browser, without a window |
//! | `marionette` | `Marionette`: the wire by which it is driven |

mod authority;
mod chromium;
mod firefox;
mod keyring;
mod listener;
mod location;
mod marionette;
mod nss;
mod seat;

pub use authority::Authority;
pub use chromium::chromium;
pub use firefox::{Firefox, Page};
pub use keyring::{Held, Keyring, percent};
pub use listener::Listener;
pub use location::Location;
pub use nss::nss_database;
pub use seat::Seat;
