//! The security manager with a person who answers as the test says.

use std::sync::Arc;
use std::time::Duration;

use claviger_phone::approval::{A_WHILE, Approver, Asking, Unlocking, Verdict};
use claviger_phone::audit::Audit;
use claviger_phone::hosts::{Host, Hosts};
use claviger_phone::manager::{SecurityManager, Session};
use claviger_phone::module::{self, Module, SoftModule};
use claviger_phone::question::{Operation, Question};
use claviger_phone::store::Store;
use claviger_phone::stream::{Ended, Idle, serve};
use claviger_phone_protocol::{
    Command, Failure, KeyEntry, Known, PairingId, PublicKey, Reply, Rv, StaticKey,
};
use claviger_token::{Algorithm, Secret};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::computer::{generate, sign};

/// A question on the screen, and where the answer goes.
pub(crate) enum Shown {
    Approve(Box<Question>, oneshot::Sender<Verdict>),
    Unlock(Option<String>, oneshot::Sender<Unlocking>),
}

/// A screen that a test looks at.
struct Screen(UnboundedSender<Shown>);

impl Approver for Screen {
    fn has_screen(&self) -> bool {
        true
    }

    fn approve<'a>(&'a self, question: &'a Question) -> Asking<'a, Verdict> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.0.send(Shown::Approve(Box::new(question.clone()), answer)).expect("the test looks");
            answered.await.unwrap_or(Verdict::Refused)
        })
    }

    fn unlock<'a>(
        &'a self,
        _: &'a Question,
        wanted: &'a str,
        hint: Option<&'a str>,
    ) -> Asking<'a, Unlocking> {
        assert_eq!(wanted, "pass phrase");
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.0.send(Shown::Unlock(hint.map(str::to_owned), answer)).expect("the test looks");
            answered.await.unwrap_or(Unlocking::Refused)
        })
    }
}

/// An agent inside this process, with two paired computers.
pub(crate) struct Phone {
    pub(crate) manager: Arc<SecurityManager>,
    pub(crate) screen: UnboundedReceiver<Shown>,
    folder: TempDir,
}

impl Phone {
    /// Makes one; it is unlocked.
    pub(crate) async fn new() -> Self {
        Self::with(|module| module).await
    }

    /// Makes one with another module before the store.
    pub(crate) async fn with(before: impl FnOnce(Arc<dyn Module>) -> Arc<dyn Module>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(Store::open(&folder.path().join("state")).expect("a store"));
        module::init(&store, &passphrase()).expect("made");
        let (module, _) = SoftModule::open(Arc::clone(&store)).expect("a store").expect("slots");
        let module = before(Arc::new(module));
        let (hosts, _) = Hosts::open(Arc::clone(&store)).expect("a book");
        let audit = Audit::open(store.root()).expect("a list");
        let (sender, screen) = unbounded_channel();
        let approver = Arc::new(Screen(sender));
        let manager = SecurityManager::new("phone".to_owned(), hosts, module, approver, audit);
        manager.unlock(passphrase()).await.expect("it is right");
        Self { manager, screen, folder }
    }

    /// Begins a request of that computer.
    pub(crate) fn request(
        &self,
        session: &Arc<Session>,
        command: Command,
    ) -> JoinHandle<Result<Reply, Failure>> {
        let (manager, session) = (Arc::clone(&self.manager), Arc::clone(session));
        tokio::spawn(async move { manager.request(&session, command).await })
    }

    /// Answers the next question.
    pub(crate) async fn answer(&mut self, verdict: Verdict) -> Question {
        match self.screen.recv().await.expect("a question") {
            Shown::Approve(question, answer) => {
                answer.send(verdict).expect("somebody waits");
                *question
            }
            Shown::Unlock(..) => panic!("it wants to be unlocked"),
        }
    }

    pub(crate) async fn key(&mut self, session: &Arc<Session>, number: u8) -> KeyEntry {
        let made = self.request(session, generate(Algorithm::P256, number));
        assert_eq!(self.answer(Verdict::Approved).await.operation, Operation::Generate);
        match made.await.expect("it ends") {
            Ok(Reply::Key(key)) => key,
            _ => panic!("there is no key"),
        }
    }

    pub(crate) fn outcomes(&self) -> Vec<String> {
        let entries = Audit::read(&self.folder.path().join("state")).expect("a list");
        entries.into_iter().map(|entry| entry.outcome).collect()
    }
}

pub(crate) fn session(number: u8) -> Arc<Session> {
    let known = Known {
        pairing: PairingId::from_bytes([number; 16]),
        uid: 1000,
        own: StaticKey::from_bytes(&[1; 32]),
        peer: PublicKey::from_bytes([2; 32]),
    };
    let (name, user) = (format!("host {number}"), "alice".to_owned());
    Session::new(Arc::new(Host { known, name, user, paired: 0 }))
}

pub(crate) fn passphrase() -> Secret {
    Secret::new(b"correct horse".to_vec())
}

pub(crate) fn test<F: Future>(work: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(crate::agent::DEADLINE, work()).await.expect("it ends in time");
    });
}

pub(crate) fn is_signed(outcome: &Result<Reply, Failure>) -> bool {
    matches!(outcome, Ok(Reply::Signature(_)))
}

#[test]
fn a_yes_for_a_while_holds_for_one_key_and_one_computer_until_it_is_taken_back() {
    test(|| async {
        let mut phone = Phone::new().await;
        let (laptop, desk) = (session(1), session(2));
        let (key, other) = (phone.key(&laptop, 1).await, phone.key(&laptop, 2).await);
        let signed = phone.request(&laptop, sign(&key, "sign"));
        phone.answer(Verdict::ApprovedFor(A_WHILE)).await;
        assert!(is_signed(&signed.await.expect("it ends")));
        assert!(is_signed(&phone.request(&laptop, sign(&key, "sign")).await.expect("it ends")), "unasked");
        // Another computer, another key: asked.
        for (session, key) in [(&desk, &key), (&laptop, &other)] {
            let refused = phone.request(session, sign(key, "sign"));
            phone.answer(Verdict::Refused).await;
            assert!(!is_signed(&refused.await.expect("it ends")));
        }
        // Its logout takes it back.
        phone.request(&laptop, Command::Logout).await.expect("it ends").expect("done");
        let login = Command::Login {
            secret: None,
            spare: claviger_token::Spare::Last,
            errand: crate::computer::errand("unlock"),
        };
        let login = phone.request(&laptop, login);
        assert_eq!(phone.answer(Verdict::Approved).await.operation, Operation::Unlock);
        assert!(login.await.expect("it ends").is_ok());
        let refused = phone.request(&laptop, sign(&key, "sign"));
        phone.answer(Verdict::Refused).await;
        assert!(!is_signed(&refused.await.expect("it ends")));
        let outcomes = phone.outcomes();
        let expected = [
            "approved",
            "approved",
            "approved for a while",
            "allowed",
            "refused",
            "refused",
            "approved",
            "refused",
        ];
        assert_eq!(outcomes, expected);
    });
}

#[test]
fn to_unlock_for_a_request_is_a_yes_to_it_and_a_wrong_pass_phrase_is_asked_for_again() {
    test(|| async {
        let mut phone = Phone::new().await;
        let laptop = session(1);
        let key = phone.key(&laptop, 1).await;
        phone.manager.lock();
        let signed = phone.request(&laptop, sign(&key, "sign"));
        for (hint, entered) in [(None, &b"wrong"[..]), (Some("the secret is wrong"), b"correct horse")] {
            let Some(Shown::Unlock(shown, answer)) = phone.screen.recv().await else { panic!("no question") };
            assert_eq!(shown.as_deref(), hint);
            assert!(answer.send(Unlocking::Secret(Secret::new(entered.to_vec()))).is_ok());
        }
        assert!(is_signed(&signed.await.expect("it ends")));
        // Unlocked elsewhere meanwhile is no yes: it is asked about.
        phone.manager.lock();
        let signed = phone.request(&laptop, sign(&key, "sign"));
        let Some(Shown::Unlock(_, _unanswered)) = phone.screen.recv().await else { panic!("no question") };
        phone.manager.unlock(passphrase()).await.expect("it is right");
        phone.answer(Verdict::Approved).await;
        assert!(is_signed(&signed.await.expect("it ends")));
        phone.manager.lock();
        let refused = phone.request(&laptop, sign(&key, "sign"));
        let Some(Shown::Unlock(_, answer)) = phone.screen.recv().await else { panic!("no question") };
        drop(answer);
        let failure = refused.await.expect("it ends").err().expect("it is refused");
        assert_eq!(failure.rv, Rv::FunctionRejected);
        assert_eq!(phone.outcomes()[1..], ["approved by unlocking", "approved", "refused"]);
    });
}

#[test]
fn one_question_is_on_the_screen_at_a_time_and_a_cancelled_one_leaves_it() {
    test(|| async {
        let mut phone = Phone::new().await;
        let (laptop, desk) = (session(1), session(2));
        let key = phone.key(&laptop, 1).await;
        let first = phone.request(&laptop, sign(&key, "sign"));
        let Some(Shown::Approve(_, answer)) = phone.screen.recv().await else { panic!("no question") };
        let second = phone.request(&desk, sign(&key, "sign"));
        let third = phone.request(&desk, sign(&key, "sign"));
        tokio::task::yield_now().await;
        assert!(phone.screen.try_recv().is_err(), "one at a time");
        first.abort();
        drop(first.await);
        assert!(answer.is_closed(), "nobody waits for its answer");
        assert_eq!(phone.answer(Verdict::Approved).await.host, "host 2");
        assert!(is_signed(&second.await.expect("it ends")));
        phone.answer(Verdict::Refused).await;
        assert!(!is_signed(&third.await.expect("it ends")));
        assert_eq!(phone.outcomes()[1..], ["given up", "approved", "refused"]);
    });
}

#[test]
fn what_cannot_be_noted_is_not_handed_out() {
    test(|| async {
        let mut phone = Phone::new().await;
        let laptop = session(1);
        let key = phone.key(&laptop, 1).await;
        // A list that is full and cannot be put aside: a folder stands in the place of the old one.
        let state = phone.folder.path().join("state");
        std::fs::create_dir_all(state.join("audit.old.jsonl/occupied")).expect("room");
        phone.begin_anew_with_a_full_list();
        let unnoted = phone.request(&laptop, sign(&key, "sign"));
        phone.answer(Verdict::Approved).await;
        let failure = unnoted.await.expect("it ends").err().expect("it is not handed out");
        assert_eq!(failure.rv, Rv::DeviceMemory);
    });
}

impl Phone {
    /// Takes the place of an agent whose audit list is as long as it gets: the next line wants another file.
    fn begin_anew_with_a_full_list(&mut self) {
        let state = self.folder.path().join("state");
        let list = std::fs::File::options().append(true).open(state.join("audit.jsonl")).expect("a list");
        list.set_len(8 * 1024 * 1024).expect("room");
        let (sender, screen) = unbounded_channel();
        self.screen = screen;
        self.manager = SecurityManager::new(
            "phone".to_owned(),
            Arc::clone(&self.manager.hosts),
            Arc::clone(self.manager.module()),
            Arc::new(Screen(sender)),
            Audit::open(&state).expect("a list"),
        );
    }
}

#[test]
fn nobody_is_waited_for_longer_than_a_minute() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut phone = Phone::new().await;
        let laptop = session(1);
        let key = phone.key(&laptop, 1).await;
        tokio::time::pause();
        let begin = tokio::time::Instant::now();
        let failure =
            phone.manager.request(&laptop, sign(&key, "sign")).await.err().expect("nobody answered");
        assert_eq!(failure.rv, Rv::FunctionCanceled);
        assert_eq!(begin.elapsed().as_secs(), 60);
        assert_eq!(phone.outcomes()[1..], ["nobody answered"]);
    });
}

#[test]
fn a_stream_on_which_nobody_opens_a_channel_is_closed_but_a_wire_is_not() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let phone = Phone::new().await;
        tokio::time::pause();
        for (idle, ends) in [(Idle::Short, true), (Idle::Long, false)] {
            let (mut near, far) = tokio::io::duplex(4096);
            let manager = Arc::clone(&phone.manager);
            let served = tokio::spawn(async move { serve(far, &manager, idle).await });
            near.write_all(b"AT\r").await.expect("it reads");
            let mut answer = [0; 6];
            near.read_exact(&mut answer).await.expect("it answers");
            assert_eq!(&answer, b"\r\nOK\r\n");
            let begin = tokio::time::Instant::now();
            match tokio::time::timeout(Duration::from_secs(3600), served).await {
                Ok(ended) => {
                    assert!(ends && matches!(ended.expect("it ends"), Ended::Silent));
                    assert_eq!(begin.elapsed().as_secs(), 30);
                }
                Err(_elapsed) => assert!(!ends),
            }
        }
    });
}
