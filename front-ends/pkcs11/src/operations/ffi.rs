//! Reads a `CK_MECHANISM` and what it points to into memory of our own.

#![allow(unsafe_code, reason = "a mechanism's parameter is a pointer")]

use std::slice;

use cryptoki_sys::{
    CK_BYTE, CK_ECDH1_DERIVE_PARAMS, CK_EDDSA_PARAMS, CK_MECHANISM, CK_RSA_PKCS_OAEP_PARAMS,
    CK_RSA_PKCS_PSS_PARAMS, CK_SIGN_ADDITIONAL_CONTEXT, CK_ULONG,
};

use super::parameter::{Form, Parameter, Value};
use crate::rv::{Answer, Rv};

/// The longest label, shared data and the like. No use of them is near it; a length that a program forgot to set is
/// mostly beyond it.
pub(super) const LONGEST: usize = 64 * 1024;

/// Reads a mechanism, its parameter and what that points to.
///
/// # Errors
/// `CKR_ARGUMENTS_BAD` for a null pointer, `CKR_MECHANISM_INVALID` for a mechanism that the module does not know,
/// `CKR_MECHANISM_PARAM_INVALID` for a parameter that is none of that mechanism.
///
/// # Safety
/// `mechanism` is null or points to a `CK_MECHANISM`, whose pointers are null or point to what their lengths say, and
/// nobody writes to any of it meanwhile. Nothing of it is used after the return.
pub(crate) unsafe fn read(mechanism: *const CK_MECHANISM) -> Answer<Parameter> {
    if mechanism.is_null() {
        return Err(Rv::ARGUMENTS_BAD);
    }
    // SAFETY: not null, so a mechanism by the contract; alignment is not relied upon.
    let CK_MECHANISM { mechanism, pParameter, ulParameterLen } = unsafe { mechanism.read_unaligned() };
    let parameter = Bytes { start: pParameter.cast(), length: ulParameterLen };
    let form = Form::of(mechanism).ok_or(Rv::MECHANISM_INVALID)?;
    let none = parameter.length == 0;
    // SAFETY: the caller vouches for the pointer and its length, and each form reads the struct that the standard
    // names for it, whose pointers the caller vouches for too.
    let value = unsafe {
        match form {
            Form::None if none => Value::None,
            Form::Eddsa | Form::MlDsa if none => Value::None,
            Form::None => return Err(Rv::MECHANISM_PARAM_INVALID),
            Form::Pss => pss(&parameter.structure()?)?,
            Form::Oaep => oaep(&parameter.structure()?)?,
            Form::Ecdh => ecdh(&parameter.structure()?)?,
            Form::Eddsa => eddsa(&parameter.structure()?)?,
            Form::MlDsa => ml_dsa(&parameter.structure()?)?,
        }
    };
    Parameter::of(mechanism, value)
}

fn pss(parameter: &CK_RSA_PKCS_PSS_PARAMS) -> Answer<Value> {
    Value::pss(parameter.hashAlg, parameter.mgf, parameter.sLen)
}

/// # Safety
/// As [`Bytes::copy`], for the label.
unsafe fn oaep(parameter: &CK_RSA_PKCS_OAEP_PARAMS) -> Answer<Value> {
    let label = Bytes { start: parameter.pSourceData.cast(), length: parameter.ulSourceDataLen };
    // SAFETY: the caller vouches for it.
    let label = unsafe { label.copy()? };
    Value::oaep(parameter.hashAlg, parameter.mgf, parameter.source, label)
}

/// # Safety
/// As [`Bytes::copy`], for the shared data and the peer's key.
unsafe fn ecdh(parameter: &CK_ECDH1_DERIVE_PARAMS) -> Answer<Value> {
    let shared = Bytes { start: parameter.pSharedData, length: parameter.ulSharedDataLen };
    let peer = Bytes { start: parameter.pPublicData, length: parameter.ulPublicDataLen };
    // SAFETY: the caller vouches for both.
    let (shared, peer) = unsafe { (shared.copy()?, peer.copy()?) };
    Value::ecdh(parameter.kdf, shared, peer)
}

/// # Safety
/// As [`Bytes::copy`], for the context.
unsafe fn eddsa(parameter: &CK_EDDSA_PARAMS) -> Answer<Value> {
    let context = Bytes { start: parameter.pContextData, length: parameter.ulContextDataLen };
    // SAFETY: the caller vouches for it.
    Value::eddsa(parameter.phFlag, &unsafe { context.copy()? })
}

/// # Safety
/// As [`Bytes::copy`], for the context.
unsafe fn ml_dsa(parameter: &CK_SIGN_ADDITIONAL_CONTEXT) -> Answer<Value> {
    let context = Bytes { start: parameter.pContext, length: parameter.ulContextLen };
    // SAFETY: the caller vouches for it.
    Value::ml_dsa(parameter.hedgeVariant, unsafe { context.copy()? })
}

/// Bytes of the program's, by pointer and length.
struct Bytes {
    start: *const CK_BYTE,
    length: CK_ULONG,
}

impl Bytes {
    /// Copies the bytes.
    ///
    /// # Safety
    /// `start` is null or points to `length` bytes, which nobody writes to meanwhile.
    unsafe fn copy(&self) -> Answer<Vec<u8>> {
        let length = self.checked_length()?;
        if length == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: not null and not too long: `checked_length` saw to it; the rest is the caller's word.
        Ok(unsafe { slice::from_raw_parts(self.start, length) }.to_vec())
    }

    /// Copies a struct of PKCS#11, whose size the length must be.
    ///
    /// # Safety
    /// As [`copy`](Self::copy).
    unsafe fn structure<T: Structure>(&self) -> Answer<T> {
        if self.checked_length()? != size_of::<T>() {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        // SAFETY: there are as many bytes as T has, any of which are a T; alignment is not relied upon.
        Ok(unsafe { self.start.cast::<T>().read_unaligned() })
    }

    fn checked_length(&self) -> Answer<usize> {
        match usize::try_from(self.length) {
            Ok(0) => Ok(0),
            Ok(length) if length <= LONGEST && !self.start.is_null() => Ok(length),
            Ok(_) | Err(_) => Err(Rv::MECHANISM_PARAM_INVALID),
        }
    }
}

/// A struct of numbers and pointers: whatever bytes are there are a value of it.
///
/// # Safety
/// It has only fields of which that is true.
unsafe trait Structure {}

// SAFETY: all fields are CK_ULONG.
unsafe impl Structure for CK_RSA_PKCS_PSS_PARAMS {}
// SAFETY: all fields are CK_ULONG or pointers.
unsafe impl Structure for CK_RSA_PKCS_OAEP_PARAMS {}
// SAFETY: all fields are CK_ULONG or pointers.
unsafe impl Structure for CK_ECDH1_DERIVE_PARAMS {}
// SAFETY: all fields are CK_BYTE, CK_ULONG or pointers.
unsafe impl Structure for CK_EDDSA_PARAMS {}
// SAFETY: all fields are CK_ULONG or pointers.
unsafe impl Structure for CK_SIGN_ADDITIONAL_CONTEXT {}

#[cfg(test)]
mod tests;
