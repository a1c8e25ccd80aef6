//! Client processes: the bench gives orders, each process works and tells what it counted.
//!
//! Up to 8 clients are as many processes; 64 clients are 8 processes of 8. They stay connected between runs,
//! so that loads can be interleaved without counting connections made.

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::child::{Partner, RunAs, say, say_ready};
use crate::error::{Doing, Error};
use crate::role::Role;
use crate::stats::{Load, Work, sum_up};

/// The processes of a crew, and as many channels: what the daemon allows one uid.
pub(crate) const CREW: usize = 8;

/// A few client processes of one role.
pub(crate) struct Crew(Vec<Partner>);

impl Crew {
    /// Starts `size` processes and waits until all are connected.
    pub(crate) fn hire(exe: &Path, role: &Role, size: usize, run_as: Option<RunAs>) -> Result<Self, Error> {
        (0..size).map(|_| Partner::start(exe, role, run_as)).collect::<Result<_, _>>().map(Self)
    }

    /// Lets so many clients do a job for so long, and returns what they counted together.
    pub(crate) fn run(&mut self, clients: usize, millis: u64, job: &str) -> Result<Load, Error> {
        self.begin(clients, millis, job)?;
        self.finish(clients)
    }

    /// Lets clients begin, without waiting for their end.
    pub(crate) fn begin(&mut self, clients: usize, millis: u64, job: &str) -> Result<(), Error> {
        let members = clients.min(self.0.len());
        let lanes = clients / members;
        for member in &mut self.0[..members] {
            member.order(&format!("{lanes} {millis} {job}"))?;
        }
        Ok(())
    }

    /// Waits until the clients that began are done.
    pub(crate) fn finish(&mut self, clients: usize) -> Result<Load, Error> {
        let members = clients.min(self.0.len());
        let works = self.0[..members].iter_mut().map(heard).collect::<Result<Vec<_>, _>>()?;
        sum_up(&works).ok_or_else(|| Error::Child {
            who: self.0[0].name().to_owned(),
            said: "nothing was done".to_owned(),
        })
    }
}

fn heard(member: &mut Partner) -> Result<Work, Error> {
    let said = member.answer()?;
    Work::from_line(&said).ok_or_else(|| Error::Child { who: member.name().to_owned(), said })
}

/// What a client process was told: so many clients, for so long, doing this.
pub(crate) struct Order<'a> {
    /// How many clients at once.
    pub(crate) lanes: usize,
    /// When they began, and until when they work.
    pub(crate) shift: Shift,
    /// What each call is.
    pub(crate) job: Vec<&'a str>,
}

/// The time of one run, the same for all clients of a process.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    counted_from: Instant,
    until: Instant,
}

impl Shift {
    fn starting_now(millis: u64) -> Self {
        let counted_from = Instant::now() + WARM_UP;
        Self { counted_from, until: counted_from + Duration::from_millis(millis) }
    }

    /// Returns true once the time is over.
    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.until
    }

    /// Counts a call that began then and is done now; not while warming up.
    pub(crate) fn count(self, latencies: &mut Vec<u32>, began: Instant) {
        if began >= self.counted_from {
            latencies.push(u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
    }
}

/// Takes orders from standard input until it ends; the life of a client process.
pub(crate) fn obey(mut work: impl FnMut(&Order<'_>) -> Result<Work, Error>) -> Result<(), Error> {
    say_ready()?;
    for line in std::io::stdin().lock().lines() {
        let line = line.doing("hear an order")?;
        let order =
            parse(&line).ok_or_else(|| Error::Child { who: "the bench".to_owned(), said: line.clone() })?;
        let mut done = work(&order)?;
        done.elapsed = order.shift.counted_from.elapsed().as_secs_f64();
        say(&done.to_line())?;
    }
    Ok(())
}

fn parse(line: &str) -> Option<Order<'_>> {
    let mut words = line.split_ascii_whitespace();
    let lanes = words.next()?.parse().ok()?;
    let shift = Shift::starting_now(words.next()?.parse().ok()?);
    Some(Order { lanes, shift, job: words.collect() })
}

/// Runs the clients of one process as threads, each with its own connection; for protocols that block.
pub(crate) fn in_threads<C: Send>(
    connections: &mut [C],
    shift: Shift,
    call: impl Fn(&mut C) -> Result<(), Error> + Sync,
) -> Result<Work, Error> {
    let call = &call;
    let clients = |connection: &mut C| -> Result<Vec<u32>, Error> {
        let mut latencies = Vec::new();
        while !shift.is_over() {
            let began = Instant::now();
            call(connection)?;
            shift.count(&mut latencies, began);
        }
        Ok(latencies)
    };
    let counted = std::thread::scope(|scope| {
        let threads: Vec<_> = connections.iter_mut().map(|c| scope.spawn(move || clients(c))).collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    let mut work = Work::default();
    for latencies in counted {
        let latencies = latencies.map_err(|_| Error::Child {
            who: "a client thread".to_owned(),
            said: "it panicked".to_owned(),
        })?;
        work.latencies.extend(latencies?);
    }
    Ok(work)
}

/// Calls before this are not counted: queues fill and frequencies rise.
const WARM_UP: Duration = Duration::from_millis(30);
