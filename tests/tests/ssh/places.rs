//! Keys that are elsewhere: on a card, on a phone, and away.

use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::cards::PIN;
use claviger_tests::clients::{Keyring, Location};

use crate::desk::Desk;

/// Sets a desk beside keys that are somewhere.
async fn at(location: Location) -> (Desk, Keyring) {
    let keyring = Keyring::at(location).await;
    let mut desk = Desk::of(keyring.house(), keyring.alice.clone());
    desk.begin(&[]).await;
    for name in ["rsa", "ec"] {
        let public = desk.shell.claviger(&format!("key show {name} --public --format ssh")).await.ok();
        desk.file(&format!("{name}.pub"), &public.stdout);
    }
    (desk, keyring)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_on_a_card_sign_after_its_pin_and_are_shown_while_it_is_away() {
    let (desk, mut keyring) = at(Location::Card).await;
    let mut shown = desk.shown().await;
    shown.sort();
    assert_eq!(shown, ["ec", "rsa"]);
    let mut agent = Agent::of(keyring.house(), &Person::alice()).await;
    let ((), ()) = tokio::join!(desk.signs("ec"), async { agent.asked().await.typed(PIN) });
    desk.signs("rsa").await;
    keyring.take_away().await;
    assert_eq!(desk.shown().await.len(), 2, "they are hers, wherever they are");
    let away = desk.run("ssh-add", "-T ec.pub").await;
    assert_ne!(away.code, Some(0), "{away:?}");
    keyring.bring_back().await;
    let ((), ()) = tokio::join!(desk.signs("ec"), async { agent.asked().await.typed(PIN) });
    // No program that speaks to the agent can destroy what is on a card.
    desk.run("ssh-add", "-q -D").await.ok();
    assert_eq!((desk.shown().await.len(), desk.stored().await), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_on_a_phone_sign() {
    let (desk, mut keyring) = at(Location::Phone).await;
    for name in ["ec", "rsa"] {
        desk.signs(name).await;
    }
    keyring.take_away().await;
    assert_eq!(desk.shown().await.len(), 2);
    let away = desk.run("ssh-add", "-T ec.pub").await;
    assert_ne!(away.code, Some(0), "{away:?}");
    keyring.bring_back().await;
    desk.signs("ec").await;
}
