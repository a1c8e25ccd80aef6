//! The functions as an application finds them: by pointers.

#![allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    reason = "an application is C"
)]

use std::ptr;
use std::sync::mpsc;
use std::time::Duration;

use cryptoki_sys as sys;

use crate::rv::Rv;
use crate::state;
use crate::testing::{House, RSA};

use super::super::ffi::{attributes, bare, list, pin, room, template};
use super::super::general::C_WaitForSlotEvent;
use super::super::{codes, lists};

#[test]
fn every_entry_of_every_list_is_filled() {
    let interfaces = lists::interfaces();
    let versions = [((3, 2), 104), ((3, 0), 92), ((2, 40), 68)];
    for (interface, ((major, minor), entries)) in interfaces.iter().zip(versions) {
        let version = unsafe { &*interface.pFunctionList.cast::<sys::CK_VERSION>() };
        assert_eq!((version.major, version.minor), (major, minor));
        // The list is its version, padded to a pointer, and pointers.
        let words =
            unsafe { std::slice::from_raw_parts(interface.pFunctionList.cast::<usize>(), 1 + entries) };
        assert!(words[1..].iter().all(|word| *word != 0), "{major}.{minor}");
    }
}

#[test]
fn a_panic_stops_at_the_border() {
    std::panic::set_hook(Box::new(|_| {}));
    let code = bare("C_GetInfo", || panic!("on purpose"));
    drop(std::panic::take_hook());
    assert_eq!(code, sys::CKR_FUNCTION_FAILED);
}

#[test]
fn a_function_returns_what_it_may_return_or_what_is_nearest() {
    for (function, code, nearest) in [
        ("C_Sign", Rv::PIN_INCORRECT, Rv::USER_NOT_LOGGED_IN),
        ("C_Sign", Rv::FUNCTION_REJECTED, Rv::FUNCTION_REJECTED),
        ("C_Decrypt", Rv::FUNCTION_REJECTED, Rv::FUNCTION_CANCELED),
        ("C_Decrypt", Rv::DATA_INVALID, Rv::ENCRYPTED_DATA_INVALID),
        ("C_Sign", Rv::TOKEN_NOT_PRESENT, Rv::DEVICE_REMOVED),
        ("C_OpenSession", Rv::TOKEN_NOT_PRESENT, Rv::TOKEN_NOT_PRESENT),
        ("C_GetSlotList", Rv::DEVICE_ERROR, Rv::FUNCTION_FAILED),
        ("C_CreateObject", Rv::DATA_INVALID, Rv::ATTRIBUTE_VALUE_INVALID),
        ("C_UnwrapKey", Rv::KEY_HANDLE_INVALID, Rv::UNWRAPPING_KEY_HANDLE_INVALID),
    ] {
        assert_eq!(codes::allowed(function, code), nearest, "{function}");
    }
}

#[test]
fn attributes_are_given_each_for_itself() {
    let (_, module) = House::furnished();
    let slot = module.slot_list(false, true).unwrap()[1];
    let session = module.open_session(slot, sys::CKF_SERIAL_SESSION).unwrap();
    module.find_init(session, &crate::template::Template::default()).unwrap();
    let public = module.find(session, 1).unwrap()[0];
    let object = module.object(session, public).unwrap();
    let (mut small, mut spki) = ([0u8; 2], vec![0u8; RSA.len()]);
    let of = |kind, value: *mut u8, length: usize| sys::CK_ATTRIBUTE {
        type_: kind,
        pValue: value.cast(),
        ulValueLen: length as sys::CK_ULONG,
    };
    let mut wanted = [
        of(sys::CKA_LABEL, small.as_mut_ptr(), 2),
        of(sys::CKA_VALUE_LEN, ptr::null_mut(), 0),
        of(sys::CKA_MODULUS, ptr::null_mut(), 0),
        of(sys::CKA_PUBLIC_KEY_INFO, spki.as_mut_ptr(), RSA.len()),
    ];
    let given = unsafe { attributes(&object, wanted.as_mut_ptr(), 4) };
    assert_eq!(given, Err(Rv::BUFFER_TOO_SMALL));
    let lengths = wanted.map(|attribute| attribute.ulValueLen);
    let none = sys::CK_UNAVAILABLE_INFORMATION;
    assert_eq!(lengths, [none, none, 256, RSA.len() as sys::CK_ULONG]);
    assert_eq!((spki.as_slice(), small), (RSA, [0; 2]));
}

#[test]
fn hostile_pointers_and_lengths_are_bad_arguments() {
    unsafe {
        assert_eq!(template(ptr::null(), 3).err(), Some(Rv::ARGUMENTS_BAD));
        assert_eq!(template(ptr::dangling(), u64::MAX).err(), Some(Rv::ARGUMENTS_BAD));
        assert_eq!(room::<u8>(ptr::null(), ptr::null()).err(), Some(Rv::ARGUMENTS_BAD));
        assert_eq!(pin([0; 1].as_ptr(), u64::MAX).err(), Some(Rv::ARGUMENTS_BAD));
        assert_eq!(list(&[1u64], ptr::null_mut(), ptr::null_mut()), Err(Rv::ARGUMENTS_BAD));
        let (mut one, mut count) = ([0u64; 1], 1);
        assert_eq!(list(&[1u64, 2], one.as_mut_ptr(), &raw mut count), Err(Rv::BUFFER_TOO_SMALL));
        assert_eq!((one, count), ([0], 2));
    }
}

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
    fn unshare(flags: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// `CLONE_NEWPID`, `CLONE_NEWUSER`.
const NEW_PROCESSES: i32 = 0x2000_0000;
const NEW_USERS: i32 = 0x1000_0000;

/// A part of the test below. A child is the first process of its namespace, and so is the child's child of its own.
fn a_child_with_its_parents_number_begins_anew() {
    let grand = || unsafe {
        let outer = unshare(NEW_PROCESSES) == 0 || unshare(NEW_USERS | NEW_PROCESSES) == 0;
        let child = fork();
        if !outer || child != 0 {
            let mut status = -1;
            waitpid(child, &raw mut status, 0);
            return outer && status == 0;
        }
        let begun = state::initialize(|| Box::new(House::default())) == Ok(());
        let inner = unshare(NEW_PROCESSES) == 0;
        let first = std::process::id();
        let grandchild = fork();
        if grandchild == 0 {
            let same = std::process::id() == first;
            let is_none = state::current().err() == Some(Rv::CRYPTOKI_NOT_INITIALIZED);
            _exit(i32::from(!(same && is_none)));
        }
        let mut status = -1;
        waitpid(grandchild, &raw mut status, 0);
        _exit(i32::from(!(begun && inner && status == 0)))
    };
    let child = unsafe { fork() };
    if child == 0 {
        unsafe { _exit(i32::from(!grand())) };
    }
    let mut status = -1;
    assert_eq!(unsafe { waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn a_child_begins_anew_and_finalizing_ends_a_wait() {
    let store = || -> Box<dyn crate::Store> { Box::new(House::default()) };
    assert_eq!(state::initialize(store), Ok(()));
    assert_eq!(state::initialize(store), Err(Rv::CRYPTOKI_ALREADY_INITIALIZED));
    let module = state::current().unwrap();
    // The lock that the child inherits is held, as another thread could hold it.
    let held = module.world();
    let child = unsafe { fork() };
    if child == 0 {
        let is_none = state::current().err() == Some(Rv::CRYPTOKI_NOT_INITIALIZED);
        let begins = state::initialize(store) == Ok(());
        let works = state::current().is_ok_and(|module| module.slot_list(false, true) == Ok(Vec::new()));
        let ends = state::finalize() == Ok(());
        unsafe { _exit(i32::from(!(is_none && begins && works && ends))) };
    }
    drop(held);
    let mut status = -1;
    assert_eq!(unsafe { waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(state::current().is_ok(), "the parent goes on");
    a_child_with_its_parents_number_begins_anew();
    state::finalize().unwrap();
    assert_eq!(state::finalize(), Err(Rv::CRYPTOKI_NOT_INITIALIZED));
    finalizing_waits_until_who_waits_has_left();
}

/// A part of the test above: a process has one module.
fn finalizing_waits_until_who_waits_has_left() {
    let house = House::default();
    let kept = house.clone();
    state::initialize(|| Box::new(kept)).unwrap();
    let (ended, end) = mpsc::channel();
    std::thread::scope(|scope| {
        let door = house.inside().door.clone();
        let held = door.lock().unwrap();
        let waiting = scope.spawn(|| unsafe {
            let mut slot = 0;
            C_WaitForSlotEvent(0, &raw mut slot, ptr::null_mut())
        });
        // It has asked what there is, and waits.
        house.wait_for_lists(1);
        scope.spawn(move || ended.send(state::finalize()).unwrap());
        let early = end.recv_timeout(Duration::from_millis(300));
        assert!(early.is_err(), "the program unloads the library while a thread is in it");
        drop(held);
        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(Ok(())));
        assert_eq!(waiting.join().unwrap(), sys::CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}
