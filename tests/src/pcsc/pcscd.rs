//! pcscd with its own socket and readers: start, kill, stop, go on, start again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::DEADLINE;
use crate::pcsc::pinpad::Pinpad;
use crate::place::Place;

/// A pcscd of the test's own. It ends with the value.
pub struct Pcscd {
    process: Child,
    place: Place,
    ports: Ports,
    log: Arc<Mutex<String>>,
    extras: Extras,
}

/// What its readers can do besides.
struct Extras {
    pinpad: Option<Pinpad>,
    poll_ms: Option<u32>,
}

impl Pcscd {
    /// Starts one with two readers.
    pub fn start() -> Self {
        Self::with_readers(2)
    }

    /// Starts one with so many readers; they come in pairs.
    pub fn with_readers(count: u16) -> Self {
        Self::on_free_ports(count, None, || None)
    }

    /// Starts one with two readers that have keys to type a PIN on.
    pub fn with_pinpad() -> Self {
        Self::on_free_ports(2, None, || Some(Pinpad::new()))
    }

    /// Starts one that notices cards within 10 ms, as it does in USB readers, where the others take up to 400 ms.
    pub fn that_notices_at_once(readers: u16) -> Self {
        Self::on_free_ports(readers, Some(10), || None)
    }

    fn on_free_ports(count: u16, poll_ms: Option<u32>, pinpad: impl Fn() -> Option<Pinpad>) -> Self {
        // A port that was free a moment ago may be taken by a program that does not know of our locks.
        for _ in 0..20 {
            let place = Place::new();
            let ports = Ports::free(count.next_multiple_of(2));
            configure(&place, &ports);
            let extras = Extras { pinpad: pinpad(), poll_ms };
            let (process, log) = spawn(&place, &extras);
            let pcscd = Self { process, place, ports, log, extras };
            if !pcscd.log().contains("Failed") {
                return pcscd;
            }
            eprintln!("pcscd did not get its ports: {}", pcscd.log());
        }
        panic!("there are no free ports for virtual readers");
    }

    /// Returns the socket, for `PCSCLITE_CSOCK_NAME`.
    pub fn socket(&self) -> PathBuf {
        self.place.path().join(SOCKET)
    }

    /// Returns a command with this pcscd in its environment.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env("PCSCLITE_CSOCK_NAME", self.socket());
        command
    }

    /// Returns the port where the reader waits for a card; the first is 0.
    pub fn port(&self, slot: u16) -> u16 {
        assert!(slot < self.ports.count, "there is no such reader");
        self.ports.first + slot
    }

    /// Returns the name of a reader.
    pub fn reader(&self, slot: u16) -> String {
        assert!(slot < self.ports.count, "there is no such reader");
        reader_name(slot)
    }

    /// Returns the keys of the reader; only where it was started so.
    pub fn pinpad(&self) -> &Pinpad {
        self.extras.pinpad.as_ref().expect("it was started with a pin pad")
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns everything that it has said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills it without any warning. The socket stays and nobody listens; cards look for the reader again.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops it as it is: whoever asks it anything waits.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts it again where it was, after a kill or in place of one. A card that was in is in again after it says
    /// `seen`, see [`super::Card::seen_again`].
    pub fn restart(&mut self) {
        // It may be dead already.
        drop(self.process.kill());
        drop(self.process.wait());
        (self.process, self.log) = spawn(&self.place, &self.extras);
        assert!(!self.log().contains("Failed"), "its ports were taken meanwhile: {}", self.log());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        // It may be dead already, if the scenario killed it.
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            eprintln!("the log of pcscd:\n{}", self.log());
        }
    }
}

/// Starts pcscd on a socket of our own, and returns when it is ready.
///
/// Its socket's path is compiled in, but it takes a listening socket as systemd would hand it over: descriptor 3,
/// and its own process id in the environment, which only the child itself knows.
fn spawn(place: &Place, extras: &Extras) -> (Child, Arc<Mutex<String>>) {
    // Without it pcscd ends at once, though it puts nothing there but its process id.
    fs::create_dir_all("/run/pcscd").expect("/run/pcscd can be made");
    let socket = place.path().join(SOCKET);
    drop(fs::remove_file(&socket));
    let listener = UnixListener::bind(&socket).unwrap();
    crate::place::give(&socket, &crate::accounts::Person::root(), 0o666);
    let script =
        r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec /usr/sbin/pcscd -f -i -c "$0" 2>&1"#;
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(place.path().join(CONFIG));
    command.env_remove("PCSCLITE_CSOCK_NAME").stdin(OwnedFd::from(listener)).stdout(Stdio::piped());
    command.envs(extras.pinpad.as_ref().map(|pinpad| ("CLAVIGER_PINPAD", pinpad.socket())));
    command.envs(extras.poll_ms.map(|ms| ("CLAVIGER_READER_POLL_MS", ms.to_string())));
    let mut process = command.spawn().expect("sh runs");
    let said = process.stdout.take().unwrap();
    let (log, ready) = collect(BufReader::new(said));
    let waited = ready.recv_timeout(DEADLINE);
    assert!(waited.is_ok(), "pcscd does not start: {}", log.lock().unwrap());
    (process, log)
}

fn collect(said: impl BufRead + Send + 'static) -> (Arc<Mutex<String>>, Receiver<()>) {
    let log = Arc::new(Mutex::new(String::new()));
    let (is_ready, ready) = channel();
    let kept = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in said.split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            let announces = line.contains("daemon ready");
            kept.lock().unwrap().extend([line.as_str(), "\n"]);
            if announces {
                // Nobody waits any more after the first time.
                _ = is_ready.send(());
            }
        }
    });
    (log, ready)
}

/// Writes the configuration.
fn configure(place: &Place, ports: &Ports) {
    let folder = place.path().join(CONFIG);
    fs::create_dir(&folder).unwrap();
    let conf = readers_conf(ports.count, ports.first, |pair| driver(place, pair));
    fs::write(folder.join("readers"), conf).unwrap();
}

/// Returns the configuration of so many readers on ports from `first`: one entry for every two.
pub(crate) fn readers_conf(count: u16, first: u16, driver: impl Fn(u16) -> PathBuf) -> String {
    let entries = (0..count / 2).map(|pair| {
        let (name, driver, port) = (friendly_name(pair), driver(pair), first + 2 * pair);
        let driver = driver.display();
        format!("FRIENDLYNAME \"{name}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {driver}\nCHANNELID {port}\n")
    });
    entries.collect::<Vec<_>>().join("\n")
}

/// Returns the name that pcscd gives a reader.
pub(super) fn reader_name(slot: u16) -> String {
    format!("{} 00 {:02}", friendly_name(slot / 2), slot % 2)
}

/// Returns the driver for a pair of readers. vpcd keeps its slots by number alone, so that two entries with the same
/// file would share them: each but the first has copies.
fn driver(place: &Place, pair: u16) -> PathBuf {
    let driver = super::programs().join("libvirtual_reader.so");
    if pair == 0 {
        return driver;
    }
    let copy = place.path().join(format!("reader-{pair}.so"));
    fs::copy(driver, &copy).unwrap();
    fs::copy(VPCD, place.path().join(format!("reader-{pair}.so.vpcd")))
        .expect("vsmartcard-vpcd is installed");
    copy
}

fn friendly_name(pair: u16) -> String {
    match pair {
        0 => "Virtual PCD".to_owned(),
        pair => format!("Virtual PCD {pair}"),
    }
}

/// Ports that no other test has, as long as the value lives.
struct Ports {
    first: u16,
    count: u16,
    _locks: Vec<File>,
}

impl Ports {
    fn free(count: u16) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Test programs that run at the same time begin at different places.
        let begin = (std::process::id() % 600) as u16 * 16;
        for _ in 0..1000 {
            let offset = begin.wrapping_add(NEXT.fetch_add(count, Ordering::Relaxed)) % 9600;
            if let Some(ports) = Self::take(FIRST_PORT + offset, count) {
                return ports;
            }
        }
        panic!("there are no free ports for virtual readers");
    }

    /// Returns these ports if they are free and nobody else has locked them.
    fn take(first: u16, count: u16) -> Option<Self> {
        let mut locks = Vec::new();
        for port in first..first + count {
            let lock = File::create(locks_folder().join(port.to_string())).ok()?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
            drop(TcpListener::bind(("0.0.0.0", port)).ok()?);
            locks.push(lock);
        }
        Some(Self { first, count, _locks: locks })
    }
}

/// Returns the folder of the locks on ports. They stay, as whoever removed one could lock another than its neighbour.
fn locks_folder() -> PathBuf {
    let folder = std::env::temp_dir().join("claviger-test-ports");
    fs::create_dir_all(&folder).unwrap();
    folder
}

const SOCKET: &str = "pcscd.comm";
const CONFIG: &str = "reader.conf.d";
/// vpcd's own driver, from vsmartcard-vpcd.
pub(crate) const VPCD: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Below the ports that Linux gives away by itself.
const FIRST_PORT: u16 = 22_000;
