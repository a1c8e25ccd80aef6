//! Several operations at once, and a lock in the middle.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use claviger_token::{Parameters, TokenError};

use crate::{Check, Subject, peers};

/// How many threads use the token at once, and how often each.
const THREADS: usize = 4;
const ROUNDS: usize = 25;

pub(crate) const CHECKS: &[Check] = &[
    ("operations at once do not disturb each other", operations_at_once_do_not_disturb_each_other),
    ("a lock during operations wins", a_lock_during_operations_wins),
    ("an operation that is dropped leaves the token usable", a_dropped_operation_leaves_the_token_usable),
];

fn operations_at_once_do_not_disturb_each_other(subject: &dyn Subject) {
    let count = subject.room().min(THREADS);
    let keys: Vec<_> = (0..count).map(|_| subject.signer()).collect();
    thread::scope(|scope| {
        for index in 0..THREADS {
            let keys = &keys;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // Every thread goes through every key, each from another one on.
                    let (key, mechanism, _) = &keys[(index + round) % count];
                    let message = [index as u8, round as u8];
                    let data = peers::to_be_signed(key.info.algorithm, *mechanism, &message);
                    let signature = subject.sign(key, *mechanism, &Parameters::default(), &data).unwrap();
                    let (algorithm, public_key) = (key.info.algorithm, &key.info.public_key);
                    assert!(peers::verifies(algorithm, public_key, *mechanism, &message, &signature));
                }
            });
        }
    });
}

fn a_lock_during_operations_wins(subject: &dyn Subject) {
    let (key, mechanism, data) = subject.signer();
    let (locked, signed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let was_locked = locked.load(Ordering::SeqCst);
                    match subject.sign(&key, mechanism, &Parameters::default(), &data) {
                        Ok(_) => {
                            assert!(!was_locked, "an operation after the lock");
                            signed.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(TokenError::Locked) => return,
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        while signed.load(Ordering::SeqCst) < THREADS {
            thread::yield_now();
        }
        subject.lock();
        locked.store(true, Ordering::SeqCst);
    });
    assert!(!subject.token().is_unlocked());
    subject.unlock().unwrap();
}

fn a_dropped_operation_leaves_the_token_usable(subject: &dyn Subject) {
    use claviger_token::TokenOp;
    let (key, mechanism, data) = subject.signer();
    let parameters = Parameters::default;
    for _ in 0..8 {
        let (key, data) = (key.clone(), data.clone());
        drop(subject.token().perform(TokenOp::Sign { key, mechanism, parameters: parameters(), data }));
    }
    assert!(subject.sign(&key, mechanism, &parameters(), &data).is_ok());
}
