//! What templates of new keys mean.

use claviger_client::NewKeyOptions;
use claviger_token::{Algorithm, Usage};
use cryptoki_sys as sys;

use super::curves::curve;
use super::values::parameter_set;
use crate::rv::{Answer, Rv};
use crate::slot::Slot;
use crate::template::Template;

/// Returns the algorithm of the key pair that is wanted.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_TEMPLATE_INCOMPLETE`, `CKR_CURVE_NOT_SUPPORTED`, `CKR_ATTRIBUTE_VALUE_INVALID`.
pub(crate) fn algorithm(mechanism: sys::CK_MECHANISM_TYPE, public: &Template) -> Answer<Algorithm> {
    let named = |kind| curve(kind, public.required(sys::CKA_EC_PARAMS)?);
    match mechanism {
        sys::CKM_RSA_PKCS_KEY_PAIR_GEN => rsa(public),
        sys::CKM_EC_KEY_PAIR_GEN => named(sys::CKK_EC),
        sys::CKM_EC_EDWARDS_KEY_PAIR_GEN => named(sys::CKK_EC_EDWARDS),
        sys::CKM_EC_MONTGOMERY_KEY_PAIR_GEN => named(sys::CKK_EC_MONTGOMERY),
        sys::CKM_ML_DSA_KEY_PAIR_GEN => lattice(sys::CKK_ML_DSA, public),
        sys::CKM_ML_KEM_KEY_PAIR_GEN => lattice(sys::CKK_ML_KEM, public),
        _ => Err(Rv::MECHANISM_INVALID),
    }
}

fn rsa(public: &Template) -> Answer<Algorithm> {
    let bits = public.number(sys::CKA_MODULUS_BITS)?.ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    // Every key here has the usual exponent.
    let exponent = public.bytes(sys::CKA_PUBLIC_EXPONENT).unwrap_or(&[1, 0, 1]);
    let zeros = exponent.iter().take_while(|byte| **byte == 0).count();
    if exponent[zeros..] != [1, 0, 1] {
        return Err(Rv::ATTRIBUTE_VALUE_INVALID);
    }
    let has = |algorithm: &Algorithm| {
        algorithm.modulus_size().is_some_and(|size| 8 * size as sys::CK_ULONG == bits)
    };
    Algorithm::ALL.into_iter().find(has).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)
}

fn lattice(kind: sys::CK_KEY_TYPE, public: &Template) -> Answer<Algorithm> {
    let set = public.number(sys::CKA_PARAMETER_SET)?.ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    by_parameter_set(kind, set)
}

/// Returns the algorithm of a type of key with that `CKA_PARAMETER_SET`.
///
/// # Errors
/// `CKR_ATTRIBUTE_VALUE_INVALID`.
pub(super) fn by_parameter_set(kind: sys::CK_KEY_TYPE, set: sys::CK_ULONG) -> Answer<Algorithm> {
    let is_it = |algorithm: &Algorithm| {
        super::values::key_type(*algorithm) == kind && parameter_set(*algorithm) == Some(set)
    };
    Algorithm::ALL.into_iter().find(is_it).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)
}

/// Returns where and how a new key is to be: at the slot, with label and usage of the templates.
///
/// `CKA_ID` is not looked at: a key has the id that the key store gives it.
///
/// # Errors
/// `CKR_TEMPLATE_INCONSISTENT` for a key that shall live in a session, or be taken out, or do what it cannot.
pub(crate) fn options(
    slot: &Slot,
    allowed: Usage,
    private: &Template,
    public: &Template,
) -> Answer<NewKeyOptions> {
    let is = |kind, wanted| Ok::<bool, Rv>(private.flag(kind)? == Some(wanted));
    if !is(sys::CKA_TOKEN, true)?
        || is(sys::CKA_EXTRACTABLE, true)?
        || is(sys::CKA_SENSITIVE, false)?
        || is(sys::CKA_PRIVATE, false)?
    {
        return Err(Rv::TEMPLATE_INCONSISTENT);
    }
    let label = private.text(sys::CKA_LABEL)?.or(public.text(sys::CKA_LABEL)?);
    let hardware = slot.row.kind != "local";
    Ok(NewKeyOptions {
        label: label.filter(|label| !label.is_empty()).map(str::to_owned),
        usage: usage(allowed, private)?,
        location: Some(slot.row.kind.clone()),
        token: hardware.then(|| slot.token.clone()),
        ..NewKeyOptions::default()
    })
}

/// Returns what the key shall be for; `None` where the template leaves it to us.
fn usage(allowed: Usage, private: &Template) -> Answer<Option<Vec<String>>> {
    let asks = |kind| Ok::<bool, Rv>(private.flag(kind)? == Some(true));
    let wanted = Usage {
        sign: asks(sys::CKA_SIGN)?,
        decrypt: asks(sys::CKA_DECRYPT)? || asks(sys::CKA_UNWRAP)?,
        derive: asks(sys::CKA_DERIVE)? || asks(sys::CKA_DECAPSULATE)?,
    };
    if wanted.is_empty() {
        return Ok(None);
    }
    // Programs ask for all that they can think of; what the algorithm cannot is left out.
    let usage = wanted.within(allowed);
    if usage.is_empty() {
        return Err(Rv::TEMPLATE_INCONSISTENT);
    }
    Ok(Some(usage.names().map(str::to_owned).collect()))
}
