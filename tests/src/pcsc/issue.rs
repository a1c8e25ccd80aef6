//! Keys and certificates put on cards by the programs of others: yubico-piv-tool, GnuPG, pkcs11-tool.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::accounts::Person;
use crate::command::Ran;
use crate::pcsc::card::Card;
use crate::pcsc::pcscd::Pcscd;
use crate::place::Place;

/// A PIV card's issuer: yubico-piv-tool on the card, openssl as the certificate authority.
pub struct PivIssuer {
    socket: std::path::PathBuf,
    reader: String,
    place: Place,
}

/// A key on a card and what the issuer knows of it.
pub struct Issued {
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

impl PivIssuer {
    /// Sets up an authority for one card.
    pub fn new(pcscd: &Pcscd, card: &Card) -> Self {
        let issuer = Self { socket: pcscd.socket(), reader: card.reader().to_owned(), place: Place::new() };
        let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
                         -subj /CN=Issuer -keyout ca.key -out ca.crt";
        issuer.openssl(authority).ok();
        // Its key is replaced by the card's: the card cannot sign a request before it has a certificate.
        issuer.openssl("req -new -key ca.key -subj /CN=Holder -out any.csr").ok();
        issuer
    }

    /// Makes a key on the card, certifies it and puts the certificate beside it. The slot is as in SP 800-73-4, for
    /// example `9a`; the algorithm is the tool's word: `ECCP256`, `ECCP384`, `RSA2048`.
    pub fn key(&self, slot: &str, algorithm: &str) -> Issued {
        let public_key = self.generate(slot, algorithm);
        let certificate = self.certify(slot);
        Issued { public_key, certificate }
    }

    /// Makes a key on the card, without a certificate, and returns the public half.
    pub fn generate(&self, slot: &str, algorithm: &str) -> Vec<u8> {
        let file = format!("{slot}.pub");
        self.tool(&["-s", slot, "-A", algorithm, "-a", "generate", "-o", &file]).ok();
        self.openssl(&format!("pkey -pubin -in {file} -outform DER")).ok().stdout
    }

    /// Certifies the key that was made in this slot, puts the certificate on the card and returns it.
    pub fn certify(&self, slot: &str) -> Vec<u8> {
        let certificate = self.sign_certificate(slot);
        self.tool(&["-s", slot, "-a", "import-certificate", "-i", &format!("{slot}.crt")]).ok();
        certificate
    }

    /// Certifies the key in the file `SLOT.pub` (PEM) and returns the certificate, also in `SLOT.crt`; the card gets
    /// nothing.
    pub fn sign_certificate(&self, slot: &str) -> Vec<u8> {
        let sign = format!(
            "x509 -req -in any.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
             -force_pubkey {slot}.pub -out {slot}.crt"
        );
        self.openssl(&sign).ok();
        self.openssl(&format!("x509 -in {slot}.crt -outform DER")).ok().stdout
    }

    /// Returns the certificate of the authority itself, PEM.
    pub fn authority(&self) -> Vec<u8> {
        fs::read(self.place.path().join("ca.crt")).unwrap()
    }

    /// Runs yubico-piv-tool with these words; files are in [`PivIssuer::folder`].
    pub fn tool(&self, words: &[&str]) -> Ran {
        let mut command = limited("yubico-piv-tool");
        command.args(["-r", &self.reader]).args(words).env("PCSCLITE_CSOCK_NAME", &self.socket);
        output(command.current_dir(self.place.path()))
    }

    /// Returns the folder of the issuer's files.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    fn openssl(&self, words: &str) -> Ran {
        output(limited("openssl").args(words.split_whitespace()).current_dir(self.place.path()))
    }
}

/// GnuPG with a home of its own, at one card. Its agent and scdaemon end with the value.
pub struct GnuPg {
    home: std::path::PathBuf,
    socket: std::path::PathBuf,
    _place: Place,
}

impl GnuPg {
    /// Sets up a home.
    pub fn new(pcscd: &Pcscd, card: &Card) -> Self {
        let place = Place::new();
        let home = place.folder("gnupg", &Person::root());
        let scdaemon = format!("disable-ccid\npcsc-shared\nreader-port {}\n", card.reader());
        fs::write(home.join("scdaemon.conf"), scdaemon).unwrap();
        fs::write(home.join("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
        Self { home, socket: pcscd.socket(), _place: place }
    }

    /// Makes a key on the card: 1 signs, 2 decrypts, 3 authenticates. The attributes are scdaemon's, for example
    /// `19 nistp256`, `18 cv25519`, `22 ed25519`, `1 rsa2048`.
    pub fn generate(&self, number: u8, attributes: &str) {
        // scdaemon answers the wish for an attribute with an error where the card has it already.
        self.agent(ADMIN_PIN, &[&format!("SCD SETATTR KEY-ATTR --force {number} {attributes}")]);
        let made = self.agent(ADMIN_PIN, &[&format!("SCD GENKEY --force {number}")]);
        assert!(made.text().contains("KEY-CREATED-AT"), "{made:?}");
    }

    /// Sends the agent these commands, which answers questions for a PIN with `pin`.
    pub fn agent(&self, pin: &str, commands: &[&str]) -> Ran {
        let mut command = self.command("gpg-connect-agent");
        command.args([&format!("/let pin {pin}"), "/definq PASSPHRASE pin", "OPTION pinentry-mode=loopback"]);
        output(command.args(commands).arg("/bye"))
    }

    /// Runs gpg with these words.
    pub fn gpg(&self, words: &[&str]) -> Ran {
        output(self.command("gpg").arg("--batch").args(words))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = limited(program);
        command
            .env("GNUPGHOME", &self.home)
            .env("PCSCLITE_CSOCK_NAME", &self.socket)
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for GnuPg {
    fn drop(&mut self) {
        output(self.command("gpgconf").args(["--kill", "all"]));
    }
}

/// Runs pkcs11-tool over OpenSC with these words, at one reader.
pub fn pkcs11_tool(pcscd: &Pcscd, card: &Card, words: &[&str]) -> Ran {
    let mut command = limited("pkcs11-tool");
    command.args(["--module", "opensc-pkcs11.so", "--slot-index", &card.slot().to_string()]).args(words);
    output(command.env("PCSCLITE_CSOCK_NAME", pcscd.socket()))
}

/// Returns a command that is killed after a minute.
fn limited(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", program]);
    command
}

fn output(command: &mut Command) -> Ran {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")).into()
}

const ADMIN_PIN: &str = "12345678";
