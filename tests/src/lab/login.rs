//! Somebody who logged in, by one of several doors, and works there.

use crate::command::Ran;
use crate::lab::guest::Guest;
use crate::lab::running::Running;
use crate::lab::sessions::Session;

/// How somebody comes in. Nobody is asked for a password here: what is wanted is the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// As a display manager starts a session: on seat0, local, of type x11.
    Seat,
    /// At a terminal, by `login`.
    Console,
    /// Over the network, by `ssh`.
    Ssh,
    /// Without a seat or a terminal, by systemd itself with the PAM stack of `login`.
    Service,
}

/// A shell in a session of its own. It ends with the value, and the session with it.
pub struct Login<'g> {
    guest: &'g Guest,
    shell: Running,
    id: String,
}

impl Guest {
    /// Opens a session and returns when logind lists it.
    pub async fn log_in(&self, user: &str, door: Door) -> Login<'_> {
        let service = format!(
            "systemd-run --quiet --pipe --wait --collect --property User={user} --property PAMName=login \
             --property Type=exec --property WorkingDirectory=~"
        );
        let shell = match door {
            Door::Seat => {
                let seat =
                    "--setenv XDG_SEAT=seat0 --setenv XDG_SESSION_TYPE=x11 --setenv XDG_SESSION_CLASS=user";
                self.spawn(self.shell(&format!("exec {service} {seat} /bin/sh")))
            }
            Door::Console => self.bare_terminal(user),
            Door::Ssh => {
                self.systemctl("start ssh").await.ok();
                self.spawn(self.shell(&format!("exec ssh -T {user}@localhost /bin/sh")))
            }
            Door::Service => self.spawn(self.shell(&format!("exec {service} /bin/sh"))),
        };
        let mut login = Login { guest: self, shell, id: String::new() };
        login.id = login.run("echo \"$XDG_SESSION_ID\"").await.text().to_owned();
        assert!(login.session().await.is_some(), "logind knows no session {:?}", login.id);
        login
    }

    /// A shell on a terminal that neither echoes nor prompts.
    fn bare_terminal(&self, user: &str) -> Running {
        let mut shell = self.terminal(&format!("login -f {user}"));
        shell.say("exec /bin/sh");
        shell.say("PS1= PS2=; stty -echo -onlcr");
        shell
    }
}

impl Login<'_> {
    /// Runs a line of shell in the session, to its end. What it says to its standard error is in its standard output.
    pub async fn run(&mut self, line: &str) -> Ran {
        // The mark is written in two halves, as a terminal may echo the line itself.
        self.shell.say(&format!(
            "printf '%s\\n' CLAVI''GER-BEGIN; ( {line}\n) 2>&1 </dev/null; printf '%s %d.\\n' CLAVI''GER-END $?"
        ));
        self.shell.hear("CLAVIGER-BEGIN\n").await;
        let said = self.shell.hear("CLAVIGER-END ").await;
        let code = self.shell.hear(".\n").await;
        let said = said.strip_suffix("CLAVIGER-END ").expect("it was heard");
        let code = code.strip_suffix(".\n").and_then(|code| code.parse().ok());
        Ran { code, stdout: said.as_bytes().to_vec(), stderr: String::new() }
    }

    /// Starts a line of shell that runs on in the session, beside the shell: of the session's user, in its control
    /// group, with its environment.
    pub async fn start(&mut self, line: &str) -> Running {
        let environment = self.run("cat /proc/self/environ | tr '\\0' '\\n'").await.ok();
        let group = format!("systemctl show --property ControlGroup --value session-{}.scope", self.id);
        let group = self.guest.run(&group).await.ok();
        let mut command = self.guest.command("/bin/sh");
        let user = self.run("id -un").await.ok();
        command.args(["-c", JOIN, "sh", group.text()]);
        command.args(["setpriv", "--reuid", user.text(), "--regid", user.text(), "--init-groups"]);
        command.args(["/bin/sh", "-c", &format!("cd; {line}")]);
        for pair in environment.text().lines() {
            command.envs(pair.split_once('='));
        }
        self.guest.spawn(command)
    }

    /// Returns the session's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns what logind says of the session now; `None` when it is over.
    pub async fn session(&self) -> Option<Session> {
        self.guest.session(&self.id).await
    }

    /// Returns true if the shell still runs.
    pub fn runs(&mut self) -> bool {
        self.shell.runs()
    }

    /// Waits until somebody has ended the session: its shell is dead, and logind does not list it any more.
    pub async fn ended(&mut self) {
        self.shell.ended().await;
        self.guest.session_gone(&self.id).await;
    }

    /// Logs out, and waits until the session is over.
    pub async fn log_out(mut self) {
        self.shell.say("exit");
        self.shell.close_input();
        self.ended().await;
    }
}

/// Puts itself into a control group, and becomes a command. It does so inside the guest: what is in a session's group
/// must be nameable by the guest's systemd, which could not end the session otherwise.
const JOIN: &str = "set -e
group=$1
shift
for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    [ ! -e $root$group/cgroup.procs ] || echo $$ >$root$group/cgroup.procs
done
exec \"$@\"";
