//! Phones by RFCOMM, from a BlueZ of toy strength on a real bus: what BlueZ itself does is tried in a guest.

use std::sync::Arc;

use claviger_token::Presence;

use super::bus::{Bus, Refused, ToyBluez};
use super::fixture::{make_a_key, pairing, sign_with};
use super::{Fixture, TestPhone, deadline};
use crate::{Address, Bluetooth, Link, LinkFault, Pairing, PhoneEvent};

const ADDRESS: [u8; 6] = [0xaa, 0xbb, 0xcc, 0, 0, 1];

fn link() -> Link {
    Link::Rfcomm { address: Address::from_bytes(ADDRESS) }
}

fn fixture(bus: &Bus) -> Fixture {
    Fixture::with(|config| config.bluetooth = Bluetooth::Address(bus.address.clone()))
}

fn phone() -> (Arc<TestPhone>, Pairing) {
    let (pairing, known) = pairing(vec![link()]);
    (TestPhone::new(vec![known]).0, pairing)
}

/// Waits until the link stands thus.
async fn wait_for_fault(fixture: &Fixture, fault: Option<&LinkFault>) {
    let mut events = fixture.phones.subscribe();
    deadline(async {
        loop {
            let faults = fixture.phones.snapshot().remove(0).faults;
            if faults.first().map(|(_, fault)| fault) == fault {
                return;
            }
            events.recv().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_bonded_phone_is_dialled_and_signs() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let _bluez = ToyBluez::start(&bus, &phone).await;
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    assert_eq!(sign_with(&*token, &made).await, Ok(()));
    assert_eq!(fixture.phones.snapshot()[0].link, Some(link()));
    // A cut is mended.
    phone.hang_up();
    fixture.sign_at_last(&*token, &made).await;
}

#[tokio::test]
async fn a_bluez_that_is_killed_and_started_again_is_our_own_side_and_survived() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    let mut fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    assert!(matches!(fixture.event().await, PhoneEvent::Token { presence: Presence::Present, .. }));
    bluez.kill().await;
    wait_for_fault(&fixture, Some(&LinkFault::NoBluetooth("it does not run".into()))).await;
    phone.hang_up();
    let _bluez = ToyBluez::start(&bus, &phone).await;
    wait_for_fault(&fixture, None).await;
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    fixture.sign_at_last(&*token, &made).await;
    assert!(fixture.is_quiet(), "nobody was missed");
}

#[tokio::test]
async fn an_adapter_that_is_switched_off_and_on_is_our_own_side_and_survived() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    bluez.power(false).await;
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    wait_for_fault(&fixture, Some(&LinkFault::AdapterOff)).await;
    assert!(LinkFault::AdapterOff.is_ours());
    bluez.power(true).await;
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    wait_for_fault(&fixture, None).await;
}

#[tokio::test]
async fn a_bluez_that_says_much_before_it_answers_is_understood() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    bluez.be_noisy();
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
}

#[tokio::test]
async fn a_bluez_that_does_not_take_the_profile_is_our_own_side_and_asked_again() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    bluez.refuse(Some(Refused::NotPermitted("UUID already registered".into())));
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    let why = "UUID already registered (org.bluez.Error.NotPermitted)";
    wait_for_fault(&fixture, Some(&LinkFault::NoBluetooth(why.into()))).await;
    bluez.refuse(None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
}

#[tokio::test]
async fn what_bluez_does_not_even_try_is_our_own_side() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let busy = |name: &str| LinkFault::RadioBusy(format!("x (org.bluez.Error.{name})"));
    let silent = LinkFault::NotAnswering("br-connection-page-timeout (org.bluez.Error.Failed)".into());
    let judged = [
        (Refused::NotReady("x".into()), LinkFault::AdapterOff, true),
        (Refused::Failed("br-connection-adapter-not-powered".into()), LinkFault::AdapterOff, true),
        (Refused::InProgress("x".into()), busy("InProgress"), true),
        (Refused::AlreadyConnected("x".into()), busy("AlreadyConnected"), true),
        (Refused::Failed("br-connection-page-timeout".into()), silent, false),
    ];
    for (refusal, fault, is_ours) in judged {
        bluez.refuse(Some(refusal));
        phone.hang_up();
        fixture.phones.nudge(&pairing.token());
        wait_for_fault(&fixture, Some(&fault)).await;
        assert_eq!(fault.is_ours(), is_ours, "{fault}");
    }
}

#[tokio::test]
async fn a_phone_that_is_not_bonded_is_said_to_be_so() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    bluez.bond(false);
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    wait_for_fault(&fixture, Some(&LinkFault::NotBonded(Address::from_bytes(ADDRESS)))).await;
    bluez.bond(true);
    fixture.phones.nudge(&pairing.token());
    fixture.wait_until(&pairing.token(), Presence::Present).await;
}

#[tokio::test]
async fn a_stream_ends_when_bluez_wants_it_back() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let before = bluez.dials();
    bluez.request_disconnection().await;
    // It is dialled anew.
    let token = fixture.phones.token(&pairing.token());
    let made = make_a_key(&*token).await;
    fixture.sign_at_last(&*token, &made).await;
    assert_eq!(bluez.dials(), before + 1);
}

#[tokio::test]
async fn nobody_but_bluez_may_hand_a_connection_over() {
    let bus = Bus::start();
    let (phone, pairing) = phone();
    let bluez = ToyBluez::start(&bus, &phone).await;
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing.clone(), None);
    fixture.wait_until(&pairing.token(), Presence::Present).await;
    let refused = bluez.hand_over_as_somebody_else(&bus).await;
    assert_eq!(refused, "org.bluez.Error.Rejected");
}

#[tokio::test]
async fn a_computer_without_bluez_says_so() {
    let bus = Bus::start();
    let (_, pairing) = phone();
    let fixture = fixture(&bus);
    fixture.phones.keep(pairing, None);
    wait_for_fault(&fixture, Some(&LinkFault::NoBluetooth("it does not run".into()))).await;
}
