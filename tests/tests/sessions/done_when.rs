//! The whole of it: installed from the package, set up by what the documentation says, and used by a person.

use std::path::Path;

use claviger_tests::lab::{Door, Guest, Running};
use claviger_tests::pcsc::Kind;
use claviger_tests::place::Place;

use super::package::package;

/// Starts work that the shell on the terminal leaves behind, and returns its process id.
async fn leave_behind(terminal: &mut Running) -> String {
    let said = terminal.does("nohup sleep 1000 >/dev/null 2>&1 & echo ,$!,").await;
    said.rsplit(',').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn whoever_came_in_with_a_card_is_out_when_it_is_pulled_and_nobody_else_is() {
    let place = Place::new();
    let guest = Guest::plan().readers(2).boot().await;
    guest.copy_in(Path::new(&package(&place)), "/tmp/claviger.deb", 0o644);
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/claviger.deb").await.ok();
    let mut card = guest.card(0, Kind::Piv);

    // Until now her password is her way in.
    let mut terminal = guest.terminal("login alice");
    terminal.hear("Password: ").await;
    terminal.say("alice-password");
    terminal.hear("$ ").await;
    terminal.say(
        "claviger card enrol; claviger key generate P-256 --location card --slot 9a --default-management-key",
    );
    terminal.hear("PIN").await;
    terminal.say("123456");
    terminal.does("claviger --json key list | grep 9a").await;
    terminal.say("exit");
    terminal.ended().await;

    guest.enable_module().await;
    guest.let_sshd_ask().await;
    guest.write("/etc/claviger/claviger.d/remote.toml", 0o644, "[login]\nremote-cards = true\n");
    guest.systemctl("restart clavigerd").await.ok();
    guest.card_seen("alice", &card).await;

    // Those who stay: bob, twice, and alice where she did not come with the card.
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    let mut bobs_terminal = guest.terminal("login bob");
    bobs_terminal.hear("Password: ").await;
    bobs_terminal.say("bob-password");
    bobs_terminal.hear("$ ").await;
    let mut by_key = guest.log_in("alice", Door::Ssh).await;
    let mut by_password = guest.terminal("login alice");
    by_password.hear("PIN of card").await;
    by_password.say("");
    by_password.hear("Password: ").await;
    by_password.say("alice-password");
    by_password.hear("$ ").await;
    let stays = leave_behind(&mut by_password).await;
    assert_eq!(guest.bound().await, []);

    // Those who go.
    let mut goes = Vec::new();
    let mut console = guest.terminal("login alice");
    let mut ssh = guest.ssh("alice");
    for terminal in [&mut console, &mut ssh] {
        terminal.hear("PIN of card").await;
        terminal.say("123456");
        terminal.hear("$ ").await;
        terminal.does("claviger sign -o signature /etc/passwd").await;
        goes.push(leave_behind(terminal).await);
    }
    let bound = guest.bound().await;
    assert_eq!(bound.len(), 2, "{bound:?}");
    for one in &bound {
        assert_eq!((one.uid, one.how.as_str()), (1000, "login"), "{bound:?}");
        assert!(one.token.starts_with("card:piv:"), "{bound:?}");
    }
    let before = guest.sessions().await;

    card.remove_noticed();
    for (terminal, work) in [&mut console, &mut ssh].into_iter().zip(goes) {
        terminal.ended().await;
        guest.until(&format!("! kill -0 {work}")).await;
    }
    for one in &bound {
        guest.session_gone(&one.session).await;
    }
    let left: Vec<_> = guest.sessions().await.into_iter().map(|session| session.id).collect();
    let was_bound = |id: &String| bound.iter().any(|one| one.session == *id);
    let others: Vec<_> = before.into_iter().map(|session| session.id).filter(|id| !was_bound(id)).collect();
    assert_eq!(left, others);
    assert_eq!(others.len(), 4, "{others:?}");
    assert_eq!(bob.run("echo here").await.text(), "here");
    assert_eq!(by_key.run("echo here").await.text(), "here");
    bobs_terminal.does("true").await;
    by_password.does("true").await;
    guest.run(&format!("kill -0 {stays}")).await.ok();
    assert_ne!(by_key.run("claviger sign -o signature /etc/passwd").await.code, Some(0), "the key is away");

    // And with the card she comes in again.
    card.put_back();
    guest.card_seen("alice", &card).await;
    let mut console = guest.terminal("login alice");
    console.hear("PIN of card").await;
    console.say("123456");
    console.hear("$ ").await;
    assert_eq!(guest.bound().await.len(), 1);
}
