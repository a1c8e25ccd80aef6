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
mod tests {

    use std::ffi::c_void;
    use std::ptr;

    use claviger_token::Hash;
    use cryptoki_sys as sys;

    use super::{Answer, CK_MECHANISM, LONGEST, Parameter, Rv, Structure, Value, read};
    use crate::operations::parameter::Hedge;

    /// Reads a mechanism whose parameter is a struct, or part of one, or more than one.
    fn given<T: Structure>(mechanism: u64, structure: &mut T, length: usize) -> Answer<Value> {
        let pointer: *mut T = structure;
        read_at(mechanism, pointer.cast(), length as u64)
    }

    fn read_at(mechanism: u64, start: *mut c_void, length: u64) -> Answer<Value> {
        let mechanism = CK_MECHANISM { mechanism, pParameter: start, ulParameterLen: length };
        // SAFETY: the tests point to what they own, or to nothing.
        unsafe { read(&raw const mechanism) }.map(|Parameter { value, .. }| value)
    }

    const INVALID: Rv = Rv::MECHANISM_PARAM_INVALID;

    #[test]
    fn no_mechanism_and_unknown_ones_are_refused() {
        // SAFETY: null is allowed.
        assert_eq!(unsafe { read(ptr::null()) }, Err(Rv::ARGUMENTS_BAD));
        for unknown in
            [sys::CKM_RSA_X_509, sys::CKM_SHA1_RSA_PKCS, sys::CKM_AES_CBC, sys::CKM_VENDOR_DEFINED, u64::MAX]
        {
            assert_eq!(read_at(unknown, ptr::null_mut(), 0), Err(Rv::MECHANISM_INVALID), "{unknown:#x}");
        }
    }

    #[test]
    fn mechanisms_without_a_parameter_take_none() {
        let mut byte = 0_u8;
        let start: *mut c_void = (&raw mut byte).cast();
        for mechanism in [
            sys::CKM_ECDSA,
            sys::CKM_SHA256_RSA_PKCS,
            sys::CKM_SHA_1,
            sys::CKM_ML_KEM,
            sys::CKM_EC_KEY_PAIR_GEN,
        ] {
            assert_eq!(read_at(mechanism, ptr::null_mut(), 0), Ok(Value::None));
            assert_eq!(read_at(mechanism, start, 0), Ok(Value::None));
            assert_eq!(read_at(mechanism, start, 1), Err(INVALID));
        }
    }

    #[test]
    fn a_parameter_has_exactly_the_size_of_its_struct() {
        let mut pss =
            sys::CK_RSA_PKCS_PSS_PARAMS { hashAlg: sys::CKM_SHA256, mgf: sys::CKG_MGF1_SHA384, sLen: 20 };
        let value = Value::Pss { hash: Hash::Sha256, mgf: Hash::Sha384, salt: 20 };
        for length in 0..40 {
            let expected = if length == 24 { Ok(value.clone()) } else { Err(INVALID) };
            assert_eq!(given(sys::CKM_RSA_PKCS_PSS, &mut pss, length), expected, "{length}");
        }
        for mechanism in
            [sys::CKM_RSA_PKCS_PSS, sys::CKM_RSA_PKCS_OAEP, sys::CKM_ECDH1_DERIVE, sys::CKM_EDDSA]
        {
            for length in [1, 24, 40, LONGEST as u64, u64::MAX] {
                assert_eq!(
                    read_at(mechanism, ptr::null_mut(), length),
                    Err(INVALID),
                    "{mechanism:#x} {length}"
                );
            }
        }
    }

    #[test]
    fn pss_takes_the_hash_of_its_mechanism_and_salts_that_can_be() {
        let mut pss =
            sys::CK_RSA_PKCS_PSS_PARAMS { hashAlg: sys::CKM_SHA256, mgf: sys::CKG_MGF1_SHA256, sLen: 32 };
        assert!(given(sys::CKM_SHA256_RSA_PKCS_PSS, &mut pss, 24).is_ok());
        assert_eq!(given(sys::CKM_SHA384_RSA_PKCS_PSS, &mut pss, 24), Err(INVALID));
        for salt in [513, u64::from(u32::MAX) + 1, u64::MAX] {
            let mut salted = sys::CK_RSA_PKCS_PSS_PARAMS { sLen: salt, ..pss };
            assert_eq!(given(sys::CKM_RSA_PKCS_PSS, &mut salted, 24), Err(INVALID), "{salt}");
        }
        let mut other = sys::CK_RSA_PKCS_PSS_PARAMS { hashAlg: sys::CKM_MD5, ..pss };
        assert_eq!(given(sys::CKM_RSA_PKCS_PSS, &mut other, 24), Err(INVALID));
        let mut other = sys::CK_RSA_PKCS_PSS_PARAMS { mgf: 0, ..pss };
        assert_eq!(given(sys::CKM_RSA_PKCS_PSS, &mut other, 24), Err(INVALID));
    }

    #[test]
    fn oaep_takes_a_label_of_bytes() {
        let mut label = *b"label";
        let mut oaep = sys::CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: sys::CKM_SHA_1,
            mgf: sys::CKG_MGF1_SHA1,
            source: sys::CKZ_DATA_SPECIFIED,
            pSourceData: (&raw mut label).cast(),
            ulSourceDataLen: 5,
        };
        let value = |label: &[u8]| Value::Oaep { hash: Hash::Sha1, mgf: Hash::Sha1, label: label.to_vec() };
        assert_eq!(given(sys::CKM_RSA_PKCS_OAEP, &mut oaep, 40), Ok(value(b"label")));
        oaep.source = 0;
        assert_eq!(given(sys::CKM_RSA_PKCS_OAEP, &mut oaep, 40), Err(INVALID), "a label of no source");
        oaep.ulSourceDataLen = 0;
        assert_eq!(given(sys::CKM_RSA_PKCS_OAEP, &mut oaep, 40), Ok(value(b"")));
        oaep.source = sys::CKZ_DATA_SPECIFIED;
        oaep.pSourceData = ptr::null_mut();
        for length in [1, 5, u64::MAX] {
            oaep.ulSourceDataLen = length;
            assert_eq!(given(sys::CKM_RSA_PKCS_OAEP, &mut oaep, 40), Err(INVALID), "{length}");
        }
        oaep.pSourceData = (&raw mut label).cast();
        for length in [LONGEST as u64 + 1, i64::MAX as u64, u64::MAX] {
            oaep.ulSourceDataLen = length;
            assert_eq!(given(sys::CKM_RSA_PKCS_OAEP, &mut oaep, 40), Err(INVALID), "{length}");
        }
    }

    #[test]
    fn ecdh_takes_a_peer_and_shares_only_with_a_derivation_function() {
        let (mut peer, mut shared) = ([4_u8; 65], [7_u8; 3]);
        let mut ecdh = sys::CK_ECDH1_DERIVE_PARAMS {
            kdf: sys::CKD_SHA256_KDF,
            ulSharedDataLen: 3,
            pSharedData: shared.as_mut_ptr(),
            ulPublicDataLen: 65,
            pPublicData: peer.as_mut_ptr(),
        };
        let value = Value::Ecdh { kdf: Some(Hash::Sha256), shared: shared.to_vec(), peer: peer.to_vec() };
        assert_eq!(given(sys::CKM_ECDH1_DERIVE, &mut ecdh, 40), Ok(value));
        for kdf in [sys::CKD_NULL, 0, sys::CKD_SHA1_KDF_ASN1, sys::CKD_SHA256_KDF_SP800, u64::MAX] {
            let mut other = sys::CK_ECDH1_DERIVE_PARAMS { kdf, ..ecdh };
            assert_eq!(given(sys::CKM_ECDH1_DERIVE, &mut other, 40), Err(INVALID), "{kdf}");
        }
        let mut nobody = sys::CK_ECDH1_DERIVE_PARAMS { ulPublicDataLen: 0, ..ecdh };
        assert_eq!(given(sys::CKM_ECDH1_DERIVE, &mut nobody, 40), Err(INVALID));
    }

    #[test]
    fn eddsa_is_the_pure_one() {
        let mut context = *b"context";
        let mut eddsa =
            sys::CK_EDDSA_PARAMS { phFlag: 0, ulContextDataLen: 0, pContextData: context.as_mut_ptr() };
        assert_eq!(read_at(sys::CKM_EDDSA, ptr::null_mut(), 0), Ok(Value::None));
        assert_eq!(given(sys::CKM_EDDSA, &mut eddsa, 24), Ok(Value::None));
        eddsa.ulContextDataLen = 7;
        assert_eq!(given(sys::CKM_EDDSA, &mut eddsa, 24), Err(INVALID));
        let mut prehashed = sys::CK_EDDSA_PARAMS { phFlag: 1, ulContextDataLen: 0, ..eddsa };
        assert_eq!(given(sys::CKM_EDDSA, &mut prehashed, 24), Err(INVALID));
    }

    /// FIPS 204, algorithm 2: "if |ctx| > 255 then return ⊥".
    #[test]
    fn an_ml_dsa_context_has_at_most_255_bytes() {
        let mut context = [1; 256];
        let mut ml_dsa = sys::CK_SIGN_ADDITIONAL_CONTEXT {
            hedgeVariant: sys::CKH_HEDGE_PREFERRED,
            pContext: context.as_mut_ptr(),
            ulContextLen: 255,
        };
        assert_eq!(read_at(sys::CKM_ML_DSA, ptr::null_mut(), 0), Ok(Value::None));
        let value = Value::MlDsa { hedge: Hedge::Preferred, context: vec![1; 255] };
        assert_eq!(given(sys::CKM_ML_DSA, &mut ml_dsa, 24), Ok(value));
        ml_dsa.ulContextLen = 256;
        assert_eq!(given(sys::CKM_ML_DSA, &mut ml_dsa, 24), Err(INVALID));
        let mut other = sys::CK_SIGN_ADDITIONAL_CONTEXT { hedgeVariant: 3, ulContextLen: 0, ..ml_dsa };
        assert_eq!(given(sys::CKM_ML_DSA, &mut other, 24), Err(INVALID));
    }

    #[test]
    fn a_parameter_may_stand_at_any_address() {
        let pss =
            sys::CK_RSA_PKCS_PSS_PARAMS { hashAlg: sys::CKM_SHA512, mgf: sys::CKG_MGF1_SHA512, sLen: 64 };
        let mut room = [0_u8; 32];
        let odd: *mut c_void = room[1..].as_mut_ptr().cast();
        // SAFETY: there is room for it, at whatever alignment.
        unsafe { odd.cast::<sys::CK_RSA_PKCS_PSS_PARAMS>().write_unaligned(pss) };
        let value = Value::Pss { hash: Hash::Sha512, mgf: Hash::Sha512, salt: 64 };
        assert_eq!(read_at(sys::CKM_RSA_PKCS_PSS, odd, 24), Ok(value));
    }
}
