//! Cards and phones that come and go, told to those whose they are.

use std::sync::Arc;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use claviger_card::CardEvent;
use claviger_phone_token::{PhoneEvent, info_text};
use claviger_token::{Presence, Token, TokenId};

use crate::accounts::phones;
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

/// Tells owners of what happens to their phones, until the phones stop, and keeps what a phone says of itself for when it is
/// away.
pub(crate) async fn tell_of_phones(service: Arc<Service>) {
    let mut events = service.phones.subscribe();
    let mut kept = HashMap::new();
    while let Some(event) = events.recv().await {
        match event {
            PhoneEvent::Token { token, presence, at: _, why } => {
                tracing::info!(%token, presence = presence.name(), "a phone came or went: {why}");
                keep_info(&service, &token, &mut kept).await;
                phone_changed(&service, &token).await;
            }
            PhoneEvent::Changed { token } => {
                keep_info(&service, &token, &mut kept).await;
                phone_changed(&service, &token).await;
            }
            // Told to those whose sessions hang on it: see `sessions`.
            PhoneEvent::Missing { .. } | PhoneEvent::Back { .. } => {}
        }
    }
}

async fn phone_changed(service: &Service, token: &TokenId) {
    match service.table.token_owner(token.clone()).await {
        Ok(Some(uid)) => phones::announce(service, &service.phones.token(token), uid),
        // It was taken out of its account meanwhile.
        Ok(None) => {}
        Err(error) => tracing::warn!(%token, "cannot tell whose phone came or went: {error}"),
    }
}

async fn keep_info(service: &Service, token: &TokenId, kept: &mut HashMap<TokenId, (String, Instant)>) {
    let Some(info) = service.phones.token(token).info() else { return };
    let text = info_text::print(&info);
    // A phone may say something else with each breath: the disk is not to follow it.
    if kept.get(token).is_some_and(|(last, at)| *last == text || at.elapsed() < PAUSE) {
        return;
    }
    match service.table.set_phone_info(token, text.clone()).await {
        Ok(()) => drop(kept.insert(token.clone(), (text, Instant::now()))),
        Err(error) => tracing::warn!(%token, "cannot keep what a phone says of itself: {error}"),
    }
}

/// So long after what a phone says of itself was written down nothing more is.
const PAUSE: Duration = Duration::from_secs(60);
