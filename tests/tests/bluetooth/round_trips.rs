//! What a signature costs over the virtual radio, beside what a round trip costs there.

use std::time::{Duration, Instant};

use claviger_tests::account::PASSPHRASE;
use claviger_tests::bluetooth::{Profile, Role, SERVICE, in_guest};
use claviger_tests::peer::none;
use claviger_tests::phone::Plan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::desk::{Bonded, Desk, MESSAGE, POCKET};

#[tokio::test]
async fn a_signature_takes_no_more_than_two_round_trips() {
    in_guest(async || {
        let mut bonded = Bonded::set().await;
        let round_trip = echo(&mut bonded).await;
        let paired = Desk::on(bonded, Plan::new(), "").await.pair().await;
        // What of it is neither the radio's nor the phone's.
        let alice = &paired.desk.alice;
        alice.register(PASSPHRASE).await.unwrap();
        alice.unlock(PASSPHRASE).await.unwrap();
        let local = alice.generate("P-256").await.unwrap();
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..COUNT {
            for (key, times) in [&local, &paired.key].into_iter().zip(&mut times) {
                let began = Instant::now();
                alice.sign(key, "ECDSA_SHA256", MESSAGE, none()).await.unwrap();
                times.push(began.elapsed());
            }
        }
        let [local, phone] = times.map(median);
        println!(
            "figure: P-256 on the phone {phone:?}, in the local store {local:?}; an RFCOMM round trip {round_trip:?}"
        );
        assert!(phone.saturating_sub(local) <= 2 * round_trip, "{phone:?}, {local:?}, {round_trip:?}");
    })
    .await;
}

/// Returns how long a stream takes to bring as many bytes back as a signature's request has.
async fn echo(bonded: &mut Bonded) -> Duration {
    let listener = UnixListener::bind(POCKET).unwrap();
    let mut profile = Profile::register(&bonded.bluez, SERVICE, Role::Client).await.unwrap();
    bonded.device.connect(SERVICE).await.unwrap();
    let (mut phone, _) = claviger_tests::in_time("the phone's end", listener.accept()).await.unwrap();
    let echo = tokio::spawn(async move {
        let (mut reader, mut writer) = phone.split();
        tokio::io::copy(&mut reader, &mut writer).await
    });
    let mut stream = profile.stream().await;
    let (request, mut heard) = ([b'A'; REQUEST], [0; REQUEST]);
    let mut times = Vec::new();
    for _ in 0..COUNT {
        let began = Instant::now();
        stream.write_all(&request).await.unwrap();
        stream.read_exact(&mut heard).await.unwrap();
        times.push(began.elapsed());
    }
    stream.shutdown().await.unwrap();
    // It ends with the stream, in whichever way.
    drop(echo.await.unwrap());
    bonded.radio.hear("closed").await;
    std::fs::remove_file(POCKET).unwrap();
    median(times)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

const COUNT: usize = 101;
/// As long as the line of a request to sign.
const REQUEST: usize = 400;
