//! Files that people have beside the key store: certificates, and the hosts that they know.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rustix::fs::OFlags;

use crate::protocol::{Certificate, PublicKey};

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// Folders of `…-cert.pub` files.
    pub certificates: Vec<PathBuf>,
    /// Files of known hosts.
    pub known_hosts: Vec<PathBuf>,
}

/// A certificate that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its blob.
    pub blob: Vec<u8>,
    /// The key that it is of.
    pub key: PublicKey,
    /// What its file says of it.
    pub comment: String,
}

impl Folders {
    /// Returns the usual places of a user.
    pub fn of(home: Option<&Path>, config: Option<&Path>) -> Self {
        let ssh = home.map(|home| home.join(".ssh"));
        let certificates = ssh.clone().into_iter().chain(config.map(|config| config.join("claviger/ssh")));
        let known_hosts = ssh.map(|ssh| ssh.join("known_hosts")).into_iter();
        Self {
            certificates: certificates.collect(),
            known_hosts: known_hosts.chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]).collect(),
        }
    }

    /// Returns the certificates that are there now. What is none is passed over, as ssh does.
    pub fn certificates(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for folder in &self.certificates {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            let paths = entries.flatten().map(|entry| entry.path());
            let mut paths: Vec<PathBuf> = paths.filter(|path| is_certificate(path)).collect();
            paths.sort();
            let read = paths.iter().take(FILES).filter_map(|path| read(path, CERTIFICATE_LIMIT).ok());
            found.extend(read.filter_map(|text| parse(&text)));
        }
        found
    }

    /// Returns the name under which a host's key is known, where a file has it in clear.
    pub fn host_of(&self, key: &PublicKey) -> Option<String> {
        let encoded = BASE64.encode(&key.to_blob());
        self.known_hosts.iter().find_map(|file| {
            let text = read(file, KNOWN_HOSTS_LIMIT).ok()?;
            text.lines().find_map(|line| name_in(line, &encoded))
        })
    }
}

fn is_certificate(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with("-cert.pub"))
}

/// Reads a regular file. A pipe of that name is not waited for.
fn read(path: &Path, limit: u64) -> io::Result<String> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() || data.len() > limit {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut text = String::new();
    file.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str) -> Option<Found> {
    let mut words = text.lines().next()?.splitn(3, ' ');
    let (_kind, encoded) = (words.next()?, words.next()?);
    let blob = BASE64.decode(encoded.trim().as_bytes()).ok()?;
    let key = Certificate::parse(&blob).ok()?.key;
    Some(Found { blob, key, comment: words.next().unwrap_or_default().trim().to_owned() })
}

/// Returns the first name of a line of known hosts that has that key. Names that are hashed cannot be read back, and
/// patterns are no names.
fn name_in(line: &str, encoded: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace();
    let names = words.next().filter(|names| !names.starts_with(['#', '@', '|']))?;
    let _kind = words.next()?;
    if words.next()? != encoded {
        return None;
    }
    names.split(',').find(|name| !name.contains(['*', '?', '!'])).map(str::to_owned)
}

const FILES: usize = 64;
const CERTIFICATE_LIMIT: u64 = 64 * 1024;
const KNOWN_HOSTS_LIMIT: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::Folders;
    use crate::protocol::PublicKey;
    use data_encoding::BASE64;

    #[test]
    fn a_host_is_known_by_the_name_that_stands_in_clear() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known_hosts");
        let key = |seed| PublicKey::Ed25519([seed; 32]);
        let line = |names: &str, seed| {
            format!("{names} ssh-ed25519 {}\n", BASE64.encode(&PublicKey::Ed25519([seed; 32]).to_blob()))
        };
        let text = [
            "# a comment\n".to_owned(),
            line("|1|c2FsdA==|aGFzaA==", 1),
            line("*.example.org,host.example.org,192.0.2.1", 1),
            line("@cert-authority other.example.org", 2),
        ];
        std::fs::write(&file, text.concat()).expect("a file");
        let folders = Folders { known_hosts: vec![file], certificates: Vec::new() };
        assert_eq!(folders.host_of(&key(1)).as_deref(), Some("host.example.org"));
        assert_eq!(folders.host_of(&key(2)), None);
    }

    #[test]
    fn what_is_no_certificate_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a-cert.pub"), "ssh-ed25519-cert-v01@openssh.com AAAA\n").expect("a file");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path("b-cert.pub"), rustix::fs::FileType::Fifo, mode, 0)
            .expect("a pipe");
        std::fs::create_dir(path("c-cert.pub")).expect("a folder");
        let folders = Folders { certificates: vec![folder.path().to_owned()], known_hosts: Vec::new() };
        assert_eq!(folders.certificates(), []);
    }
}
