use std::fs;
use std::path::Path;

use claviger_core::Guesses;

use super::bindings::binding;
use super::{account, card, certificate, id, key, on, open, raw, two_users, user};
use crate::table::store::DATABASE;
use crate::table::{Damage, Table, TableError};

/// Each damage to a row, and what the message must name.
const DAMAGES: [(&str, &str, &str); 31] = [
    ("UPDATE user SET state = 'fly' WHERE uid = 1000", "user", "1000"),
    ("UPDATE user SET location = '' WHERE uid = 1000", "user", "1000"),
    ("UPDATE user SET default_sign = 'x' WHERE uid = 1000", "user", "1000"),
    ("UPDATE user SET guesses_failed = -1 WHERE uid = 1000", "user", "1000"),
    ("UPDATE user SET login_guesses_failed = -1 WHERE uid = 1000", "user", "1000"),
    ("UPDATE user SET removal = 'fly' WHERE uid = 1000", "user", "1000"),
    ("UPDATE user SET name = CAST(x'ff' AS TEXT) WHERE uid = 1000", "user", "1000"),
    ("UPDATE key SET algorithm = 'DES' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET usage = 'sign,fly' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET state = 'CURRENT' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET state = 'revoked' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET id = 'short' WHERE label = 'label 1'", "key", "short"),
    ("UPDATE key SET label = CAST(x'ff' AS TEXT) WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET confirm = 'ALWAYS' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE placement SET kind = 'cloud' WHERE token = 'local:1000'", "placement", FIRST),
    ("UPDATE placement SET state = 'lost' WHERE token = 'local:1000'", "placement", FIRST),
    ("UPDATE placement SET token = CAST(x'ff' AS TEXT) WHERE token = 'local:1000'", "placement", FIRST),
    ("UPDATE key SET certificates = x'' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET certificates = x'30' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET certificates = x'300302010100' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET certificates = substr(certificates, 1, 9) WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET certificates = substr(certificates, 2) WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET certificates = zeroblob(300000) WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE key SET attestation = x'30820001ff' WHERE label = 'label 1'", "key", FIRST),
    ("UPDATE token SET kind = 'cloud'", "token", "card:A"),
    ("UPDATE token SET name = CAST(x'ff' AS TEXT)", "token", "card:A"),
    ("UPDATE token SET kind = 'phone'", "placement", FIRST),
    ("UPDATE token SET id = 'card:B'", "placement", FIRST),
    ("UPDATE token SET uid = 1001", "placement", FIRST),
    ("UPDATE placement SET token = 'card:B' WHERE token = 'card:A'", "placement", FIRST),
    ("DELETE FROM token", "placement", FIRST),
];
const FIRST: &str = "01010101010101010101010101010101";

async fn damaged(folder: &Path, damage: &str) -> Table {
    let table = two_users(folder).await;
    let placements = vec![(id(1), on('A', "9A"))];
    table.enrol_token(1000, card('A'), Vec::new(), placements, None).await.unwrap();
    table.set_certificates(1000, id(1), vec![certificate(1), certificate(2)]).await.unwrap();
    table.close().await;
    let connection = raw(folder);
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    // One row where the statement would hit two that may not be equal.
    assert!(connection.execute(damage, []).unwrap() > 0, "{damage}");
    drop(connection);
    open(folder)
}

#[tokio::test]
async fn a_damaged_row_is_named_and_other_users_are_not_touched_by_it() {
    for (damage, table_name, row_name) in DAMAGES {
        let folder = tempfile::tempdir().unwrap();
        let table = damaged(folder.path(), damage).await;
        let error = table.account(1000).await.expect_err(damage);
        let TableError::StoreCorrupt { damage: Damage::Row { table: found, row, .. }, .. } = &error else {
            panic!("{damage}: {error:?}");
        };
        assert_eq!((*found, row.as_str()), (table_name, row_name), "{damage}");
        let text = error.to_string();
        assert!(text.contains(table_name) && text.contains(row_name) && text.contains("backup"), "{text}");
        assert_eq!(account(&table, 1001).await.keys.len(), 1, "{damage}");
        let listed = table.users(None, 10).await.unwrap();
        assert!(listed.iter().any(|user| user.uid == 1001), "{damage}");
    }
}

#[tokio::test]
async fn a_damaged_account_can_be_restored_from_a_backup_or_removed() {
    for (damage, ..) in DAMAGES {
        let folder = tempfile::tempdir().unwrap();
        let table = damaged(folder.path(), damage).await;
        table.replace_account(user(1000), vec![key(1000, 1)]).await.expect(damage);
        assert_eq!(account(&table, 1000).await.user, user(1000));

        let folder = tempfile::tempdir().unwrap();
        let table = damaged(folder.path(), damage).await;
        table.remove_user(1000, 5).await.expect(damage);
        assert!(table.account(1000).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_page_of_users_is_full_though_damaged_rows_lie_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    for uid in 0..6 {
        table.enrol(user(uid)).await.unwrap();
    }
    table.close().await;
    raw(folder.path()).execute_batch("UPDATE user SET state = 'fly' WHERE uid IN (0, 2)").unwrap();
    let table = open(folder.path());
    let page: Vec<u32> = table.users(None, 3).await.unwrap().iter().map(|user| user.uid).collect();
    assert_eq!(page, [1, 3, 4]);
}

#[tokio::test]
async fn damage_in_the_archive_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.revoke_user(1000, 5).await.unwrap();
    table.close().await;
    raw(folder.path()).execute_batch("UPDATE archive SET ending = 'fly'").unwrap();
    let error = open(folder.path()).archived(1000).await.expect_err("it is damaged");
    assert!(
        matches!(&error, TableError::StoreCorrupt { damage: Damage::Row { table: "archive", row, .. }, .. }
            if row == FIRST),
        "{error:?}"
    );
}

fn assert_file_damaged(folder: &Path) {
    let error = Table::open(folder).err().expect("it is damaged");
    assert!(matches!(&error, TableError::StoreCorrupt { damage: Damage::File(_), .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(DATABASE) && text.contains("damaged") && text.contains("backup"), "{text}");
}

#[tokio::test]
async fn a_damaged_header_is_named() {
    let folder = tempfile::tempdir().unwrap();
    two_users(folder.path()).await.close().await;
    let path = folder.path().join(DATABASE);
    let sound = fs::read(&path).unwrap();
    for contents in [b"no database at all, but a text that is longer than the header is. ".repeat(9), {
        let mut damaged = sound.clone();
        damaged[3] ^= 0x40;
        damaged
    }] {
        fs::write(&path, &contents).unwrap();
        assert_file_damaged(folder.path());
        assert_eq!(fs::read(&path).unwrap(), contents, "what is damaged is not made worse");
    }
    fs::write(&path, &sound).unwrap();
    assert_eq!(account(&open(folder.path()), 1000).await.keys.len(), 2);
}

#[tokio::test]
async fn a_file_that_was_cut_is_named_or_still_read() {
    let folder = tempfile::tempdir().unwrap();
    two_users(folder.path()).await.close().await;
    let path = folder.path().join(DATABASE);
    let sound = fs::read(&path).unwrap();
    let mut named = 0;
    for length in (1..sound.len()).step_by(1021) {
        fs::write(&path, &sound[..length]).unwrap();
        named += usize::from(work_through(folder.path()).await);
    }
    assert!(named > sound.len() / 1021 / 2, "{named}");
}

#[tokio::test]
async fn flipped_bytes_anywhere_end_no_process_and_damaged_pages_are_named() {
    let folder = tempfile::tempdir().unwrap();
    two_users(folder.path()).await.close().await;
    let path = folder.path().join(DATABASE);
    let sound = fs::read(&path).unwrap();
    let page = usize::from(u16::from_be_bytes([sound[16], sound[17]]));
    // Every byte of the file's header, and of each page its head and some bytes of its body.
    let heads = (0..sound.len())
        .step_by(page)
        .flat_map(|start| (start..start + 16).chain([start + page / 2, start + page - 9]));
    let mut named = 0;
    for offset in (0..100).chain(heads) {
        let mut damaged = sound.clone();
        damaged[offset] ^= 0xa5;
        fs::write(&path, &damaged).unwrap();
        named += usize::from(work_through(folder.path()).await);
    }
    assert!(named > 20, "{named}");
}

/// Does one of everything; returns true if damage was named. Whatever else comes must be an error, too.
async fn work_through(folder: &Path) -> bool {
    let table = match Table::open(folder) {
        Ok(table) => table,
        Err(error) => return is_damage(&error),
    };
    let errors = [
        table.account(1000).await.err(),
        table.account(1001).await.err(),
        table.user_by_name("user1000").await.err(),
        table.users(None, 10).await.err(),
        table.archived(1000).await.err(),
        table.statistics().await.err(),
        table.set_guesses(1000, Guesses { failed: 1, last: 1 }).await.err(),
        table.insert_key(key(1000, 9), None).await.err(),
        table.delete_key(1000, id(1)).await.err(),
        table.token_owner(card('B').id).await.err(),
        table.enrol_token(1000, card('B'), Vec::new(), vec![(id(2), on('B', "9A"))], None).await.err(),
        table.set_certificates(1000, id(2), vec![certificate(1)]).await.err(),
        table.put_binding(binding("1", 1000, "local:1000")).await.err(),
        table.bindings().await.err(),
        table.forget_token(1000, &card('B').id, 5).await.err(),
        table.revoke_user(1000, 5).await.err(),
        table.remove_user(1000, 5).await.err(),
    ];
    assert!(!matches!(table.count(1001).await, Err(TableError::Stopped)), "the thread has died");
    table.close().await;
    errors.iter().flatten().any(is_damage)
}

fn is_damage(error: &TableError) -> bool {
    matches!(error, TableError::StoreCorrupt { .. })
}
