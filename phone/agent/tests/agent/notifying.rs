//! The person is asked by a notification: the desktop is the test's, on a bus of its own.

use std::collections::HashMap;

use claviger_phone::approval::{A_WHILE, Approver as _, Notification, Unlocking, Verdict};
use claviger_phone::question::{Operation, Question};
use claviger_token::{Algorithm, Errand, Mechanism};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::{Connection, OwnedVariant};

use crate::bus::Bus;

/// What the desktop was told.
#[derive(Debug, PartialEq)]
enum Told {
    Notify { title: String, body: String, actions: Vec<String>, urgent: bool },
    Close(u32),
}

/// A desktop with notifications.
struct Desktop {
    told: UnboundedSender<Told>,
    buttons: bool,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    fn get_capabilities(&self) -> Vec<String> {
        let all = ["body", if self.buttons { "actions" } else { "icon-static" }];
        all.map(str::to_owned).to_vec()
    }

    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        _application: &str,
        _replaces: u32,
        _icon: &str,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        _expires: i32,
    ) -> u32 {
        let urgent =
            hints.get("urgency").is_some_and(|urgency| u8::try_from(urgency).is_ok_and(|level| level == 2));
        self.told.send(Told::Notify { title, body, actions, urgent }).expect("the test looks");
        7
    }

    fn close_notification(&self, id: u32) {
        self.told.send(Told::Close(id)).expect("the test looks");
    }
}

async fn desktop(bus: &Bus, buttons: bool) -> (Connection, UnboundedReceiver<Told>) {
    let connection = bus.connect().await;
    let (told, looks) = unbounded_channel();
    connection.object_server().at(PATH, Desktop { told, buttons }).await.expect("served");
    connection.request_name(NAME).await.expect("a name");
    (connection, looks)
}

async fn press(desktop: &Connection, id: u32, button: &str) {
    let body = (id, button);
    desktop.emit_signal(None::<&str>, PATH, NAME, "ActionInvoked", &body).await.expect("told");
}

fn question(operation: Operation) -> Question {
    let errand = Errand { user: "alice".into(), application: "<b>mail</b>".into(), purpose: "sign".into() };
    Question::new(operation, "00", "laptop", &errand)
        .with_key("k", "signing", Algorithm::P256)
        .with_data(Mechanism::EcdsaSha256, b"abc")
}

fn test<F: Future>(work: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(crate::agent::DEADLINE, work()).await.expect("it ends in time");
    });
}

#[test]
fn the_button_that_is_pressed_is_the_answer() {
    test(|| async {
        let bus = Bus::start();
        let (desktop, mut looks) = desktop(&bus, true).await;
        let approver = Notification::on(&bus.address);
        for (button, operation, expected) in [
            ("approve", Operation::Sign, Verdict::Approved),
            ("approve-for-a-while", Operation::Sign, Verdict::ApprovedFor(A_WHILE)),
            ("refuse", Operation::Sign, Verdict::Refused),
            ("default", Operation::Sign, Verdict::Refused),
            ("approve-for-a-while", Operation::Delete, Verdict::Refused),
        ] {
            let question = question(operation);
            let person = async {
                let Some(Told::Notify { title, body, actions, urgent }) = looks.recv().await else {
                    panic!("no notification")
                };
                assert!(title.contains("\"signing\"") && urgent, "{title}");
                for text in ["Computer: laptop", "alice", "(b)mail(/b)", "ECDSA_SHA256", "ba7816bf8f01cfea"] {
                    assert!(body.contains(text), "{text} is not in {body}");
                }
                assert_eq!(actions.contains(&"approve-for-a-while".to_owned()), operation == Operation::Sign);
                // Somebody else's notification, and somebody who only says to be the desktop.
                press(&desktop, 8, "approve").await;
                press(&bus.connect().await, 7, "approve").await;
                press(&desktop, 7, button).await;
            };
            let (verdict, ()) = tokio::join!(approver.approve(&question), person);
            assert_eq!(verdict, expected, "{button}");
        }
        assert!(looks.try_recv().is_err(), "what was answered needs no closing");
    });
}

#[test]
fn a_question_that_nobody_waits_for_leaves_the_screen() {
    test(|| async {
        let bus = Bus::start();
        let (_desktop, mut looks) = desktop(&bus, true).await;
        let approver = Notification::on(&bus.address);
        let question = question(Operation::Sign);
        tokio::select! {
            _ = approver.approve(&question) => panic!("nobody answered"),
            told = looks.recv() => assert!(matches!(told, Some(Told::Notify { .. }))),
        }
        assert_eq!(looks.recv().await, Some(Told::Close(7)));
    });
}

#[test]
fn to_unlock_it_says_how_and_waits() {
    test(|| async {
        let bus = Bus::start();
        let (desktop, mut looks) = desktop(&bus, true).await;
        let approver = Notification::on(&bus.address);
        let question = question(Operation::Sign);
        let person = async {
            let Some(Told::Notify { body, .. }) = looks.recv().await else { panic!("no notification") };
            assert!(body.contains("claviger-phone unlock"), "{body}");
            press(&desktop, 7, "refuse").await;
        };
        let (answer, ()) = tokio::join!(approver.unlock(&question, "pass phrase", None), person);
        assert!(matches!(answer, Unlocking::Refused));
    });
}

#[test]
fn where_nobody_can_be_asked_the_answer_is_no() {
    test(|| async {
        let bus = Bus::start();
        let question = question(Operation::Sign);
        let approver = Notification::on(&bus.address);
        assert!(matches!(approver.approve(&question).await, Verdict::Impossible(_)), "there is no desktop");
        let (_desktop, _looks) = desktop(&bus, false).await;
        assert!(matches!(approver.approve(&question).await, Verdict::Impossible(_)), "it has no buttons");
        let nowhere = Notification::on("unix:path=/nonexistent/bus");
        assert!(matches!(nowhere.approve(&question).await, Verdict::Impossible(_)), "there is no bus");
    });
}

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
