//! An independent stack, bumble, as the radio of a phone or of a computer.
//!
//! The programs are `tests/bluetooth/phone_radio.py` and `pc_radio.py`; what they say and take stands at their heads.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::SERVICE;
use super::air::Air;
use crate::lab::Running;

/// A radio that is switched on, on a controller of its own. It dies without a word with the value, as when its battery is
/// taken out.
pub struct Radio {
    program: Running,
    address: String,
}

impl Radio {
    /// Switches on a phone's, which offers [`SERVICE`] and passes each stream to the socket.
    pub async fn phone(air: &Air, name: &str, socket: &Path) -> Self {
        Self::start("phone_radio.py", air, name, socket).await
    }

    /// Switches on a computer's, which passes the streams that it dials to the socket.
    pub async fn computer(air: &Air, name: &str, socket: &Path) -> Self {
        Self::start("pc_radio.py", air, name, socket).await
    }

    /// Returns its address: the emulator's, which numbers its controllers, and gives a number that is free again anew.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Bonds with nobody from now on.
    pub async fn reject(&mut self) {
        self.program.say("reject");
        self.hear("rejects").await;
    }

    /// Bonds again.
    pub async fn accept(&mut self) {
        self.program.say("accept");
        self.hear("accepts").await;
    }

    /// Cuts every connection, as a person does who switches Bluetooth off.
    pub fn drop_links(&mut self) {
        self.program.say("drop");
    }

    /// Bonds with a phone, looks for [`SERVICE`] and connects; hear `open`, or `no service`. For a computer's.
    pub fn dial(&mut self, address: &str) {
        self.program.say(&format!("dial {address}"));
    }

    /// Waits until it says a line that begins so, and returns the rest of the line.
    pub async fn hear(&mut self, words: &str) -> String {
        self.program.hear(&format!("> {words}")).await;
        self.program.hear("\n").await.trim().to_owned()
    }

    async fn start(program: &str, _air: &Air, name: &str, socket: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new("/usr/bin/python3");
        command.arg(format!("{}/bluetooth/{program}", env!("CARGO_MANIFEST_DIR")));
        command.arg("--controller").arg(Air::entrance()).args(["--service", SERVICE, "--name", name]);
        command.arg("--socket").arg(socket).args(["--keys", &format!("/tmp/bonds-{number}.json")]);
        let mut radio = Self { program: Running::start(command), address: String::new() };
        radio.address = radio.hear("ready ").await;
        radio
    }
}
