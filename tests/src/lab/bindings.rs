//! What Claviger binds sessions to, and the module in the stacks that do it.

use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use serde_json::Value;

use crate::accounts::Person;
use crate::lab::guest::Guest;
use crate::lab::running::Running;
use crate::pcsc::Card;
use crate::peer::Peer;

/// A session that ends with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The session's id.
    pub session: String,
    /// Whose it is.
    pub uid: u32,
    /// The token's id.
    pub token: String,
    /// `login` or `manual`.
    pub how: String,
}

impl Guest {
    /// Returns the sessions that are bound, sorted by their ids.
    pub async fn bound(&self) -> Vec<Bound> {
        let listed = self.run("claviger --json session list").await.ok();
        let Value::Array(rows) = serde_json::from_slice(&listed.stdout).unwrap() else {
            panic!("{listed:#?}")
        };
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let bound = rows
            .iter()
            .filter(|row| row["token"].as_str().is_some_and(|token| !token.is_empty()))
            .map(|row| Bound {
                session: text(row, "id"),
                uid: row["uid"].as_u64().and_then(|uid| uid.try_into().ok()).unwrap(),
                token: text(row, "token"),
                how: text(row, "how"),
            });
        let mut bound: Vec<_> = bound.collect();
        bound.sort_by(|one, other| one.session.cmp(&other.session));
        bound
    }

    /// Waits until the service sees a card that is the user's, or nobody's yet, and returns its token's id.
    pub async fn card_seen(&self, user: &str, card: &Card) -> String {
        // A PIV card's identity ends with its serial number.
        let ending = format!("{:08x}", card.serial());
        let seen = async {
            loop {
                let listed = self.run_as(user, "claviger --json card list").await.ok();
                let Value::Array(rows) = serde_json::from_slice(&listed.stdout).unwrap() else {
                    panic!("{listed:#?}")
                };
                let rows = rows.iter().filter(|row| row["presence"] == "present");
                let mut tokens = rows.filter_map(|row| row["id"].as_str());
                if let Some(token) = tokens.find(|token| token.ends_with(&ending)) {
                    return token.to_owned();
                }
            }
        };
        crate::in_time("seeing the card", seen).await
    }

    /// Connects to the guest's bus as a user.
    pub async fn peer(&self, person: &Person) -> Peer {
        let socket = self.path("/run/dbus/system_bus_socket");
        // The user may not look into the guest from here, but into what this process has open.
        let open = rustix::fs::open(socket, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        Peer::at(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd())), person).await
    }

    /// Puts the module into every stack, as `docs/pam.md` says for Debian.
    pub async fn enable_module(&self) {
        let line = "DEBIAN_FRONTEND=noninteractive pam-auth-update --enable claviger claviger-session";
        self.run(line).await.ok();
    }

    /// Has sshd ask what the module wants to know, and starts it.
    pub async fn let_sshd_ask(&self) {
        let conf = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n";
        self.write("/etc/ssh/sshd_config.d/claviger.conf", 0o644, conf);
        self.systemctl("restart ssh").await.ok();
    }

    /// Starts a login over the network that shows no key.
    pub fn ssh(&self, user: &str) -> Running {
        self.terminal(&format!("ssh -o PreferredAuthentications=keyboard-interactive {user}@localhost"))
    }
}

impl Running {
    /// Has the shell that this is do something at its prompt, and returns what was said; it must succeed.
    pub async fn does(&mut self, line: &str) -> String {
        // The mark is written in two halves, as a terminal echoes the line itself.
        self.say(&format!("{line}; echo CLAVI''GER-$?."));
        let mut said = self.hear("CLAVIGER-").await;
        let code = self.hear(".").await;
        assert_eq!(code, "0.", "{line}: {said}");
        said.truncate(said.len() - "CLAVIGER-".len());
        said
    }
}
