#![allow(clippy::unwrap_used, reason = "these are tests")]

mod logins;
mod objects;
mod removal;
mod streams;

use claviger_client::Secret;
use cryptoki_sys as sys;

use crate::operations::{Parameter, Value};
use crate::state::Module;
use crate::template::Template;
use crate::testing::PIN;

const RW: sys::CK_FLAGS = sys::CKF_SERIAL_SESSION | sys::CKF_RW_SESSION;
const RO: sys::CK_FLAGS = sys::CKF_SERIAL_SESSION;

/// Returns the slots: of the local store and of the card.
fn slots(module: &Module) -> (sys::CK_SLOT_ID, sys::CK_SLOT_ID) {
    let slots = module.slot_list(false, true).unwrap();
    (slots[0], slots[1])
}

fn pin(text: &[u8]) -> Option<Secret> {
    Some(Secret::new(text.to_vec()))
}

/// Opens a session and logs in.
fn logged_in(module: &Module, slot: sys::CK_SLOT_ID) -> sys::CK_SESSION_HANDLE {
    let session = module.open_session(slot, RW).unwrap();
    module.login(session, sys::CKU_USER, pin(PIN)).unwrap();
    session
}

/// Returns what is found.
fn found(
    module: &Module,
    session: sys::CK_SESSION_HANDLE,
    template: &Template,
) -> Vec<sys::CK_OBJECT_HANDLE> {
    module.find_init(session, template).unwrap();
    let mut found = Vec::new();
    loop {
        // One at a time, as many programs ask.
        match module.find(session, 1).unwrap().as_slice() {
            [] => break,
            more => found.extend_from_slice(more),
        }
    }
    module.find_final(session).unwrap();
    found
}

/// Returns the only object of that class.
fn only(
    module: &Module,
    session: sys::CK_SESSION_HANDLE,
    class: sys::CK_OBJECT_CLASS,
) -> sys::CK_OBJECT_HANDLE {
    let template = crate::testing::template(&[(sys::CKA_CLASS, &class.to_ne_bytes())]);
    match found(module, session, &template).as_slice() {
        [only] => *only,
        other => panic!("{} objects of class {class}", other.len()),
    }
}

fn plain(mechanism: sys::CK_MECHANISM_TYPE) -> Parameter {
    Parameter { mechanism, value: Value::None }
}
