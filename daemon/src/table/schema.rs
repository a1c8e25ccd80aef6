use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;

/// The schema, version by version: `STEPS[n - 1]` brings version n - 1 to version n.
///
/// A step that was released is never changed; a new version is a new step, with a new fixture in
/// `tests/migration.rs`. Ids, states and kinds are text, so that an administrator can look with `sqlite3`.
pub(super) const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/// In what way a database is not one that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It belongs to another program.
    Foreign,
    /// It was written by a newer version.
    TooNew {
        /// Its version.
        found: i64,
    },
}

/// Brings the database to the newest version of `steps`; each step is one transaction. It goes forward only.
///
/// `steps` is an argument so that a test can take a database through versions that are still to come.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<Result<(), Misfit>, Fault> {
    let version = match version(connection, steps.len())? {
        Ok(version) => version,
        Err(misfit) => return Ok(Err(misfit)),
    };
    for (step, next) in steps.iter().zip(1_i64..).skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", next)?;
        transaction.commit()?;
    }
    Ok(Ok(()))
}

/// Returns how many steps the database has taken: none where it is new and empty.
fn version(connection: &Connection, known: usize) -> Result<Result<usize, Misfit>, Fault> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, found) = (number("application_id")?, number("user_version")?);
    let schema: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && found == 0 && schema == 0 {
        return Ok(Ok(0));
    }
    if application != APPLICATION_ID {
        return Ok(Err(Misfit::Foreign));
    }
    // A table of ours has at least version 1: both numbers are set in one transaction.
    match usize::try_from(found) {
        Ok(version) if version > known => Ok(Err(Misfit::TooNew { found })),
        Ok(version) if version > 0 => Ok(Ok(version)),
        _ => Ok(Err(Misfit::Foreign)),
    }
}

/// "clvg": `file` and SQLite's own list tell programs apart by it.
pub(super) const APPLICATION_ID: i64 = 0x636c_7667;

/// Users, keys, where they stand, and the public halves of those that are gone.
///
/// - `user.removal` is empty where the user has not said what happens on removal: the system's default.
/// - A label is unique among the current keys of a user: a retired key shares it with its successor.
/// - `archive` refers to nothing: it outlives users and keys.
const VERSION_1: &str = "
CREATE TABLE user (
    uid                  INTEGER PRIMARY KEY,
    name                 TEXT    NOT NULL UNIQUE,
    location             TEXT    NOT NULL,
    state                TEXT    NOT NULL,
    default_sign         TEXT,
    default_decrypt      TEXT,
    default_derive       TEXT,
    default_authenticate TEXT,
    guesses_failed       INTEGER NOT NULL,
    guesses_last         INTEGER NOT NULL,
    removal              TEXT,
    origin               TEXT    NOT NULL,
    created              INTEGER NOT NULL,
    slots                BLOB
) STRICT;

CREATE TABLE key (
    number     INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    uid        INTEGER NOT NULL REFERENCES user (uid),
    user_name  TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    usage      TEXT    NOT NULL,
    public_key BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    last_used  INTEGER
) STRICT;
CREATE INDEX key_of_user ON key (uid);
CREATE UNIQUE INDEX key_label ON key (uid, label) WHERE label <> '' AND state = 'current';

CREATE TABLE placement (
    number    INTEGER PRIMARY KEY,
    key       TEXT    NOT NULL REFERENCES key (id),
    token     TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    reference TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    record    BLOB,
    UNIQUE (key, token, reference)
) STRICT;

CREATE TABLE archive (
    number     INTEGER PRIMARY KEY,
    key        TEXT    NOT NULL,
    uid        INTEGER NOT NULL,
    user_name  TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    usage      TEXT    NOT NULL,
    public_key BLOB    NOT NULL,
    created    INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    ending     TEXT    NOT NULL
) STRICT;
CREATE INDEX archive_of_user ON archive (uid);
CREATE INDEX archive_of_key ON archive (key);
";

/// Cards and phones that users enrolled, and what certifies a key.
///
/// - A token is one user's at a time: its id is the primary key. A placement that is not in a local store is on a
///   token of its key's user.
/// - `key.certificates` and `key.attestation`: DER certificates, one right behind the other, the key's own first;
///   empty where there are none.
/// - `archive.ending` may be `forgotten` from here on.
const VERSION_2: &str = "
CREATE TABLE token (
    id      TEXT    NOT NULL PRIMARY KEY,
    uid     INTEGER NOT NULL REFERENCES user (uid),
    kind    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX token_of_user ON token (uid);

ALTER TABLE key ADD COLUMN certificates BLOB;
ALTER TABLE key ADD COLUMN attestation BLOB;
";

/// What logins and sessions need.
///
/// - Wrong guesses at logins count apart from those at the user's own `Unlock`.
/// - A binding says which session goes with which token; it is on the disk because the service may be started anew
///   while the session lives. `started` is in microseconds, `bound` in seconds since 1970.
const VERSION_3: &str = "
ALTER TABLE user ADD COLUMN login_guesses_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN login_guesses_last INTEGER NOT NULL DEFAULT 0;

ALTER TABLE key ADD COLUMN confirm TEXT NOT NULL DEFAULT 'never';

CREATE TABLE binding (
    session     TEXT    NOT NULL PRIMARY KEY,
    started     INTEGER NOT NULL,
    boot        TEXT    NOT NULL,
    uid         INTEGER NOT NULL REFERENCES user (uid),
    token       TEXT    NOT NULL,
    how         TEXT    NOT NULL,
    seat        TEXT    NOT NULL,
    tty         TEXT    NOT NULL,
    remote_host TEXT    NOT NULL,
    bound       INTEGER NOT NULL
) STRICT;
CREATE INDEX binding_of_user ON binding (uid);
";

/// What the channel to a phone needs, beside the phone's row of `token`.
///
/// - `host_key` is this machine's private key towards that phone, and no other's; `phone_key` is the phone's public one.
/// - `links`: the ways to it, one a line. `info`: what it said of itself when it was last there.
const VERSION_4: &str = "
CREATE TABLE phone (
    token     TEXT NOT NULL PRIMARY KEY REFERENCES token (id),
    model     TEXT NOT NULL,
    host_key  BLOB NOT NULL,
    phone_key BLOB NOT NULL,
    links     TEXT NOT NULL,
    info      TEXT
) STRICT;
";
