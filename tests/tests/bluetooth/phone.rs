//! A phone on BlueZ, and a computer with an independent stack that dials it.

use std::path::Path;

use claviger_tests::bluetooth::{Air, BlueZ, Bonds, Profile, Radio, Role, SERVICE, in_guest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

const COMPUTER: &str = "/tmp/computer";

#[tokio::test]
async fn a_service_that_bluez_offers_is_found_and_dialled() {
    in_guest(async || {
        let air = Air::start().await;
        let bluez = BlueZ::start(&air).await;
        let bonds = Bonds::agree(&bluez).await;
        let mut profile = Profile::register(&bluez, SERVICE, Role::Server).await.unwrap();
        let listener = UnixListener::bind(COMPUTER).unwrap();
        let mut computer = Radio::computer(&air, "Desk", Path::new(COMPUTER)).await;
        computer.dial(&bluez.address().await);
        computer.hear("channel ").await;
        let mut phone = profile.stream().await;
        let (mut computer_end, _) =
            claviger_tests::in_time("the computer's end", listener.accept()).await.unwrap();
        assert_eq!(bonds.asked(), 1);

        computer_end.write_all(b"AT\r").await.unwrap();
        let mut heard = [0; 3];
        phone.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"AT\r");
        phone.write_all(b"\r\nOK\r\n").await.unwrap();
        let mut heard = [0; 6];
        computer_end.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"\r\nOK\r\n");

        phone.shutdown().await.unwrap();
        computer.hear("closed").await;
        assert_eq!(computer_end.read(&mut heard).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_nobody_registered_is_not_found() {
    in_guest(async || {
        let air = Air::start().await;
        let bluez = BlueZ::start(&air).await;
        let _bonds = Bonds::agree(&bluez).await;
        let mut computer = Radio::computer(&air, "Desk", Path::new(COMPUTER)).await;
        computer.dial(&bluez.address().await);
        computer.hear("no service").await;
    })
    .await;
}

#[tokio::test]
async fn one_bluetoothd_takes_a_service_once() {
    in_guest(async || {
        let air = Air::start().await;
        let bluez = BlueZ::start(&air).await;
        let _server = Profile::register(&bluez, SERVICE, Role::Server).await.unwrap();
        let Err(refused) = Profile::register(&bluez, SERVICE, Role::Client).await else {
            panic!("both roles of one service can be registered: both ends can be on BlueZ, then")
        };
        assert!(refused.to_string().contains("NotPermitted"), "{refused}");
    })
    .await;
}
