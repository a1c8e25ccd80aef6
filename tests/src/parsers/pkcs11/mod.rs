//! Programs that call the PKCS#11 module in whatever order with whatever arguments.
//!
//! | file | noun |
//! | --- | --- |
//! | `dealer` | [`Dealer`]: arguments, as the input has them |
//! | `memory` | [`Memory`]: what they point to, with a border that nobody may write to |
//! | `ffi` | the calls |
//! | `store` | [`Answers`]: a key store that answers as the input has it |

mod dealer;
mod ffi;
mod memory;
mod store;

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use cryptoki_sys as sys;

use dealer::Dealer;
use store::Answers;

/// There is one module in a process.
static MODULE: Mutex<()> = Mutex::new(());

/// The most calls that one input comes to.
const CALLS: usize = 64;

/// True once there was a panic. The module lets none out, so it is looked for where it begins.
static PANICKED: AtomicBool = AtomicBool::new(false);

fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.store(true, Ordering::Relaxed);
            before(info);
        }));
    });
}

/// Every call returns a code of the standard, writes only where it was told to, and does not panic. The input is taken
/// where five calls were carried out.
pub(super) fn calls(bytes: &[u8]) -> bool {
    let _module = MODULE.lock().unwrap_or_else(PoisonError::into_inner);
    watch_panics();
    let list = ffi::list();
    let initialize = || claviger_pkcs11::initialize_over(Box::new(Answers::new(bytes)));
    assert!(initialize(), "the module was not ended");
    let mut dealer = Dealer::new(bytes);
    let mut carried_out = 0;
    for _ in 0..CALLS {
        let Some(which) = dealer.next() else { break };
        let code = ffi::call(list, which, &mut dealer);
        assert!(is_documented(code), "call {which} returns {code:#x}");
        assert!(!PANICKED.load(Ordering::Relaxed), "call {which} panicked, and returns {code:#x}");
        dealer.look_back();
        carried_out += usize::from(code == sys::CKR_OK);
        if ffi::ask(list) == sys::CKR_CRYPTOKI_NOT_INITIALIZED {
            // That was the end. Left to itself the module would look for a daemon.
            assert!(initialize(), "the module ended and is there");
        }
    }
    assert_eq!(ffi::end(list), sys::CKR_OK);
    carried_out >= 5
}

/// Returns true for the codes of PKCS#11 3.2.
fn is_documented(code: sys::CK_RV) -> bool {
    const HOLES: [(sys::CK_RV, sys::CK_RV); 7] = [
        (sys::CKR_CANT_LOCK + 1, sys::CKR_ATTRIBUTE_READ_ONLY),
        (sys::CKR_DATA_LEN_RANGE + 1, sys::CKR_DEVICE_ERROR),
        (sys::CKR_SIGNATURE_LEN_RANGE + 1, sys::CKR_TEMPLATE_INCOMPLETE),
        (sys::CKR_TEMPLATE_INCONSISTENT + 1, sys::CKR_TOKEN_NOT_PRESENT),
        (sys::CKR_BUFFER_TOO_SMALL + 1, sys::CKR_SAVED_STATE_INVALID),
        (sys::CKR_PUBLIC_KEY_INVALID + 1, sys::CKR_FUNCTION_REJECTED),
        (sys::CKR_PARAMETER_SET_NOT_SUPPORTED + 1, sys::CK_RV::MAX),
    ];
    !HOLES.iter().any(|(from, to)| (*from..*to).contains(&code))
}
