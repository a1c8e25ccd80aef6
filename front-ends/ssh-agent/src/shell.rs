//! The lines that a shell evaluates, as ssh-agent(1) prints them.

use std::path::Path;

/// Whose lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    /// Bourne shells.
    Sh,
    /// C shells.
    Csh,
}

impl Shell {
    /// Returns the one that is asked for, or that of the environment.
    pub(crate) fn of(sh: bool, csh: bool) -> Self {
        let is_usual = || std::env::var("SHELL").is_ok_and(|shell| shell.ends_with("csh"));
        if csh || (!sh && is_usual()) { Self::Csh } else { Self::Sh }
    }

    /// Returns the lines for an agent that runs.
    pub(crate) fn begins(self, socket: &Path, pid: Option<u32>) -> String {
        let socket = quoted(&socket.to_string_lossy());
        let mut lines = self.set("SSH_AUTH_SOCK", &socket);
        if let Some(pid) = pid {
            lines += &self.set("SSH_AGENT_PID", &pid.to_string());
            lines += &format!("echo Agent pid {pid};\n");
        }
        lines
    }

    /// Returns the lines for an agent that was ended.
    pub(crate) fn ends(self, pid: i32) -> String {
        let unset = |name| match self {
            Self::Sh => format!("unset {name};\n"),
            Self::Csh => format!("unsetenv {name};\n"),
        };
        format!("{}{}echo Agent pid {pid} killed;\n", unset("SSH_AUTH_SOCK"), unset("SSH_AGENT_PID"))
    }

    fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("{name}={value}; export {name};\n"),
            Self::Csh => format!("setenv {name} {value};\n"),
        }
    }
}

/// Returns a word that no shell takes apart.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@%,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::Shell;
    use std::path::Path;

    #[test]
    fn the_lines_are_those_of_ssh_agent() {
        let socket = Path::new("/run/user/1000/agent");
        assert_eq!(
            Shell::Sh.begins(socket, Some(7)),
            "SSH_AUTH_SOCK=/run/user/1000/agent; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=7; export SSH_AGENT_PID;\necho Agent pid 7;\n"
        );
        assert_eq!(Shell::Csh.begins(socket, None), "setenv SSH_AUTH_SOCK /run/user/1000/agent;\n");
        assert_eq!(
            Shell::Sh.ends(7),
            "unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid 7 killed;\n"
        );
    }

    #[test]
    fn a_path_stays_one_word() {
        let lines = Shell::Sh.begins(Path::new("/tmp/a b';rm"), None);
        assert_eq!(lines, "SSH_AUTH_SOCK='/tmp/a b'\\'';rm'; export SSH_AUTH_SOCK;\n");
    }
}
