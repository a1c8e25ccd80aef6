//! Writes the man page: `cargo run -q -p claviger-ssh-agent --example generate-docs -- docs`

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: generate-docs FOLDER");
        return ExitCode::from(2);
    };
    match clap_mangen::generate_to(claviger_ssh_agent::cli::command(), Path::new(&folder).join("man")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the page: {error}");
            ExitCode::FAILURE
        }
    }
}
