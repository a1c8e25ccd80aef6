use claviger_core::{Action, Binding, Confirm, EnrolledToken, Guesses, How, Place, SessionId};
use claviger_token::{TokenId, TokenKind};
use rusqlite::Connection;

use super::{account, id, open, raw};
use crate::table::schema::{APPLICATION_ID, Misfit, STEPS, migrate};
use crate::table::store::DATABASE;
use crate::table::{Account, Ending, Phone, Table, TableError};

/// What a table of each version held, in that version's own columns: never changed after its release.
const FIXTURES: &[&str] = &[VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/// A user with slots, two keys of which one is revoked, and a placement.
const VERSION_1: &str = "
INSERT INTO user (uid, name, location, state, default_sign, guesses_failed, guesses_last, origin, created, slots)
    VALUES (1000, 'alice', 'local', 'active', '01010101010101010101010101010101', 2, 77, 'registered', 5, x'0a0b');
INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created, last_used) VALUES
    ('01010101010101010101010101010101', 1000, 'alice', 'mail', 'P-256', 'sign,derive', x'0102', 'current', 6, 8),
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 'revoked', 7, NULL);
INSERT INTO placement (key, token, kind, reference, state, record)
    VALUES ('01010101010101010101010101010101', 'local:1000', 'local', '', 'current', x'0c');
INSERT INTO archive (key, uid, user_name, label, algorithm, usage, public_key, created, ended, ending)
    VALUES ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 7, 9, 'revoked');
";

/// The same, and a card on which the first key stands too, with two certificates and an attestation.
const VERSION_2: &str = "
INSERT INTO user (uid, name, location, state, default_sign, guesses_failed, guesses_last, origin, created, slots)
    VALUES (1000, 'alice', 'local', 'active', '01010101010101010101010101010101', 2, 77, 'registered', 5, x'0a0b');
INSERT INTO token (id, uid, kind, name, created) VALUES ('card:piv:0f', 1000, 'card', 'PIV 0f', 10);
INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created, last_used, certificates,
    attestation) VALUES
    ('01010101010101010101010101010101', 1000, 'alice', 'mail', 'P-256', 'sign,derive', x'0102', 'current', 6, 8,
        x'3002050030020101', x'300105'),
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 'revoked', 7, NULL, NULL,
        NULL);
INSERT INTO placement (key, token, kind, reference, state, record) VALUES
    ('01010101010101010101010101010101', 'local:1000', 'local', '', 'current', x'0c'),
    ('01010101010101010101010101010101', 'card:piv:0f', 'card', '9a', 'current', NULL);
INSERT INTO archive (key, uid, user_name, label, algorithm, usage, public_key, created, ended, ending) VALUES
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 7, 9, 'revoked'),
    ('03030303030303030303030303030303', 1000, 'alice', '', 'Ed25519', 'sign', x'0506', 7, 9, 'forgotten');
";

/// The same, with what the user wants on removal, wrong guesses at logins, a key that asks, and a session of the card.
const VERSION_3: &str = "
INSERT INTO user (uid, name, location, state, default_sign, guesses_failed, guesses_last, login_guesses_failed,
    login_guesses_last, removal, origin, created, slots) VALUES
    (1000, 'alice', 'local', 'active', '01010101010101010101010101010101', 2, 77, 4, 78, 'terminate', 'registered', 5,
        x'0a0b');
INSERT INTO token (id, uid, kind, name, created) VALUES ('card:piv:0f', 1000, 'card', 'PIV 0f', 10);
INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created, last_used, certificates,
    attestation, confirm) VALUES
    ('01010101010101010101010101010101', 1000, 'alice', 'mail', 'P-256', 'sign,derive', x'0102', 'current', 6, 8,
        x'3002050030020101', x'300105', 'session'),
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 'revoked', 7, NULL, NULL,
        NULL, 'never');
INSERT INTO placement (key, token, kind, reference, state, record) VALUES
    ('01010101010101010101010101010101', 'local:1000', 'local', '', 'current', x'0c'),
    ('01010101010101010101010101010101', 'card:piv:0f', 'card', '9a', 'current', NULL);
INSERT INTO archive (key, uid, user_name, label, algorithm, usage, public_key, created, ended, ending) VALUES
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 7, 9, 'revoked'),
    ('03030303030303030303030303030303', 1000, 'alice', '', 'Ed25519', 'sign', x'0506', 7, 9, 'forgotten');
INSERT INTO binding (session, started, boot, uid, token, how, seat, tty, remote_host, bound) VALUES
    ('2', 1700000000000001, 'b007', 1000, 'card:piv:0f', 'login', 'seat0', 'tty1', '', 1700000000);
";

/// The same, and a phone on which the first key stands too.
const VERSION_4: &str = "
INSERT INTO user (uid, name, location, state, default_sign, guesses_failed, guesses_last, login_guesses_failed,
    login_guesses_last, removal, origin, created, slots) VALUES
    (1000, 'alice', 'local', 'active', '01010101010101010101010101010101', 2, 77, 4, 78, 'terminate', 'registered', 5,
        x'0a0b');
INSERT INTO token (id, uid, kind, name, created) VALUES
    ('card:piv:0f', 1000, 'card', 'PIV 0f', 10),
    ('phone:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', 1000, 'phone', 'Pixel', 11);
INSERT INTO phone (token, model, host_key, phone_key, links, info) VALUES ('phone:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', 'Linux',
    x'0101010101010101010101010101010101010101010101010101010101010101',
    x'0202020202020202020202020202020202020202020202020202020202020202', 'bluetooth:00:AA:01:00:00:42' || char(10) || 'socket', 'it said this');
INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created, last_used, certificates,
    attestation, confirm) VALUES
    ('01010101010101010101010101010101', 1000, 'alice', 'mail', 'P-256', 'sign,derive', x'0102', 'current', 6, 8,
        x'3002050030020101', x'300105', 'session'),
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 'revoked', 7, NULL, NULL,
        NULL, 'never');
INSERT INTO placement (key, token, kind, reference, state, record) VALUES
    ('01010101010101010101010101010101', 'local:1000', 'local', '', 'current', x'0c'),
    ('01010101010101010101010101010101', 'card:piv:0f', 'card', '9a', 'current', NULL),
    ('01010101010101010101010101010101', 'phone:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', 'phone', 'k1', 'current', NULL);
INSERT INTO archive (key, uid, user_name, label, algorithm, usage, public_key, created, ended, ending) VALUES
    ('02020202020202020202020202020202', 1000, 'alice', '', 'Ed25519', 'sign', x'0304', 7, 9, 'revoked'),
    ('03030303030303030303030303030303', 1000, 'alice', '', 'Ed25519', 'sign', x'0506', 7, 9, 'forgotten');
INSERT INTO binding (session, started, boot, uid, token, how, seat, tty, remote_host, bound) VALUES
    ('2', 1700000000000001, 'b007', 1000, 'card:piv:0f', 'login', 'seat0', 'tty1', '', 1700000000);
";

/// Makes a database as the daemon of that version left it.
fn make(folder: &std::path::Path, version: usize) {
    let mut connection = Connection::open(folder.join(DATABASE)).unwrap();
    assert_eq!(migrate(&mut connection, &STEPS[..version]).unwrap(), Ok(()));
    connection.execute_batch(FIXTURES[version - 1]).unwrap();
}

#[tokio::test]
async fn a_table_of_every_earlier_version_is_brought_forward() {
    assert_eq!(FIXTURES.len(), STEPS.len(), "every version has its fixture");
    for version in 1..=STEPS.len() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), version);
        let table = open(folder.path());
        let found = account(&table, 1000).await;
        assert_eq!((found.user.name.as_str(), found.user.guesses.failed), ("alice", 2));
        assert_eq!(found.user.defaults.sign, Some(id(1)));
        assert_eq!(found.user.slots.as_deref(), Some([10, 11].as_slice()));
        assert_eq!(found.keys.iter().map(claviger_core::Key::id).collect::<Vec<_>>(), [id(1), id(2)]);
        assert_eq!(found.keys[0].placements[0].record.as_deref(), Some([12].as_slice()));
        assert_eq!(table.archived(1000).await.unwrap()[0].ending, Ending::Revoked);
        if version < 2 {
            assert_eq!((found.tokens.len(), found.keys[0].certificates.len()), (0, 0));
        } else {
            assert_version_2(&found);
            assert_eq!(table.archived(1000).await.unwrap()[1].ending, Ending::Forgotten);
        }
        assert_version_3(&found, &table.bindings().await.unwrap(), version);
        assert_version_4(&found, &table.phones().await.unwrap(), version);
        table.close().await;
        let newest = i64::try_from(STEPS.len()).unwrap();
        assert_eq!(numbers(&raw(folder.path())), (APPLICATION_ID, newest));
    }
}

fn assert_version_2(found: &Account) {
    let card = EnrolledToken {
        id: TokenId::new("card:piv:0f"),
        kind: TokenKind::Card,
        name: "PIV 0f".into(),
        created: 10,
    };
    assert_eq!(found.tokens[0], card);
    assert_eq!(found.keys[0].certificates, [[0x30, 2, 5, 0], [0x30, 2, 1, 1]]);
    assert_eq!(found.keys[0].attestation, [[0x30, 1, 5]]);
    let on_card = &found.keys[0].placements[1];
    assert_eq!((on_card.token.as_str(), &*on_card.reference), ("card:piv:0f", "9a"));
    assert_eq!((on_card.kind, &on_card.record), (TokenKind::Card, &None));
}

/// What version 3 holds, or what an older table becomes: nothing was wanted, guessed at or bound.
fn assert_version_3(found: &Account, bindings: &[Binding], version: usize) {
    let Account { user, keys, .. } = found;
    let said = (user.login_guesses, user.removal, keys[0].confirm, keys[1].confirm);
    if version < 3 {
        assert_eq!(said, (Guesses::default(), None, Confirm::Never, Confirm::Never));
        assert_eq!(bindings, []);
        return;
    }
    let guesses = Guesses { failed: 4, last: 78 };
    assert_eq!(said, (guesses, Some(Action::Terminate), Confirm::Session, Confirm::Never));
    let binding = Binding {
        session: SessionId::new("2"),
        started: 1_700_000_000_000_001,
        boot: "b007".into(),
        uid: 1000,
        token: TokenId::new("card:piv:0f"),
        how: How::Login,
        place: Place { seat: "seat0".into(), tty: "tty1".into(), remote_host: String::new() },
        bound: 1_700_000_000,
    };
    assert_eq!(bindings, [binding]);
}

/// What version 4 holds, or what an older table becomes: nobody has a phone.
fn assert_version_4(found: &Account, phones: &[Phone], version: usize) {
    if version < 4 {
        assert!(phones.is_empty() && found.tokens.len() <= 1);
        return;
    }
    let [phone] = phones else { panic!("there is one phone") };
    let token = EnrolledToken {
        id: TokenId::new("phone:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
        kind: TokenKind::Phone,
        name: "Pixel".into(),
        created: 11,
    };
    assert_eq!((phone.uid, &phone.token, phone.model.as_str()), (1000, &token, "Linux"));
    assert_eq!((phone.host_key.expose(), phone.phone_key), ([1; 32].as_slice(), [2; 32]));
    assert_eq!(phone.info.as_deref(), Some("it said this"));
    assert_eq!(phone.links, ["bluetooth:00:AA:01:00:00:42", "socket"]);
    assert_eq!(found.tokens[1], token);
    let on_phone = &found.keys[0].placements[2];
    assert_eq!((on_phone.kind, &*on_phone.reference, &on_phone.record), (TokenKind::Phone, "k1", &None));
}

fn numbers(connection: &Connection) -> (i64, i64) {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0)).unwrap();
    (number("application_id"), number("user_version"))
}

/// Takes a table of today through versions that are still to come.
#[test]
fn steps_are_taken_one_by_one_and_a_failing_one_leaves_the_version_before() {
    let mut connection = Connection::open_in_memory().unwrap();
    assert_eq!(migrate(&mut connection, STEPS).unwrap(), Ok(()));
    connection.execute_batch(VERSION_1).unwrap();
    let version = STEPS.len();

    let add = "ALTER TABLE key ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'";
    let fail = "DELETE FROM archive; CREATE TABLE key (id TEXT)";
    let broken = [STEPS, &[add, fail]].concat();
    assert!(migrate(&mut connection, &broken).is_err());
    assert_eq!(numbers(&connection), (APPLICATION_ID, version as i64 + 1), "the step before stands");
    let count = |connection: &Connection, what: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&connection, "archive"), 1, "the failing step is undone altogether");
    assert_eq!(count(&connection, "key WHERE colour = 'red'"), 2);

    let mended = [STEPS, &[add, "DELETE FROM archive"]].concat();
    assert_eq!(migrate(&mut connection, &mended).unwrap(), Ok(()));
    assert_eq!(count(&connection, "archive"), 0);
    assert_eq!(migrate(&mut connection, &mended).unwrap(), Ok(()), "taken steps are not taken again");
    assert_eq!(count(&connection, "key"), 2);
    let found = version as i64 + 2;
    assert_eq!(migrate(&mut connection, STEPS).unwrap(), Err(Misfit::TooNew { found }), "never back");
}

#[tokio::test]
async fn a_table_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), STEPS.len());
    raw(folder.path()).pragma_update(None, "user_version", 4711).unwrap();
    let error = Table::open(folder.path()).err().expect("it is refused");
    let known = i64::try_from(STEPS.len()).unwrap();
    assert!(matches!(error, TableError::TooNew { found: 4711, known: k, .. } if k == known), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("newer Claviger") && text.contains("4711") && text.contains("table.db"), "{text}");
    assert_eq!(numbers(&raw(folder.path())), (APPLICATION_ID, 4711));
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_alone() {
    let texts = [
        "CREATE TABLE bookmark (url TEXT)",
        "PRAGMA application_id = 1; PRAGMA user_version = 1",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 0x636c7667; PRAGMA user_version = -1",
    ];
    for text in texts {
        let folder = tempfile::tempdir().unwrap();
        raw(folder.path()).execute_batch(text).unwrap();
        let before = numbers(&raw(folder.path()));
        let error = Table::open(folder.path()).err().expect("it is refused");
        assert!(
            matches!(&error, TableError::Foreign { path } if path.ends_with(DATABASE)),
            "{text}: {error:?}"
        );
        assert!(error.to_string().contains("another program"), "{error}");
        assert_eq!(numbers(&raw(folder.path())), before);
    }
}
