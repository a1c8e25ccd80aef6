//! Writes `docs/dbus-api.md` to standard output:
//! `cargo run -q -p claviger-dbus --example generate-docs > docs/dbus-api.md`

mod reference;

use std::process::ExitCode;

fn main() -> ExitCode {
    match reference::render() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("cannot render the reference: {why}");
            ExitCode::FAILURE
        }
    }
}
