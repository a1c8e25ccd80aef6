//! The guide for OpenSSH, with a server on the same machine.

use claviger_tests::lab::Guest;

use crate::reader::Reader;

/// Gives `server` its name, and starts sshd.
pub(crate) async fn begin(guest: &Guest) {
    guest.run("echo '127.0.0.1 server' >>/etc/hosts; systemctl start ssh").await.ok();
}

#[tokio::test]
async fn the_guide_for_openssh_holds_with_a_key_in_the_local_store() {
    let guest = Guest::with_claviger().await;
    begin(&guest).await;
    let mut alice = Reader::at_terminal(&guest).await;
    alice.follow_section("README", "In the local store").await;
    alice.follow("openssh").await;
    let accepted = guest.journal("--unit ssh").await;
    let accepted = accepted.lines().filter(|line| line.contains("Accepted publickey for alice")).count();
    assert_eq!(accepted, 3, "once in each way");
}
