//! A daemon like clavigerd, with its own start of logging and the same bus library, and one handler that panics:
//! clavigerd itself has none that could be called. `panicking --bus ADDRESS …`; other arguments are passed over.

use std::process::ExitCode;

use claviger_tests::peer::{NAME, PATH};
use zbus::connection::Builder;

struct Panicking;

#[zbus::interface(name = "org.claviger.KeyStore1.Panicking")]
impl Panicking {
    /// Never answers.
    fn panic(&self) {
        panic!("a handler panics");
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().skip_while(|argument| argument != "--bus").nth(1) else {
        return ExitCode::from(2);
    };
    clavigerd::logging::start(clavigerd::config::Config::default().log);
    let serving = Builder::address(address.as_str()).serve_at(PATH, Panicking).name(NAME).build().await;
    match serving {
        Ok(connection) => {
            connection.closed().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot serve: {error}");
            ExitCode::FAILURE
        }
    }
}
