use std::process::Command;

use super::Seat;
use super::nss::{FRIENDLY, nss_database};
use crate::accounts::Person;
use crate::command::{Ran, run};

/// Has alice's Chromium load a page without a window, and returns what it says: the page as it came out.
pub async fn chromium(seat: &Seat, address: &str) -> Ran {
    seat.run("mkdir", &[".pki"]).await.ok();
    nss_database(seat, ".pki/nssdb", &FRIENDLY).await;
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
