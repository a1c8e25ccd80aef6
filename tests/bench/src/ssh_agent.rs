//! OpenSSH's ssh-agent, the peer, and Claviger's; and as little of its protocol as asking for a signature needs
//! (draft-ietf-sshm-ssh-agent, sections 3.5 and 3.6).

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bus::Bus;
use crate::child::end;
use crate::crew::{in_threads, obey};
use crate::daemon::Memory;
use crate::error::{Doing, Error};

/// The keys it is given: file name, type and size for `ssh-keygen`, and the name inside a public key.
const KEYS: [(&str, &[&str], &str); 3] = [
    ("p256", &["-t", "ecdsa", "-b", "256"], "ecdsa-sha2-nistp256"),
    ("ed25519", &["-t", "ed25519"], "ssh-ed25519"),
    ("rsa", &["-t", "rsa", "-b", "2048"], "ssh-rsa"),
];

/// A running ssh-agent; it ends when this is dropped.
pub(crate) struct SshAgent {
    child: Child,
    socket: PathBuf,
}

impl SshAgent {
    /// Starts `ssh-agent` and adds one key of each kind.
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        let agent = Self::begin(&mut Command::new("ssh-agent"), folder.join("ssh-agent.socket"))?;
        for (name, kind, _) in KEYS {
            let file = folder.join(name);
            succeed(Command::new("ssh-keygen").args(kind).args(["-q", "-N", "", "-f"]).arg(&file))?;
            succeed(Command::new("ssh-add").arg("-q").arg(&file).env("SSH_AUTH_SOCK", &agent.socket))?;
        }
        Ok(agent)
    }

    /// Starts Claviger's, for the keys of the account that this process's user has at that bus.
    pub(crate) fn claviger(program: &Path, bus: &Bus, folder: &Path) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.args(["--bus", bus.address()]);
        Self::begin(&mut command, folder.join("claviger-ssh-agent.socket"))
    }

    fn begin(command: &mut Command, socket: PathBuf) -> Result<Self, Error> {
        let name = command.get_program().display().to_string();
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
        let child = command.spawn().doing(format!("start {name}"))?;
        let agent = Self { child, socket };
        agent.wait_until_it_listens()?;
        Ok(agent)
    }

    /// Returns how much memory it has now.
    pub(crate) fn memory(&self) -> Result<Memory, Error> {
        Memory::of(self.child.id())
    }

    /// Returns where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    fn wait_until_it_listens(&self) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            match UnixStream::connect(&self.socket) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error).doing("reach ssh-agent"),
                Err(_) => std::thread::yield_now(),
            }
        }
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Runs a program to its end.
pub(crate) fn succeed(command: &mut Command) -> Result<(), Error> {
    let done = command.output().doing(format!("start {}", command.get_program().display()))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(Error::Child { who: command.get_program().display().to_string(), said })
}

/// Asks for signatures as it is told; the job is the name of the key's type.
pub(crate) fn work(socket: &Path) -> Result<(), Error> {
    let mut connections = Vec::new();
    obey(|order| {
        while connections.len() < order.lanes {
            connections.push(UnixStream::connect(socket).doing("reach ssh-agent")?);
        }
        let request = sign_request(&mut connections[0], &order.job.join(" "))?;
        in_threads(&mut connections[..order.lanes], order.shift, |agent| {
            match ask(agent, &request)?.first() {
                Some(&SIGN_RESPONSE) => Ok(()),
                _ => Err(said("no signature")),
            }
        })
    })
}

/// Finds the agent's key of that type and returns the frame that asks for a signature of 32 bytes.
fn sign_request(agent: &mut UnixStream, kind: &str) -> Result<Vec<u8>, Error> {
    let answer = ask(agent, &frame(&[REQUEST_IDENTITIES]))?;
    let key = identities(&answer)
        .and_then(|keys| keys.into_iter().find(|key| starts_with_string(key, kind.as_bytes())))
        .ok_or_else(|| said("no such key"))?;
    // RSA with SHA-256: without the flag it would be SHA-1. Other types take no flag.
    let flags: u32 = if kind == "ssh-rsa" { 2 } else { 0 };
    let mut body = vec![SIGN_REQUEST];
    push_string(&mut body, key);
    push_string(&mut body, &[3; 32]);
    body.extend(flags.to_be_bytes());
    Ok(frame(&body))
}

fn ask(agent: &mut UnixStream, request: &[u8]) -> Result<Vec<u8>, Error> {
    let mut length = [0; 4];
    agent.write_all(request).and_then(|()| agent.read_exact(&mut length)).doing("ask ssh-agent")?;
    let mut answer = vec![0; (u32::from_be_bytes(length) as usize).min(LONGEST_ANSWER)];
    agent.read_exact(&mut answer).doing("hear ssh-agent")?;
    Ok(answer)
}

/// Reads SSH_AGENT_IDENTITIES_ANSWER: a count, then public key and comment of each.
fn identities(answer: &[u8]) -> Option<Vec<&[u8]>> {
    let (&kind, rest) = answer.split_first()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (key, after) = take_string(rest)?;
        let (_comment, after) = take_string(after)?;
        keys.push(key);
        rest = after;
    }
    (kind == IDENTITIES_ANSWER).then_some(keys)
}

fn starts_with_string(bytes: &[u8], wanted: &[u8]) -> bool {
    take_string(bytes).is_some_and(|(found, _)| found == wanted)
}

fn take_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn push_string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u32).to_be_bytes());
    to.extend(bytes);
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    push_string(&mut frame, body);
    frame
}

fn said(what: &str) -> Error {
    Error::Child { who: "ssh-agent".to_owned(), said: what.to_owned() }
}

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const LONGEST_ANSWER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::{IDENTITIES_ANSWER, identities, push_string, starts_with_string};

    #[test]
    fn identities_are_read_and_cut_short_ones_are_refused() {
        let mut key = Vec::new();
        push_string(&mut key, b"ssh-ed25519");
        let mut answer = vec![IDENTITIES_ANSWER, 0, 0, 0, 1];
        push_string(&mut answer, &key);
        push_string(&mut answer, b"a comment");
        assert_eq!(identities(&answer), Some(vec![&key[..]]));
        assert!(starts_with_string(&key, b"ssh-ed25519"));
        for length in 0..answer.len() {
            assert_eq!(identities(&answer[..length]), None, "{length} bytes");
        }
    }
}
