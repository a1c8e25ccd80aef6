//! An account goes, or another takes its place: the sessions that its user bound by hand stay as they are.

use claviger_tests::lab::{Door, Guest, Login, Phone};

use super::{alices, guest, works};
use crate::scene::{ENDS, LOCKS, bind, nothing_about};

/// Nothing was done to the session, and its phone, which is paired anew, does nothing to it; to one that is bound now it does.
async fn nothing_befalls(guest: &Guest, phone: &mut Phone<'_>, session: &mut Login<'_>) {
    assert_eq!(guest.bound().await, [], "it is bound to nothing");
    phone.pair().await;
    let mut control = guest.log_in("alice", Door::Ssh).await;
    bind(&mut control).await;
    phone.switch_off().await;
    control.ended().await;
    for message in [ENDS, LOCKS] {
        assert!(nothing_about(guest, message, session.id()).await);
    }
    assert_eq!(session.session().await.map(|session| session.locked_hint), Some(false));
    works(session).await;
}

#[tokio::test]
async fn a_user_who_is_removed_stays_in_the_sessions_that_they_bound() {
    let guest = guest().await;
    let (mut phone, _) = alices(&guest).await;
    let mut session = guest.log_in("alice", Door::Ssh).await;
    bind(&mut session).await;
    assert_eq!(guest.bound().await.len(), 1);
    guest.run("claviger admin user remove --yes alice").await.ok();
    nothing_befalls(&guest, &mut phone, &mut session).await;
}

#[tokio::test]
async fn a_backup_that_takes_the_place_of_a_revoked_account_leaves_the_sessions_that_were_bound() {
    let guest = guest().await;
    let mut session = guest.log_in("alice", Door::Ssh).await;
    let words = "printf 'a pass phrase' >phrase; claviger register --passphrase-file phrase && claviger backup -o backup";
    session.run(words).await.ok();
    let (mut phone, _) = alices(&guest).await;
    bind(&mut session).await;
    assert_eq!(guest.bound().await.len(), 1);
    guest.run("claviger admin revoke --all alice").await.ok();
    session.run("claviger restore backup").await.ok();
    nothing_befalls(&guest, &mut phone, &mut session).await;
}
