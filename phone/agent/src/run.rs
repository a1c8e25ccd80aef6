//! The agent, from start to end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::DumpableBehavior;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::approval::{Approver, Notification, Policy, Terminal};
use crate::audit::Audit;
use crate::cli::{Approval, ModuleKind, Run};
use crate::hosts::Hosts;
use crate::manager::SecurityManager;
use crate::module::{CardModule, Module, SoftModule};
use crate::problem::Problem;
use crate::store::{DamagedDocument, Store};
use crate::{control, suspend};

/// Serves paired computers until a signal ends it.
pub(crate) fn run(words: &Run, state: &Path, control: &Path) -> Result<(), Problem> {
    // Other programs of this user shall not read the keys out of this process.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Problem::System("keep the memory private".to_owned(), error.into()))?;
    if words.links().is_empty() {
        let why = "no way for computers to come: give --rfcomm, --serial, --listen or --connect";
        return Err(Problem::Usage(why.to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // An idle worker's stack is not kept.
        .thread_keep_alive(Duration::from_secs(1))
        .build()
        .map_err(|error| Problem::System("start".to_owned(), error))?;
    runtime.block_on(serve(words, state, control))
}

async fn serve(words: &Run, state: &Path, control: &Path) -> Result<(), Problem> {
    let store = Arc::new(Store::open(state)?);
    let approver = approver(&words.approve)?;
    let module = module(words.module, &store)?;
    if let Some(source) = words.passphrase.source() {
        let secret = source.get(module.wants())?;
        // Whose time is over hears from the module that there is no card.
        drop(tokio::time::timeout(A_CARD, is_there(&*module)).await);
        module.unlock(secret, claviger_token::Spare::Last).await.map_err(Problem::Locked)?;
    }
    let (hosts, damaged) = Hosts::open(Arc::clone(&store))?;
    tell(&damaged);
    let audit = Audit::open(store.root())
        .map_err(|error| Problem::System("open the audit list".to_owned(), error))?;
    let name = words.name.clone().unwrap_or_else(host_name);
    let manager = SecurityManager::new(name, hosts, module, approver, audit);
    let mut signals = Signals::new()?;

    let listener = control::bind(control)
        .map_err(|error| Problem::System(format!("listen at {}", control.display()), error))?;
    tokio::spawn(control::serve(listener, Arc::clone(&manager)));
    tokio::spawn(suspend::watch(Arc::clone(&manager)));
    let mut links = JoinSet::new();
    for link in words.links() {
        links.spawn(link.run(Arc::clone(&manager)));
    }
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        Some(ended) = links.join_next() => match ended {
            Ok(Err(error)) => Err(Problem::System("serve".to_owned(), error)),
            Err(error) => Err(Problem::System("serve".to_owned(), error.into())),
            Ok(Ok(())) => Ok(()),
        },
    };
    // Before the links go, and with them the streams that this device has opened itself.
    leave(&manager).await;
    links.shutdown().await;
    // The next start removes it where this does not.
    drop(std::fs::remove_file(control));
    outcome
}

/// Says good-bye to every computer.
async fn leave(manager: &SecurityManager) {
    manager.hosts.leave("the phone's agent ends");
    let gone = async {
        while manager.hosts.is_anyone_here() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // A computer that does not read its good-bye finds out by itself.
    drop(tokio::time::timeout(Duration::from_secs(2), gone).await);
}

fn approver(approval: &Approval) -> Result<Arc<dyn Approver>, Problem> {
    Ok(match approval {
        Approval::Notification => Arc::new(Notification::default()),
        Approval::Terminal => Arc::new(
            Terminal::open()
                .map_err(|error| Problem::Usage(format!("cannot ask on the terminal: {error}")))?,
        ),
        Approval::Policy(path) => Arc::new(Policy::read(path)?),
    })
}

fn module(kind: ModuleKind, store: &Arc<Store>) -> Result<Arc<dyn Module>, Problem> {
    Ok(match kind {
        ModuleKind::Soft => {
            let (module, damaged) = SoftModule::open(Arc::clone(store))?.ok_or(Problem::NoStore)?;
            tell(&damaged);
            Arc::new(module)
        }
        ModuleKind::Card => CardModule::start(),
    })
}

/// Waits until there is something to unlock: readers and cards are looked at beside this.
async fn is_there(module: &dyn Module) {
    let mut changes = module.changes();
    while module.place().is_none() && changes.changed().await.is_ok() {}
}

fn tell(damaged: &[DamagedDocument]) {
    for DamagedDocument { path, how } in damaged {
        eprintln!("claviger-phone: {} is damaged and left alone: {how}", path.display());
    }
}

fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// What ends the agent.
struct Signals {
    ending: [Signal; 3],
    /// A limit on the size of files (`ulimit -f`) makes a write fail then, as a full disk does, instead of ending the agent.
    _file_too_large: Signal,
}

impl Signals {
    fn new() -> Result<Self, Problem> {
        let listen =
            |kind| signal(kind).map_err(|error| Problem::System("wait for signals".to_owned(), error));
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hangup] = kinds.map(listen);
        let ending = [terminate?, interrupt?, hangup?];
        Ok(Self {
            ending,
            _file_too_large: listen(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.ending;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// How long a card that is to be unlocked at the start may take to be read.
const A_CARD: Duration = Duration::from_secs(10);
