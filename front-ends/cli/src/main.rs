//! `claviger`, the command line of the key store.

use std::process::ExitCode;

fn main() -> ExitCode {
    claviger::main()
}
