//! NSS, which Firefox, Thunderbird and Chromium are built on: its tools, and its TLS client.

use std::process::Command;

use claviger_tests::clients::{Listener, Seat, nss_database};
use claviger_tests::command::{Ran, run};

at_each_location!(it_lists_keys_and_proves_who_alice_is);

/// Makes a database that knows the module and trusts the authority.
pub(crate) async fn database(seat: &Seat) {
    seat.file("pin", password(seat));
    nss_database(seat, "db", &[]).await;
}

/// What is typed into NSS: it asks also where the token asks its person itself, and then ignores the answer.
fn password(seat: &Seat) -> &'static str {
    seat.location.pin().unwrap_or("ignored")
}

async fn nss(seat: &Seat, program: &str, words: &[&str]) -> Ran {
    let database = if program == "modutil" { "-dbdir" } else { "-d" };
    seat.run(program, &[words, &[database, "sql:db"]].concat()).await
}

/// Returns the token's name as NSS has it.
pub(crate) async fn token(seat: &Seat) -> String {
    let listed = nss(seat, "modutil", &["-list", "Claviger"]).await.ok();
    let names: Vec<_> =
        listed.text().lines().filter_map(|line| line.trim().strip_prefix("Token Name: ")).collect();
    assert_eq!(names.len(), 1, "{listed:?}");
    names[0].trim_end().to_owned()
}

async fn it_lists_keys_and_proves_who_alice_is(seat: Seat) {
    database(&seat).await;
    let token = token(&seat).await;
    let keys = nss(&seat, "certutil", &["-K", "-h", &token, "-f", "pin"]).await.ok();
    let certificates = nss(&seat, "certutil", &["-L", "-h", &token, "-f", "pin"]).await.ok();
    for key in [&seat.rsa, &seat.ec] {
        assert!(keys.text().contains(&key.id), "{keys:?}");
        let line =
            certificates.text().lines().find(|line| line.starts_with(&format!("{token}:{} ", key.label)));
        assert!(line.is_some_and(|line| line.ends_with("u,u,u")), "alice's own: {certificates:?}");
    }
    for key in [&seat.rsa, &seat.ec] {
        for version in ["tls1.2", "tls1.3"] {
            let (server, port) = Listener::tls(&seat.authority, &[]).await;
            let connected = run(tstclnt(&seat, port, &token, &key.label, version), b"").await;
            assert_eq!(connected.code, Some(0), "{version} {connected:?} {}", server.said());
            server.says("CIPHER is").await;
            assert!(server.said().contains("subject=CN = alice"), "{version} {}", server.said());
        }
    }
}

/// Prepares NSS's client, which connects, shakes hands, and hangs up.
pub(crate) fn tstclnt(seat: &Seat, port: u16, token: &str, label: &str, version: &str) -> Command {
    let (port, nickname) = (port.to_string(), format!("{token}:{label}"));
    let versions = format!("{version}:{version}");
    let server = ["-d", "sql:db", "-4", "-Q", "-h", "127.0.0.1", "-a", "localhost", "-p", &port];
    let words = ["-n", &nickname, "-V", &versions, "-w", password(seat)];
    seat.command("tstclnt", &[&server[..], &words].concat())
}
