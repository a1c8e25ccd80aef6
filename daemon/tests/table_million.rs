//! A table of a million users. It is alone in its process, so that what the process reads is what the table
//! reads.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::fs;
use std::path::Path;

use clavigerd::table::Table;
use rusqlite::Connection;

#[tokio::test]
async fn with_a_million_users_opening_and_looking_up_read_a_few_pages_only() {
    let folder = tempfile::tempdir().unwrap();
    Table::open(folder.path()).unwrap().close().await;
    let size = fill(&folder.path().join("table.db"));
    assert!(size > 300 << 20, "{size}");

    let before = bytes_read();
    let table = Table::open(folder.path()).unwrap();
    let opened = bytes_read() - before;
    assert!(opened < 100 << 10, "opening reads {opened} bytes of {size}");

    for uid in [0, 500_000, 999_999] {
        let before = bytes_read();
        let account = table.account(uid).await.unwrap().expect("the user is there");
        let read = bytes_read() - before;
        assert_eq!((account.user.name, account.keys.len()), (format!("user{uid}"), 1));
        assert_eq!((account.keys[0].placements.len(), account.tokens.len()), (2, 1));
        assert!(read < 100 << 10, "one account reads {read} bytes of {size}");
    }
    let before = bytes_read();
    assert_eq!(table.users(Some(700_000), 50).await.unwrap().len(), 50);
    assert!(table.user_by_name("user123456").await.unwrap().is_some());
    assert!(table.account(1_000_000).await.unwrap().is_none());
    let card = claviger_token::TokenId::new(format!("card:piv:{:032x}", 654_321));
    assert_eq!(table.token_owner(card).await.unwrap(), Some(654_321));
    let read = bytes_read() - before;
    assert!(read < 1 << 20, "a page of users reads {read} bytes of {size}");

    let before = bytes_read();
    assert_eq!(table.statistics().await.unwrap().users, 1_000_000);
    let read = bytes_read() - before;
    assert!(read > 1 << 20, "the control: what goes through the table is seen here ({read} bytes)");
}

/// Makes a million users with a key and a card each; returns the size of the database.
fn fill(path: &Path) -> u64 {
    let connection = Connection::open(path).unwrap();
    // Only the scene: it need not survive a crash.
    connection
        .execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;
            CREATE TEMP TABLE number (n INTEGER PRIMARY KEY);
            WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n < 999999)
                INSERT INTO number SELECT n FROM count;
            INSERT INTO user (uid, name, location, state, guesses_failed, guesses_last, origin, created, slots)
                SELECT n, 'user' || n, 'local', 'active', 0, 0, 'registered', 0, zeroblob(150) FROM number;
            INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created)
                SELECT printf('%032x', n), n, 'user' || n, '', 'P-256', 'sign,derive', zeroblob(91), 'current', 0
                FROM number;
            INSERT INTO placement (key, token, kind, reference, state, record)
                SELECT printf('%032x', n), 'local:' || n, 'local', '', 'current', zeroblob(170) FROM number;
            INSERT INTO token (id, uid, kind, name, created)
                SELECT printf('card:piv:%032x', n), n, 'card', 'PIV', 0 FROM number;
            INSERT INTO placement (key, token, kind, reference, state)
                SELECT printf('%032x', n), printf('card:piv:%032x', n), 'card', '9a', 'current' FROM number;",
        )
        .unwrap();
    drop(connection);
    fs::metadata(path).unwrap().len()
}

/// Returns how many bytes this process has read from files.
fn bytes_read() -> u64 {
    let text = fs::read_to_string("/proc/self/io").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    line.parse().unwrap()
}
