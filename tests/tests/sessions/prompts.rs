//! The real prompter asks people in their own sessions: on the terminal, through real pinentries, as a user service.

use std::time::{Duration, Instant};

use claviger_tests::command::Ran;
use claviger_tests::lab::{Door, Guest, Login, Running};
use claviger_tests::pcsc::Kind;

/// What stands at the beginning of every question for the pass phrase.
const QUESTION: &str = "asks for your pass phrase";
const SIGN: &str = "claviger sign --key mine -o signature /etc/passwd";

/// Gives the user of the session an account with a key, and locks it.
async fn register(session: &mut Login<'_>) {
    session.run("printf %s 'a pass phrase' >phrase").await.ok();
    session.run("claviger register --passphrase-file phrase").await.ok();
    session.run("claviger unlock --passphrase-file phrase").await.ok();
    session.run("claviger key generate P-256 --label mine >id").await.ok();
    session.run("claviger lock").await.ok();
}

/// Starts a program on a terminal of its own in the session.
async fn on_terminal(session: &mut Login<'_>, line: &str) -> Running {
    let line = format!("exec script --quiet --return --flush --command '{line}' /dev/null");
    session.start(&format!("export TERM=xterm LANG=C.UTF-8; {line}")).await
}

/// Starts the prompter in the session, and returns when it is the session's agent.
async fn prompter(session: &mut Login<'_>, words: &str) -> Running {
    let mut prompter = on_terminal(session, &format!("exec claviger-prompter {words}")).await;
    prompter.hear("the key store asks here").await;
    prompter
}

/// Ends it as a person does.
async fn leave(mut prompter: Running) {
    prompter.write(b"\x03");
    assert_eq!(prompter.ended().await, Some(0), "{}", prompter.said());
}

/// A guest, and alice at its console with a locked account.
async fn guest() -> Guest {
    let guest = Guest::with_claviger().await;
    guest.write("/etc/claviger/claviger.d/cheap.toml", 0o644, CHEAP);
    guest.systemctl("restart clavigerd").await.ok();
    guest
}

/// Guesses at pass phrases cost as little as is allowed.
const CHEAP: &str = "[kdf]\nmemory-kib = 19456\npasses = 2\nlanes = 1\n";

/// Returns what a person reads: without what moves the cursor and chooses colours, blanks as one.
fn read(screen: &str) -> String {
    let mut text = String::new();
    let mut rest = screen.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\u{1b}' => {
                if matches!(rest.next(), Some('[')) {
                    while rest.next().is_some_and(|letter| !letter.is_ascii_alphabetic()) {}
                }
                text.push(' ');
            }
            // The frame.
            letter if letter.is_control() || ('\u{2500}'..'\u{2600}').contains(&letter) => text.push(' '),
            letter => text.push(letter),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_locked(refused: &Ran) {
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(refused.text().contains("locked"), "{refused:#?}");
}

#[tokio::test]
async fn a_locked_store_is_unlocked_by_what_is_typed_on_the_terminal() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    register(&mut alice).await;
    let mut prompter = prompter(&mut alice, "--tty").await;
    let answered = async {
        let asked = read(&prompter.hear("pass phrase: ").await);
        assert!(asked.contains("The local key store of the computer \"claviger-lab\" asks"), "{asked}");
        assert!(asked.contains("It is needed to sign with the key \"mine\" (ECDSA_SHA256)."), "{asked}");
        assert!(asked.contains("claims to be \"claviger\" (\"/usr/bin/claviger\", process"), "{asked}");
        prompter.say("wrong");
        let asked = prompter.hear("pass phrase: ").await;
        assert!(asked.contains("Wrong pass phrase."), "{asked}");
        prompter.say("a pass phrase");
    };
    let (signed, ()) = tokio::join!(alice.run(SIGN), answered);
    signed.ok();
    alice.run(SIGN).await.ok();
    let said = prompter.said();
    assert_eq!(said.matches(QUESTION).count(), 2, "{said}");
    assert!(!said.contains("a pass phrase\r\n") && !said.contains("wrong\r\n"), "it was echoed: {said}");
}

#[tokio::test]
async fn real_pinentries_ask_and_show_who_wants_what() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    register(&mut alice).await;
    for (pinentry, field) in [("pinentry-curses", "phrase:"), ("pinentry-tty", "Pass phrase:")] {
        alice.run("claviger lock").await.ok();
        let mut prompter = prompter(&mut alice, &format!("--pinentry {pinentry}")).await;
        let answered = async {
            let asked = read(&prompter.hear(field).await);
            for part in ["key store", "sign with the key \"mine\"", "claims to be \"claviger\""] {
                assert!(asked.contains(part), "{pinentry}: no {part} in {asked}");
            }
            prompter.write(b"a pass phrase\r");
        };
        let (signed, ()) = tokio::join!(alice.run(SIGN), answered);
        signed.ok();
        assert!(!prompter.said().contains("a pass phrase"), "{pinentry} echoed it");
        // It does not stay behind.
        guest.until(&format!("! pgrep --exact {pinentry}")).await;
        leave(prompter).await;
    }
}

#[tokio::test]
async fn the_user_service_asks_for_the_pin_of_a_card() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let _card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Console).await;
    alice.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
    let generate =
        "claviger key generate P-256 --location card --slot 9a --label mine --default-management-key";
    alice.run(generate).await.ok();
    alice.run("claviger card lock").await.ok();
    // A screen for pinentry-curses: the service has none of its own.
    let mut screen = on_terminal(&mut alice, "tty; stty raw -echo; exec sleep infinity").await;
    let said = screen.hear("\n").await;
    let drop_in = format!("[Service]\nEnvironment=GPG_TTY={} TERM=xterm\n", said.trim());
    guest.write("/etc/systemd/user/claviger-prompter.service.d/screen.conf", 0o644, drop_in);
    alice.run("systemctl --user daemon-reload && systemctl --user start claviger-prompter").await.ok();
    let registered =
        "journalctl _SYSTEMD_USER_UNIT=claviger-prompter.service | grep 'the key store asks here'";
    guest.until(registered).await;

    let answered = async {
        for (tries, pin) in [("", "111111"), ("2 tries are left", "123456")] {
            let asked = read(&screen.hear("PIN:").await);
            assert!(asked.contains("The card"), "{asked}");
            assert!(asked.contains(tries), "{asked}");
            screen.write(format!("{pin}\r").as_bytes());
        }
    };
    let (signed, ()) = tokio::join!(alice.run(SIGN), answered);
    signed.ok();
    let unit = "systemctl --user show --property NRestarts --value claviger-prompter";
    assert_eq!(alice.run(unit).await.ok().text(), "0");
}

#[tokio::test]
async fn two_users_at_once_are_each_asked_in_their_own_session() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    register(&mut alice).await;
    register(&mut bob).await;
    bob.run("claviger unlock --passphrase-file phrase; claviger key label mine bobs; claviger lock")
        .await
        .ok();
    let mut alices = prompter(&mut alice, "--tty").await;
    let mut bobs = prompter(&mut bob, "--tty").await;
    let answered = async {
        // Both questions stand at the same time.
        let (to_alice, to_bob) = tokio::join!(alices.hear("pass phrase: "), bobs.hear("pass phrase: "));
        assert!(to_alice.contains("\"mine\"") && !to_alice.contains("\"bobs\""), "{to_alice}");
        assert!(to_bob.contains("\"bobs\"") && !to_bob.contains("\"mine\""), "{to_bob}");
        bobs.say("");
        alices.say("a pass phrase");
    };
    let of_bob = "claviger sign --key bobs -o signature /etc/passwd";
    let (alices_ran, bobs_ran, ()) = tokio::join!(alice.run(SIGN), bob.run(of_bob), answered);
    alices_ran.ok();
    assert_eq!(bobs_ran.code, Some(5), "{bobs_ran:#?}");
}

#[tokio::test]
async fn a_question_goes_with_its_caller_and_a_caller_hears_of_its_agents_end() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    register(&mut alice).await;
    for (words, field, gone) in [
        ("--tty", "pass phrase: ", "The question was taken back."),
        ("--pinentry pinentry-curses", "phrase:", "\u{1b}[?1049l"),
    ] {
        let mut prompter = prompter(&mut alice, words).await;
        let mut caller = alice.start(&format!("echo $$; exec {SIGN}")).await;
        let pid = caller.hear("\n").await;
        prompter.hear(field).await;
        guest.run(&format!("kill -KILL {}", pid.trim())).await.ok();
        prompter.hear(gone).await;
        guest.until("! pgrep pinentry").await;

        let mut caller = alice.start(&format!("{SIGN}; echo code $?.")).await;
        prompter.hear(field).await;
        let killed = Instant::now();
        guest.run("pkill -KILL claviger-prompt").await.ok();
        let said = caller.hear("code 3.").await;
        assert!(said.contains("locked"), "{said}");
        assert!(killed.elapsed() < SOON, "{:?}", killed.elapsed());
        prompter.ended().await;
        guest.until("! pgrep pinentry").await;
    }
}

/// Much longer than a program needs on a busy machine, and much shorter than a question stays open.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn whoever_has_no_agent_is_refused_at_once_and_nobody_else_is_asked() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    let mut remote = guest.log_in("alice", Door::Ssh).await;
    let mut bob = guest.log_in("bob", Door::Console).await;
    register(&mut alice).await;
    register(&mut bob).await;
    let mut bobs = prompter(&mut bob, "--tty").await;
    let begun = Instant::now();
    assert_locked(&alice.run(SIGN).await);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

    let mut alices = prompter(&mut alice, "--tty").await;
    assert_locked(&remote.run(SIGN).await);
    let name = format!("claviger-prompter --tty --session {}", alice.id());
    let mut stranger = on_terminal(&mut bob, &name).await;
    assert_eq!(stranger.ended().await, Some(2), "{}", stranger.said());
    let mut second = on_terminal(&mut alice, "claviger-prompter --tty").await;
    assert_eq!(second.ended().await, Some(5), "{}", second.said());
    assert!(second.said().contains("already"), "{}", second.said());
    // From afar she cannot take the place of the one at the desk either.
    let mut afar = on_terminal(&mut remote, &name).await;
    assert_eq!(afar.ended().await, Some(5), "{}", afar.said());
    assert!(!bobs.said().contains(QUESTION) && !alices.said().contains(QUESTION));

    // The control: both ask whom they serve.
    for (session, prompter) in [(&mut alice, &mut alices), (&mut bob, &mut bobs)] {
        let answered = async {
            prompter.hear("pass phrase: ").await;
            prompter.say("a pass phrase");
        };
        let (signed, ()) = tokio::join!(session.run(SIGN), answered);
        signed.ok();
    }
}

#[tokio::test]
async fn twenty_requests_at_once_are_one_question() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    register(&mut alice).await;
    let mut prompter = prompter(&mut alice, "--tty").await;
    let twenty = "for n in $(seq 20); do claviger sign --key mine -o signature$n /etc/passwd & done; wait; \
         ls signature* | wc -l";
    let answered = async {
        prompter.hear("pass phrase: ").await;
        // They are all there before anybody answers.
        guest.until("[ \"$(pgrep --count --exact claviger)\" = 20 ]").await;
        prompter.say("a pass phrase");
    };
    let (signed, ()) = tokio::join!(alice.run(twenty), answered);
    assert_eq!(signed.text(), "20", "{signed:#?}");
    let said = prompter.said();
    assert_eq!(said.matches(QUESTION).count(), 1, "{said}");
}

#[tokio::test]
async fn a_key_that_asks_is_used_after_a_yes_each_time_or_once_in_a_session() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    let mut remote = guest.log_in("alice", Door::Ssh).await;
    register(&mut alice).await;
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    let mut prompter = prompter(&mut alice, "--tty").await;
    let mut answered = async |session: &mut Login<'_>, line: &str, answers: &[&str]| {
        let before = prompter.said().matches("Allow it?").count();
        let answering = async {
            for answer in answers {
                let asked = prompter.hear("Allow it? [y/N] ").await;
                assert!(asked.contains("with the key \"mine\""), "{asked}");
                prompter.say(answer);
            }
        };
        let (ran, ()) = tokio::join!(session.run(line), answering);
        assert_eq!(prompter.said().matches("Allow it?").count() - before, answers.len(), "{line}");
        ran.code
    };
    assert_eq!(answered(&mut alice, "claviger key confirm mine always", &[]).await, Some(0));
    assert_eq!(answered(&mut alice, SIGN, &["y"]).await, Some(0));
    assert_eq!(answered(&mut alice, SIGN, &["n"]).await, Some(5));
    assert_eq!(answered(&mut alice, SIGN, &[""]).await, Some(5));
    let refused = remote.run(SIGN).await;
    assert_eq!(refused.code, Some(3), "nobody asks there: {refused:#?}");
    assert!(
        refused.text().contains("`claviger-prompter`") && !refused.text().contains("touch"),
        "{refused:#?}"
    );
    let session = "claviger key confirm mine session";
    assert_eq!(answered(&mut alice, session, &["n"]).await, Some(5), "to ask less is asked for");
    assert_eq!(answered(&mut alice, session, &["yes"]).await, Some(0));
    assert_eq!(answered(&mut alice, SIGN, &["n"]).await, Some(5));
    assert_eq!(answered(&mut alice, SIGN, &["y"]).await, Some(0));
    assert_eq!(answered(&mut alice, SIGN, &[]).await, Some(0), "once is enough");
    assert_eq!(answered(&mut remote, SIGN, &[]).await, Some(3), "that was another session");
}

#[tokio::test]
async fn names_that_strangers_chose_are_shown_as_plain_text() {
    let guest = guest().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    register(&mut alice).await;
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    // What a label may not have is refused; what it may have is made harmless.
    let named = alice.run("claviger key label mine \"$(printf 'a\\033]0;title\\007b')\"").await;
    assert_ne!(named.code, Some(0), "{named:#?}");
    let label = "<b>nice</b>\" %0AOK \u{202e}txe";
    alice.run(&format!("claviger key label mine '{label}' && claviger lock")).await.ok();
    let program = "$(printf 'evil\\033[2J\\nis \"good\"')";
    alice.run(&format!("cp /usr/bin/claviger \"{program}\"")).await.ok();
    for (words, field) in [("--tty", "pass phrase: "), ("--pinentry pinentry-curses", "phrase:")] {
        let mut prompter = prompter(&mut alice, words).await;
        let quiet = prompter.said();
        let line = format!("\"./{program}\" sign --key $(cat id) -o signature /etc/passwd");
        let answered = async {
            let asked = prompter.hear(field).await;
            if words == "--tty" {
                assert!(!asked.contains('\u{1b}') && !asked.contains('\u{202e}'), "{asked:?} after {quiet}");
            }
            assert!(!asked.contains("\u{1b}[2J\nis") && !asked.contains('\u{202e}'), "{asked:?}");
            let asked = read(&asked);
            assert!(asked.contains("evil[2J is 'go"), "{asked}");
            assert!(asked.contains("(b)nice(/b)' %0AOK txe"), "{asked}");
            prompter.write(if words == "--tty" { b"\n" } else { b"\t\t\r" });
        };
        let (refused, ()) = tokio::join!(alice.run(&line), answered);
        assert_eq!(refused.code, Some(5), "{refused:#?}");
        leave(prompter).await;
    }
}
