//! Phones: what people log in with, and what ends their sessions when it is gone.

mod accounts;
mod installed;
mod login;
mod persistence;
mod prompts;
mod removal;

use claviger_tests::lab::{Guest, Login, Phone};

/// A phone is missing, and counts as removed soon.
const MISSING: &str = "1d3b7c5e0f8a4b6d9c2e7a51f4083b96";
/// A phone that was missing is not missed any more.
const RETURNED: &str = "8f6a2d94c7e14f30b5d1a06e3b9c7d52";

/// What uses the default key.
const SIGN: &str = "claviger sign -o signature /etc/passwd";

/// A guest with the service and a phone's program.
async fn guest() -> Guest {
    Guest::plan().claviger().phones().boot().await
}

/// A phone of alice's with her only key.
async fn alices<'g>(guest: &'g Guest) -> (Phone<'g>, String) {
    let mut phone = guest.phone("alice", "Pixel").await;
    let token = phone.pair_with_key().await;
    (phone, token)
}

/// Works in the session, whatever became of others.
async fn works(session: &mut Login<'_>) {
    assert_eq!(session.run("echo here").await.text(), "here");
}
