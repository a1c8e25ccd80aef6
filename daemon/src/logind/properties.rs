use claviger_core::{Session, SessionId};
use zbus::{DeserializeDict, OwnedObjectPath, Type};

/// What `org.freedesktop.login1.Session` says of a session, as far as it is needed.
#[derive(Debug, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "PascalCase")]
pub(super) struct Properties {
    id: String,
    user: (u32, OwnedObjectPath),
    timestamp: u64,
    class: String,
    #[zbus(rename = "Type")]
    kind: String,
    seat: (String, OwnedObjectPath),
    #[zbus(rename = "TTY")]
    tty: String,
    remote: bool,
    remote_host: String,
    locked_hint: bool,
    state: String,
}

impl From<Properties> for Session {
    fn from(properties: Properties) -> Self {
        let Properties {
            id,
            user: (uid, _),
            timestamp,
            class,
            kind,
            seat: (seat, _),
            tty,
            remote,
            remote_host,
            locked_hint,
            state,
        } = properties;
        Self {
            id: SessionId::new(id),
            started: timestamp,
            uid,
            class,
            kind,
            seat,
            tty,
            remote,
            remote_host,
            locked: locked_hint,
            closing: state == "closing",
        }
    }
}
