//! Operations that take data: digest, sign, verify, encrypt, decrypt; and random bytes.

#![expect(unsafe_code, reason = "an application gives pointers")]

use cryptoki_sys as sys;

use super::super::ffi::{buffer, bytes, functions, give, put, room};
use crate::operations::{Decrypt, Digest, Encrypt, Sign, read};
use crate::rv::Rv;

functions! {
    C_DigestInit(module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM) {
        if mechanism.is_null() {
            return module.cancel(session, sys::CKF_DIGEST);
        }
        module.digest_init(session, &read(mechanism)?)
    }

    C_Digest(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        give(module.whole::<Digest>(session, bytes(data, length)?, room(out, out_length)?)?, out, out_length)
    }

    C_DigestUpdate(module, session: sys::CK_SESSION_HANDLE, data: *mut u8, length: sys::CK_ULONG) {
        module.piece::<Digest>(session, bytes(data, length)?)
    }

    C_DigestKey(module, session: sys::CK_SESSION_HANDLE, key: sys::CK_OBJECT_HANDLE) {
        module.digest_key(session, key)
    }

    C_DigestFinal(module, session: sys::CK_SESSION_HANDLE, out: *mut u8, out_length: *mut sys::CK_ULONG) {
        give(module.last::<Digest>(session, room(out, out_length)?)?, out, out_length)
    }

    C_SignInit(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, key: sys::CK_OBJECT_HANDLE
    ) {
        if mechanism.is_null() {
            return module.cancel(session, sys::CKF_SIGN);
        }
        module.sign_init(session, &read(mechanism)?, key)
    }

    C_Sign(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        give(module.whole::<Sign>(session, bytes(data, length)?, room(out, out_length)?)?, out, out_length)
    }

    C_SignUpdate(module, session: sys::CK_SESSION_HANDLE, data: *mut u8, length: sys::CK_ULONG) {
        module.piece::<Sign>(session, bytes(data, length)?)
    }

    C_SignFinal(module, session: sys::CK_SESSION_HANDLE, out: *mut u8, out_length: *mut sys::CK_ULONG) {
        give(module.last::<Sign>(session, room(out, out_length)?)?, out, out_length)
    }

    C_VerifyInit(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, key: sys::CK_OBJECT_HANDLE
    ) {
        if mechanism.is_null() {
            return module.cancel(session, sys::CKF_VERIFY);
        }
        module.verify_init(session, &read(mechanism)?, key)
    }

    C_Verify(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, signature: *mut u8, signature_length: sys::CK_ULONG
    ) {
        module.verify(session, bytes(data, length)?, bytes(signature, signature_length)?)
    }

    C_VerifyUpdate(module, session: sys::CK_SESSION_HANDLE, data: *mut u8, length: sys::CK_ULONG) {
        module.verify_piece(session, bytes(data, length)?)
    }

    C_VerifyFinal(module, session: sys::CK_SESSION_HANDLE, signature: *mut u8, length: sys::CK_ULONG) {
        module.verify_last(session, bytes(signature, length)?)
    }

    C_EncryptInit(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, key: sys::CK_OBJECT_HANDLE
    ) {
        if mechanism.is_null() {
            return module.cancel(session, sys::CKF_ENCRYPT);
        }
        module.encrypt_init(session, &read(mechanism)?, key)
    }

    C_Encrypt(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        give(module.whole::<Encrypt>(session, bytes(data, length)?, room(out, out_length)?)?, out, out_length)
    }

    C_EncryptUpdate(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        // Nothing comes out before the end. Who only asks how much does not mean the data yet, and is told of more, so that
        // a buffer comes: one of no bytes would be a null pointer, as if it was asked again.
        let Some(_) = room(out, out_length)? else { return put(out_length, module.most::<Encrypt>(session)? as sys::CK_ULONG) };
        module.piece::<Encrypt>(session, bytes(data, length)?)?;
        put(out_length, 0)
    }

    C_EncryptFinal(module, session: sys::CK_SESSION_HANDLE, out: *mut u8, out_length: *mut sys::CK_ULONG) {
        give(module.last::<Encrypt>(session, room(out, out_length)?)?, out, out_length)
    }

    C_DecryptInit(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, key: sys::CK_OBJECT_HANDLE
    ) {
        if mechanism.is_null() {
            return module.cancel(session, sys::CKF_DECRYPT);
        }
        module.decrypt_init(session, &read(mechanism)?, key)
    }

    C_Decrypt(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        give(module.whole::<Decrypt>(session, bytes(data, length)?, room(out, out_length)?)?, out, out_length)
    }

    C_DecryptUpdate(
        module, session: sys::CK_SESSION_HANDLE,
        data: *mut u8, length: sys::CK_ULONG, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        let Some(_) = room(out, out_length)? else { return put(out_length, module.most::<Decrypt>(session)? as sys::CK_ULONG) };
        module.piece::<Decrypt>(session, bytes(data, length)?)?;
        put(out_length, 0)
    }

    C_DecryptFinal(module, session: sys::CK_SESSION_HANDLE, out: *mut u8, out_length: *mut sys::CK_ULONG) {
        give(module.last::<Decrypt>(session, room(out, out_length)?)?, out, out_length)
    }

    C_SeedRandom(module, session: sys::CK_SESSION_HANDLE, _seed: *mut u8, _length: sys::CK_ULONG) {
        module.seed(session)
    }

    C_GenerateRandom(module, session: sys::CK_SESSION_HANDLE, out: *mut u8, length: sys::CK_ULONG) {
        if out.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        module.random(session, buffer(out, length)?)
    }
}
