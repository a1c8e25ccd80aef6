use claviger_core::{Refusal, Session};
use claviger_dbus::CallError;
use claviger_dbus::wire::{NoOptions, SessionRow};
use zbus::message::Header;

use super::door::Door;
use crate::service::Service;
use crate::sessions::{Entry, bindings};

/// `org.claviger.KeyStore1.Sessions`: the caller's sessions, and what they are bound to.
pub struct SessionsFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Sessions", introspection_docs = false)]
impl SessionsFace {
    #[zbus(out_args("sessions"))]
    async fn list_sessions(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<(String, SessionRow)>, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "list your sessions", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let everybodys = door.service.administrator(&visit.caller).is_ok();
            let mut rows = Vec::new();
            for entry in door.service.sessions.list() {
                if everybodys || entry.session.uid == visit.caller.uid {
                    rows.push((entry.session.id.to_string(), row(&door.service, entry).await?));
                }
            }
            Ok(rows)
        })
        .await
    }

    async fn bind_session(
        &self,
        session: &str,
        token: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "bind the session", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            bindings::bind_own(&door.service, &visit, session, token).await
        })
        .await
    }

    async fn release_session(
        &self,
        session: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "release the session", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            bindings::release_own(&door.service, &visit, session).await
        })
        .await
    }
}

async fn row(service: &Service, entry: Entry) -> Result<SessionRow, Refusal> {
    let Entry { session, binding, action } = entry;
    // A user whom the name service does not know any more may still be logged in.
    let user_name = service.names.user_name(session.uid).await.unwrap_or_default();
    let (locked, can_lock) = (session.locked, session.can_lock());
    let Session { uid, class, kind, seat, tty, remote, remote_host, .. } = session;
    let presence = binding.as_ref().map(|binding| service.presence(&binding.token));
    Ok(SessionRow {
        uid,
        user_name,
        class,
        r#type: kind,
        seat,
        tty,
        remote,
        remote_host,
        locked,
        can_lock,
        token_name: binding.as_ref().map(|binding| service.sessions.token_name(&binding.token)),
        presence: presence.map(|presence| presence.name().to_owned()),
        how: binding.as_ref().map(|binding| binding.how.name().to_owned()),
        bound_at: binding.as_ref().map(|binding| binding.bound),
        action: binding.as_ref().map(|_| action.name().to_owned()),
        token: binding.map(|binding| binding.token.to_string()),
    })
}
