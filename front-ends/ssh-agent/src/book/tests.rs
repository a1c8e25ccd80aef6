use super::{Book, Record};
use crate::clock::Now;
use crate::protocol::{Constraints, Destination, Hop, PublicKey};

fn at(uptime: u64) -> Now {
    Now { wall: 5000, uptime, boot: "this one".to_owned() }
}

fn record(seed: u8) -> Record {
    let key = PublicKey::Ed25519([seed; 32]);
    let to = Hop { user: "alice".to_owned(), host: "host".to_owned(), keys: vec![(key, true)] };
    let destinations = vec![Destination { from: Hop::default(), to }];
    let constraints = Constraints { lifetime: Some(60), confirm: true, destinations };
    Record { certificates: vec![vec![seed]], ..Record::new(true, constraints, &at(1000)) }
}

#[test]
fn what_came_by_ssh_add_is_known_to_the_next_agent() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state/claviger/ssh-agent.json");
    let mut book = Book::open(Some(file.clone())).expect("an empty book");
    let foreign = Record { is_ours: false, ..record(2) };
    book.change(|records| {
        records.insert(vec![1], record(1));
        records.insert(vec![2], foreign.clone());
    })
    .expect("it is kept");
    assert_eq!(book.records().len(), 2);

    let mut next = Book::open(Some(file)).expect("the kept book");
    assert_eq!(next.get(&[1]), Some(&record(1)));
    assert_eq!(next.get(&[2]), None, "what the store had before is not kept");
    assert_eq!(next.next_end(&at(1059)), Some(1));
    assert_eq!(next.next_end(&at(1060)), None, "it is over already");

    next.change(|records| records.remove(&vec![1])).expect("it is kept");
    book.refresh().expect("the file");
    assert_eq!(book.get(&[1]), None, "another agent removed it");
    assert_eq!(book.get(&[2]), Some(&foreign));
}

#[test]
fn a_key_is_owned_by_its_id_only() {
    let mut record = record(1);
    assert!(!record.owns("one"), "it may have come some other way");
    record.id = Some("one".to_owned());
    assert!(record.owns("one") && !record.owns("two"));
    record.is_ours = false;
    assert!(!record.owns("one"));
}

#[test]
fn a_time_is_over_at_its_second() {
    let record = record(1);
    assert!(!record.is_over(&at(1059)));
    assert!(record.is_over(&at(1060)));
    let forever = Record::new(true, Constraints::default(), &at(1000));
    assert!(!forever.is_over(&at(u64::MAX)));
}

#[test]
fn a_damaged_book_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ssh-agent.json");
    std::fs::write(&file, "[{\"key\": 1}]").expect("a file");
    assert!(Book::open(Some(file)).is_err());
}

#[test]
fn who_never_lets_go_of_the_lock_stops_no_agent() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ssh-agent.json");
    let mut book = Book::open(Some(file.clone())).expect("an empty book");
    let lock = std::fs::File::create(file.with_extension("lock")).expect("the lock");
    lock.lock().expect("it is free");
    assert!(book.change(|records| records.insert(vec![1], record(1))).is_err());
    assert_eq!(book.get(&[1]), None, "what could not be kept is not changed");
    drop(lock);
    book.change(|records| records.insert(vec![1], record(1))).expect("it is kept");
}
