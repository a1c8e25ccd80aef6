use std::collections::{BTreeSet, HashSet};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_core::{Session, SessionId};
use tokio::sync::{Notify, mpsc, oneshot};
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath};

use super::{LogindError, NAME, Sleep};
use crate::stream::next;

/// What logind told and nobody looked at yet. It does not grow with how often it was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    something: Notify,
}

/// What logind told since it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// logind is another: everything is asked anew.
    pub(super) anew: bool,
    /// These sessions are over.
    pub(super) removed: BTreeSet<String>,
    /// These objects are new sessions or changed.
    pub(super) changed: HashSet<OwnedObjectPath>,
    /// Sessions that somebody waits for.
    pub(super) asked: Vec<(SessionId, Answer)>,
}

/// Who waits for a session.
pub(super) type Answer = oneshot::Sender<Result<Session, LogindError>>;

impl Pending {
    /// Has a session looked up.
    pub(super) fn ask(&self, id: SessionId, answer: Answer) {
        self.note(|waiting| waiting.asked.push((id, answer)));
    }

    /// Has everything asked anew.
    pub(super) fn ask_everything(&self) {
        self.note(|waiting| waiting.anew = true);
    }

    /// Waits for something, and takes all that there is.
    pub(super) async fn take(&self) -> Waiting {
        loop {
            let waiting = std::mem::take(&mut *self.waiting());
            if !waiting.is_nothing() {
                return waiting;
            }
            self.0.something.notified().await;
        }
    }

    fn note(&self, note: impl FnOnce(&mut Waiting)) {
        note(&mut self.waiting());
        self.0.something.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_nothing(&self) -> bool {
        let Self { anew, removed, changed, asked } = self;
        !anew && removed.is_empty() && changed.is_empty() && asked.is_empty()
    }
}

/// Takes logind's signals from the bus and notes them.
///
/// Nothing is asked of logind here: while a signal waits for the answer of a call, the connection could not read that
/// answer.
pub(super) async fn listen(
    connection: &Connection,
    pending: Pending,
    sleep: mpsc::UnboundedSender<Sleep>,
) -> zbus::Result<()> {
    let told = Told { pending, sleep };
    let owners = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, NAME)
        .build()?;
    let all = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(NAME)
        .path_namespace("/org/freedesktop/login1")
        .build()?;
    let mut owners = MessageStream::for_match_rule(owners, connection, Some(QUEUE)).await?;
    let mut all = MessageStream::for_match_rule(all, connection, Some(QUEUE)).await?;
    let bus = zbus::fdo::DBusProxy::builder(connection)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    // Nobody has it yet: it is told when somebody takes it.
    let mut owner = bus.get_name_owner(NAME.try_into()?).await.ok();
    told.anew();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                message = next(&mut owners) => match message {
                    Some(message) => {
                        if let Some(new) = message.ok().as_ref().and_then(new_owner) {
                            owner = new;
                            told.anew();
                        }
                    }
                    None => return,
                },
                message = next(&mut all) => match message {
                    Some(Ok(message)) if is_from(&message, owner.as_ref()) => told.note(&message),
                    // Anybody may send a signal that looks like logind's.
                    Some(_) => {}
                    None => return,
                },
            }
        }
    });
    Ok(())
}

/// Returns who owns logind's name now, if it is the bus that says so.
fn new_owner(message: &Message) -> Option<Option<OwnedUniqueName>> {
    if !crate::stream::is_from_the_bus(message) {
        return None;
    }
    let (_, _, new): (String, String, String) = message.body().deserialize().ok()?;
    Some(OwnedUniqueName::try_from(new).ok())
}

fn is_from(message: &Message, owner: Option<&OwnedUniqueName>) -> bool {
    let header = message.header();
    owner.is_some_and(|owner| header.sender().is_some_and(|sender| *sender == *owner.inner()))
}

/// Where what logind tells goes.
struct Told {
    pending: Pending,
    sleep: mpsc::UnboundedSender<Sleep>,
}

impl Told {
    /// logind is another, or there is none: nothing that was told before need hold.
    fn anew(&self) {
        self.pending.ask_everything();
        self.sleep(Sleep::Unknown);
    }

    fn note(&self, message: &Message) {
        let header = message.header();
        let (Some(interface), Some(member), Some(path)) =
            (header.interface(), header.member(), header.path())
        else {
            return;
        };
        let body = message.body();
        match (interface.as_str(), member.as_str()) {
            (MANAGER, "SessionNew") => {
                if let Ok((_, path)) = body.deserialize::<(String, OwnedObjectPath)>() {
                    self.changed(path);
                }
            }
            (MANAGER, "SessionRemoved") => {
                if let Ok((id, _)) = body.deserialize::<(String, OwnedObjectPath)>() {
                    self.pending.note(|waiting| waiting.removed.extend([id]));
                }
            }
            (MANAGER, "PrepareForSleep") => match body.deserialize::<bool>() {
                Ok(true) => self.sleep(Sleep::Near),
                Ok(false) => self.sleep(Sleep::Over),
                Err(_) => {}
            },
            ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
                if path.as_str().starts_with(SESSIONS) {
                    self.changed(path.to_owned().into());
                }
            }
            // logind tells of users, seats and more.
            (_, _) => {}
        }
    }

    fn changed(&self, path: OwnedObjectPath) {
        self.pending.note(|waiting| waiting.changed.extend([path]));
    }

    fn sleep(&self, sleep: Sleep) {
        // Whoever waited for it is gone with the service.
        let _ = self.sleep.send(sleep);
    }
}

const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSIONS: &str = "/org/freedesktop/login1/session/";
/// Signals that may wait on the connection for the task that notes them.
const QUEUE: NonZero<usize> = NonZero::new(256).expect("it is not zero");
