//! What goes in and out: files, standard input and output, JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use claviger_client::names::DATA_LIMIT;
use data_encoding::{BASE64, HEXLOWER};
use rustix::fs::MemfdFlags;
use zeroize::Zeroizing;

use crate::Problem;

/// Data to be worked on.
pub(crate) enum Input {
    /// At most 1 MiB, by value.
    Bytes(Vec<u8>),
    /// More: a descriptor to pass on.
    File(File),
}

/// Opens a file or standard input (`-`, or no name).
pub(crate) fn open(path: Option<&Path>) -> Result<Input, Problem> {
    let name = display(path);
    let failed = |error| Problem::file("read", name.as_str(), error);
    match path.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if metadata.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            if metadata.is_file() && metadata.len() > DATA_LIMIT as u64 {
                return Ok(Input::File(file));
            }
            collect(file).map_err(failed)
        }
        None => collect(io::stdin().lock()).map_err(failed),
    }
}

/// Reads to the end; what is too large for a message is collected in a memfd.
fn collect(mut source: impl Read) -> io::Result<Input> {
    let mut bytes = Vec::new();
    source.by_ref().take(DATA_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() <= DATA_LIMIT {
        return Ok(Input::Bytes(bytes));
    }
    let memory = rustix::fs::memfd_create("claviger-data", MemfdFlags::CLOEXEC)?;
    let mut memory = File::from(memory);
    memory.write_all(&bytes)?;
    io::copy(&mut source, &mut memory)?;
    Ok(Input::File(memory))
}

/// Reads a file or standard input of at most `limit` bytes. It may be a private key: what was read is wiped, and a
/// buffer that need not grow leaves no copies behind.
pub(crate) fn read(path: Option<&Path>, limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let name = display(path);
    let failed = |error| Problem::file("read", name.as_str(), error);
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit.min(ROOM) + 1));
    let read = match path.filter(|path| path.as_os_str() != "-") {
        Some(path) => File::open(path).map_err(failed)?.take(limit as u64 + 1).read_to_end(&mut bytes),
        None => io::stdin().lock().take(limit as u64 + 1).read_to_end(&mut bytes),
    };
    read.map_err(failed)?;
    if bytes.len() > limit {
        return Err(Problem::Failed(format!("cannot read {name}: it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Returns a path's name for people.
pub(crate) fn display(path: Option<&Path>) -> String {
    match path.filter(|path| path.as_os_str() != "-") {
        Some(path) => path.display().to_string(),
        None => "standard input".to_owned(),
    }
}

/// Where results go.
pub(crate) struct Output {
    path: Option<PathBuf>,
    json: bool,
}

/// How bytes are written where no JSON is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are; Base64 on a terminal.
    Binary,
    /// Hexadecimal and a new line.
    Hex,
}

impl Output {
    /// Returns the output of that `-o` (standard output where there is none or `-`).
    pub(crate) fn new(path: Option<PathBuf>, json: bool) -> Self {
        Self { path: path.filter(|path| path.as_os_str() != "-"), json }
    }

    /// Writes bytes: as they are into a file; to standard output in that form, or as JSON under `name`.
    pub(crate) fn bytes(&self, name: &str, bytes: &[u8], form: Form) -> Result<(), Problem> {
        if self.json && self.path.is_none() {
            let text = match form {
                Form::Binary => BASE64.encode(bytes),
                Form::Hex => HEXLOWER.encode(bytes),
            };
            return json(&serde_json::json!({ name: text }));
        }
        match form {
            Form::Hex => self.write(format!("{}\n", HEXLOWER.encode(bytes)).as_bytes()),
            Form::Binary if self.path.is_none() && io::stdout().is_terminal() => {
                self.write(format!("{}\n", BASE64.encode(bytes)).as_bytes())
            }
            Form::Binary => self.write(bytes),
        }
    }

    /// Returns true where they go to standard output.
    pub(crate) const fn is_standard(&self) -> bool {
        self.path.is_none()
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Problem> {
        match &self.path {
            Some(path) => write_private(path, bytes),
            None => print_bytes(bytes),
        }
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let failed = |error| Problem::file("write", path.display().to_string(), error);
    // Devices and pipes are written to; files are replaced in one step, so that no half result stays.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return std::fs::write(path, bytes).map_err(failed);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        });
    if written.is_err() {
        // The first error counts; the file may not be there at all.
        drop(std::fs::remove_file(&new));
    }
    written.map_err(failed)
}

/// Returns PEM with lines of 64 characters (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64.encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// What is read at most without growing the buffer.
const ROOM: usize = 1024 * 1024;

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Problem> {
    print_bytes(format!("{text}\n").as_bytes())
}

/// Prints JSON.
pub(crate) fn json(value: &serde_json::Value) -> Result<(), Problem> {
    print_bytes(format!("{value:#}\n").as_bytes())
}

/// Prints bytes; a reader that went away is no problem of ours.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Problem> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::file("write", "standard output", error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
