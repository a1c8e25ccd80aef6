//! Whoever can start a login must not be able to ask a phone's person until they say yes for the sake of peace.

use std::time::{Duration, Instant};

use claviger_tests::lab::{Guest, Phone};
use claviger_tests::until;

use super::{alices, guest};

/// A stack with nothing but the phone.
const ALONE: &str = "auth required pam_claviger.so location=phone\naccount required pam_permit.so\n";
const LOGIN: &str = "pamtester mine alice authenticate 2>&1";

/// A guest with that stack, and alice's phone.
async fn with_phone<'g>(guest: &'g Guest, pause: &str) -> Phone<'g> {
    guest.write("/etc/pam.d/mine", 0o644, ALONE);
    guest.write("/etc/claviger/claviger.d/test.toml", 0o644, format!("[login]\nphone-pause = \"{pause}\"\n"));
    guest.systemctl("restart clavigerd").await.ok();
    alices(guest).await.0
}

#[tokio::test]
async fn a_second_login_does_not_ask_while_one_is_asked_for() {
    let guest = guest().await;
    let mut phone = with_phone(&guest, "30s").await;
    let before = phone.questions();
    let mut first = guest.terminal(LOGIN);
    phone.asks().await;
    for _ in 0..5 {
        let second = guest.run(LOGIN).await;
        assert_eq!(second.code, Some(1), "{second:#?}");
        assert!(!second.text().contains("Approve"), "{second:#?}");
    }
    assert_eq!(phone.questions(), before + 1);
    // The yes is for the first alone.
    phone.yes();
    assert_eq!(first.ended().await, Some(0), "{}", first.said());
    // After a yes the next may ask.
    let mut next = guest.terminal(LOGIN);
    phone.asks().await;
    phone.yes();
    assert_eq!(next.ended().await, Some(0), "{}", next.said());
}

#[tokio::test]
async fn after_a_no_nobody_asks_for_a_while_and_then_they_may() {
    let guest = guest().await;
    let pause = Duration::from_secs(5);
    let mut phone = with_phone(&guest, "5s").await;
    let mut terminal = guest.terminal(LOGIN);
    phone.asks().await;
    phone.no();
    assert_eq!(terminal.ended().await, Some(1));
    let refused = Instant::now();
    let before = phone.questions();
    let mut tries = 0;
    while refused.elapsed() < pause / 2 {
        assert_eq!(guest.run(LOGIN).await.code, Some(1));
        tries += 1;
    }
    assert!(tries > 0);
    assert_eq!(phone.questions(), before, "it was asked {tries} times");
    assert!(until(|| refused.elapsed() > pause).await);
    let mut terminal = guest.terminal(LOGIN);
    phone.asks().await;
    phone.yes();
    assert_eq!(terminal.ended().await, Some(0), "{}", terminal.said());
}

#[tokio::test]
async fn a_login_that_is_given_up_takes_its_question_back_and_asks_no_other_at_once() {
    let guest = guest().await;
    let mut phone = with_phone(&guest, "30s").await;
    let mut terminal = guest.terminal(LOGIN);
    phone.asks().await;
    let before = phone.questions();
    guest.run("pkill -KILL pamtester").await.ok();
    terminal.ended().await;
    phone.takes_back().await;
    assert_eq!(guest.run(LOGIN).await.code, Some(1));
    assert_eq!(phone.questions(), before);
    // Nobody but the phone's owner is held up.
    let mut bobs = guest.phone("bob", "Fairphone").await;
    bobs.pair_with_key().await;
    let mut terminal = guest.terminal(&LOGIN.replace("alice", "bob"));
    bobs.asks().await;
    bobs.yes();
    assert_eq!(terminal.ended().await, Some(0), "{}", terminal.said());
    assert_eq!(phone.questions(), before);
}
