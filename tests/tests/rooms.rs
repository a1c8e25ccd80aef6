//! The rooms keep to the table in docs/architecture.md: what each Cargo.toml names, and what the code of the rooms
//! that may do no I/O uses.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One line of the table: a room, and what it may depend on.
struct Room {
    /// Its folder, for example `tokens/soft`.
    folder: String,
    /// Rooms by their folders, crates by their names.
    may: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads the table `| room | responsibility | may depend on |`.
fn rooms() -> Vec<Room> {
    let mut rooms: Vec<Room> = Vec::new();
    let document = text("docs/architecture.md");
    let mut lines = document.lines().skip_while(|line| !line.replace(' ', "").starts_with("|room|"));
    assert!(lines.next().is_some(), "docs/architecture.md has no table of rooms");
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let words = cells[2].split(',').map(|word| word.trim().trim_matches('`').to_owned());
        let mut may: BTreeSet<String> = words.collect();
        if may.remove("all of the above") {
            may.extend(rooms.iter().flat_map(|room| room.may.iter().cloned().chain([room.folder.clone()])));
        }
        rooms.push(Room { folder: cells[0].trim_matches('`').to_owned(), may });
    }
    rooms
}

/// Returns the members of the workspace, by folder.
fn members() -> Vec<String> {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

fn manifest(folder: &str) -> toml::Table {
    text(format!("{folder}/Cargo.toml")).parse().unwrap()
}

/// Returns what a room's Cargo.toml depends on: rooms by their folders, other crates by their names.
fn dependencies(folder: &str, packages: &BTreeMap<String, String>) -> BTreeSet<String> {
    let manifest = manifest(folder);
    let names = |table: &str| {
        let table = manifest.get(table).and_then(toml::Value::as_table).cloned().unwrap_or_default();
        table.into_iter().map(|(name, _)| name)
    };
    let names = names("dependencies").chain(names("build-dependencies"));
    names.map(|name| packages.get(&name).cloned().unwrap_or(name)).collect()
}

/// The tests are nobody's room: they may reach everywhere.
fn is_a_room(folder: &str) -> bool {
    folder != "tests" && !folder.starts_with("tests/")
}

#[test]
fn every_room_depends_only_on_what_the_table_allows() {
    let (rooms, members) = (rooms(), members());
    let package = |folder: &String| manifest(folder)["package"]["name"].as_str().unwrap().to_owned();
    let packages = members.iter().map(|folder| (package(folder), folder.clone())).collect();
    let mut wrong = Vec::new();
    for folder in members.iter().filter(|folder| is_a_room(folder)) {
        // A line may stand for all rooms of a folder: front-ends/*.
        let pattern = folder.rsplit_once('/').map(|(parent, _)| format!("{parent}/*"));
        let room = rooms.iter().find(|room| room.folder == *folder || Some(&room.folder) == pattern.as_ref());
        let Some(room) = room else {
            wrong.push(format!("{folder} is no room of the table"));
            continue;
        };
        let unnamed = dependencies(folder, &packages).into_iter().filter(|name| !room.may.contains(name));
        wrong.extend(unnamed.map(|name| format!("{folder} may not depend on {name}")));
    }
    assert_eq!(wrong, Vec::<String>::new(), "see the table of rooms in docs/architecture.md");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the lines of code of `folder`, up to each file's tests, that mention one of `words`.
fn mentions(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let files = sources(&root().join(folder));
    assert!(!files.is_empty(), "{folder} has code");
    for path in files.iter().filter(|path| !path.ends_with("tests.rs") && !path.ends_with("testing.rs")) {
        let code = fs::read_to_string(path).unwrap();
        let code = code.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let wrong = lines.filter(|line| words.iter().any(|word| line.contains(word)));
        found.extend(wrong.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    found
}

#[test]
fn the_core_and_the_phone_protocol_do_no_input_or_output_read_no_clock_and_know_no_runtime() {
    let forbidden = [
        "std::fs",
        "std::io",
        "std::net",
        "std::os",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant",
        "tokio",
        "zbus",
        "rustix",
        "async ",
    ];
    assert_eq!(mentions("daemon/core/src", &forbidden), Vec::<String>::new());
    assert_eq!(mentions("phone/protocol/src", &forbidden), Vec::<String>::new());
    // The control: the daemon does all that.
    assert_ne!(mentions("daemon/src", &forbidden), Vec::<String>::new());
}

#[test]
fn a_token_knows_nothing_of_the_bus() {
    let forbidden = ["zbus", "claviger_dbus", "claviger_core", "tokio"];
    for folder in ["tokens/contract/src", "tokens/soft/src"] {
        assert_eq!(mentions(folder, &forbidden), Vec::<String>::new());
    }
}

#[test]
fn front_ends_never_reach_round_the_client_library() {
    let folders = members().into_iter().filter(|folder| folder.starts_with("front-ends/"));
    let mut looked_at = 0;
    for folder in folders {
        let mut forbidden = vec!["zbus::", "claviger_dbus", "claviger_core", "claviger_soft"];
        // The names and numbers of mechanisms are in one table, and the PKCS#11 module speaks of them by number.
        if folder != "front-ends/pkcs11" {
            forbidden.push("claviger_token");
        }
        assert_eq!(mentions(&format!("{folder}/src"), &forbidden), Vec::<String>::new());
        looked_at += 1;
    }
    assert!(looked_at > 0, "there is a front end");
}

#[test]
fn unsafe_code_stands_only_in_files_called_ffi() {
    for folder in members() {
        let wrong = mentions(&format!("{folder}/src"), &["unsafe {", "unsafe fn", "unsafe impl"]);
        let elsewhere: Vec<_> = wrong.iter().filter(|line| !line.contains("/ffi.rs: ")).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    }
}

#[test]
fn nothing_stands_at_the_top_that_the_architecture_does_not_name() {
    let allowed = [
        ".ci",
        ".git",
        ".gitignore",
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "Makefile",
        "README.md",
        "client-lib",
        "config",
        "daemon",
        "dbus-interfaces",
        "deny.toml",
        "docs",
        "front-ends",
        "phone",
        "rustfmt.toml",
        "systemd",
        "target",
        "tests",
        "tokens",
    ];
    let there = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let odd: Vec<String> = there.filter(|name| !allowed.contains(&name.as_str())).collect();
    assert_eq!(odd, Vec::<String>::new());
}
