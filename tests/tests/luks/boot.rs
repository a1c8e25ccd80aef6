//! What the guide says is done, on a machine with disks: by hand, at boot, after restarts, without the phone.

use std::fs;
use std::path::Path;
use std::process::Command;

use claviger_tests::command::run;
use claviger_tests::lab::in_machine;
use claviger_tests::until;

use crate::guide::{Block, section};
use crate::terminal::{Said, at_terminal};
use crate::{DISK, STORE};

/// The headings below which the guide has blocks.
pub(crate) const SECTIONS: [&str; 6] = [
    "The key",
    "Where the key cannot sign",
    "The volume",
    "By hand",
    "With a card: crypttab",
    "With a phone: a unit",
];

/// What is asked in the guide, and what its reader answers.
const ANSWERS: [(&str, &str); 5] = [
    ("Pass phrase", STORE),
    ("passphrase for /srv/vault.img", DISK),
    ("passphrase for disk /srv/vault.img", DISK),
    ("PIN", STORE),
    ("Once more", STORE),
];

/// Makes a command of lines of shell, of which each must succeed.
fn shell(lines: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-euxc", lines]);
    command.envs(std::env::vars().filter(|(name, _)| ["HOME", "LC_ALL", "PATH"].contains(&name.as_str())));
    command.env("TERM", "dumb");
    command
}

/// Types lines at a terminal, and answers what they ask.
async fn types(lines: &str) -> Said {
    at_terminal(shell(lines), &ANSWERS).await
}

/// Does what a block says.
async fn follow(block: &Block) {
    match block {
        Block::Lines(lines) => {
            types(&cheaply(lines)).await.ok();
        }
        Block::File(path, content) => {
            fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

/// The volume's own pass phrase is stretched for as short as it can be: that takes half a minute in such a machine.
fn cheaply(lines: &str) -> String {
    lines.replace(
        "cryptsetup luksFormat",
        "cryptsetup luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000",
    )
}

async fn follow_all(heading: &str) {
    for block in section(heading) {
        follow(&block).await;
    }
}

/// Runs lines of shell that ask nothing, and returns what they printed.
async fn does(lines: &str) -> String {
    run(shell(lines), b"").await.ok().text().to_owned()
}

fn is_open() -> bool {
    Path::new("/dev/mapper/vault").exists()
}

/// The lines of "By hand" that open, and those that close.
fn by_hand() -> [String; 2] {
    let blocks = section("By hand").into_iter().map(|block| match block {
        Block::Lines(lines) => lines,
        Block::File(path, _) => panic!("{path}"),
    });
    blocks.collect::<Vec<_>>().try_into().unwrap()
}

const FILE: &str = "/srv/vault/file";
const CONTENT: &str = "what nobody else may read";

#[tokio::test]
async fn the_guide_opens_a_volume_by_hand_and_by_crypttab_also_after_a_restart() {
    in_machine(async || {
        follow_all("The key").await;
        follow_all("The volume").await;
        let [open, close] = by_hand();
        types(&open).await.ok();
        assert_eq!(does("findmnt --noheadings --output SOURCE /srv/vault").await, "/dev/mapper/vault");
        fs::write(FILE, CONTENT).unwrap();
        types(&close).await.ok();
        assert!(!is_open() && !Path::new(FILE).exists());

        // The service starts anew, with every key locked.
        does("systemctl restart clavigerd").await;
        let again: String =
            open.lines().filter(|line| !line.starts_with("mkfs")).flat_map(|line| [line, "\n"]).collect();
        assert_ne!(again, open, "the first time it is made, and never again");
        types(&again).await.ok();
        assert_eq!(fs::read_to_string(FILE).unwrap(), CONTENT);
        types(&close).await.ok();

        // Nobody runs at all: the bus starts it, and systemd asks.
        does("systemctl stop clavigerd").await;
        follow_all("With a card: crypttab").await;
        assert!(is_open());
        let order =
            does("systemctl show --property After,Wants --value systemd-cryptsetup@vault.service").await;
        assert_eq!(order.matches("clavigerd.service").count(), 2, "{order}");
        assert!(!order.contains("cryptsetup-pre.target remote"), "{order}");
        let early = does("systemctl list-dependencies --plain cryptsetup.target").await;
        assert!(!early.contains("vault"), "it is none of the early ones: {early}");
        let late = does("systemctl list-dependencies --plain remote-cryptsetup.target").await;
        assert!(late.contains("systemd-cryptsetup@vault.service"), "{late}");
        does("mount /dev/mapper/vault /srv/vault").await;
        assert_eq!(fs::read_to_string(FILE).unwrap(), CONTENT);
        does("umount /srv/vault; systemctl stop systemd-cryptsetup@vault.service").await;
        assert!(!is_open());

        // The key does not come: after a while the volume's own pass phrase is asked for.
        does("systemctl mask --runtime --now clavigerd.service").await;
        let start = "systemctl start systemd-cryptsetup@vault.service";
        let late = at_terminal(shell(start), &[("passphrase for disk vault", DISK)]).await.ok();
        assert!(late.seconds > 20.0 && !late.text.contains("PIN"), "{late:#?}");
        assert!(is_open());
    })
    .await;
}

/// What gives root a phone in place of what the guide begins with.
const PHONE: &str = "
systemctl start clavigerd
mkdir -p /root/phone
echo 'pocket phrase' >/root/phone/phrase
printf '[[rule]]\\nanswer = \"approve\"\\n' >/root/phone/policy
claviger-phone --state-dir /root/phone/state init --passphrase-file /root/phone/phrase
";
const SWITCH_ON: &str = "
systemctl reset-failed pixel.service 2>/dev/null || true
systemd-run --quiet --collect --unit pixel claviger-phone --state-dir /root/phone/state run \\
    --connect unix:/run/claviger/phone/0 --approve policy:/root/phone/policy --name Pixel \\
    --passphrase-file /root/phone/phrase
";
const PAIR: &str = "
claviger phone pair --link socket --default | {
    read -r uri
    printf %s \"$uri\" | claviger-phone --state-dir /root/phone/state pair >&2
    cat
}
";

async fn state_of(unit: &str) -> String {
    does(&format!("systemctl show --property ActiveState --value {unit}")).await
}

async fn until_it_is(unit: &str, state: &str) {
    let is = async { while state_of(unit).await != state {} };
    claviger_tests::in_time(&format!("{unit} being {state}"), is).await;
}

#[tokio::test]
async fn the_guides_unit_opens_a_volume_when_the_phone_comes_and_not_before() {
    in_machine(async || {
        does(PHONE).await;
        does(SWITCH_ON).await;
        assert!(until(|| std::os::unix::net::UnixStream::connect("/root/phone/state/control").is_ok()).await);
        does(PAIR).await;
        let [Block::Lines(key)] = &section("The key")[..] else { panic!("one block") };
        let (_, key) = key.split_once("claviger unlock\n").unwrap();
        let on_phone = key.replace("key generate", "key generate --location phone");
        assert_ne!(on_phone, key);
        types(&on_phone).await.ok();
        follow_all("The volume").await;
        let [open, close] = by_hand();
        types(&open).await.ok();
        fs::write(FILE, CONTENT).unwrap();
        types(&close).await.ok();

        follow_all("With a phone: a unit").await;
        assert_eq!(state_of("vault").await, "active");
        assert_eq!(fs::read_to_string(FILE).unwrap(), CONTENT);
        assert_eq!(does("systemctl is-enabled vault.service").await, "enabled");
        let verified = run(shell("systemd-analyze verify vault.service 2>&1"), b"").await.ok();
        assert_eq!(verified.text(), "", "systemd has nothing to say about it");
        does("systemctl stop vault.service").await;
        assert!(!is_open() && !Path::new(FILE).exists());

        // As at a boot: whoever runs it is not told to start it.
        does("systemctl stop clavigerd.service claviger-opensc.socket; systemctl start multi-user.target")
            .await;
        until_it_is("vault.service", "active").await;
        assert_eq!(state_of("clavigerd.service").await, "active");
        assert_eq!(fs::read_to_string(FILE).unwrap(), CONTENT);
        // What is open needs no service.
        does("systemctl restart clavigerd.service; sync; echo 3 >/proc/sys/vm/drop_caches").await;
        assert_eq!(fs::read_to_string(FILE).unwrap(), CONTENT);
        let journal = does("journalctl --quiet --no-pager").await;
        assert!(!journal.contains("ordering cycle"), "{journal}");
        does("systemctl stop vault.service").await;

        // As after a boot without the phone: it is tried, said, and tried again.
        does("systemctl kill --signal KILL pixel.service; systemctl restart clavigerd").await;
        until_it_is("pixel.service", "inactive").await;
        let started = run(shell("systemctl start vault.service"), b"").await;
        assert_ne!(started.code, Some(0), "{started:#?}");
        assert_eq!(state_of("vault").await, "activating");
        assert!(!is_open());
        let said = does("journalctl --quiet --no-pager --unit vault.service --lines 20").await;
        assert!(said.contains("Command failed with code -1"), "{said}");
        does(SWITCH_ON).await;
        until_it_is("vault.service", "active").await;
        assert_eq!(fs::read_to_string(FILE).unwrap(), CONTENT);
    })
    .await;
}
