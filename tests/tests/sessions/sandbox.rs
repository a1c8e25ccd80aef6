//! The sandboxes of the units as systemd really makes them: a probe stands where the program would.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::net::UnixStream;

use claviger_tests::lab::Guest;
use claviger_tests::programs;

/// Returns what the probe said: what it tried, and how that went.
fn parse(said: &str) -> BTreeMap<String, String> {
    let lines = said.lines().map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?}")));
    lines.map(|(what, outcome)| (what.to_owned(), outcome.to_owned())).collect()
}

/// A guest with the probe in the place of a program, its unit as installed but for where its output goes.
async fn guest_with_probe(program: &str, unit: &str, drop_in: &str) -> Guest {
    let guest = Guest::with_claviger().await;
    // Open to everybody, so that nothing but the sandbox is in the way.
    guest.run("install -d -m 777 /home/probe /etc/probe; touch /home/probe/file").await.ok();
    guest.systemctl("stop clavigerd").await.ok();
    guest.copy_in(&programs::folder().join("sandbox-probe"), "/usr/libexec/probe", 0o755);
    // Another file, not the same one written over: the program may still be mapped.
    guest.run(&format!("cp /usr/libexec/probe {program}.new && mv {program}.new {program}")).await.ok();
    guest.write(&format!("/etc/systemd/system/{unit}.d/probe.conf"), 0o644, drop_in);
    guest.systemctl("daemon-reload").await.ok();
    guest
}

/// What no sandbox of ours lets through.
const SHUT: [&str; 7] = [
    "exec",
    "exec of a file of its own",
    "AF_INET",
    "AF_NETLINK",
    "reading a home",
    "ptrace",
    "writing to /etc",
];

fn assert_shut(tried: &BTreeMap<String, String>) {
    for what in SHUT {
        assert_ne!(tried[what], "done", "{what}: {tried:#?}");
    }
    assert_eq!(tried["AF_UNIX"], "done", "{tried:#?}");
}

#[tokio::test]
async fn the_services_sandbox_stops_what_its_user_may_do_elsewhere() {
    let drop_in =
        "[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nStandardOutput=truncate:/run/probe.out\n";
    let guest = guest_with_probe("/usr/libexec/clavigerd", "clavigerd.service", drop_in).await;
    guest.systemctl("start clavigerd").await.ok();
    let tried = parse(guest.run("cat /run/probe.out").await.ok().text());
    assert_shut(&tried);
    assert_eq!(tried["writing its state"], "done", "{tried:#?}");
    // What a caller's program is called is shown to the person who is asked.
    assert_eq!(tried["seeing other processes"], "done", "{tried:#?}");

    // The control: the same user without the sandbox.
    let free = parse(guest.run_as("claviger", "/usr/libexec/probe").await.ok().text());
    let done = |(what, outcome): (&String, &String)| (outcome == "done").then(|| what.clone());
    assert_eq!(free.iter().filter_map(done).collect::<Vec<_>>(), free.keys().cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_opensc_helpers_sandbox_stops_as_much_and_sees_no_state() {
    let drop_in = "[Service]\nStandardOutput=truncate:/run/probe.out\n";
    let guest = guest_with_probe("/usr/libexec/claviger-opensc", "claviger-opensc@.service", drop_in).await;
    let mut helper = UnixStream::connect(guest.path("/run/claviger/opensc.sock")).unwrap();
    helper.set_read_timeout(Some(claviger_tests::DEADLINE)).unwrap();
    // It says nothing there; this is its end.
    assert_eq!(helper.read(&mut [0]).unwrap(), 0);
    let tried = parse(guest.run("cat /run/probe.out").await.ok().text());
    assert_shut(&tried);
    assert_ne!(tried["writing its state"], "done", "{tried:#?}");
    assert_ne!(tried["seeing other processes"], "done", "{tried:#?}");
}
