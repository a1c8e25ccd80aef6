//! `kill -9` at random moments under a load of generating, deleting and changing the pass phrase.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::house::House;
use claviger_tests::peer::{Peer, none};
use claviger_tests::until;
use tokio::task::JoinSet;

const MOMENTS: u32 = 200;

/// What was asked and what was confirmed.
#[derive(Default)]
struct Journal {
    /// Keys whose making was confirmed; true where their deletion was asked for and not yet confirmed.
    keys: BTreeMap<String, bool>,
    /// Keys whose deletion was confirmed.
    deleted: BTreeSet<String>,
    /// Calls of GenerateKey that got no answer.
    unanswered: usize,
    passphrase: String,
    /// The new pass phrase of a change that got no answer.
    next_passphrase: Option<String>,
    /// Confirmed in all, of each kind.
    confirmed: [usize; 3],
}

type Shared = Arc<Mutex<Journal>>;

/// Makes keys until the daemon is gone.
async fn generate(alice: Peer, journal: Shared) {
    loop {
        journal.lock().unwrap().unanswered += 1;
        let Ok(id) = alice.generate("P-256").await else { return };
        let mut journal = journal.lock().unwrap();
        journal.unanswered -= 1;
        journal.confirmed[0] += 1;
        journal.keys.insert(id, false);
    }
}

/// Deletes keys until the daemon is gone, and leaves a few.
async fn delete(alice: Peer, journal: Shared) {
    loop {
        let chosen = journal.lock().unwrap().keys.iter_mut().nth(4).map(|(id, asked)| {
            *asked = true;
            id.clone()
        });
        let Some(id) = chosen else {
            // Nothing to delete yet; a call that does nothing tells whether the daemon is there.
            if alice.keys().await.is_err() {
                return;
            }
            continue;
        };
        if alice.delete(&id).await.is_err() {
            return;
        }
        let mut journal = journal.lock().unwrap();
        journal.keys.remove(&id);
        journal.deleted.insert(id);
        journal.confirmed[1] += 1;
    }
}

/// Changes the pass phrase until the daemon is gone.
async fn change(alice: Peer, journal: Shared) {
    for number in 0.. {
        let (old, new) = {
            let mut journal = journal.lock().unwrap();
            let new = format!("{} {number}", random(1 << 40));
            journal.next_passphrase = Some(new.clone());
            (journal.passphrase.clone(), new)
        };
        if alice.change_passphrase(&old, &new).await.is_err() {
            return;
        }
        let mut journal = journal.lock().unwrap();
        journal.passphrase = new;
        journal.next_passphrase = None;
        journal.confirmed[2] += 1;
    }
}

/// Waits until up to two more calls of some kind were confirmed, and then for a moment: however busy the machine is,
/// every kind is met in the middle.
async fn random_moment(journal: &Shared) {
    let kind = usize::try_from(random(3)).unwrap();
    let wanted = journal.lock().unwrap().confirmed[kind] + usize::try_from(random(3)).unwrap();
    let confirmed = until(|| journal.lock().unwrap().confirmed[kind] >= wanted);
    assert!(confirmed.await, "the load stands still");
    tokio::time::sleep(Duration::from_micros(random(40_000))).await;
}

/// Holds the daemon against the journal, and brings the journal up to what is.
async fn assert_nothing_lost(alice: &Peer, journal: &mut Journal, moment: u32) {
    if let Err(refusal) = alice.unlock(&journal.passphrase).await {
        assert_eq!(refusal.name, "WrongPassphrase", "moment {moment}");
        let next = journal.next_passphrase.take().unwrap_or_else(|| {
            panic!("moment {moment}: the pass phrase is not the confirmed one, and no change was under way")
        });
        alice.unlock(&next).await.unwrap_or_else(|error| panic!("moment {moment}: {error}"));
        journal.passphrase = next;
    }
    journal.next_passphrase = None;
    let present: BTreeSet<String> = alice.keys().await.unwrap().into_iter().map(|(id, _)| id).collect();
    for (id, deleting) in &journal.keys {
        assert!(present.contains(id) || *deleting, "moment {moment}: the confirmed key {id} is gone");
    }
    for id in &journal.deleted {
        assert!(!present.contains(id), "moment {moment}: the deleted key {id} is back");
    }
    let unknown = present.iter().filter(|id| !journal.keys.contains_key(*id)).count();
    assert!(unknown <= journal.unanswered, "moment {moment}: {unknown} keys that nobody asked for");
    for id in &present {
        let signed = alice.sign(id, "", b"data", none()).await;
        assert!(signed.is_ok(), "moment {moment}: {id} does not open: {signed:?}");
    }
    journal.keys = present.into_iter().map(|id| (id, false)).collect();
    journal.unanswered = 0;
}

#[tokio::test]
async fn everything_confirmed_outlives_200_kills_at_random_moments() {
    let mut house = House::open().await;
    let alice = house.alice().await;
    let journal =
        Shared::new(Mutex::new(Journal { passphrase: PASSPHRASE.to_owned(), ..Journal::default() }));
    for moment in 0..MOMENTS {
        let mut load = JoinSet::new();
        load.spawn(generate(alice.clone(), journal.clone()));
        load.spawn(delete(alice.clone(), journal.clone()));
        load.spawn(change(alice.clone(), journal.clone()));
        random_moment(&journal).await;
        house.daemon.kill().await;
        while claviger_tests::in_time("the load's end", load.join_next()).await.is_some() {}
        let restarted = house.daemon.restart(&house.bus).await;
        restarted.unwrap_or_else(|ended| panic!("moment {moment}: {ended:?}"));
        let mut so_far = std::mem::take(&mut *journal.lock().unwrap());
        assert_nothing_lost(&alice, &mut so_far, moment).await;
        *journal.lock().unwrap() = so_far;
    }
    let confirmed = journal.lock().unwrap().confirmed;
    println!("{MOMENTS} kills; confirmed: {confirmed:?} made, deleted, changed");
    assert!(confirmed.iter().all(|count| *count >= 50), "there was no load: {confirmed:?}");
}

/// Returns a number below `bound`.
fn random(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}
