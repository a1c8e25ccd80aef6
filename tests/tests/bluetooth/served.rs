//! A phone on BlueZ: the agent registers its service, and a computer with an independent stack dials it.

use std::path::Path;

use claviger_tests::accounts::Person;
use claviger_tests::bluetooth::{Air, BlueZ, Bonds, Radio, SERVICE, in_guest};
use claviger_tests::cards::assert_right;
use claviger_tests::in_time;
use claviger_tests::peer::none;
use claviger_tests::phone::{PairCall, Phone, Plan, on_the_phone, phone_house};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::desk::MESSAGE;

#[tokio::test]
async fn a_phone_on_bluez_is_found_paired_and_signs() {
    in_guest(async || {
        let air = Air::start().await;
        let bluez = BlueZ::start(&air).await;
        let _bonds = Bonds::agree(&bluez).await;
        let phone = Phone::start(Plan::new().on_bus(&bluez.bus().address()).link(&["--rfcomm"])).await;

        // The computer's radio passes the stream to the socket at which the service waits for phones of Alice's.
        let house = phone_house("").await;
        let alice = house.visitor(&Person::alice()).await;
        let mut call = PairCall::begin(&alice, Some("socket"), none());
        let uri = call.hears("uri ").await;
        let mut invitation = phone.invite(&uri);
        invitation.stands().await;
        let socket = house.daemon.phone_socket(&alice.person);
        let mut computer = Radio::computer(&air, "Desk", &socket).await;
        computer.dial(&bluez.address().await);
        let channel: u8 = computer.hear("channel ").await.parse().unwrap();
        assert!((1..=30).contains(&channel));
        computer.hear("open").await;
        let (token, invited) = tokio::join!(call.ends(), invitation.ends());
        invited.ok();
        let token = token.unwrap();
        let body = ("P-256", on_the_phone(&token, ""));
        let key: String = alice.call("Keys", "GenerateKey", &body).await.unwrap();
        let signature = alice.sign(&key, "ECDSA_SHA256", MESSAGE, none()).await.unwrap();
        assert_right(&alice.public_key(&key).await.unwrap(), MESSAGE, &signature);

        alice.call::<()>("Tokens", "Unpair", &(token.as_str(), none())).await.unwrap();
        // Both hang up at once. The independent stack takes the other's word for an error, and says no more than this.
        computer.hear("disconnected").await;
    })
    .await;
}

#[tokio::test]
async fn the_service_stands_in_the_sdp_records_while_the_agent_runs() {
    in_guest(async || {
        let air = Air::start().await;
        let bluez = BlueZ::start(&air).await;
        let bonds = Bonds::agree(&bluez).await;
        let mut phone = Phone::start(Plan::new().on_bus(&bluez.bus().address()).link(&["--rfcomm"])).await;
        let listener = UnixListener::bind(COMPUTER).unwrap();
        let mut computer = Radio::computer(&air, "Desk", Path::new(COMPUTER)).await;
        let address = bluez.address().await;
        hello_and_too_much(&listener, &mut computer, &address).await;
        assert_eq!(bonds.asked(), 1);
        phone.stop().await;
        computer.dial(&address);
        computer.hear("no service").await;
    })
    .await;
}

#[tokio::test]
async fn the_service_stands_in_the_sdp_records_again_when_bluez_comes_back() {
    in_guest(async || {
        let air = Air::start().await;
        let mut bluez = BlueZ::start(&air).await;
        let phone = Phone::start(Plan::new().on_bus(&bluez.bus().address()).link(&["--rfcomm"])).await;
        bluez.restart().await;
        let _bonds = Bonds::agree(&bluez).await;
        let listener = UnixListener::bind(COMPUTER).unwrap();
        let mut computer = Radio::computer(&air, "Desk", Path::new(COMPUTER)).await;
        until_registered(&bluez).await;
        hello_and_too_much(&listener, &mut computer, &bluez.address().await).await;
        drop(phone);
    })
    .await;
}

/// Waits until BlueZ has the service among those that others find.
async fn until_registered(bluez: &BlueZ) {
    let adapter = bluez.adapter("org.bluez.Adapter1").await;
    let registered = async {
        loop {
            let services: Vec<String> = adapter.get_property("UUIDs").await.unwrap();
            if services.iter().any(|service| service == SERVICE) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    in_time("the registration", registered).await;
}

/// Has a computer dial and say hello, and then a line without end, at which the agent hangs up.
async fn hello_and_too_much(listener: &UnixListener, computer: &mut Radio, address: &str) {
    computer.dial(address);
    computer.hear("channel ").await;
    let (mut stream, _) = in_time("the stream", listener.accept()).await.unwrap();
    stream.write_all(b"AT+CKVER?\r").await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"OK\r\n") {
        let mut byte = [0];
        in_time("an answer", stream.read_exact(&mut byte)).await.unwrap();
        heard.extend(byte);
    }
    assert!(String::from_utf8_lossy(&heard).contains("+CKVER: 1"), "{heard:?}");
    stream.write_all(&[b'A'; TOO_LONG]).await.unwrap();
    computer.hear("closed").await;
    computer.drop_links();
    computer.hear("disconnected").await;
}

const COMPUTER: &str = "/tmp/computer";
/// More than the longest line.
const TOO_LONG: usize = 20_000;
