use std::sync::Arc;

use cryptoki_sys as sys;

use crate::operations::{Info, mechanisms};
use crate::rv::{Answer, Rv};
use crate::slot::{Slot, shortened};
use crate::state::Module;
use crate::world::{SESSIONS, World};

impl Module {
    /// Returns the ids of the slots. They are asked for anew where only the number is wanted: what comes right after that
    /// must be the same.
    pub(crate) fn slot_list(&self, present: bool, counting: bool) -> Answer<Vec<sys::CK_SLOT_ID>> {
        if counting || !self.world().is_fresh() {
            self.renew()?;
        }
        let world = self.world();
        let slots = world.slots().iter().filter(|slot| slot.is_present() || !present);
        Ok(slots.map(|slot| slot.id).collect())
    }

    /// Returns a slot as it is now.
    fn slot_now(&self, id: sys::CK_SLOT_ID) -> Answer<Arc<Slot>> {
        self.renew()?;
        self.world().slot(id)
    }

    /// Returns the `CK_SLOT_INFO`.
    pub(crate) fn slot_info(&self, id: sys::CK_SLOT_ID) -> Answer<sys::CK_SLOT_INFO> {
        let slot = self.slot_now(id)?;
        let description = match (slot.row.kind.as_str(), slot.row.reader.as_str()) {
            ("card", "") => format!("card {}", slot.row.name),
            ("card", reader) => reader.to_owned(),
            ("phone", _) => format!("phone {}", slot.row.name),
            (_, _) => slot.row.name.clone(),
        };
        let removable =
            if slot.row.kind == "local" { 0 } else { sys::CKF_REMOVABLE_DEVICE | sys::CKF_HW_SLOT };
        let present = if slot.is_present() { sys::CKF_TOKEN_PRESENT } else { 0 };
        Ok(sys::CK_SLOT_INFO {
            slotDescription: padded(&description),
            manufacturerID: padded(MANUFACTURER),
            flags: removable | present,
            hardwareVersion: sys::CK_VERSION::default(),
            firmwareVersion: sys::CK_VERSION::default(),
        })
    }

    /// Returns the `CK_TOKEN_INFO`.
    ///
    /// # Errors
    /// `CKR_SLOT_ID_INVALID`, `CKR_TOKEN_NOT_PRESENT`.
    pub(crate) fn token_info(&self, id: sys::CK_SLOT_ID) -> Answer<sys::CK_TOKEN_INFO> {
        let slot = self.slot_now(id)?;
        if !slot.is_present() {
            return Err(Rv::TOKEN_NOT_PRESENT);
        }
        let row = &slot.row;
        let model = match (&row.model, row.application.as_str()) {
            (Some(model), _) => model.as_str(),
            (None, "") => row.kind.as_str(),
            (None, application) => application,
        };
        let flags = token_flags(&slot);
        let mut world = self.world();
        world.set_warned(id, flags & sys::CKF_USER_PIN_FINAL_TRY != 0);
        let (sessions, writable) = counted(&world, id);
        Ok(sys::CK_TOKEN_INFO {
            label: padded(&slot.label),
            manufacturerID: padded(MANUFACTURER),
            model: padded(model),
            serialNumber: padded(&slot.serial()),
            flags,
            ulMaxSessionCount: SESSIONS as sys::CK_ULONG,
            ulSessionCount: sessions,
            ulMaxRwSessionCount: SESSIONS as sys::CK_ULONG,
            ulRwSessionCount: writable,
            ulMaxPinLen: row.pin_longest.map_or(LONGEST, sys::CK_ULONG::from),
            ulMinPinLen: row.pin_shortest.map_or(0, sys::CK_ULONG::from),
            ulTotalPublicMemory: sys::CK_UNAVAILABLE_INFORMATION,
            ulFreePublicMemory: sys::CK_UNAVAILABLE_INFORMATION,
            ulTotalPrivateMemory: sys::CK_UNAVAILABLE_INFORMATION,
            ulFreePrivateMemory: sys::CK_UNAVAILABLE_INFORMATION,
            hardwareVersion: sys::CK_VERSION::default(),
            firmwareVersion: sys::CK_VERSION::default(),
            utcTime: padded(""),
        })
    }

    /// Returns what a slot offers.
    ///
    /// # Errors
    /// `CKR_SLOT_ID_INVALID`, `CKR_TOKEN_NOT_PRESENT`.
    pub(crate) fn mechanisms(&self, id: sys::CK_SLOT_ID) -> Answer<Vec<Info>> {
        if !self.world().is_known() {
            self.renew()?;
        }
        let slot = self.world().slot(id)?;
        if !slot.is_present() {
            return Err(Rv::TOKEN_NOT_PRESENT);
        }
        let keys: Vec<_> = slot.keys.iter().map(|key| (**key).clone()).collect();
        Ok(mechanisms(&slot.row, &keys))
    }

    /// Returns one mechanism of a slot.
    ///
    /// # Errors
    /// As [`mechanisms`](Self::mechanisms), and `CKR_MECHANISM_INVALID`.
    pub(crate) fn mechanism(&self, id: sys::CK_SLOT_ID, number: sys::CK_MECHANISM_TYPE) -> Answer<Info> {
        let mechanisms = self.mechanisms(id)?;
        mechanisms.into_iter().find(|info| info.mechanism == number).ok_or(Rv::MECHANISM_INVALID)
    }

    /// Returns a slot whose token came or went; waits for one where it may.
    ///
    /// # Errors
    /// `CKR_NO_EVENT` where it may not wait; `CKR_CRYPTOKI_NOT_INITIALIZED` once another thread finalizes the module.
    pub(crate) fn wait_for_slot_event(&self, waits: bool) -> Answer<sys::CK_SLOT_ID> {
        loop {
            if self.is_finalized() {
                return Err(Rv::CRYPTOKI_NOT_INITIALIZED);
            }
            // Taken as no change: whether the key store is there again is seen the next time.
            let asked = self.renew();
            if let Some(slot) = self.world().event() {
                return Ok(slot);
            }
            if !waits {
                return asked.and(Err(Rv::NO_EVENT));
            }
            if self.store().wait_for_change().is_err() {
                self.pause();
            }
        }
    }
}

fn token_flags(slot: &Slot) -> sys::CK_FLAGS {
    let row = &slot.row;
    let always = sys::CKF_RNG | sys::CKF_TOKEN_INITIALIZED | sys::CKF_USER_PIN_INITIALIZED;
    let login = if slot.wants_login() { sys::CKF_LOGIN_REQUIRED } else { 0 };
    let protected = if slot.asks_itself() { sys::CKF_PROTECTED_AUTHENTICATION_PATH } else { 0 };
    let tries = match row.tries_left {
        Some(0) => sys::CKF_USER_PIN_LOCKED,
        Some(1) => sys::CKF_USER_PIN_FINAL_TRY | sys::CKF_USER_PIN_COUNT_LOW,
        Some(2) => sys::CKF_USER_PIN_COUNT_LOW,
        Some(_) | None => 0,
    };
    let officer = match row.puk_tries_left {
        Some(0) => sys::CKF_SO_PIN_LOCKED,
        Some(1) => sys::CKF_SO_PIN_FINAL_TRY | sys::CKF_SO_PIN_COUNT_LOW,
        Some(2) => sys::CKF_SO_PIN_COUNT_LOW,
        Some(_) | None => 0,
    };
    always | login | protected | tries | officer
}

/// Counts the sessions of a slot, all and writable ones.
fn counted(world: &World, slot: sys::CK_SLOT_ID) -> (sys::CK_ULONG, sys::CK_ULONG) {
    let all = world.sessions_of(slot).count();
    let writable = world.sessions_of(slot).filter(|(_, session)| session.writable).count();
    (all as sys::CK_ULONG, writable as sys::CK_ULONG)
}

/// Returns a text as PKCS#11 has it: of a fixed size, filled with blanks.
pub(crate) fn padded<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let text = shortened(text, SIZE).as_bytes();
    let mut padded = [b' '; SIZE];
    padded[..text.len()].copy_from_slice(text);
    padded
}

pub(crate) const MANUFACTURER: &str = "Claviger";

/// The most bytes of a pass phrase that programs are told of; some set memory aside for as many.
const LONGEST: sys::CK_ULONG = 255;
