//! GnuTLS's `p11tool`, which names everything by URIs (RFC 7512).

use claviger_tests::clients::{Location, Seat};
use claviger_tests::command::Ran;

at_each_location!(it_finds_everything_by_uri_and_signs);

pub(crate) async fn p11tool(seat: &Seat, words: &[&str]) -> Ran {
    let provider = ["--provider", seat.module().to_str().expect("a path of ours"), "--batch"];
    seat.run("p11tool", &[&provider, words].concat()).await
}

async fn it_finds_everything_by_uri_and_signs(seat: Seat) {
    let tokens = p11tool(&seat, &["--list-token-urls", "pkcs11:manufacturer=Claviger"]).await.ok();
    let token = tokens.text();
    assert!(token.starts_with("pkcs11:") && !token.contains('\n'), "one token: {tokens:?}");
    let told = p11tool(&seat, &["--list-tokens"]).await.ok();
    assert_eq!(told.text().contains("External PIN"), seat.location == Location::Phone, "{told:?}");

    // Each thing has a URI of its own, by which it is found again.
    let count = async |words: &[&str]| {
        let listed = p11tool(&seat, &[words, &["--only-urls", token]].concat()).await.ok();
        let uris: Vec<String> = listed.text().lines().map(str::to_owned).collect();
        for uri in &uris {
            let found = p11tool(&seat, &["--login", "--info", uri]).await.ok();
            assert_eq!(found.text().matches("Object ").count(), 1, "{uri}: {found:?}");
        }
        uris.len()
    };
    // Public keys and certificates; what a phone has is seen without a login.
    assert_eq!(count(&["--list-all"]).await, if seat.location == Location::Phone { 6 } else { 4 });
    assert_eq!(count(&["--login", "--list-all"]).await, 6);
    assert_eq!(count(&["--login", "--list-privkeys"]).await, 2);

    for key in [&seat.rsa, &seat.ec] {
        let private = seat.uri(key, "private");
        let signed = p11tool(&seat, &["--login", "--test-sign", &private]).await.ok();
        assert_eq!(signed.stderr.matches("... ok\n").count(), 3, "it signs, and two verify: {signed:?}");
        let exported = p11tool(&seat, &["--export", &seat.uri(key, "cert")]).await.ok();
        assert_eq!(exported.text(), seat.text(&format!("{}.crt", key.label)));
        let exported = p11tool(&seat, &["--export", &seat.uri(key, "public")]).await.ok();
        assert_eq!(exported.text(), seat.text(&format!("{}.pub", key.label)));
    }
    let random = p11tool(&seat, &["--generate-random", "32", token]).await.ok();
    assert_eq!(random.stdout.len(), 32);
    let written = ["--login", "--write", "--load-certificate", "ec.crt", "--label", "again", token];
    p11tool(&seat, &written).await.ok();
    if seat.location != Location::Card {
        let made =
            ["--login", "--generate-privkey", "ecdsa", "--curve", "secp256r1", "--label", "made", token];
        let made = p11tool(&seat, &made).await.ok();
        assert!(made.text().contains("BEGIN PUBLIC KEY"), "{made:?}");
        assert_eq!(count(&["--login", "--list-privkeys"]).await, 3);
    }
}
