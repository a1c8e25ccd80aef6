//! What links say.

use std::sync::Arc;

use claviger_phone_protocol::Known;
use claviger_token::TokenId;

use crate::link::Stream;
use crate::link::bluez::Radio;
use crate::registry::watching::now;
use crate::registry::{Phone, Registry, State};
use crate::{Address, Link, LinkFault, PhoneEvent};

impl Registry {
    /// Takes in what came of a try at a link.
    pub(crate) fn report(&self, token: &TokenId, link: &Link, fault: Option<LinkFault>) {
        let mut state = self.state();
        let Some(phone) = state.phones.get_mut(token).filter(|phone| phone.links.contains(link)) else {
            return;
        };
        // That nobody has come to the socket says less than why somebody who came was turned away.
        let known =
            phone.tried.get(link).is_some_and(|known| !known.as_ref().is_some_and(LinkFault::is_ours));
        let is_news = !(known && fault == Some(LinkFault::NobodyConnected));
        let was = if is_news { phone.tried.insert(link.clone(), fault.clone()) } else { Some(fault.clone()) };
        self.review_side(&mut state, token);
        if was.as_ref() != Some(&fault) {
            if let Some(fault) = &fault {
                tracing::debug!("{token}: {link}: {fault}");
            }
            self.tell(&mut state, PhoneEvent::Changed { token: token.clone() });
        }
    }

    /// Takes in why somebody who connected to a user's socket is none of the phones that come that way.
    pub(crate) fn report_socket(&self, uid: u32, fault: &LinkFault) {
        let comes = |phone: &Phone| {
            phone.known.uid == uid && phone.connected.is_none() && phone.links.contains(&Link::Socket)
        };
        let state = self.state();
        let tokens: Vec<_> =
            state.phones.iter().filter(|(_, phone)| comes(phone)).map(|(token, _)| token.clone()).collect();
        drop(state);
        tokens.iter().for_each(|token| self.report(token, &Link::Socket, Some(fault.clone())));
    }

    /// Takes in how this computer's radio stands.
    pub(crate) fn radio_changed(&self, fault: Option<&LinkFault>) {
        let mut state = self.state();
        let tokens: Vec<_> = state.phones.keys().cloned().collect();
        for token in tokens {
            let Some(phone) = state.phones.get_mut(&token) else { continue };
            let mut changed = false;
            for link in phone.links.iter().filter(|link| link.is_radio()) {
                changed |= phone.tried.insert(link.clone(), fault.cloned()) != Some(fault.cloned());
            }
            self.review_side(&mut state, &token);
            if changed {
                self.tell(&mut state, PhoneEvent::Changed { token });
            }
        }
    }

    pub(crate) fn radio(&self) -> Radio {
        self.bluez.radio()
    }

    pub(crate) async fn dial_radio(&self, address: Address) -> Result<Stream, LinkFault> {
        self.bluez.dial(address).await
    }

    pub(crate) async fn bonded_phones(&self) -> Result<Vec<Address>, LinkFault> {
        self.bluez.bonded().await
    }

    /// Listens on the socket of that user.
    pub(crate) fn listen_for(self: &Arc<Self>, uid: u32) -> Result<(), LinkFault> {
        self.state().sockets.listen(uid, self).map_err(|error| LinkFault::NoSocket(error.kind()))
    }

    /// Listens on the socket of a phone's user, where it may come that way.
    pub(super) fn listen_for_kept(self: &Arc<Self>, state: &mut State, token: &TokenId) {
        let State { phones, sockets, .. } = state;
        let Some(phone) = phones.get(token).filter(|phone| phone.links.contains(&Link::Socket)) else {
            return;
        };
        if let Err(error) = sockets.listen(phone.known.uid, self) {
            // Its line tries again when it dials, and says so to whoever asks.
            tracing::warn!(%token, "cannot listen for a phone: {error}");
        }
    }

    /// Returns what opens a channel to each phone that may come over the socket of that user. One that seems connected may
    /// come, too: it knows better.
    pub(crate) fn who_may_connect(&self, uid: u32) -> Vec<Known> {
        let state = self.state();
        let phones = state.phones.values();
        let coming = phones.filter(|phone| phone.known.uid == uid && phone.links.contains(&Link::Socket));
        coming.map(|phone| phone.known.clone()).collect()
    }

    /// A phone can be heard while every link to it works on this computer's side. One that is missed without being kept can
    /// never be heard: where it is known to be not paired it counts from the start, else never.
    pub(super) fn review_side(&self, state: &mut State, token: &TokenId) {
        let works = |phone: &Phone| {
            phone.links.iter().all(|link| {
                phone.tried.get(link).is_some_and(|fault| !fault.as_ref().is_some_and(LinkFault::is_ours))
            })
        };
        let works = match state.phones.get(token) {
            Some(phone) => works(phone),
            None => state.unkept.as_ref().is_some_and(|unkept| !unkept.contains(token)),
        };
        let now = now();
        let changes = state.watches.get_mut(token).map(|watch| watch.listen(now, works)).unwrap_or_default();
        self.apply(state, token, now, changes);
        self.clock.notify_one();
    }

    pub(super) fn review_sockets(&self, state: &mut State) {
        let State { phones, sockets, pairing, .. } = state;
        let awaited = pairing.as_ref().filter(|pairing| pairing.socket).map(|pairing| pairing.uid);
        sockets.retain(|uid| {
            let comes = |phone: &Phone| phone.known.uid == uid && phone.links.contains(&Link::Socket);
            awaited == Some(uid) || phones.values().any(comes)
        });
    }
}
