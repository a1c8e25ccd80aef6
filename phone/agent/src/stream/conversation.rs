mod invited;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::phone::{Event, Identity, Phone};
use claviger_phone_protocol::{
    Change, Closed, Command, Failure, Hello, NewPairing, Notice, PairingId, Refusal, Reply, Request,
    RequestId, Rv, SystemRandomness,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;

use super::{Ended, Idle};
use crate::clock::since_boot;
use crate::hosts::{Order, Presence};
use crate::invitation::{News, Taken};
use crate::manager::{SecurityManager, Session};

/// What happens on one stream.
pub(super) struct Conversation {
    phone: Phone,
    manager: Arc<SecurityManager>,
    idle: Idle,
    since: Instant,
    /// How many frames came that only its host can have sent, and when the last did: anybody may send other bytes.
    frames: u64,
    heard: Instant,
    /// The same on the clock that goes on while the device sleeps.
    heard_since_boot: Duration,
    channel: Option<Channel>,
    pairing: Option<Pairing>,
    work: JoinSet<Done>,
    requests: HashMap<RequestId, AbortHandle>,
    /// Something was asked for just now.
    is_asked: bool,
    ended: Option<Ended>,
}

/// An open channel.
struct Channel {
    session: Arc<Session>,
    orders: UnboundedReceiver<Order>,
    _presence: Presence,
}

/// A pairing under way on this stream.
struct Pairing {
    taken: Taken,
    since: Instant,
    id: PairingId,
    code: Option<String>,
    granted: Option<NewPairing>,
}

/// Something that was done apart from the stream.
enum Done {
    Request(RequestId, Result<Reply, Failure>),
    Unpaired(RequestId, Result<Reply, Failure>),
    Person(bool),
}

impl Conversation {
    pub(super) fn new(manager: Arc<SecurityManager>, idle: Idle) -> Self {
        let identity = Identity { product: format!("claviger-phone {}", env!("CARGO_PKG_VERSION")) };
        let now = Instant::now();
        Self {
            phone: Phone::new(identity, Box::new(SystemRandomness)),
            manager,
            idle,
            since: now,
            frames: 0,
            heard: now,
            heard_since_boot: since_boot(),
            channel: None,
            pairing: None,
            work: JoinSet::new(),
            requests: HashMap::new(),
            is_asked: false,
            ended: None,
        }
    }

    /// Returns what is to be written now.
    pub(super) fn output(&mut self) -> Vec<u8> {
        self.phone.output()
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let silence = since_boot().saturating_sub(self.heard_since_boot);
        if self.channel.is_some() && silence > SILENCE {
            // The device slept: what was held back meanwhile comes too late.
            self.ended = Some(Ended::Silent);
            return;
        }
        self.phone.receive(bytes);
    }

    /// Takes every event that is there. Returns why the stream ends, if it does.
    pub(super) fn take_events(&mut self) -> Option<Ended> {
        while self.ended.is_none() {
            let event = self.phone.event();
            self.note_frames();
            let Some(event) = event else { break };
            match event {
                Event::Hello(hello) => self.greet(hello),
                Event::Opened(pairing) => self.open(pairing),
                Event::Compare(code) => self.compare(code.to_string()),
                Event::Terms(terms) => self.ask_to_pair(terms),
                Event::Asked(request) => self.ask(request),
                Event::Cancelled(id) => self.cancel(id),
                Event::Pinged => {}
                Event::Closed(closed) => self.closed(closed),
            }
        }
        self.ended.take()
    }

    /// Notes when a frame came. Those of a long message count one by one, on however slow a line.
    fn note_frames(&mut self) {
        let frames = self.phone.frames();
        if std::mem::replace(&mut self.frames, frames) != frames {
            self.heard = Instant::now();
            self.heard_since_boot = since_boot();
        }
    }

    /// Has what was just asked for done, where that waits for nothing: its answer goes out with the `OK`, in one write. Returns
    /// whether anything was.
    pub(super) async fn do_what_is_quick(&mut self) -> bool {
        let mut is_done = false;
        if std::mem::take(&mut self.is_asked) {
            // The tasks of the requests have their turn first; there is one thread.
            tokio::task::yield_now().await;
            while let Some(done) = self.work.try_join_next() {
                self.joined(done);
                is_done = true;
            }
        }
        is_done
    }

    /// Waits for whatever comes from elsewhere than the stream, and takes it.
    pub(super) async fn next(&mut self) {
        let deadline = self.deadline();
        let silence = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let order = async {
            match &mut self.channel {
                Some(channel) => channel.orders.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(done) = self.work.join_next(), if !self.work.is_empty() => {
                self.joined(done);
                // Whatever else is done by now is written along with it.
                while let Some(done) = self.work.try_join_next() {
                    self.joined(done);
                }
            }
            order = order => self.obey(order),
            () = silence => self.ended = Some(Ended::Silent),
        }
    }

    /// Returns when the silence on the stream has lasted too long.
    fn deadline(&self) -> Option<Instant> {
        if let Some(pairing) = &self.pairing {
            return Some(pairing.since + PAIRING);
        }
        match (&self.channel, self.idle) {
            (Some(_), _) => Some(self.heard + SILENCE),
            (None, Idle::Short) => Some(self.since + SILENCE),
            (None, Idle::Long) => None,
        }
    }

    fn greet(&mut self, hello: Hello) {
        match hello {
            Hello::Known(id) => {
                let granted = self.pairing.as_ref().and_then(|pairing| pairing.granted.as_ref());
                if let Some(granted) = granted.filter(|granted| granted.known.pairing == id) {
                    self.phone.admit(&granted.known);
                } else if let Some(host) = self.manager.hosts.host(id) {
                    self.phone.admit(&host.known);
                } else {
                    self.phone.turn_away(Refusal::UnknownPairing);
                }
            }
            Hello::Uri(id) | Hello::Numbers(id) => self.welcome(hello, id),
        }
    }

    fn open(&mut self, id: PairingId) {
        let granted = self.pairing.take().and_then(|pairing| Some((pairing.granted?, pairing.taken)));
        if let Some((granted, taken)) = granted.filter(|(granted, _)| granted.known.pairing == id) {
            match self.manager.hosts.keep(granted) {
                Ok(host) => taken.tell(News::Paired(host)),
                Err(error) => {
                    taken.tell(News::Failed(error.to_string()));
                    self.ended = Some(Ended::NotKept);
                    return;
                }
            }
        }
        let Some(host) = self.manager.hosts.host(id) else {
            // Forgotten between its hello and now.
            self.ended = Some(Ended::Dismissed);
            return;
        };
        let (presence, orders) = self.manager.hosts.arrive(id);
        self.channel = Some(Channel { session: Session::new(host), orders, _presence: presence });
    }

    fn ask(&mut self, request: Request) {
        let Request { id, command } = request;
        let Some(channel) = &self.channel else {
            return self.phone.answer(id, Err(Failure::new(Rv::UserNotLoggedIn, "no channel is open")));
        };
        let (manager, session) = (Arc::clone(&self.manager), Arc::clone(&channel.session));
        let is_unpairing = matches!(command, Command::Unpair);
        let work = self.work.spawn(async move {
            let outcome = manager.request(&session, command).await;
            if is_unpairing { Done::Unpaired(id, outcome) } else { Done::Request(id, outcome) }
        });
        self.requests.insert(id, work);
        self.is_asked = true;
    }

    fn cancel(&mut self, id: RequestId) {
        if let Some(work) = self.requests.remove(&id) {
            work.abort();
            self.phone.answer(id, Err(Failure::new(Rv::FunctionCanceled, "the host gave it up")));
        }
    }

    fn joined(&mut self, done: Result<Done, JoinError>) {
        match done {
            Ok(done) => self.done(done),
            // What was cancelled is answered already.
            Err(error) if error.is_cancelled() => {}
            Err(error) => self.failed(&error),
        }
    }

    /// Answers what panicked: a request, or else the question about a pairing.
    fn failed(&mut self, error: &JoinError) {
        eprintln!("claviger-phone: cannot go on with a request: {error}");
        match self.requests.extract_if(|_, work| work.id() == error.id()).next() {
            Some((id, _)) => {
                self.phone.answer(id, Err(Failure::new(Rv::GeneralError, "the phone failed at it")));
            }
            None => self.done(Done::Person(false)),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Request(id, outcome) => {
                if self.requests.remove(&id).is_some() {
                    self.phone.answer(id, outcome);
                }
            }
            Done::Unpaired(id, outcome) => {
                self.requests.remove(&id);
                let is_over = outcome.is_ok();
                self.phone.answer(id, outcome);
                if is_over {
                    self.ended = Some(Ended::Dismissed);
                }
            }
            Done::Person(true) => self.grant(),
            Done::Person(false) => {
                self.phone.decline(Failure::new(Rv::FunctionRejected, "the person at the phone said no"));
                if let Some(pairing) = self.pairing.take() {
                    pairing.taken.tell(News::Refused);
                }
            }
        }
    }

    fn obey(&mut self, order: Option<Order>) {
        match order {
            Some(Order::Say(Notice::Changed(Change::Unlocked)))
                if self.channel.as_ref().is_some_and(|channel| channel.session.is_logged_out()) => {}
            Some(Order::Say(notice)) => self.say(&notice),
            Some(Order::Leave(why)) => {
                self.say(&Notice::Bye(why));
                self.ended = Some(Ended::Dismissed);
            }
            Some(Order::End) | None => self.ended = Some(Ended::Dismissed),
        }
    }

    fn say(&mut self, notice: &Notice) {
        // Where no channel is open nobody hears it, and nobody needs to.
        let _ = self.phone.notify(notice);
    }

    fn closed(&mut self, closed: Closed) {
        if let Some(pairing) = self.pairing.take() {
            pairing.taken.tell(match &closed {
                Closed::Bye(why) => News::GivenUp(why.clone()),
                other => News::Failed(other.to_string()),
            });
        }
        self.ended = Some(Ended::Closed(closed));
    }
}

/// How long no frame may be heard: one that was held back longer than this comes to a closed channel.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a pairing may take.
const PAIRING: Duration = Duration::from_secs(120);
