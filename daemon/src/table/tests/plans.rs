use super::{open, raw};
use crate::table::sql;

/// These count the whole table, as their names say, or list one that no number of users makes long.
const WHOLE: [&str; 7] =
    ["COUNT_USERS", "COUNT_ALL_KEYS", "COUNT_ARCHIVE", "COUNT_CARDS", "COUNT_PHONES", "PHONES", "BINDINGS"];

#[tokio::test]
async fn no_statement_goes_through_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().await;
    let connection = raw(folder.path());
    for (name, statement) in sql::ALL {
        let plan = plan(&connection, statement);
        let scans: Vec<_> = plan.iter().filter(|step| step.contains("SCAN")).collect();
        if WHOLE.contains(name) {
            assert_eq!(scans.len(), 1, "the control: this test sees a scan: {name}: {plan:?}");
        } else {
            assert!(scans.is_empty(), "{name}: {plan:?}");
        }
        assert!(!plan.iter().any(|step| step.contains("AUTOMATIC")), "{name} misses an index: {plan:?}");
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().await;
    let connection = raw(folder.path());
    let expected = [
        (sql::USER, "SEARCH user USING INTEGER PRIMARY KEY (rowid=?)"),
        (sql::USER_BY_NAME, "SEARCH user USING INDEX sqlite_autoindex_user_1 (name=?)"),
        (sql::KEYS_OF_USER, "SEARCH key USING INDEX key_of_user (uid=?)"),
        (sql::PLACEMENTS_OF_USER, "SEARCH placement USING INDEX sqlite_autoindex_placement_1 (key=?)"),
        (sql::TOKENS_OF_USER, "SEARCH token USING INDEX token_of_user (uid=?)"),
        (sql::TOKEN_OWNER, "SEARCH token USING INDEX sqlite_autoindex_token_1 (id=?)"),
        (sql::KEYS_ONLY_ON_TOKEN, "SEARCH key USING INDEX key_of_user (uid=?)"),
        (
            sql::DELETE_PLACEMENTS_ON_TOKEN,
            "SEARCH placement USING COVERING INDEX sqlite_autoindex_placement_1 (key=? AND token=?)",
        ),
        (sql::DELETE_BINDINGS_OF_USER, "SEARCH binding USING COVERING INDEX binding_of_user (uid=?)"),
        (sql::DELETE_BINDINGS_TO_TOKEN, "SEARCH binding USING INDEX binding_of_user (uid=?)"),
        (sql::USERS_FROM, "SEARCH user USING INTEGER PRIMARY KEY (rowid>?)"),
    ];
    for (statement, step) in expected {
        let plan = plan(&connection, statement);
        assert!(plan.iter().any(|found| found == step), "{step} is not in {plan:?}");
    }
}

/// Returns the steps that SQLite takes, in its words.
fn plan(connection: &rusqlite::Connection, statement: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    for parameter in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(parameter, rusqlite::types::Null).unwrap();
    }
    statement.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().unwrap()
}
