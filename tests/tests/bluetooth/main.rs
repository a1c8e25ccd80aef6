//! Scenarios over Bluetooth: real BlueZ, an independent stack at the other end, virtual controllers between them; one file
//! per theme.
//!
//! Each test runs in a guest of its own, a machine whose kernel has Bluetooth: outside, `in_guest` boots it and has this test
//! program run the same test inside, where it runs the body. So a scenario is a test as any other, and what it starts (the
//! daemon, the agent, a bus) are processes of the guest, which goes with the test: nothing that it does can harm the host.
//! `claviger_tests::bluetooth` tells the rest.
//!
//! ```ignore
//! #[tokio::test]
//! async fn bytes_come_back() {
//!     in_guest(async || {
//!         let air = Air::start().await;                                   // the emulator
//!         let bluez = BlueZ::start(&air).await;                           // hci0 and bluetoothd, on a bus of their own
//!         let bonds = Bonds::agree(&bluez).await;                         // bonds.refuse(): the computer's person says no
//!         let mut phone = Radio::phone(&air, "Pocket", &socket).await;    // the agent listens at the socket
//!         let device = bluez.find(phone.address()).await;
//!         device.bond().await.unwrap();
//!         let mut profile = Profile::register(&bluez, SERVICE, Role::Client).await.unwrap();
//!         device.connect(SERVICE).await.unwrap();                         // or the daemon under test does all this:
//!         let stream = profile.stream().await;                            //   DBUS_SYSTEM_BUS_ADDRESS=bluez.bus().address()
//!         bluez.controller().delay(Duration::from_millis(20));            // fall_silent, speak_again, lose
//!         phone.drop_links();                                             // reject, accept; drop(phone) is a dead battery
//!     })
//!     .await;
//! }
//! ```
//!
//! The phone under test: `Radio::computer(&air, "Desk", &socket)` dials what `claviger-phone run --rfcomm` has registered with
//! the guest's BlueZ. Two phones at a time are two `Radio::phone`, also under one name; one that is switched on after another
//! was switched off gets its address.
//!
//! What a guest sees of the host: the working copy and the folder of the programs (`claviger_tests::programs`), under their
//! own names and read-only. It has Debian's `bluez`, `dbus`, `openssl`, `python3` and bumble, the users `alice` and `bob`, no
//! systemd, and no network but its loopback. `bluez.controller().recorded()` is what
//! went over the air, as `btmon -r` reads it. Times in a
//! guest mean little: measure what happens first and what later, not how long it takes.
//!
//! A failure shows the logs (`bluetoothd --debug` among them), and says in which folder the recording is.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod capture;
mod conformance;
mod desk;
mod done_when;
mod echo;
mod faults;
mod interruptions;
mod phone;
mod round_trips;
mod served;
mod strangers;
