//! Where secrets must not be: on the wire, in either log, in the audit list, in the folders of both. Each search has a control
//! that finds its canary when it should be there.

use std::path::Path;

use claviger_tests::accounts::Person;
use claviger_tests::daemon::{CHEAP, Start};
use claviger_tests::house::House;
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::none;
use claviger_tests::phone::{PASSPHRASE, PairCall, Phone, Plan, Way, Wire, on_the_phone};
use claviger_tests::secret;
use data_encoding::{BASE64, HEXLOWER};
use memchr::memmem;

const MESSAGE: &[u8] = b"canary-message-that-is-signed-4c1d";
const LABEL: &str = "canary-label-of-the-key-77e0";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memmem::find(haystack, needle).is_some()
}

/// Returns a secret in the forms in which it may be written.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    // In base64 at each of the three places it may begin at: only what does not depend on its neighbours.
    let shifted = |shift: usize| {
        let text = BASE64.encode(&[&vec![0; shift][..], secret].concat());
        let whole = text.len() - 4;
        text.as_bytes()[if shift == 0 { 0 } else { 4 }..whole].to_vec()
    };
    let hex = HEXLOWER.encode(secret);
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // Four letters stand in much that is random.
    forms.extend([0, 1, 2].map(shifted).into_iter().filter(|form| form.len() >= 8));
    forms
}

fn everything_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything_in(&path));
        } else {
            // A socket is nothing to be read.
            all.extend(std::fs::read(&path).unwrap_or_default());
        }
    }
    all
}

#[tokio::test]
async fn no_secret_is_where_it_must_not_be() {
    let config = format!("{CHEAP}[phones]\nbluetooth = false\n[log]\nlevel = \"trace\"\n");
    let mut house = House::with(Start { config, ..Start::default() }).await;
    let recording = house.bus.record().await;
    let plan = Plan::new();
    let wire = Wire::between(&Person::service(), &plan.person);
    let phone = Phone::start(plan.at(&wire)).await;
    let alice = house.visitor(&Person::alice()).await;
    let mut call = PairCall::begin(&alice, Some(&wire.link()), none());
    let uri = call.hears("uri ").await;
    let invitation = phone.invite(&uri);
    let token = call.ends().await.unwrap();
    invitation.ends().await.ok();

    // RFC 5915: version 1, then an OCTET STRING of 32 bytes.
    let private = OpenSsl::new().private_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256").await;
    let at = memmem::find(&private, &[0x02, 0x01, 0x01, 0x04, 0x20]).expect("an ECPrivateKey") + 5;
    let scalar = private[at..at + 32].to_vec();
    let body = (secret::pipe(&private), on_the_phone(&token, LABEL));
    let key: String = alice.call("Keys", "ImportKey", &body).await.unwrap();
    alice.sign(&key, "ECDSA_SHA256", MESSAGE, none()).await.unwrap();
    let eddsa: String =
        alice.call("Keys", "GenerateKey", &("Ed25519", on_the_phone(&token, ""))).await.unwrap();
    // This one goes to the phone as it is.
    alice.sign(&eddsa, "", MESSAGE, none()).await.unwrap();
    phone.claviger_phone(&["lock"]).await.ok();
    let input = PASSPHRASE.as_bytes();
    phone.claviger_phone_with(&["unlock", "--passphrase-file", "-"], input).await.ok();
    alice.sign(&eddsa, "", MESSAGE, none()).await.unwrap();
    let carried = recording.stop().await;
    let wired = [wire.tap().carried(Way::ToPhone), wire.tap().carried(Way::ToComputer)].concat();

    assert!(
        contains(&carried, MESSAGE) && contains(&carried, LABEL.as_bytes()),
        "the control: the bus has them"
    );
    let (lines_there, lines_back) = (wire.tap().lines(Way::ToPhone), wire.tap().lines(Way::ToComputer));
    let opens = |line: &Vec<u8>| {
        [&b"AT+CKX="[..], b"AT+CKHS=", b"AT+CKVER?", b"ATE0", b"AT+CMEE", b"ATZ"]
            .iter()
            .any(|known| line.starts_with(known))
            || line == b"AT"
    };
    let stray: Vec<_> =
        lines_there.iter().filter(|line| !opens(line)).map(|line| String::from_utf8_lossy(line)).collect();
    assert_eq!(stray, [""; 0], "only handshake and ciphertext go to the phone");
    let answers = |line: &Vec<u8>| {
        [&b"+CKX: "[..], b"+CKHS: ", b"+CKVER: ", b"OK", b"ERROR", b"+CME ERROR: ", b"AT"]
            .iter()
            .any(|known| line.starts_with(known))
    };
    let stray: Vec<_> =
        lines_back.iter().filter(|line| !answers(line)).map(|line| String::from_utf8_lossy(line)).collect();
    assert_eq!(stray, [""; 0], "only handshake and ciphertext come from the phone");
    for private in [MESSAGE, LABEL.as_bytes(), b"games", &scalar, b"Alice's phone"] {
        for form in forms(private) {
            assert!(!contains(&wired, &form), "{} is on the wire", String::from_utf8_lossy(private));
        }
    }

    // Secrets proper are nowhere.
    house.daemon.kill().await;
    let field = |name: &str| uri.split(['?', '&']).find_map(|field| field.strip_prefix(name)).unwrap();
    let one_time = field("s=").as_bytes().to_vec();
    let audit = std::fs::read(phone.state().join("audit.jsonl")).unwrap();
    let (log, phone_log) = (house.daemon.log().into_bytes(), phone.log().into_bytes());
    let (state, phone_state) = (everything_in(house.daemon.state()), everything_in(&phone.state()));
    assert!(contains(&audit, LABEL.as_bytes()) && contains(&state, LABEL.as_bytes()), "the controls");
    assert!(contains(&log, b"TRACE") || contains(&log, b"DEBUG"), "the log tells everything");
    for (place, bytes) in [
        ("the bus", &carried),
        ("the wire", &wired),
        ("the daemon's log", &log),
        ("the phone's log", &phone_log),
        ("the audit list", &audit),
        ("the daemon's folder", &state),
        ("the phone's folder", &phone_state),
    ] {
        for secret in [&scalar[..], PASSPHRASE.as_bytes(), &one_time] {
            for form in forms(secret) {
                assert!(
                    !contains(bytes, &form),
                    "{} holds a secret: {}",
                    place,
                    String::from_utf8_lossy(&form)
                );
            }
        }
    }
    for (place, bytes) in
        [("the daemon's log", &log), ("the audit list", &audit), ("the phone's log", &phone_log)]
    {
        assert!(!contains(bytes, MESSAGE), "{place} holds the message");
    }
}
