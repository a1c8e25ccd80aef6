//! The suite that every token passes.
//!
//! A token crate writes a [`Subject`] round its token and calls [`run`] from a test. What the token's
//! capabilities do not name is not asked of it, except that it must refuse it.
//!
//! | file | noun |
//! | --- | --- |
//! | `subject` | [`Subject`]: the token and what its host keeps for it |
//! | `purposes` | every key does what its mechanisms say |
//! | `peers` | the other side of each mechanism, by ring or aws-lc's safe interface, never by the token's room |
//! | `refusals` | what a token does not do |
//! | `together` | several operations at once, and a lock in the middle |
//! | `toy` | [`ToyToken`]: a real token of toy strength |
//!
//! It panics where the token fails: it is test code.

#![allow(clippy::unwrap_used, reason = "this is test code: a failure here is the test's failure")]

mod peers;
mod purposes;
mod refusals;
mod subject;
mod together;
mod toy;

pub use subject::{Subject, block_on};
pub use toy::{ToySubject, ToyToken};

/// Puts the subject to every check and prints the name of each; panics at the first that fails.
pub fn run(subject: &dyn Subject) {
    let checks = purposes::CHECKS.iter().chain(refusals::CHECKS).chain(together::CHECKS);
    let mut count = 0;
    for (name, check) in checks {
        println!("{}: {name}", subject.token().id());
        subject.unlock().unwrap_or_else(|error| panic!("{name}: the right secret does not unlock: {error}"));
        check(subject);
        count += 1;
    }
    println!("{}: {count} checks", subject.token().id());
}

/// One check: what holds, and how to see it.
type Check = (&'static str, fn(&dyn Subject));
