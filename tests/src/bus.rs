//! A private dbus-daemon that lets every user in, and what it carried.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zbus::connection::{Builder, Connection};
use zbus::{MessageStream, fdo};

use crate::accounts::Person;
use crate::next;
use crate::place::Place;

/// A message bus of the test's own. It ends with the value.
pub struct Bus {
    process: Child,
    place: Place,
}

impl Bus {
    /// Starts a bus that lets everybody do everything; it listens when this returns.
    pub fn start() -> Self {
        Self::with_policy(OPEN)
    }

    /// Starts a bus as the system's is: nobody may own a name or call a method, but as `policy` says.
    pub fn like_the_system(policy: &str) -> Self {
        Self::with_policy(&format!("{CLOSED}{policy}"))
    }

    fn with_policy(policy: &str) -> Self {
        let place = Place::new();
        let socket = place.path().join("bus");
        let config = CONFIG.replace("SOCKET", &socket.to_string_lossy()).replace("POLICY", policy);
        let config = place.file("bus.conf", config);
        let mut process = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert!(address.starts_with("unix:"), "dbus-daemon did not start: {address:?}");
        Self { process, place }
    }

    /// Returns the address that programs are given.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    /// Connects as `person`, as that person's own process would.
    pub async fn connect(&self, person: &Person) -> Connection {
        let stream = person.connect(&self.socket());
        Builder::unix_stream(stream).user_id(person.uid).build().await.expect("the bus lets everybody in")
    }

    /// Begins to record every message.
    pub async fn record(&self) -> Recording {
        let connection = self.connect(&Person::root()).await;
        let mut messages = MessageStream::from(&connection);
        let monitoring = fdo::MonitoringProxy::new(&connection).await.unwrap();
        monitoring.become_monitor(&[], 0).await.unwrap();
        let (stop, mut stopped) = oneshot::channel::<String>();
        let recording = tokio::spawn(async move {
            let mut carried = Vec::new();
            let mut last = None;
            while let Some(Ok(message)) = next(&mut messages).await {
                carried.extend_from_slice(message.data());
                if last.is_none() {
                    last = stopped.try_recv().ok();
                }
                if last
                    .as_ref()
                    .is_some_and(|mark| memchr::memmem::find(message.data(), mark.as_bytes()).is_some())
                {
                    break;
                }
            }
            carried
        });
        Recording { stop, recording, marker: self.connect(&Person::root()).await }
    }

    /// Kills the bus, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn socket(&self) -> PathBuf {
        self.place.path().join("bus")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may be dead already, if the scenario killed it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A recording of everything that goes over a bus.
pub struct Recording {
    stop: oneshot::Sender<String>,
    recording: JoinHandle<Vec<u8>>,
    marker: Connection,
}

impl Recording {
    /// Ends the recording and returns the bytes of all messages up to now.
    pub async fn stop(self) -> Vec<u8> {
        let Self { stop, recording, marker } = self;
        let mark = format!("org.claviger.Mark{}", std::process::id());
        stop.send(mark.clone()).expect("the recorder runs");
        // The monitor sees messages in the order of the bus: once it has this one, it has all before.
        let asked = fdo::DBusProxy::new(&marker).await.unwrap();
        asked.name_has_owner(mark.as_str().try_into().unwrap()).await.unwrap();
        crate::in_time("the recording", recording).await.unwrap()
    }
}

const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  POLICY
  <!-- One user's flood must meet the daemon's limits, not those of the bus. -->
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_connections_per_user">1000</limit>
</busconfig>
"#;

const OPEN: &str = r#"<policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>"#;

/// What /usr/share/dbus-1/system.conf says before the policies of the services.
const CLOSED: &str = r#"<policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>"#;
