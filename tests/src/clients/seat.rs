use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Held, Keyring, Location};
use crate::accounts::Person;
use crate::command::{Ran, as_person, run};
use crate::place::{Place, give};
use crate::programs;

/// Where programs of others run as alice, who has keys at one location: with a home, and the module at hand.
pub struct Seat {
    keyring: Keyring,
    home: PathBuf,
    module: PathBuf,
    // Removed last.
    _place: Place,
}

impl Seat {
    /// Makes the keys, and a home.
    pub async fn at(location: Location) -> Self {
        Self::of(Keyring::at(location).await)
    }

    /// Makes a home for whoever has these keys.
    pub fn of(keyring: Keyring) -> Self {
        let place = Place::new();
        let home = place.folder("home", &Person::alice());
        // Alice may not be let into the folder of the working copy.
        let module = place.path().join(MODULE);
        fs::copy(programs::folder().join(MODULE), &module).expect("the module is built");
        fs::set_permissions(&module, fs::Permissions::from_mode(0o755)).unwrap();
        let seat = Self { keyring, home, module, _place: place };
        for key in [&seat.rsa, &seat.ec] {
            seat.file(&format!("{}.pub", key.label), pem("PUBLIC KEY", &key.public_key));
            seat.file(&format!("{}.crt", key.label), pem("CERTIFICATE", &key.certificate));
            seat.file(&format!("{}.der", key.label), &key.certificate);
        }
        seat.file("ca.crt", fs::read(seat.authority.certificate()).unwrap());
        seat.file("message", MESSAGE);
        seat
    }

    /// Takes the keys away, see [`Keyring::take_away`].
    pub async fn take_away(&mut self) {
        self.keyring.take_away().await;
    }

    /// Brings them back.
    pub async fn bring_back(&mut self) {
        self.keyring.bring_back().await;
    }

    /// Returns where the module is.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// Returns alice's home, where programs run.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns a path in it, as text.
    pub fn path(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }

    /// Writes a file into it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home.join(name);
        fs::write(&path, content).unwrap();
        give(&path, &Person::alice(), 0o600);
        path
    }

    /// Reads a file in it.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.home.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Reads a text in it, without the last line's end.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("text").trim_end().to_owned()
    }

    /// Prepares a program of alice's that is ended before the test is.
    pub fn command(&self, program: &str, words: &[&str]) -> Command {
        let limit = ["--kill-after=1", "50", program];
        self.lasting("timeout", &[&limit, words].concat())
    }

    /// Prepares a program of alice's that runs until it is ended.
    pub fn lasting(&self, program: &str, words: &[&str]) -> Command {
        let mut command = as_person(&Person::alice(), program);
        command.args(words).current_dir(&self.home);
        self.surround(&mut command);
        command
    }

    /// Gives a command what alice's programs find in their environment.
    pub fn surround(&self, command: &mut Command) {
        command.env("HOME", &self.home).env("CLAVIGER_BUS", self.house().bus.address());
        // What OpenSSL's engine and GnuTLS take.
        command.env("PKCS11_MODULE_PATH", &self.module);
        if let Some(pin) = self.location.pin() {
            command.env("GNUTLS_PIN", pin);
        }
    }

    /// Runs a program of alice's.
    pub async fn run(&self, program: &str, words: &[&str]) -> Ran {
        self.run_with(program, words, b"").await
    }

    /// The same with something to read.
    pub async fn run_with(&self, program: &str, words: &[&str], input: &[u8]) -> Ran {
        run(self.command(program, words), input).await
    }

    /// Returns the URI of a key, or of what belongs to it; the type is `private`, `public` or `cert`. A program finds the
    /// PIN in it.
    pub fn uri(&self, key: &Held, kind: &str) -> String {
        format!("pkcs11:id={};type={kind}{}", key.id_in_uri(), self.location.pin_in_uri())
    }
}

impl Deref for Seat {
    type Target = Keyring;

    fn deref(&self) -> &Keyring {
        &self.keyring
    }
}

fn pem(name: &str, der: &[u8]) -> String {
    let encoded = data_encoding::BASE64.encode(der);
    let lines = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy);
    format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", lines.collect::<Vec<_>>().join("\n"))
}

const MODULE: &str = "libclaviger_pkcs11.so";
const MESSAGE: &[u8] = b"what a program of others' has signed\n";
