//! OpenSSH: `ssh-keygen -D`, its own agent with the module in its helper, and `ssh -I` to a real sshd.
//!
//! The sshd is started by ssh itself (`ProxyCommand sshd -i`) as alice, who needs a shell for that: both run in a mount
//! namespace in which her account has one.

use std::process::Command;

use claviger_tests::clients::{Listener, Location, Seat};
use claviger_tests::command::{Ran, run};

at_each_location!(its_agent_holds_the_keys, its_client_logs_in);

async fn its_agent_holds_the_keys(seat: Seat) {
    let publics = publics(&seat).await;
    let agent = Agent::start(&seat).await;
    agent.adds(&seat).await.ok();
    let listed = agent.run(&seat, "ssh-add", &["-L"]).await.ok();
    assert_eq!(listed.text(), publics.join("\n"));
    seat.file("allowed", publics.iter().map(|public| format!("alice {public}\n")).collect::<String>());
    for key in ["rsa", "ec"] {
        let public = format!("{key}.ssh");
        let words = ["-Y", "sign", "-n", "file", "-f", &public];
        let signed = agent.run_with(&seat, "ssh-keygen", &words, MESSAGE).await.ok();
        seat.file("message.sig", signed.stdout);
        let words = ["-Y", "verify", "-n", "file", "-f", "allowed", "-I", "alice", "-s", "message.sig"];
        let verified = seat.run_with("ssh-keygen", &words, MESSAGE).await.ok();
        assert!(verified.text().starts_with("Good \"file\" signature"), "{verified:?}");
        assert_ne!(seat.run_with("ssh-keygen", &words, b"another").await.code, Some(0));
    }
    // It asks for a signature with SHA-1 of an RSA key, which the store and phones do not give.
    agent.run(&seat, "ssh-add", &["-T", "ec.ssh"]).await.ok();
    agent.removes(&seat).await.ok();
    assert_eq!(agent.run(&seat, "ssh-add", &["-L"]).await.code, Some(1), "no keys");
    agent.adds(&seat).await.ok();
    agent.run(&seat, "ssh-add", &["-T", "ec.ssh"]).await.ok();
}

/// Writes the public keys as ssh has them into files, and returns them.
async fn publics(seat: &Seat) -> Vec<String> {
    let module = seat.module().to_str().expect("a path of ours");
    let listed = seat.run("ssh-keygen", &["-D", module]).await.ok();
    let publics: Vec<String> = listed.text().lines().map(str::to_owned).collect();
    assert_eq!(publics.len(), 2, "{listed:?}");
    for key in [&seat.rsa, &seat.ec] {
        let converted =
            seat.run("ssh-keygen", &["-i", "-m", "PKCS8", "-f", &format!("{}.pub", key.label)]).await.ok();
        let listed = publics.iter().find(|public| public.starts_with(converted.text()));
        seat.file(&format!("{}.ssh", key.label), format!("{}\n", listed.expect("it is listed")));
    }
    publics
}

/// OpenSSH's own agent.
pub(crate) struct Agent {
    socket: String,
    _process: Listener,
}

impl Agent {
    /// Starts one that loads the module, if it is asked to.
    pub(crate) async fn start(seat: &Seat) -> Self {
        askpass(seat, seat.location.pin().unwrap_or("nothing that counts"));
        let socket = seat.path("agent.sock");
        let module = seat.module().to_str().expect("a path of ours");
        let mut command = seat.lasting("ssh-agent", &["-D", "-a", &socket, "-P", module]);
        surround(seat, &mut command);
        let process = Listener::start(command);
        process.says("SSH_AUTH_SOCK=").await;
        Self { socket, _process: process }
    }

    /// Has it take the module's keys; ssh-add asks for a PIN in any case, and the agent wants some.
    pub(crate) async fn adds(&self, seat: &Seat) -> Ran {
        self.run(seat, "ssh-add", &["-s", seat.module().to_str().expect("a path of ours")]).await
    }

    /// Has it forget them.
    pub(crate) async fn removes(&self, seat: &Seat) -> Ran {
        self.run(seat, "ssh-add", &["-e", seat.module().to_str().expect("a path of ours")]).await
    }

    /// Runs a program that finds the agent.
    pub(crate) async fn run(&self, seat: &Seat, program: &str, words: &[&str]) -> Ran {
        self.run_with(seat, program, words, b"").await
    }

    async fn run_with(&self, seat: &Seat, program: &str, words: &[&str], input: &[u8]) -> Ran {
        let mut command = seat.command(program, words);
        surround(seat, &mut command);
        command.env("SSH_AUTH_SOCK", &self.socket);
        run(command, input).await
    }
}

/// Prepares what ssh asks for secrets, which notes each time.
fn askpass(seat: &Seat, pin: &str) {
    let script =
        seat.file("askpass", format!("#!/bin/sh\necho \"$*\" >>{}\necho '{pin}'\n", seat.path("asked")));
    claviger_tests::place::give(&script, &seat.alice.person, 0o700);
}

fn surround(seat: &Seat, command: &mut Command) {
    seat.surround(command);
    command.env("SSH_ASKPASS", seat.path("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
}

async fn its_client_logs_in(seat: Seat) {
    let questions = if seat.location == Location::Phone { 0 } else { 1 };
    logs_in(&seat, "rsa", questions).await;
    logs_in(&seat, "ec", questions).await;
    seat.file("authorized", "");
    assert_ne!(ssh(&seat).await.code, Some(0), "another key is not let in");
}

/// Logs in with that key, and counts what alice is asked.
pub(crate) async fn logs_in(seat: &Seat, key: &str, questions: usize) {
    publics(seat).await;
    askpass(seat, seat.location.pin().unwrap_or("nothing that counts"));
    let home = seat.home().display().to_string();
    if !seat.home().join("host").exists() {
        seat.run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "host"]).await.ok();
    }
    let public = String::from_utf8(seat.read("host.pub")).unwrap();
    seat.file("known", format!("host {public}"));
    seat.file(
        "sshd",
        format!(
            "HostKey {home}/host\nPidFile none\nUsePAM no\nStrictModes no\nAuthorizedKeysFile {home}/authorized\n\
             PasswordAuthentication no\n"
        ),
    );
    seat.file(
        "ssh",
        format!(
            "Host host\n  User {}\n  UserKnownHostsFile {home}/known\n  GlobalKnownHostsFile /dev/null\n  \
             StrictHostKeyChecking yes\n  PasswordAuthentication no\n  KbdInteractiveAuthentication no\n  \
             IdentityFile none\n  ProxyCommand /usr/sbin/sshd -i -f {home}/sshd\n",
            seat.alice.person.name
        ),
    );
    seat.file("authorized", seat.read(&format!("{key}.ssh")));
    drop(std::fs::remove_file(seat.path("asked")));
    let said = ssh(seat).await.ok();
    assert_eq!(said.text(), "here", "{said:?}");
    let asked = std::fs::read_to_string(seat.path("asked")).unwrap_or_default();
    assert_eq!(asked.lines().count(), questions, "{asked}");
}

/// Logs in where alice has a shell.
async fn ssh(seat: &Seat) -> Ran {
    let person = &seat.alice.person;
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let own = format!("{}:x:{}:{}::{}:/bin/sh\n", person.name, person.uid, person.gid, seat.home().display());
    let others = passwd.lines().filter(|line| !line.starts_with(&format!("{}:", person.name)));
    let accounts = seat.file("passwd", others.map(|line| format!("{line}\n")).collect::<String>() + &own);
    let script = format!(
        "mount --bind \"$0\" /etc/passwd && exec setpriv --reuid {} --regid {} --clear-groups timeout 50 ssh -F ssh -I \"$1\" host echo here",
        person.uid, person.gid
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(accounts).arg(seat.module()).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir(seat.home());
    surround(seat, &mut command);
    run(command, b"").await
}

const MESSAGE: &[u8] = b"what a program of others' has signed\n";
