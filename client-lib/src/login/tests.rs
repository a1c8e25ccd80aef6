#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claviger_dbus::wire::PrepareOptions;

use super::Login;
use super::lone::Lone;
use crate::Error;

const LIMIT: Duration = Duration::from_millis(300);

fn listen() -> (tempfile::TempDir, UnixListener, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bus");
    let address = format!("unix:path={}", path.display());
    (folder, UnixListener::bind(path).expect("a socket"), address)
}

/// Whoever hangs costs the limit and little more.
fn gives_up_in_time(address: &str) {
    let start = Instant::now();
    let failed = Login::connect_to(address, LIMIT);
    assert!(matches!(failed, Err(Error::Timeout)));
    let took = start.elapsed();
    assert!(took >= LIMIT && took < LIMIT * 5, "it took {took:?}");
}

#[test]
fn a_bus_that_accepts_and_never_answers_costs_the_limit() {
    let (_folder, listener, address) = listen();
    let accepting = std::thread::spawn(move || listener.accept());
    gives_up_in_time(&address);
    let (mut stream, _) = accepting.join().expect("a thread").expect("somebody came");
    // And the connection has gone: what came before it is read to the end.
    let mut greeting = Vec::new();
    stream.read_to_end(&mut greeting).expect("it is closed");
    assert!(greeting.starts_with(b"\0AUTH EXTERNAL"), "{}", String::from_utf8_lossy(&greeting));
}

#[test]
fn a_bus_that_does_not_even_accept_costs_the_limit() {
    let (_folder, listener, address) = listen();
    let path = listener.local_addr().expect("its address");
    let path = path.as_pathname().expect("its path").to_owned();
    // Until nobody more has room.
    let mut waiting = Vec::new();
    loop {
        let socket = rustix::net::socket_with(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::NONBLOCK,
            None,
        )
        .expect("a socket");
        let to = rustix::net::SocketAddrUnix::new(&path).expect("an address");
        match rustix::net::connect(&socket, &to) {
            Ok(()) => waiting.push(UnixStream::from(socket)),
            Err(error) => {
                assert_eq!(error, rustix::io::Errno::AGAIN);
                break;
            }
        }
    }
    assert!(!waiting.is_empty());
    gives_up_in_time(&address);
}

#[test]
fn a_bus_that_is_not_there_is_told_at_once() {
    let start = Instant::now();
    let failed = Login::connect_to("unix:path=/nonexistent/bus", Duration::from_secs(60));
    assert!(matches!(failed, Err(Error::NoBus(_))));
    assert!(start.elapsed() < Duration::from_secs(30));
}

/// A bus with nobody on it; it ends with the value.
struct Bus(Child, String);

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon");
        let mut address = String::new();
        let output = daemon.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut address).expect("its address");
        Self(daemon, address.trim().to_owned())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_daemon_that_nobody_can_start_is_none() {
    let bus = Bus::start();
    let login = Login::connect_to(&bus.1, Duration::from_secs(10)).expect("a bus");
    let answer = login.prepare(1000, &PrepareOptions::default(), Duration::from_secs(10));
    assert!(matches!(answer, Err(Error::NoDaemon(_))), "{:?}", answer.err());
}

#[test]
fn whoever_took_the_name_but_is_not_the_user_claviger_is_sent_nothing() {
    let bus = Bus::start();
    let connecting = async {
        zbus::connection::Builder::address(bus.1.as_str()).name(claviger_dbus::names::BUS_NAME).build().await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _impostor = runtime.block_on(connecting).expect("the name");
    let login = Login::connect_to(&bus.1, Duration::from_secs(10)).expect("a bus");
    let answer = login.prepare(1000, &PrepareOptions::default(), Duration::from_secs(10));
    assert!(matches!(answer, Err(Error::Untrusted(_))), "{:?}", answer.err());
}

#[test]
fn a_bus_that_ends_in_the_middle_is_an_error_and_not_a_wait() {
    let bus = Bus::start();
    let login = Login::connect_to(&bus.1, Duration::from_secs(10)).expect("a bus");
    drop(bus);
    let start = Instant::now();
    let answer = login.prepare(1000, &PrepareOptions::default(), Duration::from_secs(60));
    assert!(!matches!(answer, Ok(_) | Err(Error::Timeout)), "{:?}", answer.err());
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_timer_and_a_task_end_in_their_order() {
    use zbus::runtime::traits::Runtime;

    let runtime = Lone::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let late = sender.clone();
    let timer = runtime.sleep(Duration::from_millis(50));
    let task = runtime.spawn("late", async move {
        timer.await;
        late.send("late")
    });
    let soon = runtime.spawn("soon", async move { sender.send("soon") });
    let both = async { (soon.await.is_ok(), task.await.is_ok()) };
    assert_eq!(runtime.block_on(Duration::from_secs(10), both), Some((true, true)));
    assert_eq!(receiver.iter().collect::<Vec<_>>(), ["soon", "late"]);
    assert_eq!(runtime.block_on(LIMIT, std::future::pending::<()>()), None);
    runtime.stop();
}

#[test]
fn a_task_goes_with_its_handle_and_a_detached_one_with_the_runtime() {
    use std::sync::Arc;
    use zbus::runtime::traits::{Runtime, TaskHandle};

    let runtime = Lone::new();
    let held = Arc::new(());
    let hold = || {
        let (held, long) = (held.clone(), runtime.sleep(Duration::from_secs(3600)));
        async move {
            long.await;
            drop(held);
        }
    };
    drop(runtime.spawn("dropped", hold()));
    assert_eq!(Arc::strong_count(&held), 1);
    runtime.spawn("detached", hold()).detach();
    assert_eq!(runtime.block_on(Duration::from_millis(1), std::future::pending::<()>()), None);
    assert_eq!(Arc::strong_count(&held), 2);
    runtime.stop();
    assert_eq!(Arc::strong_count(&held), 1);
    // What comes after the end is dropped too.
    runtime.spawn("too late", hold()).detach();
    assert_eq!(Arc::strong_count(&held), 1);
}
