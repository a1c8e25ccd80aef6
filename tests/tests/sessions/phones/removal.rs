//! A phone falls silent, returns, or says good-bye: what its user hears, and which sessions end.

use std::time::{Duration, Instant};

use claviger_tests::lab::{Door, Guest, Login, Running};
use serde_json::Value;

use super::{MISSING, RETURNED, SIGN, alices, guest, works};
use crate::login::session;
use crate::scene::{ENDS, about, bind, entries, micros, nothing_about};

/// Watches what is told to a session's user.
async fn monitor(session: &mut Login<'_>, guest: &Guest) -> Running {
    let monitor = session.start("exec claviger monitor --json").await;
    guest.until("claviger admin statistics | grep -q 'subscriptions *[1-9]'").await;
    monitor
}

/// Returns the next `SessionEnding` that is told.
async fn told(monitor: &mut Running) -> Value {
    let before = monitor.hear("\"SessionEnding\"").await;
    let rest = monitor.hear("\n").await;
    let line = format!("{before}{rest}");
    let line = line.lines().find(|line| line.contains("SessionEnding")).unwrap();
    serde_json::from_str::<Value>(line).unwrap()["event"].take()
}

#[tokio::test]
async fn a_phone_that_falls_silent_is_missed_after_six_seconds_and_ends_its_session_after_fifteen_more() {
    let guest = guest().await;
    let (phone, token) = alices(&guest).await;
    let mut other = guest.log_in("alice", Door::Service).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    bind(&mut bound).await;
    let mut monitor = monitor(&mut other, &guest).await;

    phone.freeze().await;
    let began = Instant::now();
    let missing = told(&mut monitor).await;
    let missed = began.elapsed();
    // The last that was heard of it may be two seconds older.
    assert!(missed >= Duration::from_secs(4), "missed after {missed:?}");
    assert_eq!(missing["session"], bound.id());
    assert_eq!((&missing["action"], &missing["reason"]), (&"terminate".into(), &"missing".into()));
    assert_eq!(missing["seconds"], 15, "{missing}");
    assert_eq!(
        (&missing["token"], &missing["token-name"]),
        (&token.clone().into(), &"phone \"Pixel\"".into())
    );
    // Its key cannot be used any more, at once and without waiting for it.
    let refused = other.run(&SIGN.replace("claviger", "claviger --json")).await;
    assert!(refused.text().contains("TokenAbsent"), "{refused:#?}");
    works(&mut bound).await;

    let ending = told(&mut monitor).await;
    assert_eq!((&ending["action"], &ending["reason"]), (&"terminate".into(), &"removed".into()));
    assert_eq!(ending["seconds"], Value::Null);
    bound.ended().await;
    let (missing, ends) =
        (about(&guest, MISSING, bound.id()).await.remove(0), about(&guest, ENDS, bound.id()).await.remove(0));
    let grace = Duration::from_micros(micros(&ends) - micros(&missing));
    assert!((Duration::from_secs(14)..Duration::from_secs(18)).contains(&grace), "{grace:?}");
    assert_eq!((&missing["SECONDS"], &missing["ACTION"]), (&"15".into(), &"terminate".into()));
    assert_eq!((&ends["TOKEN"], &ends["REASON"]), (&token.into(), &"removed".into()));
    let journal = guest.journal("--unit clavigerd").await;
    assert!(journal.contains("a phone came or went"), "{journal}");
    works(&mut other).await;
    works(&mut bob).await;
}

#[tokio::test]
async fn a_phone_that_is_killed_ends_its_session_after_twenty_seconds_and_not_before() {
    let guest = guest().await;
    let (mut phone, _) = alices(&guest).await;
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    bind(&mut bound).await;
    let began = Instant::now();
    phone.kill().await;
    bound.ended().await;
    let gone = began.elapsed();
    // Six and fifteen, of which two may have passed before.
    assert!(gone >= Duration::from_secs(19), "{gone:?}");
    assert_eq!(about(&guest, ENDS, bound.id()).await[0]["REASON"], "removed");
    // It can be switched on again, and is what it was.
    phone.switch_on().await;
    phone.until_it_is("present").await;
    phone.agree_to(guest.run_as("alice", &format!("cd; {SIGN}"))).await.ok();
}

#[tokio::test]
async fn a_phone_that_is_back_in_time_ends_nothing_and_its_user_hears_so() {
    let guest = guest().await;
    let (mut phone, _) = alices(&guest).await;
    let mut other = guest.log_in("alice", Door::Service).await;
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    bind(&mut bound).await;
    let mut monitor = monitor(&mut other, &guest).await;
    for is_killed in [false, true] {
        if is_killed {
            phone.kill().await;
        } else {
            phone.freeze().await;
        }
        assert_eq!(told(&mut monitor).await["reason"], "missing");
        if is_killed {
            phone.switch_on().await;
        } else {
            phone.thaw().await;
        }
        let back = told(&mut monitor).await;
        assert_eq!((&back["action"], &back["reason"]), (&"none".into(), &"returned".into()), "{back}");
        assert_eq!((&back["session"], &back["seconds"]), (&bound.id().into(), &Value::Null));
        phone.until_it_is("present").await;
        phone.agree_to(other.run(SIGN)).await.ok();
        works(&mut bound).await;
    }
    assert_eq!(about(&guest, MISSING, bound.id()).await.len(), 2);
    assert_eq!(about(&guest, RETURNED, bound.id()).await.len(), 2);
    assert!(nothing_about(&guest, ENDS, bound.id()).await);
}

#[tokio::test]
async fn a_phone_that_says_good_bye_ends_its_session_at_once() {
    let guest = guest().await;
    let (mut phone, token) = alices(&guest).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    let pairing = token.strip_prefix("phone:").unwrap().to_owned();
    for way in ["switched off", "forgotten"] {
        let mut bound = guest.log_in("alice", Door::Ssh).await;
        bind(&mut bound).await;
        let began = Instant::now();
        match way {
            "switched off" => phone.switch_off().await,
            _ => drop(phone.run(&format!("forget {pairing}")).await.ok()),
        }
        bound.ended().await;
        assert!(began.elapsed() < Duration::from_secs(6), "{way}: {:?}", began.elapsed());
        let entries = about(&guest, ENDS, bound.id()).await;
        assert_eq!((&entries[0]["REASON"], &entries[0]["TOKEN"]), (&"removed".into(), &token.clone().into()));
        if way == "switched off" {
            phone.switch_on().await;
            phone.until_it_is("present").await;
            // Her last session is over, and with it what was unlocked.
            phone.agree_to(guest.run_as("alice", "claviger phone unlock")).await.ok();
        }
    }
    assert_eq!(entries(&guest, MISSING).await.len(), 0, "nobody waited");
    works(&mut bob).await;
    // Whoever was forgotten is a stranger.
    assert_ne!(guest.run_as("alice", &format!("cd; {SIGN}")).await.code, Some(0));
}

#[tokio::test]
async fn a_phone_that_is_unpaired_ends_what_it_let_in_at_once_and_not_what_its_user_bound() {
    let guest = guest().await;
    guest.enable_module().await;
    let (mut phone, token) = alices(&guest).await;
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    bind(&mut bound).await;
    let mut console = guest.terminal("login alice");
    phone.asks().await;
    phone.yes();
    console.hear("$ ").await;
    let at_console = session(&mut console).await;

    let began = Instant::now();
    bound.run(&format!("claviger phone unpair --yes {token}")).await.ok();
    // To take it out of the account is no way round the administrator's floor.
    console.ended().await;
    guest.session_gone(&at_console).await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(about(&guest, ENDS, &at_console).await[0]["REASON"], "removed");
    // What its user bound is their own to give up.
    assert!(nothing_about(&guest, ENDS, bound.id()).await);
    assert_eq!(guest.bound().await, []);
    works(&mut bound).await;
    // The phone knows of nobody any more.
    let listed = phone.run("list").await.ok();
    assert!(!listed.text().contains(&token["phone:".len()..]), "{listed:#?}");
}
