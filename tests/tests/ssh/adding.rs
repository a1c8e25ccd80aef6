//! `ssh-add`: what goes in, stays, ends, and goes out.

use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::in_time;

use crate::desk::Desk;

#[tokio::test]
async fn keys_of_every_kind_go_into_the_store_and_out_of_it() {
    let desk = Desk::set().await;
    let kinds = [
        ("ed25519", "-t ed25519"),
        ("p256", "-t ecdsa -b 256"),
        ("p384", "-t ecdsa -b 384"),
        ("rsa", "-t rsa -b 2048"),
    ];
    for (name, words) in kinds {
        desk.keygen(name, words).await;
        desk.run("ssh-add", &format!("-q {name}")).await.ok();
        desk.signs(name).await;
    }
    assert_eq!(desk.shown().await, kinds.map(|(name, _)| name));
    let listed = desk.shell.claviger("key list").await.ok();
    assert!(kinds.iter().all(|(name, _)| listed.text().contains(name)), "{listed:?}");
    desk.run("ssh-add", "-q -d ed25519").await.ok();
    assert_eq!(desk.stored().await, 3);
    assert_ne!(desk.run("ssh-add", "-q -d ed25519").await.code, Some(0), "it is gone");
    desk.run("ssh-add", "-q -D").await.ok();
    assert_eq!(desk.stored().await, 0);
}

/// One private number of P-521 in three begins with zeros, at which other readers fail.
#[tokio::test]
async fn p_521_keys_go_in_whatever_their_numbers_are() {
    let desk = Desk::set().await;
    for place in 0..12 {
        let name = format!("key{place}");
        desk.keygen(&name, "-t ecdsa -b 521").await;
        desk.run("ssh-add", &format!("-q {name}")).await.ok();
        desk.run("ssh-add", &format!("-T {name}.pub")).await.ok();
    }
    assert_eq!(desk.stored().await, 12);
}

#[tokio::test]
async fn keys_that_came_another_way_are_only_hidden() {
    let mut desk = Desk::set().await;
    desk.generate("Ed25519", "mine").await;
    desk.generate("P-256", "too").await;
    desk.run("ssh-add", "-q -d mine.pub").await.ok();
    assert_eq!(desk.shown().await, ["too"]);
    assert_ne!(desk.run("ssh-add", "-T mine.pub").await.code, Some(0), "hidden is not to be used");
    desk.run("ssh-add", "-q -D").await.ok();
    assert_eq!(desk.shown().await, [""; 0]);
    assert_eq!(desk.stored().await, 2);
    desk.end().await;
    desk.begin(&[]).await;
    assert_eq!(desk.shown().await.len(), 2);
}

#[tokio::test]
async fn a_key_that_the_store_has_is_not_made_twice() {
    let desk = Desk::set().await;
    desk.keygen("key", "-t ed25519").await;
    std::fs::copy(desk.home.join("key"), desk.home.join("copy")).unwrap();
    let pem = desk.text("key");
    desk.shell.file("key", &pem);
    desk.shell.claviger("key import key --label before").await.ok();
    desk.run("ssh-add", "-q -d key").await.ok();
    assert_eq!(desk.shown().await, [""; 0]);
    desk.run("ssh-add", "-q key").await.ok();
    assert_eq!(desk.shown().await, ["before"], "added again, it is shown again");
    assert_eq!(desk.stored().await, 1);
    // Its lifetime holds in the agent: the store keeps what it had before.
    desk.run("ssh-add", "-q -t 1 key").await.ok();
    desk.shows(&[]).await;
    assert_eq!(desk.stored().await, 1);
}

#[tokio::test]
async fn a_lifetime_ends_also_while_no_agent_runs() {
    let mut desk = Desk::set().await;
    desk.keygen("short", "-t ed25519").await;
    desk.keygen("long", "-t ed25519").await;
    desk.run("ssh-add", "-q -t 1h long").await.ok();
    desk.run("ssh-add", "-q -t 1 short").await.ok();
    desk.shows(&["long"]).await;
    gone(&desk, 1).await;

    desk.run("ssh-add", "-q -t 2 short").await.ok();
    desk.end().await;
    assert_eq!(desk.stored().await, 2, "nobody ends it now");
    desk.begin(&[]).await;
    desk.shows(&["long"]).await;
    gone(&desk, 1).await;
    // The key goes first, then what is known of it.
    let is_kept = claviger_tests::until(|| {
        let state = desk.text(".local/state/claviger/ssh-agent.json");
        state.matches("expires").count() == 1
    });
    assert!(is_kept.await, "{}", desk.text(".local/state/claviger/ssh-agent.json"));
}

/// Waits until the store has just so many keys.
async fn gone(desk: &Desk, left: usize) {
    let waiting = async {
        while desk.stored().await != left {
            tokio::task::yield_now().await;
        }
    };
    in_time("the end of a lifetime", waiting).await;
}

#[tokio::test]
async fn the_agents_own_lifetime_is_for_keys_without_one() {
    let desk = Desk::with(&["-t", "1s"]).await;
    desk.keygen("short", "-t ed25519").await;
    desk.keygen("long", "-t ed25519").await;
    desk.run("ssh-add", "-q -t 1h long").await.ok();
    desk.run("ssh-add", "-q short").await.ok();
    desk.shows(&["long"]).await;
}

#[tokio::test]
async fn a_key_with_confirmation_is_asked_for_at_each_use() {
    let desk = Desk::set().await;
    desk.keygen("key", "-t ed25519").await;
    desk.run("ssh-add", "-q -c key").await.ok();
    assert_ne!(desk.run("ssh-add", "-T key.pub").await.code, Some(0), "nobody can be asked");
    let mut agent = Agent::of(&desk.house, &Person::alice()).await;
    for yes in [true, false] {
        let (tested, ()) = tokio::join!(desk.run("ssh-add", "-T key.pub"), async {
            agent.asked().await.said(yes);
        });
        assert_eq!(tested.code == Some(0), yes, "{tested:?}");
    }
    let shown = desk.shell.claviger("key show key --json").await.ok();
    assert!(shown.text().contains("always"), "the store knows it: {shown:?}");
}

#[tokio::test]
async fn a_certificate_comes_and_goes_with_its_key() {
    let mut desk = Desk::set().await;
    desk.keygen("key", "-t ecdsa -b 521").await;
    desk.keygen("authority", "-t ed25519").await;
    desk.run("ssh-keygen", "-q -s authority -I id -n games key.pub").await.ok();
    let added = desk.run("ssh-add", "key").await.ok();
    assert!(added.stderr.contains("Certificate added"), "{added:?}");
    assert_eq!(desk.shown().await.len(), 2);
    assert_eq!(desk.stored().await, 1);
    desk.end().await;
    desk.begin(&[]).await;
    assert_eq!(desk.shown().await.len(), 2, "it is kept");
    desk.run("ssh-add", "-T key-cert.pub").await.ok();
    desk.run("ssh-add", "-d key").await.ok();
    assert_eq!((desk.shown().await.len(), desk.stored().await), (0, 0));
}

#[tokio::test]
async fn cards_are_not_added() {
    let desk = Desk::set().await;
    let refused = desk.run("ssh-add", "-s /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so").await;
    assert_ne!(refused.code, Some(0));
    assert_eq!(desk.shown().await, [""; 0]);
}

#[tokio::test]
async fn what_could_not_be_added_is_not_deleted_later_when_it_came_another_way() {
    let desk = Desk::set().await;
    desk.keygen("key", "-t ed25519").await;
    desk.shell.claviger("lock").await.ok();
    assert_ne!(desk.run("ssh-add", "-q key").await.code, Some(0), "it is locked");
    desk.shell.claviger("unlock --passphrase-file passphrase").await.ok();
    desk.shell.file("key", desk.text("key"));
    desk.shell.claviger("key import key --label mine").await.ok();
    desk.run("ssh-add", "-q -D").await.ok();
    assert_eq!(desk.shown().await, [""; 0]);
    assert_eq!(desk.stored().await, 1);
}

#[tokio::test]
async fn keys_with_the_same_comment_all_go_in() {
    let desk = Desk::set().await;
    for (name, words) in [("one", "-t ed25519"), ("two", "-t ecdsa -b 256"), ("three", "-t ed25519")] {
        desk.keygen_with(&format!("-q -f {name} -C alice@host {words}")).await;
        desk.run("ssh-add", &format!("-q {name}")).await.ok();
        desk.signs(name).await;
    }
    assert_eq!(desk.shown().await, ["alice@host", "alice@host (2)", "alice@host (3)"]);
    desk.run("ssh-add", "-q -d two").await.ok();
    assert_eq!(desk.shown().await, ["alice@host", "alice@host (3)"]);
}
