use claviger_client::{ByteBuf, CertificateOptions, Error};
use cryptoki_sys as sys;

use super::create::check_writable;
use crate::objects::{Attribute, HeldCertificate, Object};
use crate::rv::{Answer, Rv};
use crate::state::Module;
use crate::template::Template;

impl Module {
    /// Changes attributes: the label of a key, with which its public half and its certificate change. What stays as it
    /// is may be said again.
    ///
    /// # Errors
    /// `CKR_ATTRIBUTE_READ_ONLY`, `CKR_ATTRIBUTE_TYPE_INVALID`, and what the key store refuses with.
    pub(crate) fn change(
        &self,
        session: sys::CK_SESSION_HANDLE,
        object: sys::CK_OBJECT_HANDLE,
        template: &Template,
    ) -> Answer<()> {
        let view = self.world().view(session)?;
        let object = self.object(session, object)?;
        let key = match &object {
            Object::PrivateKey(held) | Object::PublicKey(held) => Some(&held.key),
            Object::Certificate(held) if held.own => Some(&held.key),
            Object::Certificate(_) | Object::SessionPublicKey(..) | Object::SecretKey(..) => None,
        };
        let mut label = None;
        for (kind, value) in template.iter() {
            match object.attribute(kind) {
                Attribute::Value(same) if same == value => {}
                Attribute::Value(_) if kind == sys::CKA_LABEL => label = template.text(kind)?,
                Attribute::Value(_) | Attribute::Sensitive => return Err(Rv::ATTRIBUTE_READ_ONLY),
                Attribute::None => return Err(Rv::ATTRIBUTE_TYPE_INVALID),
            }
        }
        let Some(label) = label else { return Ok(()) };
        let key = key.ok_or(Rv::ACTION_PROHIBITED)?;
        check_writable(&view)?;
        let changed = self.store().set_label(key.id(), label);
        changed.map_err(|error| self.failed(view.slot.id, error.into()))?;
        self.renew()
    }

    /// Destroys an object. A private key is deleted for good, with all that belongs to it.
    ///
    /// # Errors
    /// `CKR_ACTION_PROHIBITED` for the public half of a key, which goes with the private one, and for a private key that
    /// other tokens have too: the key store deletes it everywhere.
    pub(crate) fn destroy(
        &self,
        session: sys::CK_SESSION_HANDLE,
        handle: sys::CK_OBJECT_HANDLE,
    ) -> Answer<()> {
        let view = self.world().view(session)?;
        let destroyed = match self.object(session, handle)? {
            Object::SessionPublicKey(..) | Object::SecretKey(..) => {
                self.world().objects.remove(handle);
                return Ok(());
            }
            Object::PublicKey(_) => return Err(Rv::ACTION_PROHIBITED),
            Object::PrivateKey(held) => {
                check_writable(&view)?;
                // Who destroys it here does not mean the card and the phone that have it too.
                if held.key.row().tokens.len() > 1 {
                    return Err(Rv::ACTION_PROHIBITED);
                }
                self.store().delete_key(held.key.id())
            }
            Object::Certificate(held) => {
                check_writable(&view)?;
                self.take_away(&view.slot.keys, &held)
            }
        };
        destroyed.map_err(|error| self.failed(view.slot.id, error.into()))?;
        self.renew()
    }

    /// Takes a certificate away: a key's own with all above it, or one out of every chain that it stands in.
    fn take_away(
        &self,
        keys: &[std::sync::Arc<crate::key::Key>],
        held: &HeldCertificate,
    ) -> Result<(), Error> {
        if held.own {
            return self.store().set_certificate(held.key.id(), &[], &CertificateOptions::default());
        }
        for key in keys.iter().filter(|key| key.row().certificate.is_some()) {
            let chain = self.store().certificates(key.id())?;
            let Some((own, above)) = chain.split_first() else { continue };
            let kept: Vec<_> = above.iter().filter(|other| **other != held.certificate.value).collect();
            if kept.len() < above.len() {
                let chain = Some(kept.into_iter().cloned().map(ByteBuf::from).collect());
                self.store().set_certificate(
                    key.id(),
                    own,
                    &CertificateOptions { chain, authority: None },
                )?;
            }
        }
        Ok(())
    }
}
