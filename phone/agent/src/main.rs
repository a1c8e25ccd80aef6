//! `claviger-phone`: keeps keys for paired computers.

use std::process::ExitCode;

fn main() -> ExitCode {
    claviger_phone::main()
}
