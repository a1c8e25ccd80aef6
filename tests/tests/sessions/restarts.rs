//! Restarts of the service and of everything that it stands on end no session.

use claviger_tests::lab::{Door, Guest, Login};
use claviger_tests::pcsc::Kind;

use super::scene::{ENDS, bind, enrol, entries, until_all_are};

/// Numbers that a seed gives, the same each time (xorshift64*, Vigna).
struct Dice(u64);

impl Dice {
    /// From `CLAVIGER_TEST_SEED`, or new each time.
    fn roll() -> Self {
        let told = std::env::var("CLAVIGER_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into();
        let seed: u64 = told.unwrap_or_else(now);
        eprintln!("CLAVIGER_TEST_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % end
    }
}

/// How often something is restarted.
const RESTARTS: usize = 50;
/// What is restarted. With the bus, logind, polkit and the service end as well, and come back.
const UNITS: [&str; 5] = ["pcscd", "dbus", "polkit", "systemd-logind", "clavigerd"];

/// Starts it anew, however often that was done just now.
async fn restart(guest: &Guest, unit: &str) {
    guest.run(&format!("systemctl reset-failed {unit}; systemctl restart {unit}")).await.ok();
}

async fn works(session: &mut Login<'_>, what: &str) {
    assert_eq!(session.run("echo here").await.text(), "here", "{what}");
}

#[tokio::test]
async fn fifty_restarts_in_any_order_end_no_session_and_then_a_pulled_card_does() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut ssh = guest.log_in("alice", Door::Ssh).await;
    let mut console = guest.log_in("alice", Door::Console).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    enrol(&mut ssh).await;
    bind(&mut ssh).await;
    bind(&mut console).await;
    let mut dice = Dice::roll();
    for turn in 1..=RESTARTS {
        let unit = UNITS[dice.below(UNITS.len() as u64) as usize];
        restart(&guest, unit).await;
        // Sometimes the next comes before everybody has found each other again.
        if dice.below(2) == 0 || turn == RESTARTS {
            until_all_are(&guest, "present").await;
        }
        for session in [&mut ssh, &mut console, &mut bob] {
            works(session, unit).await;
        }
    }
    assert_eq!(entries(&guest, ENDS).await.len(), 0);
    card.remove_noticed();
    ssh.ended().await;
    console.ended().await;
    works(&mut bob, "the card was pulled").await;
}

#[tokio::test]
async fn a_card_pulled_amid_restarts_ends_its_session_and_no_other_once_they_are_over() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    let mut unbound = guest.log_in("alice", Door::Ssh).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    enrol(&mut bound).await;
    bind(&mut bound).await;
    let mut dice = Dice::roll();
    let pulled = dice.below(AMID);
    for turn in 0..AMID {
        if turn == pulled {
            // Nobody waits for pcscd to notice: it may be the next to go.
            card.remove();
        }
        restart(&guest, UNITS[dice.below(UNITS.len() as u64) as usize]).await;
    }
    bound.ended().await;
    works(&mut unbound, "the card was pulled").await;
    works(&mut bob, "the card was pulled").await;
}

/// How many restarts a card is pulled amid.
const AMID: u64 = 20;
