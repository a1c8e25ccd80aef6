//! A private message bus, so that no figure depends on what else is on the machine's own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::child::end;
use crate::error::{Doing, Error};

/// A running dbus-daemon; it ends when this is dropped.
pub(crate) struct Bus {
    child: Child,
    address: String,
}

impl Bus {
    /// Starts one that listens in `folder` and lets every user in.
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        let config = folder.join("bus.conf");
        let text = CONFIG.replace("SOCKET", &folder.join("bus").display().to_string());
        std::fs::write(&config, text).doing("write the bus's configuration")?;
        let log = File::create(folder.join("bus.log")).doing("write the bus's log")?;
        let mut child = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .doing("start dbus-daemon")?;
        let mut address = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut address).doing("hear from dbus-daemon")?;
        }
        let bus = Self { child, address: address.trim().to_owned() };
        if bus.address.is_empty() {
            return Err(Error::Child { who: "dbus-daemon".to_owned(), said: String::new() });
        }
        Ok(bus)
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
  <!-- A load must meet the daemon's limits, not those of the bus. -->
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_connections_per_user">1000</limit>
</busconfig>
"#;
