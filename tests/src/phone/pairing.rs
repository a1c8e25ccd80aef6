use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::command::Ran;
use crate::in_time;
use crate::peer::{Options, Peer, Refusal};

/// A `PairPhone` under way: what it says, and what is said to it.
pub struct PairCall {
    conversation: tokio::io::BufReader<UnixStream>,
    call: JoinHandle<Result<String, Refusal>>,
}

impl PairCall {
    /// Calls; by that link, if there is one.
    pub fn begin(peer: &Peer, link: Option<&str>, mut options: Options) -> Self {
        let (ours, theirs) = StdStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        options.insert("conversation", zbus::Fd::from(OwnedFd::from(theirs)).into());
        if let Some(link) = link {
            options.insert("link", link.to_owned().into());
        }
        let peer = peer.clone();
        let call = tokio::spawn(async move { peer.call("Tokens", "PairPhone", &(options,)).await });
        Self { conversation: tokio::io::BufReader::new(UnixStream::from_std(ours).unwrap()), call }
    }

    /// Waits for a line that begins so and returns the rest of it. Other lines are passed over; the end fails the test.
    pub async fn hears(&mut self, beginning: &str) -> String {
        let hearing = async {
            loop {
                let mut line = String::new();
                let read = self.conversation.read_line(&mut line).await.unwrap();
                if read == 0 {
                    let ended = (&mut self.call).await;
                    panic!("the conversation ended before {beginning:?}: {ended:?}");
                }
                if let Some(rest) = line.trim_end().strip_prefix(beginning) {
                    return rest.trim().to_owned();
                }
            }
        };
        in_time(beginning, hearing).await
    }

    /// Says a line.
    pub async fn says(&mut self, line: &str) {
        self.conversation.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Waits for the outcome: the token.
    pub async fn ends(self) -> Result<String, Refusal> {
        let Self { conversation: _open, call } = self;
        in_time("the end of the pairing", call).await.unwrap()
    }

    /// Hangs up and waits for the outcome.
    pub async fn hangs_up(self) -> Result<String, Refusal> {
        let Self { conversation, call } = self;
        drop(conversation);
        in_time("the end of the pairing", call).await.unwrap()
    }
}

/// `claviger-phone pair` under way.
pub struct Invitation {
    child: Child,
    printed: mpsc::UnboundedReceiver<String>,
    said: mpsc::UnboundedReceiver<String>,
}

impl Invitation {
    pub(super) fn begin(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let printed = lines(child.stdout.take().unwrap());
        let said = lines(child.stderr.take().unwrap());
        Self { child, printed, said }
    }

    /// Waits until the phone is ready to be paired.
    pub async fn stands(&mut self) {
        self.says("Waiting for the computer").await;
    }

    /// Waits until its standard error says that.
    pub async fn says(&mut self, text: &str) -> String {
        let mut all = String::new();
        let saying = async {
            loop {
                let line = self.said.recv().await.unwrap_or_else(|| panic!("it never said {text:?}: {all}"));
                if line.contains(text) {
                    return line;
                }
                all.push_str(&line);
            }
        };
        in_time(text, saying).await
    }

    /// Waits for the digits to be compared.
    pub async fn code(&mut self) -> String {
        in_time("the phone's digits", self.printed.recv()).await.expect("it prints them")
    }

    /// Has its person give it up.
    pub fn gives_up(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub async fn ends(mut self) -> Ran {
        let mut ran = Ran { code: None, stdout: Vec::new(), stderr: String::new() };
        let ending = async {
            while let Some(line) = self.printed.recv().await {
                ran.stdout.extend_from_slice(format!("{line}\n").as_bytes());
            }
            while let Some(line) = self.said.recv().await {
                ran.stderr += &format!("{line}\n");
            }
        };
        in_time("the end of claviger-phone pair", ending).await;
        // Its output has ended: it ends now.
        ran.code = self.child.wait().unwrap().code();
        ran
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            drop(tell.send(line));
        }
    });
    told
}
