//! Agents: who may ask them, in which order, and what is taken back: on a real bus, with a daemon of toy strength.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the toy of the client's other tests can do more than is asked of it here")]
mod toy;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use claviger_client::{
    Agency, Agent, AgentOptions, CallError, Client, Error, ErrorName, NoAnswer, Prompt, Secret, Standing,
    names,
};
use claviger_dbus::proxy::AgentProxy;
use claviger_dbus::wire::NoOptions;
use claviger_dbus::{Failure, xml};
use tokio::sync::{Semaphore, mpsc};
use toy::PrivateBus;
use zbus::message::Header;
use zbus::{Connection, ObjectPath, OwnedFd};

/// What happens at the person's desk, as the toys see it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Asked(String),
    TakenBack(String),
    Registered(String, Option<String>),
    Unregistered,
}

/// Asks nobody: it answers what `answers` has room for.
struct ToyAgent {
    seen: mpsc::UnboundedSender<Seen>,
    answers: Arc<Semaphore>,
}

/// Tells when a question goes without an answer.
struct Open(mpsc::UnboundedSender<Seen>, Option<String>);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(id) = self.1.take() {
            drop(self.0.send(Seen::TakenBack(id)));
        }
    }
}

impl ToyAgent {
    async fn ask(&self, prompt: &Prompt) {
        let id = prompt.prompt.clone();
        self.seen.send(Seen::Asked(id.clone())).expect("somebody looks");
        let mut open = Open(self.seen.clone(), Some(id));
        self.answers.acquire().await.expect("open").forget();
        open.1 = None;
    }
}

impl Agent for ToyAgent {
    async fn secret(&self, prompt: Prompt) -> Result<Secret, NoAnswer> {
        self.ask(&prompt).await;
        match prompt.secret.as_deref() {
            Some("pin") => Ok(Secret::new(b"123456".to_vec())),
            _ => Err(NoAnswer::Declined),
        }
    }

    async fn confirm(&self, prompt: Prompt) -> Result<bool, NoAnswer> {
        self.ask(&prompt).await;
        Ok(true)
    }

    async fn display(&self, prompt: Prompt) {
        self.ask(&prompt).await;
    }
}

struct ToyAgents {
    seen: mpsc::UnboundedSender<Seen>,
    refuses: Arc<AtomicBool>,
    agent: Arc<Mutex<Option<(String, String)>>>,
}

#[zbus::interface(name = "org.claviger.KeyStore1.Agents")]
impl ToyAgents {
    fn register_agent(
        &self,
        agent: ObjectPath<'_>,
        options: AgentOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(CallError::new(ErrorName::AlreadyExists, "cannot register: there is one"));
        }
        let sender = header.sender().expect("a sender").to_string();
        *self.agent.lock().expect("no panic") = Some((sender, agent.to_string()));
        self.seen.send(Seen::Registered(agent.to_string(), options.session)).expect("somebody looks");
        Ok(())
    }

    fn unregister_agent(&self, agent: ObjectPath<'_>, options: NoOptions) {
        let NoOptions {} = options;
        let known = self.agent.lock().expect("no panic").take();
        assert_eq!(known.map(|(_, path)| path), Some(agent.to_string()));
        self.seen.send(Seen::Unregistered).expect("somebody looks");
    }
}

/// A bus, and what the toys see; the daemon comes and goes.
struct Scene {
    bus: PrivateBus,
    sender: mpsc::UnboundedSender<Seen>,
    seen: mpsc::UnboundedReceiver<Seen>,
    answers: Arc<Semaphore>,
    refuses: Arc<AtomicBool>,
    agent: Arc<Mutex<Option<(String, String)>>>,
}

impl Scene {
    fn set() -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        Self {
            bus: PrivateBus::start(),
            sender,
            seen,
            answers: Arc::new(Semaphore::new(0)),
            refuses: Arc::default(),
            agent: Arc::default(),
        }
    }

    async fn daemon(&self) -> Connection {
        let agents = ToyAgents {
            seen: self.sender.clone(),
            refuses: Arc::clone(&self.refuses),
            agent: Arc::clone(&self.agent),
        };
        zbus::connection::Builder::address(self.bus.address.as_str())
            .serve_at(names::OBJECT_PATH, agents)
            .name(names::BUS_NAME)
            .build()
            .await
            .expect("a toy on the bus")
    }

    async fn agency(&self, options: AgentOptions) -> Agency {
        let client = Client::connect(&self.bus.bus()).await.expect("a client");
        let agent = ToyAgent { seen: self.sender.clone(), answers: Arc::clone(&self.answers) };
        client.serve_agent(agent, options).await.expect("an agency")
    }

    /// Returns the agent as that connection can call it.
    async fn asking(&self, connection: &Connection) -> AgentProxy<'static> {
        let (sender, path) = self.agent.lock().expect("no panic").clone().expect("registered");
        let proxy = AgentProxy::builder(connection).destination(sender).path(path).build().await;
        proxy.expect("a proxy")
    }

    async fn sees(&mut self, expected: Seen) {
        let seen = soon(self.seen.recv()).await;
        assert_eq!(seen, Some(expected));
    }

    fn sees_nothing_more(&mut self) {
        assert_eq!(self.seen.try_recv().ok(), None);
    }

    async fn is_registered(&mut self, agency: &mut Agency) {
        assert!(matches!(soon(agency.next()).await, Ok(Some(Standing::Registered))));
        self.sees(Seen::Registered("/org/claviger/Agent".to_owned(), None)).await;
    }
}

async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("in time")
}

fn prompt(id: &str) -> Prompt {
    Prompt { prompt: id.to_owned(), secret: Some("pin".to_owned()), ..Prompt::default() }
}

fn asked(id: &str) -> Seen {
    Seen::Asked(id.to_owned())
}

fn taken_back(id: &str) -> Seen {
    Seen::TakenBack(id.to_owned())
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Failure>) -> ErrorName {
    match answer {
        Err(Failure::Refused(error)) => error.name,
        other => panic!("{other:?}"),
    }
}

/// Puts a question, and comes back with what is to be awaited once it is on its way.
async fn put(agent: &AgentProxy<'static>, id: &str) -> tokio::task::JoinHandle<Result<OwnedFd, Failure>> {
    let (agent, prompt) = (agent.clone(), prompt(id));
    let putting = tokio::spawn(async move { agent.request_secret(&prompt).await });
    tokio::task::yield_now().await;
    putting
}

#[tokio::test]
async fn questions_are_put_one_after_the_other() {
    let mut scene = Scene::set();
    let daemon = scene.daemon().await;
    let mut agency = scene.agency(AgentOptions::default()).await;
    scene.is_registered(&mut agency).await;
    let agent = scene.asking(&daemon).await;
    let first = put(&agent, "a").await;
    scene.sees(asked("a")).await;
    let second = put(&agent, "b").await;
    // The bus keeps the order: when this one is answered, "b" has been taken in.
    assert_eq!(refusal(soon(agent.confirm(&prompt("a"))).await), ErrorName::AlreadyExists);
    scene.sees_nothing_more();

    scene.answers.add_permits(1);
    let answer = soon(first).await.expect("a task").expect("a secret");
    let mut secret = String::new();
    let mut file = std::fs::File::from(std::os::fd::OwnedFd::from(answer));
    std::io::Read::read_to_string(&mut file, &mut secret).expect("text");
    assert_eq!(secret, "123456");
    scene.sees(asked("b")).await;
    scene.answers.add_permits(1);
    assert!(soon(second).await.expect("a task").is_ok());

    scene.answers.add_permits(2);
    assert!(soon(agent.confirm(&prompt("c"))).await.expect("an answer"));
    let declined = Prompt { secret: Some("passphrase".to_owned()), ..prompt("d") };
    assert_eq!(refusal(soon(agent.request_secret(&declined)).await), ErrorName::Declined);
}

#[tokio::test]
async fn a_question_that_is_taken_back_goes_at_once_and_one_that_waits_is_never_put() {
    let mut scene = Scene::set();
    let daemon = scene.daemon().await;
    let mut agency = scene.agency(AgentOptions::default()).await;
    scene.is_registered(&mut agency).await;
    let agent = scene.asking(&daemon).await;
    let first = put(&agent, "a").await;
    scene.sees(asked("a")).await;
    let second = put(&agent, "b").await;
    soon(agent.cancel("b", &NoOptions {})).await.expect("taken back");
    assert_eq!(refusal(soon(second).await.expect("a task")), ErrorName::Cancelled);
    // Calls may overtake each other.
    soon(agent.cancel("c", &NoOptions {})).await.expect("taken back");
    assert_eq!(refusal(soon(agent.confirm(&prompt("c"))).await), ErrorName::Cancelled);
    scene.sees_nothing_more();

    let since = Instant::now();
    soon(agent.cancel("a", &NoOptions {})).await.expect("taken back");
    scene.sees(taken_back("a")).await;
    assert!(since.elapsed() < Duration::from_millis(100), "{:?}", since.elapsed());
    assert_eq!(refusal(soon(first).await.expect("a task")), ErrorName::Cancelled);
    // The id is free again.
    scene.answers.add_permits(1);
    assert!(soon(agent.confirm(&prompt("a"))).await.expect("an answer"));
}

#[tokio::test]
async fn nobody_but_the_daemon_is_answered() {
    let mut scene = Scene::set();
    let daemon = scene.daemon().await;
    let mut agency = scene.agency(AgentOptions::default()).await;
    scene.is_registered(&mut agency).await;
    scene.answers.add_permits(1);
    let stranger = scene.bus.connect().await;
    let agent = scene.asking(&stranger).await;
    assert_eq!(refusal(soon(agent.request_secret(&prompt("a"))).await), ErrorName::AccessDenied);
    assert_eq!(refusal(soon(agent.confirm(&prompt("a"))).await), ErrorName::AccessDenied);
    assert_eq!(refusal(soon(agent.display_code(&prompt("a"))).await), ErrorName::AccessDenied);
    assert_eq!(refusal(soon(agent.cancel("a", &NoOptions {})).await), ErrorName::AccessDenied);
    scene.sees_nothing_more();
    assert!(soon(scene.asking(&daemon).await.confirm(&prompt("a"))).await.expect("an answer"));
}

#[tokio::test]
async fn a_code_is_shown_beside_questions_until_it_is_taken_back() {
    let mut scene = Scene::set();
    let daemon = scene.daemon().await;
    let mut agency = scene.agency(AgentOptions::default()).await;
    scene.is_registered(&mut agency).await;
    let agent = scene.asking(&daemon).await;
    soon(agent.display_code(&prompt("code"))).await.expect("at once");
    scene.sees(asked("code")).await;
    let question = put(&agent, "a").await;
    scene.sees(asked("a")).await;
    soon(agent.cancel("code", &NoOptions {})).await.expect("taken back");
    scene.sees(taken_back("code")).await;
    scene.answers.add_permits(1);
    assert!(soon(question).await.expect("a task").is_ok());
}

#[tokio::test]
async fn a_daemon_that_leaves_takes_its_questions_with_it_and_finds_the_agent_again() {
    let mut scene = Scene::set();
    // There is no daemon yet, and none to be started.
    let mut agency = scene.agency(AgentOptions::default()).await;
    let registering = tokio::spawn(async move {
        let standing = agency.next().await;
        (agency, standing)
    });
    let daemon = scene.daemon().await;
    scene.sees(Seen::Registered("/org/claviger/Agent".to_owned(), None)).await;
    let (mut agency, standing) = soon(registering).await.expect("a task");
    assert!(matches!(standing, Ok(Some(Standing::Registered))));

    let question = put(&scene.asking(&daemon).await, "a").await;
    scene.sees(asked("a")).await;
    daemon.close().await.expect("an end");
    assert!(matches!(soon(agency.next()).await, Ok(Some(Standing::Gone))));
    scene.sees(taken_back("a")).await;
    assert!(soon(question).await.expect("a task").is_err());

    let daemon = scene.daemon().await;
    scene.is_registered(&mut agency).await;
    scene.answers.add_permits(1);
    assert!(soon(scene.asking(&daemon).await.confirm(&prompt("b"))).await.expect("an answer"));
    soon(agency.end()).await.expect("told");
    scene.sees(asked("b")).await;
    scene.sees(Seen::Unregistered).await;
}

#[tokio::test]
async fn an_agent_that_is_not_wanted_is_told_and_one_without_a_bus_ends() {
    let mut scene = Scene::set();
    let _daemon = scene.daemon().await;
    scene.refuses.store(true, Ordering::SeqCst);
    let mut agency = scene.agency(AgentOptions { session: Some("c2".to_owned()) }).await;
    let refused = soon(agency.next()).await.expect_err("refused");
    assert!(matches!(&refused, Error::Refused(error) if error.name == ErrorName::AlreadyExists));

    scene.refuses.store(false, Ordering::SeqCst);
    assert!(matches!(soon(agency.next()).await, Ok(Some(Standing::Registered))));
    scene.sees(Seen::Registered("/org/claviger/Agent".to_owned(), Some("c2".to_owned()))).await;
    drop(scene.bus);
    assert!(matches!(soon(agency.next()).await, Ok(None)));
}

#[tokio::test]
async fn what_an_agent_serves_is_what_the_contract_says() {
    let mut scene = Scene::set();
    let daemon = scene.daemon().await;
    let mut agency = scene.agency(AgentOptions::default()).await;
    scene.is_registered(&mut agency).await;
    let agent = scene.asking(&daemon).await;
    let served = agent.inner().introspect().await.expect("introspection");
    assert_eq!(arguments(&served), arguments(xml::AGENT.xml));
}

/// Returns method, direction and type of every argument of `.Agent`.
fn arguments(xml: &str) -> Vec<[String; 3]> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(xml, options).expect("XML");
    let agent = |node: &roxmltree::Node<'_, '_>| node.attribute("name") == Some(names::AGENT);
    let interface = document.descendants().find(agent).expect("the interface");
    let text = |node: roxmltree::Node<'_, '_>, name| node.attribute(name).expect("an attribute").to_owned();
    let mut arguments: Vec<_> = interface
        .descendants()
        .filter(|node| node.has_tag_name("arg"))
        .map(|arg| {
            let method = arg.parent().expect("a method");
            [text(method, "name"), text(arg, "direction"), text(arg, "type")]
        })
        .collect();
    arguments.sort();
    assert!(!arguments.is_empty());
    arguments
}
