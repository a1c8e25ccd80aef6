use std::sync::Arc;

use claviger_phone_protocol::{Failure, Hello, PairingId, Refusal, Rv, StaticKey, SystemRandomness, Terms};
use tokio::time::Instant;

use super::{Conversation, Done, Pairing};
use crate::invitation::Invited;
use crate::pairing;

/// A pairing on this stream: it is what the person has invited, and what they are asked.
impl Conversation {
    /// Lets a host ask that was invited, and turns away any other.
    pub(super) fn welcome(&mut self, hello: Hello, id: PairingId) {
        match self.invite(hello, id) {
            Ok(key) => self.let_pair(key),
            Err(refusal) => self.phone.turn_away(refusal),
        }
    }

    fn invite(&mut self, hello: Hello, id: PairingId) -> Result<StaticKey, Refusal> {
        // A host that begins anew on the same stream lets go of its first attempt.
        self.pairing = None;
        let taken = self.manager.invitations.take(hello)?;
        if self.manager.hosts.host(id).is_some() {
            return Err(Refusal::NotAllowed);
        }
        let key = StaticKey::generate(&mut SystemRandomness).map_err(|_| Refusal::NotAllowed)?;
        self.pairing = Some(Pairing { taken, since: Instant::now(), id, code: None, granted: None });
        Ok(key)
    }

    fn let_pair(&mut self, key: StaticKey) {
        let Some(pairing) = &self.pairing else { return };
        match &pairing.taken.invited {
            Invited::Uri(uri) => self.phone.pair_by_uri(uri, key),
            Invited::Numbers => self.phone.pair_by_numbers(key),
        }
    }

    pub(super) fn compare(&mut self, code: String) {
        if let Some(pairing) = &mut self.pairing {
            pairing.taken.show(code.clone());
            pairing.code = Some(code);
        }
    }

    pub(super) fn ask_to_pair(&mut self, terms: Terms) {
        let Some(pairing) = self.pairing.as_ref().filter(|pairing| pairing.taken.stands()) else {
            return self
                .phone
                .decline(Failure::new(Rv::FunctionRejected, "the phone does not pair any more"));
        };
        let question = pairing::question(&self.manager.hosts, pairing.id, &terms, pairing.code.clone());
        let (asker, withdrawn) = (pairing.taken.asker(), pairing.taken.withdrawn());
        let answer = pairing::ask(Arc::clone(&self.manager), question, asker, withdrawn);
        self.work.spawn(async move { Done::Person(answer.await) });
    }

    pub(super) fn grant(&mut self) {
        if !self.pairing.as_ref().is_some_and(|pairing| pairing.taken.stands()) {
            let failure = Failure::new(Rv::FunctionRejected, "the phone does not pair any more");
            return self.phone.decline(failure);
        }
        let granted = self.phone.grant(&self.manager.name, &self.manager.model);
        if let Some(pairing) = &mut self.pairing {
            pairing.granted = granted;
        }
    }
}
