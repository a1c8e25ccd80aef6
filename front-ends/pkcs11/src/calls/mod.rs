//! What the functions do, without pointers.
//!
//! | file | noun |
//! | --- | --- |
//! | `slots` | slots and tokens, and what they say of themselves; waiting for one to come or go |
//! | `sessions` | sessions |
//! | `login` | logging in and out, PINs |
//! | `objects` | finding and reading objects |
//! | `create`, `change` | making them; changing and destroying them |
//! | `streams` | operations that take data in pieces: digest, sign, verify, encrypt, decrypt |
//! | `taken` | an operation that is out of its session while a thread is at it |
//! | `keys` | derive, wrap, unwrap, encapsulate, decapsulate, random |

mod change;
mod create;
mod keys;
mod login;
mod objects;
mod sessions;
mod slots;
mod streams;
mod taken;
#[cfg(test)]
mod tests;

pub(crate) use slots::{MANUFACTURER, padded};
pub(crate) use streams::Delivery;

use claviger_client::{Error, ErrorName};
use cryptoki_sys as sys;

use crate::rv::{Answer, Rv};
use crate::state::Module;

impl Module {
    /// Asks the key store what there is. Cards are not asked anything.
    ///
    /// # Errors
    /// What the key store refuses with. Where there is no key store, or the user has none, there are no slots.
    pub(crate) fn renew(&self) -> Answer<()> {
        // One at a time: what was told first shall not be taken last.
        let _renewing = self.renewing();
        let told = self.store().list_tokens().and_then(|tokens| Ok((tokens, self.store().list_keys()?)));
        let (tokens, keys) = match told {
            Ok(told) => told,
            Err(error) if is_nobody(&error) => (Vec::new(), Vec::new()),
            Err(error) => return Err(error.into()),
        };
        self.world().renew(tokens, keys);
        Ok(())
    }

    /// Returns the code of an operation that failed at a slot, after taking notice: a token that is gone takes its
    /// sessions with it, and where it is locked nobody is logged in.
    pub(crate) fn failed(&self, slot: sys::CK_SLOT_ID, code: Rv) -> Rv {
        match code {
            Rv::DEVICE_REMOVED | Rv::TOKEN_NOT_PRESENT => {
                self.world().close_all(slot);
                Rv::DEVICE_REMOVED
            }
            Rv::USER_NOT_LOGGED_IN => {
                // It may be another token that wanted a PIN, or one use of one key.
                let is_locked =
                    self.renew().is_ok() && self.world().slot(slot).is_ok_and(|slot| slot.row.locked);
                if is_locked {
                    self.world().set_login(slot, crate::session::Login::Public);
                }
                code
            }
            other => other,
        }
    }
}

/// Returns true where nobody is there who could hold a token for the caller.
fn is_nobody(error: &Error) -> bool {
    let refused = matches!(
        error.name(),
        Some(ErrorName::NotRegistered | ErrorName::RegistrationPending | ErrorName::NoSuchUser)
    );
    refused || error.is_nobody()
}
