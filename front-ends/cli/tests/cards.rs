//! `claviger card …` as a program, on a real bus, with a card of toy strength behind it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the toy of the client's tests can do more than is asked of it here")]
#[path = "../../../client-lib/tests/toy/mod.rs"]
mod toy;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use toy::{CARD, KEY, PrivateBus, Toy, ToyCard};

/// A bus, a toy on it, and files to read secrets from.
struct Place {
    bus: PrivateBus,
    toy: Arc<Toy>,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
    _serving: zbus::Connection,
}

impl Place {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let bus = PrivateBus::start();
        let toy = Arc::new(Toy::default());
        let serving = runtime.block_on(toy.serve(&bus));
        let folder = tempfile::tempdir().expect("a folder");
        Self { bus, toy, folder, _runtime: runtime, _serving: serving }
    }

    fn card(&self) -> MutexGuard<'_, ToyCard> {
        self.toy.card.lock().expect("no panic")
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, contents).expect("a file");
        path
    }

    /// Runs the program without a terminal; `FOLDER/` in a word is the folder of the files.
    fn run(&self, words: &str, input: &str) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.arg("--bus").arg(&self.bus.address).env_remove("CLAVIGER_BUS");
        let folder = format!("{}/", self.folder.path().display());
        command.args(words.split_whitespace().map(|word| word.replace("FOLDER/", &folder)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("claviger");
        // A program that does not read is free not to.
        drop(child.stdin.take().expect("its input").write_all(input.as_bytes()));
        Outcome(child.wait_with_output().expect("an end"))
    }

    fn enrol(&self) {
        let outcome = self.run("card enrol --pin-file -", "123456\n");
        assert_eq!((outcome.code(), outcome.text()), (0, format!("{KEY}\n")), "{}", outcome.error());
    }
}

struct Outcome(Output);

impl Outcome {
    fn code(&self) -> i32 {
        self.0.status.code().expect("an exit code")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    fn error(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

#[test]
fn a_card_is_enrolled_and_says_what_became_the_default() {
    let place = Place::start();
    let list = place.run("card list", "");
    assert!(list.text().contains("nobody's") && list.text().contains(CARD), "{}", list.text());
    let outcome = place.run("card enrol --default --label work --pin-file -", "123456\n");
    assert_eq!((outcome.code(), outcome.text()), (0, format!("{KEY}\n")), "{}", outcome.error());
    assert!(outcome.error().contains(&format!("default to sign: {KEY}")), "{}", outcome.error());
    assert_eq!(place.card().label.as_deref(), Some("work"));

    let show = place.run("card show", "");
    assert!(show.text().contains("yours, locked") && show.text().contains("9a"), "{}", show.text());
    let list = place.run("--json token list", "");
    assert!(list.text().contains(r#""enrolled": true"#), "{}", list.text());
    assert_eq!(place.run("card enrol --pin-file -", "123456\n").code(), 4, "no other card is there");
    let status = place.run("status", "").text();
    assert!(status.contains(&format!("Toy card 1 ({CARD}), in Toy reader 00, locked")), "{status}");

    assert_eq!(place.run(&format!("card forget {CARD}"), "").code(), 0);
    assert!(!place.card().is_enrolled);
    assert_eq!(place.run("card lock", "").code(), 4);
}

#[test]
fn a_wrong_pin_is_tried_once_and_the_last_one_only_when_told() {
    let place = Place::start();
    place.enrol();
    for tries_left in [2, 1] {
        let outcome = place.run("card unlock --pin-file -", "000000\n");
        assert_eq!(outcome.code(), 3, "{}", outcome.error());
        assert!(outcome.error().contains(&format!("{tries_left} tries left")), "{}", outcome.error());
    }
    let outcome = place.run("card unlock --pin-file -", "123456\n");
    assert_eq!((outcome.code(), place.card().is_unlocked), (3, false), "{}", outcome.error());
    let outcome = place.run("card unlock --last-try --pin-file -", "123456\n");
    assert_eq!((outcome.code(), place.card().is_unlocked), (0, true), "{}", outcome.error());
    assert_eq!(place.run("card lock", "").code(), 0);
    assert!(!place.card().is_unlocked);

    place.card().tries = 0;
    let outcome = place.run("card unlock --last-try --pin-file -", "123456\n");
    assert_eq!(outcome.code(), 5);
    assert!(outcome.error().contains("`claviger card pin unblock`"), "{}", outcome.error());
}

#[test]
fn a_pin_is_changed_and_a_blocked_one_is_set_anew() {
    let place = Place::start();
    place.enrol();
    place.file("new", b"654321\n");
    let change = "card pin change --pin-file - --new-pin-file FOLDER/new";
    assert_eq!(place.run(change, "000000\n").code(), 3);
    assert_eq!(place.run(change, "123456\n").code(), 0);
    assert_eq!(place.card().pin, b"654321");
    place.card().tries = 0;
    place.file("new", b"222222");
    let unblock = "card pin unblock --puk-file - --new-pin-file FOLDER/new";
    assert_eq!(place.run(unblock, "87654321\n").code(), 5);
    assert_eq!(place.run(unblock, "12345678\n").code(), 0);
    let card = place.card().clone();
    assert_eq!((card.pin.as_slice(), card.tries), (b"222222".as_slice(), 3));
}

#[test]
fn a_card_is_initialised_only_with_a_management_key_that_was_told() {
    let place = Place::start();
    let outcome = place.run("card init", "");
    assert_eq!((outcome.code(), place.card().authority.clone()), (5, None), "{}", outcome.error());
    let hexadecimal = "000102030405060708090A0B0C0D0E0F\n";
    let outcome = place.run("card init --management-key-file -", hexadecimal);
    assert_eq!((outcome.code(), outcome.text().as_str()), (0, "card:piv:1234\n"), "{}", outcome.error());
    assert_eq!(place.card().authority, Some((0..16).collect()));
    assert_eq!(place.run("card init --default-management-key", "").code(), 0);
    assert_eq!(place.card().authority, Some([1, 2, 3, 4, 5, 6, 7, 8].repeat(3)));
    assert_eq!(place.run("card init --management-key-file -", "0102\n").code(), 1);
}

#[test]
fn a_certificate_is_given_to_a_key_and_comes_back() {
    let place = Place::start();
    assert_eq!(place.run("key certificate", "").code(), 1, "there is none");
    let openssl = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=Alice", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(place.folder.path())
        .output()
        .expect("openssl");
    assert!(openssl.status.success());
    let openssl = Command::new("openssl")
        .args(["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"])
        .current_dir(place.folder.path())
        .output()
        .expect("openssl");
    let pem = std::fs::read_to_string(place.folder.path().join("cert.pem")).expect("a file");
    let set = format!("key certificate {KEY} --set FOLDER/cert.pem");
    assert_eq!(place.run(&set, "").code(), 1, "it is another key's");
    place.card().public_key = openssl.stdout;
    assert_eq!(place.run(&set, "").code(), 0);
    assert_eq!(place.card().authority, None, "nobody spoke of the card");
    assert_eq!(place.run(&format!("{set} --default-management-key"), "").code(), 0);
    assert!(place.card().authority.is_some());

    assert_eq!(place.run("key certificate --format pem", "").text(), pem);
    let told = place.run("key certificate", "").text();
    assert!(told.starts_with("subject     CN=Alice\n") && told.ends_with(&pem), "{told}");
    assert_eq!(place.run("key certificate --format der -o FOLDER/cert.der", "").code(), 0);
    let der = std::fs::read(place.folder.path().join("cert.der")).expect("a file");
    assert_eq!(der, place.card().certificate);
    assert!(place.run("card show", "").text().contains("CN=Alice, until "));

    assert_eq!(place.run(&format!("key certificate {KEY} --set FOLDER/key.pem"), "").code(), 1);
    assert_eq!(place.run(&format!("key certificate {KEY} --remove"), "").code(), 0);
    assert_eq!(place.run("key certificate", "").code(), 1);
}

#[test]
fn an_attestation_is_printed_as_pem() {
    let place = Place::start();
    let outcome = place.run(&format!("key attest {KEY}"), "");
    assert_eq!(outcome.text().matches("-----BEGIN CERTIFICATE-----").count(), 2, "{}", outcome.error());
    assert_eq!(place.run("key attest other", "").code(), 1);
}

#[test]
fn what_happens_to_cards_is_shown_as_it_happens() {
    let place = Place::start();
    let mut child = Command::new(env!("CARGO_BIN_EXE_claviger"));
    child.args(["--json", "monitor", "--bus", &place.bus.address]).stdout(Stdio::piped());
    let mut child = child.spawn().expect("claviger");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let (sender, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    let next = || lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    let lines: Vec<_> = (0..3).map_while(|_| next().ok()).collect();
    drop(child.kill());
    drop(child.wait());
    drop(reader.join().expect("no panic"));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].contains(r#""presence":"removed""#) && lines[1].contains(CARD), "{lines:?}");
    assert!(lines[2].contains(r#""token":"""#), "{lines:?}");
}
