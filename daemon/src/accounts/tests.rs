use std::sync::Arc;

use claviger_card::{Cards, CardsConfig};
use claviger_core::{Confirm, Key, KeyState, Placement, PlacementState, Refusal};
use claviger_phone_token::{Bluetooth, Phones, PhonesConfig};
use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, TokenId, TokenKind};
use tokio::runtime::Handle;

use super::{Accounts, Hardware, Seat};

/// Returns the seat of a user at a machine without any hardware.
fn seat() -> Arc<Seat> {
    let cards = Cards::start(CardsConfig { applications: Vec::new(), ..CardsConfig::default() });
    let nowhere = PhonesConfig { bluetooth: Bluetooth::Off, ..PhonesConfig::new("/nonexistent") };
    Accounts::new(None, Hardware::new(cards, Phones::start(nowhere, &Handle::current()))).seat(1)
}

fn key(kind: TokenKind, token: &str) -> Key {
    let (id, algorithm) = (KeyId::from_bytes([1; 16]), Algorithm::P256);
    Key {
        info: Arc::new(KeyInfo { id, algorithm, usage: algorithm.usage(), public_key: [1][..].into() }),
        binding: Arc::new(Binding { uid: 1, user_name: "alice".into(), key: id, created: 0 }),
        label: String::new(),
        state: KeyState::Current,
        last_used: None,
        placements: vec![Placement {
            token: TokenId::new(token),
            kind,
            reference: "k1".into(),
            state: PlacementState::Current,
            record: None,
        }],
        certificates: Vec::new(),
        attestation: Vec::new(),
        confirm: Confirm::Never,
    }
}

const PHONE: &str = "phone:0123456789abcdef0123456789abcdef";

/// "Signatures that come back are verified on the PC with the known public key before they are handed on" (phone-link.md).
#[tokio::test]
async fn nobody_vouches_for_what_a_phone_signs() {
    let seat = seat();
    for (kind, token, vouches) in [
        (TokenKind::Local, "local:1", true),
        (TokenKind::Card, "card:piv:00ff", false),
        (TokenKind::Phone, PHONE, false),
    ] {
        let key = key(kind, token);
        assert_eq!(seat.vouches(&key.placements[0], &key), vouches, "{token}");
    }
}

#[tokio::test]
async fn an_id_that_a_caller_makes_up_is_no_card_and_no_phone() {
    let seat = seat();
    for id in ["", "local:1", "phone", "sim:1"] {
        let id = TokenId::new(id);
        assert_eq!(seat.card(&id).err(), Some(Refusal::NoSuchToken), "{id}");
        assert_eq!(seat.phone(&id).err(), Some(Refusal::NoSuchToken), "{id}");
    }
    assert!(seat.phone(&TokenId::new(PHONE)).is_ok() && seat.card(&TokenId::new(PHONE)).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_nobody_knows_is_waited_for_a_moment_and_no_longer() {
    let (seat, key) = (seat(), key(TokenKind::Phone, PHONE));
    let began = tokio::time::Instant::now();
    seat.reach(&key, None).await;
    assert!(began.elapsed() <= std::time::Duration::from_secs(3), "{:?}", began.elapsed());
}
