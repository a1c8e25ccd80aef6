//! OpenSSL by `libengine-pkcs11-openssl`, and what is built on it: curl.

use std::process::Command;

use claviger_tests::clients::{Held, Listener, Seat};
use claviger_tests::command::{Ran, run};

use crate::same;

at_each_location!(it_issues_certificates_and_uses_keys, it_proves_who_alice_is_to_tls_servers);

async fn openssl(seat: &Seat, words: &[&str]) -> Ran {
    seat.run("openssl", words).await
}

async fn it_issues_certificates_and_uses_keys(seat: Seat) {
    let engine = ["-engine", "pkcs11", "-keyform", "engine"];
    for key in [&seat.rsa, &seat.ec] {
        let uri = seat.uri(key, "private");
        let req = ["req", "-x509", "-key", &uri, "-subj", "/CN=self", "-days", "1", "-out", "self.crt"];
        openssl(&seat, &[&req[..], &engine].concat()).await.ok();
        openssl(&seat, &["verify", "-check_ss_sig", "-CAfile", "self.crt", "self.crt"]).await.ok();
        let shown = openssl(&seat, &["x509", "-in", "self.crt", "-noout", "-pubkey"]).await.ok();
        same(&shown.stdout, &seat.read(&format!("{}.pub", key.label)));

        let mut ways = vec![vec!["-sha256"], vec!["-sha512"]];
        if key.label == "rsa" {
            ways.push(vec!["-sha256", "-sigopt", "rsa_padding_mode:pss"]);
        }
        for way in ways {
            let sign = ["-sign", &uri, "-out", "signature", "message"];
            openssl(&seat, &[&["dgst"], &way[..], &engine, &sign].concat()).await.ok();
            let public = format!("{}.pub", key.label);
            let verify = ["-verify", &public, "-signature", "signature", "message"];
            openssl(&seat, &[&["dgst"], &way[..], &verify].concat()).await.ok();
        }
    }
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "rsa.pub", "-in", "message", "-out", "secret"];
    openssl(&seat, &encrypt).await.ok();
    let uri = seat.uri(&seat.rsa, "private");
    let opened =
        openssl(&seat, &[&["pkeyutl", "-decrypt", "-inkey", &uri, "-in", "secret"], &engine[..]].concat())
            .await
            .ok();
    same(&opened.stdout, &seat.read("message"));
}

async fn it_proves_who_alice_is_to_tls_servers(seat: Seat) {
    let (server, port) = Listener::tls(&seat.authority, &["-www"]).await;
    let nobody = curl(&seat, port, &[]).await;
    assert_ne!(nobody.code, Some(0), "nobody comes in without a certificate: {nobody:?}");
    for key in [&seat.rsa, &seat.ec] {
        let (private, certificate) = (seat.uri(key, "private"), seat.uri(key, "cert"));
        for version in ["-tls1_2", "-tls1_3"] {
            // Only the server's answer shows that it let alice in.
            let said = run(s_client(&seat, port, key, version), GET).await;
            assert!(said.stdout.starts_with(b"HTTP/1.0 200 ok"), "{version} {said:?} {}", server.said());
        }
        for version in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
            let engine = ["--engine", "pkcs11", "--cert-type", "ENG", "--key-type", "ENG"];
            let identity = ["--cert", &certificate, "--key", &private];
            let got = curl(&seat, port, &[&version[..], &engine, &identity].concat()).await.ok();
            assert!(got.text().contains("CN=alice"), "{got:?}");
        }
        // curl knows a URI where it sees one.
        let got = curl(&seat, port, &["--cert", &certificate, "--key", &private]).await.ok();
        assert!(got.text().contains("CN=alice"), "{got:?}");
    }
}

async fn curl(seat: &Seat, port: u16, words: &[&str]) -> Ran {
    run(curl_command(seat, port, words), b"").await
}

/// Prepares curl, which asks a server on loopback.
pub(crate) fn curl_command(seat: &Seat, port: u16, words: &[&str]) -> Command {
    let address = format!("https://127.0.0.1:{port}/");
    let usual = ["--silent", "--show-error", "--cacert", "ca.crt", &address];
    seat.command("curl", &[&usual, words].concat())
}

/// Prepares openssl's client, which proves who alice is with that key.
pub(crate) fn s_client(seat: &Seat, port: u16, key: &Held, version: &str) -> Command {
    let (private, address) = (seat.uri(key, "private"), format!("127.0.0.1:{port}"));
    let certificate = format!("{}.crt", key.label);
    let engine =
        ["s_client", "-engine", "pkcs11", "-keyform", "engine", "-key", &private, "-cert", &certificate];
    let usual = ["-CAfile", "ca.crt", "-verify_return_error", "-quiet", "-connect", &address, version];
    seat.command("openssl", &[&engine[..], &usual].concat())
}

/// What an HTTP server answers to.
pub(crate) const GET: &[u8] = b"GET / HTTP/1.0\r\n\r\n";
