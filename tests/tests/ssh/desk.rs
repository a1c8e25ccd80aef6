//! Alice at her desk: registered, unlocked, with an ssh-agent of Claviger's.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::command::{Ran, as_person, run};
use claviger_tests::house::House;
use claviger_tests::in_time;
use claviger_tests::peer::Peer;
use claviger_tests::place::{Place, give};
use claviger_tests::programs::Program;
use claviger_tests::shell::Shell;

/// Alice's desk.
pub(crate) struct Desk {
    /// The agent, if it runs.
    agent: Option<Child>,
    /// Her way to the daemon.
    pub(crate) alice: Peer,
    /// The command line.
    pub(crate) shell: Shell,
    /// Her folder.
    pub(crate) home: PathBuf,
    /// Where the daemon is.
    address: String,
    _place: Place,
}

/// A desk in a house of its own.
pub(crate) struct Own {
    desk: Desk,
    /// The bus and the daemon.
    pub(crate) house: House,
}

impl std::ops::Deref for Own {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl std::ops::DerefMut for Own {
    fn deref_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }
}

impl Desk {
    /// Alice has no keys, and her agent runs.
    pub(crate) async fn set() -> Own {
        Self::with(&[]).await
    }

    /// The same, with more words for the agent.
    pub(crate) async fn with(words: &[&str]) -> Own {
        let house = House::open().await;
        let alice = house.alice().await;
        let mut desk = Self::of(&house, alice);
        desk.begin(words).await;
        Own { desk, house }
    }

    /// Alice's desk in somebody's house, where no agent runs yet.
    pub(crate) fn of(house: &House, alice: Peer) -> Self {
        let shell = Shell::new(&house.bus, &Person::alice());
        shell.file("passphrase", PASSPHRASE);
        let place = Place::new();
        let home = place.folder("alice", &Person::alice());
        Self { agent: None, alice, shell, home, address: house.bus.address(), _place: place }
    }

    /// Starts the agent.
    pub(crate) async fn begin(&mut self, words: &[&str]) {
        let mut command = self.agent_command();
        command.args(["-D", "-a"]).arg(self.socket()).args(words);
        let mut agent = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = agent.stdout.take().unwrap();
        self.agent = Some(agent);
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).unwrap();
            line
        });
        let line = in_time("the agent", reading).await.unwrap();
        assert!(line.starts_with("SSH_AUTH_SOCK="), "{line:?}");
    }

    /// Ends the agent as its user would, and waits for that.
    pub(crate) async fn end(&mut self) {
        let mut agent = self.agent.take().expect("it runs");
        let pid = rustix::process::Pid::from_child(&agent);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let waiting = tokio::task::spawn_blocking(move || agent.wait().unwrap());
        let status = in_time("the agent's end", waiting).await.unwrap();
        assert!(status.success(), "{status}");
        assert!(!self.socket().exists(), "its socket goes with it");
    }

    /// Prepares the agent's program.
    pub(crate) fn agent_command(&self) -> Command {
        let mut command = self.program(Program::SshAgent.path());
        command.args(["--bus", &self.address]);
        command
    }

    /// Prepares a program of hers, which finds the agent.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut command = as_person(&Person::alice(), program.as_ref());
        command.current_dir(&self.home).env("HOME", &self.home).env("SSH_AUTH_SOCK", self.socket());
        command
    }

    /// Runs a program of hers with these words, split at spaces.
    pub(crate) async fn run(&self, program: &str, words: &str) -> Ran {
        self.run_with(program, words, b"").await
    }

    /// The same, with something to read.
    pub(crate) async fn run_with(&self, program: &str, words: &str, input: &[u8]) -> Ran {
        let mut command = self.program(program);
        command.args(words.split(' ').filter(|word| !word.is_empty()));
        run(command, input).await
    }

    /// Returns where the agent listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.home.join("agent.sock")
    }

    /// Connects to the agent as somebody.
    pub(crate) fn connect(&self, person: &Person) -> UnixStream {
        person.connect(&self.socket())
    }

    /// Writes a file into her folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.home.join(name);
        let folder = path.parent().unwrap();
        if !folder.exists() {
            std::fs::create_dir_all(folder).unwrap();
            give(folder, &Person::alice(), 0o700);
        }
        std::fs::write(&path, content).unwrap();
        give(&path, &Person::alice(), 0o600);
    }

    /// Reads a text in her folder.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Makes a key pair with ssh-keygen.
    pub(crate) async fn keygen(&self, name: &str, words: &str) {
        self.keygen_with(&format!("-q -f {name} -C {name} {words}")).await;
    }

    /// Makes a key pair without a pass phrase.
    pub(crate) async fn keygen_with(&self, words: &str) {
        let mut command = self.program("ssh-keygen");
        command.args(words.split(' ').filter(|word| !word.is_empty())).args(["-N", ""]);
        run(command, b"").await.ok();
    }

    /// Makes a key in the store and writes its public half beside: `NAME.pub`.
    pub(crate) async fn generate(&self, algorithm: &str, name: &str) -> String {
        let made = self.shell.claviger(&format!("key generate {algorithm} --label {name}")).await.ok();
        let public = self.shell.claviger(&format!("key show {name} --public --format ssh")).await.ok();
        self.file(&format!("{name}.pub"), &public.stdout);
        made.text().to_owned()
    }

    /// Returns the comments of what the agent shows.
    pub(crate) async fn shown(&self) -> Vec<String> {
        let listed = self.run("ssh-add", "-L").await;
        match listed.code {
            Some(0) => listed
                .text()
                .lines()
                .map(|line| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned())
                .collect(),
            Some(1) => Vec::new(),
            _ => panic!("{listed:#?}"),
        }
    }

    /// Waits until the agent shows just that.
    pub(crate) async fn shows(&self, expected: &[&str]) {
        let waiting = async {
            while self.shown().await != expected {
                tokio::task::yield_now().await;
            }
        };
        in_time("what the agent shows", waiting).await;
    }

    /// Has ssh-keygen sign with the agent and the key of `NAME.pub`, and verify by itself.
    pub(crate) async fn signs(&self, name: &str) {
        self.file("message", "a message\n");
        let public = self.text(&format!("{name}.pub"));
        self.file("allowed", format!("alice {public}"));
        std::fs::remove_file(self.home.join("message.sig")).ok();
        self.run("ssh-keygen", &format!("-Y sign -U -n file -f {name}.pub message")).await.ok();
        let verify = "-Y verify -f allowed -I alice -n file -s message.sig";
        let verified = self.run_with("ssh-keygen", verify, b"a message\n").await;
        assert!(verified.ok().text().contains("Good \"file\" signature"), "{name}");
        let wrong = self.run_with("ssh-keygen", verify, b"another message\n").await;
        assert_ne!(wrong.code, Some(0), "{name}");
    }

    /// Returns how many keys are in the store.
    pub(crate) async fn stored(&self) -> usize {
        self.alice.keys().await.unwrap().len()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().ok();
            agent.wait().ok();
        }
    }
}

/// The kinds of keys that ssh has, as the store calls them.
pub(crate) const ALGORITHMS: [&str; 5] = ["Ed25519", "P-256", "P-384", "P-521", "RSA-2048"];
