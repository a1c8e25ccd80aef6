//! Links that are cut, lost, silent; BlueZ that is killed, Bluetooth that is switched off; and phones that die.

use std::time::{Duration, Instant};

use claviger_tests::bluetooth::in_guest;
use claviger_tests::cards::Watch;
use claviger_tests::peer::{Options, Outcome};
use claviger_tests::phone::{Plan, on_the_phone};
use rustix::process::Signal;

use crate::desk::{Desk, IMPATIENT, LABEL, MESSAGE, Paired, agree_to};

/// Pairs a phone with a screen; its person says yes until there is a key.
async fn with_screen(lines: &str) -> Paired {
    let desk = Desk::configured(Plan::new().screen(), lines).await;
    let token = desk.phone.pair(&desk.alice, Some(&desk.link())).await;
    let body = ("P-256", on_the_phone(&token, LABEL));
    let generate = desk.alice.call::<String>("Keys", "GenerateKey", &body);
    let key = agree_to(&desk.phone, generate).await.unwrap();
    let public_key = desk.alice.public_key(&key).await.unwrap();
    let watch = Watch::of(&desk.house, &desk.alice.person).await;
    Paired { token, key, public_key, watch, desk }
}

/// Asks for a signature, and returns when the question stands on the phone's screen.
async fn ask(paired: &Paired) -> tokio::task::JoinHandle<Result<Vec<u8>, claviger_tests::peer::Refusal>> {
    let (alice, key) = (paired.desk.alice.clone(), paired.key.clone());
    let asked = tokio::spawn(async move { alice.sign(&key, "", MESSAGE, Options::new()).await });
    paired.desk.phone.screen().question().await;
    asked
}

#[tokio::test]
async fn a_signature_whose_link_stalls_is_made_once_at_most_and_the_phone_comes_back() {
    in_guest(async || {
        let mut paired = with_screen("lost = \"5s\"").await;
        let before = paired.signatures().len();
        let asked = ask(&paired).await;
        // The radio tries again and again, as it does at the edge of its reach, and comes through too late.
        paired.desk.bluez.controller().delay(STALL);
        // She says yes; nobody hears it.
        paired.desk.phone.screen().enter("y");
        asked.await.unwrap().refused("TokenRemoved");
        paired
            .desk
            .phone
            .until_audit("one signature", |said| said.ends_with(&["sign: approved".to_owned()]))
            .await;
        paired.until("unreachable").await;
        paired.sign().await.refused("TokenAbsent");
        let began = Instant::now();
        paired.desk.bluez.controller().delay(Duration::ZERO);
        paired.until("present").await;
        println!("figure: back after the radio stalled for {STALL:?}: {} ms", began.elapsed().as_millis());
        let (signed, _) = tokio::join!(paired.sign(), paired.desk.phone.screen().answer("y"));
        signed.unwrap();
        // The first was done, and not done again when the phone came back.
        assert_eq!(paired.signatures()[before..], ["sign: approved", "sign: approved"]);
        assert!(!paired.told().contains(&"removed".to_owned()), "{:?}", paired.told());
    })
    .await;
}

#[tokio::test]
async fn a_signature_whose_link_is_lost_is_refused_and_the_phone_is_missed() {
    in_guest(async || {
        let mut paired = with_screen(IMPATIENT).await;
        let asked = ask(&paired).await;
        paired.desk.bluez.controller().lose(Duration::from_secs(2));
        asked.await.unwrap().refused("TokenRemoved");
        // The person is not asked for what nobody waits for.
        paired.desk.phone.screen().see("taken back").await;
        paired.until("removed").await;
        paired.sign().await.refused("TokenAbsent");
    })
    .await;
}

#[tokio::test]
async fn a_link_that_flaps_ten_times_in_a_minute_takes_nobody_away() {
    in_guest(async || {
        let mut paired = Paired::set().await;
        paired.sign().await.unwrap();
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..10 {
            let cut = Instant::now();
            paired.desk.radio().drop_links();
            paired.until_connected(false).await;
            paired.until_connected(true).await;
            times.push(cut.elapsed());
            paired.sign().await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        assert_eq!(
            paired.told().into_iter().filter(|presence| presence != "present").collect::<Vec<_>>(),
            [""; 0]
        );
        times.sort();
        println!("figure: back after a cut: median {:?}, longest {:?}", times[5], times[9]);
        // The median: a guest has one processor, and shares it.
        assert!(times[5] <= Duration::from_secs(2), "{times:?}");
        assert_eq!(paired.desk.bonds.asked(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_bluetoothd_that_is_killed_and_started_again_is_dealt_with() {
    in_guest(async || {
        let mut paired = Paired::impatient().await;
        paired.desk.bluez.kill();
        paired.desk.radio().drop_links();
        paired.until("unreachable").await;
        paired.sign().await.refused("TokenAbsent");
        // Longer than a phone may be missed: it is not the phone that is away.
        paired.stays_away_from("removed", LONG).await;
        assert!(paired.faults().await[0].contains("bluetoothd"), "{:?}", paired.faults().await);
        let began = Instant::now();
        paired.desk.bluez.restart().await;
        paired.until("present").await;
        println!("figure: back after bluetoothd was started again: {} ms", began.elapsed().as_millis());
        paired.sign().await.unwrap();
        assert!(!paired.told().contains(&"removed".to_owned()), "{:?}", paired.told());
    })
    .await;
}

#[tokio::test]
async fn a_bluetooth_that_is_switched_off_is_not_the_phones_fault_and_it_is_back_when_it_is_on() {
    in_guest(async || {
        let mut paired = Paired::impatient().await;
        paired.desk.bluez.power(false).await;
        paired.until("unreachable").await;
        paired.sign().await.refused("TokenAbsent");
        paired.stays_away_from("removed", LONG).await;
        assert!(paired.faults().await[0].contains("no adapter"), "{:?}", paired.faults().await);
        paired.desk.bluez.power(true).await;
        let began = Instant::now();
        paired.until("present").await;
        println!("figure: back after Bluetooth was switched on: {} ms", began.elapsed().as_millis());
        paired.sign().await.unwrap();
        assert_eq!(paired.desk.bonds.asked(), 1);
        assert!(!paired.told().contains(&"removed".to_owned()), "{:?}", paired.told());
    })
    .await;
}

#[tokio::test]
async fn a_phone_whose_agent_stops_without_a_word_is_missed_and_known_again() {
    in_guest(async || {
        let mut paired = Paired::impatient().await;
        let began = Instant::now();
        paired.desk.phone.signal(Signal::STOP);
        paired.until("unreachable").await;
        assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
        paired.sign().await.refused("TokenAbsent");
        paired.until("removed").await;
        paired.desk.phone.signal(Signal::CONT);
        paired.until("present").await;
        paired.sign().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_phone_whose_agent_is_killed_is_known_again_when_it_is_started() {
    in_guest(async || {
        let mut paired = Paired::impatient().await;
        paired.desk.phone.kill().await;
        paired.until_connected(false).await;
        paired.until("unreachable").await;
        paired.sign().await.refused("TokenAbsent");
        paired.desk.phone.restart().await;
        let began = Instant::now();
        paired.until("present").await;
        println!("figure: back after the agent was started again: {} ms", began.elapsed().as_millis());
        paired.sign().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_takes_its_leave_is_removed_at_once() {
    in_guest(async || {
        let mut paired = Paired::set().await;
        let began = Instant::now();
        paired.desk.phone.stop().await;
        paired.until("removed").await;
        // Nobody waited for a silence.
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        assert!(!paired.told().contains(&"unreachable".to_owned()), "{:?}", paired.told());
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_is_unpaired_hangs_up_and_is_dialled_no_more() {
    in_guest(async || {
        let mut paired = Paired::set().await;
        let none = Options::new();
        paired.desk.alice.call::<()>("Tokens", "Unpair", &(paired.token.as_str(), none)).await.unwrap();
        paired.desk.radio().hear("closed").await;
        assert_eq!(paired.desk.phone.list().await["hosts"].as_array().map(Vec::len), Some(0));
        paired.sign().await.refused("NoSuchKey");
    })
    .await;
}

/// Longer than the service waits for a heartbeat.
const STALL: Duration = Duration::from_secs(8);

/// Longer than the least patience that can be configured: five seconds, and one on top.
const LONG: Duration = Duration::from_secs(9);
