//! What strace saw a program do to the files of one folder, in order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One thing that happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Created(String),
    Written(String, usize, Vec<u8>),
    Resized(String, usize),
    Removed(String),
    /// The file, or the folder itself where the name is empty.
    Synchronised(String),
    /// The mark of that number was sent.
    Mark(usize),
}

/// Reads the lines of `strace -f -xx`. A mark is a message that holds those bytes; they come in their order.
///
/// What would change a file in a way that is not understood here fails the test instead of being passed over.
pub(super) fn read(lines: &str, folder: &Path, marks: &[Vec<u8>]) -> Vec<Event> {
    let mut pending: BTreeMap<&str, String> = BTreeMap::new();
    let mut reader =
        Reader { folder: folder.to_owned(), marks, sent: 0, open: BTreeMap::new(), events: Vec::new() };
    for line in lines.lines() {
        let (pid, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        // Calls of several threads overlap: a call counts when it has ended.
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            pending.insert(pid, begun.to_owned());
            continue;
        }
        let whole = match rest.strip_prefix("<... ") {
            Some(resumed) => pending.remove(pid).unwrap() + resumed.split_once(" resumed>").unwrap().1,
            None => rest.to_owned(),
        };
        if let Some(call) = Call::parse(&whole) {
            reader.take(&call);
        }
    }
    reader.events
}

/// A system call that succeeded.
struct Call<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    strings: Vec<Vec<u8>>,
    result: usize,
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        let result = result.split(' ').next()?;
        let result = match result.strip_prefix("0x") {
            Some(address) => usize::from_str_radix(address, 16).ok()?,
            // -1 is a call that failed.
            None => result.parse().ok()?,
        };
        let arguments = arguments.trim_end().strip_suffix(')')?;
        // With -xx every byte of a string is \x..: no comma and no quote inside.
        let strings = arguments.split('"').skip(1).step_by(2).map(unescape).collect();
        Some(Self { name, arguments: arguments.split(", ").collect(), strings, result })
    }
}

/// An open file of the folder.
struct File {
    name: String,
    position: usize,
}

struct Reader<'a> {
    folder: PathBuf,
    marks: &'a [Vec<u8>],
    sent: usize,
    open: BTreeMap<String, File>,
    events: Vec<Event>,
}

impl Reader<'_> {
    fn take(&mut self, call: &Call<'_>) {
        let Call { name, arguments, strings, result: _ } = call;
        match *name {
            "openat" | "open" | "creat" => self.opened(call),
            "close" => drop(self.open.remove(arguments[0])),
            "sendmsg" => self.sent(strings),
            "unlink" | "unlinkat" => {
                if let Some(name) = self.name_of(call) {
                    self.events.push(Event::Removed(name));
                }
            }
            "rename" | "renameat" | "renameat2" => {
                let ours =
                    strings.iter().any(|path| path.starts_with(self.folder.as_os_str().as_encoded_bytes()));
                assert!(!ours, "teach this test about {name}");
            }
            "mmap" => {
                let writes = arguments[3].contains("MAP_SHARED") && arguments[2].contains("PROT_WRITE");
                let ours = self.open.contains_key(arguments[4]);
                assert!(!(writes && ours), "a file is written by mapping: {arguments:?}");
            }
            _ => self.changed(call),
        }
    }

    fn opened(&mut self, call: &Call<'_>) {
        let Some(name) = self.name_of(call) else { return };
        let flags = call.arguments.iter().find(|argument| argument.contains("O_")).unwrap_or(&"");
        assert!(!flags.contains("O_APPEND"), "teach this test about O_APPEND");
        if flags.contains("O_CREAT") {
            self.events.push(Event::Created(name.clone()));
        }
        if flags.contains("O_TRUNC") {
            self.events.push(Event::Resized(name.clone(), 0));
        }
        self.open.insert(call.result.to_string(), File { name, position: 0 });
    }

    fn sent(&mut self, strings: &[Vec<u8>]) {
        let Some(mark) = self.marks.get(self.sent) else { return };
        if strings.iter().any(|string| memchr::memmem::find(string, mark).is_some()) {
            self.events.push(Event::Mark(self.sent));
            self.sent += 1;
        }
    }

    /// A call on a descriptor.
    fn changed(&mut self, call: &Call<'_>) {
        let Call { name, arguments, strings, result } = call;
        let Some(File { name: file, position }) = self.open.get_mut(arguments[0]) else { return };
        let file = file.clone();
        self.events.push(match *name {
            "pwrite64" => Event::Written(file, arguments[3].parse().unwrap(), strings[0][..*result].to_vec()),
            "write" => {
                let at = *position;
                *position += result;
                Event::Written(file, at, strings[0][..*result].to_vec())
            }
            "ftruncate" => Event::Resized(file, arguments[1].parse().unwrap()),
            "fsync" | "fdatasync" => Event::Synchronised(file),
            other => panic!("teach this test about {other}"),
        });
    }

    /// Returns the name of the file of the folder that a path means; empty for the folder itself.
    fn name_of(&self, call: &Call<'_>) -> Option<String> {
        let path = Path::new(std::str::from_utf8(&call.strings[0]).ok()?);
        if path.is_relative() {
            // From an open folder: `openat(7, "name", …)`.
            let folder = self.open.get(call.arguments[0])?;
            assert!(folder.name.is_empty(), "teach this test about folders in the folder");
            return Some(path.to_string_lossy().into_owned());
        }
        path.strip_prefix(&self.folder).ok().map(|name| name.to_string_lossy().into_owned())
    }
}

fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}
