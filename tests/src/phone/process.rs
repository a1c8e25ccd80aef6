use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use super::{Approval, Entry, Invitation, Module, Plan, Screen};
use crate::command::{Ran, as_person, run};
use crate::place::{Place, give};
use crate::programs::Program;
use crate::{in_time, until};

/// A claviger-phone with a folder of its own. It is killed with the value.
pub struct Phone {
    process: Child,
    plan: Plan,
    screen: Option<Screen>,
    place: Place,
}

/// The pass phrase of every phone's store.
pub const PASSPHRASE: &str = "the phone's own pass phrase";

impl Phone {
    /// Makes its store and starts it; it is ready when this returns.
    pub async fn start(plan: Plan) -> Self {
        let place = Place::new();
        place.folder("state", &plan.person);
        place.file("passphrase", PASSPHRASE);
        if let Module::Soft = plan.module {
            let made = words(&plan, &place, &["init", "--passphrase-file", PASSPHRASE_FILE]);
            run(made, b"").await.ok();
        }
        let screen = match &plan.approval {
            Approval::Screen => Some(Screen::of(&plan.person)),
            Approval::Rules(rules) => {
                place.file("policy.toml", rules);
                None
            }
        };
        let process = spawn(&plan, &place, screen.as_ref());
        let mut phone = Self { process, plan, screen, place };
        phone.ready().await;
        phone
    }

    /// Returns its screen.
    pub fn screen(&self) -> &Screen {
        self.screen.as_ref().expect("it was planned with one")
    }

    /// Returns true where it has one.
    pub fn has_screen(&self) -> bool {
        self.screen.is_some()
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Returns the folder of its keys and pairings.
    pub fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// Returns a path beside its state.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Returns everything that it has written to its standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path(LOG)).unwrap()).into_owned()
    }

    /// Returns its audit list, the oldest first.
    pub fn audit(&self) -> Vec<Entry> {
        let list = fs::read_to_string(self.state().join("audit.jsonl")).unwrap_or_default();
        list.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the audit list in short, pairings left out: what was asked, and what came of it.
    pub fn outcomes(&self) -> Vec<String> {
        self.audit().iter().filter(|entry| entry.operation != "pair").map(Entry::short).collect()
    }

    /// Waits until the audit list is as wanted.
    pub async fn until_audit(&self, what: &str, holds: impl Fn(&[String]) -> bool) {
        assert!(until(|| holds(&self.outcomes())).await, "{what}: {:?}", self.outcomes());
    }

    /// Gives its person other rules; they are read at the next start.
    pub fn change_rules(&self, rules: &str) {
        self.place.file("policy.toml", rules);
    }

    /// Runs another command of the program.
    pub async fn claviger_phone(&self, words_: &[&str]) -> Ran {
        self.claviger_phone_with(words_, b"").await
    }

    /// The same with this standard input.
    pub async fn claviger_phone_with(&self, words_: &[&str], input: &[u8]) -> Ran {
        run(words(&self.plan, &self.place, words_), input).await
    }

    /// Returns what `list` says.
    pub async fn list(&self) -> serde_json::Value {
        let listed = self.claviger_phone(&["list", "--json"]).await.ok();
        serde_json::from_slice(&listed.stdout).unwrap()
    }

    /// Has its person invite the computer of a URI.
    pub fn invite(&self, uri: &str) -> Invitation {
        Invitation::begin(words(&self.plan, &self.place, &["pair"]), uri)
    }

    /// Has its person invite a computer that shows the same numbers.
    pub fn invite_by_numbers(&self) -> Invitation {
        Invitation::begin(words(&self.plan, &self.place, &["pair", "--numbers"]), "")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Kills it without any warning.
    pub async fn kill(&mut self) {
        self.process.start_kill().unwrap();
        self.ended().await;
    }

    /// Ends it as systemd does.
    pub async fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.ended().await;
    }

    /// Starts it again, after it has ended.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.plan, &self.place, self.screen.as_ref());
        self.ready().await;
    }

    async fn ended(&mut self) {
        in_time("the end of the phone", self.process.wait()).await.unwrap();
    }

    async fn ready(&mut self) {
        let control = self.state().join("control");
        let mut gone = false;
        let ready = until(|| {
            gone = self.process.try_wait().unwrap().is_some();
            gone || UnixStream::connect(&control).is_ok()
        });
        assert!(ready.await && !gone, "the phone does not start: {}", self.log());
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the phone's log:\n{}\nits audit list:\n{:#?}", self.log(), self.audit());
            if let Some(screen) = &self.screen {
                eprintln!("its screen:\n{}", screen.all());
            }
        }
    }
}

fn spawn(plan: &Plan, place: &Place, screen: Option<&Screen>) -> Child {
    let mut more = vec!["run", "--name", &plan.name];
    more.extend(plan.links.iter().map(String::as_str));
    let approve = match plan.approval {
        Approval::Rules(_) => "policy:../policy.toml",
        Approval::Screen => "terminal",
    };
    more.extend(["--approve", approve]);
    match &plan.module {
        Module::Soft => {}
        Module::Card { pin, .. } => {
            place.file("passphrase", pin);
            more.extend(["--module", "card"]);
        }
    }
    if plan.unlocked {
        more.extend(["--passphrase-file", PASSPHRASE_FILE]);
    }
    let mut command = words(plan, place, &more);
    let log = File::options().create(true).append(true).open(place.path().join(LOG)).unwrap();
    if let Some(screen) = screen {
        let mut on_screen = Command::new("setsid");
        on_screen.arg("--ctty").arg(command.get_program()).args(command.get_args());
        on_screen.uid(plan.person.uid).gid(plan.person.gid).env_clear();
        on_screen.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        on_screen.current_dir(command.get_current_dir().unwrap()).stdin(screen.open());
        command = on_screen;
    } else {
        command.stdin(Stdio::null());
    }
    command.stdout(Stdio::null()).stderr(log);
    tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("the phone can be run")
}

/// Prepares the program with those words, in the phone's folder.
fn words(plan: &Plan, place: &Place, words: &[&str]) -> Command {
    let mut command = as_person(&plan.person, Program::Phone.path());
    // No bus of the machine that the tests run on.
    let nowhere = "unix:path=/nonexistent/bus";
    let system = plan.bus.as_deref().unwrap_or(nowhere);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", system).env("DBUS_SESSION_BUS_ADDRESS", nowhere);
    if let Module::Card { pcscd, .. } = &plan.module {
        command.env("PCSCLITE_CSOCK_NAME", pcscd);
    }
    let state: &Path = &place.path().join("state");
    give(state, &plan.person, 0o700);
    command.current_dir(state).arg("--state-dir").arg(state).args(words);
    command
}

const LOG: &str = "log";
const PASSPHRASE_FILE: &str = "../passphrase";
