use data_encoding::HEXLOWER;

use super::bytes::Reader;
use super::{Cost, DataKey, HostSecret, SlotError, aead};
use crate::random;

/// The size of a salt that is made; one that is read has its length before it.
const SALT_SIZE: usize = 32;

/// The sizes of salts that are believed.
const SALT_SIZES: std::ops::RangeInclusive<usize> = 16..=32;

/// What opens a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The user's pass phrase, with the host secret where there is one.
    PassPhrase,
    /// A recovery code. Never bound to a host: it is what remains when the host is gone.
    RecoveryCode,
}

impl Kind {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::PassPhrase => 1,
            Self::RecoveryCode => 2,
        }
    }
}

/// One way to the data key, as it is written:
/// `cost (12) | salt length (1) | salt | host id length (1) | host id | nonce (12) | wrapped key (32) | tag (16)`.
///
/// The associated data of the seal is the magic, the version and the kind, and everything before the nonce.
#[derive(Clone)]
pub(super) struct Slot(Vec<u8>);

impl Slot {
    /// Wraps the data key.
    pub(super) fn wrap(
        kind: Kind,
        key: &DataKey,
        phrase: &[u8],
        host: Option<&HostSecret>,
        cost: Cost,
    ) -> Result<Self, SlotError> {
        let salt = random::random(SALT_SIZE).map_err(|_| SlotError::Internal("there are no random bytes"))?;
        let header = Header { cost, salt: salt.expose(), host: host.map_or(&[][..], HostSecret::raw_id) };
        let mut bytes = header.write();
        let wrapping = cost.derive(phrase, header.salt, host)?;
        let sealed = aead::seal(wrapping.expose(), &associated(kind, &bytes), key.expose())
            .map_err(|aead::Broken| SlotError::Internal("the data key cannot be wrapped"))?;
        bytes.extend_from_slice(&sealed);
        Ok(Self(bytes))
    }

    /// Reads a slot; its bounds are checked, its seal is not.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SlotError> {
        Self(bytes.to_vec()).parse().map(|_| Self(bytes.to_vec()))
    }

    /// Unwraps the data key.
    pub(super) fn open(
        &self,
        kind: Kind,
        phrase: &[u8],
        host: Option<&HostSecret>,
    ) -> Result<DataKey, SlotError> {
        let (header, sealed) = self.parse()?;
        let host = match (header.host_id(), host) {
            (None, _) => None,
            (Some(id), Some(host)) if id == host.id() => Some(host),
            (Some(id), _) => return Err(SlotError::HostSecretMissing { id }),
        };
        let wrapping = header.cost.derive(phrase, header.salt, host)?;
        let written = &self.0[..self.0.len() - sealed.len()];
        // The checksum of the whole was right, so that what does not open now was opened with the wrong phrase.
        let key = aead::open(wrapping.expose(), &associated(kind, written), sealed)
            .map_err(|aead::NotGenuine| SlotError::WrongSecret)?;
        DataKey::from_secret(key)
    }

    /// Returns the id of the host secret that the slot is bound to.
    pub(super) fn host_id(&self) -> Option<String> {
        self.parse().ok().and_then(|(header, _)| header.host_id())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn parse(&self) -> Result<(Header<'_>, &[u8]), SlotError> {
        let mut reader = Reader(&self.0);
        let header = Header::read(&mut reader)?;
        match reader.0.len() {
            length if length == DataKey::SIZE + aead::OVERHEAD => Ok((header, reader.0)),
            _ => Err(SlotError::Damaged("a slot has a wrapped key of another size")),
        }
    }
}

/// What stands before the seal.
struct Header<'bytes> {
    cost: Cost,
    salt: &'bytes [u8],
    /// Empty where the slot is bound to no host.
    host: &'bytes [u8],
}

impl<'bytes> Header<'bytes> {
    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.cost.write(&mut bytes);
        for part in [self.salt, self.host] {
            // Both are shorter than 256 bytes: a salt of 32 and an id of 16.
            bytes.push(part.len() as u8);
            bytes.extend_from_slice(part);
        }
        bytes
    }

    fn read(reader: &mut Reader<'bytes>) -> Result<Self, SlotError> {
        let header = Self { cost: Cost::read(reader)?, salt: sized(reader)?, host: sized(reader)? };
        if !SALT_SIZES.contains(&header.salt.len()) {
            return Err(SlotError::Damaged("a salt has an impossible size"));
        }
        if ![0, HostSecret::ID_SIZE].contains(&header.host.len()) {
            return Err(SlotError::Damaged("a host id has an impossible size"));
        }
        Ok(header)
    }

    fn host_id(&self) -> Option<String> {
        (!self.host.is_empty()).then(|| HEXLOWER.encode(self.host))
    }
}

fn sized<'bytes>(reader: &mut Reader<'bytes>) -> Result<&'bytes [u8], SlotError> {
    let size = reader.byte().ok_or(CUT_OFF)?;
    reader.take(size.into()).ok_or(CUT_OFF)
}

/// A slot of one kind never opens as one of another kind.
fn associated(kind: Kind, header: &[u8]) -> Vec<u8> {
    [b"claviger slot", &[super::slots::VERSION, kind.number()][..], header].concat()
}

const CUT_OFF: SlotError = SlotError::Damaged("a slot is cut off");
