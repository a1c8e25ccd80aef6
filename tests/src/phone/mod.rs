//! Phones: the real `claviger-phone` at the other end of a wire that the test holds in its hands.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | this map |
//! | `tap` | [`Tap`]: what a wire carries, recorded and meddled with |
//! | `wire` | [`Wire`]: two terminals with a tap between |
//! | `relay` | [`Relay`]: two sockets with a tap between, which can be cut |
//! | `plan` | [`Plan`]: how a phone is set up |
//! | `process` | [`Phone`]: a claviger-phone with a folder of its own |
//! | `audit` | [`Entry`]: a line of the phone's audit list |
//! | `screen` | [`Screen`]: what its person sees, and says |
//! | `pairing` | [`PairCall`]: a `PairPhone` under way, [`Invitation`]: the phone's half of it |
//! | `scene` | [`Scene`]: alice, her phone, and the wire between |
//! | `liar` | [`Liar`]: a phone that does what no phone should |

mod audit;
mod liar;
mod pairing;
mod plan;
mod process;
mod relay;
mod scene;
mod screen;
mod tap;
mod wire;

pub use audit::Entry;
pub use liar::{Liar, Lie};
pub use pairing::{Invitation, PairCall};
pub use plan::{Approval, Module, Plan, YES};
pub use process::{PASSPHRASE, Phone};
pub use relay::{Relay, until_listened};
pub use scene::{Scene, on_the_phone, phone_house};
pub use screen::Screen;
pub use tap::{Tap, Way};
pub use wire::Wire;
