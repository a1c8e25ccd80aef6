//! What is seen of a link that is cut, lost or slow.

use std::time::{Duration, Instant};

use claviger_tests::bluetooth::{Profile, Role, SERVICE, in_guest};
use claviger_tests::in_time;
use tokio::io::AsyncReadExt;

use crate::echo::{Scene, say_and_hear};

#[tokio::test]
async fn a_link_that_the_phone_cuts_is_seen_by_the_computer() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        say_and_hear(&mut stream, b"before").await;
        scene.phone.drop_links();
        // Not a clean end: what was on its way may be gone.
        let error = in_time("the end", stream.read_u8()).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(104), "{error}");
        scene.device.becomes("Connected", false).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_lost_times_out() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        say_and_hear(&mut stream, b"before").await;
        scene.bluez.controller().lose(Duration::from_millis(500));
        let error = in_time("the end", stream.read_u8()).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(110), "{error}");
        scene.device.becomes("Connected", false).await;
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_dies_silently_is_not_noticed_by_bluez() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        say_and_hear(&mut stream, b"before").await;
        scene.bluez.controller().fall_silent();
        // Longer than the six seconds in which Claviger's own heartbeat must have noticed.
        let read = tokio::time::timeout(Duration::from_secs(8), stream.read_u8()).await;
        assert!(read.is_err(), "{read:?}");
        assert!(scene.device.is("Connected").await);
    })
    .await;
}

#[tokio::test]
async fn a_delay_is_one_in_both_directions() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        scene.bluez.controller().delay(Duration::from_millis(50));
        let began = Instant::now();
        say_and_hear(&mut stream, b"slowly").await;
        assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
        scene.bluez.controller().delay(Duration::ZERO);
        say_and_hear(&mut stream, b"and on").await;
    })
    .await;
}

#[tokio::test]
async fn bluetooth_that_is_switched_off_and_on_ends_streams_alone() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        let mut stream = scene.connect().await;
        scene.bluez.power(false).await;
        let ended = in_time("the end", stream.read_u8()).await;
        assert!(ended.is_err(), "{ended:?}");
        scene.bluez.power(true).await;
        scene.device.connect(SERVICE).await.unwrap();
        say_and_hear(&mut scene.profile.stream().await, b"again").await;
        assert_eq!(scene.bonds.asked(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_bluetoothd_that_comes_back_knows_the_bond_and_no_profile() {
    in_guest(async || {
        let mut scene = Scene::set().await;
        drop(scene.connect().await);
        scene.bluez.restart().await;
        assert!(scene.device.is("Bonded").await);
        let mut profile = Profile::register(&scene.bluez, SERVICE, Role::Client).await.unwrap();
        scene.device.connect(SERVICE).await.unwrap();
        say_and_hear(&mut profile.stream().await, b"again").await;
    })
    .await;
}
