//! What `ssh-add -l` and `-L` show, and `ssh-keygen -Y` signs with.

use claviger_tests::accounts::Person;
use claviger_tests::house::House;

use crate::desk::{ALGORITHMS, Desk};

#[tokio::test]
async fn keys_of_every_kind_are_shown_and_sign() {
    let desk = Desk::set().await;
    let empty = desk.run("ssh-add", "-l").await;
    assert_eq!(empty.code, Some(1));
    assert!(empty.text().contains("no identities"), "{empty:?}");
    for algorithm in ALGORITHMS {
        desk.generate(algorithm, algorithm).await;
    }
    // What ssh has no name for is not shown.
    desk.alice.generate("ML-DSA-44").await.unwrap();
    desk.alice.generate("X25519").await.unwrap();
    let shown = desk.run("ssh-add", "-L").await.ok();
    for algorithm in ALGORITHMS {
        assert!(shown.text().contains(desk.text(&format!("{algorithm}.pub")).trim()), "{algorithm}");
        desk.signs(algorithm).await;
    }
    assert_eq!(shown.text().lines().count(), ALGORITHMS.len());
    // ssh-add -T names no digest, which with RSA means SHA-1: that is refused.
    for algorithm in ALGORITHMS {
        let tested = desk.run("ssh-add", &format!("-T {algorithm}.pub")).await;
        assert_eq!(tested.code == Some(0), algorithm != "RSA-2048", "{algorithm}: {tested:?}");
    }
}

#[tokio::test]
async fn who_has_no_account_has_no_keys() {
    let house = House::open().await;
    let visitor = house.visitor(&Person::alice()).await;
    let mut desk = Desk::of(&house, visitor);
    desk.begin(&[]).await;
    assert_eq!(desk.shown().await, [""; 0]);
    desk.keygen("key", "-t ed25519").await;
    assert_ne!(desk.run("ssh-add", "-q key").await.code, Some(0), "there is no store to put it into");
}

#[tokio::test]
async fn the_default_key_is_the_first() {
    let desk = Desk::set().await;
    for name in ["one", "two", "three"] {
        desk.generate("Ed25519", name).await;
    }
    for name in ["two", "three", "one"] {
        desk.shell.claviger(&format!("key default {name} --purpose sign")).await.ok();
        assert_eq!(desk.shown().await[0], name);
    }
    assert_eq!(desk.shown().await.len(), 3);
}

#[tokio::test]
async fn keys_that_are_for_other_uses_or_revoked_are_not_shown() {
    let desk = Desk::set().await;
    desk.shell.claviger("key generate P-256 --label agreeing --usage derive").await.ok();
    desk.generate("P-256", "signing").await;
    assert_eq!(desk.shown().await, ["signing"]);
    let refused = desk.run("ssh-add", "-T message").await;
    assert_ne!(refused.code, Some(0), "there is no such file");
    desk.shell.claviger("key delete signing --yes").await.ok();
    assert_eq!(desk.shown().await, [""; 0]);
    let gone = desk.run("ssh-add", "-T signing.pub").await;
    assert_ne!(gone.code, Some(0), "{gone:?}");
}

#[tokio::test]
async fn certificates_stand_behind_their_keys_and_sign() {
    let desk = Desk::set().await;
    for algorithm in ALGORITHMS {
        desk.generate(algorithm, algorithm).await;
    }
    desk.keygen("authority", "-t ed25519").await;
    // Without -V a certificate has no end.
    for algorithm in ALGORITHMS {
        desk.run("ssh-keygen", &format!("-q -s authority -I id -n games {algorithm}.pub")).await.ok();
    }
    assert_eq!(desk.shown().await.len(), ALGORITHMS.len(), "nobody looks there");
    for (algorithm, folder) in ALGORITHMS.iter().zip([".ssh", ".config/claviger/ssh"].iter().cycle()) {
        let text = desk.text(&format!("{algorithm}-cert.pub"));
        desk.file(&format!("{folder}/{algorithm}-cert.pub"), text);
    }
    desk.file(".ssh/broken-cert.pub", "ssh-ed25519-cert-v01@openssh.com AAAA nothing\n");
    let shown = desk.run("ssh-add", "-L").await.ok();
    let kinds: Vec<&str> = shown.text().lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(kinds.len(), 2 * ALGORITHMS.len());
    for pair in kinds.chunks(2) {
        assert_eq!(format!("{}-cert-v01@openssh.com", pair[0]), pair[1]);
    }
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| *algorithm != "RSA-2048") {
        desk.run("ssh-add", &format!("-T {algorithm}-cert.pub")).await.ok();
    }
}
