//! A device that is about to sleep: the test is logind, on a bus of its own.

use claviger_phone_protocol::Notice;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::agent::{Agent, DEADLINE, YES};
use crate::bus::Bus;
use crate::computer::Computer;

/// Tells of every lock, and gives the other end of it.
struct Logind(UnboundedSender<(String, std::os::unix::net::UnixStream)>);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn inhibit(&self, what: &str, _who: &str, _why: &str, mode: &str) -> zbus::OwnedFd {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a lock");
        self.0.send((format!("{what} {mode}"), ours)).expect("the test looks");
        std::os::fd::OwnedFd::from(theirs).into()
    }
}

#[test]
fn computers_are_told_before_the_device_sleeps() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let bus = Bus::start();
        let connection = bus.connect().await;
        let (sender, mut locks) = unbounded_channel();
        connection.object_server().at(PATH, Logind(sender)).await.expect("served");
        connection.request_name("org.freedesktop.login1").await.expect("a name");
        let address = bus.address.clone();
        let started = tokio::task::spawn_blocking(move || {
            let agent = Agent::start_with_bus(YES, &address);
            let (computer, _) = Computer::paired(&agent, "laptop");
            (agent, computer)
        });
        let (agent, mut computer) = started.await.expect("no panic");
        let (what, lock) = locks.recv().await.expect("it wants to be waited for");
        assert_eq!(what, "sleep delay");
        prepare(&connection, true).await;
        let told = tokio::task::spawn_blocking(move || (computer.notice(), computer));
        let (notice, computer) = told.await.expect("no panic");
        assert_eq!(notice, Notice::Pause(120));
        // It lets go of the lock, and takes another one when it is awake again.
        lock.set_read_timeout(Some(DEADLINE)).expect("a lock");
        let gone = tokio::task::spawn_blocking(move || std::io::Read::read(&mut &lock, &mut [0]));
        assert_eq!(gone.await.expect("no panic").expect("the end"), 0);
        prepare(&connection, false).await;
        assert_eq!(locks.recv().await.expect("another lock").0, "sleep delay");
        drop((computer, agent));
    });
}

async fn prepare(logind: &zbus::Connection, asleep: bool) {
    let manager = "org.freedesktop.login1.Manager";
    logind.emit_signal(None::<&str>, PATH, manager, "PrepareForSleep", &asleep).await.expect("told");
}

const PATH: &str = "/org/freedesktop/login1";
