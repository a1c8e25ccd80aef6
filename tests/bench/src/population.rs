//! A table of a million users, written past the daemon: only how it starts on it is measured.

use std::path::Path;

use rusqlite::Connection;

use crate::error::Error;

/// Adds a million users to the table of a daemon that is stopped, each with a key and its placement.
pub(crate) fn add_a_million(state: &Path) -> Result<(), Error> {
    let mut db = Connection::open(state.join("table.db"))?;
    // Nobody minds if this file is lost.
    db.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "OFF")?;
    let transaction = db.transaction()?;
    transaction.execute_batch(
        "CREATE TEMP TABLE many AS
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
             SELECT i + 1000000 AS uid, printf('%032x', i) AS id, printf('user%07d', i) AS name FROM n;
         INSERT INTO user (uid, name, location, state, default_sign, guesses_failed, guesses_last, origin,
                           created, slots)
             SELECT uid, name, 'local', 'active', id, 0, 0, 'self', 1700000000, zeroblob(150) FROM many;
         INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created)
             SELECT id, uid, name, '', 'P-256', 'sign,derive', zeroblob(91), 'current', 1700000000 FROM many;
         INSERT INTO placement (key, token, kind, reference, state, record)
             SELECT id, 'local', 'local', id, 'current', zeroblob(220) FROM many;
         DROP TABLE many;",
    )?;
    transaction.commit()?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    Ok(())
}
