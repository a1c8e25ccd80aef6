use std::process::Command;

use super::Seat;
use crate::accounts::Person;
use crate::command::{Ran, run};

/// Has alice's Chromium load a page without a window, and returns what it says: the page as it came out.
pub async fn chromium(seat: &Seat, address: &str) -> Ran {
    let module = seat.module().to_str().expect("a path of ours");
    seat.run("mkdir", &["-p", ".pki/nssdb"]).await.ok();
    let database = ["-d", "sql:.pki/nssdb"];
    seat.run("certutil", &[&database[..], &["-N", "--empty-password"]].concat()).await.ok();
    let add =
        ["-force", "-dbdir", database[1], "-add", "Claviger", "-libfile", module, "-mechanisms", "FRIENDLY"];
    seat.run("modutil", &add).await.ok();
    let trust = ["-A", "-n", "authority", "-t", "C,,", "-i", "ca.crt"];
    seat.run("certutil", &[&database[..], &trust].concat()).await.ok();
    seat.file("choose.json", CHOICE);

    let alice = Person::alice();
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "sh",
        "-ec",
        SCRIPT,
        "sh",
        &alice.uid.to_string(),
        &alice.gid.to_string(),
        address,
    ]);
    command.current_dir(seat.home()).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    seat.surround(&mut command);
    run(command, b"").await
}

/// It chooses among certificates by itself: a policy, which it reads in one place of the machine only. That place is another
/// one for this one process.
const SCRIPT: &str = r#"
mount -t tmpfs none /etc/chromium
install -D -m 644 choose.json /etc/chromium/policies/managed/choose.json
exec setpriv --reuid="$1" --regid="$2" --clear-groups timeout --kill-after=1 50 \
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$HOME/chromium" --dump-dom "$3"
"#;

const CHOICE: &str =
    r#"{ "AutoSelectCertificateForUrls": ["{\"pattern\": \"https://localhost\", \"filter\": {}}"] }"#;
