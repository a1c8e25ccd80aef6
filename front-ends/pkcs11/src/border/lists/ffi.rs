//! The lists of functions: 2.40, 3.0 and 3.2, every entry of them filled, and what hands them out.

#![expect(
    unsafe_code,
    reason = "lists are handed out as pointers, by functions that are found by their names"
)]
#![expect(unreachable_pub, reason = "it is the linker that reaches them")]

use std::ffi::CStr;

use cryptoki_sys as sys;

use super::super::ffi::{bare, list, put};
use super::super::general::*;
use super::super::objects::*;
use super::super::streams::*;
use crate::rv::Rv;

/// A function that does nothing but say so.
trait Stub {
    const STUB: Self;
}

/// Makes the stub of functions with so many arguments.
macro_rules! stub {
    ($name:ident $($argument:ident)*) => {
        unsafe extern "C" fn $name<$($argument),*>($(_: $argument),*) -> sys::CK_RV {
            Rv::FUNCTION_NOT_SUPPORTED.code()
        }

        impl<$($argument),*> Stub for Option<unsafe extern "C" fn($($argument),*) -> sys::CK_RV> {
            const STUB: Self = Some($name::<$($argument),*>);
        }
    };
}

stub!(stub_1 A);
stub!(stub_2 A B);
stub!(stub_3 A B C);
stub!(stub_4 A B C D);
stub!(stub_5 A B C D E);
stub!(stub_6 A B C D E F);
stub!(stub_7 A B C D E F G);
stub!(stub_8 A B C D E F G H);
stub!(stub_9 A B C D E F G H I);
stub!(stub_10 A B C D E F G H I J);

/// Every function, in the longest list.
macro_rules! longest {
    (done: $($done:ident)*; stubs: $($stub:ident)*) => {
        sys::CK_FUNCTION_LIST_3_2 {
            version: sys::CK_VERSION { major: 3, minor: 2 },
            $($done: Some($done),)*
            $($stub: Stub::STUB,)*
        }
    };
}

/// A list that has some of the functions.
macro_rules! shorter {
    ($list:ident, $major:literal, $minor:literal; $($name:ident)*) => {
        sys::$list {
            version: sys::CK_VERSION { major: $major, minor: $minor },
            $($name: LIST_3_2.$name,)*
        }
    };
}

static LIST_3_2: sys::CK_FUNCTION_LIST_3_2 = longest! {
    done:
        C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
        C_GetMechanismList C_GetMechanismInfo C_InitPIN C_SetPIN C_OpenSession C_CloseSession
        C_CloseAllSessions C_GetSessionInfo C_Login C_Logout C_CreateObject C_CopyObject C_DestroyObject
        C_GetObjectSize C_GetAttributeValue C_SetAttributeValue C_FindObjectsInit C_FindObjects
        C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate C_EncryptFinal C_DecryptInit C_Decrypt
        C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest C_DigestUpdate C_DigestKey C_DigestFinal
        C_SignInit C_Sign C_SignUpdate C_SignFinal C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal
        C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_SeedRandom C_GenerateRandom
        C_GetFunctionStatus C_CancelFunction C_WaitForSlotEvent C_GetInterfaceList C_GetInterface
        C_LoginUser C_SessionCancel C_EncapsulateKey C_DecapsulateKey C_GetSessionValidationFlags;
    stubs:
        C_InitToken C_GetOperationState C_SetOperationState C_SignRecoverInit C_SignRecover
        C_VerifyRecoverInit C_VerifyRecover C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate
        C_DecryptVerifyUpdate C_GenerateKey C_MessageEncryptInit C_EncryptMessage C_EncryptMessageBegin
        C_EncryptMessageNext C_MessageEncryptFinal C_MessageDecryptInit C_DecryptMessage
        C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal C_MessageSignInit C_SignMessage
        C_SignMessageBegin C_SignMessageNext C_MessageSignFinal C_MessageVerifyInit C_VerifyMessage
        C_VerifyMessageBegin C_VerifyMessageNext C_MessageVerifyFinal C_VerifySignatureInit
        C_VerifySignature C_VerifySignatureUpdate C_VerifySignatureFinal C_AsyncComplete C_AsyncGetID
        C_AsyncJoin C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated
};

static LIST_3_0: sys::CK_FUNCTION_LIST_3_0 = shorter! {
    CK_FUNCTION_LIST_3_0, 3, 0;
    C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
    C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession
    C_CloseAllSessions C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_Logout
    C_CreateObject C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue
    C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate
    C_EncryptFinal C_DecryptInit C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest
    C_DigestUpdate C_DigestKey C_DigestFinal C_SignInit C_Sign C_SignUpdate C_SignFinal C_SignRecoverInit
    C_SignRecover C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit C_VerifyRecover
    C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate C_DecryptVerifyUpdate C_GenerateKey
    C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_SeedRandom C_GenerateRandom C_GetFunctionStatus
    C_CancelFunction C_WaitForSlotEvent C_GetInterfaceList C_GetInterface C_LoginUser C_SessionCancel
    C_MessageEncryptInit C_EncryptMessage C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal
    C_MessageDecryptInit C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal
    C_MessageSignInit C_SignMessage C_SignMessageBegin C_SignMessageNext C_MessageSignFinal
    C_MessageVerifyInit C_VerifyMessage C_VerifyMessageBegin C_VerifyMessageNext C_MessageVerifyFinal
};

static LIST_2_40: sys::CK_FUNCTION_LIST = shorter! {
    CK_FUNCTION_LIST, 2, 40;
    C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
    C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession
    C_CloseAllSessions C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_Logout
    C_CreateObject C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue
    C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate
    C_EncryptFinal C_DecryptInit C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest
    C_DigestUpdate C_DigestKey C_DigestFinal C_SignInit C_Sign C_SignUpdate C_SignFinal C_SignRecoverInit
    C_SignRecover C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit C_VerifyRecover
    C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate C_DecryptVerifyUpdate C_GenerateKey
    C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_SeedRandom C_GenerateRandom C_GetFunctionStatus
    C_CancelFunction C_WaitForSlotEvent
};

/// The interfaces, the usual one first.
struct Interfaces([sys::CK_INTERFACE; 3]);

// SAFETY: it points to what is never written to.
unsafe impl Sync for Interfaces {}

static INTERFACES: Interfaces = Interfaces([
    interface((&raw const LIST_3_2).cast_mut().cast()),
    interface((&raw const LIST_3_0).cast_mut().cast()),
    interface((&raw const LIST_2_40).cast_mut().cast()),
]);

/// Returns the interfaces.
#[cfg(test)]
pub(in crate::border) fn interfaces() -> &'static [sys::CK_INTERFACE; 3] {
    &INTERFACES.0
}

/// Not `CKF_INTERFACE_FORK_SAFE`: a child has no sessions of its parent's.
const fn interface(list: *mut std::ffi::c_void) -> sys::CK_INTERFACE {
    sys::CK_INTERFACE { pInterfaceName: NAME.as_ptr().cast_mut().cast(), pFunctionList: list, flags: 0 }
}

const NAME: &CStr = c"PKCS 11";

/// `C_GetFunctionList`: the list of 2.40.
///
/// # Safety
/// `functions` is null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(functions: *mut *mut sys::CK_FUNCTION_LIST) -> sys::CK_RV {
    // SAFETY: the caller's word.
    bare("C_GetFunctionList", || unsafe { put(functions, (&raw const LIST_2_40).cast_mut()) })
}

/// `C_GetInterfaceList`
///
/// # Safety
/// `count` is null or may be written to; so may `interfaces`, as far as that says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInterfaceList(
    interfaces: *mut sys::CK_INTERFACE,
    count: *mut sys::CK_ULONG,
) -> sys::CK_RV {
    // SAFETY: the caller's word.
    bare("C_GetInterfaceList", || unsafe { list(&INTERFACES.0, interfaces, count) })
}

/// `C_GetInterface`: the newest one where no version is asked for.
///
/// # Safety
/// `name` is null or ends in a zero byte; `version` is null or may be read, `interface` null or written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInterface(
    name: *mut sys::CK_UTF8CHAR,
    version: *mut sys::CK_VERSION,
    interface: *mut *mut sys::CK_INTERFACE,
    flags: sys::CK_FLAGS,
) -> sys::CK_RV {
    bare("C_GetInterface", || {
        // SAFETY: it is not null; the rest is the caller's word.
        if !name.is_null() && unsafe { CStr::from_ptr(name.cast()) } != NAME {
            return Err(Rv::FUNCTION_FAILED);
        }
        // SAFETY: the caller's word.
        let version = unsafe { version.as_ref() };
        let fits = |found: &&sys::CK_INTERFACE| {
            // SAFETY: each list begins with its version.
            let has = unsafe { &*found.pFunctionList.cast::<sys::CK_VERSION>() };
            version.is_none_or(|wanted| (wanted.major, wanted.minor) == (has.major, has.minor))
                && found.flags & flags == flags
        };
        let found = INTERFACES.0.iter().find(fits).ok_or(Rv::FUNCTION_FAILED)?;
        // SAFETY: the caller's word.
        unsafe { put(interface, (&raw const *found).cast_mut()) }
    })
}
