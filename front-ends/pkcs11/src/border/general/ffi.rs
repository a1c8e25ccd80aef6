//! The library, slots, tokens, sessions, logins.

#![expect(unsafe_code, reason = "an application gives pointers")]

use std::ffi::c_void;

use cryptoki_sys as sys;

use super::super::ffi::{bare, functions, list, pin, put};
use crate::bus;
use crate::calls::{MANUFACTURER, padded};
use crate::daemon::Daemon;
use crate::operations::Info;
use crate::rv::{Answer, Rv};
use crate::state;

/// `C_Initialize`
#[expect(non_snake_case, reason = "the standard's name")]
pub(in crate::border) unsafe extern "C" fn C_Initialize(arguments: *mut c_void) -> sys::CK_RV {
    bare("C_Initialize", || {
        // SAFETY: null, or the application's `CK_C_INITIALIZE_ARGS`.
        let arguments = unsafe { arguments.cast::<sys::CK_C_INITIALIZE_ARGS>().as_ref() };
        check(arguments)?;
        state::initialize(|| Box::new(Daemon::new(bus::chosen())))
    })
}

/// Checks how the application wants threads to be kept apart. The system's locks do.
fn check(arguments: Option<&sys::CK_C_INITIALIZE_ARGS>) -> Answer<()> {
    let Some(arguments) = arguments else { return Ok(()) };
    let own = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    let some = own.iter().filter(|given| **given).count();
    if !arguments.pReserved.is_null() || !(some == 0 || some == own.len()) {
        return Err(Rv::ARGUMENTS_BAD);
    }
    // "… the application … must be using … the function pointers supplied"
    if some != 0 && arguments.flags & sys::CKF_OS_LOCKING_OK == 0 {
        return Err(Rv::CANT_LOCK);
    }
    Ok(())
}

/// `C_Finalize`
#[expect(non_snake_case, reason = "the standard's name")]
pub(in crate::border) unsafe extern "C" fn C_Finalize(reserved: *mut c_void) -> sys::CK_RV {
    bare("C_Finalize", || if reserved.is_null() { state::finalize() } else { Err(Rv::ARGUMENTS_BAD) })
}

/// `C_WaitForSlotEvent`
#[expect(non_snake_case, reason = "the standard's name")]
pub(in crate::border) unsafe extern "C" fn C_WaitForSlotEvent(
    flags: sys::CK_FLAGS,
    slot: *mut sys::CK_SLOT_ID,
    reserved: *mut c_void,
) -> sys::CK_RV {
    bare("C_WaitForSlotEvent", || {
        // `C_Finalize` comes while somebody is in here, and has to wait until he has left.
        let module = state::waiting()?;
        if slot.is_null() || !reserved.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let event = module.wait_for_slot_event(flags & sys::CKF_DONT_BLOCK == 0)?;
        // SAFETY: it is not null, and the application's.
        unsafe { put(slot, event) }
    })
}

functions! {
    C_GetInfo(_module, info: *mut sys::CK_INFO) {
        put(info, sys::CK_INFO {
            cryptokiVersion: sys::CK_VERSION { major: 3, minor: 2 },
            manufacturerID: padded(MANUFACTURER),
            flags: 0,
            libraryDescription: padded("keys wherever they are"),
            libraryVersion: version(),
        })
    }

    C_GetSlotList(module, present: sys::CK_BBOOL, slots: *mut sys::CK_SLOT_ID, count: *mut sys::CK_ULONG) {
        if count.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        list(&module.slot_list(present != sys::CK_FALSE, slots.is_null())?, slots, count)
    }

    C_GetSlotInfo(module, slot: sys::CK_SLOT_ID, info: *mut sys::CK_SLOT_INFO) {
        put(info, module.slot_info(slot)?)
    }

    C_GetTokenInfo(module, slot: sys::CK_SLOT_ID, info: *mut sys::CK_TOKEN_INFO) {
        put(info, module.token_info(slot)?)
    }

    C_GetMechanismList(
        module, slot: sys::CK_SLOT_ID, mechanisms: *mut sys::CK_MECHANISM_TYPE, count: *mut sys::CK_ULONG
    ) {
        let numbers: Vec<_> = module.mechanisms(slot)?.iter().map(|info: &Info| info.mechanism).collect();
        list(&numbers, mechanisms, count)
    }

    C_GetMechanismInfo(
        module, slot: sys::CK_SLOT_ID, mechanism: sys::CK_MECHANISM_TYPE, info: *mut sys::CK_MECHANISM_INFO
    ) {
        put(info, module.mechanism(slot, mechanism)?.into())
    }

    C_InitPIN(module, session: sys::CK_SESSION_HANDLE, new: *mut u8, length: sys::CK_ULONG) {
        module.init_pin(session, pin(new, length)?)
    }

    C_SetPIN(
        module, session: sys::CK_SESSION_HANDLE,
        old: *mut u8, old_length: sys::CK_ULONG, new: *mut u8, new_length: sys::CK_ULONG
    ) {
        module.set_pin(session, pin(old, old_length)?, pin(new, new_length)?)
    }

    C_OpenSession(
        module, slot: sys::CK_SLOT_ID, flags: sys::CK_FLAGS,
        _application: *mut c_void, _notify: sys::CK_NOTIFY, session: *mut sys::CK_SESSION_HANDLE
    ) {
        if session.is_null() {
            return Err(Rv::ARGUMENTS_BAD);
        }
        put(session, module.open_session(slot, flags)?)
    }

    C_CloseSession(module, session: sys::CK_SESSION_HANDLE) {
        module.world().close(session)
    }

    C_CloseAllSessions(module, slot: sys::CK_SLOT_ID) {
        module.close_all_sessions(slot)
    }

    C_GetSessionInfo(module, session: sys::CK_SESSION_HANDLE, info: *mut sys::CK_SESSION_INFO) {
        put(info, module.session_info(session)?)
    }

    C_SessionCancel(module, session: sys::CK_SESSION_HANDLE, flags: sys::CK_FLAGS) {
        module.cancel(session, flags)
    }

    C_Login(
        module, session: sys::CK_SESSION_HANDLE, user: sys::CK_USER_TYPE, secret: *mut u8, length: sys::CK_ULONG
    ) {
        module.login(session, user, pin(secret, length)?)
    }

    C_LoginUser(
        module, session: sys::CK_SESSION_HANDLE, user: sys::CK_USER_TYPE,
        secret: *mut u8, length: sys::CK_ULONG, _name: *mut u8, name_length: sys::CK_ULONG
    ) {
        // A token has one user, who has no name there.
        if name_length != 0 {
            return Err(Rv::USER_TYPE_INVALID);
        }
        module.login(session, user, pin(secret, length)?)
    }

    C_Logout(module, session: sys::CK_SESSION_HANDLE) {
        module.logout(session)
    }

    C_GetSessionValidationFlags(
        module, session: sys::CK_SESSION_HANDLE, kind: sys::CK_SESSION_VALIDATION_FLAGS_TYPE, flags: *mut sys::CK_FLAGS
    ) {
        module.world().session(session)?;
        if kind != sys::CKS_LAST_VALIDATION_OK {
            return Err(Rv::ARGUMENTS_BAD);
        }
        // Nothing here was validated.
        put(flags, 0)
    }

    C_GetFunctionStatus(module, session: sys::CK_SESSION_HANDLE) {
        module.world().session(session)?;
        Err(Rv::FUNCTION_NOT_PARALLEL)
    }

    C_CancelFunction(module, session: sys::CK_SESSION_HANDLE) {
        module.world().session(session)?;
        Err(Rv::FUNCTION_NOT_PARALLEL)
    }
}

fn version() -> sys::CK_VERSION {
    let part = |text: &str| text.parse().unwrap_or(0);
    sys::CK_VERSION {
        major: part(env!("CARGO_PKG_VERSION_MAJOR")),
        minor: part(env!("CARGO_PKG_VERSION_MINOR")),
    }
}
