//! Everything but `run`: asks the agent that runs, or looks at the folder where none does.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use claviger_phone_protocol::PairingId;
use rustix::termios::QueueSelector;

use crate::audit::{Audit, Entry};
use crate::cli::{Pair, PassPhrase, Show};
use crate::control::{Client, ClientError, ListedHost, ListedKey, Listing, Reply, Request};
use crate::module;
use crate::problem::{FAILED, Problem, REFUSED};
use crate::secret::Source;
use crate::store::Store;
use crate::table::{Table, date};
use crate::text::clean;

/// Makes the sealed store.
pub(crate) fn init(words: &PassPhrase, state: &Path) -> Result<(), Problem> {
    let store = Store::open(state)?;
    if store.slots()?.is_some() {
        return Err(crate::store::StoreError::Exists(state.to_owned()).into());
    }
    let passphrase = words.source().unwrap_or(Source::Terminal).choose("pass phrase")?;
    module::init(&store, &passphrase)?;
    Ok(())
}

/// Makes the keys usable.
pub(crate) fn unlock(words: &PassPhrase, control: &Path) -> Result<(), Problem> {
    let mut client = Client::connect(control)?;
    let secret = words.source().unwrap_or(Source::Terminal).get("pass phrase")?;
    let request = Request::Unlock { length: secret.expose().len() };
    done(client.ask(&request, secret.expose())?)
}

/// Makes the keys unusable.
pub(crate) fn lock(control: &Path) -> Result<(), Problem> {
    done(Client::connect(control)?.ask(&Request::Lock, &[])?)
}

/// Ends a pairing.
pub(crate) fn forget(id: &str, state: &Path, control: &Path) -> Result<(), Problem> {
    let Ok(pairing) = id.parse::<PairingId>() else {
        return Err(Problem::Usage(
            "a pairing has 32 hexadecimal digits: see claviger-phone list".to_owned(),
        ));
    };
    match Client::connect(control) {
        Ok(mut client) => done(client.ask(&Request::Forget { id: id.to_owned() }, &[])?),
        Err(ClientError::NotRunning) => {
            let store = Store::open(state)?;
            let (pairings, _) = store.pairings()?;
            if !pairings.iter().any(|document| document.known.pairing == pairing) {
                return Err(Problem::Answered(FAILED, "there is no such pairing".to_owned()));
            }
            Ok(store.erase_pairing(pairing)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets a computer be paired.
pub(crate) fn pair(words: &Pair, control: &Path) -> Result<(), Problem> {
    let mut client = Client::connect(control)?;
    let answers = io::stdin().is_terminal();
    let mut reply = if words.numbers {
        client.ask(&Request::PairByNumbers { answers }, &[])?
    } else {
        let uri = words.uri_fd.map_or(Source::Input, Source::Descriptor).get("pairing URI")?;
        client.ask(&Request::PairByUri { length: uri.expose().len(), answers }, uri.expose())?
    };
    loop {
        match reply {
            Reply::Waiting => eprintln!("Waiting for the computer, for two minutes at most ..."),
            Reply::Code { code } => {
                // On standard output: scripts compare as well.
                print(&format!("{code}\n"))?;
                eprintln!("Does the computer show the same digits? Say so there first.");
            }
            Reply::Trouble { why } => eprintln!("A computer came, and it did not work out: {why}"),
            Reply::Asked { lines } => client.answer(may_pair(&lines)?)?,
            Reply::Paired(ListedHost { id, host, user, uid, .. }) => {
                eprintln!("Paired with {} ({} there, {uid})", clean(&host, 80), clean(&user, 80));
                return print(&format!("{id}\n"));
            }
            other => return done(other),
        }
        reply = client.hear()?;
    }
}

/// Asks on the terminal. What was typed ahead is no answer to a question that was not yet seen.
fn may_pair(lines: &[(String, String)]) -> Result<bool, Problem> {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    eprintln!("A computer wants to be paired:");
    for (name, text) in lines {
        eprintln!("  {:width$}  {}", clean(name, 80), clean(text, 80));
    }
    rustix::termios::tcflush(io::stdin(), QueueSelector::IFlush)
        .map_err(|error| Problem::System("ask".to_owned(), error.into()))?;
    eprint!("Pair with it? [y/N] ");
    let mut line = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().lock().read_line(&mut line));
    read.map_err(|error| Problem::System("ask".to_owned(), error))?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Shows the paired computers and the keys.
pub(crate) fn list(show: Show, state: &Path, control: &Path) -> Result<(), Problem> {
    let (listing, runs) = match Client::connect(control) {
        Ok(mut client) => match client.ask(&Request::List, &[])? {
            Reply::Listing(listing) => (listing, true),
            other => return done(other),
        },
        Err(ClientError::NotRunning) => (on_disk(state)?, false),
        Err(error) => return Err(error.into()),
    };
    if show.json {
        return print(&json(&listing)?);
    }
    let Listing { name, module, unlocked, hosts, keys } = listing;
    let mut text = match (runs, unlocked) {
        (true, true) => format!("{name}: {module}, unlocked\n"),
        (true, false) => format!("{name}: {module}, locked\n"),
        (false, _) => "The agent does not run.\n".to_owned(),
    };
    let mut table = Table::new(&["PAIRING", "COMPUTER", "USER", "PAIRED", "HERE"]);
    for host in hosts {
        let here = if host.connected { "yes" } else { "no" };
        let user = format!("{} ({})", clean(&host.user, 40), host.uid);
        table.row([host.id, clean(&host.host, 40), user, date(host.paired), here.to_owned()]);
    }
    text += &table.to_string();
    let mut table = Table::new(&["KEY", "LABEL", "ALGORITHM", "MADE"]);
    for key in keys {
        let made = key.created.map(date).unwrap_or_default();
        table.row([clean(&key.reference, 80), clean(&key.label, 40), key.algorithm, made]);
    }
    text += &table.to_string();
    print(&text)
}

/// Returns what lies in the folder while no agent runs.
fn on_disk(state: &Path) -> Result<Listing, Problem> {
    if !state.exists() {
        return Ok(Listing::default());
    }
    let store = Store::open(state)?;
    let ((pairings, lost_pairings), (keys, lost_keys)) = (store.pairings()?, store.keys()?);
    for damaged in lost_pairings.iter().chain(&lost_keys) {
        eprintln!("claviger-phone: {} is damaged: {}", damaged.path.display(), damaged.how);
    }
    let hosts = pairings.into_iter().map(|document| ListedHost {
        id: document.known.pairing.to_string(),
        host: document.host,
        user: document.user,
        uid: document.known.uid,
        paired: document.paired,
        connected: false,
    });
    let keys = keys.into_iter().map(|document| ListedKey {
        reference: document.id.to_string(),
        label: document.label,
        algorithm: document.algorithm.name().to_owned(),
        created: Some(document.created),
    });
    Ok(Listing { hosts: hosts.collect(), keys: keys.collect(), ..Listing::default() })
}

/// Shows the audit list.
pub(crate) fn log(show: Show, state: &Path) -> Result<(), Problem> {
    let entries =
        Audit::read(state).map_err(|error| Problem::System("read the audit list".to_owned(), error))?;
    if show.json {
        return entries.iter().try_for_each(|entry| print(&json(entry)?));
    }
    let mut table = Table::new(&[
        "TIME",
        "COMPUTER",
        "USER",
        "PROGRAM",
        "WHAT",
        "KEY",
        "MECHANISM",
        "FOR",
        "DIGEST",
        "OUTCOME",
    ]);
    for entry in entries {
        let Entry {
            time,
            host,
            user,
            application,
            operation,
            label,
            mechanism,
            purpose,
            digest,
            outcome,
            ..
        } = entry;
        let digest = digest.map(|digest| digest.chars().take(16).collect()).unwrap_or_default();
        let texts = [
            time,
            host,
            user,
            application,
            operation,
            label.unwrap_or_default(),
            mechanism.unwrap_or_default(),
            purpose,
            digest,
            outcome,
        ];
        table.row(texts.map(|text| clean(&text, 60)));
    }
    print(&table.to_string())
}

fn done(reply: Reply) -> Result<(), Problem> {
    match reply {
        Reply::Done => Ok(()),
        Reply::Failed { code, why } => {
            let verb = if code == REFUSED { "not done" } else { "cannot do it" };
            Err(Problem::Answered(code, format!("{verb}: {why}")))
        }
        Reply::Listing(_)
        | Reply::Waiting
        | Reply::Code { .. }
        | Reply::Trouble { .. }
        | Reply::Asked { .. }
        | Reply::Paired(_) => Err(ClientError::Odd("it answers something else".to_owned()).into()),
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Problem> {
    let text = serde_json::to_string(value);
    text.map(|text| text + "\n").map_err(|error| Problem::System("write JSON".to_owned(), error.into()))
}

/// Writes to standard output; whoever closed it wants no more.
fn print(text: &str) -> Result<(), Problem> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::System("write".to_owned(), error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
