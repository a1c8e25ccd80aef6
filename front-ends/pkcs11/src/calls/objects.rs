use cryptoki_sys as sys;

use crate::chains;
use crate::objects::{Attribute, Object};
use crate::rv::{Answer, Rv};
use crate::state::Module;
use crate::template::Template;

impl Module {
    /// Begins a search.
    ///
    /// # Errors
    /// `CKR_OPERATION_ACTIVE`, and what the key store refuses with.
    pub(crate) fn find_init(&self, session: sys::CK_SESSION_HANDLE, template: &Template) -> Answer<()> {
        if self.world().session(session)?.found.is_some() {
            return Err(Rv::OPERATION_ACTIVE);
        }
        self.renew()?;
        let view = self.world().view(session).map_err(|_| Rv::DEVICE_REMOVED)?;
        let class = template.number(sys::CKA_CLASS).unwrap_or_default();
        if class.is_none_or(|class| class == sys::CKO_CERTIFICATE) {
            // What stands above a certificate is not told with the keys.
            let chains = chains::fetched(self.store(), &view.slot)?;
            self.world().renew_chains(&chains);
        }
        let mut world = self.world();
        let mut found = world.objects.find(view.slot.id, view.is_user, template);
        found.reverse();
        world.session(session)?.found = Some(found);
        Ok(())
    }

    /// Returns the next objects that were found.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED`.
    pub(crate) fn find(
        &self,
        session: sys::CK_SESSION_HANDLE,
        most: usize,
    ) -> Answer<Vec<sys::CK_OBJECT_HANDLE>> {
        let mut world = self.world();
        let found = world.session(session)?.found.as_mut().ok_or(Rv::OPERATION_NOT_INITIALIZED)?;
        let rest = found.len().saturating_sub(most);
        Ok(found.split_off(rest).into_iter().rev().collect())
    }

    /// Ends a search.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED`.
    pub(crate) fn find_final(&self, session: sys::CK_SESSION_HANDLE) -> Answer<()> {
        let found = self.world().session(session)?.found.take();
        found.map(drop).ok_or(Rv::OPERATION_NOT_INITIALIZED)
    }

    /// Returns an object that may be read.
    ///
    /// # Errors
    /// `CKR_OBJECT_HANDLE_INVALID`, also for a private one where nobody is logged in.
    pub(crate) fn object(
        &self,
        session: sys::CK_SESSION_HANDLE,
        object: sys::CK_OBJECT_HANDLE,
    ) -> Answer<Object> {
        let world = self.world();
        let view = world.view(session)?;
        let object = world.objects.object(view.slot.id, view.is_user, object);
        object.cloned().map_err(|_| Rv::OBJECT_HANDLE_INVALID)
    }

    /// Returns the key that an operation shall use.
    ///
    /// # Errors
    /// `CKR_KEY_HANDLE_INVALID`; `CKR_USER_NOT_LOGGED_IN` for a private one where nobody is.
    pub(crate) fn operand(
        &self,
        session: sys::CK_SESSION_HANDLE,
        key: sys::CK_OBJECT_HANDLE,
    ) -> Answer<Object> {
        let world = self.world();
        let view = world.view(session)?;
        let object = world.objects.object(view.slot.id, view.is_user, key).cloned();
        let object = object.map_err(|code| match code {
            Rv::USER_NOT_LOGGED_IN => code,
            _ => Rv::KEY_HANDLE_INVALID,
        })?;
        match object {
            Object::Certificate(_) => Err(Rv::KEY_HANDLE_INVALID),
            key => Ok(key),
        }
    }

    /// Returns about how many bytes an object takes.
    pub(crate) fn object_size(
        &self,
        session: sys::CK_SESSION_HANDLE,
        object: sys::CK_OBJECT_HANDLE,
    ) -> Answer<usize> {
        let object = self.object(session, object)?;
        let size = |kind| match object.attribute(kind) {
            Attribute::Value(value) => value.len(),
            Attribute::Sensitive | Attribute::None => 0,
        };
        Ok([sys::CKA_LABEL, sys::CKA_ID, sys::CKA_VALUE, sys::CKA_PUBLIC_KEY_INFO]
            .into_iter()
            .map(size)
            .sum())
    }
}
