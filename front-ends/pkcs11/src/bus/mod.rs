//! Where the daemon is.

mod ffi;

use claviger_client::Bus;

/// Returns the bus that `CLAVIGER_BUS` names, else the system bus. A program that has more rights than whoever
/// started it does not read the variable.
pub(crate) fn chosen() -> Bus {
    match ffi::variable(c"CLAVIGER_BUS") {
        Some(text) => match text.parse() {
            Ok(bus) => bus,
            Err(never) => match never {},
        },
        None => Bus::System,
    }
}
