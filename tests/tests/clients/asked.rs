//! A key that wants the PIN before each use: a PIV card's at 9C.

use claviger_tests::clients::{Keyring, Seat};

use crate::openssh::logs_in;
use crate::p11tool::p11tool;
use crate::pkcs11_tool::{stranger, tool};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knows_the_pin_uses_a_signature_key_and_its_neighbour() {
    let seat = Seat::of(Keyring::with_signature_key().await);
    let listed = tool(&seat, "-O --type privkey").await.ok();
    assert_eq!(listed.text().matches("always authenticate").count(), 1, "{listed:?}");
    logs_in(&seat, "rsa", 1).await;
    logs_in(&seat, "ec", 1).await;

    let words = format!(
        "--sign --id {} -m ECDSA-SHA256 --signature-format openssl -i message -o signature",
        seat.ec.id
    );
    tool(&seat, &words).await.ok();
    let verify = ["dgst", "-sha256", "-verify", "ec.pub", "-signature", "signature", "message"];
    seat.run("openssl", &verify).await.ok();
    let tested = p11tool(&seat, &["--login", "--test-sign", &seat.uri(&seat.ec, "private")]).await.ok();
    assert_eq!(tested.stderr.matches("... ok\n").count(), 3, "{tested:?}");
    assert_ne!(stranger(&seat, &words).await.code, Some(0), "nobody is logged in");
}
