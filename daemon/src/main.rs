//! clavigerd, the service.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clavigerd::arguments::Arguments;
use clavigerd::config::Config;
use clavigerd::{hardening, logging, run};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.print_introspection {
        std::io::stdout().write_all(introspection().as_bytes()).map_err(|error| error.to_string())
    } else {
        start(arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("clavigerd: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<(), String> {
    let config = Config::load(arguments.config.as_deref()).map_err(|error| error.to_string())?;
    if arguments.check_config {
        println!("the configuration is in order");
        return Ok(());
    }
    logging::start(config.log.clone());
    hardening::harden();
    // One thread serves the bus: what is fast is done on it without waking another, what is slow goes to the
    // workers, and each channel has a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(run::run(arguments, config)).map_err(|error| error.to_string());
    // A read that hangs (FUSE) must not keep the service from ending.
    runtime.shutdown_background();
    outcome
}

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
