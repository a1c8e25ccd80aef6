//! What ends no session: restarts, sleep, a link that flaps, a pause that the phone announced.

use std::time::{Duration, Instant};

use claviger_tests::lab::{Door, Guest, Login, Phone};
use claviger_tests::until;

use super::{MISSING, alices, guest, works};
use crate::scene::{ENDS, about, bind, entries, until_all_are};

/// A phone of alice's, and a session of hers that is bound to it.
async fn bound<'g>(guest: &'g Guest) -> (Phone<'g>, Login<'g>) {
    let (phone, _) = alices(guest).await;
    let mut session = guest.log_in("alice", Door::Ssh).await;
    bind(&mut session).await;
    (phone, session)
}

#[tokio::test]
async fn a_link_that_flaps_ten_times_within_a_minute_ends_nothing() {
    let guest = guest().await;
    let (mut phone, mut session) = bound(&guest).await;
    let began = Instant::now();
    for _ in 0..10 {
        phone.kill().await;
        phone.switch_on().await;
        phone.until_it_is("present").await;
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    works(&mut session).await;
    assert_eq!(entries(&guest, ENDS).await.len(), 0);
    assert_eq!(entries(&guest, MISSING).await.len(), 0, "nobody was told of it");
    assert_eq!(guest.bound().await.len(), 1);
    // And then it is gone for good.
    phone.switch_off().await;
    session.ended().await;
}

#[tokio::test]
async fn restarts_of_the_service_and_of_what_it_stands_on_end_nothing_and_forget_no_binding() {
    let guest = guest().await;
    let (mut phone, mut session) = bound(&guest).await;
    for line in [
        "systemctl restart clavigerd",
        "systemctl kill --signal KILL clavigerd",
        "systemctl restart dbus",
        "systemctl restart systemd-logind",
        "systemctl restart polkit",
        "systemctl restart clavigerd",
    ] {
        let pid = "systemctl show --value --property MainPID clavigerd";
        let old = guest.run(pid).await.ok();
        guest.run(&format!("systemctl reset-failed; {line}")).await.ok();
        if line.contains("clavigerd") || line.contains("dbus") {
            let new = format!("new=$({pid}) && [ \"$new\" != 0 ] && [ \"$new\" != {} ]", old.text());
            guest.until(&new).await;
        }
        // The binding is there again, and the phone has come again.
        until_all_are(&guest, "present").await;
        works(&mut session).await;
        assert_eq!(guest.bound().await.len(), 1, "{line}");
    }
    assert_eq!(entries(&guest, ENDS).await.len(), 0);
    phone.switch_off().await;
    session.ended().await;
}

#[tokio::test]
async fn a_phone_that_went_while_the_service_was_down_has_its_full_time_to_come_back() {
    let guest = guest().await;
    let (mut phone, mut session) = bound(&guest).await;
    guest.systemctl("stop clavigerd").await.ok();
    phone.kill().await;
    let began = Instant::now();
    guest.systemctl("start clavigerd").await.ok();
    session.ended().await;
    assert!(began.elapsed() >= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(about(&guest, ENDS, session.id()).await[0]["REASON"], "removed");
}

#[tokio::test]
async fn the_clock_stands_while_the_machine_sleeps_and_begins_anew_when_it_wakes() {
    let guest = Guest::plan().claviger().phones().sleepy().boot().await;
    let (phone, mut session) = bound(&guest).await;
    // It hears of no sleep: it is another machine's.
    phone.freeze().await;
    guest.fall_asleep().await;
    let asleep = Instant::now();
    assert!(until(|| asleep.elapsed() > Duration::from_secs(22)).await);
    works(&mut session).await;
    assert_eq!(entries(&guest, MISSING).await.len(), 0);
    let awake = Instant::now();
    guest.wake_up().await;
    session.ended().await;
    assert!(awake.elapsed() >= Duration::from_secs(20), "{:?} after it woke", awake.elapsed());
    assert_eq!(about(&guest, ENDS, session.id()).await[0]["REASON"], "removed");
}

#[tokio::test]
async fn a_phone_that_is_there_when_the_machine_wakes_was_not_gone() {
    let guest = Guest::plan().claviger().phones().sleepy().boot().await;
    let (mut phone, mut session) = bound(&guest).await;
    for _ in 0..2 {
        guest.fall_asleep().await;
        guest.wake_up().await;
        until_all_are(&guest, "present").await;
        works(&mut session).await;
    }
    // What was unlocked is not: the phone asks for that, too.
    let before = phone.questions();
    phone.agree_to(session.run("claviger sign -o signature /etc/passwd")).await.ok();
    assert!(phone.questions() > before);
    assert_eq!(entries(&guest, ENDS).await.len(), 0);
    // The phone heard of the sleep and announced that it would be silent for two minutes: it is, and nobody misses it.
    phone.freeze().await;
    let silent = Instant::now();
    assert!(until(|| silent.elapsed() > Duration::from_secs(22)).await);
    works(&mut session).await;
    assert_eq!(entries(&guest, MISSING).await.len(), 0);
    assert_eq!(entries(&guest, ENDS).await.len(), 0);
}
