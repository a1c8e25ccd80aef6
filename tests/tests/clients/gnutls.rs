//! GnuTLS: its client at OpenSSL's server.

use std::process::Command;

use claviger_tests::clients::{Listener, Seat};
use claviger_tests::command::{Ran, run};

use crate::openssl::GET;

at_each_location!(its_client_proves_who_alice_is);

async fn its_client_proves_who_alice_is(seat: Seat) {
    let (server, port) = Listener::tls(&seat.authority, &["-www"]).await;
    for key in [&seat.rsa, &seat.ec] {
        let (certificate, private) = (seat.uri(key, "cert"), seat.uri(key, "private"));
        for version in ["NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"] {
            let identity = ["--x509certfile", &certificate, "--x509keyfile", &private];
            let got = gnutls_cli(&seat, port, &[&["--priority", version][..], &identity].concat()).await;
            assert!(got.text().contains("HTTP/1.0 200 ok"), "{version} {got:?} {}", server.said());
        }
    }
    let nobody = gnutls_cli(&seat, port, &[]).await;
    assert!(!nobody.text().contains("200 ok"), "nobody comes in without a certificate: {nobody:?}");
}

async fn gnutls_cli(seat: &Seat, port: u16, words: &[&str]) -> Ran {
    run(gnutls_command(seat, port, words), GET).await
}

/// Prepares GnuTLS's client, which asks a server on loopback.
pub(crate) fn gnutls_command(seat: &Seat, port: u16, words: &[&str]) -> Command {
    let (port, module) = (port.to_string(), seat.module().to_str().expect("a path of ours"));
    let usual =
        ["--provider", module, "--x509cafile", "ca.crt", "--port", &port, "--verify-hostname", "localhost"];
    seat.command("gnutls-cli", &[&usual, words, &["127.0.0.1"]].concat())
}
