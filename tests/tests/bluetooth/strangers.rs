//! Phones that are not the one: without a bond, with its name, with its address.

use std::path::Path;

use claviger_tests::bluetooth::{Radio, in_guest};
use claviger_tests::cards::word;
use claviger_tests::peer::{Outcome, none};
use claviger_tests::phone::{PairCall, Phone, Plan};

use crate::desk::{Desk, Paired};

/// Switches a stranger's phone on, whose agent answers yes to everything.
async fn stranger(paired: &Paired) -> (Phone, Radio) {
    let socket = Path::new("/tmp/stranger");
    let phone = Phone::start(
        Plan::new().named("Alice's phone").link(&["--listen", &format!("unix:{}", socket.display())]),
    )
    .await;
    let radio = Radio::phone(&paired.desk.air, "Pocket", socket).await;
    (phone, radio)
}

#[tokio::test]
async fn a_phone_without_a_bond_is_not_dialled_and_people_are_told_why() {
    in_guest(async || {
        let desk = Desk::set(Plan::new()).await;
        let link = "bluetooth:00:AA:01:7F:00:01";
        let mut call = PairCall::begin(&desk.alice, Some(link), none());
        let told = call.hears(&format!("trying {link}: ")).await;
        assert_eq!(
            told,
            "cannot dial 00:AA:01:7F:00:01: it is not bonded with this computer (bluetoothctl, or the desktop's \
             settings, do that)"
        );
        call.hangs_up().await.refused("Cancelled");
    })
    .await;
}

#[tokio::test]
async fn another_phone_with_the_same_name_is_not_asked_for_anything() {
    in_guest(async || {
        let mut paired = Paired::impatient().await;
        let (other, radio) = stranger(&paired).await;
        let address = radio.address().to_owned();
        assert_ne!(paired.desk.link(), format!("bluetooth:{address}"));
        drop(paired.desk.radio.take());
        paired.until("removed").await;
        let device = paired.desk.bluez.find(&address).await;
        device.bond().await.unwrap();
        assert_eq!(device.name().await, "Pocket");
        paired.sign().await.refused("TokenAbsent");
        assert_eq!(other.outcomes(), [""; 0]);
        let row = paired.desk.alice.token(&paired.token).await.unwrap();
        assert_eq!(word(&row, "presence"), "removed");
    })
    .await;
}

#[tokio::test]
async fn another_phone_with_the_same_address_is_refused() {
    in_guest(async || {
        let mut paired = Paired::impatient().await;
        let address = paired.desk.radio().address().to_owned();
        // Without a bond nobody is dialled while the address changes hands.
        paired.desk.bluez.forget(&address).await;
        drop(paired.desk.radio.take());
        paired.until("unreachable").await;
        let before = paired.told().len();
        let (other, mut radio) = stranger(&paired).await;
        assert_eq!(radio.address(), address);
        // Somebody even bonds it.
        paired.desk.bluez.find(&address).await.bond().await.unwrap();
        // It is dialled, as the one at that address.
        radio.hear("open").await;
        let token = paired.token.clone();
        let refused = paired.watch.until("a refusal", move |tokens| {
            let (_, row) = tokens.iter().find(|(id, _)| *id == token)?;
            let faults: Vec<String> = row.get("faults")?.clone().try_into().unwrap();
            faults.into_iter().find(|fault| fault.contains("cannot open a channel"))
        });
        let refused = refused.await;
        assert!(refused.ends_with("the phone does not know the pairing"), "{refused}");
        paired.sign().await.refused("TokenAbsent");
        // It was asked for nothing, and is none that anybody waits for.
        assert_eq!(other.outcomes(), [""; 0]);
        paired.until("removed").await;
        assert!(!paired.told()[before..].contains(&"present".to_owned()), "{:?}", paired.told());
    })
    .await;
}
