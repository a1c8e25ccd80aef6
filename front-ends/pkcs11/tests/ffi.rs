//! The module in a process of its own, over a real bus on which there is no daemon.

#![allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    reason = "an application is C"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::ptr;

use cryptoki_sys as sys;

unsafe extern "C" {
    fn C_GetFunctionList(functions: *mut *mut sys::CK_FUNCTION_LIST) -> sys::CK_RV;
}

/// A bus that ends with its test.
struct Bus(Child);

impl Drop for Bus {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn nothing_is_left_behind_when_the_module_is_finalized() {
    // Linked for what it exports.
    let _: fn(Box<dyn claviger_pkcs11::Store>) -> bool = claviger_pkcs11::initialize_over;
    let bus = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--nopidfile", "--print-address"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut bus = Bus(bus.unwrap());
    let mut address = String::new();
    BufReader::new(bus.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
    // The only test of its process.
    unsafe { std::env::set_var("CLAVIGER_BUS", address.trim()) };
    let mut functions = ptr::null_mut();
    assert_eq!(unsafe { C_GetFunctionList(&raw mut functions) }, sys::CKR_OK);
    let functions = unsafe { &*functions };
    let before = (threads(), descriptors());
    for round in 0..3 {
        unsafe {
            assert_eq!((functions.C_Initialize.unwrap())(ptr::null_mut()), sys::CKR_OK);
            let mut count = 9;
            let slots = functions.C_GetSlotList.unwrap();
            assert_eq!(slots(sys::CK_FALSE, ptr::null_mut(), &raw mut count), sys::CKR_OK);
            assert_eq!(count, 0, "where there is no daemon there are no slots");
            assert!(descriptors() > before.1, "it is connected to the bus");
            let mut slot = 0;
            let wait = functions.C_WaitForSlotEvent.unwrap();
            assert_eq!(wait(sys::CKF_DONT_BLOCK, &raw mut slot, ptr::null_mut()), sys::CKR_NO_EVENT);
            assert_eq!((functions.C_Finalize.unwrap())(ptr::null_mut()), sys::CKR_OK);
            assert_eq!(
                slots(sys::CK_FALSE, ptr::null_mut(), &raw mut count),
                sys::CKR_CRYPTOKI_NOT_INITIALIZED
            );
        }
        assert_eq!(threads(), before.0);
        // tokio keeps a pair of sockets for signals, once in a process.
        assert!(descriptors() <= before.1 + 2, "round {round}");
    }
}
