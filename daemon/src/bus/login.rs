use claviger_core::Refusal;
use claviger_dbus::CallError;
use claviger_dbus::wire::NoOptions;
use zbus::message::Header;

use super::door::Door;
use crate::sessions::bindings;

/// `org.claviger.KeyStore1.Login`: sessions are bound to the tokens that opened them. It is served on the bus alone.
pub struct LoginFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Login", introspection_docs = false)]
impl LoginFace {
    async fn open_session(
        &self,
        uid: u32,
        session: &str,
        authentication: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.administer(&header, "bind the session", async |door| {
            bindings::open(&door.service, uid, session, authentication).await
        })
        .await
    }

    async fn close_session(
        &self,
        session: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.administer(&header, "release the session", async |door| {
            bindings::close(&door.service, session).await
        })
        .await
    }
}

impl LoginFace {
    async fn administer<T>(
        &self,
        header: &Header<'_>,
        doing: &str,
        work: impl AsyncFnOnce(&Door) -> Result<T, Refusal>,
    ) -> Result<T, CallError> {
        let Self(door) = self;
        door.call(header, doing, None, async |peer| {
            let visit = door.service.visit(peer).await?;
            door.service.administrator(&visit.caller)?;
            work(door).await
        })
        .await
    }
}
