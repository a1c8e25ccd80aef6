use std::sync::Arc;

use claviger_core::{
    Action, Confirm, Defaults, EnrolledToken, Guesses, Key, KeyState, Placement, PlacementState,
    Registration, User,
};
use claviger_token::{Algorithm, KeyInfo, TokenId, TokenKind, Usage};

use super::{
    account, card, certificate, id, key, open, record, reopen, said, slots, two_users, user, with_card,
};
use crate::table::{Origin, UserSummary};

#[tokio::test]
async fn every_field_of_a_user_is_read_back_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path());
    let locations = [TokenKind::Local, TokenKind::Card, TokenKind::Phone];
    let removals = [None, Some(Action::None), Some(Action::Lock), Some(Action::Terminate)];
    let mut users = Vec::new();
    for (registration, uid) in Registration::ALL.into_iter().zip([0, 1, 1000, 65_534, u32::MAX]) {
        let user = User {
            uid,
            name: format!("grüße {uid}"),
            location: locations[uid as usize % 3],
            registration,
            defaults: Defaults::default(),
            guesses: Guesses { failed: u32::MAX - uid, last: i64::MIN + i64::from(uid) },
            login_guesses: Guesses { failed: uid / 2, last: i64::from(uid) },
            removal: removals[uid as usize % 4],
            created: i64::MAX - i64::from(uid),
            slots: uid.is_multiple_of(2).then(|| slots(uid)),
        };
        table.enrol(user.clone()).await.unwrap();
        users.push(user);
    }
    table = reopen(table, folder.path()).await;
    for user in users {
        assert_eq!(account(&table, user.uid).await.user, user);
        assert_eq!(table.user_by_name(&user.name).await.unwrap(), Some(user));
    }
    assert!(table.account(7).await.unwrap().is_none());
    assert!(table.user_by_name("nobody").await.unwrap().is_none());
}

#[tokio::test]
async fn every_field_of_a_key_is_read_back_in_order_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.register(user(1000), Vec::new()).await.unwrap();
    for (token, kind, _, _) in ELSEWHERE {
        let (token, name) = (TokenId::new(token), format!("'{token}'; --"));
        let token = EnrolledToken { id: token, kind, name, created: 7 };
        table.enrol_token(1000, token, Vec::new(), Vec::new(), None).await.unwrap();
    }
    let keys: Vec<Key> =
        (1..).zip(Algorithm::ALL).map(|(number, algorithm)| varied(number, algorithm)).collect();
    for key in &keys {
        table.insert_key(key.clone(), None).await.unwrap();
    }
    let table = reopen(table, folder.path()).await;
    let found = account(&table, 1000).await;
    let tokens: Vec<_> =
        found.tokens.iter().map(|token| (token.id.as_str(), token.kind, token.created)).collect();
    let expected =
        [("card:A", TokenKind::Card, 7), ("card:Z", TokenKind::Card, 7), ("phone:x", TokenKind::Phone, 7)];
    assert_eq!(tokens, expected, "of the same second, so by their ids");
    assert_eq!(found.tokens[0].name, "'card:A'; --");
    let read: Vec<String> = found.keys.iter().map(said).collect();
    assert_eq!(read, keys.iter().map(said).collect::<Vec<_>>());
    assert_eq!(table.count(1000).await.unwrap(), 14);
}

/// Places that are not local, two of them on one card.
const ELSEWHERE: [(&str, TokenKind, &str, PlacementState); 4] = [
    ("card:Z", TokenKind::Card, "9A", PlacementState::Writing),
    ("card:A", TokenKind::Card, "9A", PlacementState::Current),
    ("card:A", TokenKind::Card, "9D", PlacementState::Erasing),
    ("phone:x", TokenKind::Phone, "grün", PlacementState::Current),
];

/// Returns a key that differs from its neighbours in every field.
fn varied(number: u8, algorithm: Algorithm) -> Key {
    let usages = [Usage::default(), algorithm.usage(), Usage { sign: true, decrypt: true, derive: true }];
    let states = [KeyState::Current, KeyState::Retired, KeyState::Revoked];
    let mut key = key(1000, number);
    key.info =
        Arc::new(KeyInfo { algorithm, usage: usages[usize::from(number) % 3], ..KeyInfo::clone(&key.info) });
    key.state = states[usize::from(number / 2) % 3];
    key.confirm = [Confirm::Never, Confirm::Session, Confirm::Always][usize::from(number) % 3];
    key.last_used = number.is_multiple_of(2).then_some(-i64::from(number));
    key.label = if number < 4 { String::new() } else { format!("Schlüssel '{number}'; --") };
    key.certificates = (0..number % 4).map(certificate).collect();
    key.attestation = (0..number % 3).map(|number| certificate(number + 9)).collect();
    if key.state == KeyState::Revoked {
        key.placements.clear();
    } else {
        key.placements.extend(ELSEWHERE.map(|(token, kind, reference, state)| Placement {
            token: TokenId::new(token),
            kind,
            reference: reference.into(),
            state,
            record: (kind == TokenKind::Phone).then(|| record(number)),
        }));
    }
    key
}

#[tokio::test]
async fn an_account_has_its_own_keys_only() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    assert_eq!(account(&table, 1000).await.keys.iter().map(Key::id).collect::<Vec<_>>(), [id(1), id(2)]);
    assert_eq!(account(&table, 1001).await.keys.iter().map(Key::id).collect::<Vec<_>>(), [id(3)]);
}

#[tokio::test]
async fn users_come_page_by_page_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.enrol(User { registration: Registration::None, ..user(0) }).await.unwrap();
    table.enrol(user(u32::MAX)).await.unwrap();
    table.revoke_key(1000, id(1), 5).await.unwrap();

    let first = table.users(None, 3).await.unwrap();
    assert_eq!(first.iter().map(|user| user.uid).collect::<Vec<_>>(), [0, 1000, 1001]);
    assert_eq!(first.iter().map(|user| user.keys).collect::<Vec<_>>(), [0, 1, 1]);
    let rest = table.users(Some(1001), 3).await.unwrap();
    assert_eq!(rest.iter().map(|user| user.uid).collect::<Vec<_>>(), [u32::MAX]);
    assert!(table.users(Some(u32::MAX), 3).await.unwrap().is_empty());
    assert!(table.users(None, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_summary_says_what_the_row_says() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.set_guesses(1000, Guesses { failed: 3, last: 99 }).await.unwrap();
    let user = account(&table, 1000).await.user;
    let User { uid, name, location, registration, defaults, guesses, created, .. } = user;
    let expected = UserSummary {
        uid,
        name,
        location,
        registration,
        defaults,
        guesses,
        created,
        origin: Origin::Registered,
        keys: 2,
    };
    assert_eq!(table.users(None, 1).await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_row_keeps_its_first_origin() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.enrol(User { registration: Registration::None, ..user(1) }).await.unwrap();
    table.register(user(1), Vec::new()).await.unwrap();
    table.replace_account(user(2), Vec::new()).await.unwrap();
    table.register(user(3), Vec::new()).await.unwrap();
    let origins: Vec<Origin> =
        table.users(None, 9).await.unwrap().into_iter().map(|user| user.origin).collect();
    assert_eq!(origins, [Origin::Enrolled, Origin::Restored, Origin::Registered]);
}

#[tokio::test]
async fn statistics_count_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.enrol_token(1001, card('B'), Vec::new(), Vec::new(), None).await.unwrap();
    let phone = EnrolledToken { id: TokenId::new("phone:x"), kind: TokenKind::Phone, ..card('C') };
    table.enrol_token(1001, phone, Vec::new(), Vec::new(), None).await.unwrap();
    table.revoke_key(1000, id(1), 5).await.unwrap();
    let statistics = table.statistics().await.unwrap();
    assert_eq!((statistics.users, statistics.keys, statistics.archived), (2, 4, 1));
    assert_eq!((statistics.cards, statistics.phones), (2, 1));
    let size = std::fs::metadata(folder.path().join("table.db")).unwrap().len();
    assert_eq!(statistics.bytes, size, "the erasure has just written the log back");
}
