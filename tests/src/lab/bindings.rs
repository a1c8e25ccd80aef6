//! What Claviger binds sessions to, and the module in the stacks that do it.

use serde_json::Value;

use crate::lab::guest::Guest;
use crate::lab::running::Running;

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

    /// Waits until the service sees a card of the user's.
    pub async fn card_seen(&self, user: &str) {
        let list = format!("runuser -u {user} -- claviger --json card list");
        self.until(&format!("{list} | tr -d ' ' | grep -q '\"presence\":\"present\"'")).await;
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
