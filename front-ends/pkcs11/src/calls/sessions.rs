use cryptoki_sys as sys;

use crate::rv::{Answer, Rv};
use crate::state::Module;

impl Module {
    /// Opens a session.
    ///
    /// # Errors
    /// `CKR_SLOT_ID_INVALID`, `CKR_TOKEN_NOT_PRESENT`, `CKR_SESSION_PARALLEL_NOT_SUPPORTED`, `CKR_SESSION_COUNT`.
    pub(crate) fn open_session(
        &self,
        slot: sys::CK_SLOT_ID,
        flags: sys::CK_FLAGS,
    ) -> Answer<sys::CK_SESSION_HANDLE> {
        if flags & sys::CKF_SERIAL_SESSION == 0 {
            return Err(Rv::SESSION_PARALLEL_NOT_SUPPORTED);
        }
        self.renew()?;
        let mut world = self.world();
        if !world.slot(slot)?.is_present() {
            return Err(Rv::TOKEN_NOT_PRESENT);
        }
        world.open(slot, flags & sys::CKF_RW_SESSION != 0)
    }

    /// Closes the sessions of a slot. One that had a token once, which is gone with all its sessions, has none left.
    ///
    /// # Errors
    /// `CKR_SLOT_ID_INVALID`.
    pub(crate) fn close_all_sessions(&self, slot: sys::CK_SLOT_ID) -> Answer<()> {
        let mut world = self.world();
        if !world.was_slot(slot) {
            return Err(Rv::SLOT_ID_INVALID);
        }
        world.close_all(slot);
        Ok(())
    }

    /// Returns the `CK_SESSION_INFO`. Programs ask for it to see whether the token is still there, so it is looked.
    ///
    /// # Errors
    /// `CKR_SESSION_HANDLE_INVALID`, `CKR_DEVICE_REMOVED`.
    pub(crate) fn session_info(&self, session: sys::CK_SESSION_HANDLE) -> Answer<sys::CK_SESSION_INFO> {
        self.world().session(session)?;
        self.renew()?;
        let world = self.world();
        let view = world.view(session).map_err(|_| Rv::DEVICE_REMOVED)?;
        Ok(view.info(world.login(view.slot.id)))
    }

    /// Ends operations of a session.
    pub(crate) fn cancel(&self, session: sys::CK_SESSION_HANDLE, flags: sys::CK_FLAGS) -> Answer<()> {
        let mut world = self.world();
        let session = world.session(session)?;
        if flags & sys::CKF_FIND_OBJECTS != 0 {
            session.found = None;
        }
        if flags & sys::CKF_DIGEST != 0 {
            session.active.digest = None;
        }
        if flags & sys::CKF_SIGN != 0 {
            session.active.sign = None;
        }
        if flags & sys::CKF_VERIFY != 0 {
            session.active.verify = None;
        }
        if flags & sys::CKF_ENCRYPT != 0 {
            session.active.encrypt = None;
        }
        if flags & sys::CKF_DECRYPT != 0 {
            session.active.decrypt = None;
        }
        Ok(())
    }
}
