use std::sync::Arc;

use claviger_core::Refusal;
use claviger_dbus::CallError;
use claviger_dbus::wire::{NoOptions, SessionWhy, TokenState};
use claviger_token::Mechanism;
use zbus::OwnedFd;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use super::door::Door;
use crate::channel;

/// `org.claviger.KeyStore1.Service`: the service itself.
pub struct ServiceFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Service", introspection_docs = false)]
impl ServiceFace {
    #[zbus(out_args("channel"))]
    async fn open_channel(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "open a channel", None, async |peer| {
            if door.is_channel() {
                return Err(Refusal::NotSupported("opening a channel over a channel".into()));
            }
            let caller = Arc::clone(&door.service.visit(peer).await?.caller);
            // The channel ends with its session: which that is, is known before there is a channel.
            let _session = door.service.session_of(peer).await;
            channel::open(&door.service, peer, caller).map(OwnedFd::from)
        })
        .await
    }

    async fn subscribe(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "subscribe", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let emitter = match door.is_channel() {
                true => emitter.to_owned(),
                false => emitter.to_owned().set_destination(peer.name.inner().clone().into()),
            };
            let (subscribers, permits) = (&door.service.subscribers, &door.service.permits);
            subscribers.subscribe(permits, visit.caller.uid, peer, emitter)
        })
        .await
    }

    async fn unsubscribe(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "unsubscribe", None, async |peer| {
            let _visit = door.service.visit(peer).await?;
            door.service.subscribers.unsubscribe(peer);
            Ok(())
        })
        .await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn features(&self) -> Vec<String> {
        ["channel", "local", "card", "phone"].map(str::to_owned).to_vec()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn mechanisms(&self) -> Vec<&'static str> {
        let offered = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.is_offered());
        offered.map(Mechanism::name).collect()
    }

    #[zbus(signal)]
    pub(crate) async fn keys_changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn token_changed(
        emitter: &SignalEmitter<'_>,
        token: &str,
        state: TokenState,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn locked_changed(emitter: &SignalEmitter<'_>, locked: bool) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn session_ending(
        emitter: &SignalEmitter<'_>,
        session: &str,
        why: SessionWhy,
    ) -> zbus::Result<()>;
}
