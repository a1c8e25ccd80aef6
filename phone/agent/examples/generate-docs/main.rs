//! Writes the man page and the completions: `cargo run -q -p claviger-phone --example generate-docs -- docs`

mod pages;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: generate-docs FOLDER");
        return ExitCode::from(2);
    };
    match pages::write_all(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the page: {error}");
            ExitCode::FAILURE
        }
    }
}
