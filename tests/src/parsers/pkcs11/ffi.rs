//! The calls.

#![allow(unsafe_code, reason = "PKCS#11 is an interface of C")]

use std::ptr;

use cryptoki_sys as sys;

use super::dealer::{Dealer, Kind};

unsafe extern "C" {
    fn C_GetInterface(
        name: *mut sys::CK_UTF8CHAR,
        version: *mut sys::CK_VERSION,
        interface: *mut *mut sys::CK_INTERFACE,
        flags: sys::CK_FLAGS,
    ) -> sys::CK_RV;
}

/// Returns the module's functions.
pub(super) fn list() -> &'static sys::CK_FUNCTION_LIST_3_2 {
    let mut version = sys::CK_VERSION { major: 3, minor: 2 };
    let mut interface = ptr::null_mut();
    // SAFETY: the version and the place for the interface live through the call; a null name is allowed.
    let code = unsafe { C_GetInterface(ptr::null_mut(), &raw mut version, &raw mut interface, 0) };
    assert_eq!(code, sys::CKR_OK);
    // SAFETY: the module's interfaces live as long as it does, and the one of this version points to such a list.
    unsafe { &*(*interface).pFunctionList.cast::<sys::CK_FUNCTION_LIST_3_2>() }
}

/// Ends the module.
pub(super) fn end(list: &sys::CK_FUNCTION_LIST_3_2) -> sys::CK_RV {
    // SAFETY: a null pointer is what the standard wants.
    unsafe { list.C_Finalize.unwrap()(ptr::null_mut()) }
}

/// Makes one call.
pub(super) fn call(list: &sys::CK_FUNCTION_LIST_3_2, which: u8, deal: &mut Dealer<'_>) -> sys::CK_RV {
    /// Calls a function of the list.
    macro_rules! call {
        ($name:ident($($argument:expr),*)) => {
            // SAFETY: what the dealer gives is what it says: null, or an address of as many bytes as the length beside
            // it has, unless that is more than there can be; all of it lives until the dealer looks back.
            unsafe { list.$name.unwrap()($($argument),*) }
        };
    }
    match which % 62 {
        0 => {
            let (present, count) = (deal.byte() % 2, u64::from(deal.byte() % 5));
            let room = deal.places(Kind::Slot, count as usize);
            call!(C_GetSlotList(present, room, deal.number_at(count)))
        }
        1 => call!(C_OpenSession(
            deal.slot(),
            sys::CKF_SERIAL_SESSION | u64::from(deal.byte() % 4),
            ptr::null_mut(),
            None,
            deal.place(Kind::Session)
        )),
        2 => call!(C_CloseSession(deal.session())),
        3 => call!(C_CloseAllSessions(deal.slot())),
        4 => call!(C_GetInfo(deal.structure())),
        5 => call!(C_GetSlotInfo(deal.slot(), deal.structure())),
        6 => call!(C_GetTokenInfo(deal.slot(), deal.structure())),
        7 => call!(C_GetSessionInfo(deal.session(), deal.structure())),
        8 => {
            let (slot, count) = (deal.slot(), u64::from(deal.byte()));
            let room = deal.numbers(count as usize);
            call!(C_GetMechanismList(slot, room, deal.number_at(count)))
        }
        9 => call!(C_GetMechanismInfo(deal.slot(), u64::from(deal.byte()), deal.structure())),
        10 => {
            let (session, kind, (pin, length)) = (deal.session(), u64::from(deal.byte() % 4), deal.bytes());
            call!(C_Login(session, kind, pin, length))
        }
        11 => call!(C_Logout(deal.session())),
        12 => {
            let (session, (pin, length)) = (deal.session(), deal.bytes());
            call!(C_InitPIN(session, pin, length))
        }
        13 => {
            let (session, (old, old_length), (new, new_length)) =
                (deal.session(), deal.bytes(), deal.bytes());
            call!(C_SetPIN(session, old, old_length, new, new_length))
        }
        14 => {
            let (session, (template, count)) = (deal.session(), deal.template());
            call!(C_FindObjectsInit(session, template, count))
        }
        15 => {
            let (session, count) = (deal.session(), u64::from(deal.byte() % 8));
            let room = deal.places(Kind::Object, count as usize);
            call!(C_FindObjects(session, room, count, deal.number_at(0)))
        }
        16 => call!(C_FindObjectsFinal(deal.session())),
        17 => {
            let (session, object, (template, count)) = (deal.session(), deal.object(), deal.room_template());
            call!(C_GetAttributeValue(session, object, template, count))
        }
        18 => {
            let (session, object, (template, count)) = (deal.session(), deal.object(), deal.template());
            call!(C_SetAttributeValue(session, object, template, count))
        }
        19 => {
            let (session, (template, count)) = (deal.session(), deal.template());
            call!(C_CreateObject(session, template, count, deal.place(Kind::Object)))
        }
        20 => {
            let (session, object, (template, count)) = (deal.session(), deal.object(), deal.template());
            call!(C_CopyObject(session, object, template, count, deal.place(Kind::Object)))
        }
        21 => call!(C_DestroyObject(deal.session(), deal.object())),
        22 => call!(C_GetObjectSize(deal.session(), deal.object(), deal.numbers(1))),
        23 => call!(C_DigestInit(deal.session(), deal.mechanism())),
        24 => call!(C_SignInit(deal.session(), deal.mechanism(), deal.object())),
        25 => call!(C_VerifyInit(deal.session(), deal.mechanism(), deal.object())),
        26 => call!(C_EncryptInit(deal.session(), deal.mechanism(), deal.object())),
        27 => call!(C_DecryptInit(deal.session(), deal.mechanism(), deal.object())),
        which @ 28..=36 => {
            let (session, (data, length), (room, room_length)) = (deal.session(), deal.bytes(), deal.room());
            match which {
                28 => call!(C_Digest(session, data, length, room, room_length)),
                29 => call!(C_Sign(session, data, length, room, room_length)),
                30 => call!(C_Encrypt(session, data, length, room, room_length)),
                31 => call!(C_Decrypt(session, data, length, room, room_length)),
                32 => call!(C_EncryptUpdate(session, data, length, room, room_length)),
                33 => call!(C_DecryptUpdate(session, data, length, room, room_length)),
                34 => call!(C_SignRecover(session, data, length, room, room_length)),
                35 => call!(C_DigestEncryptUpdate(session, data, length, room, room_length)),
                _ => call!(C_DecryptVerifyUpdate(session, data, length, room, room_length)),
            }
        }
        which @ 37..=40 => {
            let (session, (room, length)) = (deal.session(), deal.room());
            match which {
                37 => call!(C_DigestFinal(session, room, length)),
                38 => call!(C_SignFinal(session, room, length)),
                39 => call!(C_EncryptFinal(session, room, length)),
                _ => call!(C_DecryptFinal(session, room, length)),
            }
        }
        which @ 41..=46 => {
            let (session, (data, length)) = (deal.session(), deal.bytes());
            match which {
                41 => call!(C_DigestUpdate(session, data, length)),
                42 => call!(C_SignUpdate(session, data, length)),
                43 => call!(C_VerifyUpdate(session, data, length)),
                44 => call!(C_VerifyFinal(session, data, length)),
                45 => call!(C_SeedRandom(session, data, length)),
                _ => call!(C_VerifySignature(session, data, length)),
            }
        }
        47 => {
            let (session, (data, length), (signature, other)) = (deal.session(), deal.bytes(), deal.bytes());
            call!(C_Verify(session, data, length, signature, other))
        }
        48 => call!(C_DigestKey(deal.session(), deal.object())),
        49 => {
            let (session, mechanism) = (deal.session(), deal.mechanism());
            let ((public, count), (private, other)) = (deal.template(), deal.template());
            let (one, two) = (deal.place(Kind::Object), deal.place(Kind::Object));
            call!(C_GenerateKeyPair(session, mechanism, public, count, private, other, one, two))
        }
        50 => {
            let (session, mechanism, (template, count)) = (deal.session(), deal.mechanism(), deal.template());
            call!(C_GenerateKey(session, mechanism, template, count, deal.place(Kind::Object)))
        }
        51 => {
            let (session, mechanism, with) = (deal.session(), deal.mechanism(), deal.object());
            let (key, (room, length)) = (deal.object(), deal.room());
            call!(C_WrapKey(session, mechanism, with, key, room, length))
        }
        52 => {
            let (session, mechanism, with) = (deal.session(), deal.mechanism(), deal.object());
            let ((wrapped, length), (template, count)) = (deal.bytes(), deal.template());
            let place = deal.place(Kind::Object);
            call!(C_UnwrapKey(session, mechanism, with, wrapped, length, template, count, place))
        }
        53 => {
            let (session, mechanism, base) = (deal.session(), deal.mechanism(), deal.object());
            let (template, count) = deal.template();
            call!(C_DeriveKey(session, mechanism, base, template, count, deal.place(Kind::Object)))
        }
        54 => {
            let (session, mechanism, key) = (deal.session(), deal.mechanism(), deal.object());
            let ((template, count), (room, length)) = (deal.template(), deal.room());
            let place = deal.place(Kind::Object);
            call!(C_EncapsulateKey(session, mechanism, key, template, count, room, length, place))
        }
        55 => {
            let (session, mechanism, key) = (deal.session(), deal.mechanism(), deal.object());
            let ((template, count), (ciphertext, length)) = (deal.template(), deal.bytes());
            let place = deal.place(Kind::Object);
            call!(C_DecapsulateKey(session, mechanism, key, template, count, ciphertext, length, place))
        }
        56 => {
            let (session, length) = (deal.session(), u64::from(deal.byte()));
            let room = deal.numbers(32).cast();
            call!(C_GenerateRandom(session, room, length))
        }
        57 => call!(C_WaitForSlotEvent(sys::CKF_DONT_BLOCK, deal.place(Kind::Slot), ptr::null_mut())),
        58 => {
            let (session, mechanism, key) = (deal.session(), deal.mechanism(), deal.object());
            let (signature, length) = deal.bytes();
            call!(C_VerifySignatureInit(session, mechanism, key, signature, length))
        }
        59 => call!(C_SessionCancel(deal.session(), u64::from(deal.byte()) << 8)),
        60 => call!(C_Initialize(ptr::null_mut())),
        _ => end(list),
    }
}

/// Asks for what any module tells that is there.
pub(super) fn ask(list: &sys::CK_FUNCTION_LIST_3_2) -> sys::CK_RV {
    let mut info = std::mem::MaybeUninit::<sys::CK_INFO>::uninit();
    // SAFETY: there is room for the struct, and it is not read.
    unsafe { list.C_GetInfo.unwrap()(info.as_mut_ptr()) }
}
