use std::borrow::Cow;

use claviger_token::{Algorithm, Hash, Mechanism};

use super::MESSAGE_LIMIT;
use super::gathered::Gathered;
use super::hasher::{Hasher, digest};
use super::parameter::{Parameter, Value};
use super::scheme::{Primitive, Scheme};
use crate::rv::{Answer, Rv};

/// What is signed, or was: it comes at once or in pieces, and goes to the key store as it is or as a digest.
///
/// A whole message of at most 1 MiB goes as it is: who must say yes to it may see it. Pieces are digested here, as they
/// come, where the mechanism hashes and the key signs digests.
pub(super) struct Message {
    hash: Option<Hash>,
    /// The mechanism that takes the message itself, where the key has it.
    whole: Option<Mechanism>,
    /// The mechanism that takes its digest, where the scheme hashes and the key has it.
    over_digest: Option<Mechanism>,
    lengths: Lengths,
    pieces: Pieces,
}

/// How long the data of a scheme may be.
#[derive(Clone, Copy)]
struct Lengths {
    least: usize,
    most: usize,
}

enum Pieces {
    None,
    Gathered(Gathered),
    Hashed(Hasher),
}

/// What the key store is asked with.
pub(super) struct Prepared<'data> {
    pub(super) mechanism: Mechanism,
    pub(super) data: Cow<'data, [u8]>,
}

impl Message {
    /// Begins for a key of `algorithm` that can do what `has` says.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID` where the mechanism makes no signatures, or the key has none of the ways to it;
    /// `CKR_KEY_TYPE_INCONSISTENT` where it is not one of such keys.
    pub(super) fn begin(
        parameter: &Parameter,
        algorithm: Algorithm,
        has: impl Fn(Mechanism) -> bool,
    ) -> Answer<Self> {
        let scheme = Scheme::of(parameter.mechanism).ok_or(Rv::MECHANISM_INVALID)?;
        if !scheme.fits(algorithm) {
            return Err(Rv::KEY_TYPE_INCONSISTENT);
        }
        let whole = scheme.whole().filter(|mechanism| has(*mechanism));
        let over_digest = scheme.over_digest().filter(|mechanism| scheme.hash.is_some() && has(*mechanism));
        if whole.is_none() && over_digest.is_none() {
            return Err(Rv::MECHANISM_INVALID);
        }
        let lengths = Lengths::of(scheme, &parameter.value, algorithm);
        Ok(Self { hash: scheme.hash, whole, over_digest, lengths, pieces: Pieces::None })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE` where there are too many bytes now.
    pub(super) fn update(&mut self, data: &[u8]) -> Answer<()> {
        if matches!(self.pieces, Pieces::None) {
            self.pieces = match (self.hash, self.over_digest) {
                (Some(hash), Some(_)) => Pieces::Hashed(Hasher::new(hash)),
                _ => Pieces::Gathered(Gathered::new(self.lengths.most)),
            };
        }
        match &mut self.pieces {
            Pieces::None => Ok(()),
            Pieces::Gathered(gathered) => gathered.update(data),
            Pieces::Hashed(hasher) => {
                hasher.update(data);
                Ok(())
            }
        }
    }

    /// Returns what the pieces come to.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE` where the length is none that the mechanism takes.
    pub(super) fn finish(mut self) -> Answer<Prepared<'static>> {
        let pieces = std::mem::replace(&mut self.pieces, Pieces::None);
        match (pieces, self.over_digest, self.hash) {
            (Pieces::Hashed(hasher), Some(mechanism), Some(hash)) => {
                Ok(over_digest(mechanism, hash, hasher.finish()))
            }
            (Pieces::Gathered(gathered), ..) => Ok(self.take(&gathered.finish())?.into_owned()),
            (Pieces::None | Pieces::Hashed(_), ..) => Ok(self.take(&[])?.into_owned()),
        }
    }

    /// Returns what a whole message comes to.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED` where pieces came already, `CKR_DATA_LEN_RANGE` as [`finish`](Self::finish).
    pub(super) fn once(self, data: &[u8]) -> Answer<Prepared<'_>> {
        match self.pieces {
            Pieces::None => self.take(data),
            Pieces::Gathered(_) | Pieces::Hashed(_) => Err(Rv::OPERATION_NOT_INITIALIZED),
        }
    }

    fn take(self, data: &[u8]) -> Answer<Prepared<'_>> {
        let fits = (self.lengths.least..=self.lengths.most).contains(&data.len());
        match (self.whole, self.over_digest, self.hash) {
            (Some(mechanism), ..) if fits => Ok(Prepared { mechanism, data: Cow::Borrowed(data) }),
            (_, Some(mechanism), Some(hash)) => Ok(over_digest(mechanism, hash, digest(hash, data))),
            _ => Err(Rv::DATA_LEN_RANGE),
        }
    }
}

impl Prepared<'_> {
    fn into_owned(self) -> Prepared<'static> {
        Prepared { mechanism: self.mechanism, data: Cow::Owned(self.data.into_owned()) }
    }
}

impl Lengths {
    fn of(scheme: Scheme, value: &Value, algorithm: Algorithm) -> Self {
        let modulus = algorithm.modulus_size().unwrap_or_default();
        match (scheme.primitive, scheme.hash, value) {
            (Primitive::Ecdsa, None, _) => Self { least: 1, most: 64 },
            // RFC 8017, 9.2: "If emLen < tLen + 11, output "intended encoded message length too short"".
            (Primitive::RsaPkcs, None, _) => Self { least: 1, most: modulus.saturating_sub(11) },
            (Primitive::RsaPss, None, Value::Pss { hash, .. }) => {
                Self { least: hash.size(), most: hash.size() }
            }
            _ => Self { least: 0, most: MESSAGE_LIMIT },
        }
    }
}

fn over_digest(mechanism: Mechanism, hash: Hash, digest: Vec<u8>) -> Prepared<'static> {
    let data = match mechanism {
        Mechanism::RsaPkcs => [hash.digest_info_prefix(), digest].concat(),
        _ => digest,
    };
    Prepared { mechanism, data: Cow::Owned(data) }
}
