//! One program for all targets: `CLAVIGER_FUZZ_TARGET` names the parser, everything else is libFuzzer's.

#![no_main]

use std::sync::LazyLock;

use claviger_tests::parsers::TARGETS;

static PARSE: LazyLock<fn(&[u8]) -> bool> = LazyLock::new(|| {
    let wanted = std::env::var("CLAVIGER_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.into_iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("CLAVIGER_FUZZ_TARGET is none of the targets: {wanted:?}")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    PARSE(bytes);
});
