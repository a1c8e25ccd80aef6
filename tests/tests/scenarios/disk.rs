//! What the daemon is given to start with, and a disk that is full or read-only.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::bus::Bus;
use claviger_tests::command::run;
use claviger_tests::daemon::{CHEAP, Daemon, Ended, Start};
use claviger_tests::house::House;
use claviger_tests::peer::{Peer, none};
use claviger_tests::place::{Place, SmallDisk};
use claviger_tests::programs::Program;

/// Starts a daemon that must not come up, and returns how it ended.
async fn refusal_to_start(bus: &Bus, start: Start) -> Ended {
    match Daemon::try_start(bus, start).await {
        Ok(_) => panic!("it started"),
        Err(ended) => {
            assert!(ended.is_orderly_refusal(), "{ended:?}");
            ended
        }
    }
}

fn on(state: &std::path::Path) -> Start {
    Start { state: Some(state.to_owned()), ..Start::default() }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused_with_its_name() {
    let (bus, place) = (Bus::start(), Place::new());
    let foreign = place.folder("foreign", &Person::root());
    let ended = refusal_to_start(&bus, on(&foreign)).await;
    assert!(ended.log.contains(&*foreign.to_string_lossy()), "{}", ended.log);
    let missing = place.path().join("missing").join("folder");
    let ended = refusal_to_start(&bus, on(&missing)).await;
    assert!(ended.log.contains(&*missing.to_string_lossy()), "{}", ended.log);
}

#[tokio::test]
async fn a_read_only_disk_is_refused_and_keeps_everything() {
    let disk = SmallDisk::new(4096, &Person::service());
    let bus = Bus::start();
    let mut daemon = Daemon::start(&bus, on(disk.path())).await;
    let alice = Peer::registered(&bus, &Person::alice()).await;
    let key = alice.generate("P-256").await.unwrap();
    assert!(daemon.stop().await.success());
    disk.make_read_only();
    let ended = refusal_to_start(&bus, on(disk.path())).await;
    assert!(ended.log.to_lowercase().contains("read-only"), "it says why: {}", ended.log);
    disk.make_writable();
    daemon.restart(&bus).await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_of_one_mebibyte_refuses_new_keys_and_loses_none() {
    let disk = SmallDisk::new(1024, &Person::service());
    let bus = Bus::start();
    let mut daemon = Daemon::start(&bus, on(disk.path())).await;
    let alice = Peer::registered(&bus, &Person::alice()).await;
    let mut made = BTreeSet::from([alice.generate("P-256").await.unwrap()]);
    disk.fill(96 << 10);
    let refusal = loop {
        match alice.generate("P-256").await {
            Ok(id) => assert!(made.insert(id)),
            Err(refusal) => break refusal,
        }
        assert!(made.len() < 5000, "the disk never fills");
    };
    assert_eq!(refusal.name, "StoreFull", "{refusal}");
    let listed = async |alice: &Peer| -> BTreeSet<String> {
        alice.keys().await.unwrap().into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(listed(&alice).await, made, "what was refused is not there, what was confirmed is");
    for key in &made {
        alice.sign(key, "", b"data", none()).await.expect("keys work on a full disk");
    }
    // The table as it is can be opened again, with room and without.
    daemon.kill().await;
    disk.relieve();
    daemon.restart(&bus).await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
    assert_eq!(listed(&alice).await, made);
    for key in &made {
        alice.sign(key, "", b"data", none()).await.unwrap();
    }
    alice.generate("P-256").await.expect("there is room again");
}

#[tokio::test]
async fn a_second_daemon_on_the_same_state_is_refused() {
    let house = House::open().await;
    let alice = house.alice().await;
    let elsewhere = Bus::start();
    let ended = refusal_to_start(&elsewhere, on(house.daemon.state())).await;
    assert!(ended.log.contains("another clavigerd") || ended.log.contains("in use"), "{}", ended.log);
    assert!(ended.log.contains(&*house.daemon.state().to_string_lossy()), "it says which: {}", ended.log);
    alice.generate("P-256").await.expect("the first goes on");
}

#[tokio::test]
async fn a_second_daemon_on_the_same_bus_does_not_take_the_name() {
    let house = House::open().await;
    let alice = house.alice().await;
    let place = Place::new();
    let second = on(&place.folder("state", &Person::service()));
    // The first has the name already, so the second is awaited by its end.
    let mut second = Daemon::start_without_name(&house.bus, second);
    let status = second.ended().await;
    assert!(status.code().is_some_and(|code| code != 0), "{status} {}", second.log());
    assert!(second.log().contains("org.claviger.KeyStore1"), "{}", second.log());
    alice.generate("P-256").await.expect("the first goes on");
}

#[tokio::test]
async fn a_typo_in_the_configuration_is_refused_with_line_and_hint() {
    let bus = Bus::start();
    let config = format!("{CHEAP}\n[unlock]\nidel = \"1h\"\n");
    let line = config.lines().position(|line| line.starts_with("idel")).unwrap() + 1;
    let ended = refusal_to_start(&bus, Start { config: config.clone(), ..Start::default() }).await;
    assert!(ended.log.contains(&format!("claviger.toml:{line}")), "{}", ended.log);
    assert!(ended.log.contains("`idle`"), "it says what was meant: {}", ended.log);

    let check = async |text: &str| {
        let place = Place::new();
        let file = place.file("claviger.toml", text);
        let mut command = Command::new(Program::Daemon.path());
        command.arg("--check-config").arg("--config").arg(file);
        run(command, b"").await
    };
    assert_eq!(check(CHEAP).await.code, Some(0));
    let ran = check(&config).await;
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
    assert!(format!("{}{}", ran.stderr, ran.text()).contains(&format!("claviger.toml:{line}")), "{ran:?}");
    let shipped = include_str!("../../../config/claviger.toml");
    assert_eq!(check(shipped).await.code, Some(0), "the shipped file is in order");
}

#[tokio::test]
async fn a_damaged_table_is_refused_and_left_alone() {
    let mut house = House::open().await;
    let alice = house.alice().await;
    alice.generate("P-256").await.unwrap();
    assert!(house.daemon.stop().await.success());
    let tables: Vec<_> = fs::read_dir(house.daemon.state())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")))
        .collect();
    let [table] = tables.as_slice() else { panic!("the state folder has one table: {tables:?}") };
    let good = fs::read(table).unwrap();
    let mut bad = good.clone();
    bad[16..4096].fill(0x5a);
    fs::write(table, &bad).unwrap();
    let ended = house.daemon.restart(&house.bus).await.expect_err("it is damaged");
    assert!(ended.is_orderly_refusal(), "{ended:?}");
    assert_eq!(fs::read(table).unwrap(), bad, "nothing was written over it");
    fs::write(table, &good).unwrap();
    house.daemon.restart(&house.bus).await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
}

#[tokio::test]
async fn nobody_else_may_read_what_is_in_the_state_folder() {
    let house = House::open().await;
    house.alice().await;
    let mut files = 0;
    for entry in fs::read_dir(house.daemon.state()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", entry.path().display());
        files += 1;
    }
    assert!(files > 0, "there is a table");
}
