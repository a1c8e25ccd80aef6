//! A Common Access Card: libcacard in a process of its own, and what it does not do itself, counting wrong PINs.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::identity::Identity;

/// A powered card. Its process ends with the value, so that nothing it knew outlives the power.
pub struct Cac {
    process: Child,
    commands: ChildStdin,
    answers: ChildStdout,
    tries: Tries,
}

impl Cac {
    /// Powers the card of a folder that [`make`] has filled.
    pub fn power(folder: &Path) -> io::Result<Self> {
        let applet = std::env::current_exe()?.with_file_name("cac-applet");
        let mut process =
            Command::new(applet).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let commands = process.stdin.take().expect("it is piped");
        let answers = process.stdout.take().expect("it is piped");
        Ok(Self { process, commands, answers, tries: Tries::of(folder) })
    }

    /// Returns the answer to a command, with the two status bytes at its end.
    pub fn answer(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        if !command.starts_with(VERIFY) {
            return self.exchange(command);
        }
        let left = self.tries.left()?;
        // libcacard says whether the PIN was verified, but counts nothing.
        if left == 0 {
            return Ok(BLOCKED.to_vec());
        }
        let asks = command.len() <= 5;
        if !asks {
            // Before it is tried, so that to be pulled in the middle gains nobody a try.
            self.tries.keep(left - 1)?;
        }
        match (self.exchange(command)?.as_slice(), asks) {
            (VERIFIED, _) => {
                self.tries.keep(TRIES)?;
                Ok(VERIFIED.to_vec())
            }
            (_, true) => Ok(vec![0x63, 0xC0 | left]),
            (_, false) => Ok(vec![0x63, 0xC0 | (left - 1)]),
        }
    }

    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let length = u16::try_from(command.len()).map_err(io::Error::other)?;
        self.commands.write_all(&length.to_be_bytes())?;
        self.commands.write_all(command)?;
        self.commands.flush()?;
        let mut length = [0; 2];
        self.answers.read_exact(&mut length)?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        self.answers.read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Cac {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Makes the card's keys and certificates if its folder has none: an authority and three RSA-2048 keys.
pub fn make(identity: &Identity) -> io::Result<()> {
    if identity.folder.join("cert9.db").exists() {
        return Ok(());
    }
    // In one step, so that a card whose making was broken off is made anew.
    let work = identity.folder.with_extension("making");
    drop(fs::remove_dir_all(&work));
    fs::create_dir_all(&work)?;
    fs::write(work.join("pin"), PIN)?;
    certutil(&work, &["-N"])?;
    let serial = identity.serial;
    let authority = format!("CN=Issuer of {serial}");
    certutil(&work, &["-S", "-s", &authority, "-n", "ca", "-x", "-t", "TC,TC,TC", "-m", "1"])?;
    for (number, name) in ["id", "sign", "enc"].into_iter().enumerate() {
        let holder = format!("CN=Holder {serial} {name}");
        let number = (number + 2).to_string();
        certutil(&work, &["-S", "-s", &holder, "-n", name, "-c", "ca", "-t", ",,", "-m", &number])?;
    }
    drop(fs::remove_dir(&identity.folder));
    fs::rename(work, &identity.folder)
}

fn certutil(folder: &Path, words: &[&str]) -> io::Result<()> {
    let mut command = Command::new("certutil");
    command.arg("-d").arg(format!("sql:{}", folder.display())).arg("-f").arg(folder.join("pin"));
    command.args(words);
    if words[0] == "-S" {
        let noise = folder.join("noise");
        let mut random = [0; 64];
        fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        fs::write(&noise, random)?;
        command.args(["-g", "2048", "-Z", "SHA256", "-v", "120"]).arg("-z").arg(noise);
    }
    let ran = command.stdin(Stdio::null()).output()?;
    let said = || String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.success() { Ok(()) } else { Err(io::Error::other(format!("certutil: {}", said()))) }
}

/// How many tries are left, kept in the card's folder.
struct Tries(PathBuf);

impl Tries {
    fn of(folder: &Path) -> Self {
        Self(folder.join("tries"))
    }

    fn left(&self) -> io::Result<u8> {
        match fs::read_to_string(&self.0) {
            Ok(left) => left.parse().map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TRIES),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, left: u8) -> io::Result<()> {
        fs::write(&self.0, left.to_string())
    }
}

const VERIFY: &[u8] = &[0x00, 0x20];
const VERIFIED: &[u8] = &[0x90, 0x00];
const BLOCKED: &[u8] = &[0x69, 0x83];
const TRIES: u8 = 3;
const PIN: &str = "77777777";
