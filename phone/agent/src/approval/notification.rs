use std::collections::HashMap;

use tokio::sync::oneshot;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MessageStream, Variant};

use super::{A_WHILE, Approver, Asking, Unlocking, Verdict};
use crate::bus;
use crate::question::Question;

/// Asks by a notification of the desktop (Desktop Notifications Specification 1.2).
///
/// Any program of the same session can own that name or press its buttons: a phone's session is its owner's alone.
#[derive(Debug, Default)]
pub struct Notification {
    /// The bus of the session, or the one whose address was given.
    address: Option<String>,
}

impl Notification {
    /// Asks on that bus instead of the session's.
    pub fn on(address: &str) -> Self {
        Self { address: Some(address.to_owned()) }
    }

    /// Shows a question. A notification that came to stand after nobody waits for it any longer is closed as well.
    async fn show(&self, question: &Question, actions: &[(&str, &str)], more: &str) -> zbus::Result<Shown> {
        let lines = question.lines().into_iter().map(|(name, text)| format!("{name}: {text}\n"));
        let body: String = lines.chain([more.to_owned()]).collect();
        let text = Text {
            title: question.title(),
            body: body.trim_end().to_owned(),
            actions: actions.iter().flat_map(|(key, label)| [*key, *label]).map(str::to_owned).collect(),
        };
        let address = self.address.clone();
        let (sender, shown) = oneshot::channel();
        tokio::spawn(async move { drop(sender.send(text.show(address.as_deref()).await)) });
        shown.await.unwrap_or_else(|_| Err(zbus::Error::Failure("the agent ends".to_owned())))
    }
}

/// What stands in a notification.
struct Text {
    title: String,
    body: String,
    /// Key and label of each button, in turn.
    actions: Vec<String>,
}

impl Text {
    /// Connects anew for each question: an agent may outlive the session that it asks in, and needs no bus while nobody asks.
    async fn show(self, address: Option<&str>) -> zbus::Result<Shown> {
        let connection = match address {
            Some(address) => zbus::connection::Builder::address(address).build().await?,
            None => Connection::session().await?,
        };
        let signals = bus::signals(&connection, NAME, NAME, None).await?;
        let asked = connection.call_method(Some(NAME), PATH, Some(NAME), "GetCapabilities", &()).await?;
        let capabilities: Vec<String> = asked.body().deserialize()?;
        if !capabilities.iter().any(|capability| capability == "actions") {
            return Err(zbus::Error::Failure("the notifications of this desktop have no buttons".to_owned()));
        }
        // Urgent: it stays until it is answered, also where others go by themselves.
        let hints: HashMap<&str, Variant<'_>> =
            HashMap::from([("urgency", Variant::from(2_u8)), ("category", Variant::from("device"))]);
        let Self { title, body, actions } = self;
        let arguments = ("Claviger", 0_u32, "dialog-password", title, body, actions, hints, 0_i32);
        let reply = connection.call_method(Some(NAME), PATH, Some(NAME), "Notify", &arguments).await?;
        let (server, id) = (bus::sender(&reply), reply.body().deserialize()?);
        Ok(Shown { connection, signals, server, id, is_answered: false })
    }
}

/// A notification on the screen. It goes when this is dropped.
struct Shown {
    connection: Connection,
    signals: MessageStream,
    server: Option<OwnedUniqueName>,
    id: u32,
    is_answered: bool,
}

impl Shown {
    /// Waits for the button that is pressed; `None` where it was closed without one, or the desktop went away.
    async fn pressed(&mut self) -> Option<String> {
        loop {
            let message = bus::next(&mut self.signals).await?.ok()?;
            // Anybody may send a signal that looks like the desktop's.
            if bus::sender(&message) != self.server {
                continue;
            }
            match message.header().member().map(|member| member.as_str()) {
                Some("ActionInvoked") => {
                    let (id, key): (u32, String) = message.body().deserialize().ok()?;
                    if id == self.id {
                        self.is_answered = true;
                        return Some(key);
                    }
                }
                Some("NotificationClosed") => {
                    let (id, _reason): (u32, u32) = message.body().deserialize().ok()?;
                    if id == self.id {
                        self.is_answered = true;
                        return None;
                    }
                }
                _ => {}
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let (connection, id) = (self.connection.clone(), self.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Where the desktop is gone the notification is gone as well.
                drop(connection.call_method(Some(NAME), PATH, Some(NAME), "CloseNotification", &id).await);
            });
        }
    }
}

impl Approver for Notification {
    fn has_screen(&self) -> bool {
        true
    }

    fn approve<'a>(&'a self, question: &'a Question) -> Asking<'a, Verdict> {
        Box::pin(async move {
            let is_everyday = question.operation.may_be_allowed_for_a_while();
            let actions = if is_everyday { &[APPROVE, FOR_A_WHILE, REFUSE][..] } else { &[APPROVE, REFUSE] };
            let mut shown = match self.show(question, actions, "").await {
                Ok(shown) => shown,
                Err(error) => return Verdict::Impossible(error.to_string()),
            };
            match shown.pressed().await.as_deref() {
                Some("approve") => Verdict::Approved,
                Some("approve-for-a-while") if is_everyday => Verdict::ApprovedFor(A_WHILE),
                Some(_) | None => Verdict::Refused,
            }
        })
    }

    fn unlock<'a>(
        &'a self,
        question: &'a Question,
        wanted: &'a str,
        _hint: Option<&'a str>,
    ) -> Asking<'a, Unlocking> {
        Box::pin(async move {
            let more = format!("The keys are locked. To allow it, enter the {wanted}: claviger-phone unlock");
            match self.show(question, &[REFUSE], &more).await {
                Ok(mut shown) => match shown.pressed().await {
                    Some(_) => Unlocking::Refused,
                    // It was put aside, perhaps to get at a terminal: whoever waits for the keys waits on.
                    None => std::future::pending().await,
                },
                Err(error) => Unlocking::Impossible(error.to_string()),
            }
        })
    }
}

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

const APPROVE: (&str, &str) = ("approve", "Approve");
const FOR_A_WHILE: (&str, &str) = ("approve-for-a-while", "Approve for 10 minutes");
const REFUSE: (&str, &str) = ("refuse", "Refuse");
