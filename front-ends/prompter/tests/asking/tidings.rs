//! Why a session ends, told to the person.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use tokio::sync::mpsc;
use zbus::OwnedVariant;

use crate::scene::{Running, Scene, TOY_PINENTRY, soon};
use crate::toy::PrivateBus;

const TEXT: &str = "The token \"work\" was removed: your session c2 is being locked.";

struct ToyDesktop(mpsc::UnboundedSender<(String, String)>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl ToyDesktop {
    #[expect(clippy::too_many_arguments, reason = "the Desktop Notifications Specification has that many")]
    fn notify(
        &self,
        application: &str,
        replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        assert_eq!((application, replaces, actions.len()), ("Claviger", 0, 0));
        self.0.send((summary.to_owned(), body.to_owned())).expect("somebody looks");
        1
    }
}

#[tokio::test]
async fn the_desktop_notifies_the_person() {
    let scene = Scene::set().await;
    let session = PrivateBus::start();
    let (sender, mut notified) = mpsc::unbounded_channel();
    let desktop = zbus::connection::Builder::address(session.address.as_str())
        .serve_at("/org/freedesktop/Notifications", ToyDesktop(sender))
        .name("org.freedesktop.Notifications")
        .build();
    let _desktop = desktop.await.expect("a desktop");
    let mut command = scene.prompter(&["--pinentry", TOY_PINENTRY]);
    let _running = Running::start(command.env("DBUS_SESSION_BUS_ADDRESS", &session.address));
    let told = soon(notified.recv()).await.expect("a notification");
    assert_eq!(told, ("Your token is gone".to_owned(), TEXT.to_owned()));
}

#[tokio::test]
async fn without_a_desktop_the_journal_has_it_and_other_sessions_are_not_told() {
    for (words, is_told) in [(&["--session", "c2"][..], true), (&["--session", "c3"][..], false)] {
        let mut scene = Scene::set().await;
        let mut command = scene.prompter(&["--pinentry", TOY_PINENTRY]);
        let nowhere = format!("unix:path={}/nowhere", scene.folder.path().display());
        command.args(words).env("DBUS_SESSION_BUS_ADDRESS", nowhere).stderr(Stdio::piped());
        let mut running = Running::start(&mut command);
        let journal = running.0.stderr.take().expect("its errors");
        scene.agent().await;
        let reading = tokio::task::spawn_blocking(move || {
            BufReader::new(journal).lines().map_while(Result::ok).find(|line| line.contains(TEXT))
        });
        if !is_told {
            // It was told by then: the daemon's answer to Subscribe comes after the signal, and its leaving after both.
            let _kept = scene.daemon_leaves().await;
            running.signal(rustix::process::Signal::TERM);
        }
        assert_eq!(soon(reading).await.expect("a task").is_some(), is_told);
    }
}
