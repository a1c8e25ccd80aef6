//! A phone of somebody's: `claviger-phone` as its own process, on the service's socket as behind `adb reverse`, or on a
//! serial line, with a screen on which it asks.

use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::command::Ran;
use crate::in_time;
use crate::lab::guest::Guest;
use crate::lab::running::Running;
use crate::lab::serial::SerialLine;

/// A phone. It is switched off with the value, without a good-bye.
pub struct Phone<'g> {
    guest: &'g Guest,
    owner: String,
    name: String,
    /// The words of its way to the computer, and what the computer calls that.
    way: [String; 2],
    screen: Option<Running>,
}

impl Guest {
    /// Lets everybody pair a phone, as if polkit had asked them for their password.
    pub async fn let_everybody_pair(&self) {
        let rule = "polkit.addRule(function (action, subject) {
            if (action.id == 'org.claviger.keystore1.pair') return polkit.Result.YES;
        });";
        self.write("/etc/polkit-1/rules.d/10-pair.rules", 0o644, rule);
        // It reads rules at its start, and is started by the first question.
        self.systemctl("try-restart polkit").await.ok();
    }

    /// Gives somebody a phone of that name: its store is made and unlocked, it is switched on, and paired with nobody. Only
    /// where the plan says so, see [`super::Plan::phones`].
    pub async fn phone(&self, owner: &str, name: &str) -> Phone<'_> {
        let socket = format!("--connect unix:/run/claviger/phone/$(id -u {owner})");
        self.make_phone(owner, name, [socket, "socket".to_owned()]).await
    }

    /// Gives somebody one that is on a serial line instead.
    pub async fn phone_on(&self, line: &SerialLine, owner: &str, name: &str) -> Phone<'_> {
        let way = [format!("--serial {}", line.phone), format!("serial:{}", line.computer)];
        self.make_phone(owner, name, way).await
    }

    async fn make_phone(&self, owner: &str, name: &str, way: [String; 2]) -> Phone<'_> {
        let mut phone =
            Phone { guest: self, owner: owner.to_owned(), name: name.to_owned(), way, screen: None };
        let make = format!("mkdir -m 700 {name}; echo 'correct horse' >{name}/phrase");
        phone.as_owner(&make).await.ok();
        phone.run(&format!("init --passphrase-file {name}/phrase")).await.ok();
        phone.switch_on().await;
        phone
    }
}

impl Phone<'_> {
    /// Switches it on; returns when it serves.
    pub async fn switch_on(&mut self) {
        let Self { guest, owner, name, way: [way, _], .. } = self;
        // Not the terminal's first process: where that is stopped, `script` stops as well.
        let line = format!(
            "exec setpriv --reuid {owner} --regid {owner} --init-groups --reset-env sh -c 'cd; \
             claviger-phone --state-dir {name}/state run {way} --approve terminal --name {name} \
             --passphrase-file {name}/phrase & echo $! >{name}/pid; wait $!'"
        );
        self.screen = Some(guest.terminal(&line));
        let home = if owner == "root" { "/root" } else { &format!("/home/{owner}") };
        let control = guest.path(&format!("{home}/{name}/state/control"));
        let screen = self.screen.as_mut().expect("it was just started");
        let serves = crate::until(|| {
            assert!(screen.runs(), "the phone ended: {}", screen.said());
            UnixStream::connect(&control).is_ok()
        });
        assert!(serves.await, "it does not serve");
    }

    /// Pairs it with its owner's account by the URI, and returns its token's id. It becomes the place of the owner's default
    /// keys; it has none yet.
    pub async fn pair(&mut self) -> String {
        let Self { name, way: [_, link], .. } = self;
        let line = format!(
            "cd; claviger phone pair --link {link} --default | {{ read -r uri; printf %s \"$uri\" | \
             claviger-phone --state-dir {name}/state pair >&2; cat; }}"
        );
        let (guest, owner) = (self.guest, self.owner.clone());
        self.agree_to(guest.run_as(&owner, &line)).await.ok().text().to_owned()
    }

    /// Pairs it, and has it make a key that is the default for everything it can do. Returns the token's id.
    pub async fn pair_with_key(&mut self) -> String {
        let token = self.pair().await;
        let (guest, owner) = (self.guest, self.owner.clone());
        let line = format!(
            "key=$(claviger key generate P-256 --location phone --token {token} --label pocket) && \
             claviger key default $key --purpose sign && claviger key default $key --purpose authenticate"
        );
        self.agree_to(guest.run_as(&owner, &line)).await.ok();
        token
    }

    /// Waits until it asks, and returns the question as its person sees it.
    pub async fn asks(&mut self) -> String {
        let asked = self.screen().hear("Approve? [").await;
        self.screen().hear("] ").await;
        asked
    }

    /// Answers yes to the question that it asks.
    pub fn yes(&mut self) {
        self.screen().say("y");
    }

    /// Answers no to the question that it asks.
    pub fn no(&mut self) {
        self.screen().say("n");
    }

    /// Waits until the question that it asks is taken off the screen.
    pub async fn takes_back(&mut self) {
        self.screen().hear("The question was taken back.").await;
    }

    /// Returns how often it has asked since it was switched on.
    pub fn questions(&mut self) -> usize {
        self.screen().said().matches("Approve? [").count()
    }

    /// Returns everything that it has shown since it was switched on.
    pub fn said(&mut self) -> String {
        self.screen().said()
    }

    /// Says yes to whatever it asks until something is done.
    pub async fn agree_to<T>(&mut self, doing: impl Future<Output = T>) -> T {
        let mut doing = std::pin::pin!(doing);
        loop {
            tokio::select! {
                done = &mut doing => return done,
                _ = self.asks() => self.yes(),
            }
        }
    }

    /// Stops it where it stands: nothing is said any more, and nothing closed.
    pub async fn freeze(&self) {
        self.signal("STOP").await;
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        self.signal("CONT").await;
    }

    /// Kills it: it says nothing, and its stream is closed.
    pub async fn kill(&mut self) {
        self.signal("KILL").await;
        self.screen().ended().await;
    }

    /// Switches it off as a person does: it says good-bye.
    pub async fn switch_off(&mut self) {
        self.signal("TERM").await;
        assert_eq!(self.screen().ended().await, Some(0), "{}", self.screen().said());
    }

    /// Runs a command of `claviger-phone` as the owner does on the phone.
    pub async fn run(&self, words: &str) -> Ran {
        let Self { name, .. } = self;
        self.as_owner(&format!("claviger-phone --state-dir {name}/state {words}")).await
    }

    /// Returns what it was asked for and what came of it, oldest first.
    pub async fn log(&self) -> Vec<Value> {
        let listed = self.run("log --json").await.ok();
        listed.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until the service says that it is `present`, `unreachable` or `removed`.
    pub async fn until_it_is(&self, presence: &str) {
        let is = async { while self.presence().await != presence {} };
        in_time(&format!("the phone being {presence}"), is).await;
    }

    /// Returns what the service says of it: `present`, `unreachable` or `removed`.
    pub async fn presence(&self) -> String {
        let listed = self.as_owner("claviger --json phone list").await.ok();
        let Value::Array(rows) = serde_json::from_slice(&listed.stdout).unwrap() else {
            panic!("{listed:#?}")
        };
        let row = rows.iter().find(|row| row["name"] == *self.name).unwrap_or_else(|| panic!("{rows:#?}"));
        row["presence"].as_str().unwrap().to_owned()
    }

    async fn signal(&self, signal: &str) {
        self.as_owner(&format!("kill -{signal} $(cat {}/pid)", self.name)).await.ok();
    }

    async fn as_owner(&self, line: &str) -> Ran {
        self.guest.run_as(&self.owner, &format!("cd; {line}")).await
    }

    fn screen(&mut self) -> &mut Running {
        self.screen.as_mut().expect("it is switched on")
    }
}

impl Drop for Phone<'_> {
    fn drop(&mut self) {
        // What runs on the terminal outlives the program that made the terminal.
        let line = format!("kill -KILL $(cat ~{}/{}/pid)", self.owner, self.name);
        drop(self.guest.shell(&line).output());
    }
}
