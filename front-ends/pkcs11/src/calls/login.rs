use claviger_client::{Error, ErrorName, Secret};
use cryptoki_sys as sys;

use crate::rv::{Answer, Rv};
use crate::session::{Login, View};
use crate::slot::Slot;
use crate::state::Module;

impl Module {
    /// Logs somebody in. `pin` is `None` where the token shall ask itself.
    ///
    /// # Errors
    /// `CKR_PIN_INCORRECT` and the others of `C_Login`.
    pub(crate) fn login(
        &self,
        session: sys::CK_SESSION_HANDLE,
        user: sys::CK_USER_TYPE,
        pin: Option<Secret>,
    ) -> Answer<()> {
        let view = self.world().view(session)?;
        match user {
            sys::CKU_USER => self.login_user(&view, pin),
            sys::CKU_SO => self.login_officer(&view, pin),
            sys::CKU_CONTEXT_SPECIFIC => {
                if !self.world().session(session)?.active.wants_pin() {
                    return Err(Rv::OPERATION_NOT_INITIALIZED);
                }
                self.unlock(&view.slot, pin)?;
                let mut world = self.world();
                world.session(session).map_err(|_| Rv::SESSION_CLOSED)?.active.authenticate();
                // One PIN is for one use.
                world.take_fresh(view.slot.id);
                Ok(())
            }
            _ => Err(Rv::USER_TYPE_INVALID),
        }
    }

    fn login_user(&self, View { slot, .. }: &View, pin: Option<Secret>) -> Answer<()> {
        match self.world().login(slot.id) {
            Login::Public => {}
            Login::User => return Err(Rv::USER_ALREADY_LOGGED_IN),
            Login::Officer(_) => return Err(Rv::USER_ANOTHER_ALREADY_LOGGED_IN),
        }
        self.unlock(slot, pin)?;
        let mut world = self.world();
        if world.sessions_of(slot.id).next().is_none() {
            return Err(Rv::SESSION_CLOSED);
        }
        world.set_login(slot.id, Login::User);
        world.set_fresh(slot.id);
        Ok(())
    }

    /// The security officer of a card is who knows its PUK. It is tried when a PIN is set with it, not before: a card
    /// counts each try.
    fn login_officer(&self, View { slot, .. }: &View, puk: Option<Secret>) -> Answer<()> {
        if slot.row.kind != "card" {
            return Err(Rv::USER_TYPE_INVALID);
        }
        let puk = puk.ok_or(Rv::ARGUMENTS_BAD)?;
        if puk.as_bytes().is_empty() {
            return Err(Rv::PIN_INCORRECT);
        }
        let mut world = self.world();
        match world.login(slot.id) {
            Login::Public => {}
            Login::User => return Err(Rv::USER_ANOTHER_ALREADY_LOGGED_IN),
            Login::Officer(_) => return Err(Rv::USER_ALREADY_LOGGED_IN),
        }
        if world.sessions_of(slot.id).any(|(_, session)| !session.writable) {
            return Err(Rv::SESSION_READ_ONLY_EXISTS);
        }
        world.set_login(slot.id, Login::Officer(puk));
        Ok(())
    }

    /// Has the key store check a PIN or pass phrase. It does so also where it is unlocked already, but has nobody asked
    /// for one then.
    fn unlock(&self, slot: &Slot, pin: Option<Secret>) -> Answer<()> {
        let pin = pin.filter(|pin| !(slot.asks_itself() && pin.as_bytes().is_empty()));
        // It asks by itself what a use of a key wants: one question more, before there is anything to say yes to, is one
        // too many. What the caller knew may be old.
        let asks = pin.is_none() || slot.row.kind == "phone";
        if asks && slot.asks_itself() && !self.is_locked(slot)? {
            return Ok(());
        }
        let pin = match (slot.row.kind.as_str(), pin) {
            // It asks on its own screen, whatever the program was told.
            ("phone", _) => None,
            (_, Some(pin)) if pin.as_bytes().is_empty() => return Err(Rv::PIN_INCORRECT),
            (_, Some(pin)) => Some(pin),
            (_, None) if slot.asks_itself() => None,
            (_, None) => return Err(Rv::ARGUMENTS_BAD),
        };
        // A person who is asked by the token itself knows what is typed.
        let last_try = pin.is_none() || self.world().is_warned(slot.id);
        let unlocked = self.store().unlock(&slot.token, pin.as_ref(), last_try);
        unlocked.map_err(|error| self.pin_failed(slot, error, last_try))
    }

    /// Returns the code of a PIN that was not taken. Where it would have been the last try, and the program has not looked
    /// whether it is, nothing was tried: programs have old PINs in their configurations. It looks after a wrong one.
    fn pin_failed(&self, slot: &Slot, error: Error, last_try: bool) -> Rv {
        match error.name() {
            Some(ErrorName::PinNeeded) if slot.row.kind == "card" && !last_try => Rv::PIN_INCORRECT,
            Some(_) | None => self.failed(slot.id, error.into()),
        }
    }

    /// Returns true where a slot's token is locked now.
    fn is_locked(&self, slot: &Slot) -> Answer<bool> {
        self.renew()?;
        let now = self.world().slot(slot.id).map_err(|_| Rv::DEVICE_REMOVED)?;
        if now.is_present() { Ok(now.row.locked) } else { Err(Rv::DEVICE_REMOVED) }
    }

    /// Logs out in this application. What is unlocked stays so for others.
    ///
    /// # Errors
    /// `CKR_USER_NOT_LOGGED_IN`.
    pub(crate) fn logout(&self, session: sys::CK_SESSION_HANDLE) -> Answer<()> {
        let mut world = self.world();
        let slot = world.session(session)?.slot;
        if matches!(world.login(slot), Login::Public) {
            return Err(Rv::USER_NOT_LOGGED_IN);
        }
        world.set_login(slot, Login::Public);
        Ok(())
    }

    /// Sets a card's PIN with the PUK that the security officer logged in with.
    ///
    /// # Errors
    /// `CKR_USER_NOT_LOGGED_IN` where none did, or with a wrong one; `CKR_PIN_LEN_RANGE`, `CKR_PIN_INVALID`.
    pub(crate) fn init_pin(&self, session: sys::CK_SESSION_HANDLE, pin: Option<Secret>) -> Answer<()> {
        let (view, puk) = {
            let world = self.world();
            let view = world.view(session)?;
            let Login::Officer(puk) = world.login(view.slot.id) else { return Err(Rv::USER_NOT_LOGGED_IN) };
            (view, puk.clone())
        };
        let pin = pin.ok_or(Rv::ARGUMENTS_BAD)?;
        check_length(&view.slot, &pin)?;
        let set = self.store().unblock(&view.slot.token, &puk, &pin);
        set.map_err(|error| match self.failed(view.slot.id, error.into()) {
            // The PUK is wrong: it is the login that fails, now that it could be seen.
            Rv::PIN_INCORRECT => {
                self.world().set_login(view.slot.id, Login::Public);
                Rv::USER_NOT_LOGGED_IN
            }
            other => other,
        })
    }

    /// Changes the PIN or pass phrase.
    ///
    /// # Errors
    /// `CKR_PIN_INCORRECT` and the others of `C_SetPIN`.
    pub(crate) fn set_pin(
        &self,
        session: sys::CK_SESSION_HANDLE,
        old: Option<Secret>,
        new: Option<Secret>,
    ) -> Answer<()> {
        let view = self.world().view(session)?;
        if !view.writable {
            return Err(Rv::SESSION_READ_ONLY);
        }
        // A PUK is not changed here, and a phone's secret is changed on the phone.
        let is_officer = matches!(self.world().login(view.slot.id), Login::Officer(_));
        if is_officer || view.slot.row.kind == "phone" {
            return Err(Rv::FUNCTION_NOT_SUPPORTED);
        }
        let (Some(old), Some(new)) = (old, new) else { return Err(Rv::ARGUMENTS_BAD) };
        if old.as_bytes().is_empty() {
            return Err(Rv::PIN_INCORRECT);
        }
        check_length(&view.slot, &new)?;
        let last_try = self.world().is_warned(view.slot.id);
        let changed = self.store().change_secret(&view.slot.token, &old, &new, last_try);
        changed.map_err(|error| self.pin_failed(&view.slot, error, last_try))
    }
}

/// Refuses a PIN that the token does not take, before a try is spent.
fn check_length(slot: &Slot, pin: &Secret) -> Answer<()> {
    let characters = String::from_utf8_lossy(pin.as_bytes()).chars().count();
    let (shortest, longest) = (slot.row.pin_shortest.unwrap_or(1), slot.row.pin_longest.unwrap_or(u32::MAX));
    let fits = u32::try_from(characters).is_ok_and(|characters| (shortest..=longest).contains(&characters));
    if fits { Ok(()) } else { Err(Rv::PIN_LEN_RANGE) }
}
