//! A D-Bus of a test's own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use zbus::Connection;

/// A bus. It ends when this is dropped.
pub(crate) struct Bus {
    process: Child,
    pub(crate) address: String,
}

impl Bus {
    pub(crate) fn start() -> Self {
        let mut process = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        let printed = process.stdout.as_mut().expect("piped");
        BufReader::new(printed).read_line(&mut address).expect("an address");
        Self { process, address: address.trim().to_owned() }
    }

    pub(crate) async fn connect(&self) -> Connection {
        let builder = zbus::connection::Builder::address(self.address.as_str());
        builder.build().await.expect("a connection")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
