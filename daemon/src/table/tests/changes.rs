use claviger_core::{Defaults, Guesses, Key, KeyState, Registration, User};
use claviger_token::TokenKind;

use super::{account, id, key, open, reopen, said, slots, two_users, user};
use crate::table::{Archived, Ending, Existing, Table, TableError};

/// The public half of a key as the archive has it.
pub(super) fn archived(key: &Key, ended: i64, ending: Ending) -> Archived {
    Archived {
        info: (*key.info).clone(),
        uid: key.binding.uid,
        user_name: key.binding.user_name.clone(),
        label: key.label.clone(),
        created: key.binding.created,
        ended,
        ending,
    }
}

#[tokio::test]
async fn each_setting_changes_that_field_alone_and_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let mut expected = account(&table, 1000).await.user;
    let other = account(&table, 1001).await.user;

    expected.guesses = Guesses { failed: 4, last: -9 };
    table.set_guesses(1000, expected.guesses).await.unwrap();
    expected.location = TokenKind::Phone;
    table.set_location(1000, expected.location).await.unwrap();
    expected.defaults = Defaults { decrypt: Some(id(2)), authenticate: Some(id(1)), ..Defaults::default() };
    table.set_defaults(1000, expected.defaults).await.unwrap();
    expected.registration = Registration::Pending;
    expected.slots = Some(slots(7));
    table.set_slots(1000, slots(7), Registration::Pending).await.unwrap();

    let table = reopen(table, folder.path()).await;
    assert_eq!(account(&table, 1000).await.user, expected);
    assert_eq!(account(&table, 1001).await.user, other);

    table.set_registration(1000, Registration::None, None).await.unwrap();
    let user = account(&table, 1000).await.user;
    assert_eq!(user, User { registration: Registration::None, slots: None, ..expected });
}

#[tokio::test]
async fn a_user_who_is_not_there_cannot_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let missing = |result: Result<(), TableError>| matches!(result, Err(TableError::NoSuchUser(7)));
    assert!(missing(table.set_guesses(7, Guesses::default()).await));
    assert!(missing(table.set_location(7, TokenKind::Card).await));
    assert!(missing(table.set_defaults(7, Defaults::default()).await));
    assert!(missing(table.set_slots(7, slots(7), Registration::Active).await));
    assert!(missing(table.set_registration(7, Registration::None, None).await));
    assert!(missing(table.revoke_user(7, 0).await));
    assert!(missing(table.remove_user(7, 0).await));
    assert!(missing(table.insert_key(key(7, 9), None).await));
    assert_eq!(table.count(7).await.unwrap(), 0);
}

#[tokio::test]
async fn a_foreign_key_is_no_such_key() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    for (uid, number) in [(1001, 1), (1000, 3), (1000, 9), (7, 1)] {
        let missing = |result: Result<(), TableError>| {
            assert!(matches!(result, Err(TableError::NoSuchKey(key)) if key == id(number)), "{uid} {number}");
        };
        missing(table.set_label(uid, id(number), "mine").await);
        missing(table.delete_key(uid, id(number)).await);
        missing(table.revoke_key(uid, id(number), 5).await);
        missing(table.set_defaults(uid, Defaults { sign: Some(id(number)), ..Defaults::default() }).await);
    }
    assert_eq!(table.statistics().await.unwrap().keys, 3);
}

#[tokio::test]
async fn enrolling_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.enrol(user(1000)).await.unwrap();
    assert_exists(table.enrol(User { name: "other".into(), ..user(1000) }).await, &Existing::User(1000));
    let namesake = User { name: "user1000".into(), ..user(1001) };
    assert_exists(table.enrol(namesake.clone()).await, &Existing::UserName("user1000".into()));
    assert_exists(table.register(namesake, Vec::new()).await, &Existing::UserName("user1000".into()));
    assert_eq!(table.statistics().await.unwrap().users, 1);
}

pub(super) fn assert_exists(result: Result<(), TableError>, expected: &Existing) {
    match result {
        Err(TableError::AlreadyExists(existing)) => assert_eq!(existing, *expected),
        other => panic!("{other:?} is not {expected:?}"),
    }
}

#[tokio::test]
async fn a_second_registration_is_refused_while_one_stands() {
    use Registration::{Active, Applied, Pending};
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    for standing in [Applied, Pending, Active] {
        table.set_slots(1000, slots(1000), standing).await.unwrap();
        let again = table.register(user(1000), vec![key(1000, 9)]).await;
        assert_exists(again, &Existing::Registration(standing));
    }
    assert_eq!(account(&table, 1000).await.keys.len(), 2);
}

#[tokio::test]
async fn registering_anew_archives_the_keys_of_the_revoked_registration() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.revoke_user(1000, 500).await.unwrap();
    let again = User { name: "renamed".into(), created: 9, ..user(1000) };
    table.register(again.clone(), vec![key(1000, 4)]).await.unwrap();

    let found = account(&table, 1000).await;
    assert_eq!(found.user, again);
    assert_eq!(found.keys.iter().map(said).collect::<Vec<_>>(), [said(&key(1000, 4))]);
    let kept = [1, 2].map(|number| archived(&key(1000, number), 500, Ending::Revoked));
    assert_eq!(table.archived(1000).await.unwrap(), kept, "once each, with the time of the revocation");
}

#[tokio::test]
async fn registering_over_a_void_application_archives_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.set_registration(1000, Registration::None, None).await.unwrap();
    table.register(user(1000), vec![key(1000, 4)]).await.unwrap();
    let kept = table.archived(1000).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.info.id).collect::<Vec<_>>(), [id(1), id(2)]);
    assert!(kept.iter().all(|kept| kept.ending == Ending::Replaced && kept.ended > 1_700_000_000));
}

#[tokio::test]
async fn a_registration_that_fails_leaves_the_account_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.revoke_user(1000, 500).await.unwrap();
    let before = state_of(&table).await;
    // The third key is another user's; the first two were written before it.
    let keys = vec![key(1000, 4), key(1000, 5), key(1000, 3)];
    assert_exists(table.register(user(1000), keys).await, &Existing::Key(id(3)));
    let defaults = Defaults { sign: Some(id(3)), ..Defaults::default() };
    let refused = table.register(User { defaults, ..user(1000) }, vec![key(1000, 4)]).await;
    assert!(matches!(refused, Err(TableError::NoSuchKey(key)) if key == id(3)));
    let refused = table.replace_account(user(1001), vec![key(1000, 4)]).await;
    assert!(matches!(refused, Err(TableError::NotTheUsersKey(key)) if key == id(4)));
    assert_eq!(state_of(&table).await, before);
}

/// Everything in the table, for "nothing changed".
pub(super) async fn state_of(table: &Table) -> String {
    let mut state = String::new();
    for uid in [1000, 1001] {
        state +=
            &format!("{:?} {:?}\n", table.account(uid).await.unwrap(), table.archived(uid).await.unwrap());
    }
    state
}

#[tokio::test]
async fn a_restored_account_is_exactly_the_backup() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let backup = User {
        slots: Some(slots(8)),
        defaults: Defaults { sign: Some(id(2)), ..Defaults::default() },
        guesses: Guesses { failed: 1, last: 2 },
        ..user(1000)
    };
    let keys = vec![key(1000, 2), key(1000, 6)];
    table.replace_account(backup.clone(), keys.clone()).await.unwrap();

    let found = account(&table, 1000).await;
    assert_eq!(found.user, backup);
    assert_eq!(found.keys.iter().map(said).collect::<Vec<_>>(), keys.iter().map(said).collect::<Vec<_>>());
    let kept: Vec<_> = table.archived(1000).await.unwrap().into_iter().map(|kept| kept.info.id).collect();
    assert_eq!(kept, [id(1)], "only the key that is not in the backup");
    assert_eq!(account(&table, 1001).await.keys.len(), 1);
}

#[tokio::test]
async fn a_key_comes_with_its_defaults_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let defaults = Defaults { sign: Some(id(4)), derive: Some(id(1)), ..Defaults::default() };
    table.insert_key(key(1000, 4), Some(defaults)).await.unwrap();
    assert_eq!(account(&table, 1000).await.user.defaults, defaults);

    let foreign = Defaults { sign: Some(id(3)), ..Defaults::default() };
    let refused = table.insert_key(key(1000, 5), Some(foreign)).await;
    assert!(matches!(refused, Err(TableError::NoSuchKey(_))));
    let found = account(&table, 1000).await;
    assert_eq!((found.keys.len(), found.user.defaults), (3, defaults));
}

#[tokio::test]
async fn a_label_is_unique_among_the_current_keys_of_one_user() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let taken = Existing::Label("label 1".into());
    let named = |number, label: &str| Key { label: label.into(), ..key(1000, number) };
    assert_exists(table.insert_key(named(4, "label 1"), None).await, &taken);
    assert_exists(table.set_label(1000, id(2), "label 1").await, &taken);
    assert_exists(table.insert_key(key(1000, 3), None).await, &Existing::Key(id(3)));

    table.set_label(1000, id(1), "label 1").await.expect("its own label is no obstacle");
    table.set_label(1001, id(3), "label 1").await.expect("another user's label is none either");
    for number in [4, 5] {
        table.insert_key(named(number, ""), None).await.expect("any number may be nameless");
    }
    let retired = Key { state: KeyState::Retired, ..named(6, "label 1") };
    table.insert_key(retired, None).await.expect("a retired key shares it with its successor");
    table.revoke_key(1000, id(1), 5).await.unwrap();
    table.set_label(1000, id(2), "label 1").await.expect("a revoked key gives it up");
    table.set_label(1000, id(1), "label 2").await.expect("and takes none away");
    assert_eq!(account(&table, 1000).await.keys[1].label, "label 1");
}

#[tokio::test]
async fn a_deleted_key_is_gone_from_the_defaults_too() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let both = Defaults { sign: Some(id(1)), authenticate: Some(id(1)), derive: Some(id(2)), decrypt: None };
    table.set_defaults(1000, both).await.unwrap();
    table.delete_key(1000, id(1)).await.unwrap();
    let found = account(&table, 1000).await;
    assert_eq!(found.keys.iter().map(Key::id).collect::<Vec<_>>(), [id(2)]);
    assert_eq!(found.user.defaults, Defaults { derive: Some(id(2)), ..Defaults::default() });
    assert!(matches!(table.delete_key(1000, id(1)).await, Err(TableError::NoSuchKey(_))));
}

#[tokio::test]
async fn a_revoked_key_keeps_its_public_half_with_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.revoke_key(1000, id(1), 777).await.unwrap();
    table.revoke_key(1000, id(1), 888).await.expect("revoking again changes nothing");

    let found = account(&table, 1000).await;
    let revoked = Key { state: KeyState::Revoked, placements: Vec::new(), ..key(1000, 1) };
    assert_eq!(said(&found.keys[0]), said(&revoked));
    assert_eq!(said(&found.keys[1]), said(&key(1000, 2)));
    assert_eq!(found.user.defaults, Defaults { derive: Some(id(2)), ..Defaults::default() });
    assert_eq!(table.archived(1000).await.unwrap(), [archived(&key(1000, 1), 777, Ending::Revoked)]);

    table.delete_key(1000, id(1)).await.unwrap();
    assert_eq!(table.archived(1000).await.unwrap().len(), 1, "the archive outlives the row");
}

#[tokio::test]
async fn a_revoked_user_keeps_public_halves_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let before = account(&table, 1000).await.user;
    table.revoke_key(1000, id(1), 300).await.unwrap();
    table.revoke_user(1000, 500).await.unwrap();

    let found = account(&table, 1000).await;
    let expected =
        User { registration: Registration::Revoked, slots: None, defaults: Defaults::default(), ..before };
    assert_eq!(found.user, expected);
    assert!(found.keys.iter().all(|key| key.state == KeyState::Revoked && key.placements.is_empty()));
    let kept = [archived(&key(1000, 1), 300, Ending::Revoked), archived(&key(1000, 2), 500, Ending::Revoked)];
    assert_eq!(table.archived(1000).await.unwrap(), kept);
    assert_eq!(said(&account(&table, 1001).await.keys[0]), said(&key(1001, 3)));
}

#[tokio::test]
async fn a_removed_user_leaves_the_public_halves() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.remove_user(1000, 600).await.unwrap();
    assert!(table.account(1000).await.unwrap().is_none());
    let kept = [1, 2].map(|number| archived(&key(1000, number), 600, Ending::Removed));
    assert_eq!(table.archived(1000).await.unwrap(), kept);
    table.enrol(User { uid: 5, ..user(1000) }).await.expect("the name is free again");
}

#[tokio::test]
async fn a_key_that_came_revoked_with_a_backup_is_archived_when_it_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let revoked = Key { state: KeyState::Revoked, placements: Vec::new(), ..key(1000, 1) };
    table.replace_account(user(1000), vec![revoked.clone()]).await.unwrap();
    table.remove_user(1000, 600).await.unwrap();
    assert_eq!(table.archived(1000).await.unwrap(), [archived(&revoked, 600, Ending::Removed)]);
}

#[tokio::test]
async fn last_use_never_goes_back_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table
        .touch(vec![(id(1), 100), (id(3), 50), (id(9), 70)])
        .await
        .expect("a key that is gone is passed over");
    table.touch(vec![(id(1), 90), (id(3), 60)]).await.unwrap();
    table.touch(Vec::new()).await.unwrap();
    let used =
        |account: crate::table::Account| account.keys.iter().map(|key| key.last_used).collect::<Vec<_>>();
    assert_eq!(used(account(&table, 1000).await), [Some(100), None]);
    assert_eq!(used(account(&table, 1001).await), [Some(60)]);
}
