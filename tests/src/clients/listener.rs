use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::until;

/// A server on loopback. It is killed with the value.
pub struct Listener {
    process: Child,
    said: Arc<Mutex<String>>,
}

impl Listener {
    /// Starts one.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        collect(process.stdout.take().unwrap(), &said);
        collect(process.stderr.take().unwrap(), &said);
        Self { process, said }
    }

    /// Starts openssl's server, which lets in only whom the authority in `certificate` certified, and returns it with its
    /// port.
    pub async fn tls(authority: &super::Authority, more: &[&str]) -> (Self, u16) {
        let (certificate, key) = authority.server();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-Verify", "1", "-verify_return_error"]);
        command.arg("-CAfile").arg(authority.certificate());
        command.arg("-cert").arg(certificate).arg("-key").arg(key).args(more);
        let listener = Self::start(command);
        let line = listener.says("ACCEPT 127.0.0.1:").await;
        let port = line.rsplit(':').next().and_then(|port| port.trim().parse().ok());
        (listener, port.expect("it says the port"))
    }

    /// Returns everything that it has said.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said that, and returns the line.
    pub async fn says(&self, text: &str) -> String {
        let line = || self.said().lines().find(|line| line.contains(text)).map(str::to_owned);
        let mut found = None;
        let has_said = until(|| {
            found = line();
            found.is_some()
        });
        assert!(has_said.await, "it never said {text:?}: {}", self.said());
        found.expect("it was found")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
    }
}

fn collect(from: impl std::io::Read + Send + 'static, into: &Arc<Mutex<String>>) {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            into.lock().unwrap().push_str(&format!("{}\n", String::from_utf8_lossy(&line)));
        }
    });
}
