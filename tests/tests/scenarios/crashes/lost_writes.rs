//! The machine stops: writes that were not yet synchronised may be lost. strace records every write and every
//! fsync of the daemon; the state folder is then rebuilt as it would be found after each fsync, once with only what
//! was synchronised, once with everything written, and the daemon must start on each and have all that it had
//! confirmed by then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::bus::Bus;
use claviger_tests::daemon::{Daemon, Start};
use claviger_tests::house::House;
use claviger_tests::peer::{NAME, Peer, none};
use claviger_tests::place::{Place, give};
use serde_bytes::Bytes;

use super::trace::{Event, read};

/// What alice has after an operation was confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    keys: BTreeSet<String>,
    passphrase: Option<String>,
}

/// The files of the state folder: as a reader sees them, and as the disk surely has them. A file is surely in the
/// folder, or gone from it, once the folder itself was synchronised.
#[derive(Clone, Default)]
struct Files {
    seen: BTreeMap<String, Vec<u8>>,
    contents: BTreeMap<String, Vec<u8>>,
    names: BTreeSet<String>,
}

#[tokio::test]
async fn everything_confirmed_outlives_the_loss_of_what_was_not_synchronised() {
    let place = Place::new();
    let trace = place.path().join("trace");
    let (states, folder) = traced_life(&trace).await;
    let marks: Vec<_> = (0..states.len()).map(mark_bytes).collect();
    let events = read(&fs::read_to_string(&trace).unwrap(), &folder, &marks);
    let marks = events.iter().filter(|event| matches!(event, Event::Mark(_))).count();
    assert_eq!(marks, states.len(), "every confirmation is in the trace");

    let (mut files, mut confirmed, mut cuts) = (Files::default(), 0, 0);
    let bus = Bus::start();
    for event in events {
        let synchronised = matches!(event, Event::Synchronised(_));
        match event {
            Event::Mark(number) => confirmed = number + 1,
            event => files.apply(event),
        }
        if synchronised {
            cuts += 1;
            let allowed = &states[confirmed.saturating_sub(1)..states.len().min(confirmed + 1)];
            let fresh = confirmed == 0;
            for image in [&files.sure(), &files.seen] {
                assert_starts_on(&bus, image, allowed, fresh, cuts).await;
            }
        }
    }
    println!("{cuts} cuts, each with and without the writes that were not synchronised");
    assert!(cuts >= states.len(), "{cuts} fsyncs confirm {} operations", states.len());
}

/// Lets alice live under strace; returns what she had after each confirmed operation.
async fn traced_life(trace: &Path) -> (Vec<State>, PathBuf) {
    let person = Person::service();
    let words = [
        "strace",
        "-f",
        "-xx",
        "-s",
        "16777216",
        "-u",
        &person.name,
        "-o",
        &trace.to_string_lossy(),
        "-e",
        "trace=openat,open,creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,fallocate,fsync,fdatasync,close,\
         rename,renameat,renameat2,unlink,unlinkat,mmap,sendmsg,copy_file_range,sendfile,dup,dup2,dup3",
    ];
    let under = words.map(str::to_owned).to_vec();
    let state = Place::new();
    let folder = state.folder("state", &person);
    // strace is root and becomes the daemon's user itself: a tracer without rights sees nothing of a daemon that
    // forbids dumps.
    let start = Start { person: Person::root(), state: Some(folder.clone()), under, ..Start::default() };
    let mut house = House::with(start).await;
    let alice = house.visitor(&Person::alice()).await;
    let mut now = State::default();
    let mut states = Vec::new();

    alice.register(PASSPHRASE).await.unwrap();
    now.passphrase = Some(PASSPHRASE.to_owned());
    confirm(&alice, &mut states, &now).await;
    alice.unlock(PASSPHRASE).await.unwrap();
    for number in 0..4 {
        now.keys.insert(alice.generate("P-256").await.unwrap());
        confirm(&alice, &mut states, &now).await;
        let new = format!("pass phrase {number}");
        alice.change_passphrase(now.passphrase.as_ref().unwrap(), &new).await.unwrap();
        now.passphrase = Some(new);
        confirm(&alice, &mut states, &now).await;
        if number % 2 == 1 {
            let gone = now.keys.pop_first().unwrap();
            alice.delete(&gone).await.unwrap();
            confirm(&alice, &mut states, &now).await;
        }
    }
    // strace lives as long as its child, so it is the child that is asked to stop.
    let proxy = zbus::fdo::DBusProxy::new(alice.connection()).await.unwrap();
    let pid = proxy.get_connection_unix_process_id(NAME.try_into().unwrap()).await.unwrap();
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    house.daemon.ended().await;
    (states, folder)
}

/// Leaves a mark in the trace: the daemon answers with bytes that only this call gets.
async fn confirm(alice: &Peer, states: &mut Vec<State>, now: &State) {
    let mark = format!("mark {}", states.len());
    let digest =
        alice.bytes("Public", "Digest", &("SHA256", Bytes::new(mark.as_bytes()), none())).await.unwrap();
    assert_eq!(digest, mark_bytes(states.len()));
    states.push(now.clone());
}

fn mark_bytes(number: usize) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, format!("mark {number}").as_bytes()).as_ref().to_vec()
}

impl Files {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Created(name) => drop(self.seen.entry(name).or_default()),
            Event::Written(name, at, bytes) => {
                let file = self.seen.entry(name).or_default();
                file.resize(file.len().max(at + bytes.len()), 0);
                file[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            Event::Resized(name, size) => self.seen.entry(name).or_default().resize(size, 0),
            Event::Removed(name) => drop(self.seen.remove(&name)),
            Event::Synchronised(name) if name.is_empty() => self.names = self.seen.keys().cloned().collect(),
            Event::Synchronised(name) => {
                if let Some(content) = self.seen.get(&name) {
                    self.contents.insert(name, content.clone());
                }
            }
            Event::Mark(_) => {}
        }
    }

    /// Returns what is left where everything that was not synchronised is lost.
    fn sure(&self) -> BTreeMap<String, Vec<u8>> {
        let content = |name: &String| self.contents.get(name).cloned().unwrap_or_default();
        self.names.iter().map(|name| (name.clone(), content(name))).collect()
    }
}

/// Starts a daemon on the image and holds that alice has what one of `allowed` says.
async fn assert_starts_on(
    bus: &Bus,
    image: &BTreeMap<String, Vec<u8>>,
    allowed: &[State],
    fresh: bool,
    cut: usize,
) {
    let (place, person) = (Place::new(), Person::service());
    let folder = place.folder("state", &person);
    for (name, content) in image {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        give(&path, &person, 0o600);
    }
    let start = Start { state: Some(folder), ..Start::default() };
    let mut daemon = match Daemon::try_start(bus, start).await {
        Ok(daemon) => daemon,
        Err(ended) => panic!("cut {cut}: {ended:?}"),
    };
    let alice = Peer::on(bus, &Person::alice()).await;
    let registered: String = alice.account().await["state"].clone().try_into().unwrap();
    if fresh && registered == "none" {
        daemon.kill().await;
        return;
    }
    let keys: BTreeSet<String> = alice.keys().await.unwrap().into_iter().map(|(id, _)| id).collect();
    let mut unlocked = None;
    for state in allowed.iter().filter(|state| state.keys == keys) {
        if alice.unlock(state.passphrase.as_ref().unwrap()).await.is_ok() {
            unlocked = Some(state);
            break;
        }
    }
    assert!(unlocked.is_some(), "cut {cut}: {keys:?} is none of {allowed:?}, or does not open");
    for key in &keys {
        alice.sign(key, "", b"data", none()).await.unwrap_or_else(|error| panic!("cut {cut}: {error}"));
    }
    daemon.kill().await;
}
