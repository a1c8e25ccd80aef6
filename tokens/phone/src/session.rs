use std::collections::HashMap;
use std::time::Duration;

use claviger_phone_protocol::host::Event;
use claviger_phone_protocol::{
    Answer, Closed, Command, Info, NotOpen, Notice, PENDING_LIMIT, Reply, RequestId, Rv,
};
use claviger_token::TokenError;
use tokio::time::{Instant, sleep_until};

use crate::Why;
use crate::ask::Waiting;
use crate::line::{Line, Order};
use crate::live::{Cut, Live};

/// Why a session is over.
pub(crate) enum End {
    /// The stream ended, or what was said ended it.
    Cut(Cut),
    /// The phone has connected anew; the old stream is given up.
    Arrived(Box<Live>),
    /// The phone was forgotten, or all ends.
    Over,
}

/// One open channel: requests out, answers in, heartbeats between.
struct Session<'a> {
    line: &'a mut Line,
    live: Live,
    /// What was asked for and not answered. One whose time is over or whose caller is gone stays here until the phone has
    /// said so.
    pending: HashMap<RequestId, Waiting>,
    /// The requests of the session itself.
    own: HashMap<RequestId, Own>,
    /// The phone has changed since it was asked for what it says of itself.
    outdated: bool,
    heard: Instant,
    /// Until when the phone said it would be silent.
    paused: Instant,
    /// How many bytes had gone out when last looked at.
    written: u64,
    /// When the heartbeat is looked at next.
    beat: Instant,
}

/// What the session itself asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Ping,
    Info,
    Logout,
}

/// Runs until the stream ends.
pub(crate) async fn run(line: &mut Line, live: Live) -> End {
    let now = Instant::now();
    let mut session = Session {
        beat: now + line.registry.config.heartbeat,
        line,
        live,
        pending: HashMap::new(),
        own: HashMap::new(),
        outdated: false,
        heard: now,
        paused: now,
        written: 0,
    };
    let end = session.talk().await;
    for waiting in session.pending.values_mut() {
        // Nobody knows whether it was done.
        waiting.settle(Err(TokenError::Removed));
    }
    end
}

impl Session<'_> {
    async fn talk(&mut self) -> End {
        if self.line.registry.is_locked_here(&self.line.token) {
            self.ask_own(Own::Logout);
        }
        self.ask_own(Own::Info);
        loop {
            self.send_queued();
            let due = self.due();
            // What has come is taken in before the time that passed is judged: after a stall both are there.
            tokio::select! {
                biased;
                order = self.line.orders.recv() => {
                    if let Some(end) = self.obey(order).await {
                        return end;
                    }
                }
                event = self.live.next() => match event {
                    Ok(event) => {
                        self.take_in(event);
                        // A phone that speaks all the time does not stop the clock by that.
                        if Instant::now() >= self.due() && self.tick() {
                            return End::Cut(Cut::Ended);
                        }
                    }
                    Err(Cut::Closed(closed)) => {
                        self.take_leave(&closed);
                        return End::Cut(Cut::Closed(closed));
                    }
                    Err(cut) => return End::Cut(cut),
                },
                () = sleep_until(due) => {
                    if self.tick() {
                        return End::Cut(Cut::Ended);
                    }
                }
            }
        }
    }

    /// Does what the line is told; returns the end where it is one.
    async fn obey(&mut self, order: Option<Order>) -> Option<End> {
        match order {
            None => {
                self.live.bye("the service ends").await;
                return Some(End::Over);
            }
            Some(Order::Ask(ask)) => self.line.queue.push_back(ask.wait()),
            Some(Order::GiveUp(number)) => self.give_up(number),
            Some(Order::Arrived(live)) => return Some(End::Arrived(live)),
            Some(Order::Nudge) => self.ping(),
            Some(Order::Forget(done)) => {
                if !self.live.unpair().await {
                    tracing::info!("{}: the phone did not say that it forgets the pairing", self.line.token);
                }
                // Nobody waits where the answer is unheard.
                let _ = done.send(());
                return Some(End::Over);
            }
        }
        None
    }

    fn give_up(&mut self, number: u64) {
        self.line.queue.retain(|(_, waiting)| waiting.number != number);
        let given_up = self.pending.iter_mut().find(|(_, waiting)| waiting.number == number);
        if let Some((id, waiting)) = given_up {
            waiting.settle(Err(TokenError::Declined));
            self.live.host.cancel(*id);
            waiting.deadline = Instant::now() + LAST_ANSWER;
        }
    }

    // Requests.

    /// Sends what waits, as far as the channel takes it. Places are kept for the session's own requests.
    fn send_queued(&mut self) {
        while self.live.host.pending() < PENDING_LIMIT - OWN_PLACES
            && let Some((command, mut waiting)) =
                self.line.queue.pop_front_if(|(command, _)| self.live.host.has_room(command))
        {
            match self.live.host.request(command) {
                Ok(id) => drop(self.pending.insert(id, waiting)),
                Err(NotOpen::TooLong) => {
                    let limit = claviger_phone_protocol::DATA_LIMIT;
                    waiting.settle(Err(TokenError::DataTooLarge { limit }));
                }
                Err(NotOpen::Full) => waiting.settle(Err(TokenError::Busy("other requests".into()))),
                Err(NotOpen::Closed) => waiting.settle(Err(TokenError::Absent)),
            }
        }
    }

    fn ask_own(&mut self, own: Own) {
        let command = match own {
            Own::Ping => Command::Ping,
            Own::Info => Command::Info,
            Own::Logout => Command::Logout,
        };
        // A closed channel shows itself by its event.
        if let Ok(id) = self.live.host.request(command) {
            self.own.insert(id, own);
        }
    }

    fn ping(&mut self) {
        if !self.is_asked(Own::Ping) {
            self.ask_own(Own::Ping);
        }
    }

    /// Asks what the phone says of itself; while that is on its way, once more behind it, however often it changes.
    fn refresh(&mut self) {
        match self.is_asked(Own::Info) {
            true => self.outdated = true,
            false => self.ask_own(Own::Info),
        }
    }

    fn is_asked(&self, own: Own) -> bool {
        self.own.values().any(|asked| *asked == own)
    }

    // What the phone says.

    fn take_in(&mut self, event: Event) {
        self.heard = Instant::now();
        match event {
            Event::Answered(answer) => {
                self.answer(answer);
                self.hear();
            }
            Event::Noticed(Notice::Pause(seconds)) => {
                let time = Duration::from_secs(seconds.into());
                self.paused = self.heard + time;
                self.line.registry.pause(&self.line.token, self.heard.into_std(), time);
            }
            Event::Noticed(Notice::Changed(_)) => {
                self.hear();
                self.refresh();
            }
            Event::Noticed(Notice::Bye(reason)) => self.leave(Why::Bye(reason)),
            // Of a pairing nothing is to be seen here any more, and the end comes as an error.
            Event::Opened(_)
            | Event::Compare(_)
            | Event::PersonAsked
            | Event::Paired(_)
            | Event::Closed(_) => {}
        }
    }

    fn answer(&mut self, Answer { id, outcome }: Answer) {
        if let Some(own) = self.own.remove(&id) {
            match (own, outcome) {
                (Own::Info, Ok(Reply::Info(info))) => self.learn(info),
                (Own::Info | Own::Logout | Own::Ping, Ok(_)) => {}
                (Own::Info | Own::Logout | Own::Ping, Err(failure)) => {
                    tracing::info!("{}: {failure}", self.line.token);
                }
            }
            if own == Own::Info && std::mem::take(&mut self.outdated) {
                self.ask_own(Own::Info);
            }
        } else if let Some(mut waiting) = self.pending.remove(&id) {
            if outcome.as_ref().is_err_and(|failure| failure.rv == Rv::UserNotLoggedIn) {
                self.line.registry.set_unlocked(&self.line.token, false);
            }
            waiting.settle(outcome.map_err(TokenError::from));
        }
    }

    fn learn(&self, info: Info) {
        self.line.registry.learn(&self.line.token, info);
    }

    fn hear(&self) {
        self.line.registry.hear(&self.line.token, self.heard.into_std());
    }

    fn take_leave(&self, closed: &Closed) {
        if let Closed::Bye(reason) = closed {
            self.leave(Why::Bye(reason.clone()));
        }
    }

    fn leave(&self, why: Why) {
        self.line.registry.leave(&self.line.token, Instant::now().into_std(), why);
    }

    // Time.

    fn due(&self) -> Instant {
        let deadlines = self.pending.values().chain(self.line.queue.iter().map(|(_, waiting)| waiting));
        deadlines.map(|waiting| waiting.deadline).min().map_or(self.beat, |deadline| deadline.min(self.beat))
    }

    /// Lets the time pass; returns true where the stream is dead.
    fn tick(&mut self) -> bool {
        let now = Instant::now();
        let is_due = |waiting: &Waiting| waiting.deadline <= now;
        self.line.give_up_the_late();
        for (id, waiting) in self.pending.iter_mut().filter(|(_, waiting)| is_due(waiting)) {
            if !waiting.is_open() {
                tracing::info!("{}: the phone does not answer what was given up", self.line.token);
                return true;
            }
            waiting.settle(Err(TokenError::Timeout));
            self.live.host.cancel(*id);
            waiting.deadline = now + LAST_ANSWER;
        }
        now >= self.beat && self.beat(now)
    }

    fn beat(&mut self, now: Instant) -> bool {
        let config = &self.line.registry.config;
        let (heartbeat, lost) = (config.heartbeat, config.lost);
        let (written, more) = self.live.progress();
        if more && written != self.written {
            // A long message on its way: the phone answers when it has all of it.
            self.heard = now;
            self.line.registry.send(&self.line.token, now.into_std());
        }
        if self.live.heard() > self.heard {
            // A long answer on its way: it tells of itself only when it is whole.
            self.heard = self.live.heard();
            self.hear();
        }
        self.written = written;
        if now > self.beat + LATE {
            // This process stood still; perhaps nobody has asked the phone for anything yet.
            self.heard = self.heard.max(now);
        }
        if now >= self.heard.max(self.paused) + lost {
            return true;
        }
        if now >= self.heard + heartbeat {
            self.ping();
            self.beat = now + heartbeat.min(lost / 3);
        } else {
            self.beat = self.heard + heartbeat;
        }
        false
    }
}

/// How many of the requests that may wait are the session's own.
const OWN_PLACES: usize = 4;
/// How late a heartbeat may be looked at.
const LATE: Duration = Duration::from_secs(1);
/// How long a phone may take to say that it has stopped what was given up. One that does not is not well.
const LAST_ANSWER: Duration = Duration::from_secs(10);
