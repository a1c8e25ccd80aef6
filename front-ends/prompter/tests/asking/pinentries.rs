//! Questions through a pinentry, and what becomes of it.

use std::time::Duration;

use claviger_client::ErrorName;
use claviger_dbus::wire::NoOptions;
use rustix::process::Signal;

use crate::scene::{Running, Scene, TOY_PINENTRY, left_behind, pin, read, refusal, soon};

#[tokio::test]
async fn a_pinentry_is_told_the_question_and_gives_the_secret() {
    let mut scene = Scene::set().await;
    let (running, agent) = scene.with_toy("enters").await;
    let question = pin("a");
    let asking = agent.request_secret(&question);
    let (answer, pinentry) = tokio::join!(soon(asking), scene.is_asked());
    assert_eq!(read(answer.expect("a secret")), "12%34");
    pinentry.ends_within(Duration::from_secs(5)).await;
    let told = scene.told();
    assert!(told.contains(&"OPTION lc-ctype=C.UTF-8".to_owned()), "{told:?}");
    assert!(told.contains(&"SETTITLE Claviger".to_owned()));
    assert!(told.contains(&"SETPROMPT PIN:".to_owned()));
    let description = told.iter().find(|line| line.starts_with("SETDESC ")).expect("a description");
    let program = std::env::current_exe().expect("this program");
    assert!(description.contains(&format!("claims to be \"{}", "asking")), "{description}");
    assert!(description.contains(program.to_str().expect("text")), "{description}");
    assert!(
        description.starts_with("SETDESC The card \"work %250A\" asks for its PIN.%0A%0A"),
        "{description}"
    );
    assert_eq!(told.last().map(String::as_str), Some("BYE"));
    drop(running);
}

#[tokio::test]
async fn whatever_a_pinentry_does_the_daemon_gets_an_answer() {
    for (behaviour, expected, is_asked) in [
        ("gives-up", ErrorName::Declined, true),
        ("enters-nothing", ErrorName::Declined, true),
        ("takes-too-long", ErrorName::Timeout, true),
        ("has-no-screen", ErrorName::Internal, true),
        ("ends", ErrorName::Internal, true),
        ("speaks-badly", ErrorName::Internal, true),
        ("enters-too-much", ErrorName::Internal, true),
        ("ends-at-once", ErrorName::Internal, false),
        ("greets-badly", ErrorName::Internal, false),
        ("never-ends-its-line", ErrorName::Internal, false),
        ("says-nothing", ErrorName::Internal, false),
    ] {
        let mut scene = Scene::set().await;
        let (running, agent) = scene.with_toy(behaviour).await;
        let question = pin("a");
        let asking = soon(agent.request_secret(&question));
        let answer = if is_asked {
            let (answer, pinentry) = tokio::join!(asking, scene.is_asked());
            pinentry.ends_within(Duration::from_secs(5)).await;
            answer
        } else {
            asking.await
        };
        assert_eq!(refusal(answer), expected, "{behaviour}");
        drop(running);
    }
}

#[tokio::test]
async fn a_yes_and_a_no_are_told_apart() {
    for (behaviour, expected) in [("enters", true), ("gives-up", false), ("refuses", false)] {
        let mut scene = Scene::set().await;
        let (_running, agent) = scene.with_toy(behaviour).await;
        let question = pin("a");
        let (answer, _) = tokio::join!(soon(agent.confirm(&question)), scene.is_asked());
        assert_eq!(answer.expect("an answer"), expected, "{behaviour}");
        assert!(scene.told().contains(&"SETOK Allow".to_owned()));
    }
}

#[tokio::test]
async fn a_question_that_is_taken_back_closes_its_window_within_a_tenth_of_a_second() {
    for behaviour in ["waits", "ignores-signals"] {
        let mut scene = Scene::set().await;
        let (running, agent) = scene.with_toy(behaviour).await;
        let asking = {
            let agent = agent.clone();
            tokio::spawn(async move { agent.request_secret(&pin("a")).await })
        };
        let pinentry = scene.is_asked().await;
        soon(agent.cancel("a", &NoOptions {})).await.expect("taken back");
        pinentry.ends_within(Duration::from_millis(100)).await;
        assert_eq!(refusal(soon(asking).await.expect("a task")), ErrorName::Cancelled, "{behaviour}");
        // The program behind the wrapper went in the same instant.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while left_behind(&scene, running.0.id()) > 0 {
            assert!(tokio::time::Instant::now() < deadline, "{behaviour}: something stays behind");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_code_is_shown_until_it_is_taken_back() {
    let mut scene = Scene::set().await;
    let (_running, agent) = scene.with_toy("waits").await;
    let code = claviger_client::Prompt { code: Some("123 456".to_owned()), ..pin("a") };
    soon(agent.display_code(&code)).await.expect("at once");
    let pinentry = scene.is_asked().await;
    let told = scene.told();
    assert!(
        told.iter().any(|line| line.starts_with("SETDESC ") && line.ends_with("%0A%0A123 456")),
        "{told:?}"
    );
    soon(agent.cancel("a", &NoOptions {})).await.expect("taken back");
    pinentry.ends_within(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn the_window_goes_with_the_daemon_and_with_the_prompter() {
    let mut scene = Scene::set().await;
    let (_running, agent) = scene.with_toy("waits").await;
    let asking = tokio::spawn(async move { agent.request_secret(&pin("a")).await });
    let pinentry = scene.is_asked().await;
    let _kept = scene.daemon_leaves().await;
    pinentry.ends_within(Duration::from_secs(5)).await;
    assert!(soon(asking).await.expect("a task").is_err());

    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        let mut scene = Scene::set().await;
        let (running, agent) = scene.with_toy("waits").await;
        let asking = tokio::spawn(async move { agent.request_secret(&pin("a")).await });
        let pinentry = scene.is_asked().await;
        running.signal(signal);
        pinentry.ends_within(Duration::from_secs(5)).await;
        let status = running.ends().await;
        assert_eq!(status.code(), (signal != Signal::KILL).then_some(0), "{signal:?}");
        assert!(soon(asking).await.expect("a task").is_err());
    }
}

#[tokio::test]
async fn what_cannot_ask_says_so_at_its_start() {
    let scene = Scene::set().await;
    let status = |words: &[&str]| Running::start(&mut scene.prompter(words)).ends();
    assert_eq!(status(&["--pinentry", "/nowhere/pinentry"]).await.code(), Some(1));
    assert_eq!(status(&["--pinentry", "no-such-pinentry"]).await.code(), Some(1));
    assert_eq!(status(&["--pinentry", TOY_PINENTRY, "--session", "taken"]).await.code(), Some(5));
    assert_eq!(status(&["--pinentry", TOY_PINENTRY, "--fly"]).await.code(), Some(2));
}
