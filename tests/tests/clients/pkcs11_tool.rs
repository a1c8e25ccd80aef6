//! OpenSC's `pkcs11-tool`.

use claviger_tests::clients::{Held, Location, Seat, percent};
use claviger_tests::command::Ran;

use crate::p11tool::p11tool;
use crate::same;

at_each_location!(it_finds_and_uses_the_keys, it_makes_keys_and_writes_certificates, its_own_tests_pass);

/// Runs it without logging in.
pub(crate) async fn stranger(seat: &Seat, words: &str) -> Ran {
    seat.run("pkcs11-tool", &arguments(seat, words, &[])).await
}

/// Logs in and runs it.
pub(crate) async fn tool(seat: &Seat, words: &str) -> Ran {
    seat.run("pkcs11-tool", &arguments(seat, words, &login(seat))).await
}

/// Returns what it logs in with.
pub(crate) fn login(seat: &Seat) -> Vec<&'static str> {
    match seat.location.pin() {
        Some(pin) => vec!["--login", "--pin", pin],
        None => vec!["--login"],
    }
}

/// Returns the words of a call.
pub(crate) fn arguments<'a>(seat: &'a Seat, words: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["--module", seat.module().to_str().expect("a path of ours")];
    all.extend(more);
    all.extend(words.split(' '));
    all
}

async fn it_finds_and_uses_the_keys(seat: Seat) {
    let slots = stranger(&seat, "-L").await.ok();
    assert_eq!(slots.text().matches("token label").count(), 1, "{slots:?}");
    assert_eq!(slots.text().contains("PIN pad present"), seat.location == Location::Phone, "{slots:?}");
    let seen = stranger(&seat, "-O").await.ok();
    let kinds = ["Public Key Object", "Certificate Object", "Private Key Object"];
    // A phone asks at each use, and wants no login before.
    let private = if seat.location == Location::Phone { 2 } else { 0 };
    assert_eq!(kinds.map(|kind| seen.text().matches(kind).count()), [2, 2, private], "{seen:?}");
    let seen = tool(&seat, "-O").await.ok();
    assert_eq!(kinds.map(|kind| seen.text().matches(kind).count()), [2, 2, 2], "{seen:?}");
    for key in [&seat.rsa, &seat.ec] {
        assert_eq!(seen.text().matches(&format!("  ID:         {}\n", key.id)).count(), 3, "{seen:?}");
    }
    if seat.location != Location::Phone {
        let wrong = seat
            .run("pkcs11-tool", &arguments(&seat, "-O --type privkey", &["--login", "--pin", "7654321"]))
            .await;
        assert!(wrong.code == Some(1) && wrong.stderr.contains("CKR_PIN_INCORRECT"), "{wrong:?}");
    }
    signs(&seat).await;
    decrypts(&seat).await;
    agrees(&seat).await;
}

async fn signs(seat: &Seat) {
    let pss = "-sigopt rsa_padding_mode:pss";
    let ways = [
        (&seat.rsa, "SHA256-RSA-PKCS", "-sha256"),
        (&seat.rsa, "SHA512-RSA-PKCS", "-sha512"),
        (&seat.rsa, "SHA384-RSA-PKCS-PSS", &format!("-sha384 {pss}")),
        (&seat.ec, "ECDSA-SHA256", "-sha256"),
        (&seat.ec, "ECDSA-SHA384", "-sha384"),
    ];
    for (key, mechanism, digest) in ways {
        // pkcs11-tool gives r and s as PKCS#11 has them, unless told; it only knows them so itself.
        let (form, checked) = match mechanism.starts_with("ECDSA") {
            true => (" --signature-format openssl", false),
            false => ("", true),
        };
        let words = format!("--id {} -m {mechanism} -i message", key.id);
        tool(seat, &format!("--sign {words} -o signature{form}")).await.ok();
        let words_of_openssl =
            format!("dgst {digest} -verify {}.pub -signature signature message", key.label);
        openssl(seat, &words_of_openssl).await;
        if checked {
            let ran = tool(seat, &format!("--verify {words} --signature-file signature")).await.ok();
            assert!(ran.text().contains("Signature is valid"), "{ran:?}");
            seat.file("damaged", "another message");
            let ran = tool(
                seat,
                &format!("--verify --id {} -m {mechanism} -i damaged --signature-file signature", key.id),
            )
            .await;
            assert!(!ran.text().contains("Signature is valid"), "{ran:?}");
        }
    }
}

async fn decrypts(seat: &Seat) {
    let oaep = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    let ways = [
        ("-pkeyopt rsa_padding_mode:pkcs1", "RSA-PKCS"),
        (oaep, "RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256"),
    ];
    for (padding, mechanism) in ways {
        openssl(seat, &format!("pkeyutl -encrypt -pubin -inkey rsa.pub -in message -out secret {padding}"))
            .await;
        tool(seat, &format!("--decrypt --id {} -m {mechanism} -i secret -o opened", seat.rsa.id)).await.ok();
        same(&seat.read("opened"), &seat.read("message"));
    }
}

async fn agrees(seat: &Seat) {
    other_key(seat).await;
    openssl(seat, "pkey -in other.pem -pubout -outform DER -out other.pub").await;
    tool(seat, &format!("--derive --id {} -m ECDH1-DERIVE -i other.pub -o agreed", seat.ec.id)).await.ok();
    openssl(seat, "pkeyutl -derive -inkey other.pem -peerkey ec.pub -out expected").await;
    same(&seat.read("agreed"), &seat.read("expected"));
}

async fn it_makes_keys_and_writes_certificates(seat: Seat) {
    if seat.location == Location::Card {
        // Only who has the card's management key makes keys on it, and PKCS#11 has no words for that.
        other_key(&seat).await;
        for words in [
            "--keypairgen --key-type EC:secp256r1 --label made",
            "--write-object other.pem --type privkey --label other",
        ] {
            let made = tool(&seat, words).await;
            let is_refused = made.stderr.contains("rv = CKR_TOKEN_WRITE_PROTECTED");
            assert!(made.code == Some(1) && is_refused, "{made:?}");
        }
    } else {
        makes_and_takes(&seat).await;
    }
    replaces(&seat, &seat.rsa).await;
    replaces(&seat, &seat.ec).await;
    let left = stranger(&seat, "-O --type cert").await.ok();
    assert_eq!(left.text().matches("Certificate Object").count(), 2, "{left:?}");
}

async fn makes_and_takes(seat: &Seat) {
    for kind in ["EC:secp256r1", "EC:secp384r1", "rsa:2048"] {
        let label = kind.replace(':', "-");
        let made = tool(seat, &format!("--keypairgen --key-type {kind} --label {label}")).await.ok();
        assert!(made.text().contains(&format!("label:      {label}")), "{made:?}");
        signs_for_openssl(seat, &made).await;
    }
    tool(seat, "--delete-object --type privkey --label EC-secp384r1").await.ok();
    other_key(seat).await;
    let written = tool(seat, "--write-object other.pem --type privkey --label other").await.ok();
    let left = tool(seat, "-O --type privkey").await.ok();
    for (label, count) in [("EC-secp256r1", 1), ("EC-secp384r1", 0), ("rsa-2048", 1), ("other", 1)] {
        assert_eq!(
            left.text().matches(&format!("label:      {label}\n")).count(),
            count,
            "{label}: {left:?}"
        );
    }
    let public = signs_for_openssl(seat, &written).await;
    let expected = seat.run("openssl", &["pkey", "-in", "other.pem", "-pubout"]).await.ok();
    assert_eq!(public, expected.text(), "the key that was written");
}

/// Signs with the key that was made, and returns its public half.
async fn signs_for_openssl(seat: &Seat, made: &Ran) -> String {
    let id = made.text().lines().find_map(|line| line.trim().strip_prefix("ID:")).expect("its id").trim();
    let mechanism = match made.text().contains("RSA") {
        true => "SHA256-RSA-PKCS",
        false => "ECDSA-SHA256 --signature-format openssl",
    };
    tool(seat, &format!("--sign --id {id} -m {mechanism} -i message -o signature")).await.ok();
    // pkcs11-tool 0.23 reads no public key of P-384, SoftHSM's neither.
    let public = p11tool(seat, &["--export", &format!("pkcs11:id={};type=public", percent(id))]).await.ok();
    seat.file("made.pub", &public.stdout);
    openssl(seat, "dgst -sha256 -verify made.pub -signature signature message").await;
    public.text().to_owned()
}

/// Takes a key's certificate away, and gives it back.
async fn replaces(seat: &Seat, key: &Held) {
    tool(seat, &format!("--delete-object --type cert --id {}", key.id)).await.ok();
    let read = format!("--read-object --type cert --id {} -o read.der", key.id);
    assert_ne!(stranger(seat, &read).await.code, Some(0), "it was deleted");
    // It goes to the key that it certifies, whatever id it comes with.
    let other = if key.label == "rsa" { "ec" } else { "rsa" };
    tool(seat, &format!("--write-object {other}.der --type cert --id {}", key.id)).await.ok();
    assert_ne!(stranger(seat, &read).await.code, Some(0), "a certificate of another key's");
    tool(seat, &format!("--write-object {}.der --type cert --id {}", key.label, key.id)).await.ok();
    stranger(seat, &read).await.ok();
    same(&seat.read("read.der"), &key.certificate);
}

async fn its_own_tests_pass(seat: Seat) {
    let tested = tool(&seat, "--test").await;
    match seat.location {
        Location::Card => assert!(tested.text().ends_with("No errors"), "{tested:?}"),
        // It signs a SHA-1 digest, which neither the store nor a phone does: the one thing that it may complain of.
        Location::Local => {
            let complaint = "RSA-PKCS:   ERR: C_Sign() returned CKR_DATA_INVALID (0x20)";
            assert_eq!(complaints(&tested), [complaint], "{tested:?}");
        }
        Location::Phone => {
            assert!(tested.stderr.contains("C_SignFinal failed: rv = CKR_DATA_INVALID"), "{tested:?}");
        }
    }
    let threads = "--test-threads INGISLT0GISLT0 --test-threads ILSLGIT0SLT0 --test-threads INSLT0SLT0SLT0";
    let tested = tool(&seat, threads).await.ok();
    assert_eq!(tested.stderr.matches("returning rv = 0").count(), 3, "{tested:?}");
    assert!(!tested.stderr.contains("Unknown test"), "{tested:?}");
    let tested = tool(&seat, "--test-fork -O --type privkey").await.ok();
    assert!(tested.text().contains("C_Initialize in forked child"), "{tested:?}");
    assert_eq!(tested.text().matches("Private Key Object").count(), 2, "{tested:?}");
    assert!(!tested.text().contains("rv = "), "{tested:?}");
}

/// Returns what its tests complain of.
fn complaints(tested: &Ran) -> Vec<&str> {
    tested.text().lines().map(str::trim).filter(|line| line.contains("ERR")).collect()
}

async fn other_key(seat: &Seat) {
    openssl(seat, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.pem").await;
}

async fn openssl(seat: &Seat, words: &str) {
    seat.run("openssl", &words.split(' ').collect::<Vec<_>>()).await.ok();
}
