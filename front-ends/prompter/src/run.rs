use std::sync::Arc;
use std::time::Duration;

use claviger_client::{Agency, AgentOptions, Client, Error, Standing};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::asker::Asker;
use crate::cli::Cli;
use crate::pinentry::{Environment, Pinentry};
use crate::terminal::Terminal;
use crate::{Problem, endings};

/// Asks until a signal ends it.
pub(crate) fn run(cli: Cli) -> Result<(), Problem> {
    let environment = Environment::of_this_process();
    harden()?;
    // One thread: a pinentry is told to end when the thread that started it does.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::System("start", error))?;
    runtime.block_on(serve(cli, environment))
}

/// Keeps secrets out of core dumps, and from debuggers of the same user.
fn harden() -> Result<(), Problem> {
    let hardened = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).and_then(|()| {
        rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
    });
    hardened.map_err(|error| Problem::System("keep secrets out of core dumps", error.into()))
}

async fn serve(cli: Cli, environment: Environment) -> Result<(), Problem> {
    let Cli { session, tty, pinentry, bus } = cli;
    let asker = match tty {
        true => Asker::Terminal(Arc::new(Terminal::open()?)),
        false => Asker::Pinentry(Arc::new(Pinentry::find(pinentry, environment)?)),
    };
    let mut ending = Ending::new()?;
    let client = Client::connect(&bus).await?;
    let mut agency = client.serve_agent(asker.clone(), AgentOptions { session: session.clone() }).await?;
    tokio::select! {
        failed = stay(&client, &mut agency, &asker, session) => return failed,
        () = ending.wait() => {}
    }
    // The key store may be busy; the bus tells it in any case.
    drop(tokio::time::timeout(FAREWELL, agency.end()).await);
    asker.rest().await;
    Ok(())
}

/// Stays registered, and tells why sessions end.
async fn stay(
    client: &Client,
    agency: &mut Agency,
    asker: &Asker,
    session: Option<String>,
) -> Result<(), Problem> {
    // What it does is given up with it.
    let mut telling = JoinSet::new();
    loop {
        match agency.next().await? {
            Some(Standing::Registered) => {
                eprintln!("claviger-prompter: the key store asks here");
                let endings = endings::tell(client.clone(), asker.clone(), session.clone());
                telling.spawn(async { report(endings.await) });
            }
            Some(Standing::Gone) => {
                eprintln!("claviger-prompter: the key store left");
                telling.abort_all();
            }
            None => return Err(Problem::BusGone),
        }
    }
}

/// Without this, questions are asked as before.
fn report(told: Result<(), Error>) {
    if let Err(error) = told {
        eprintln!("claviger-prompter: cannot tell why sessions end: {error}");
    }
}

/// The signals that end the program.
struct Ending([tokio::signal::unix::Signal; 3]);

impl Ending {
    fn new() -> Result<Self, Problem> {
        let take = |kind| signal(kind).map_err(|error| Problem::System("wait for signals", error));
        Ok(Self([
            take(SignalKind::terminate())?,
            take(SignalKind::interrupt())?,
            take(SignalKind::hangup())?,
        ]))
    }

    async fn wait(&mut self) {
        let Self([terminate, interrupt, hangup]) = self;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// How long taking leave may take.
const FAREWELL: Duration = Duration::from_millis(500);
