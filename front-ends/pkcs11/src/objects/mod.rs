//! Objects: what a slot has, and what applications made.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Object`] |
//! | `table` | [`Objects`]: every object by its handle |
//! | `attributes` | what an object's attributes are |
//! | `session_object` | attributes of objects that live in a session |
//! | `values` | how attributes are written |
//! | `private_key`, `public_key` | keys as templates have them, made into PKCS#8 and SubjectPublicKeyInfo |
//! | `generate` | what templates of new keys mean |
//! | `curves` | curves by `CKA_EC_PARAMS` |

mod attributes;
mod curves;
mod generate;
mod private_key;
mod public_key;
mod session_object;
mod table;
mod values;

use std::sync::Arc;

use cryptoki_sys as sys;
use zeroize::Zeroizing;

pub(crate) use generate::{algorithm, options};
pub(crate) use private_key::pkcs8;
pub(crate) use public_key::public_key;
pub(crate) use table::Objects;
pub(crate) use values::Attribute;

use crate::certificate::Certificate;
use crate::key::{Key, PublicKey};
use crate::rv::{Answer, Rv};
use crate::template::Template;

/// What a handle stands for.
#[derive(Clone)]
pub(crate) enum Object {
    /// The private half of one of the user's keys.
    PrivateKey(Held),
    /// Its public half.
    PublicKey(Held),
    /// A certificate of one of them, or one above it.
    Certificate(HeldCertificate),
    /// A public key that the application brought, for as long as its session lives.
    SessionPublicKey(Arc<PublicKey>, Arc<Template>),
    /// A secret key that came out of an operation, or that the application brought, for as long as its session lives.
    SecretKey(Arc<Zeroizing<Vec<u8>>>, Arc<Template>),
}

/// One of the user's keys, at one place.
#[derive(Clone)]
pub(crate) struct Held {
    /// The key.
    pub(crate) key: Arc<Key>,
    /// Its certificate.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// `CKA_ALWAYS_AUTHENTICATE`.
    pub(crate) wants_pin: bool,
}

/// A certificate, and the key that it came with.
#[derive(Clone)]
pub(crate) struct HeldCertificate {
    /// The certificate.
    pub(crate) certificate: Arc<Certificate>,
    /// The key that it is for; or whose certificate it is above.
    pub(crate) key: Arc<Key>,
    /// True where it is the key's own.
    pub(crate) own: bool,
}

impl Object {
    /// Returns true where only who is logged in sees it.
    pub(crate) fn is_private(&self) -> bool {
        match self {
            Self::PrivateKey(_) => true,
            Self::PublicKey(_) | Self::Certificate(_) => false,
            Self::SessionPublicKey(_, template) | Self::SecretKey(_, template) => {
                matches!(template.flag(sys::CKA_PRIVATE), Ok(Some(true)))
            }
        }
    }

    /// Returns the public key that it is, where that may be used for what the attribute says.
    ///
    /// # Errors
    /// `CKR_KEY_FUNCTION_NOT_PERMITTED`.
    pub(crate) fn public_key_for(&self, usage: sys::CK_ATTRIBUTE_TYPE) -> Answer<&PublicKey> {
        let key = match self {
            Self::PublicKey(held) => held.key.public(),
            Self::SessionPublicKey(key, _) => key,
            Self::PrivateKey(_) | Self::Certificate(_) | Self::SecretKey(..) => {
                return Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
            }
        };
        match self.attribute(usage) {
            Attribute::Value(value) if value == [sys::CK_TRUE] => Ok(key),
            Attribute::Value(_) | Attribute::Sensitive | Attribute::None => {
                Err(Rv::KEY_FUNCTION_NOT_PERMITTED)
            }
        }
    }
}
