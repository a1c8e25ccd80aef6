//! Phones: a signature beside the same bytes there and back and a raw signature, how many at once, how soon a phone is there
//! again after a cut, and what it costs in memory.
//!
//! The phone is the real one, with its keys in the sealed store and rules that say yes, on the same two processors as the
//! daemon and its clients.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use claviger_dbus::names;
use claviger_tests::phone::Phone;
use tokio::runtime::Runtime;

use crate::bus::Bus;
use crate::child::Partner;
use crate::crew::{CREW, Crew};
use crate::daemon::{Memory, Starter};
use crate::echo::Sizes;
use crate::error::{Doing, Error};
use crate::figures::Figures;
use crate::floors::RawSigner;
use crate::lines::Line;
use crate::role::Role;

/// How many clients sign at once: as many operations as the daemon allows one uid.
pub(crate) const CLIENTS: [usize; 3] = [1, 8, 64];

/// Measures all of it with daemons of its own. Where the scene cannot be set it panics, as the scenarios do.
pub(crate) fn measure(
    exe: &Path,
    bus: &Bus,
    starter: &mut Starter<'_>,
    (rounds, millis): (usize, u64),
    figures: &mut Figures,
) -> Result<(), Error> {
    eprintln!("phones");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.doing("start a runtime")?;
    let _entered = runtime.enter();
    let socket = starter.runtime().join(format!("phone/{}", rustix::process::geteuid().as_raw()));
    let mut owner = Partner::start(exe, &Role::Owner { bus: bus.address().to_owned() }, None)?;

    let (daemon, _) = starter.start(STATE)?;
    let mut cable = Scene::set(&runtime, Line::terminals()?, &mut owner)?;
    daemon.stop()?;
    note_idle_daemons(starter, &mut owner, &cable, rounds, figures)?;

    let (daemon, _) = starter.start(STATE)?;
    let mut socket = Scene::set(&runtime, Line::sockets(socket), &mut owner)?;
    owner.ask(&format!("sign {}", cable.key))?;
    let raw = RawSigner::new()?;
    let mut daemon_crew = Crew::hire(exe, &caller(bus), CREW, None)?;
    let mut scenes = [("cable", &mut cable), ("socket", &mut socket)];
    let mut echoes = scenes
        .iter()
        .map(|(name, scene)| {
            let sizes = scene.sizes(&mut owner)?;
            figures.note(format!("phone-{name}/question"), sizes.question as f64);
            figures.note(format!("phone-{name}/answer"), sizes.answer as f64);
            figures.note(format!("phone-{name}/rss"), scene.memory()?);
            Echo::start(exe, scene, starter.runtime().join("echo"), sizes)
        })
        .collect::<Result<Vec<_>, _>>()?;
    for round in 1..=rounds {
        eprintln!("phones, round {round} of {rounds}");
        figures.note("phone-raw", raw.time()?.p256);
        for ((name, scene), echo) in scenes.iter().zip(&mut echoes) {
            figures.note_load(&format!("phone-{name}-echo"), 1, &echo.crew.run(1, millis, "ask")?);
            for clients in CLIENTS {
                let load = daemon_crew.run(clients, millis, &format!("sign {} ECDSA", scene.key))?;
                figures.note_load(&format!("phone-{name}"), clients, &load);
            }
        }
    }
    drop(echoes);
    for (name, scene) in &mut scenes {
        figures.note(format!("phone-{name}/rss-loaded"), scene.memory()?);
        eprintln!("cuts of a phone's {name}");
        let mut cuts =
            (0..4 * rounds).map(|turn| scene.cut(turn, &mut owner)).collect::<Result<Vec<_>, _>>()?;
        cuts.sort_by(f64::total_cmp);
        figures.note(format!("phone-{name}/back-p50"), cuts[cuts.len() / 2]);
        figures.note(format!("phone-{name}/back-most"), cuts[cuts.len() - 1]);
    }
    daemon.stop()
}

/// A phone at the end of a line, and a key on it.
struct Scene {
    phone: Phone,
    line: Line,
    key: String,
}

impl Scene {
    /// Starts a phone at the end of a line, and pairs it.
    fn set(runtime: &Runtime, line: Line, owner: &mut Partner) -> Result<Self, Error> {
        let phone = runtime.block_on(Phone::start(line.plan()));
        owner.order(&format!("pair {}", line.link()))?;
        let invitation = phone.invite(&owner.answer()?);
        runtime.block_on(invitation.ends()).ok();
        let token = owner.answer()?;
        let key = owner.ask(&format!("phone-key {token}"))?;
        Ok(Self { phone, line, key })
    }

    /// Returns how many bytes one signature sends each way.
    fn sizes(&self, owner: &mut Partner) -> Result<Sizes, Error> {
        // A heartbeat, or what was still on its way from before, would make it more.
        let mut least = Sizes { question: usize::MAX, answer: usize::MAX };
        for _ in 0..5 {
            let before = self.line.carried();
            owner.ask(&format!("sign {}", self.key))?;
            let after = self.line.carried();
            least.question = least.question.min(after.question - before.question);
            least.answer = least.answer.min(after.answer - before.answer);
        }
        Ok(least)
    }

    /// Returns how many MB of the phone's program are resident.
    fn memory(&self) -> Result<f64, Error> {
        Memory::of(self.phone.pid()).map(|memory| memory.resident)
    }

    /// Cuts the line for a while, and returns how many seconds after its return a signature is there.
    fn cut(&mut self, turn: usize, owner: &mut Partner) -> Result<f64, Error> {
        let order = format!("sign {}", self.key);
        owner.ask(&order)?;
        self.line.cut()?;
        // At any point of the second between two tries of either end.
        std::thread::sleep(Duration::from_millis(SHORTEST_CUT + (turn as u64 * 370) % 1000));
        self.line.mend()?;
        let began = Instant::now();
        owner.ask(&order)?;
        Ok(began.elapsed().as_secs_f64())
    }
}

/// Two processes that do nothing but send as many bytes over the same kind of line.
struct Echo {
    crew: Crew,
    _server: Partner,
    _line: Line,
}

impl Echo {
    fn start(exe: &Path, scene: &Scene, socket: PathBuf, sizes: Sizes) -> Result<Self, Error> {
        let line = match &scene.line {
            Line::Terminals { .. } => Line::terminals()?,
            Line::Sockets { .. } => Line::sockets(socket),
        };
        let ([client, server], Sizes { question, answer }) = (line.ends(), sizes);
        let server = Partner::start(exe, &Role::EchoServer { place: server, question, answer }, None)?;
        let crew = Crew::hire(exe, &Role::EchoClient { place: client, question, answer }, 1, None)?;
        Ok(Self { crew, _server: server, _line: line })
    }
}

/// Takes the memory of an idle daemon with no phone, and with one that is connected.
fn note_idle_daemons(
    starter: &mut Starter<'_>,
    owner: &mut Partner,
    scene: &Scene,
    rounds: usize,
    figures: &mut Figures,
) -> Result<(), Error> {
    for _ in 0..rounds {
        let (daemon, _) = starter.start(NO_PHONE)?;
        owner.ask("keys")?;
        figures.note("phone-daemon-rss-without", daemon.memory()?.resident);
        daemon.stop()?;
        let (daemon, _) = starter.start(STATE)?;
        owner.ask(&format!("sign {}", scene.key))?;
        figures.note("phone-daemon-rss", daemon.memory()?.resident);
        daemon.stop()?;
    }
    Ok(())
}

fn caller(bus: &Bus) -> Role {
    Role::Caller {
        bus: bus.address().to_owned(),
        service: names::BUS_NAME.to_owned(),
        channels: 1,
        nice: false,
    }
}

/// The state folder of the daemon that has an account with a key in its own store.
const NO_PHONE: &str = "one";
/// The state folder of the daemon that has phones.
const STATE: &str = "phones";
/// In milliseconds: so long that both ends have seen it.
const SHORTEST_CUT: u64 = 200;
