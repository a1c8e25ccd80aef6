//! TLS with a client certificate, by OpenSSL, curl and GnuTLS.

use crate::certificates::{Location, certified, guest};
use crate::www;

async fn follows(location: Location) {
    let guest = guest().await;
    let (mut alice, _card) = certified(&guest, location).await;
    alice.follow("openssl").await;
    www::until_seen(&guest, 1).await;
    alice.follow("curl").await;
    www::until_seen(&guest, 3).await;
    let listed = alice.follow_section("gnutls", "See what is there").await;
    assert!(
        listed.contains("object=tls;type=cert") && listed.contains("object=tls;type=private"),
        "{listed}"
    );
    let said = alice.follow_section("gnutls", "Log in to a server").await;
    assert!(said.contains("Handshake was completed"), "{said}");
    www::until_seen(&guest, 4).await;
}

#[tokio::test]
async fn the_guides_for_openssl_curl_and_gnutls_hold_with_keys_in_the_local_store() {
    follows(Location::Local).await;
}

#[tokio::test]
async fn the_guides_for_openssl_curl_and_gnutls_hold_with_keys_on_a_card() {
    follows(Location::Card).await;
}
