use claviger_core::{Action, Binding, Confirm, EnrolledToken, Guesses, How, Place, SessionId};
use claviger_token::TokenId;

use super::{account, card, id, raw, reopen, user, with_card};
use crate::table::{Table, TableError};

/// Returns what binds a session to a token; every other field follows from the session's id.
pub(super) fn binding(session: &str, uid: u32, token: &str) -> Binding {
    let number = session.len() as u64;
    Binding {
        session: SessionId::new(session),
        started: u64::MAX - number,
        boot: format!("boot of {session}"),
        uid,
        token: TokenId::new(token),
        how: if number.is_multiple_of(2) { How::Login } else { How::Manual },
        place: Place {
            seat: format!("seat {session}"),
            tty: format!("tty '{session}'; --"),
            remote_host: format!("grün {session}"),
        },
        bound: 1_700_000_300,
    }
}

/// Binds sessions: two of 1000 to the card A, one to the local store; one of 1001 to theirs.
async fn bound(table: &Table) -> Vec<Binding> {
    let bindings = [
        binding("1", 1000, "card:A"),
        binding("c2", 1000, "local:1000"),
        binding("c3", 1000, "card:A"),
        binding("d4", 1001, "local:1001"),
    ];
    for binding in &bindings {
        table.put_binding(binding.clone()).await.unwrap();
    }
    bindings.into()
}

async fn sessions(table: &Table) -> Vec<String> {
    table.bindings().await.unwrap().iter().map(|binding| binding.session.to_string()).collect()
}

#[tokio::test]
async fn every_field_of_a_binding_is_read_back_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let bindings = bound(&table).await;
    let table = reopen(table, folder.path()).await;
    assert_eq!(table.bindings().await.unwrap(), bindings);
}

#[tokio::test]
async fn a_session_has_one_binding_and_the_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    let later = Binding { started: 7, boot: "next".into(), ..binding("1", 1001, "local:1001") };
    table.put_binding(later.clone()).await.unwrap();
    let found = table.bindings().await.unwrap();
    assert_eq!((found.len(), &found[0]), (4, &later));
}

#[tokio::test]
async fn a_binding_that_is_forgotten_is_gone_and_forgetting_none_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    for _ in 0..2 {
        table.forget_binding(&SessionId::new("c2")).await.unwrap();
        assert_eq!(sessions(&table).await, ["1", "c3", "d4"]);
    }
}

#[tokio::test]
async fn a_session_is_bound_to_a_token_of_its_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    for (uid, token) in [(1000, "card:B"), (1001, "card:A"), (1000, "local:1001"), (1001, "")] {
        let refused = table.put_binding(binding("1", uid, token)).await;
        assert!(matches!(&refused, Err(TableError::NoSuchToken(id)) if id.as_str() == token), "{refused:?}");
    }
    let refused = table.put_binding(binding("1", 7, "local:7")).await;
    assert!(matches!(refused, Err(TableError::NoSuchUser(7))), "{refused:?}");
    assert!(sessions(&table).await.is_empty());
}

#[tokio::test]
async fn what_users_bound_to_a_forgotten_token_is_bound_to_nothing_and_what_logins_bound_stays() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    let released = table.forget_token(1000, &card('A').id, 5).await.unwrap();
    let released: Vec<_> = released.iter().map(SessionId::as_str).collect();
    assert_eq!(released, ["1"]);
    assert_eq!(sessions(&table).await, ["c2", "c3", "d4"]);
}

#[tokio::test]
async fn what_is_bound_to_a_token_stays_so_under_its_new_id() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    let new = EnrolledToken { name: "fresh".into(), ..card('Z') };
    table.rename_token(1000, &card('A').id, new).await.unwrap();
    let found = table.bindings().await.unwrap();
    let tokens: Vec<&str> = found.iter().map(|binding| binding.token.as_str()).collect();
    assert_eq!(tokens, ["card:Z", "local:1000", "card:Z", "local:1001"]);
}

#[tokio::test]
async fn the_bindings_of_a_user_go_with_the_account_and_those_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    table.revoke_user(1000, 5).await.unwrap();
    assert_eq!(sessions(&table).await, ["d4"]);

    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    table.remove_user(1000, 5).await.unwrap();
    assert_eq!(sessions(&table).await, ["d4"]);

    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    bound(&table).await;
    table.replace_account(user(1000), Vec::new()).await.unwrap();
    assert_eq!(sessions(&table).await, ["d4"]);
}

#[tokio::test]
async fn a_damaged_binding_hides_no_other() {
    for damage in [
        "how = 'fly'",
        "boot = CAST(x'ff' AS TEXT)",
        "uid = -1",
        "session = CAST(x'ff' AS TEXT)",
        "token = CAST(x'ff' AS TEXT)",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let table = with_card(folder.path()).await;
        bound(&table).await;
        table.close().await;
        let connection = raw(folder.path());
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let statement = format!("UPDATE binding SET {damage} WHERE session = 'c2'");
        assert_eq!(connection.execute(&statement, []).unwrap(), 1, "{damage}");
        drop(connection);
        let table = super::open(folder.path());
        assert_eq!(sessions(&table).await, ["1", "c3", "d4"], "{damage}");
        assert_eq!(account(&table, 1000).await.user.uid, 1000, "{damage}");
    }
}

#[tokio::test]
async fn guesses_at_logins_count_apart() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let (own, login) = (Guesses { failed: 1, last: 2 }, Guesses { failed: 3, last: 4 });
    table.set_guesses(1000, own).await.unwrap();
    table.set_login_guesses(1000, login).await.unwrap();
    let table = reopen(table, folder.path()).await;
    let user = account(&table, 1000).await.user;
    assert_eq!((user.guesses, user.login_guesses), (own, login));
    assert_eq!(account(&table, 1001).await.user.login_guesses, Guesses::default());
    let refused = table.set_login_guesses(7, login).await;
    assert!(matches!(refused, Err(TableError::NoSuchUser(7))), "{refused:?}");
}

#[tokio::test]
async fn what_a_user_wants_on_removal_is_kept_until_they_want_what_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = with_card(folder.path()).await;
    for wanted in [Some(Action::None), Some(Action::Terminate), None] {
        table.set_removal(1000, wanted).await.unwrap();
        table = reopen(table, folder.path()).await;
        assert_eq!(account(&table, 1000).await.user.removal, wanted);
    }
    let refused = table.set_removal(7, None).await;
    assert!(matches!(refused, Err(TableError::NoSuchUser(7))), "{refused:?}");
}

#[tokio::test]
async fn how_often_a_key_asks_is_its_users_alone_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.set_confirm(1000, id(1), Confirm::Always).await.unwrap();
    let refused = table.set_confirm(1001, id(2), Confirm::Session).await;
    assert!(matches!(refused, Err(TableError::NoSuchKey(_))), "{refused:?}");
    let table = reopen(table, folder.path()).await;
    let keys = account(&table, 1000).await.keys;
    let policies: Vec<Confirm> = keys.iter().map(|key| key.confirm).collect();
    assert_eq!(policies, [Confirm::Always, Confirm::Never, Confirm::Never]);
}
