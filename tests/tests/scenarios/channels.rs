//! Private channels: whose they are, when they close, what they do not serve.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::in_time;
use claviger_tests::peer::{Attributes, Outcome, Peer, none};
use serde_bytes::Bytes;

#[tokio::test]
async fn a_channel_signs_as_the_bus_does() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("Ed25519").await.unwrap();
    let channel = alice.channel().await.unwrap();
    let signature = channel.sign(&key, "", b"data", none()).await.unwrap();
    assert_eq!(
        signature,
        alice.sign(&key, "", b"data", none()).await.unwrap(),
        "Ed25519 always signs the same"
    );
    assert_eq!(channel.keys().await.unwrap().len(), 1);
    let random = channel.bytes("Public", "Random", &(32u32, none())).await.unwrap();
    assert_eq!(random.len(), 32);
}

#[tokio::test]
async fn administration_and_further_channels_are_not_served_on_a_channel() {
    let house = House::open().await;
    // The daemon's own uid would be the administrator on the bus.
    let service = house.visitor(&Person::service()).await;
    let control = service.call::<Attributes>("Admin", "Statistics", &(none(),)).await;
    assert!(control.is_ok(), "the control: {control:?}");
    let channel = service.channel().await.unwrap();
    let refusal = channel.call::<Attributes>("Admin", "Statistics", &(none(),)).await.expect_err("not there");
    assert!(["UnknownInterface", "UnknownMethod"].contains(&refusal.name.as_str()), "{refusal}");
    channel.call::<zbus::OwnedFd>("Service", "OpenChannel", &(none(),)).await.refused("NotSupported");
}

#[tokio::test]
async fn a_channel_closes_when_the_name_that_opened_it_vanishes() {
    let house = House::open().await;
    let alice = house.alice().await;
    let opener = house.visitor(&Person::alice()).await;
    let channel = opener.channel().await.unwrap();
    channel.keys().await.expect("the channel works");
    opener.connection().clone().close().await.unwrap();
    in_time("the channel's end", channel.connection().closed()).await;
    alice.keys().await.expect("others go on");
}

#[tokio::test]
async fn a_frame_of_more_than_two_mebibytes_closes_the_channel_and_only_that() {
    let house = House::open().await;
    let alice = house.alice().await;
    let (channel, other) = (alice.channel().await.unwrap(), alice.channel().await.unwrap());
    let much = vec![0; 3 << 20];
    let body = ("SHA256", Bytes::new(&much), none());
    let refusal = channel.bytes("Public", "Digest", &body).await.expect_err("too large");
    assert!(["Transport", "DataTooLarge"].contains(&refusal.name.as_str()), "{refusal}");
    if refusal.name == "Transport" {
        in_time("the channel's end", channel.connection().closed()).await;
    }
    other.keys().await.expect("the other channel works");
    alice.keys().await.expect("the bus works");
}

#[tokio::test]
async fn a_frame_that_only_claims_to_be_huge_costs_no_memory() {
    let house = House::open().await;
    let alice = house.alice().await;
    let mut raw = authenticated(&alice).await;
    let before = claviger_tests::memory::resident(house.daemon.pid());
    // A method call whose header says that a body of 100 MiB follows.
    let mut header = vec![b'l', 1, 0, 1];
    header.extend((100u32 << 20).to_le_bytes());
    header.extend(1u32.to_le_bytes());
    header.extend(0u32.to_le_bytes());
    raw.write_all(&header).unwrap();
    in_time("the channel's end", tokio::task::spawn_blocking(move || read_to_end(&mut raw))).await.unwrap();
    let grown = claviger_tests::memory::resident(house.daemon.pid()).saturating_sub(before);
    assert!(grown < 16 << 20, "it grew by {grown} bytes");
    alice.keys().await.expect("the bus works");
}

#[tokio::test]
async fn somebody_who_says_nothing_is_hung_up_upon() {
    let house = House::open().await;
    let alice = house.alice().await;
    let mut silent = open_raw(&alice).await;
    in_time("the hang-up", tokio::task::spawn_blocking(move || read_to_end(&mut silent))).await.unwrap();
    alice.channel().await.unwrap().keys().await.expect("others get through");
}

#[tokio::test]
async fn somebody_who_claims_another_uid_is_rejected() {
    let house = House::open().await;
    let alice = house.alice().await;
    let mut raw = open_raw(&alice).await;
    let bob: String = Person::bob().uid.to_string().bytes().map(|byte| format!("{byte:02x}")).collect();
    write!(raw, "\0AUTH EXTERNAL {bob}\r\n").unwrap();
    let mut answer = [0; 8];
    raw.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"REJECTED");
}

#[tokio::test]
async fn junk_before_or_after_the_handshake_ends_the_channel_and_nothing_else() {
    let house = House::open().await;
    let alice = house.alice().await;
    let junk: [&[u8]; 7] = [
        b"\n",
        b"\0CANCEL\r\n\n",
        b"\0AUTH\r\nBEGIN x\r\n",
        b"\0AUTH EXTERNAL\r\n BEGIN\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 4096],
        &[0; 64 * 1024],
    ];
    for bytes in junk {
        let mut raw = open_raw(&alice).await;
        let sending = tokio::task::spawn_blocking(move || {
            // It may be hung up upon before all of it is sent.
            drop(raw.write_all(bytes));
            read_to_end(&mut raw);
        });
        in_time("the hang-up", sending).await.unwrap();
        let mut raw = authenticated(&alice).await;
        let sending = tokio::task::spawn_blocking(move || {
            drop(raw.write_all(bytes));
            drop(raw.shutdown(std::net::Shutdown::Write));
            read_to_end(&mut raw);
        });
        in_time("the hang-up", sending).await.unwrap();
        alice.keys().await.expect("the daemon goes on");
    }
}

#[tokio::test]
async fn replies_that_nobody_reads_do_not_fill_the_memory() {
    let house = House::open().await;
    let alice = house.alice().await;
    let raw = authenticated(&alice).await;
    let before = claviger_tests::memory::resident(house.daemon.pid());
    // Requests for a mebibyte each, and not one reply read, until the daemon takes no more.
    let call = zbus::message::Message::method_call(claviger_tests::peer::PATH, "Random");
    let call = call.interface("org.claviger.KeyStore1.Public").build(&(1u32 << 20, none())).unwrap();
    let bytes = call.data().to_vec();
    raw.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let sending = tokio::task::spawn_blocking(move || {
        let mut writer = &raw;
        ((0..20_000).take_while(|_| writer.write_all(&bytes).is_ok()).count(), raw)
    });
    let (sent, _raw) = in_time("the full pipe", sending).await.unwrap();
    assert!((10..20_000).contains(&sent), "{sent} requests were taken");
    let grown = claviger_tests::memory::resident(house.daemon.pid()).saturating_sub(before);
    assert!(grown < 300 << 20, "it grew by {grown} bytes for {sent} requests");
    alice.keys().await.expect("the bus works");
}

async fn open_raw(peer: &Peer) -> UnixStream {
    let channel: zbus::OwnedFd = peer.call("Service", "OpenChannel", &(none(),)).await.unwrap();
    UnixStream::from(std::os::fd::OwnedFd::from(channel))
}

/// Opens a channel and goes through the handshake by hand.
async fn authenticated(peer: &Peer) -> UnixStream {
    let mut raw = open_raw(peer).await;
    let uid: String = peer.person.uid.to_string().bytes().map(|byte| format!("{byte:02x}")).collect();
    tokio::task::spawn_blocking(move || {
        write!(raw, "\0AUTH EXTERNAL {uid}\r\n").unwrap();
        let mut answer = [0; 256];
        let read = raw.read(&mut answer).unwrap();
        assert!(answer[..read].starts_with(b"OK "), "{:?}", String::from_utf8_lossy(&answer[..read]));
        raw.write_all(b"BEGIN\r\n").unwrap();
        raw
    })
    .await
    .unwrap()
}

/// Reads until the other end closes or resets.
fn read_to_end(stream: &mut UnixStream) {
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest));
}
