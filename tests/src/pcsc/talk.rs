//! Orders and answers, line by line, with a program that is driven so.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::{DEADLINE, in_time};

/// A program that takes orders on its standard input and answers each by one line on its standard output. Lines
/// that begin with `event ` come unasked. It is killed with the value.
pub struct Talk {
    process: Child,
    orders: ChildStdin,
    answers: Arc<Lines>,
    events: Arc<Lines>,
}

impl Talk {
    /// Starts the program.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let orders = process.stdin.take().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        let (answers, events) = (Arc::<Lines>::default(), Arc::<Lines>::default());
        let sorted = (Arc::clone(&answers), Arc::clone(&events));
        std::thread::spawn(move || {
            let (answers, events) = sorted;
            for line in said.lines() {
                let Ok(line) = line else { break };
                match line.strip_prefix("event ") {
                    Some(event) => events.push(event.to_owned()),
                    None => answers.push(line),
                }
            }
            answers.end();
            events.end();
        });
        Self { process, orders, answers, events }
    }

    /// Gives an order and returns the answer.
    pub fn ask(&mut self, order: &str) -> Result<String, String> {
        self.tell(order);
        self.answer()
    }

    /// Gives an order and waits for nothing.
    pub fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap_or_else(|error| panic!("{order}: {error}"));
    }

    /// Waits for the answer to an order, keeping the thread busy.
    pub fn answer(&mut self) -> Result<String, String> {
        sort(self.answers.next())
    }

    /// Waits for the answer to an order, letting other tasks run.
    pub async fn answered(&mut self) -> Result<String, String> {
        sort(in_time("an answer", self.answers.next_of_many()).await)
    }

    /// Returns true if the program answers so soon; the answer is kept.
    pub fn answers_within(&self, time: Duration) -> bool {
        let silent = |inner: &mut Inner| inner.waiting.is_empty();
        !self.answers.changed.wait_timeout_while(self.answers.lock(), time, silent).unwrap().1.timed_out()
    }

    /// Waits for the next event of that name, and forgets those before it.
    pub async fn event(&mut self, name: &str) {
        let found = async { while self.events.next_of_many().await != name {} };
        in_time(name, found).await;
    }

    /// Waits for the next event of that name, keeping the thread busy.
    pub fn event_now(&mut self, name: &str) {
        while self.events.next() != name {}
    }

    /// Forgets the events so far.
    pub fn forget_events(&mut self) {
        self.events.lock().waiting.clear();
    }

    /// Returns the program's process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// An answer says what was asked for, or why not.
fn sort(answer: String) -> Result<String, String> {
    match answer.strip_prefix("error ") {
        Some(why) => Err(why.to_owned()),
        None => Ok(answer),
    }
}

/// Lines that came, for whoever waits: a thread, or a task.
#[derive(Default)]
struct Lines {
    inner: Mutex<Inner>,
    changed: Condvar,
    notify: Notify,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<String>,
    ended: bool,
}

impl Lines {
    fn push(&self, line: String) {
        self.lock().waiting.push_back(line);
        self.changed.notify_all();
        self.notify.notify_one();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
        self.notify.notify_one();
    }

    fn next(&self) -> String {
        let nothing = |inner: &mut Inner| inner.waiting.is_empty() && !inner.ended;
        let (mut inner, waited) = self.changed.wait_timeout_while(self.lock(), DEADLINE, nothing).unwrap();
        assert!(!waited.timed_out(), "nothing was said within {DEADLINE:?}");
        inner.waiting.pop_front().expect("the program still runs")
    }

    async fn next_of_many(&self) -> String {
        loop {
            let notified = self.notify.notified();
            {
                let mut inner = self.lock();
                if let Some(line) = inner.waiting.pop_front() {
                    return line;
                }
                assert!(!inner.ended, "the program has ended");
            }
            notified.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}
