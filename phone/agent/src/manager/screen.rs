use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The one place where a person looks: a question at a time, hosts in turn.
#[derive(Default)]
pub(crate) struct Screen {
    line: Mutex<Line>,
    changed: Notify,
}

/// A question's time on the screen, or in the line before it. It ends when this is dropped.
#[must_use]
pub(crate) struct Turn<'a> {
    screen: &'a Screen,
    ticket: u64,
    end: End,
}

/// Too many questions of this host wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// How a turn ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nobody answered: the person may be about to.
    TakenBack,
    Answered,
    Refused,
}

#[derive(Default)]
struct Line {
    last: u64,
    waiting: Vec<Waiting>,
    shown: Option<Waiting>,
    /// When each host was shown last, as a ticket.
    served: HashMap<String, u64>,
    /// Hosts that were told no, and until when they are not shown.
    resting: HashMap<String, Instant>,
    /// Until when nothing is shown.
    empty_until: Option<Instant>,
}

struct Waiting {
    ticket: u64,
    host: String,
}

impl Screen {
    /// Waits for the turn of a question of this host.
    pub(crate) async fn turn(&self, host: &str) -> Result<Turn<'_>, TooMany> {
        let ticket = self.line().join(host)?;
        let turn = Turn { screen: self, ticket, end: End::TakenBack };
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let claim = self.line().claim(ticket, Instant::now());
            match claim {
                Claim::Yours => return Ok(turn),
                Claim::After(None) => changed.await,
                Claim::After(Some(rest)) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(rest) => {}
                },
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose turn it is.
enum Claim {
    Yours,
    /// Not before something changes, or that moment comes.
    After(Option<Instant>),
}

impl Line {
    fn join(&mut self, host: &str) -> Result<u64, TooMany> {
        let own = self.waiting.iter().chain(&self.shown).filter(|waiting| waiting.host == host).count();
        if own >= MOST_QUESTIONS {
            return Err(TooMany);
        }
        self.last += 1;
        self.waiting.push(Waiting { ticket: self.last, host: host.to_owned() });
        Ok(self.last)
    }

    fn claim(&mut self, ticket: u64, now: Instant) -> Claim {
        self.resting.retain(|_, until| *until > now);
        if self.shown.is_some() {
            return Claim::After(None);
        }
        if let Some(until) = self.empty_until.filter(|until| *until > now) {
            return Claim::After(Some(until));
        }
        // The host that was not shown for longest, and its oldest question.
        let next =
            self.waiting.iter().enumerate().filter(|(_, waiting)| !self.resting.contains_key(&waiting.host));
        let next = next.min_by_key(|(_, waiting)| {
            (self.served.get(&waiting.host).copied().unwrap_or_default(), waiting.ticket)
        });
        match next.map(|(place, waiting)| (place, waiting.ticket)) {
            Some((place, first)) if first == ticket => {
                let shown = self.waiting.remove(place);
                self.last += 1;
                self.served.insert(shown.host.clone(), self.last);
                self.shown = Some(shown);
                Claim::Yours
            }
            Some(_) | None => {
                let own = self.waiting.iter().find(|waiting| waiting.ticket == ticket);
                Claim::After(own.and_then(|own| self.resting.get(&own.host).copied()))
            }
        }
    }

    fn leave(&mut self, ticket: u64, end: End, now: Instant) {
        self.waiting.retain(|waiting| waiting.ticket != ticket);
        if self.shown.as_ref().is_none_or(|shown| shown.ticket != ticket) {
            return;
        }
        let Some(shown) = self.shown.take() else { return };
        match end {
            End::TakenBack => self.empty_until = Some(now + A_BREATH),
            End::Answered => {}
            End::Refused => {
                self.resting.insert(shown.host, now + A_REST);
            }
        }
        if self.waiting.is_empty() {
            self.served.clear();
        }
    }
}

impl Turn<'_> {
    /// The person said something other than no.
    pub(crate) fn answered(mut self) {
        self.end = End::Answered;
    }

    /// The person said no: others come first now.
    pub(crate) fn refused(mut self) {
        self.end = End::Refused;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.screen.line().leave(self.ticket, self.end, Instant::now());
        self.screen.changed.notify_waiters();
    }
}

/// How many questions of one host may stand.
const MOST_QUESTIONS: usize = 8;

/// How long the screen is empty behind a question that was taken back: a yes that was on its way to it falls on nothing.
const A_BREATH: Duration = Duration::from_millis(700);

/// How long a host that was told no is not shown again.
const A_REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::{A_BREATH, A_REST, Screen, TooMany, Turn};
    use std::pin::pin;
    use std::time::Duration;
    use tokio::time::{Instant, timeout};

    fn test<F: Future>(work: impl FnOnce() -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            // The clock stands still while anything else can be done.
            tokio::time::pause();
            work().await;
        });
    }

    async fn turn<'a>(screen: &'a Screen, host: &str) -> Turn<'a> {
        timeout(Duration::from_secs(60), screen.turn(host)).await.expect("its turn").expect("room")
    }

    #[test]
    fn hosts_take_turns_however_many_questions_one_has() {
        test(|| async {
            let screen = Screen::default();
            let first = turn(&screen, "one").await;
            let (mut second, mut third) = (pin!(screen.turn("one")), pin!(screen.turn("one")));
            let mut other = pin!(screen.turn("two"));
            tokio::select! {
                biased;
                _ = &mut second => panic!("one at a time"),
                _ = &mut third => panic!("one at a time"),
                _ = &mut other => panic!("one at a time"),
                () = tokio::task::yield_now() => {}
            }
            first.answered();
            tokio::select! {
                biased;
                _ = &mut second => panic!("it was its turn already"),
                _ = &mut third => panic!("it was its turn already"),
                turn = &mut other => turn.expect("room").answered(),
            }
            second.await.expect("room").answered();
            third.await.expect("room").answered();
        });
    }

    #[test]
    fn one_host_has_few_questions_standing_and_others_have_room() {
        test(|| async {
            let screen = Screen::default();
            let shown = turn(&screen, "one").await;
            let mut waiting: Vec<_> = (0..7).map(|_| Box::pin(screen.turn("one"))).collect();
            for waiting in &mut waiting {
                assert!(timeout(Duration::ZERO, waiting).await.is_err(), "it waits");
            }
            assert_eq!(screen.turn("one").await.err(), Some(TooMany));
            let mut other = pin!(screen.turn("two"));
            assert!(timeout(Duration::ZERO, &mut other).await.is_err(), "it waits");
            drop(waiting);
            shown.answered();
            other.await.expect("room").answered();
        });
    }

    #[test]
    fn who_was_told_no_waits_and_others_do_not() {
        test(|| async {
            let (screen, begin) = (Screen::default(), Instant::now());
            turn(&screen, "one").await.refused();
            turn(&screen, "two").await.answered();
            assert_eq!(begin.elapsed(), Duration::ZERO);
            turn(&screen, "one").await.answered();
            assert!(begin.elapsed() >= A_REST);
        });
    }

    #[test]
    fn nothing_stands_where_a_question_was_taken_back_until_the_person_has_seen_so() {
        test(|| async {
            let (screen, begin) = (Screen::default(), Instant::now());
            drop(turn(&screen, "one").await);
            turn(&screen, "two").await.answered();
            assert!(begin.elapsed() >= A_BREATH);
        });
    }
}
