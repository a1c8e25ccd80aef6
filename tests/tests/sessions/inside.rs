//! What else asks the module: lockers, `passwd`, and whoever calls every hook.

use claviger_tests::lab::{Door, Guest, Login, Running};
use claviger_tests::pcsc::Kind;

use super::login::{PHRASE, SIGN, at_the_pin, enrol, guest, register, session};

#[tokio::test]
async fn every_hook_answers_for_a_card_and_the_end_of_the_session_releases_it() {
    let guest = guest(Guest::plan().readers(2), "").await;
    let card = guest.card(0, Kind::Piv);
    let token = enrol(&guest, &card).await;
    // What is bound while the session is open.
    guest.write("/usr/local/bin/keep", 0o755, "#!/bin/sh\nclaviger --json session list >/tmp/$PAM_TYPE\n");
    let stack = "auth required pam_claviger.so location=card\naccount required pam_claviger.so\n\
                 session required pam_systemd.so\nsession required pam_claviger.so require\n\
                 session optional pam_exec.so /usr/local/bin/keep\n";
    guest.write("/etc/pam.d/mine", 0o644, stack);
    let hooks = "authenticate 'setcred(PAM_ESTABLISH_CRED)' acct_mgmt open_session close_session";
    let ran = guest.run_with(&format!("pamtester mine alice {hooks} 2>&1"), b"123456\n").await.ok();
    assert_eq!(ran.text().matches("PIN of card").count(), 1, "{}", ran.text());
    let during = guest.run("cat /tmp/open_session").await.ok();
    assert!(during.text().contains(&token), "{}", during.text());
    let after = guest.run("cat /tmp/close_session").await.ok();
    assert!(!after.text().contains(&token), "{}", after.text());
    // And for who has none.
    let refused = guest.run_with("pamtester mine bob authenticate 2>&1", b"123456\n").await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
}

#[tokio::test]
async fn a_screen_locker_that_runs_as_the_user_lets_them_back_while_their_keys_are_frozen() {
    let guest = guest(Guest::plan().readers(2), "").await;
    let card = guest.card(0, Kind::Piv);
    enrol(&guest, &card).await;
    let locker = "auth required pam_claviger.so\naccount required pam_permit.so\n";
    guest.write("/etc/pam.d/locker", 0o644, locker);
    let mut seat = guest.log_in("alice", Door::Seat).await;
    seat.run("claviger card unlock --pin-file pin").await.ok();
    seat.run(SIGN).await.ok();
    let hint = "busctl --system call org.freedesktop.login1 /org/freedesktop/login1/session/auto \
                org.freedesktop.login1.Session SetLockedHint b";
    let listed = "claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":";
    seat.run(&format!("{hint} true")).await.ok();
    guest.until(&format!("{listed}true'")).await;
    let frozen = async |seat: &mut Login<'_>| {
        let refused = seat.run(&SIGN.replace("claviger", "claviger --json")).await;
        assert_ne!(refused.code, Some(0));
        assert!(refused.text().contains("SessionLocked"), "{}", refused.text());
    };
    frozen(&mut seat).await;
    assert_ne!(seat.run("echo | pamtester locker alice authenticate").await.code, Some(0));
    seat.run("echo 123456 | pamtester locker alice authenticate").await.ok();
    // Nobody but herself and root.
    let mut bob = guest.log_in("bob", Door::Service).await;
    assert_ne!(bob.run("echo 123456 | pamtester locker alice authenticate").await.code, Some(0));
    frozen(&mut seat).await;
    seat.run(&format!("{hint} false")).await.ok();
    guest.until(&format!("{listed}false'")).await;
    seat.run(SIGN).await.ok();
}

#[tokio::test]
async fn passwd_changes_the_pass_phrase_with_the_password_and_the_pin_where_that_is_wanted() {
    let guest = guest(Guest::plan().readers(2), "").await;
    guest.run(&format!("echo 'alice:{PHRASE}' | chpasswd")).await.ok();
    register(&guest).await;
    // As docs/pam.md has it.
    let own = "/etc/pam.d/passwd";
    guest.run(&format!("echo 'password optional pam_claviger.so use_authtok' >>{own}")).await.ok();
    let mut alice = guest.terminal("login alice");
    alice.hear("Pass phrase of your key store: ").await;
    alice.say(PHRASE);
    alice.hear("$ ").await;
    let next = "Quite-another-1-phrase";
    alice.say("passwd; echo ne''xt");
    for (prompt, answer) in [("Current password: ", PHRASE), ("New password: ", next), ("password: ", next)] {
        alice.hear(prompt).await;
        alice.say(answer);
    }
    alice.hear("next").await;
    alice.does("claviger lock").await;
    alice.does(&format!("printf %s {next} >phrase; claviger unlock --passphrase-file phrase")).await;

    let card = guest.card(0, Kind::Piv);
    enrol(&guest, &card).await;
    guest.write(own, 0o644, "password required pam_claviger.so location=card\n");
    alice.say("passwd; echo ne''xt");
    let prompts = [
        ("Current PIN of your card: ", "123456"),
        ("New PIN of your card: ", "654321"),
        ("more: ", "654321"),
    ];
    for (prompt, answer) in prompts {
        alice.hear(prompt).await;
        alice.say(answer);
    }
    alice.hear("next").await;
    let mut terminal = at_the_pin(&guest).await;
    terminal.say("654321");
    terminal.hear("$ ").await;
}

/// Has somebody log in, and returns what the process that keeps the session has: its threads, and what it has open.
async fn kept(guest: &Guest, mut terminal: Running, prompt: &str, answer: &str) -> String {
    terminal.hear(prompt).await;
    terminal.say(answer);
    terminal.hear("$ ").await;
    let id = session(&mut terminal).await;
    let leader = guest.session(&id).await.unwrap().leader;
    // Numbers of sockets, terminals and sessions differ.
    let look = format!(
        "cd /proc/{leader}; echo $(cat comm) of $(ls task | wc -l) threads; \
         for each in fd/*; do readlink $each; done | sed 's/[0-9][0-9]*/N/g' | sort"
    );
    let kept = guest.run(&look).await.ok().text().to_owned();
    terminal.say("exit");
    terminal.ended().await;
    kept
}

#[tokio::test]
async fn login_and_sshd_keep_no_more_open_and_no_more_threads_than_without_the_module() {
    let guest = Guest::with_claviger().await;
    register(&guest).await;
    guest.let_sshd_ask().await;
    let without = [
        kept(&guest, guest.terminal("login alice"), "Password: ", "alice-password").await,
        kept(&guest, guest.ssh("alice"), "Password: ", "alice-password").await,
    ];
    guest.enable_module().await;
    let asks = "Pass phrase of your key store: ";
    let with = [
        kept(&guest, guest.terminal("login alice"), asks, PHRASE).await,
        kept(&guest, guest.ssh("alice"), asks, PHRASE).await,
    ];
    assert_eq!(without, with);
    assert!(with[0].starts_with("login of 1 threads"), "{}", with[0]);
    assert!(with[1].starts_with("sshd of 1 threads"), "{}", with[1]);
}
