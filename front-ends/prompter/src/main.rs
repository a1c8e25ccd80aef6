//! `claviger-prompter`: asks the person for the key store.

use std::process::ExitCode;

fn main() -> ExitCode {
    claviger_prompter::main()
}
