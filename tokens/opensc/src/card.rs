use std::path::Path;

use claviger_card::CardError;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectClass;
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};

use crate::attributes::objects;
use crate::refusal::refusal;

/// OpenSC's module, initialised, and the card that it found in the one reader.
pub(crate) struct Card {
    module: Pkcs11,
    slot: Slot,
}

impl Card {
    /// Loads the module and looks at the card. `None` where OpenSC does not know it.
    ///
    /// A card with several PINs has several slots, one for each. The first that shows something is taken: a token has
    /// one PIN here, and to try it as another one would cost that one's tries.
    ///
    /// # Errors
    /// [`CardError::Gone`] where there is no card.
    pub(crate) fn meet(path: &Path, reader: &str) -> Result<Option<Self>, CardError> {
        let module = Pkcs11::new(path).map_err(|error| {
            CardError::ServiceGone(format!("OpenSC's module {}: {error}", path.display()).into())
        })?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(refusal)?;
        let slot = match find(&module, reader) {
            Ok(Some(slot)) => slot,
            outcome => {
                finalize(module);
                return outcome.map(|_| None);
            }
        };
        Ok(Some(Self { module, slot }))
    }

    /// Returns what the token says of itself, with its PIN's state as the card has it now.
    pub(crate) fn token(&self) -> Result<TokenInfo, CardError> {
        self.module.get_token_info(self.slot).map_err(refusal)
    }

    /// Opens a session.
    pub(crate) fn session(&self) -> Result<Session, CardError> {
        let session = match self.module.open_rw_session(self.slot) {
            Err(Error::Pkcs11(RvError::TokenWriteProtected, _)) => self.module.open_ro_session(self.slot),
            outcome => outcome,
        };
        session.map_err(refusal)
    }

    /// Returns the module.
    pub(crate) fn module(&self) -> &Pkcs11 {
        &self.module
    }

    /// Returns the slot.
    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// Returns true where a card is in the reader.
    pub(crate) fn is_there(&self) -> bool {
        self.module.get_slot_info(self.slot).is_ok_and(|info| info.token_present())
    }

    /// Lets the card and the module go.
    pub(crate) fn leave(self) {
        finalize(self.module);
    }
}

fn find(module: &Pkcs11, reader: &str) -> Result<Option<Slot>, CardError> {
    let (mut is_there, mut known) = (false, Vec::new());
    for slot in module.get_slots_with_token().map_err(refusal)? {
        let info = module.get_slot_info(slot).map_err(refusal)?;
        // PKCS#11 has 64 bytes for the reader's name.
        let described = info.slot_description().trim_end();
        if described.is_empty() || !reader.starts_with(described) || !info.token_present() {
            continue;
        }
        is_there = true;
        match module.get_token_info(slot) {
            Ok(token) if token.token_initialized() => known.push(slot),
            Ok(_) | Err(Error::Pkcs11(RvError::TokenNotRecognized, _)) => {}
            Err(error) => return Err(refusal(error)),
        }
    }
    for slot in &known {
        if shows_something(module, *slot)? {
            return Ok(Some(*slot));
        }
    }
    if is_there { Ok(known.first().copied()) } else { Err(CardError::Gone) }
}

fn shows_something(module: &Pkcs11, slot: Slot) -> Result<bool, CardError> {
    let session = module.open_ro_session(slot).map_err(refusal)?;
    let any = !objects(&session, ObjectClass::CERTIFICATE, None)?.is_empty()
        || !objects(&session, ObjectClass::PUBLIC_KEY, None)?.is_empty()
        || !objects(&session, ObjectClass::PRIVATE_KEY, None)?.is_empty();
    Ok(any)
}

fn finalize(module: Pkcs11) {
    if let Err(error) = module.finalize() {
        eprintln!("claviger-opensc: cannot end OpenSC's module: {error}");
    }
}
