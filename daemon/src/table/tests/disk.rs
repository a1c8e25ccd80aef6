use std::fs;
use std::io::Write;
use std::path::Path;

use super::{Mount, account, id, key, open, raw, record, reopen, said, user};
use crate::table::{Table, TableError};

/// Takes all the room there is but for `spare` bytes.
fn fill(folder: &Path, spare: u64) {
    let mut ballast = fs::File::create(folder.join("ballast")).unwrap();
    while let Ok(written) = ballast.write(&[1; 4096]) {
        assert!(written > 0);
    }
    let size = ballast.metadata().unwrap().len();
    ballast.set_len(size - spare).unwrap();
}

fn make_room(folder: &Path) {
    fs::remove_file(folder.join("ballast")).unwrap();
}

/// Inserts keys until that fails; returns how many there are and why there are no more.
async fn insert_until_it_fails(table: &Table) -> (u8, TableError) {
    for number in 1..=u8::MAX {
        if let Err(error) = table.insert_key(key(1000, number), None).await {
            return (number - 1, error);
        }
    }
    panic!("the disk does not fill up");
}

#[tokio::test]
async fn a_full_disk_is_named_and_leaves_what_was_there() {
    let mount = Mount::of_one_mebibyte();
    let table = open(mount.path());
    table.register(user(1000), Vec::new()).await.unwrap();
    let (inserted, error) = insert_until_it_fails(&table).await;
    assert!(matches!(&error, TableError::StoreFull { path } if path.ends_with("table.db")), "{error:?}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert!(inserted > 10, "{inserted}");

    // Read on, and again after a restart on the still full disk.
    let expected: Vec<String> = (1..=inserted).map(|number| said(&key(1000, number))).collect();
    let read = |account: crate::table::Account| account.keys.iter().map(said).collect::<Vec<_>>();
    assert_eq!(read(account(&table, 1000).await), expected);
    let table = reopen(table, mount.path()).await;
    assert_eq!(read(account(&table, 1000).await), expected);
    table.close().await;
    let connection = raw(mount.path());
    // Otherwise it wants a shared-memory file, for which there is no room.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[tokio::test]
async fn once_there_is_room_again_work_goes_on() {
    let mount = Mount::of_one_mebibyte();
    let table = open(mount.path());
    table.register(user(1000), Vec::new()).await.unwrap();
    fill(mount.path(), 100_000);
    let (inserted, error) = insert_until_it_fails(&table).await;
    assert!(matches!(error, TableError::StoreFull { .. }), "{error:?}");
    make_room(mount.path());
    table.insert_key(key(1000, inserted + 1), None).await.expect("the same key as before");
    assert_eq!(table.count(1000).await.unwrap(), u32::from(inserted) + 1);
}

#[tokio::test]
async fn a_table_cannot_be_made_on_a_full_disk() {
    let mount = Mount::of_one_mebibyte();
    fill(mount.path(), 0);
    assert!(matches!(Table::open(mount.path()).err(), Some(TableError::StoreFull { .. })));
    make_room(mount.path());
    open(mount.path()).close().await;
}

/// The deletion stands though the log could not be written back, and the bytes go as soon as they can.
#[tokio::test]
async fn an_erasure_that_a_full_disk_stopped_is_finished_by_the_next_write() {
    let mount = Mount::of_one_mebibyte();
    let table = open(mount.path());
    table.register(user(1000), Vec::new()).await.unwrap();
    for number in 1..=10 {
        table.insert_key(key(1000, number), None).await.unwrap();
    }
    // Room for the deletion in the log, but not for all the log's pages in the database.
    fill(mount.path(), 120_000);
    table.delete_key(1000, id(1)).await.expect("the deletion itself is done");
    assert_eq!(table.count(1000).await.unwrap(), 9);
    assert!(is_found(mount.path(), &record(1)), "the control: the log still has it");

    make_room(mount.path());
    table.set_label(1000, id(2), "any write").await.unwrap();
    assert!(!is_found(mount.path(), &record(1)));
    assert!(is_found(mount.path(), &record(2)));
}

/// Looks for the start of a record: a long one does not lie in one piece.
fn is_found(folder: &Path, record: &[u8]) -> bool {
    super::erasure::is_found(folder, &record[..64])
}

#[tokio::test]
async fn a_read_only_disk_is_named() {
    let mount = Mount::of_one_mebibyte();
    open(&mount.path().join("state")).close().await;
    mount.make_read_only();
    for folder in ["state", "new"] {
        let error = Table::open(&mount.path().join(folder)).err().expect("it cannot be written");
        assert!(matches!(&error, TableError::ReadOnly { .. }), "{folder}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("read-only") && text.contains(mount.path().to_str().unwrap()), "{text}");
    }
}
