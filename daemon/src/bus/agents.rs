use claviger_dbus::CallError;
use claviger_dbus::wire::{AgentOptions, NoOptions};
use zbus::message::Header;
use zbus::wire::OwnedObjectPath;

use super::door::Door;
use crate::agents;

/// `org.claviger.KeyStore1.Agents`: where programs that ask people register. It is served on the bus alone.
pub struct AgentsFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Agents", introspection_docs = false)]
impl AgentsFace {
    async fn register_agent(
        &self,
        agent: OwnedObjectPath,
        options: AgentOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let Self(door) = self;
        let AgentOptions { session } = options;
        door.call(&header, "register an agent", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let session = agents::served(&door.service, peer, visit.caller.uid, session).await?;
            door.service.agents.registry.register(peer, agent, visit.caller.uid, session)
        })
        .await
    }

    async fn unregister_agent(
        &self,
        agent: OwnedObjectPath,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "unregister an agent", None, async |peer| {
            let _visit = door.service.visit(peer).await?;
            door.service.agents.registry.unregister(peer, &agent);
            Ok(())
        })
        .await
    }
}
