//! A controller of the guest's kernel, with faults (delay, silence, loss) and a recording.
//!
//! The kernel's end is `/dev/vhci`, the other an emulated controller of [`Air`]'s. The packets of the HCI transport H4
//! (Bluetooth Core, volume 4, part A) go through here, which is where the faults are made. The link supervision time-out is
//! one that the emulator never reports by itself.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::oneshot;

use super::air::Air;

/// A controller that is plugged into the guest's kernel. It is pulled out with the value.
///
/// It runs on a thread of its own, so that a test may block.
pub struct Controller {
    faults: mpsc::Sender<Fault>,
    // Whoever waits for packets hears of a fault by a byte, and of the end by the end.
    bell: UnixStream,
    name: String,
}

enum Fault {
    Delay(Duration),
    Silence(bool),
    Loss(Duration),
}

impl Controller {
    /// Plugs in a new one.
    pub async fn plug(_air: &Air) -> Self {
        let (faults, orders) = mpsc::channel();
        let (bell, heard) = UnixStream::pair().unwrap();
        let (plugged, number) = oneshot::channel();
        let bridge = Bridge::plug(heard, orders);
        std::thread::spawn(move || bridge.run(plugged));
        let number = crate::in_time("a new controller", number).await.expect("the kernel takes it");
        Self { faults, bell, name: format!("hci{number}") }
    }

    /// Returns the kernel's name for it, such as `hci0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Delays everything that is carried by so long from now on, in both directions.
    pub fn delay(&self, time: Duration) {
        self.order(Fault::Delay(time));
    }

    /// Carries nothing from now on, and reports nothing: somebody walked away, and nobody noticed yet.
    pub fn fall_silent(&self) {
        self.order(Fault::Silence(true));
    }

    /// Carries again. What was to be carried meanwhile is gone, and was never confirmed: the kernel, which the emulator lets
    /// send one packet at a time, gives the links up after 45 s. What a radio does at the edge of its reach is a [`delay`]
    /// that ends.
    ///
    /// [`delay`]: Self::delay
    pub fn speak_again(&self) {
        self.order(Fault::Silence(false));
    }

    /// Falls silent, and after this time reports the links as lost: the link supervision time-out. The emulator is of no
    /// use afterwards.
    pub fn lose(&self, after: Duration) {
        self.order(Fault::Loss(after));
    }

    /// Returns all that the kernel and the controller told each other so far, in BlueZ's format `btsnoop`. The controller
    /// encrypts behind this: whoever records the air and has the link's keys knows no more.
    pub fn recorded(&self) -> Vec<u8> {
        fs::read(RECORDING).unwrap()
    }

    fn order(&self, fault: Fault) {
        self.faults.send(fault).expect("the controller runs");
        (&self.bell).write_all(&[0]).expect("the controller runs");
    }
}

/// What is between the kernel and the emulator.
struct Bridge {
    kernel: File,
    air: UnixStream,
    bell: UnixStream,
    orders: mpsc::Receiver<Fault>,
    // Bytes of the emulator's of which the rest has not come yet.
    partial: Vec<u8>,
    // Data on its way, and when it arrives.
    late: VecDeque<(Instant, Destination, Vec<u8>)>,
    delay: Duration,
    silent: bool,
    lost_at: Option<Instant>,
    links: BTreeSet<[u8; 2]>,
    recording: File,
}

#[derive(Clone, Copy)]
enum Destination {
    Kernel,
    Air,
}

impl Bridge {
    fn plug(bell: UnixStream, orders: mpsc::Receiver<Fault>) -> Self {
        let air = UnixStream::connect(Air::entrance()).expect("btvirt listens");
        let mut kernel = OpenOptions::new().read(true).write(true).open("/dev/vhci").unwrap();
        // "Make a controller, a classic one": the answer comes as a packet of the same type, with its number.
        kernel.write_all(&[VENDOR, 0]).unwrap();
        let mut recording = File::create(RECORDING).unwrap();
        recording.write_all(b"btsnoop\0\0\0\0\x01\0\0\x03\xEA").unwrap();
        Self {
            kernel,
            air,
            bell,
            orders,
            partial: Vec::new(),
            late: VecDeque::new(),
            delay: Duration::ZERO,
            silent: false,
            lost_at: None,
            links: BTreeSet::new(),
            recording,
        }
    }

    /// Carries packets until the value that gives the orders is dropped, or the emulator ends.
    fn run(mut self, plugged: oneshot::Sender<u16>) {
        let mut plugged = Some(plugged);
        let mut bytes = [0; 4096];
        loop {
            let [kernel, air, bell] = self.wait();
            if bell {
                match self.bell.read(&mut bytes) {
                    Ok(length) if length > 0 => self.obey(),
                    _ => return,
                }
            }
            if air {
                match self.air.read(&mut bytes) {
                    Ok(length) if length > 0 => self.take_from_air(&bytes[..length]),
                    _ => return,
                }
            }
            if kernel {
                // A read is one packet.
                let length = self.kernel.read(&mut bytes).expect("/dev/vhci can be read");
                match (&bytes[..length], plugged.take()) {
                    ([VENDOR, _, low, high, ..], Some(plugged)) => {
                        plugged.send(u16::from_le_bytes([*low, *high])).expect("somebody waits");
                    }
                    (packet, earlier) => {
                        plugged = earlier;
                        self.carry(Destination::Air, packet.to_vec());
                    }
                }
            }
            self.catch_up();
        }
    }

    /// Waits until there is something to read, from the kernel, the emulator or the bell, or something is due.
    fn wait(&self) -> [bool; 3] {
        let due = self.late.iter().map(|(due, ..)| *due).chain(self.lost_at).min();
        let time = due.map(|due| due.saturating_duration_since(Instant::now()));
        let time = time.map(|time| Timespec::try_from(time).unwrap());
        let mut files = [
            PollFd::new(&self.kernel, PollFlags::IN),
            PollFd::new(&self.air, PollFlags::IN),
            PollFd::new(&self.bell, PollFlags::IN),
        ];
        poll(&mut files, time.as_ref()).unwrap();
        files.map(|file| !file.revents().is_empty())
    }

    fn obey(&mut self) {
        for fault in self.orders.try_iter() {
            match fault {
                Fault::Delay(time) => self.delay = time,
                Fault::Silence(silent) => self.silent = silent,
                Fault::Loss(after) => {
                    self.silent = true;
                    self.lost_at = Some(Instant::now() + after);
                }
            }
        }
    }

    fn take_from_air(&mut self, bytes: &[u8]) {
        self.partial.extend(bytes);
        while let Some(length) = packet_length(&self.partial).filter(|length| *length <= self.partial.len()) {
            let packet: Vec<u8> = self.partial.drain(..length).collect();
            match packet.as_slice() {
                [EVENT, CONNECTION_COMPLETE, _, 0, low, high, ..] => {
                    self.links.insert([*low, *high]);
                }
                [EVENT, DISCONNECTION_COMPLETE, _, 0, low, high, ..] => {
                    self.links.remove(&[*low, *high]);
                }
                _ => {}
            }
            self.carry(Destination::Kernel, packet);
        }
    }

    /// Passes a packet on; faults concern data alone, as the ways to a controller are not made of air.
    fn carry(&mut self, to: Destination, packet: Vec<u8>) {
        if packet.first() != Some(&DATA) {
            self.deliver(to, &packet);
        } else if self.silent {
            // Gone.
        } else if self.delay.is_zero() && self.late.is_empty() {
            self.deliver(to, &packet);
        } else {
            self.late.push_back((Instant::now() + self.delay, to, packet));
        }
    }

    fn catch_up(&mut self) {
        let now = Instant::now();
        while self.late.front().is_some_and(|(due, ..)| *due <= now) {
            if let Some((_, to, packet)) = self.late.pop_front().filter(|_| !self.silent) {
                self.deliver(to, &packet);
            }
        }
        if self.lost_at.is_some_and(|due| due <= now) {
            self.lost_at = None;
            for [low, high] in std::mem::take(&mut self.links) {
                let event = [EVENT, DISCONNECTION_COMPLETE, 4, 0, low, high, CONNECTION_TIMEOUT];
                self.deliver(Destination::Kernel, &event);
            }
        }
    }

    fn deliver(&mut self, to: Destination, packet: &[u8]) {
        self.record(to, packet);
        match to {
            // A packet is one write, and the kernel always takes it.
            Destination::Kernel => assert_eq!(self.kernel.write(packet).unwrap(), packet.len()),
            // The end of the emulator is seen by who reads from it.
            Destination::Air => drop(self.air.write_all(packet)),
        }
    }

    /// Writes a record of version 1, datalink 1002 (H4): lengths, direction, nothing dropped, time, packet.
    fn record(&mut self, to: Destination, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap();
        let direction: u32 = match to {
            Destination::Air => 0,
            Destination::Kernel => 1,
        };
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let time = RECORDED_EPOCH + u64::try_from(time.as_micros()).unwrap();
        let head = [length, length, direction, 0].map(u32::to_be_bytes).concat();
        self.recording.write_all(&[&head, &time.to_be_bytes()[..], packet].concat()).unwrap();
    }
}

/// Returns how long the first packet is in these bytes, as far as they say it.
fn packet_length(bytes: &[u8]) -> Option<usize> {
    Some(match bytes {
        [EVENT, _, length, ..] => 3 + usize::from(*length),
        [DATA, _, _, low, high, ..] => 5 + usize::from(u16::from_le_bytes([*low, *high])),
        [VOICE, _, _, length, ..] => 4 + usize::from(*length),
        [EVENT | DATA | VOICE, ..] | [] => return None,
        [other, ..] => panic!("btvirt sent a packet of type {other}"),
    })
}

const DATA: u8 = 2;
const VOICE: u8 = 3;
const EVENT: u8 = 4;
const VENDOR: u8 = 0xFF;
const CONNECTION_COMPLETE: u8 = 0x03;
const DISCONNECTION_COMPLETE: u8 = 0x05;
const CONNECTION_TIMEOUT: u8 = 0x08;

/// In the folder that the host sees.
const RECORDING: &str = "/out/air.btsnoop";

/// The year 1970 in the recording's microseconds, which begin with the year 0.
const RECORDED_EPOCH: u64 = 0x00E0_3AB4_4A67_6000;
