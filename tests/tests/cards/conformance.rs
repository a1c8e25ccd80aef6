//! The suite that every token passes, over the real thing: pcscd, a card, for OpenSC the helper.
//!
//! Each runs in a process of its own, as libpcsclite knows only one pcscd in the life of a process.

use std::path::Path;

use claviger_tests::command::Ran;
use claviger_tests::pcsc::{Card, Kind, OpenScSocket, Pcscd};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piv_card_conforms() {
    let pcscd = Pcscd::start();
    let _card = Card::insert(&pcscd, 0, Kind::Piv);
    conforms(&pcscd, &["piv", "123456", MANAGEMENT_KEY], None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_openpgp_card_conforms() {
    let pcscd = Pcscd::start();
    let _card = Card::insert(&pcscd, 0, Kind::OpenPgp);
    conforms(&pcscd, &["openpgp", "123456", ADMIN_PIN], None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_common_access_card_conforms_through_opensc() {
    let pcscd = Pcscd::start();
    let _card = Card::insert(&pcscd, 0, Kind::Cac);
    let opensc = OpenScSocket::listen(&pcscd).await;
    conforms(&pcscd, &["opensc", "77777777"], Some(&opensc.path()));
}

fn conforms(pcscd: &Pcscd, words: &[&str], opensc: Option<&Path>) {
    let mut command = pcscd.command(env!("CARGO_BIN_EXE_card-conformance"));
    command.args(words).envs(opensc.map(|path| ("CLAVIGER_OPENSC_SOCKET", path)));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}\n{}", String::from_utf8_lossy(&ran.stdout), ran.stderr);
    assert!(ran.text().ends_with("conforms"), "{}", ran.text());
}

/// 01 to 08, three times (3DES).
const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

/// 12345678.
const ADMIN_PIN: &str = "3132333435363738";
