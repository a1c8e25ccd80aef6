//! clavigerd, the service.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clavigerd::arguments::Arguments;
use clavigerd::config::{Config, ConfigError};
use clavigerd::{hardening, logging, run};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.print_introspection {
        std::io::stdout().write_all(introspection().as_bytes()).map_err(failure)
    } else {
        start(arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            eprintln!("clavigerd: {message}");
            code
        }
    }
}

fn start(arguments: Arguments) -> Result<(), (ExitCode, String)> {
    let misconfigured = |error: ConfigError| (ExitCode::from(MISCONFIGURED), error.to_string());
    let config = Config::load(arguments.config.as_deref()).map_err(misconfigured)?;
    if arguments.check_config {
        println!("the configuration is in order");
        return Ok(());
    }
    logging::start(config.log.clone());
    hardening::harden();
    // One thread serves the bus: what is fast is done on it without waking another, what is slow goes to the
    // workers, and each channel has a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failure)?;
    let outcome = runtime.block_on(run::run(arguments, config)).map_err(failure);
    // A read that hangs (FUSE) must not keep the service from ending.
    runtime.shutdown_background();
    outcome
}

fn failure(error: impl Display) -> (ExitCode, String) {
    (ExitCode::FAILURE, error.to_string())
}

/// sysexits.h's EX_CONFIG: the unit does not start a service again that would read the same configuration.
const MISCONFIGURED: u8 = 78;

/// Returns the contract as one document. A test holds what the running service says against it.
fn introspection() -> String {
    let interfaces = claviger_dbus::xml::INTERFACES.iter().filter_map(|interface| {
        let begin = interface.xml.find("<interface")?;
        let end = interface.xml.rfind("</interface>")?;
        Some(format!("{}</interface>\n", &interface.xml[begin..end]))
    });
    format!(
        "<node name=\"{}\">\n{}</node>\n",
        claviger_dbus::names::OBJECT_PATH,
        interfaces.collect::<String>()
    )
}
