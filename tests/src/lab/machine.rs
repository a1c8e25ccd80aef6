//! The container itself: its layers, its first process, its end.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::AsyncReadExt;
use tokio::net::UnixDatagram;
use tokio::process::ChildStdout;

use crate::in_time;
use crate::place::Place;

/// A container that has started. It ends with the value, and with this process however that ends.
pub struct Machine {
    keeper: Child,
    // The container ends when this is closed.
    hold: Option<ChildStdin>,
    entrance: Entrance,
    place: Place,
}

/// How programs get into a container.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    leader: u32,
    /// The control groups for them, with blanks between.
    groups: String,
}

impl Machine {
    /// Boots over these folders, the first on top, and returns when all units have started.
    pub async fn boot(layers: &[&Path]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("claviger-{}-{number}", std::process::id());
        let place = Place::new();
        let news = UnixDatagram::bind(place.path().join(NEWS)).unwrap();
        let mut keeper = keeper(&name, &place, layers).spawn().expect("boot.sh runs");
        let hold = keeper.stdin.take();
        let mut end = ChildStdout::from_std(keeper.stdout.take().unwrap()).unwrap();
        let started = async {
            tokio::select! {
                leader = started(&news) => Some(leader),
                // It says nothing: this is its end.
                _ = end.read_u8() => None,
            }
        };
        let leader = in_time("the guest's start", started).await;
        let leader = leader.unwrap_or_else(|| panic!("the guest does not start: {}", console(&place)));
        Self { keeper, hold, entrance: Entrance { leader, groups: groups(leader) }, place }
    }

    /// Returns how programs get in.
    pub(super) fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// Returns the process id, on the host, of the guest's first process.
    pub fn leader(&self) -> u32 {
        self.entrance.leader
    }

    /// Returns where the host sees a path of the guest's. No part of it may be a symbolic link with an absolute
    /// target: that would lead to the host's.
    pub fn path(&self, path: &str) -> PathBuf {
        assert!(path.starts_with('/'), "{path} is not absolute");
        format!("/proc/{}/root{path}", self.leader()).into()
    }

    /// Returns what the guest has said on its console.
    pub fn console(&self) -> String {
        console(&self.place)
    }
}

impl Entrance {
    /// Makes a command that runs in the guest: in all its namespaces, with an environment of its own.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lab/enter.sh"));
        command.arg(self.leader.to_string()).arg(&self.groups).arg(program.as_ref());
        command.env_clear().envs(ENVIRONMENT);
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.hold.take());
        // Nothing of the guest is left when the keeper has ended.
        drop(self.keeper.wait());
    }
}

fn keeper(name: &str, place: &Place, layers: &[&Path]) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lab/boot.sh"));
    command.arg(name).arg(place.path()).args(layers);
    command.env("NOTIFY_SOCKET", place.path().join(NEWS));
    // Of its own, so that Ctrl-C does not end it before it has cleaned up.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Waits until the guest has started, and returns its first process.
async fn started(news: &UnixDatagram) -> u32 {
    let (mut leader, mut said) = (None, [0; 1024]);
    loop {
        let length = news.recv(&mut said).await.unwrap();
        for line in String::from_utf8_lossy(&said[..length]).lines() {
            match (line.strip_prefix("X_NSPAWN_LEADER_PID="), leader) {
                (Some(pid), _) => leader = Some(pid.parse().unwrap()),
                (None, Some(leader)) if line == "READY=1" => return leader,
                (None, _) => {}
            }
        }
    }
}

/// Makes a control group for the harness beside the guest's own units, in every hierarchy that its systemd uses, and
/// returns them. Theirs is none: a process of the host among them is one that the guest's systemd cannot name nor end.
fn groups(leader: u32) -> String {
    let lines = fs::read_to_string(format!("/proc/{leader}/cgroup")).unwrap();
    let groups = lines.lines().filter_map(|line| {
        let (hierarchy, path) = line.split_once(':')?.1.split_once(':')?;
        let guest = path.strip_suffix("/init.scope")?;
        let mount = match hierarchy {
            "" if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() => "/sys/fs/cgroup",
            "" => "/sys/fs/cgroup/unified",
            "name=systemd" => "/sys/fs/cgroup/systemd",
            other => panic!("the guest's systemd uses the control groups of {other}"),
        };
        let group = format!("{mount}{guest}/harness");
        fs::create_dir(&group).unwrap();
        Some(group)
    });
    groups.collect::<Vec<_>>().join(" ")
}

fn console(place: &Place) -> String {
    fs::read_to_string(place.path().join("console")).unwrap_or_default()
}

const NEWS: &str = "news";
const ENVIRONMENT: [(&str, &str); 4] = [
    ("HOME", "/root"),
    ("LC_ALL", "C.UTF-8"),
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("TERM", "dumb"),
];
