//! The module in a process of its own, over a real bus on which there is no daemon.

#![allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    reason = "an application is C"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
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

/// Returns the sockets that the process has: their numbers, and what they are.
fn sockets() -> BTreeMap<i32, String> {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let socket = |file: std::fs::DirEntry| {
        let target = std::fs::read_link(file.path()).ok()?.to_str()?.to_owned();
        let number = file.file_name().to_str()?.parse().ok()?;
        target.starts_with("socket:").then_some((number, target))
    };
    files.filter_map(socket).collect()
}

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
    fn dup2(old: i32, new: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// Does something in a child, and returns whether it says so.
fn in_a_child(does: impl FnOnce() -> bool) -> bool {
    unsafe {
        let child = fork();
        if child == 0 {
            _exit(i32::from(!does()));
        }
        let mut status = -1;
        assert_eq!(waitpid(child, &raw mut status, 0), child);
        status == 0
    }
}

/// A part of the test below: there is one module in a process.
fn a_child_has_no_socket_of_its_parents(functions: &sys::CK_FUNCTION_LIST) {
    let ask = || unsafe {
        let mut count = 9;
        (functions.C_GetSlotList.unwrap())(sys::CK_FALSE, ptr::null_mut(), &raw mut count)
    };
    let parents = sockets();
    let closed =
        in_a_child(|| ask() == sys::CKR_CRYPTOKI_NOT_INITIALIZED && sockets().len() + 1 == parents.len());
    assert!(closed, "the connection to the bus is the parent's alone");
    // What the child has made of the number meanwhile is the child's.
    let other = std::fs::File::open("/dev/null").unwrap();
    let kept = in_a_child(|| {
        parents.keys().all(|socket| unsafe { dup2(other.as_raw_fd(), *socket) } == *socket)
            && ask() == sys::CKR_CRYPTOKI_NOT_INITIALIZED
            && parents
                .keys()
                .all(|socket| std::fs::exists(format!("/proc/self/fd/{socket}")).is_ok_and(|is| is))
    });
    assert!(kept, "what is no socket of the module's stays open");
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
            if round == 0 {
                a_child_has_no_socket_of_its_parents(functions);
                assert_eq!(slots(sys::CK_FALSE, ptr::null_mut(), &raw mut count), sys::CKR_OK);
            }
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
