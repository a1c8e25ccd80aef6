//! The whole of it, for somebody who has never seen Claviger.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use claviger_tests::lab::Guest;
use claviger_tests::pcsc::Kind;
use claviger_tests::place::Place;
use claviger_tests::programs;

use crate::reader::Reader;
use crate::ssh;

/// Makes the Debian package, and returns its path.
fn package(place: &Place) -> String {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/deb.sh"));
    command
        .env("PROGRAMS", programs::folder())
        .env("OUTPUT", place.path())
        .env("FAST", "1")
        .env_remove("VERSION");
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
}

/// Everything that git and ssh read of what alice wrote.
const SETTINGS: &str = "cd /home/alice; for file in .gitconfig .config/git/* .ssh/* .profile .config/environment.d/*; do \
     echo \"== $file\"; cat $file; done";

#[tokio::test]
async fn a_new_user_signs_a_commit_by_a_card_and_by_the_local_store_and_changes_no_setting_in_between() {
    let place = Place::new();
    let guest = Guest::plan().readers(2).boot().await;
    guest.copy_in(Path::new(&package(&place)), "/tmp/claviger.deb", 0o644);
    ssh::begin(&guest).await;

    let began = Instant::now();
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/claviger.deb").await.ok();
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = Reader::at_terminal(&guest).await;
    for heading in ["In the local store", "On a card", "Which key is used"] {
        alice.follow_section("README", heading).await;
    }
    for heading in ["Switch the agent on", "Log in"] {
        alice.follow_section("openssh", heading).await;
    }
    alice.follow_section("git", "Set up").await;
    let signed = alice.follow_section("git", "Sign").await;
    let good = async |key: &str| {
        let show = "claviger key show KEY --public --format ssh | ssh-keygen -l -f - | cut -d ' ' -f 2";
        let fingerprint = guest.run_as("alice", &show.replace("KEY", key)).await.ok();
        format!("Good \"git\" signature for alice@example.org with ECDSA key {}", fingerprint.text())
    };
    let (by_card, by_store) = (good("work").await, good("laptop").await);
    assert_eq!(signed.matches(&by_card).count(), 2, "the commit and the tag: {signed}");
    let took = began.elapsed();
    assert!(took < Duration::from_mins(5), "{took:?}");

    let settings = guest.run(SETTINGS).await.ok();
    assert!(settings.text().contains("defaultKeyCommand"), "{settings:#?}");
    let signed = alice.follow_section("git", "Another key").await;
    assert_eq!((signed.matches(&by_store).count(), signed.matches(&by_card).count()), (1, 1), "{signed}");
    assert_eq!(guest.run(SETTINGS).await.ok().text(), settings.text());

    // It was the card: without it nothing is signed by its key, and all is well with the other.
    card.remove_noticed();
    alice.types("git -C project commit --allow-empty --message 'Without the card'; ssh server true").await;
    alice.types("claviger key default work --purpose sign").await;
    alice.types("! git -C project commit --allow-empty --message 'Without the key'").await;
}
