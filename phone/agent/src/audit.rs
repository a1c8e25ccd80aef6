//! The list of what was asked and what came of it.

mod budget;
mod series;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::clock::since_boot;
use crate::question::Question;
use budget::Budget;
use series::Series;

/// The list, a line of JSON each, oldest first. A full file becomes the old one, and the old one before it goes.
/// Where a computer has very many lines to which nobody said yes, or to which somebody did once and for a while, the further
/// ones are counted only.
pub struct Audit {
    path: PathBuf,
    file: Mutex<Open>,
}

struct Open {
    file: File,
    size: u64,
    budget: Budget,
    series: Series,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was over (RFC 3339).
    pub time: String,
    /// The computer's name.
    pub host: String,
    /// Its pairing.
    pub pairing: String,
    /// The user there, as it says.
    pub user: String,
    /// The program there, as it says.
    pub application: String,
    /// What for, as it says.
    pub purpose: String,
    /// What was asked.
    pub operation: String,
    /// The key's name in the module.
    pub key: Option<String>,
    /// What people call the key.
    pub label: Option<String>,
    /// How.
    pub mechanism: Option<String>,
    /// SHA-256 of the data, or the digest.
    pub digest: Option<String>,
    /// What came of it: `approved`, `allowed`, `refused`, …, and why.
    pub outcome: String,
}

impl Entry {
    /// Makes the line of a question that came to an end now.
    pub fn new(question: &Question, outcome: &str) -> Self {
        let Question { pairing, host, errand, operation, key, mechanism, digest, .. } = question;
        Self {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            host: host.clone(),
            pairing: pairing.clone(),
            user: errand.user.clone(),
            application: errand.application.clone(),
            purpose: errand.purpose.clone(),
            operation: operation.name().to_owned(),
            key: key.as_ref().map(|key| key.reference.clone()),
            label: key.as_ref().map(|key| key.label.clone()),
            mechanism: mechanism.map(|mechanism| mechanism.name().to_owned()),
            digest: digest.clone(),
            outcome: outcome.to_owned(),
        }
    }

    /// Returns how it came to be.
    fn cause(&self) -> Cause {
        match () {
            () if self.outcome.starts_with("approved") => Cause::Yes,
            () if self.outcome.starts_with("allowed") => Cause::EarlierYes,
            () => Cause::NoYes,
        }
    }

    /// Returns it with what its computer did before that stands nowhere.
    fn behind(&self, not_listed: &[String]) -> Self {
        let mut entry = self.clone();
        if !not_listed.is_empty() {
            entry.outcome.push_str(&format!(" (before it, {} are not listed)", not_listed.join(" and ")));
        }
        entry
    }
}

/// What a line came of.
#[derive(Clone, Copy)]
enum Cause {
    /// Somebody said yes to it.
    Yes,
    /// Somebody said yes before, for a while.
    EarlierYes,
    /// Nobody said yes.
    NoYes,
}

impl Audit {
    /// Opens the list in that folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        let file = Mutex::new(Open::new(&path)?);
        Ok(Self { path, file })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// Those of the file system: then nothing may be handed out of what it was about.
    pub fn note(&self, entry: &Entry) -> io::Result<()> {
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let is_listed = match entry.cause() {
            Cause::Yes => true,
            Cause::EarlierYes => open.series.take(&entry.pairing),
            Cause::NoYes => open.budget.take(&entry.pairing, since_boot()),
        };
        if !is_listed {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&entry.behind(&open.left_out(&entry.pairing)))?;
        if matches!(entry.cause(), Cause::Yes) {
            open.series.begin(&entry.pairing);
        }
        line.push(b'\n');
        if open.size + line.len() as u64 > SIZE_LIMIT {
            match fs::rename(&self.path, self.path.with_file_name(OLD_NAME)) {
                // Put aside already, when there was no room for the next file.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
            let Open { file, size, budget: _, series: _ } = Open::new(&self.path)?;
            (open.file, open.size) = (file, size);
        }
        open.append(&line)
    }

    /// Returns the lines in that folder, oldest first. What is no line is left out.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for name in [OLD_NAME, NAME] {
            match File::open(folder.join(name)) {
                Ok(file) => {
                    for line in BufReader::new(file).split(b'\n') {
                        entries.extend(serde_json::from_slice::<Entry>(&line?));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).mode(0o600).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size, budget: Budget::default(), series: Series::default() })
    }

    /// Returns what of this computer's was left out since it was asked last.
    fn left_out(&mut self, pairing: &str) -> Vec<String> {
        let counts = [
            (self.budget.left_out(pairing), "without a yes"),
            (self.series.left_out(pairing), "allowed ones"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, what)| format!("{count} {what}")).collect()
    }

    /// Writes a line in one piece. One that was cut off by a full disk is taken back, so that the next begins on a line of its
    /// own.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        match self.file.write_all(line) {
            Ok(()) => {
                self.size += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                drop(self.file.set_len(self.size));
                Err(error)
            }
        }
    }
}

const NAME: &str = "audit.jsonl";
const OLD_NAME: &str = "audit.old.jsonl";

/// The most bytes of a file: some twenty thousand lines.
const SIZE_LIMIT: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{Audit, Entry, NAME, OLD_NAME, SIZE_LIMIT};
    use crate::question::{Operation, Question};
    use claviger_token::{Algorithm, Errand, Mechanism};
    use std::fs;

    fn entry(outcome: &str) -> Entry {
        let errand =
            Errand { user: "alice".to_owned(), application: "mail".to_owned(), purpose: "sign".to_owned() };
        let question = Question::new(Operation::Sign, "00ff", "laptop", &errand)
            .with_key("4711", "signing", Algorithm::P256)
            .with_data(Mechanism::EcdsaSha256, b"abc");
        Entry::new(&question, outcome)
    }

    #[test]
    fn what_was_noted_is_read_back_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Audit::read(folder.path()).expect("none yet"), []);
        let entries = [entry("approved"), entry("refused")];
        for entry in &entries {
            // Opened anew each time: what there is stays.
            Audit::open(folder.path()).expect("a list").note(entry).expect("room");
        }
        assert_eq!(Audit::read(folder.path()).expect("a list"), entries);
        assert_eq!(entries[0].host, "laptop");
        assert_eq!(entries[0].mechanism.as_deref(), Some("ECDSA_SHA256"));
    }

    #[test]
    fn a_list_that_was_put_aside_without_a_next_one_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(NAME);
        fs::write(&path, vec![b'\n'; SIZE_LIMIT as usize]).expect("room");
        let list = Audit::open(folder.path()).expect("a list");
        fs::rename(&path, folder.path().join(OLD_NAME)).expect("put aside");
        for outcome in ["first", "second"] {
            list.note(&entry(outcome)).expect("room");
        }
        assert_eq!(Audit::read(folder.path()).expect("a list").len(), 2);
    }

    #[test]
    fn what_nobody_said_yes_to_does_not_push_out_what_was_signed() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = Audit::open(folder.path()).expect("a list");
        list.note(&entry("approved")).expect("room");
        for _ in 0..40_000 {
            list.note(&entry("given up")).expect("room");
        }
        list.note(&entry("allowed")).expect("room");
        let entries = Audit::read(folder.path()).expect("a list");
        assert_eq!(entries.len(), 502);
        assert_eq!(entries[0].outcome, "approved");
        assert_eq!(entries[501].outcome, "allowed (before it, 39500 without a yes are not listed)");
    }

    #[test]
    fn one_yes_for_a_while_does_not_turn_the_list_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = Audit::open(folder.path()).expect("a list");
        let note = |outcome: &str| list.note(&entry(outcome)).expect("room");
        note("approved for a while");
        (0..50_050).for_each(|_| note("allowed"));
        note("approved for a while");
        note("allowed");
        let entries = Audit::read(folder.path()).expect("a list");
        // A thousand, each hundredth of the other 49,050, and those around.
        assert_eq!(entries.len(), 1 + 1000 + 490 + 2);
        assert_eq!(entries[1000].outcome, "allowed");
        assert_eq!(entries[1001].outcome, "allowed (before it, 99 allowed ones are not listed)");
        assert_eq!(entries[1491].outcome, "approved for a while (before it, 50 allowed ones are not listed)");
        assert_eq!(entries[1492].outcome, "allowed", "a new yes has lines of its own");
    }

    #[test]
    fn a_full_list_becomes_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        Audit::open(folder.path()).expect("a list").note(&entry("first")).expect("room");
        let path = folder.path().join(NAME);
        let mut bytes = fs::read(&path).expect("a line");
        bytes.resize(SIZE_LIMIT as usize, b'\n');
        fs::write(&path, bytes).expect("room");
        Audit::open(folder.path()).expect("a list").note(&entry("second")).expect("room");
        assert!(folder.path().join(OLD_NAME).exists());
        assert!(fs::metadata(&path).expect("a file").len() < 1024);
        let outcomes: Vec<_> =
            Audit::read(folder.path()).expect("a list").into_iter().map(|entry| entry.outcome).collect();
        assert_eq!(outcomes, ["first", "second"]);
    }
}
