use claviger_token::Secret;

use super::bytes::{Reader, with_sum, without_sum};
use super::phrase::{self, RECOVERY_BITS};
use super::slot::{Kind, Slot};
use super::{Cost, DataKey, HostSecret, SlotError};

/// What key slots begin with.
const MAGIC: &[u8] = b"CLVSLOTS";

/// The version that is written.
pub(super) const VERSION: u8 = 1;

/// The most bytes that are looked at: hundreds of slots.
const SIZE_LIMIT: usize = 64 * 1024;

/// The most slots that are read; with those that are added, their number still fits into its byte.
const MOST_SLOTS: u8 = 64;

/// Every way to the data key of one user.
///
/// On disk: `CLVSLOTS | version (1) | number of slots (1) | slots | SHA-256 (32)`, each slot
/// `kind (1) | length (2, big-endian) | body`. Kinds that are not known here are kept as they are.
pub struct KeySlots {
    slots: Vec<Entry>,
}

/// One slot, opened or not by this version.
#[derive(Clone)]
enum Entry {
    Known(Kind, Slot),
    Other { kind: u8, body: Vec<u8> },
}

impl KeySlots {
    /// Makes a data key and the pass phrase slot that wraps it, bound to the host secret where there is one.
    ///
    /// # Errors
    /// [`SlotError::TooWeak`] for an empty pass phrase or a cost below [`Cost::FLOOR`].
    pub fn create(
        passphrase: &Secret,
        host: Option<&HostSecret>,
        cost: Cost,
    ) -> Result<(Self, DataKey), SlotError> {
        let key = DataKey::generate()?;
        let slots = Self { slots: Vec::new() }.change_passphrase(&key, passphrase, host, cost)?;
        Ok((slots, key))
    }

    /// Opens the pass phrase slot. It costs what the slot says: a quarter of a second and its memory.
    ///
    /// # Errors
    /// [`SlotError::WrongSecret`], [`SlotError::HostSecretMissing`], [`SlotError::NoSuchSlot`].
    pub fn open(&self, passphrase: &Secret, host: Option<&HostSecret>) -> Result<DataKey, SlotError> {
        let slot = self.slot(Kind::PassPhrase).ok_or(SlotError::NoSuchSlot)?;
        slot.open(Kind::PassPhrase, passphrase.expose(), host)
    }

    /// Returns the slots with another pass phrase; every other slot stays.
    ///
    /// # Errors
    /// [`SlotError::TooWeak`] for an empty pass phrase or a cost below [`Cost::FLOOR`].
    pub fn change_passphrase(
        &self,
        key: &DataKey,
        new: &Secret,
        host: Option<&HostSecret>,
        cost: Cost,
    ) -> Result<Self, SlotError> {
        if new.is_empty() {
            return Err(SlotError::TooWeak("the pass phrase is empty"));
        }
        let slot = Slot::wrap(Kind::PassPhrase, key, new.expose(), host, cost)?;
        Ok(self.with(Kind::PassPhrase, slot))
    }

    /// Returns the slots with a new recovery code, in place of any earlier one, and the code: 160 random bits
    /// in base32, in groups of four.
    ///
    /// # Errors
    /// [`SlotError::TooWeak`] for a cost below [`Cost::FLOOR`].
    pub fn with_recovery_code(&self, key: &DataKey, cost: Cost) -> Result<(Self, Secret), SlotError> {
        let code = phrase::generate(RECOVERY_BITS)?;
        let slot = Slot::wrap(Kind::RecoveryCode, key, phrase::normalise(&code).expose(), None, cost)?;
        Ok((self.with(Kind::RecoveryCode, slot), code))
    }

    /// Opens the recovery code slot; case, spaces and hyphens do not matter.
    ///
    /// # Errors
    /// [`SlotError::WrongSecret`], [`SlotError::NoSuchSlot`].
    pub fn open_with_recovery_code(&self, code: &Secret) -> Result<DataKey, SlotError> {
        let slot = self.slot(Kind::RecoveryCode).ok_or(SlotError::NoSuchSlot)?;
        slot.open(Kind::RecoveryCode, phrase::normalise(code).expose(), None)
    }

    /// Returns true where a recovery code exists.
    pub fn has_recovery_code(&self) -> bool {
        self.slot(Kind::RecoveryCode).is_some()
    }

    /// Returns the id of the host secret that the pass phrase slot is bound to.
    pub fn host_id(&self) -> Option<String> {
        self.slot(Kind::PassPhrase).and_then(Slot::host_id)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`SlotError::Damaged`] where one bit differs; [`SlotError::TooWeak`] where a guess would be too cheap.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SlotError> {
        if bytes.len() > SIZE_LIMIT {
            return Err(SlotError::Damaged("they are too long"));
        }
        let mut reader = Reader(without_sum(bytes)?);
        if reader.take(MAGIC.len()) != Some(MAGIC) || reader.byte() != Some(VERSION) {
            return Err(SlotError::Damaged("they are of a version that is not known here"));
        }
        let count = reader.byte().ok_or(CUT_OFF)?;
        if count > MOST_SLOTS {
            return Err(SlotError::Damaged("they are too many"));
        }
        let slots = (0..count).map(|_| Entry::read(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        let read = Self { slots };
        let twice = [Kind::PassPhrase, Kind::RecoveryCode].into_iter().any(|kind| read.count(kind) > 1);
        match reader.0 {
            [] if twice => Err(SlotError::Damaged("a slot is there twice")),
            [] => Ok(read),
            _ => Err(SlotError::Damaged("something follows the last slot")),
        }
    }

    /// Writes them. The bytes hold nothing that opens without a secret.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        // At most as many as were read, and one of each kind that is known.
        bytes.extend_from_slice(&[VERSION, self.slots.len() as u8]);
        for entry in &self.slots {
            let (kind, body) = entry.parts();
            bytes.push(kind);
            // A body was read with a length of two bytes, or is a slot of some hundred.
            bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
            bytes.extend_from_slice(body);
        }
        with_sum(bytes)
    }

    fn slot(&self, wanted: Kind) -> Option<&Slot> {
        self.slots.iter().find_map(|entry| match entry {
            Entry::Known(kind, slot) if *kind == wanted => Some(slot),
            Entry::Known(..) | Entry::Other { .. } => None,
        })
    }

    fn count(&self, kind: Kind) -> usize {
        self.slots.iter().filter(|entry| entry.parts().0 == kind.number()).count()
    }

    /// Returns them with that slot in place of any earlier one of its kind.
    fn with(&self, kind: Kind, slot: Slot) -> Self {
        let others = self.slots.iter().filter(|entry| entry.parts().0 != kind.number()).cloned();
        Self { slots: others.chain([Entry::Known(kind, slot)]).collect() }
    }
}

impl Entry {
    fn read(reader: &mut Reader<'_>) -> Result<Self, SlotError> {
        let kind = reader.byte().ok_or(CUT_OFF)?;
        let length = reader.short().ok_or(CUT_OFF)?;
        let body = reader.take(length.into()).ok_or(CUT_OFF)?;
        match [Kind::PassPhrase, Kind::RecoveryCode].into_iter().find(|known| known.number() == kind) {
            Some(known) => Slot::read(body).map(|slot| Self::Known(known, slot)),
            None => Ok(Self::Other { kind, body: body.to_vec() }),
        }
    }

    fn parts(&self) -> (u8, &[u8]) {
        match self {
            Self::Known(kind, slot) => (kind.number(), slot.as_bytes()),
            Self::Other { kind, body } => (*kind, body),
        }
    }
}

const CUT_OFF: SlotError = SlotError::Damaged("they are cut off");
