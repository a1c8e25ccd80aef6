//! Bluetooth without a radio: the test is BlueZ, on a bus of its own, and hands streams over as BlueZ does.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use claviger_phone_protocol::{Closed, Known, SERVICE_UUID};
use claviger_token::Algorithm;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::{Connection, ObjectPath, OwnedObjectPath, OwnedVariant, fdo, message};

use crate::agent::{Agent, DEADLINE, YES};
use crate::bus::Bus;
use crate::computer::Computer;

/// A program that registered a profile: its name on the bus, the object, the service, the channel.
type Registered = (String, OwnedObjectPath, String, Option<u16>);

struct BlueZ(UnboundedSender<Registered>);

#[zbus::interface(name = "org.bluez.ProfileManager1")]
impl BlueZ {
    fn register_profile(
        &self,
        #[zbus(header)] header: message::Header<'_>,
        profile: OwnedObjectPath,
        service: String,
        options: HashMap<String, OwnedVariant>,
    ) -> fdo::Result<()> {
        let program = header.sender().map(ToString::to_string).unwrap_or_default();
        let channel = options.get("Channel").and_then(|channel| u16::try_from(channel).ok());
        self.0.send((program, profile, service, channel)).map_err(|_| fdo::Error::Failed(String::new()))
    }
}

/// Takes BlueZ's name.
async fn bluez(bus: &Bus) -> (Connection, UnboundedReceiver<Registered>) {
    let connection = bus.connect().await;
    let (sender, registered) = unbounded_channel();
    connection.object_server().at("/org/bluez", BlueZ(sender)).await.expect("served");
    connection.request_name("org.bluez").await.expect("a name");
    (connection, registered)
}

/// Hands a stream of that device over; returns the computer's end.
async fn dial(bluez: &Connection, agent: &Registered, device: &str) -> UnixStream {
    let (near, far) = UnixStream::pair().expect("a stream");
    near.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let device = ObjectPath::try_from(device.to_owned()).expect("a path");
    let stream = zbus::OwnedFd::from(OwnedFd::from(far));
    let body = (device, stream, HashMap::<String, OwnedVariant>::new());
    let called = bluez.call_method(Some(agent.0.as_str()), &agent.1, Some(PROFILE), "NewConnection", &body);
    called.await.expect("it takes the stream");
    near
}

async fn open(stream: UnixStream, known: &Known) -> Computer {
    let known = known.clone();
    let opened = tokio::task::spawn_blocking(move || Computer::connect(stream, &known));
    opened.await.expect("no panic").expect("a channel")
}

#[test]
fn computers_come_by_bluetooth_also_after_bluez_was_restarted() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let bus = Bus::start();
        let address = bus.address.clone();
        let (first, mut registered) = bluez(&bus).await;
        let started = tokio::task::spawn_blocking(move || {
            let agent = Agent::start_with_bus(YES, &address);
            let (mut computer, pairing) = Computer::paired(&agent, "laptop");
            let key = computer.generate(Algorithm::P256, 1);
            (agent, pairing, key)
        });
        let (agent, pairing, key) = started.await.expect("no panic");
        let program = registered.recv().await.expect("it registers");
        // Without a channel of 0 BlueZ makes no SDP record, and says nothing of it.
        assert_eq!((program.2.as_str(), program.3), (SERVICE_UUID, Some(0)));
        let mut computer = open(dial(&first, &program, "/org/bluez/hci0/dev_1").await, &pairing.known).await;
        computer.sign(&key);
        // BlueZ takes the connection of another device down, then this one's.
        for device in ["/org/bluez/hci0/dev_2", "/org/bluez/hci0/dev_1"] {
            computer.sign(&key);
            let device = ObjectPath::try_from(device).expect("a path");
            let (to, path) = (Some(program.0.as_str()), &program.1);
            let told = first.call_method(to, path, Some(PROFILE), "RequestDisconnection", &device);
            told.await.expect("it is told");
        }
        computer.closed();
        // BlueZ ends, and another one starts.
        first.close().await.expect("closed");
        let (second, mut registered) = bluez(&bus).await;
        let program = registered.recv().await.expect("it registers again");
        let mut computer = open(dial(&second, &program, "/org/bluez/hci0/dev_1").await, &pairing.known).await;
        computer.sign(&key);
        let mut agent = agent;
        agent.terminate();
        let closed = computer.closed();
        assert!(matches!(&closed, Closed::Bye(why) if why.contains("agent ends")), "{closed}");
    });
}

const PROFILE: &str = "org.bluez.Profile1";
