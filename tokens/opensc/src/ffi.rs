//! The functions of PC/SC that OpenSC gets from here instead of from libpcsclite, and what else needs `unsafe`.
//!
//! `provider_library = ""` makes OpenSC open the main program (`dlopen` takes an empty name for it) and look its
//! PC/SC functions up there: these here are exported by the program (`build.rs`), all others come from libpcsclite,
//! which the program is linked to. [`stands_between`] makes sure that it is so.

use std::ffi::{OsStr, c_char, c_int, c_long, c_ulong, c_void};
use std::ptr;
use std::slice;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use libloading::os::unix::Library;

use crate::fence::Fence;

static FENCE: Mutex<Fence> = Mutex::new(Fence::new());

/// Returns the fence that every call of OpenSC passes.
pub(crate) fn fence() -> MutexGuard<'static, Fence> {
    // A fence that somebody left in a panic still knows whom it let in.
    FENCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns true where OpenSC will find the functions of this file, and libpcsclite behind them.
pub(crate) fn stands_between() -> bool {
    let ours: [(&[u8], *const c_void); 7] = [
        (b"SCardListReaders\0", SCardListReaders as *const c_void),
        (b"SCardBeginTransaction\0", SCardBeginTransaction as *const c_void),
        (b"SCardReconnect\0", SCardReconnect as *const c_void),
        (b"SCardTransmit\0", SCardTransmit as *const c_void),
        (b"SCardControl\0", SCardControl as *const c_void),
        (b"SCardEndTransaction\0", SCardEndTransaction as *const c_void),
        (b"SCardDisconnect\0", SCardDisconnect as *const c_void),
    ];
    let program = Library::this();
    let found = |name: &[u8]| {
        // SAFETY: the symbol is looked at as an address and never called or read.
        unsafe { program.get::<*const c_void>(name) }
            .map_or(ptr::null(), |symbol| symbol.into_raw().cast_const())
    };
    REAL.is_some() && ours.iter().all(|(name, function)| found(name) == *function)
}

/// Sets a variable of the environment.
///
/// To be called before there is a second thread.
pub(crate) fn set_environment(name: &str, value: &OsStr) {
    // SAFETY: the only caller is `main`, before it starts a thread and before it loads a library.
    unsafe { std::env::set_var(name, value) };
}

/// Ends the process at once: no destructor of any library runs, whatever locks are held.
pub(crate) fn end_process(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { _exit(code) }
}

/// libpcsclite's own functions.
struct Real {
    list_readers: unsafe extern "C" fn(Context, *const c_char, *mut c_char, *mut Dword) -> Long,
    transmit: unsafe extern "C" fn(
        Handle,
        *const c_void,
        *const u8,
        Dword,
        *mut c_void,
        *mut u8,
        *mut Dword,
    ) -> Long,
    control:
        unsafe extern "C" fn(Handle, Dword, *const c_void, Dword, *mut c_void, Dword, *mut Dword) -> Long,
    begin_transaction: unsafe extern "C" fn(Handle) -> Long,
    reconnect: unsafe extern "C" fn(Handle, Dword, Dword, Dword, *mut Dword) -> Long,
    end_transaction: unsafe extern "C" fn(Handle, Dword) -> Long,
    disconnect: unsafe extern "C" fn(Handle, Dword) -> Long,
    /// Keeps it loaded.
    _library: Library,
}

static REAL: LazyLock<Option<Real>> = LazyLock::new(|| {
    // SAFETY: libpcsclite is linked to this program already; its initialisers ran.
    let library = unsafe { Library::new("libpcsclite.so.1") }.ok()?;
    // SAFETY: the types are those of winscard.h of pcsc-lite, whose interface is stable within .so.1.
    unsafe {
        Some(Real {
            list_readers: *library.get(b"SCardListReaders\0").ok()?,
            transmit: *library.get(b"SCardTransmit\0").ok()?,
            control: *library.get(b"SCardControl\0").ok()?,
            begin_transaction: *library.get(b"SCardBeginTransaction\0").ok()?,
            reconnect: *library.get(b"SCardReconnect\0").ok()?,
            end_transaction: *library.get(b"SCardEndTransaction\0").ok()?,
            disconnect: *library.get(b"SCardDisconnect\0").ok()?,
            _library: library,
        })
    }
});

/// As in winscard.h, but there is only one reader.
///
/// # Safety
/// The arguments are as winscard.h wants them.
#[unsafe(no_mangle)]
unsafe extern "C" fn SCardListReaders(
    context: Context,
    groups: *const c_char,
    readers: *mut c_char,
    length: *mut Dword,
) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    if length.is_null() {
        return INVALID_PARAMETER;
    }
    let mut all = [0; LONGEST_LIST];
    let mut all_length = LONGEST_LIST as Dword;
    // SAFETY: the buffer has the length that is told.
    let outcome =
        unsafe { (real.list_readers)(context, groups, all.as_mut_ptr().cast(), &raw mut all_length) };
    if outcome != SUCCESS {
        return outcome;
    }
    let all = &all[..LONGEST_LIST.min(all_length as usize)];
    let Some(seen) = fence().readers(all) else { return NO_READERS };
    // SAFETY: `length` is not null, and the caller's to read and write.
    let room = unsafe { length.replace(seen.len() as Dword) };
    if readers.is_null() {
        return SUCCESS;
    }
    // SCARD_AUTOALLOCATE is the greatest number, and OpenSC does not use it.
    if room == Dword::MAX || (room as usize) < seen.len() {
        return INSUFFICIENT_BUFFER;
    }
    // SAFETY: the caller's buffer has `room` bytes, which are enough.
    unsafe { ptr::copy_nonoverlapping(seen.as_ptr(), readers.cast(), seen.len()) };
    SUCCESS
}

/// As in winscard.h; the fence looks on.
#[unsafe(no_mangle)]
extern "C" fn SCardBeginTransaction(card: Handle) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    // SAFETY: the argument is a number that libpcsclite checks.
    let outcome = unsafe { (real.begin_transaction)(card) };
    // A reset, ours or another's, is no loss: OpenSC begins anew.
    if outcome != SUCCESS && outcome != WAS_RESET {
        fence().lose();
    }
    outcome
}

/// As in winscard.h; the fence looks on.
///
/// # Safety
/// The arguments are as winscard.h wants them.
#[unsafe(no_mangle)]
unsafe extern "C" fn SCardReconnect(
    card: Handle,
    share_mode: Dword,
    protocols: Dword,
    initialization: Dword,
    protocol: *mut Dword,
) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    // SAFETY: the arguments are handed on as they came.
    let outcome = unsafe { (real.reconnect)(card, share_mode, protocols, initialization, protocol) };
    if outcome != SUCCESS {
        fence().lose();
    }
    outcome
}

/// As in winscard.h; the fence looks on.
///
/// # Safety
/// The arguments are as winscard.h wants them.
#[unsafe(no_mangle)]
unsafe extern "C" fn SCardTransmit(
    card: Handle,
    send_header: *const c_void,
    command: *const u8,
    command_length: Dword,
    receive_header: *mut c_void,
    answer: *mut u8,
    answer_length: *mut Dword,
) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    // SAFETY: the arguments are handed on as they came.
    let outcome = unsafe {
        (real.transmit)(card, send_header, command, command_length, receive_header, answer, answer_length)
    };
    if outcome != SUCCESS {
        fence().lose();
    } else if !command.is_null() && !answer.is_null() && !answer_length.is_null() {
        // SAFETY: libpcsclite took `command` with that length and filled `answer` with the length that it left.
        let (command, answer) = unsafe {
            (
                slice::from_raw_parts(command, command_length as usize),
                slice::from_raw_parts(answer, *answer_length as usize),
            )
        };
        fence().observe(command, answer);
    }
    outcome
}

/// As in winscard.h; the fence looks on.
///
/// # Safety
/// The arguments are as winscard.h wants them.
#[unsafe(no_mangle)]
unsafe extern "C" fn SCardControl(
    card: Handle,
    code: Dword,
    input: *const c_void,
    input_length: Dword,
    output: *mut c_void,
    output_room: Dword,
    output_length: *mut Dword,
) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    // SAFETY: the arguments are handed on as they came.
    let outcome =
        unsafe { (real.control)(card, code, input, input_length, output, output_room, output_length) };
    if outcome == SUCCESS && !output.is_null() && !output_length.is_null() {
        // SAFETY: libpcsclite filled `output` with the length that it left.
        let answer = unsafe { slice::from_raw_parts(output.cast::<u8>(), *output_length as usize) };
        fence().observe_control(answer);
    }
    outcome
}

/// As in winscard.h, but the card is reset before others get at it where a PIN would still be in force.
#[unsafe(no_mangle)]
extern "C" fn SCardEndTransaction(card: Handle, disposition: Dword) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    // SAFETY: the arguments are a number that libpcsclite checks, and a disposition.
    leave(disposition, |disposition| unsafe { (real.end_transaction)(card, disposition) })
}

/// As in winscard.h, but the card is reset where a PIN would still be in force.
#[unsafe(no_mangle)]
extern "C" fn SCardDisconnect(card: Handle, disposition: Dword) -> Long {
    let Some(real) = &*REAL else { return NO_SERVICE };
    // SAFETY: the arguments are a number that libpcsclite checks, and a disposition.
    leave(disposition, |disposition| unsafe { (real.disconnect)(card, disposition) })
}

/// Leaves the card by `how`, in the state that the fence wants.
fn leave(disposition: Dword, how: impl FnOnce(Dword) -> Long) -> Long {
    let reset = fence().must_reset();
    let outcome = how(if reset { RESET_CARD } else { disposition });
    if reset && outcome == SUCCESS {
        fence().was_reset();
    }
    outcome
}

#[link(name = "pcsclite")]
unsafe extern "C" {
    fn SCardEstablishContext(
        scope: Dword,
        reserved1: *const c_void,
        reserved2: *const c_void,
        context: *mut Context,
    ) -> Long;
}

unsafe extern "C" {
    fn _exit(code: c_int) -> !;
}

/// Keeps libpcsclite among the libraries of this program: the linker drops those that nothing is taken from.
#[used]
static LINKED: unsafe extern "C" fn(Dword, *const c_void, *const c_void, *mut Context) -> Long =
    SCardEstablishContext;

type Context = c_long;
type Handle = c_long;
type Long = c_long;
type Dword = c_ulong;

const SUCCESS: Long = 0;
const INVALID_PARAMETER: Long = 0x8010_0004;
const INSUFFICIENT_BUFFER: Long = 0x8010_0008;
const NO_SERVICE: Long = 0x8010_001d;
const NO_READERS: Long = 0x8010_002e;
const WAS_RESET: Long = 0x8010_0068;
const RESET_CARD: Dword = 1;

/// pcsc-lite has 16 readers with names of at most 128 bytes.
const LONGEST_LIST: usize = 16 * 128 + 1;
