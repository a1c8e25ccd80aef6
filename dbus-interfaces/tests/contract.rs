//! Holds the contract's parts against each other: XML, wire types, error names, reference.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../examples/generate-docs/reference.rs"]
mod reference;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;

use claviger_dbus::error::ErrorName;
use claviger_dbus::wire::{
    AgentOptions, AuthenticateOptions, CertificateOptions, ChangePinOptions, DecapsulateOptions,
    DecryptOptions, DeriveOptions, EncryptOptions, EnrolOptions, ExplainOptions, InitCardOptions, KeyFilter,
    NewKeyOptions, NoOptions, PairOptions, PrepareOptions, Prompt, RandomOptions, RegisterOptions,
    SignOptions, TokenFilter, UnlockOptions, UnlockTokenOptions, UserPage, VerifyOptions,
};
use claviger_dbus::xml;
use zbus::wire::{LE, serialized::Context, to_bytes};
use zbus::{Fd, Type, Variant};

/// Every method of the contract: interface, name, prose.
fn methods() -> Vec<(&'static str, String, String)> {
    let mut methods = Vec::new();
    for interface in xml::INTERFACES.into_iter().chain([xml::AGENT]) {
        let document = reference::parse(interface.xml).expect("well-formed XML");
        for method in document.descendants().filter(|node| node.has_tag_name("method")) {
            let prose = method.children().find(|node| node.is_comment()).and_then(|node| node.text());
            let name = method.attribute("name").expect("a name").to_owned();
            methods.push((interface.name, name, prose.expect("prose").to_owned()));
        }
    }
    methods
}

#[test]
fn the_committed_reference_is_what_the_xml_says() {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dbus-api.md");
    let committed = std::fs::read_to_string(committed).expect("docs/dbus-api.md");
    let rendered = reference::render().expect("a reference");
    assert!(
        committed == rendered,
        "cargo run -q -p claviger-dbus --example generate-docs > docs/dbus-api.md"
    );
}

#[test]
fn every_method_ends_in_a_dictionary() {
    for interface in xml::INTERFACES.into_iter().chain([xml::AGENT]) {
        let document = reference::parse(interface.xml).expect("well-formed XML");
        for method in document.descendants().filter(|node| node.has_tag_name("method")) {
            let last = method
                .children()
                .rfind(|node| node.has_tag_name("arg") && node.attribute("direction") == Some("in"));
            let last = last.and_then(|argument| argument.attribute("type"));
            assert_eq!(last, Some("a{sv}"), "{:?}", method.attribute("name"));
        }
    }
}

#[test]
fn every_error_that_the_prose_names_exists() {
    let known: Vec<_> = ErrorName::ALL.into_iter().map(ErrorName::short).collect();
    let mut seen = 0;
    for (interface, method, prose) in methods() {
        let Some((_, errors)) = prose.split_once("\n        Errors") else { continue };
        for word in errors.split('`').skip(1).step_by(2) {
            if !word.starts_with(char::is_uppercase) || word.contains(['.', '_']) || is_method(word) {
                continue;
            }
            assert!(known.contains(&word), "{interface}.{method}: {word}");
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} errors were found in the prose");
}

fn is_method(word: &str) -> bool {
    methods().iter().any(|(_, method, _)| method == word)
}

#[test]
fn every_option_that_the_prose_names_is_taken() {
    for (interface, method, prose) in methods() {
        let options = documented_options(&prose);
        let taken = match method.as_str() {
            "Sign" => takes::<SignOptions>(&options),
            "Decrypt" => takes::<DecryptOptions>(&options),
            "Derive" => takes::<DeriveOptions>(&options),
            "Decapsulate" => takes::<DecapsulateOptions>(&options),
            "GenerateKey" => takes::<NewKeyOptions>(&options),
            "Explain" => takes::<ExplainOptions>(&options),
            "ListKeys" => takes::<KeyFilter>(&options),
            "Register" => takes::<RegisterOptions>(&options),
            "Unlock" => takes::<UnlockOptions>(&options),
            "Verify" => takes::<VerifyOptions>(&options),
            "Encrypt" => takes::<EncryptOptions>(&options),
            "ListUsers" => takes::<UserPage>(&options),
            "SetCertificate" => takes::<CertificateOptions>(&options),
            "ListTokens" => takes::<TokenFilter>(&options),
            "EnrolCard" => takes::<EnrolOptions>(&options),
            "UnlockToken" => takes::<UnlockTokenOptions>(&options),
            "ChangePin" => takes::<ChangePinOptions>(&options),
            "InitCard" => takes::<InitCardOptions>(&options),
            "PairPhone" => takes::<PairOptions>(&options),
            "Random" => takes::<RandomOptions>(&options),
            "Prepare" => takes::<PrepareOptions>(&options),
            "Authenticate" => takes::<AuthenticateOptions>(&options),
            "RegisterAgent" => takes::<AgentOptions>(&options),
            "SignFile" | "ImportKey" => Ok(()),
            "RequestSecret" | "Confirm" | "DisplayCode" => takes::<Prompt>(&documented_prompt()),
            _ => {
                assert!(prose.contains("No options"), "{interface}.{method} says nothing of options");
                takes::<NoOptions>(&[])
            }
        };
        if let Err(why) = taken {
            panic!("{interface}.{method}: {why}");
        }
    }
}

/// Returns name and type of what a prompt may have, from the prose of `.Agent`.
fn documented_prompt() -> Vec<(String, String)> {
    let document = reference::parse(xml::AGENT.xml).expect("well-formed XML");
    let interface = document.descendants().find(|node| node.has_tag_name("interface")).expect("an interface");
    let prose = interface.children().find(|node| node.is_comment()).and_then(|node| node.text());
    let entries = documented_options(&prose.expect("prose").replace("is left out):", "Options:"));
    assert!(entries.len() > 15, "{entries:?}");
    entries
}

/// Returns name and type of the options in a method's prose: what stands as `` `name` (type) `` in the list
/// that follows "Options" or "must:", up to the next paragraph that is no list.
fn documented_options(prose: &str) -> Vec<(String, String)> {
    let begin = prose.find("Options:").or_else(|| prose.find("must:"));
    let Some(begin) = begin else { return Vec::new() };
    let list = prose[begin..].split("\n\n").skip(1).take_while(|part| part.trim_start().starts_with("- "));
    let mut options = Vec::new();
    for line in list.flat_map(str::lines).filter(|line| line.trim_start().starts_with("- ")) {
        let declared = line.split_once(": ").map_or(line, |(declared, _)| declared);
        let pieces: Vec<_> = declared.split('`').collect();
        for pair in pieces[1..].chunks(2) {
            let kind = pair.get(1).and_then(|rest| rest.trim_start().strip_prefix('('));
            if let Some((kind, _)) = kind.and_then(|rest| rest.split_once(')')) {
                options.push((pair[0].to_owned(), kind.to_owned()));
            }
        }
    }
    options
}

/// Sends the options as a caller would and reads them as the daemon does.
fn takes<T: serde::de::DeserializeOwned + Type>(options: &[(String, String)]) -> Result<(), String> {
    let value = |kind: &str| match kind {
        "s" => Variant::from("x"),
        "u" => Variant::from(1_u32),
        "b" => Variant::from(true),
        "ay" => Variant::from(vec![1_u8]),
        "as" => Variant::from(vec!["x"]),
        "aay" => Variant::from(vec![vec![1_u8]]),
        "h" => Variant::from(Fd::from(OwnedFd::from(File::open("/dev/null").expect("a file")))),
        other => panic!("no value of type {other}"),
    };
    let options: BTreeMap<&str, Variant<'_>> =
        options.iter().map(|(name, kind)| (name.as_str(), value(kind))).collect();
    let bytes = to_bytes(Context::new(LE, 0), &options).map_err(|error| error.to_string())?;
    bytes.deserialize::<T>().map(|_| ()).map_err(|error| format!("{options:?}: {error}"))
}
