//! Replays the corpora of tests/fuzz: what once was found, and one good example of everything at least.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use claviger_tests::parsers::TARGETS;

fn corpora() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus"))
}

#[test]
fn every_parser_takes_its_corpus() {
    for (name, parse) in TARGETS {
        let mut taken = Vec::new();
        for entry in fs::read_dir(corpora().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")) {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            taken.push(parse(&fs::read(path).unwrap()));
        }
        assert!(taken.contains(&true), "{name} has no good example");
        assert!(taken.contains(&false), "{name} has no bad example");
    }
}

#[test]
fn every_parser_takes_every_prefix_and_every_flipped_bit_of_its_corpus() {
    for (name, parse) in TARGETS {
        for entry in fs::read_dir(corpora().join(name)).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            // Long examples are walked through in steps: the whole is `make fuzz`'s business.
            let step = bytes.len() / 64 + 1;
            for place in (0..bytes.len()).step_by(step) {
                parse(&bytes[..place]);
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << (place % 8);
                parse(&flipped);
            }
        }
    }
}

#[test]
fn every_corpus_has_its_parser() {
    let parsers: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders =
        fs::read_dir(corpora()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(folders.collect::<BTreeSet<_>>(), parsers);
}
