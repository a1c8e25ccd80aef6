//! Objects and keys.

#![expect(unsafe_code, reason = "an application gives pointers")]

use cryptoki_sys as sys;

use super::super::ffi::{attributes, bytes, functions, give, put, room, template};
use crate::operations::read;
use crate::rv::Rv;

functions! {
    C_CreateObject(
        module, session: sys::CK_SESSION_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG, object: *mut sys::CK_OBJECT_HANDLE
    ) {
        if object.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        put(object, module.create(session, template(wanted, count)?)?)
    }

    C_CopyObject(
        module, session: sys::CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG, copy: *mut sys::CK_OBJECT_HANDLE
    ) {
        if copy.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        drop(template(wanted, count)?);
        // `CKA_COPYABLE` is false everywhere: a key stands where it stands.
        module.object(session, object)?;
        Err(Rv::ACTION_PROHIBITED)
    }

    C_DestroyObject(module, session: sys::CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE) {
        module.destroy(session, object)
    }

    C_GetObjectSize(
        module, session: sys::CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE, size: *mut sys::CK_ULONG
    ) {
        put(size, module.object_size(session, object)? as sys::CK_ULONG)
    }

    C_GetAttributeValue(
        module, session: sys::CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG
    ) {
        attributes(&module.object(session, object)?, wanted, count)
    }

    C_SetAttributeValue(
        module, session: sys::CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG
    ) {
        module.change(session, object, &template(wanted, count)?)
    }

    C_FindObjectsInit(
        module, session: sys::CK_SESSION_HANDLE, wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG
    ) {
        module.find_init(session, &template(wanted, count)?)
    }

    C_FindObjects(
        module, session: sys::CK_SESSION_HANDLE,
        objects: *mut sys::CK_OBJECT_HANDLE, most: sys::CK_ULONG, count: *mut sys::CK_ULONG
    ) {
        if objects.is_null() || count.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let found = module.find(session, usize::try_from(most).unwrap_or(usize::MAX))?;
        objects.copy_from_nonoverlapping(found.as_ptr(), found.len());
        put(count, found.len() as sys::CK_ULONG)
    }

    C_FindObjectsFinal(module, session: sys::CK_SESSION_HANDLE) {
        module.find_final(session)
    }

    C_GenerateKeyPair(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM,
        public: *mut sys::CK_ATTRIBUTE, public_count: sys::CK_ULONG,
        private: *mut sys::CK_ATTRIBUTE, private_count: sys::CK_ULONG,
        public_key: *mut sys::CK_OBJECT_HANDLE, private_key: *mut sys::CK_OBJECT_HANDLE
    ) {
        if mechanism.is_null() || public_key.is_null() || private_key.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let mechanism = mechanism.read();
        if mechanism.ulParameterLen != 0 {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        let templates = (template(public, public_count)?, template(private, private_count)?);
        let (public, private) = module.generate(session, mechanism.mechanism, &templates.0, &templates.1)?;
        put(public_key, public)?;
        put(private_key, private)
    }

    C_DeriveKey(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, base: sys::CK_OBJECT_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG, key: *mut sys::CK_OBJECT_HANDLE
    ) {
        if key.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        put(key, module.derive(session, &read(mechanism)?, base, template(wanted, count)?)?)
    }

    C_WrapKey(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM,
        wrapping: sys::CK_OBJECT_HANDLE, key: sys::CK_OBJECT_HANDLE, out: *mut u8, out_length: *mut sys::CK_ULONG
    ) {
        let room = room(out, out_length)?;
        give(module.wrap(session, &read(mechanism)?, (wrapping, key), room)?, out, out_length)
    }

    C_UnwrapKey(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM,
        unwrapping: sys::CK_OBJECT_HANDLE, wrapped: *mut u8, length: sys::CK_ULONG,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG, key: *mut sys::CK_OBJECT_HANDLE
    ) {
        if key.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let (wrapped, wanted) = (bytes(wrapped, length)?, template(wanted, count)?);
        put(key, module.unwrap(session, (&read(mechanism)?, unwrapping), wrapped, wanted)?)
    }

    C_EncapsulateKey(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, public: sys::CK_OBJECT_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG,
        out: *mut u8, out_length: *mut sys::CK_ULONG, key: *mut sys::CK_OBJECT_HANDLE
    ) {
        let (room, wanted) = (room(out, out_length)?, template(wanted, count)?);
        if key.is_null() && room.is_some() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let (delivery, handle) = module.encapsulate(session, (&read(mechanism)?, public), wanted, room)?;
        if let Some(handle) = handle {
            put(key, handle)?;
        }
        give(delivery, out, out_length)
    }

    C_DecapsulateKey(
        module, session: sys::CK_SESSION_HANDLE, mechanism: *mut sys::CK_MECHANISM, private: sys::CK_OBJECT_HANDLE,
        wanted: *mut sys::CK_ATTRIBUTE, count: sys::CK_ULONG,
        ciphertext: *mut u8, length: sys::CK_ULONG, key: *mut sys::CK_OBJECT_HANDLE
    ) {
        if key.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let (ciphertext, wanted) = (bytes(ciphertext, length)?, template(wanted, count)?);
        put(key, module.decapsulate(session, (&read(mechanism)?, private), ciphertext, wanted)?)
    }
}
