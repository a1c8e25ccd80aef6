//! Browsers and mail, as far as it goes without their windows: what NSS, their library, finds and does.

use crate::certificates::{Location, certified, guest};
use crate::reader::Reader;

/// As the programs leave a profile behind that they made at their first start.
const PROFILES: &str = "
for profile in ~/.mozilla/firefox/1abc.default-esr ~/.thunderbird/2def.default-default; do
    mkdir -p $profile
    certutil -N -d sql:$profile --empty-password
done
";

async fn follow(alice: &mut Reader<'_>) {
    alice.types(PROFILES).await;
    for guide in ["firefox", "chromium"] {
        let said = alice.follow(guide).await;
        assert!(said.contains(":tls  ") && said.contains("u,u,u"), "{guide}: {said}");
        assert!(!said.contains("Pin for"), "{guide}: certificates are shown without the PIN: {said}");
    }
    let said = alice.follow("thunderbird").await;
    assert!(said.contains("Dear Bob"), "{said}");
}

#[tokio::test]
async fn the_guides_for_firefox_chromium_and_thunderbird_hold_with_keys_in_the_local_store() {
    let guest = guest().await;
    let (mut alice, _card) = certified(&guest, Location::Local).await;
    follow(&mut alice).await;
}

#[tokio::test]
async fn the_guides_for_firefox_chromium_and_thunderbird_hold_with_keys_on_a_card() {
    let guest = guest().await;
    let (mut alice, _card) = certified(&guest, Location::Card).await;
    follow(&mut alice).await;
}
