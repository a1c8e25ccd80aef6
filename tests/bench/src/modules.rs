//! PKCS#11 modules to measure: Claviger's, SoftHSM2 in the process itself, and the same behind `p11-kit server`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::bus::Bus;
use crate::child::end;
use crate::error::{Doing, Error};
use crate::owner::PASSPHRASE;
use crate::role::{Role, Variable};
use crate::ssh_agent::succeed;

/// A module, and the variable that tells it where its keys are.
#[derive(Clone)]
pub(crate) struct Module {
    path: PathBuf,
    surroundings: Variable,
}

impl Module {
    /// Returns Claviger's, whose keys are those of the account at that bus.
    pub(crate) fn claviger(path: PathBuf, bus: &Bus) -> Self {
        Self { path, surroundings: variable("CLAVIGER_BUS", bus.address()) }
    }

    /// Returns the process that signs through it.
    pub(crate) fn signer(&self) -> Role {
        let Self { path, surroundings } = self.clone();
        Role::Signer { module: path, surroundings }
    }

    /// Returns the process that tells what it adds to its memory.
    pub(crate) fn weigher(&self) -> Role {
        let Self { path, surroundings } = self.clone();
        Role::Weigher { module: path, surroundings }
    }
}

/// A token of SoftHSM2 with a key of each kind.
pub(crate) struct SoftHsm {
    config: PathBuf,
}

impl SoftHsm {
    /// Makes it in that folder.
    pub(crate) fn create(folder: &Path) -> Result<Self, Error> {
        let tokens = folder.join("softhsm-tokens");
        fs::create_dir(&tokens).doing("make a folder for tokens")?;
        let this = Self { config: folder.join("softhsm2.conf") };
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(&this.config, text).doing("write the configuration of SoftHSM2")?;
        let make = ["--init-token", "--free", "--label", TOKEN, "--so-pin", PASSPHRASE, "--pin", PASSPHRASE];
        succeed(Command::new("softhsm2-util").args(make).env(CONFIG, &this.config))?;
        for kind in ["EC:prime256v1", "rsa:2048"] {
            let make = ["--module", SOFTHSM, "--login", "--pin", PASSPHRASE, "--usage-sign", "--keypairgen"];
            let mut command = Command::new("pkcs11-tool");
            succeed(command.args(make).args(["--key-type", kind]).env(CONFIG, &this.config))?;
        }
        Ok(this)
    }

    /// Returns it as a module in the process itself.
    pub(crate) fn module(&self) -> Module {
        let config = self.config.display().to_string();
        Module { path: SOFTHSM.into(), surroundings: variable(CONFIG, &config) }
    }
}

/// A running `p11-kit server`; it ends when this is dropped.
pub(crate) struct P11Kit {
    child: Child,
    socket: PathBuf,
}

impl P11Kit {
    /// Lets it serve that token.
    pub(crate) fn serve(token: &SoftHsm, folder: &Path) -> Result<Self, Error> {
        let socket = folder.join("p11-kit.socket");
        let mut child = Command::new("p11-kit")
            .args(["server", "--foreground", "--sh", "--provider", SOFTHSM, "--name"])
            .arg(&socket)
            .arg(format!("pkcs11:token={TOKEN}"))
            .env(CONFIG, &token.config)
            .stdout(Stdio::piped())
            .spawn()
            .doing("start p11-kit")?;
        let told = child.stdout.take();
        let server = Self { child, socket };
        // It tells its address once it listens.
        let mut address = String::new();
        if let Some(told) = told {
            let mut told = std::io::BufReader::new(told);
            std::io::BufRead::read_line(&mut told, &mut address).doing("hear from p11-kit")?;
        }
        if address.contains(&*server.socket.to_string_lossy()) {
            Ok(server)
        } else {
            Err(Error::Child { who: "p11-kit".to_owned(), said: address })
        }
    }

    /// Returns the module that asks it.
    pub(crate) fn module(&self) -> Module {
        let address = format!("unix:path={}", self.socket.display());
        Module { path: P11_KIT_CLIENT.into(), surroundings: variable("P11_KIT_SERVER_ADDRESS", &address) }
    }
}

impl Drop for P11Kit {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn variable(name: &str, value: &str) -> Variable {
    Variable { name: name.to_owned(), value: value.to_owned() }
}

const CONFIG: &str = "SOFTHSM2_CONF";
const TOKEN: &str = "bench";
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
const P11_KIT_CLIENT: &str = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so";
