//! The guest itself: a computer on BlueZ, and a radio behind which something echoes.

use std::path::{Path, PathBuf};

use claviger_tests::bluetooth::{Air, BlueZ, Bonds, Device, Profile, Radio, Role, SERVICE, in_guest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// A computer on BlueZ, and a phone with an echo behind its radio.
pub(crate) struct Scene {
    pub(crate) phone: Radio,
    pub(crate) device: Device,
    pub(crate) profile: Profile,
    pub(crate) bonds: Bonds,
    pub(crate) bluez: BlueZ,
    _air: Air,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let air = Air::start().await;
        let phone = Radio::phone(&air, "Pocket", &echo()).await;
        let bluez = BlueZ::start(&air).await;
        let bonds = Bonds::agree(&bluez).await;
        let profile = Profile::register(&bluez, SERVICE, Role::Client).await.unwrap();
        let device = bluez.find(phone.address()).await;
        Self { phone, device, profile, bonds, bluez, _air: air }
    }

    /// Bonds, and connects to the echo.
    pub(crate) async fn connect(&mut self) -> UnixStream {
        self.device.bond().await.unwrap();
        self.device.connect(SERVICE).await.unwrap();
        self.profile.stream().await
    }
}

/// Something that says everything back, and returns where it listens.
fn echo() -> PathBuf {
    let path = Path::new("/tmp/echo").to_owned();
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
    path
}

/// Says something into a stream, and holds what comes back against it.
pub(crate) async fn say_and_hear(stream: &mut UnixStream, words: &[u8]) {
    stream.write_all(words).await.unwrap();
    let mut heard = vec![0; words.len()];
    claviger_tests::in_time("the echo", stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, words);
}

#[tokio::test]
async fn bytes_go_over_the_air_and_come_back() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        assert!(scene.device.is("Bonded").await);
        assert_eq!(scene.bonds.asked(), 1);
        say_and_hear(&mut stream, b"what is said aloud").await;
        say_and_hear(&mut stream, &vec![0xA5; 20_000]).await;
        // The recording is one: what was said in clear stands in it.
        let recorded = scene.bluez.controller().recorded();
        assert!(memchr::memmem::find(&recorded, b"what is said aloud").is_some());
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_the_computer_shuts_it_down_and_another_can_be_made() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        scene.phone.hear("open").await;
        stream.shutdown().await.unwrap();
        scene.phone.hear("closed").await;
        scene.device.connect(SERVICE).await.unwrap();
        let mut stream = scene.profile.stream().await;
        say_and_hear(&mut stream, b"again").await;
    })
    .await;
}

#[tokio::test]
async fn a_bond_that_the_phone_rejects_is_none() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        scene.phone.reject().await;
        let refused = scene.device.bond().await.unwrap_err().to_string();
        assert!(refused.contains("AuthenticationFailed"), "{refused}");
        assert!(!scene.device.is("Bonded").await);
        scene.phone.accept().await;
        scene.device.bond().await.unwrap();
        assert!(scene.device.is("Bonded").await);
    })
    .await;
}

#[tokio::test]
async fn a_bond_that_the_computer_refuses_is_none() {
    in_guest(async || {
        let scene = Scene::set().await;
        scene.bonds.refuse();
        let refused = scene.device.bond().await.unwrap_err().to_string();
        assert!(refused.contains("AuthenticationFailed"), "{refused}");
        assert!(!scene.device.is("Bonded").await);
    })
    .await;
}

#[tokio::test]
async fn two_phones_may_have_one_name() {
    in_guest(async || {
        let air = Air::start().await;
        let socket = echo();
        let first = Radio::phone(&air, "Pocket", &socket).await;
        let second = Radio::phone(&air, "Pocket", &socket).await;
        assert_ne!(first.address(), second.address());
        let bluez = BlueZ::start(&air).await;
        let _bonds = Bonds::agree(&bluez).await;
        for phone in [&first, &second] {
            let device = bluez.find(phone.address()).await;
            device.bond().await.unwrap();
            assert_eq!(device.name().await, "Pocket");
            // Over a second link the emulator makes BlueZ wait for SDP, some 40 s.
            device.disconnect().await.unwrap();
            device.becomes("Connected", false).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_phone_may_take_the_address_of_another() {
    in_guest(async || {
        let air = Air::start().await;
        let first = Radio::phone(&air, "Pocket", Path::new("/tmp/nobody")).await;
        let address = first.address().to_owned();
        drop(first);
        let second = Radio::phone(&air, "Thief", Path::new("/tmp/nobody")).await;
        assert_eq!(second.address(), address);
    })
    .await;
}
