//! The toy token passes the suite that every token passes.

use claviger_conformance::{ToySubject, run};

#[test]
fn the_toy_token_conforms() {
    run(&ToySubject::default());
}
