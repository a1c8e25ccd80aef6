use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use claviger_token::Secret;
use zeroize::Zeroizing;

use super::bytes::Reader;
use super::{HostSecret, SlotError};
use crate::wipe::on_cleared_stack;

/// The size of a key that is derived.
const KEY_SIZE: usize = 32;

/// What one guess at a pass phrase costs: the parameters of Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes; they are computed one after the other here.
    pub lanes: u32,
}

impl Cost {
    /// The least that is ever used or believed (OWASP's minimum for Argon2id).
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// The most that is believed, each: a hostile record must eat neither the memory nor the time.
    pub const CEILING: Self = Self { memory_kib: 128 * 1024, passes: 32, lanes: 4 };

    /// The most that is believed of memory times passes, in KiB: some seconds.
    pub const MOST_WORK_KIB: u32 = 1024 * 1024;

    /// Returns parameters that take about `target` on this machine, by trying: more memory first, up to
    /// 64 MiB, then more passes. It takes about twice the target itself.
    pub fn calibrate(target: Duration) -> Self {
        let mut cost = Self::FLOOR;
        loop {
            let Some(taken) = cost.measure() else { return cost };
            let next = match taken {
                taken if taken >= target * 3 / 4 => return cost,
                taken if taken * 3 < target && cost.memory_kib < COMFORTABLE_KIB => {
                    Self { memory_kib: (cost.memory_kib * 2).min(COMFORTABLE_KIB), ..cost }
                }
                taken => Self { passes: cost.passes_for(target, taken), ..cost },
            };
            if next == cost {
                return cost;
            }
            let scaled_passes = next.passes != cost.passes;
            cost = next;
            if scaled_passes {
                return cost;
            }
        }
    }

    /// Derives a key from a pass phrase; the host secret is Argon2's own secret input (RFC 9106, 3.1).
    pub(super) fn derive(
        self,
        phrase: &[u8],
        salt: &[u8],
        host: Option<&HostSecret>,
    ) -> Result<Secret, SlotError> {
        self.check()?;
        let argon2 = self.argon2(host).ok_or(SlotError::Damaged("its Argon2 parameters are impossible"))?;
        let count = argon2.params().block_count();
        let mut memory = Zeroizing::new(Vec::<Block>::new());
        memory.try_reserve_exact(count).map_err(|_| SlotError::Internal("out of memory"))?;
        memory.resize(count, Block::new());
        let mut key = Zeroizing::new(vec![0; KEY_SIZE]);
        on_cleared_stack(|| argon2.hash_password_into_with_memory(phrase, salt, &mut key, &mut *memory))
            .map_err(|_| SlotError::Internal("Argon2 refuses its parameters"))?;
        Ok(Secret::new(std::mem::take(&mut *key)))
    }

    /// Reads the parameters and refuses those that are out of bounds.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, SlotError> {
        let mut word = || reader.word().ok_or(SlotError::Damaged("it ends inside the cost of a guess"));
        let cost = Self { memory_kib: word()?, passes: word()?, lanes: word()? };
        cost.check()?;
        Ok(cost)
    }

    pub(super) fn write(self, bytes: &mut Vec<u8>) {
        for word in [self.memory_kib, self.passes, self.lanes] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
    }

    fn check(self) -> Result<(), SlotError> {
        let Self { memory_kib, passes, lanes } = self;
        if memory_kib < Self::FLOOR.memory_kib || passes < Self::FLOOR.passes || lanes == 0 {
            return Err(SlotError::TooWeak("a guess would cost less than 19 MiB and 2 passes of Argon2id"));
        }
        let most = Self::CEILING;
        if memory_kib > most.memory_kib || passes > most.passes || lanes > most.lanes {
            return Err(SlotError::Damaged("a guess would cost more than 128 MiB, 32 passes or 4 lanes"));
        }
        if memory_kib.saturating_mul(passes) > Self::MOST_WORK_KIB {
            return Err(SlotError::Damaged("a guess would go over more than 1 GiB of memory"));
        }
        Ok(())
    }

    fn argon2<'host>(self, host: Option<&'host HostSecret>) -> Option<Argon2<'host>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_SIZE)).ok()?;
        let secret = host.map_or(&[][..], HostSecret::expose);
        Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params).ok()
    }

    fn measure(self) -> Option<Duration> {
        let start = Instant::now();
        self.derive(b"how fast is this machine", &[0; 16], None).ok()?;
        Some(start.elapsed())
    }

    /// Returns how many passes fit into the target when this many took so long.
    fn passes_for(self, target: Duration, taken: Duration) -> u32 {
        let factor = target.as_secs_f64() / taken.as_secs_f64().max(1e-6);
        let passes = (f64::from(self.passes) * factor).round() as u32;
        passes.clamp(Self::FLOOR.passes, Self::CEILING.passes.min(Self::MOST_WORK_KIB / self.memory_kib))
    }
}

/// RFC 9106's second recommendation; more would hurt a small machine with several users.
const COMFORTABLE_KIB: u32 = 64 * 1024;
