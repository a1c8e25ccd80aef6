//! What an agent and its clients say to each other: draft-ietf-sshm-ssh-agent, and OpenSSH's `PROTOCOL.agent`,
//! `PROTOCOL.certkeys` and `PROTOCOL.sshsig`. No I/O here, and no secret that is copied without need.

mod certificate;
pub mod constraint;
mod frames;
mod key;
mod private;
mod purpose;
mod request;
mod signature;
mod wire;

pub use certificate::{Certificate, Role};
pub use claviger_client::der::Curve;
pub use constraint::{Constraints, Destination, Hop};
pub use frames::{BadFrame, FRAME_LIMIT, Frames, framed};
pub use key::{Fingerprint, Identity, PublicKey};
pub use private::{Numbers, PrivateKey};
pub use purpose::{Login, Purpose};
pub use request::{Answer, Passphrase, Request, SESSION_BIND, SessionBind, key_of};
pub use signature::{Scheme, read_signature, signature_blob};
pub use wire::{Malformed, Reader, Writer, without_zeros};
