//! Logins with a real ssh to a real sshd: bound sessions, forwarded agents, keys for certain hosts.
//!
//! The sshd is started by ssh itself (`ProxyCommand sshd -i`) as alice, who needs a shell for that: both run in a mount
//! namespace in which her account has one.

use std::path::PathBuf;
use std::process::Command;

use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::command::{Ran, run};

use crate::desk::{ALGORITHMS, Desk};

/// Two hosts, `host1` and `host2`, which let alice in with the keys of `authorized`.
struct Hosts {
    accounts: PathBuf,
}

impl Hosts {
    /// Makes their keys and what is to be known of them.
    async fn of(desk: &Desk) -> Self {
        Self::with(desk, "-t ed25519").await
    }

    /// The same, with keys of that kind.
    async fn with(desk: &Desk, kind: &str) -> Self {
        let home = desk.home.display().to_string();
        let mut known = String::new();
        let mut config = format!(
            "Host *\n  User games\n  UserKnownHostsFile {home}/known\n  GlobalKnownHostsFile /dev/null\n  \
             StrictHostKeyChecking yes\n  PasswordAuthentication no\n  KbdInteractiveAuthentication no\n  BatchMode yes\n"
        );
        for host in ["host1", "host2"] {
            desk.keygen(host, kind).await;
            known += &format!("{host} {}", desk.text(&format!("{host}.pub")));
            desk.file(
                &format!("{host}.conf"),
                format!(
                    "HostKey {home}/{host}\nPidFile none\nUsePAM no\nStrictModes no\nAuthorizedKeysFile {home}/authorized\n\
                     TrustedUserCAKeys {home}/authorities\nPasswordAuthentication no\nLogLevel VERBOSE\n"
                ),
            );
            config += &format!(
                "Host {host}\n  HostKeyAlias {host}\n  ProxyCommand /usr/sbin/sshd -i -e -f {home}/{host}.conf 2>>{home}/{host}.log\n"
            );
        }
        desk.file("known", known);
        desk.file("config", config);
        desk.file("authorized", "");
        desk.file("authorities", "");
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let lines = passwd.lines().map(|line| match line.strip_prefix("games:") {
            Some(_) => format!("games:x:{}:{}::{home}:/bin/sh\n", Person::alice().uid, Person::alice().gid),
            None => format!("{line}\n"),
        });
        let accounts = desk.home.join("passwd");
        std::fs::write(&accounts, lines.collect::<String>()).unwrap();
        Self { accounts }
    }

    /// Runs a command line of alice's where she has a shell.
    async fn run(&self, desk: &Desk, line: &str) -> Ran {
        let Person { uid, gid, .. } = Person::alice();
        let script = format!(
            "mount --bind \"$0\" /etc/passwd && cd {} && exec setpriv --reuid {uid} --regid {gid} --clear-groups sh -c \"$1\"",
            desk.home.display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).arg(&self.accounts).arg(line).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", &desk.home);
        command.env("SSH_AUTH_SOCK", desk.socket());
        run(command, b"").await
    }

    /// Logs in, and returns what came of it.
    async fn ssh(&self, desk: &Desk, words: &str) -> Ran {
        self.run(desk, &format!("ssh -F config {words}")).await
    }
}

fn permit(desk: &Desk, names: &[&str]) {
    let keys = names.iter().map(|name| desk.text(&format!("{name}.pub")));
    desk.file("authorized", keys.collect::<String>());
}

#[tokio::test]
async fn keys_of_every_kind_log_in() {
    let desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    for algorithm in ALGORITHMS {
        desk.generate(algorithm, algorithm).await;
        permit(&desk, &[algorithm]);
        let said = hosts.ssh(&desk, "host1 echo here").await.ok();
        assert_eq!(said.text(), "here", "{algorithm}");
    }
    desk.file("authorized", "");
    assert_ne!(hosts.ssh(&desk, "host1 echo here").await.code, Some(0));
}

/// A use over a connection that could not be bound would be asked for, and there is nobody to ask.
#[tokio::test]
async fn hosts_prove_their_sessions_with_keys_of_every_kind() {
    for kind in ["-t rsa -b 2048", "-t ecdsa -b 256", "-t ecdsa -b 384", "-t ecdsa -b 521"] {
        let desk = Desk::set().await;
        let hosts = Hosts::with(&desk, kind).await;
        desk.keygen("one", "-t ed25519").await;
        desk.run("ssh-add", "-q -H known -h host1 one").await.ok();
        permit(&desk, &["one"]);
        assert_eq!(hosts.ssh(&desk, "host1 echo here").await.ok().text(), "here", "{kind}");
    }
}

#[tokio::test]
async fn hosts_with_certificates_are_those_that_their_authority_names() {
    let desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    desk.keygen("authority", "-t ecdsa -b 384").await;
    for host in ["host1", "host2"] {
        desk.run("ssh-keygen", &format!("-q -s authority -I id -h -n {host} {host}.pub")).await.ok();
        let conf = desk.text(&format!("{host}.conf"));
        let home = desk.home.display();
        desk.file(&format!("{host}.conf"), format!("{conf}HostCertificate {home}/{host}-cert.pub\n"));
    }
    let authority = desk.text("authority.pub");
    desk.file("known", format!("@cert-authority host* {authority}"));
    desk.keygen("one", "-t ed25519").await;
    desk.run("ssh-add", "-q -H known -h host1 one").await.ok();
    permit(&desk, &["one"]);
    assert_eq!(hosts.ssh(&desk, "host1 echo here").await.ok().text(), "here");
    assert_ne!(hosts.ssh(&desk, "host2 echo here").await.code, Some(0), "the same authority, another name");
}

#[tokio::test]
async fn a_certificate_without_an_end_logs_in() {
    let desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    desk.generate("P-521", "key").await;
    desk.keygen("authority", "-t ed25519").await;
    desk.run("ssh-keygen", "-q -s authority -I id -n games key.pub").await.ok();
    desk.file("authorities", desk.text("authority.pub"));
    assert_ne!(hosts.ssh(&desk, "host1 true").await.code, Some(0), "the bare key is not let in");
    desk.file(".ssh/key-cert.pub", desk.text("key-cert.pub"));
    let said = hosts.ssh(&desk, "host1 echo here").await.ok();
    assert_eq!(said.text(), "here");
}

#[tokio::test]
async fn who_is_asked_reads_where_the_login_goes() {
    let desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    desk.generate("Ed25519", "key").await;
    permit(&desk, &["key"]);
    desk.shell.claviger("key confirm key always").await.ok();
    // Without a name that is known it is the fingerprint alone.
    let fingerprint = desk.run("ssh-keygen", "-l -f host1.pub").await.ok();
    let fingerprint = fingerprint.text().split(' ').nth(1).unwrap().to_owned();
    let mut agent = Agent::of(&desk.house, &Person::alice()).await;
    for is_known in [false, true] {
        if is_known {
            desk.file(".ssh/known_hosts", desk.text("known"));
        }
        let (said, reason) = tokio::join!(hosts.ssh(&desk, "host1 echo here"), async {
            let question = agent.asked().await;
            let reason = question.text("reason");
            question.said(true);
            reason
        });
        assert_eq!(said.ok().text(), "here");
        let host = if is_known { format!("host1 ({fingerprint})") } else { format!("host {fingerprint}") };
        assert_eq!(reason, Some(format!("log in as 'games' at {host}")));
    }
}

#[tokio::test]
async fn a_forwarded_use_is_always_asked_for_and_changes_nothing() {
    let desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    desk.generate("Ed25519", "key").await;
    desk.keygen("other", "-t ed25519").await;
    permit(&desk, &["key"]);
    let line = "-A host1 'ssh-add -L; ssh -F config host2 echo there; ssh-add -q other; ssh-add -D; ssh-add -x </dev/null; ssh-add -L'";
    let mut agent = Agent::of(&desk.house, &Person::alice()).await;
    for yes in [true, false] {
        let (said, reason) = tokio::join!(hosts.ssh(&desk, line), async {
            let question = agent.asked().await;
            let reason = question.text("reason").unwrap();
            question.said(yes);
            reason
        });
        assert_eq!(said.text().lines().filter(|line| *line == "there").count(), usize::from(yes), "{said:?}");
        assert_eq!(said.text().lines().filter(|line| line.ends_with(" key")).count(), 2, "{said:?}");
        let fingerprints = said.stderr.clone() + &reason;
        assert!(reason.starts_with("asked through SHA256:"), "{fingerprints}");
        assert!(reason.contains(": log in as 'games' at host SHA256:"), "{reason}");
    }
    assert!(agent.heard_nothing().await, "the first hop asked nobody");
    assert_eq!(desk.stored().await, 1);
}

#[tokio::test]
async fn a_key_for_certain_hosts_serves_no_other() {
    let desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    desk.keygen("one", "-t ed25519").await;
    desk.run("ssh-add", "-q -H known -h host1 one").await.ok();
    permit(&desk, &["one"]);
    assert_eq!(hosts.ssh(&desk, "host1 echo here").await.ok().text(), "here");
    assert_ne!(hosts.ssh(&desk, "host2 echo here").await.code, Some(0));
    desk.file("message", "a message\n");
    let signed = desk.run("ssh-keygen", "-Y sign -U -n file -f one.pub message").await;
    assert_ne!(signed.code, Some(0), "it is for logins at that host only");
    // Beyond that host nobody sees it.
    let seen = hosts.ssh(&desk, "-A host1 'ssh-add -L; ssh -F config host2 echo there'").await;
    assert!(!seen.text().contains("ssh-ed25519") && !seen.text().contains("there"), "{seen:?}");
}

#[tokio::test]
async fn a_key_goes_on_along_its_hops_and_after_a_restart() {
    let mut desk = Desk::set().await;
    let hosts = Hosts::of(&desk).await;
    desk.keygen("one", "-t ed25519").await;
    desk.run("ssh-add", "-q -H known -h host1 -h host1>games@host2 one").await.ok();
    permit(&desk, &["one"]);
    desk.end().await;
    desk.begin(&[]).await;
    assert_ne!(hosts.ssh(&desk, "host2 echo there").await.code, Some(0), "not from here");
    let mut agent = Agent::of(&desk.house, &Person::alice()).await;
    let line = "-A host1 'ssh -F config host2 echo there; ssh -F config host1 echo back'";
    let (said, reason) = tokio::join!(hosts.ssh(&desk, line), async {
        let question = agent.asked().await;
        let reason = question.text("reason").unwrap();
        question.said(true);
        reason
    });
    assert_eq!(said.text(), "there", "{said:?}");
    assert!(reason.contains(": log in as 'games' at host2 (SHA256:"), "{reason}");
}
