use std::sync::Arc;

use claviger_phone_protocol::{Failure, MESSAGE_LIMIT, Mechanics, Rv};
use claviger_token::{Purpose, TokenError};

use super::SecurityManager;
use crate::module::ModuleKey;

/// What is held before anybody is asked.
impl SecurityManager {
    pub(super) fn key(&self, reference: &str) -> Result<Arc<ModuleKey>, Failure> {
        self.module().key(reference).ok_or_else(|| TokenError::NoSuchKey.into())
    }

    /// Returns the key, where it can do that at all: nobody is asked about what cannot be.
    pub(super) fn key_for(&self, with: &Mechanics, purpose: Purpose) -> Result<Arc<ModuleKey>, Failure> {
        let key = self.key(&with.key)?;
        let algorithm = key.handle.info.algorithm;
        let Mechanics { mechanism, .. } = *with;
        let can = self.module().capabilities().mechanisms.contains(&mechanism);
        if !can || !mechanism.fits(algorithm) || !mechanism.serves(purpose) {
            return Err(TokenError::MechanismNotSupported(mechanism, algorithm).into());
        }
        let usage = key.handle.info.usage;
        let may = match purpose {
            Purpose::Sign => usage.sign,
            Purpose::Decrypt => usage.decrypt,
            Purpose::Derive | Purpose::Decapsulate => usage.derive,
        };
        if !may {
            return Err(Failure::new(Rv::KeyFunctionNotPermitted, "the key is not for this"));
        }
        Ok(key)
    }

    pub(super) fn check_size(&self, data: &[u8]) -> Result<(), Failure> {
        let limit = self.module().capabilities().data_limit;
        if data.len() > limit { Err(TokenError::DataTooLarge { limit }.into()) } else { Ok(()) }
    }

    pub(super) fn check_room(&self) -> Result<(), Failure> {
        let keys = self.module().keys();
        // All of them are told in one message, in base64.
        let told = |key: &Arc<ModuleKey>| {
            key.handle.info.public_key.len().div_ceil(3) * 4 + key.label.len() + key.reference().len() + A_KEY
        };
        if keys.len() >= MOST_KEYS || keys.iter().map(told).sum::<usize>() > MESSAGE_LIMIT - LARGEST_KEY {
            return Err(Failure::new(Rv::DeviceMemory, "the phone has too many keys"));
        }
        Ok(())
    }
}

/// How much of a message a key takes besides its texts and its public half.
const A_KEY: usize = 128;

/// How much of a message the largest key takes.
const LARGEST_KEY: usize = 8192;

/// The most keys of one phone.
const MOST_KEYS: usize = 1000;
