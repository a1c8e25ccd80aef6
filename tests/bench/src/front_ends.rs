//! Front ends: the PKCS#11 module beside SoftHSM2 and `p11-kit server`, the ssh-agent beside OpenSSH's, and what both cost
//! in memory.
//!
//! Modules and agents have a daemon each: what signs through the module keeps as many channels as a uid has.

use std::fs;
use std::path::PathBuf;

use crate::child::Partner;
use crate::crew::{CREW, Crew};
use crate::daemon::{Memory, Starter};
use crate::error::{Doing, Error};
use crate::figures::Figures;
use crate::modules::{Module, P11Kit, SoftHsm};
use crate::role::Role;
use crate::run::{Options, Place};
use crate::ssh_agent::SshAgent;

/// Measures all of it with daemons of its own.
pub(crate) fn measure(
    place: &Place,
    starter: &mut Starter<'_>,
    options: &Options,
    figures: &mut Figures,
) -> Result<(), Error> {
    eprintln!("front ends");
    let folder = place.folder.path().join("front-ends");
    fs::create_dir(&folder).doing("make a folder for front ends")?;
    let programs = programs()?;
    let mut owner = Partner::start(&place.exe, &Role::Owner { bus: place.bus.address().to_owned() }, None)?;

    let (daemon, _) = starter.start(STATE)?;
    owner.ask("enrol")?;
    for algorithm in ["P-256", "RSA-2048", "Ed25519"] {
        owner.ask(&format!("key {algorithm}"))?;
    }
    let softhsm = SoftHsm::create(&folder)?;
    let p11kit = P11Kit::serve(&softhsm, &folder)?;
    let claviger = Module::claviger(programs.join("libclaviger_pkcs11.so"), &place.bus);
    let modules = [("softhsm", softhsm.module()), ("p11kit", p11kit.module()), ("claviger", claviger)];
    weigh_modules(place, &modules, options.rounds, figures)?;
    measure_modules(place, &modules, options, figures)?;
    daemon.stop()?;

    let (daemon, _) = starter.start(STATE)?;
    owner.ask("unlock")?;
    let openssh = SshAgent::start(&folder)?;
    let claviger = SshAgent::claviger(&programs.join("claviger-ssh-agent"), &place.bus, &folder)?;
    measure_agents(place, &[("openssh", openssh), ("claviger", claviger)], options, figures)?;
    daemon.stop()
}

/// Returns where the front ends are: where the tests are told to find them, else beside this program.
fn programs() -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os("CLAVIGER_BIN_DIR") {
        return Ok(folder.into());
    }
    Ok(std::env::current_exe().doing("find this program")?.with_file_name(""))
}

/// Takes what each module adds to the memory of a process.
fn weigh_modules(
    place: &Place,
    modules: &[(&str, Module)],
    rounds: usize,
    figures: &mut Figures,
) -> Result<(), Error> {
    for _ in 0..rounds {
        for (name, module) in modules {
            let mut weigher = Partner::start(&place.exe, &module.weigher(), None)?;
            let answer = weigher.ask("weigh")?;
            let added: Vec<f64> = answer.split(' ').map_while(|figure| figure.parse().ok()).collect();
            let [resident, own, resident_loaded, own_loaded] = added[..] else {
                return Err(Error::Child { who: weigher.name().to_owned(), said: answer });
            };
            figures.note(format!("pkcs11-{name}/rss"), resident);
            figures.note(format!("pkcs11-{name}/rss-own"), own);
            figures.note(format!("pkcs11-{name}/rss-loaded"), resident_loaded);
            figures.note(format!("pkcs11-{name}/rss-own-loaded"), own_loaded);
        }
    }
    Ok(())
}

fn measure_modules(
    place: &Place,
    modules: &[(&str, Module)],
    options: &Options,
    figures: &mut Figures,
) -> Result<(), Error> {
    let mut crews = Vec::new();
    for (name, module) in modules {
        crews.push((*name, Crew::hire(&place.exe, &module.signer(), CREW, None)?));
    }
    for round in 1..=options.rounds {
        eprintln!("modules, round {round} of {}", options.rounds);
        for &clients in &options.clients {
            for kind in ["p256", "p256-asking", "rsa"] {
                for (name, crew) in &mut crews {
                    let load = crew.run(clients, options.millis, kind)?;
                    figures.note_load(&format!("pkcs11-{name}-{kind}"), clients, &load);
                }
            }
        }
    }
    Ok(())
}

fn measure_agents(
    place: &Place,
    agents: &[(&str, SshAgent)],
    options: &Options,
    figures: &mut Figures,
) -> Result<(), Error> {
    let mut crews = Vec::new();
    for (name, agent) in agents {
        let role = Role::SshClient { socket: agent.socket().to_owned() };
        crews.push((*name, agent, Crew::hire(&place.exe, &role, CREW, None)?));
    }
    for (name, agent, crew) in &mut crews {
        // Idle is after the first answers.
        for (_, kind) in KEYS {
            crew.run(1, FEW_MILLIS, kind)?;
        }
        note_memory(name, "", agent.memory()?, figures);
    }
    for round in 1..=options.rounds {
        eprintln!("ssh-agents, round {round} of {}", options.rounds);
        for &clients in &options.clients {
            for (key, kind) in KEYS {
                for (name, _, crew) in &mut crews {
                    let load = crew.run(clients, options.millis, kind)?;
                    figures.note_load(&format!("agent-{name}-{key}"), clients, &load);
                }
            }
        }
        for (name, agent, _) in &crews {
            note_memory(name, "-loaded", agent.memory()?, figures);
        }
    }
    Ok(())
}

fn note_memory(agent: &str, when: &str, memory: Memory, figures: &mut Figures) {
    figures.note(format!("agent-{agent}/rss{when}"), memory.resident);
    figures.note(format!("agent-{agent}/rss-own{when}"), memory.own);
}

/// Keys as figures name them, and as ssh does.
const KEYS: [(&str, &str); 3] =
    [("p256", "ecdsa-sha2-nistp256"), ("ed25519", "ssh-ed25519"), ("rsa", "ssh-rsa")];
/// The state folder of the daemon whose account has one key of each kind.
const STATE: &str = "front-ends-keys";
/// So long that something is done, however slow the first answer is.
const FEW_MILLIS: u64 = 250;
