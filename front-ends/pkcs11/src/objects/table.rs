use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cryptoki_sys as sys;

use super::values::Attribute;
use super::{Held, HeldCertificate, Object};
use crate::chains::Chains;
use crate::rv::{Answer, Rv};
use crate::slot::Slot;
use crate::template::Template;

/// Every object by its handle. What a slot has keeps its handle for as long as it is told of, whoever asks.
#[derive(Default)]
pub(crate) struct Objects {
    entries: BTreeMap<sys::CK_OBJECT_HANDLE, Entry>,
    told: BTreeMap<Identity, sys::CK_OBJECT_HANDLE>,
    last: sys::CK_OBJECT_HANDLE,
}

struct Entry {
    slot: sys::CK_SLOT_ID,
    /// The session that it lives in; `None` for what the slot has.
    session: Option<sys::CK_SESSION_HANDLE>,
    object: Object,
}

/// What makes an object of a slot the same one when it is told of again: slot, class, and its unique id.
type Identity = (sys::CK_SLOT_ID, sys::CK_OBJECT_CLASS, Vec<u8>);

impl Objects {
    /// Takes what the slots have now in the place of what they had.
    pub(crate) fn renew(&mut self, slots: &[Arc<Slot>], chains: &Chains) {
        let mut seen = BTreeSet::new();
        for slot in slots {
            for object in of_slot(slot, chains) {
                let identity = (slot.id, object.class(), unique_id(&object));
                // A certificate above several keys is one object.
                if !seen.insert(identity.clone()) {
                    continue;
                }
                let handle = match self.told.get(&identity) {
                    Some(handle) => *handle,
                    None => self.next(),
                };
                self.told.insert(identity, handle);
                self.entries.insert(handle, Entry { slot: slot.id, session: None, object });
            }
        }
        let Self { entries, told, .. } = self;
        told.retain(|identity, handle| {
            let stays = seen.contains(identity);
            if !stays {
                entries.remove(handle);
            }
            stays
        });
    }

    /// Adds an object that lives in a session.
    pub(crate) fn add(
        &mut self,
        slot: sys::CK_SLOT_ID,
        session: sys::CK_SESSION_HANDLE,
        object: Object,
    ) -> sys::CK_OBJECT_HANDLE {
        let handle = self.next();
        self.entries.insert(handle, Entry { slot, session: Some(session), object });
        handle
    }

    /// Returns an object of a slot.
    ///
    /// # Errors
    /// `CKR_OBJECT_HANDLE_INVALID`; `CKR_USER_NOT_LOGGED_IN` for a private one where nobody is.
    pub(crate) fn object(
        &self,
        slot: sys::CK_SLOT_ID,
        is_user: bool,
        handle: sys::CK_OBJECT_HANDLE,
    ) -> Answer<&Object> {
        let entry = self.entries.get(&handle).filter(|entry| entry.slot == slot);
        let object = &entry.ok_or(Rv::OBJECT_HANDLE_INVALID)?.object;
        if object.is_private() && !is_user { Err(Rv::USER_NOT_LOGGED_IN) } else { Ok(object) }
    }

    /// Returns the objects of a slot that have all attributes of the template.
    pub(crate) fn find(
        &self,
        slot: sys::CK_SLOT_ID,
        is_user: bool,
        template: &Template,
    ) -> Vec<sys::CK_OBJECT_HANDLE> {
        let visible = |entry: &Entry| entry.slot == slot && (is_user || !entry.object.is_private());
        let has = |entry: &Entry| {
            template.iter().all(|(kind, wanted)| match entry.object.attribute(kind) {
                Attribute::Value(value) => value == wanted,
                Attribute::Sensitive | Attribute::None => false,
            })
        };
        let found = self.entries.iter().filter(|(_, entry)| visible(entry) && has(entry));
        found.map(|(handle, _)| *handle).collect()
    }

    /// Returns the handle of one half of a key at a slot.
    pub(crate) fn half(
        &self,
        slot: sys::CK_SLOT_ID,
        class: sys::CK_OBJECT_CLASS,
        key: &str,
    ) -> Option<sys::CK_OBJECT_HANDLE> {
        self.told.get(&(slot, class, key.as_bytes().to_vec())).copied()
    }

    /// Returns the handle of a certificate at a slot.
    pub(crate) fn certificate(&self, slot: sys::CK_SLOT_ID, value: &[u8]) -> Option<sys::CK_OBJECT_HANDLE> {
        let is_it = |entry: &Entry| {
            entry.slot == slot
                && matches!(&entry.object, Object::Certificate(held) if held.certificate.value == value)
        };
        self.entries.iter().find(|(_, entry)| is_it(entry)).map(|(handle, _)| *handle)
    }

    /// Removes an object that lives in a session; returns whether it did.
    pub(crate) fn remove(&mut self, handle: sys::CK_OBJECT_HANDLE) -> bool {
        let lives = self.entries.get(&handle).is_some_and(|entry| entry.session.is_some());
        if lives {
            self.entries.remove(&handle);
        }
        lives
    }

    /// Removes what lived in a session.
    pub(crate) fn end_session(&mut self, session: sys::CK_SESSION_HANDLE) {
        self.entries.retain(|_, entry| entry.session != Some(session));
    }

    /// Removes the private objects that lived in sessions of a slot: "when C_Logout successfully executes, … all of the
    /// application's private session objects are destroyed".
    pub(crate) fn end_login(&mut self, slot: sys::CK_SLOT_ID) {
        self.entries
            .retain(|_, entry| entry.slot != slot || entry.session.is_none() || !entry.object.is_private());
    }

    fn next(&mut self) -> sys::CK_OBJECT_HANDLE {
        self.last += 1;
        self.last
    }
}

/// Returns what a slot has.
fn of_slot(slot: &Slot, chains: &Chains) -> Vec<Object> {
    let mut objects = Vec::new();
    for key in &slot.keys {
        let chain = chains.of(key.id());
        let own = chain.and_then(|chain| chain.own.clone());
        let wants_pin = slot.wants_pin_each_time(key);
        let held = Held { key: key.clone(), certificate: own.clone(), wants_pin };
        objects.extend([Object::PrivateKey(held.clone()), Object::PublicKey(held)]);
        let certificate =
            |certificate, own| Object::Certificate(HeldCertificate { certificate, key: key.clone(), own });
        objects.extend(own.map(|own| certificate(own, true)));
        let above = chain.iter().flat_map(|chain| &chain.above);
        objects.extend(above.map(|above| certificate(above.clone(), false)));
    }
    // Where a key's own certificate stands above another one too, it is the key's own.
    objects.sort_by_key(|object| matches!(object, Object::Certificate(held) if !held.own));
    objects
}

fn unique_id(object: &Object) -> Vec<u8> {
    match object.attribute(sys::CKA_UNIQUE_ID) {
        Attribute::Value(value) => value,
        Attribute::Sensitive | Attribute::None => Vec::new(),
    }
}
