//! The second opinion: Debian's `openssl`, which shares no code with the daemon.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{Ran, run};
use crate::place::Place;

/// The openssl command line, with a folder for its files.
pub struct OpenSsl {
    place: Place,
}

impl OpenSsl {
    /// Prepares a folder.
    pub fn new() -> Self {
        Self { place: Place::new() }
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        self.place.file(name, content).display().to_string()
    }

    /// Returns the path that a file of that name would have.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs openssl with these words (split at spaces) and this standard input.
    pub async fn run(&self, words: &str, input: &[u8]) -> Ran {
        let mut command = Command::new("openssl");
        command.args(words.split(' ')).current_dir(self.place.path());
        run(command, input).await
    }

    /// Makes a private key and returns it as unencrypted DER PKCS#8.
    pub async fn private_key(&self, words: &str) -> Vec<u8> {
        let made = self.run(&format!("genpkey {words}"), b"").await.ok().stdout;
        self.run("pkcs8 -topk8 -nocrypt -outform DER", &made).await.ok().stdout
    }

    /// Returns the public half of a DER PKCS#8 private key, DER SubjectPublicKeyInfo.
    pub async fn public_key(&self, private_key: &[u8]) -> Vec<u8> {
        self.run("pkey -inform DER -pubout -outform DER", private_key).await.ok().stdout
    }
}

impl Default for OpenSsl {
    fn default() -> Self {
        Self::new()
    }
}
