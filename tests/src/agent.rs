//! A toy agent, answered by the test, and calls that may bring one in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};
use tokio::sync::{mpsc, oneshot};
use zbus::proxy::{CacheProperties, MethodFlags};
use zbus::wire::ObjectPath;
use zbus::{DBusError, DynamicType, OwnedFd, Proxy, Type};

use crate::accounts::Person;
use crate::house::House;
use crate::peer::{Attributes, NAME, Options, PATH, Peer, Refusal, none, refusal};
use crate::{in_time, secret};

/// An agent of one user on a connection of its own. It answers nothing by itself.
pub struct Agent {
    /// Its connection.
    pub peer: Peer,
    heard: mpsc::UnboundedReceiver<Heard>,
}

/// What an agent is told.
#[derive(Debug)]
pub enum Heard {
    /// It is to ask something.
    Asked(Question),
    /// The question of that id is taken back.
    TakenBack(String),
}

/// A question that waits for its answer. Dropping it answers nothing.
#[derive(Debug)]
pub struct Question {
    /// `RequestSecret` or `Confirm`.
    pub member: &'static str,
    /// What is to be shown.
    pub prompt: Attributes,
    open: Open,
}

/// The questions that have no answer yet.
type Open = Arc<Mutex<HashMap<String, oneshot::Sender<Answer>>>>;

#[derive(Debug)]
enum Answer {
    Secret(String),
    Yes(bool),
    Declined,
}

impl Agent {
    /// Connects as `person` and registers.
    pub async fn of(house: &House, person: &Person) -> Self {
        Self::try_of(house, person).await.expect("there is no other agent")
    }

    /// The same, where it may be refused.
    pub async fn try_of(house: &House, person: &Person) -> Result<Self, Refusal> {
        let peer = house.visitor(person).await;
        let (tell, heard) = mpsc::unbounded_channel();
        let face = Face { tell, open: Open::default() };
        peer.connection().object_server().at(AGENT, face).await.unwrap();
        peer.call::<()>("Agents", "RegisterAgent", &(object(), none())).await?;
        Ok(Self { peer, heard })
    }

    /// Asks to be no agent any more.
    pub async fn unregister(&self) -> Result<(), Refusal> {
        self.peer.call("Agents", "UnregisterAgent", &(object(), none())).await
    }

    /// Returns the next that it is told.
    pub async fn hears(&mut self) -> Heard {
        in_time("word to the agent", self.heard.recv()).await.expect("the connection stays")
    }

    /// Returns the next question, before which nothing is taken back.
    pub async fn asked(&mut self) -> Question {
        match self.hears().await {
            Heard::Asked(question) => question,
            Heard::TakenBack(id) => panic!("{id} was taken back"),
        }
    }

    /// Returns true where it was told nothing that was not looked at.
    pub async fn heard_nothing(&mut self) -> bool {
        // What the daemon sent it before answers to this has arrived then.
        self.peer.account().await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.heard.try_recv().is_err()
    }

    /// Goes without a word, as a program that is killed does.
    pub async fn dies(self) {
        self.peer.connection().clone().close().await.unwrap();
    }
}

impl Question {
    /// Returns its id.
    pub fn id(&self) -> String {
        self.text("prompt").expect("every question has one")
    }

    /// Returns a text of the prompt.
    pub fn text(&self, name: &str) -> Option<String> {
        self.prompt.get(name).map(|value| value.clone().try_into().unwrap())
    }

    /// Returns a number of the prompt.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.prompt.get(name).map(|value| value.clone().try_into().unwrap())
    }

    /// Returns true where the prompt says so.
    pub fn flag(&self, name: &str) -> bool {
        self.prompt.get(name).is_some_and(|value| value.clone().try_into().unwrap())
    }

    /// Types a pass phrase or PIN.
    pub fn typed(self, secret: &str) {
        assert_eq!(self.member, "RequestSecret");
        self.answer(Answer::Secret(secret.to_owned()));
    }

    /// Says yes or no.
    pub fn said(self, yes: bool) {
        assert_eq!(self.member, "Confirm");
        self.answer(Answer::Yes(yes));
    }

    /// Gives up.
    pub fn declined(self) {
        self.answer(Answer::Declined);
    }

    fn answer(self, answer: Answer) {
        let open = self.open.lock().unwrap().remove(&self.id()).expect("it was not taken back");
        assert!(open.send(answer).is_ok(), "the agent waits for it");
    }
}

struct Face {
    tell: mpsc::UnboundedSender<Heard>,
    open: Open,
}

#[derive(Debug, DBusError)]
#[zbus(prefix = "org.claviger.KeyStore1.Error")]
enum NoAnswer {
    #[zbus(error)]
    Bus(zbus::Error),
    Declined(String),
    Cancelled(String),
}

#[zbus::interface(name = "org.claviger.KeyStore1.Agent")]
impl Face {
    async fn request_secret(&self, prompt: Attributes) -> Result<OwnedFd, NoAnswer> {
        match self.ask("RequestSecret", prompt).await? {
            Answer::Secret(secret) => match secret::pipe(secret) {
                zbus::Fd::Owned(descriptor) => Ok(descriptor.into()),
                zbus::Fd::Borrowed(_) => panic!("a pipe is owned"),
            },
            Answer::Yes(_) | Answer::Declined => Err(NoAnswer::Declined("no".to_owned())),
        }
    }

    async fn confirm(&self, prompt: Attributes) -> Result<bool, NoAnswer> {
        match self.ask("Confirm", prompt).await? {
            Answer::Yes(yes) => Ok(yes),
            Answer::Secret(_) | Answer::Declined => Err(NoAnswer::Declined("no".to_owned())),
        }
    }

    fn cancel(&self, prompt: String, _options: Attributes) {
        self.open.lock().unwrap().remove(&prompt);
        // The test may have ended.
        self.tell.send(Heard::TakenBack(prompt)).ok();
    }
}

impl Face {
    async fn ask(&self, member: &'static str, prompt: Attributes) -> Result<Answer, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let question = Question { member, prompt, open: Arc::clone(&self.open) };
        self.open.lock().unwrap().insert(question.id(), answer);
        self.tell.send(Heard::Asked(question)).ok();
        answered.await.map_err(|_| NoAnswer::Cancelled("taken back".to_owned()))
    }
}

impl Peer {
    /// Calls a method with leave to ask somebody.
    pub async fn call_and_ask<R>(
        &self,
        interface: &str,
        member: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<R, Refusal>
    where
        R: DeserializeOwned + Type,
    {
        let proxy: Proxy<'_> = zbus::proxy::Builder::new(self.connection())
            .destination(NAME)
            .path(PATH)
            .interface(format!("{NAME}.{interface}"))
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap();
        let flags = MethodFlags::ALLOW_INTERACTIVE_AUTH;
        let reply = in_time(member, proxy.call_with_flags(member, flags, body)).await;
        reply.map(|reply| reply.expect("a reply is wanted")).map_err(refusal)
    }

    /// Signs, with leave to ask.
    pub async fn sign_and_ask(&self, key: &str, data: &[u8], options: Options) -> Result<Vec<u8>, Refusal> {
        let signature: Result<ByteBuf, _> =
            self.call_and_ask("Keys", "Sign", &(key, "", Bytes::new(data), options)).await;
        signature.map(ByteBuf::into_vec)
    }
}

fn object() -> ObjectPath<'static> {
    ObjectPath::try_from(AGENT).unwrap()
}

const AGENT: &str = "/org/claviger/Agent";
