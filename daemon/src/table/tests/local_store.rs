use std::path::Path;

use claviger_core::{Defaults, Key, Registration, User};
use claviger_token::TokenKind;

use super::changes::{assert_exists, state_of};
use super::{account, card, card_key, id, key, on, reopen, said, slots, two_users, user, with_card};
use crate::table::{Existing, Table, TableError};

/// The user 1002 has an account that was made by enrolling the card K.
async fn with_card_account(folder: &Path) -> Table {
    let table = two_users(folder).await;
    table.register(card_user(), Vec::new()).await.unwrap();
    let defaults = Defaults { sign: Some(id(6)), ..Defaults::default() };
    table
        .enrol_token(1002, card('K'), vec![card_key(1002, 6, 'K')], Vec::new(), Some(defaults))
        .await
        .unwrap();
    table
}

fn card_user() -> User {
    User { location: TokenKind::Card, slots: None, ..user(1002) }
}

#[tokio::test]
async fn an_account_that_began_with_a_card_gets_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card_account(folder.path()).await;
    let defaults = Defaults { sign: Some(id(6)), derive: Some(id(7)), ..Defaults::default() };
    let keys = vec![key(1002, 7), key(1002, 8)];
    table.add_local_store(1002, slots(1002), keys, Some(defaults)).await.unwrap();

    let table = reopen(table, folder.path()).await;
    let found = account(&table, 1002).await;
    assert_eq!(found.user, User { slots: Some(slots(1002)), defaults, ..card_user() });
    let expected = [card_key(1002, 6, 'K'), key(1002, 7), key(1002, 8)].map(|key| said(&key));
    assert_eq!(found.keys.iter().map(said).collect::<Vec<_>>(), expected);
    table.forget_token(1002, &card('K').id, 5).await.unwrap();
    assert_eq!(account(&table, 1002).await.keys.len(), 2, "the local keys do not go with the card");
}

#[tokio::test]
async fn slots_alone_make_a_local_store_too() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card_account(folder.path()).await;
    table.set_slots(1002, slots(7), Registration::Active).await.unwrap();
    table.insert_key(key(1002, 7), None).await.unwrap();
    let found = account(&table, 1002).await;
    assert_eq!((found.user.slots, found.keys.len()), (Some(slots(7)), 2));
    assert_eq!(found.user.defaults.sign, Some(id(6)), "and nothing else changes");
}

#[tokio::test]
async fn a_second_local_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let before = state_of(&table).await;
    let again = table.add_local_store(1000, slots(9), vec![key(1000, 7)], None).await;
    assert_exists(again, &Existing::LocalStore(1000));
    assert_eq!(state_of(&table).await, before);
    let unknown = table.add_local_store(7, slots(9), vec![key(7, 7)], None).await;
    assert!(matches!(unknown, Err(TableError::NoSuchUser(7))), "{unknown:?}");
}

#[tokio::test]
async fn a_local_store_that_fails_leaves_the_account_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card_account(folder.path()).await;
    let before = format!("{:?}", account(&table, 1002).await);
    let same_label = Key { label: "label 6".into(), ..key(1002, 8) };
    let elsewhere = Key { placements: vec![on('A', "9A")], ..key(1002, 8) };
    let foreign = Defaults { sign: Some(id(3)), ..Defaults::default() };
    let cases = [
        (same_label, None),
        (elsewhere, None),
        (key(1001, 8), None),
        (key(1002, 6), None),
        (key(1002, 8), Some(foreign)),
    ];
    for (second, defaults) in cases {
        let keys = vec![key(1002, 7), second];
        let refused = table.add_local_store(1002, slots(1002), keys, defaults).await;
        assert!(refused.is_err());
        assert_eq!(format!("{:?}", account(&table, 1002).await), before, "{refused:?}");
    }
}
