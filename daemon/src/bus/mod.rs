//! Step 1, the bus faces: D-Bus arguments to requests, and refusals to errors. No decision is made here and no
//! token is touched.
//!
//! | file | noun |
//! | --- | --- |
//! | `door` | [`Door`]: how every call comes in and how it ends |
//! | `error` | a refusal as a D-Bus error |
//! | `parse` | options as parameters |
//! | `service` `keys` `account` `tokens` `public` `admin` `agents` `authentication` `login` `sessions` | the interfaces |
//! | `rows`, `token_rows` | accounts, keys and tokens as callers see them |

mod account;
mod admin;
mod agents;
mod authentication;
mod door;
mod error;
mod explain;
mod keys;
mod login;
mod parse;
mod public;
mod rows;
mod service;
mod sessions;
mod token_rows;
mod tokens;

pub use account::AccountFace;
pub use admin::AdminFace;
pub use agents::AgentsFace;
pub use authentication::AuthenticationFace;
pub use door::Door;
pub use keys::KeysFace;
pub use login::LoginFace;
pub use public::PublicFace;
pub use service::ServiceFace;
pub use sessions::SessionsFace;
pub use tokens::TokensFace;
