//! `claviger doctor`: is all of it in order, and if not, what to mend.
//!
//! | file | what it looks at |
//! | --- | --- |
//! | `machine` | the system bus: the service's unit, polkit, logind, who asks for PINs |
//! | `installed` | files: the service's user, its state, the polkit rule, the PAM module and who uses it |
//! | `store` | the key store itself, from the bus inwards |
//! | `phones` | the ways to the caller's phones |
//! | `finding` | what was found, and how it is told |

mod finding;
mod installed;
mod machine;
mod phones;
mod store;

use claviger_client::Bus;
use finding::Finding::Broken;

use crate::Problem;
use crate::cli::Global;

/// `claviger doctor`: what the key store rests on first, as that says why there may be none; then the key store.
pub(super) fn doctor(global: &Global) -> Result<(), Problem> {
    let mut findings = Vec::new();
    match &global.bus {
        Bus::System => {
            installed::examine(&mut findings);
            machine::examine(&mut findings);
        }
        // For trying it out: nothing is installed, and nobody is asked.
        Bus::Session | Bus::Address(_) => {}
    }
    store::examine(&global.bus, &mut findings);
    let broken = findings.iter().filter(|(_, finding)| matches!(finding, Broken(..))).count();
    finding::report(global, &findings)?;
    match broken {
        0 => Ok(()),
        count => Err(Problem::Failed(format!("{count} of {} checks failed", findings.len()))),
    }
}
