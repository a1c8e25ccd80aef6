//! The whole measurement, in its order.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::bus::Bus;
use crate::child::Partner;
use crate::daemon::{Daemon, Starter};
use crate::error::{Doing, Error};
use crate::fairness::Fairness;
use crate::figures::Figures;
use crate::floors::{BareTable, RawSigner, RawTimes};
use crate::hash::{Gibibyte, HashTimes};
use crate::loads::Loads;
use crate::role::Role;
use crate::ssh_agent::SshAgent;
use crate::{cards, document, front_ends, machine, phones, population, report, sessions};

/// What is asked for on the command line.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) millis: u64,
    pub(crate) daemon: Option<PathBuf>,
    pub(crate) no_daemon: bool,
    pub(crate) only: Vec<String>,
    pub(crate) clients: Vec<usize>,
}

impl Options {
    /// Returns true where that part is asked for.
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| part.starts_with(only.as_str()))
    }
}

/// What everything runs in: a folder, a copy of this program that every uid may run, a bus.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) exe: PathBuf,
    pub(crate) bus: Bus,
}

/// Measures everything and returns the report.
pub(crate) fn run(options: &Options) -> Result<String, Error> {
    let began = Instant::now();
    let place = Place::prepare()?;
    let mut figures = Figures::default();
    if options.no_daemon {
        measure_loads(&place, options, None, &mut figures)?;
    } else {
        let program = daemon_program(options.daemon.clone())?;
        let mut starter = Starter::new(&place.exe, program, &place.bus, place.folder.path())?;
        let (daemon, mut owner) = measure_starts(&place, &mut starter, options, &mut figures)?;
        measure_loads(&place, options, Some(&mut owner), &mut figures)?;
        note_memory(&daemon, "-loaded", &mut figures)?;
        if options.wants("hash") {
            measure_digests(&mut owner, options.rounds, &mut figures)?;
        }
        if options.wants("fairness") {
            measure_fairness(&place, options.rounds, &mut figures)?;
        }
        daemon.stop()?;
        if options.wants("cards") {
            let effort = (options.rounds, options.millis);
            cards::measure(&place.exe, &place.bus, &mut starter, effort, &mut figures)?;
        }
        if options.wants("phones") {
            let effort = (options.rounds, options.millis);
            phones::measure(&place.exe, &place.bus, &mut starter, effort, &mut figures)?;
        }
        if options.wants("front-ends") {
            front_ends::measure(&place, &mut starter, options, &mut figures)?;
        }
        if options.wants("sessions") {
            sessions::measure(options.rounds, &mut figures)?;
        }
    }
    Ok(format!(
        "{}\n- medians of {} rounds of {} ms, interleaved; {:.0} s in all\n\n{}\n{}\n{}",
        machine::describe(),
        options.rounds,
        options.millis,
        began.elapsed().as_secs_f64(),
        report::targets(&figures, !options.only.is_empty()),
        report::loads(&figures, !options.only.is_empty()),
        report::singles(&figures),
    ))
}

/// Writes the report to docs/figures.md: of one part that has a section of its own there into that, else into the first.
pub(crate) fn write(report: &str, only: &[String]) -> Result<(), Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/figures.md");
    let before = fs::read_to_string(&path).doing(format!("read {}", path.display()))?;
    let after = document::replace(&before, document::section(only), report);
    fs::write(&path, after).doing(format!("write {}", path.display()))
}

impl Place {
    /// In /var/tmp and not in /tmp, which is memory on many machines: a durable update must reach a disk.
    fn prepare() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("claviger-bench-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir_in("/var/tmp")
            .doing("make a folder in /var/tmp")?;
        let exe = folder.path().join("claviger-bench");
        let this = std::env::current_exe().doing("find this program")?;
        fs::copy(&this, &exe).doing("copy this program")?;
        let bus = Bus::start(folder.path())?;
        Ok(Self { folder, exe, bus })
    }
}

fn daemon_program(told: Option<PathBuf>) -> Result<PathBuf, Error> {
    match told {
        Some(program) => Ok(program),
        None => Ok(std::env::current_exe().doing("find this program")?.with_file_name("clavigerd")),
    }
}

/// Takes start-up and idle memory, with one user and with a million; returns the daemon that has one, and the one.
fn measure_starts(
    place: &Place,
    starter: &mut Starter<'_>,
    options: &Options,
    figures: &mut Figures,
) -> Result<(Daemon, Partner), Error> {
    let mut owner = Partner::start(&place.exe, &Role::Owner { bus: place.bus.address().to_owned() }, None)?;
    make_account(starter, &mut owner, "one")?;
    if options.wants("start") {
        eprintln!("start-up and memory, one user and a million");
        make_account(starter, &mut owner, "million")?;
        population::add_a_million(&place.folder.path().join("million"))?;
        for _ in 0..2 * options.rounds {
            for (state, suffix) in [("one", ""), ("million", "-million")] {
                let (daemon, millis) = starter.start(state)?;
                figures.note(format!("start{suffix}"), millis);
                owner.ask("keys")?;
                note_memory(&daemon, suffix, figures)?;
                daemon.stop()?;
            }
        }
    }
    let (daemon, _) = starter.start("one")?;
    owner.ask("unlock")?;
    Ok((daemon, owner))
}

/// Makes a state folder in which the owner has an account and a key.
fn make_account(starter: &mut Starter<'_>, owner: &mut Partner, state: &str) -> Result<(), Error> {
    let (daemon, _) = starter.start(state)?;
    owner.ask("enrol")?;
    owner.ask("key P-256")?;
    daemon.stop()
}

fn note_memory(daemon: &Daemon, suffix: &str, figures: &mut Figures) -> Result<(), Error> {
    let memory = daemon.memory()?;
    figures.note(format!("rss{suffix}"), memory.resident);
    figures.note(format!("rss-own{suffix}"), memory.own);
    Ok(())
}

/// Runs floors, peer and daemon in turn; without an owner there is no daemon.
fn measure_loads(
    place: &Place,
    options: &Options,
    owner: Option<&mut Partner>,
    figures: &mut Figures,
) -> Result<(), Error> {
    let (raw, bare) = (RawSigner::new()?, BareTable::create(place.folder.path())?);
    let agent = SshAgent::start(place.folder.path())?;
    let mut loads = Loads::default();
    loads.add_floors(&place.exe, &place.bus, place.folder.path())?;
    loads.add_ssh_agent(&place.exe, &agent)?;
    if let Some(owner) = owner {
        loads.add_daemon(&place.exe, &place.bus, owner)?;
    }
    loads.retain(|name, clients| options.wants(name) && options.clients.contains(&clients));
    loads.fill_log(&place.folder.path().join("one"))?;
    for round in 1..=options.rounds {
        eprintln!("loads, round {round} of {}", options.rounds);
        note_raw(&raw.time()?, figures);
        figures.note("bare-update", bare.time_update(Duration::from_millis(options.millis))?);
        loads.run_round(options.millis, figures)?;
    }
    Ok(())
}

fn note_raw(times: &RawTimes, figures: &mut Figures) {
    let RawTimes { ring_p256, p256, ed25519, rsa } = *times;
    figures.note("raw-p256-ring", ring_p256);
    figures.note("raw-p256", p256);
    figures.note("raw-ed25519", ed25519);
    figures.note("raw-rsa", rsa);
}

fn measure_digests(owner: &mut Partner, rounds: usize, figures: &mut Figures) -> Result<(), Error> {
    eprintln!("digests of 1 GiB");
    let gibibyte = Gibibyte::new()?;
    for _ in 0..rounds {
        let HashTimes { ring, aws, sha256sum, daemon } = gibibyte.time(owner)?;
        figures.note("hash-ring", ring);
        figures.note("hash-aws", aws);
        figures.note("hash-sha256sum", sha256sum);
        figures.note("hash-daemon", daemon);
    }
    Ok(())
}

fn measure_fairness(place: &Place, rounds: usize, figures: &mut Figures) -> Result<(), Error> {
    if !geteuid().is_root() {
        eprintln!("a flood by another uid: not measured, it takes root to be two users");
        return Ok(());
    }
    eprintln!("a flood by another uid");
    let noop = Role::NoopServer { bus: place.bus.address().to_owned() };
    let _noop = Partner::start(&place.exe, &noop, None)?;
    let mut scenes = Fairness::all(&place.exe, &place.bus)?;
    for _ in 0..rounds {
        for scene in &mut scenes {
            scene.run_round(figures)?;
        }
    }
    Ok(())
}
