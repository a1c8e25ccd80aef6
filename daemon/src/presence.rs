//! Cards that come and go, told to those whose they are.

use std::sync::Arc;

use claviger_card::CardEvent;
use claviger_token::{Presence, Token, TokenId};

use crate::service::Service;
use crate::signals::Event;

/// Tells owners of what happens to their cards, until the cards stop.
pub(crate) async fn tell(service: Arc<Service>) {
    let mut events = service.cards.subscribe();
    while let Some(event) = events.recv().await {
        match event {
            CardEvent::Token { token, presence, .. } => token_changed(&service, token, presence).await,
            CardEvent::Readers => service.subscribers.announce_to_all(&Event::ReadersChanged),
        }
    }
}

async fn token_changed(service: &Service, token: TokenId, presence: Presence) {
    match service.table.token_owner(token.clone()).await {
        Ok(Some(uid)) => {
            let locked = !service.cards.token(&token).is_unlocked();
            tracing::info!(uid, %token, presence = presence.name(), "a card came or went");
            service.subscribers.announce(uid, &Event::TokenChanged { token, presence, locked });
        }
        Ok(None) => service.subscribers.announce_to_all(&Event::ReadersChanged),
        Err(error) => tracing::warn!(%token, "cannot tell whose card came or went: {error}"),
    }
}
