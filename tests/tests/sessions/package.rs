//! The Debian package: it has what is installed, it installs, upgrades and goes without a trace.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use claviger_tests::command::Ran;
use claviger_tests::lab::claviger::Installed;
use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;
use claviger_tests::place::Place;
use claviger_tests::programs;

/// Runs a program of the host's to its end, and returns what it said.
fn said(command: &mut Command) -> String {
    let ran = Ran::from(command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    ran.ok().text().to_owned()
}

/// Makes the package, in a folder, and returns its path.
pub(super) fn package(place: &Place) -> String {
    package_named(place, "claviger")
}

/// Makes the package of that name: `claviger` or `claviger-phone`.
pub(super) fn package_named(place: &Place, name: &str) -> String {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/deb.sh"));
    command.arg(name).env("PROGRAMS", programs::folder()).env("OUTPUT", place.path()).env("FAST", "1");
    said(command.env_remove("VERSION"))
}

/// Makes the next version of a package, otherwise the same.
fn next_version(place: &Place, package: &str) -> String {
    let (tree, next) = (place.path().join("tree"), place.path().join("next.deb"));
    said(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&tree));
    let control = tree.join("DEBIAN/control");
    let text = std::fs::read_to_string(&control).unwrap();
    let version = text.lines().find(|line| line.starts_with("Version: ")).unwrap();
    std::fs::write(&control, text.replace(version, &format!("{version}+next"))).unwrap();
    said(Command::new("dpkg-deb").args(["-Znone", "--root-owner-group", "--build"]).arg(&tree).arg(&next));
    next.to_str().unwrap().to_owned()
}

/// Returns the files below a folder, as they would be in `/`.
fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut find = Command::new("find");
    let said = said(find.arg(folder).args(["-type", "f", "-printf", "/%P\n"]));
    said.lines().map(str::to_owned).collect()
}

#[test]
fn the_package_has_what_is_installed_and_nothing_else() {
    let place = Place::new();
    let listed = said(Command::new("dpkg-deb").arg("--contents").arg(package(&place)));
    let files = listed.lines().filter(|line| line.starts_with('-'));
    let files = files.map(|line| line.split_whitespace().nth(5).unwrap().trim_start_matches('.'));
    // What Debian wants besides; manual pages are compressed there.
    let debians = ["/usr/share/doc/claviger/copyright", "/usr/share/doc/claviger/changelog.Debian.gz"];
    let files = files.filter(|file| !debians.contains(file));
    let files: BTreeSet<_> = files.map(|file| file.strip_suffix(".gz").unwrap_or(file).to_owned()).collect();
    assert_eq!(files, files_below(Installed::shared().path()));
}

/// Everything in the guest but what its own services and dpkg write as they go.
const EVERYTHING: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /root \
                          -o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path '/etc/*-' \
                          -o -path /etc/systemd/system/timers.target.wants -o -path /var/lib/systemd \\) \
                          -prune -o -print | sort";

#[tokio::test]
async fn the_package_installs_upgrades_with_its_state_and_goes_without_a_trace() {
    let place = Place::new();
    let package = package(&place);
    let next = next_version(&place, &package);
    let guest = Guest::boot().await;
    guest.copy_in(Path::new(&package), "/tmp/claviger.deb", 0o644);
    guest.copy_in(Path::new(&next), "/tmp/next.deb", 0o644);
    let before = guest.run(EVERYTHING).await.ok();
    let stacks = guest.run("cat /etc/pam.d/*").await.ok();
    let dpkg =
        async |words: &str| guest.run(&format!("DEBIAN_FRONTEND=noninteractive dpkg {words}")).await.ok();

    dpkg("--install /tmp/claviger.deb").await;
    let units = "clavigerd.service claviger-opensc.socket";
    assert_eq!(guest.systemctl(&format!("is-active {units}")).await.text(), "active\nactive");
    assert_eq!(guest.systemctl(&format!("is-enabled {units}")).await.text(), "enabled\nenabled");
    let offered = guest.run("cat /etc/pam.d/*").await.ok();
    assert_eq!(stacks.text(), offered.text(), "nobody's way in has changed");
    guest.run("claviger doctor").await.ok();
    let modules = guest.run("p11-kit list-modules").await.ok();
    assert!(modules.text().contains("claviger: libclaviger_pkcs11.so"), "{modules:#?}");
    let socket = guest.systemctl("--global is-enabled claviger-ssh-agent.socket").await;
    assert_eq!(socket.text(), "disabled", "nobody's ssh-agent is another one by an installation");
    guest
        .run_as("alice", "printf phrase >/tmp/phrase; claviger register --passphrase-file /tmp/phrase")
        .await
        .ok();
    let keys = guest.run_as("alice", "claviger key list --json").await.ok();

    let first = guest.systemctl("show --property MainPID clavigerd").await.ok();
    dpkg("--install /tmp/next.deb").await;
    assert_eq!(guest.systemctl(&format!("is-active {units}")).await.text(), "active\nactive");
    assert_ne!(guest.systemctl("show --property MainPID clavigerd").await.ok().text(), first.text());
    assert_eq!(guest.run_as("alice", "claviger key list --json").await.ok().text(), keys.text());

    guest
        .run("pam-auth-update --enable claviger claviger-session && grep pam_claviger /etc/pam.d/common-auth")
        .await
        .ok();
    dpkg("--remove claviger").await;
    assert_eq!(guest.systemctl("is-active clavigerd").await.text(), "inactive");
    let modules = guest.run("p11-kit list-modules").await.ok();
    assert!(!modules.text().contains("claviger"), "{modules:#?}");
    guest.run("test -s /var/lib/claviger/table.db && test -s /etc/claviger/claviger.toml").await.ok();
    assert_eq!(guest.run("cat /etc/pam.d/*").await.ok().text(), stacks.text());
    dpkg("--install /tmp/next.deb").await;
    assert_eq!(guest.run_as("alice", "claviger key list --json").await.ok().text(), keys.text());

    dpkg("--purge claviger").await;
    assert_eq!(guest.systemctl("list-units --all --quiet 'claviger*'").await.ok().text(), "");
    let lines = |ran: &Ran| ran.text().lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let after = guest.run(EVERYTHING).await.ok();
    assert_eq!(lines(&after).difference(&lines(&before)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(lines(&before).difference(&lines(&after)).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn an_upgrade_ends_no_session_and_forgets_no_binding() {
    let place = Place::new();
    let package = package(&place);
    let next = next_version(&place, &package);
    let guest = Guest::plan().readers(2).boot().await;
    guest.copy_in(Path::new(&package), "/tmp/claviger.deb", 0o644);
    guest.copy_in(Path::new(&next), "/tmp/next.deb", 0o644);
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/claviger.deb").await.ok();
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Service).await;
    let mut other = guest.log_in("alice", Door::Service).await;
    alice.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
    alice.run("claviger session bind \"$XDG_SESSION_ID\"").await.ok();

    guest.run("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/next.deb").await.ok();
    // The binding is there again, and the card is seen again.
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"presence\":\"present\"'").await;
    assert!(alice.runs() && other.runs());
    card.remove_noticed();
    alice.ended().await;
    assert_eq!(other.run("exit 3").await.code, Some(3), "it was bound to nothing");
}

#[test]
fn every_message_of_the_journal_is_explained_in_the_catalog() {
    let read = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let ids = |text: &str, before: &str| {
        let ids = text.lines().filter_map(|line| line.trim_start().strip_prefix(before));
        ids.map(|rest| rest.chars().take(32).collect()).collect::<BTreeSet<String>>()
    };
    let logged = ids(&read("daemon/src/sessions/journal.rs"), "message_id = \"");
    assert!(!logged.is_empty());
    assert_eq!(logged, ids(&read("systemd/claviger.catalog"), "-- "));
}
