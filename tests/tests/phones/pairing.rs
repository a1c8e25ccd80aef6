//! Pairing: asked for on both sides, one at a time, and nobody in between.

use claviger_tests::accounts::Person;
use claviger_tests::peer::{Outcome, none};
use claviger_tests::phone::{PairCall, Phone, Plan, Scene, Wire, phone_house};

#[tokio::test]
async fn a_phone_is_paired_by_its_uri_and_signs() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    assert_eq!(scene.sign(&key, b"a message").await.unwrap().len(), 64);
    assert_eq!(scene.phone.outcomes(), ["generate: approved", "sign: approved"]);
}

#[tokio::test]
async fn a_no_on_the_phone_is_no_pairing() {
    let house = phone_house("").await;
    let wire = Wire::between(&Person::service(), &Person::alice());
    let phone = Phone::start(Plan::new().at(&wire).screen()).await;
    let alice = house.visitor(&Person::alice()).await;
    let mut call = PairCall::begin(&alice, Some(&wire.link()), none());
    let uri = call.hears("uri ").await;
    let invitation = phone.invite(&uri);
    call.hears("asked").await;
    phone.screen().answer("n").await;
    call.ends().await.refused("Declined");
    assert_eq!(invitation.ends().await.code, Some(5));
}
