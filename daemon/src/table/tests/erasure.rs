use std::fs;
use std::path::Path;

use claviger_core::{Key, Placement, PlacementState, Registration};

use super::{account, card, id, key, on, open, record, slots, two_users, user};
use crate::table::Table;

/// Returns whether the bytes stand in any file of the folder.
pub(super) fn is_found(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let contents = fs::read(entry.unwrap().path()).unwrap();
        contents.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// Returns the start of a record: a long one does not lie in one piece.
fn start(number: u8) -> Vec<u8> {
    record(number)[..64].to_vec()
}

/// Checks what is found of the user 1000, whose records are 1 and 2, and that the rest is untouched.
fn assert_found(folder: &Path, first: bool, second: bool, slot: bool) {
    assert_eq!(is_found(folder, &start(1)), first, "the first record");
    assert_eq!(is_found(folder, &start(2)), second, "the second record");
    assert_eq!(is_found(folder, &slots(1000)), slot, "the slots");
    assert!(is_found(folder, &start(3)), "the record of another user");
}

/// Returns a table that was closed once, so that erased bytes would stand in the database, and in which the
/// records then went through the log again.
async fn settled(folder: &Path) -> Table {
    two_users(folder).await.close().await;
    let table = open(folder);
    for number in [1, 2] {
        table.set_label(1000, id(number), "").await.unwrap();
    }
    table.set_slots(1000, slots(1000), Registration::Active).await.unwrap();
    table
}

#[tokio::test]
async fn the_bytes_of_a_deleted_key_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = settled(folder.path()).await;
    assert_found(folder.path(), true, true, true);
    table.delete_key(1000, id(1)).await.unwrap();
    assert_found(folder.path(), false, true, true);
}

#[tokio::test]
async fn the_bytes_of_a_key_that_never_left_the_log_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.insert_key(key(1000, 4), None).await.unwrap();
    assert!(is_found(folder.path(), &start(4)), "the control");
    assert!(!fs::read(folder.path().join("table.db")).unwrap().windows(64).any(|window| window == start(4)));
    table.delete_key(1000, id(4)).await.unwrap();
    assert!(!is_found(folder.path(), &start(4)));
}

#[tokio::test]
async fn the_bytes_of_a_small_record_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    let needle = b"<a record that lies within its row>";
    let mut small = key(1000, 4);
    small.placements[0].record = Some(needle.as_slice().into());
    table.insert_key(small, None).await.unwrap();
    table.close().await;
    let table = open(folder.path());
    assert!(is_found(folder.path(), needle), "the control");
    table.delete_key(1000, id(4)).await.unwrap();
    assert!(!is_found(folder.path(), needle));
}

#[tokio::test]
async fn the_bytes_of_a_revoked_key_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = settled(folder.path()).await;
    assert_found(folder.path(), true, true, true);
    table.revoke_key(1000, id(2), 9).await.unwrap();
    assert_found(folder.path(), true, false, true);
}

#[tokio::test]
async fn the_bytes_of_a_record_that_moved_away_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = settled(folder.path()).await;
    table.enrol_token(1000, card('A'), Vec::new(), vec![(id(1), on('A', "9A"))], None).await.unwrap();
    let local = account(&table, 1000).await.keys[0].placements[0].clone();
    assert_found(folder.path(), true, true, true);
    table.remove_placement(1000, id(1), &local.token).await.unwrap();
    assert_found(folder.path(), false, true, true);

    let erasing = Placement { state: PlacementState::Erasing, record: None, ..local };
    table.add_placement(1000, id(2), erasing).await.unwrap();
    assert_found(folder.path(), false, false, true);
}

#[tokio::test]
async fn the_bytes_of_a_record_on_a_forgotten_token_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = settled(folder.path()).await;
    let there = |number| Placement { record: Some(record(number)), ..on('A', "9A") };
    let only_there = Key { placements: vec![there(8)], ..key(1000, 8) };
    table.enrol_token(1000, card('A'), vec![only_there], vec![(id(1), there(9))], None).await.unwrap();
    assert!(is_found(folder.path(), &start(8)) && is_found(folder.path(), &start(9)), "the control");
    table.forget_token(1000, &card('A').id, 5).await.unwrap();
    assert!(!is_found(folder.path(), &start(8)) && !is_found(folder.path(), &start(9)));
    assert_found(folder.path(), true, true, true);
}

#[tokio::test]
async fn replaced_slots_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = settled(folder.path()).await;
    assert_found(folder.path(), true, true, true);
    table.set_slots(1000, slots(7), Registration::Active).await.unwrap();
    assert_found(folder.path(), true, true, false);
    assert!(is_found(folder.path(), &slots(7)));
    table.set_registration(1000, Registration::None, None).await.unwrap();
    assert!(!is_found(folder.path(), &slots(7)));
}

#[tokio::test]
async fn nothing_of_a_revoked_or_removed_or_replaced_account_is_in_any_file() {
    for ending in ["revoked", "removed", "replaced", "registered anew"] {
        let folder = tempfile::tempdir().unwrap();
        let table = settled(folder.path()).await;
        assert_found(folder.path(), true, true, true);
        let mut other = user(1000);
        other.slots = Some(slots(8));
        match ending {
            "revoked" => table.revoke_user(1000, 9).await.unwrap(),
            "removed" => table.remove_user(1000, 9).await.unwrap(),
            "replaced" => table.replace_account(other, vec![key(1000, 5)]).await.unwrap(),
            _ => {
                table.set_registration(1000, Registration::None, None).await.unwrap();
                table.register(other, vec![key(1000, 5)]).await.unwrap();
            }
        }
        assert_found(folder.path(), false, false, false);
        assert_eq!(account(&table, 1001).await.keys.iter().map(Key::id).collect::<Vec<_>>(), [id(3)]);
    }
}
