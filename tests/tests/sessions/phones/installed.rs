//! Phones and the installed service: its socket, its sandbox, its polkit action, its package.

use claviger_tests::lab::{Door, Guest};
use claviger_tests::place::Place;

use super::{SIGN, alices, guest};
use crate::package::package_named;
use crate::polkit::Asked;

/// Connects to alice's phone socket, and says what it heard first; nothing where it was turned away.
const LISTEN: &str = "perl -MIO::Socket::UNIX -e '$/ = \"\\r\"; \
     my $socket = IO::Socket::UNIX->new(Peer => \"/run/claviger/phone/1000\") or die \"cannot connect: $!\"; \
     alarm 20; my $line = <$socket>; print defined $line ? $line : \"nothing\"'";

#[tokio::test]
async fn everybody_reaches_the_socket_of_a_user_and_only_that_user_and_root_are_heard() {
    let guest = guest().await;
    let (_phone, _) = alices(&guest).await;
    let stat = "stat --format '%A %U %n' /run/claviger/phone /run/claviger/phone/*";
    assert_eq!(
        guest.run(stat).await.ok().text(),
        "drwxr-xr-x claviger /run/claviger/phone\nsrw-rw-rw- claviger /run/claviger/phone/1000"
    );
    for (user, heard) in [("alice", "AT"), ("root", "AT"), ("bob", "nothing"), ("daemon", "nothing")] {
        let ran = guest.run_as(user, LISTEN).await.ok();
        assert!(ran.text().starts_with(heard), "{user}: {ran:#?}");
    }
    let journal = guest.journal("--unit clavigerd").await;
    assert!(journal.contains("somebody else connected to the phone socket of user 1000"), "{journal}");

    // It goes with the service, and OpenSC's socket beside it does not.
    guest.systemctl("stop clavigerd").await.ok();
    assert_eq!(guest.run("ls /run/claviger").await.ok().text(), "opensc.sock");
    guest.systemctl("start clavigerd").await.ok();
    guest.until("test -S /run/claviger/phone/1000 && test -S /run/claviger/opensc.sock").await;
}

#[tokio::test]
async fn the_sandbox_is_as_tight_as_before_and_lets_terminals_of_phones_through() {
    let guest = guest().await;
    guest.run("systemd-analyze security --threshold=10 --no-pager clavigerd.service").await.ok();
    let shown =
        guest.systemctl("show --property DevicePolicy,DeviceAllow,SupplementaryGroups clavigerd").await;
    for part in ["DevicePolicy=closed", "char-ttyACM rw", "char-ttyUSB rw", "SupplementaryGroups=dialout"] {
        assert!(shown.text().contains(part), "no {part} in {shown:#?}");
    }
    let pid = "$(systemctl show --value --property MainPID clavigerd)";
    let groups = guest.run(&format!("grep Groups /proc/{pid}/status; getent group dialout")).await.ok();
    let dialout = groups.text().split(':').nth(3).unwrap().to_owned();
    assert!(
        groups.text().lines().next().unwrap().split_whitespace().any(|group| group == dialout),
        "{groups:#?}"
    );
}

#[tokio::test]
async fn a_phone_on_a_terminal_of_the_group_dialout_works_and_one_that_is_roots_alone_does_not() {
    let guest = guest().await;
    let line = guest.serial_line("alice").await;
    let mut phone = guest.phone_on(&line, "alice", "Pixel").await;
    phone.pair_with_key().await;
    phone.agree_to(guest.run_as("alice", &format!("cd; {SIGN}"))).await.ok();
    let listed = guest.run_as("alice", "claviger phone list").await.ok();
    assert!(listed.text().contains(&format!("serial:{}", line.computer)), "{listed:#?}");
    assert_ne!(guest.run("ls /run/claviger/phone | grep .").await.code, Some(0), "a socket was made for it");

    let roots = guest.serial_line("bob").await;
    guest.run(&format!("chmod 600 {}", roots.computer)).await.ok();
    let pair = format!("timeout 20 claviger phone pair --link serial:{}", roots.computer);
    let mut pairing = guest.spawn(guest.shell_as("bob", &pair));
    pairing.hear("not reached yet: ").await;
    pairing.hear("the service may not").await;
}

#[tokio::test]
async fn a_phone_is_paired_by_who_sits_there_and_gives_their_password() {
    let guest = Guest::with_claviger().await;
    let mut desk = guest.log_in("bob", Door::Seat).await;
    let mut remote = guest.log_in("bob", Door::Ssh).await;
    let pair = "claviger phone pair --link socket";
    let denied = |said: &str| assert!(said.contains("polkit") && !said.contains("claviger-pair:"), "{said}");
    // Nobody asks for the password there.
    let refused = desk.run(pair).await;
    assert_ne!(refused.code, Some(0));
    denied(refused.text());
    for refused in [remote.run(pair).await, guest.run_as("bob", &format!("{pair} 2>&1")).await] {
        assert_ne!(refused.code, Some(0));
        denied(refused.text());
    }
    assert_ne!(guest.run("test -e /run/claviger/phone/1001").await.code, Some(0), "a socket was made");

    let mut asked = Asked::prepare_line(&guest, &mut desk, pair).await;
    assert_eq!(asked.answered("alice-password").await, Some(5), "{}", asked.agent.said());
    let mut asked = Asked::prepare_line(&guest, &mut desk, pair).await;
    asked.go();
    asked.type_after("Password: ", "bob-password").await;
    asked.call.hear("claviger-pair:1?").await;
    assert_eq!(guest.run("test -S /run/claviger/phone/1001").await.code, Some(0));
}

#[tokio::test]
async fn the_packages_bring_all_that_a_phone_needs() {
    let place = Place::new();
    let guest = Guest::boot().await;
    for name in ["claviger", "claviger-phone"] {
        let package = package_named(&place, name);
        guest.copy_in(std::path::Path::new(&package), &format!("/tmp/{name}.deb"), 0o644);
    }
    guest
        .run("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/claviger.deb /tmp/claviger-phone.deb")
        .await
        .ok();
    let action = guest.run("pkaction --verbose --action-id org.claviger.keystore1.pair").await.ok();
    for part in ["implicit any:      no", "implicit inactive: no", "implicit active:   auth_self_keep"] {
        assert!(action.text().contains(part), "no {part} in {action:#?}");
    }
    guest.let_everybody_pair().await;
    // By the URI in a pipe, and from there on as any key.
    let (mut phone, token) = alices(&guest).await;
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    phone.agree_to(alice.run(SIGN)).await.ok();
    assert!(alice.run("claviger phone list").await.ok().text().contains(&token));
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg --purge claviger claviger-phone").await.ok();
    assert_eq!(guest.systemctl("list-units --all --quiet 'claviger*'").await.ok().text(), "");
    assert_ne!(guest.run("test -e /run/claviger/phone").await.code, Some(0), "something of it stays");
}
