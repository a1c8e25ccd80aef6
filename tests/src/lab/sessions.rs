//! The sessions that logind lists.

use std::collections::HashMap;

use crate::lab::guest::Guest;

/// A session, as `loginctl show-session` describes it. What a session does not have is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The user's name.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// For example `seat0`.
    pub seat: String,
    /// For example `pts/0`.
    pub tty: String,
    /// True if it came over the network.
    pub remote: bool,
    /// Who asked PAM for it, for example `sshd`.
    pub service: String,
    /// For example `tty` or `x11`.
    pub kind: String,
    /// For example `user`.
    pub class: String,
    /// `opening`, `online`, `active` or `closing`.
    pub state: String,
    /// True if it says of itself that it is locked.
    pub locked_hint: bool,
    /// Its first process, as the guest counts.
    pub leader: u32,
}

impl Guest {
    /// Returns the sessions that there are, those that are closing included, sorted by their ids.
    pub async fn sessions(&self) -> Vec<Session> {
        // A session may go while it is looked at.
        let script = "for id in $(loginctl --no-legend list-sessions | awk '{ print $1 }' | sort); do \
                      loginctl show-session \"$id\" 2>/dev/null && echo; done; true";
        let shown = self.run(script).await.ok();
        shown.text().split("\n\n").filter(|block| !block.is_empty()).map(Session::parse).collect()
    }

    /// Returns the session of that id, if there is one.
    pub async fn session(&self, id: &str) -> Option<Session> {
        self.sessions().await.into_iter().find(|session| session.id == id)
    }

    /// Waits until there is no session of that id.
    pub async fn session_gone(&self, id: &str) {
        let gone = async { while self.session(id).await.is_some() {} };
        crate::in_time("the end of the session", gone).await;
    }

    /// Ends a session as an administrator does, and returns when logind has been told.
    pub async fn terminate_session(&self, id: &str) {
        self.run(&format!("loginctl terminate-session {id}")).await.ok();
    }
}

impl Session {
    /// Reads lines of `Name=Value`. Properties that a session does not have are left out by loginctl.
    fn parse(block: &str) -> Self {
        let fields: HashMap<_, _> = block.lines().filter_map(|line| line.split_once('=')).collect();
        let optional = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
        let text = |name: &str| fields.get(name).copied().unwrap_or_else(|| panic!("{name} in {block}"));
        let truth = |name: &str| match text(name) {
            "yes" => true,
            "no" => false,
            other => panic!("{name} is {other}"),
        };
        Self {
            id: text("Id").to_owned(),
            user: text("Name").to_owned(),
            uid: text("User").parse().unwrap(),
            seat: optional("Seat"),
            tty: optional("TTY"),
            remote: truth("Remote"),
            service: optional("Service"),
            kind: text("Type").to_owned(),
            class: text("Class").to_owned(),
            state: text("State").to_owned(),
            locked_hint: truth("LockedHint"),
            leader: text("Leader").parse().unwrap(),
        }
    }
}
