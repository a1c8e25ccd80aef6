use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_token::{
    Algorithm, Binding, Capabilities, Hash, Kdf, KeyId, KeyInfo, Mechanism, Parameters, Purpose, TokenKind,
};

use super::{After, Before, Padding, Plan, Unpadding, is_possible, plan};
use crate::policy::{Caller, Circumstances, Verdict, authorize};
use crate::{
    Defaults, Format, Guesses, Input, Key, KeyState, Refusal, Registration, Request, Selector, User,
};

/// A token that hashes and pads itself, one that signs digests, one that has the RSA primitive alone.
const FULL: &[Mechanism] = &Mechanism::ALL;
const DIGESTS: &[Mechanism] =
    &[Mechanism::Ecdsa, Mechanism::RsaPkcs, Mechanism::RsaPkcsPss, Mechanism::Eddsa, Mechanism::Ecdh1Derive];
/// SP 800-73-4: digests of curves, the RSA primitive, key agreement.
const PIV: &[Mechanism] = &[Mechanism::Ecdsa, Mechanism::RsaX509, Mechanism::Eddsa, Mechanism::Ecdh1Derive];
/// OpenPGP card 3.4: the card pads and unpads PKCS#1 v1.5 itself and has no raw RSA.
const OPENPGP: &[Mechanism] =
    &[Mechanism::Ecdsa, Mechanism::RsaPkcs, Mechanism::Eddsa, Mechanism::Ecdh1Derive];
/// What OpenSC offers of a CAC or PKCS#15 card.
const OPENSC: &[Mechanism] =
    &[Mechanism::Ecdsa, Mechanism::RsaPkcs, Mechanism::RsaX509, Mechanism::Ecdh1Derive];
const RAW: &[Mechanism] = &[Mechanism::RsaX509, Mechanism::Ecdsa];

fn capabilities(mechanisms: &[Mechanism]) -> Capabilities {
    Capabilities {
        mechanisms: mechanisms.iter().copied().collect(),
        generates: BTreeSet::new(),
        imports: BTreeSet::new(),
        erases: true,
        data_limit: 1000,
    }
}

fn request(purpose: Purpose, mechanism: Option<Mechanism>) -> Request {
    Request {
        selector: Selector::Default,
        at: None,
        purpose,
        mechanism,
        parameters: Parameters::default(),
        format: Format::Raw,
        confirm: false,
        reason: None,
    }
}

fn planned(
    request: &Request,
    algorithm: Algorithm,
    token: &[Mechanism],
    input: Input,
) -> Result<Plan, Refusal> {
    let id = KeyId::from_bytes([1; 16]);
    let info = KeyInfo { id, algorithm, usage: algorithm.usage(), public_key: Arc::from([]) };
    let key = Key {
        info: Arc::new(info.clone()),
        binding: Arc::new(Binding { uid: 1, user_name: "alice".into(), key: id, created: 0 }),
        label: String::new(),
        state: KeyState::Current,
        last_used: None,
        certificates: Vec::new(),
        attestation: Vec::new(),
        confirm: crate::Confirm::Never,
        placements: Vec::new(),
    };
    let user = User {
        uid: 1,
        name: "alice".into(),
        location: TokenKind::Local,
        registration: Registration::Active,
        defaults: Defaults::default(),
        guesses: Guesses::default(),
        login_guesses: Guesses::default(),
        removal: None,
        created: 0,
        slots: None,
    };
    let caller = Caller { uid: 1, user_name: "alice".into() };
    let verdict = authorize(&caller, &user, &key, request.purpose, Circumstances::default())?;
    let Verdict::Allow(leave) = verdict else { panic!("nothing is to be asked") };
    plan(leave, request, &info, &capabilities(token), input)
}

fn signing(mechanism: Mechanism, algorithm: Algorithm, token: &[Mechanism]) -> Option<(Before, Mechanism)> {
    let size = match mechanism {
        Mechanism::RsaPkcs => 51,
        _ => 32,
    };
    let request = request(Purpose::Sign, Some(mechanism));
    planned(&request, algorithm, token, Input::Bytes(size)).ok().map(|plan| (plan.before, plan.mechanism))
}

#[test]
fn a_token_gets_the_message_the_digest_or_the_padded_block_as_it_can() {
    use Mechanism::{
        Ecdsa, EcdsaSha256, EcdsaSha512, Eddsa, RsaPkcs, RsaPkcsPss, RsaX509, Sha256RsaPkcs, Sha384RsaPkcsPss,
    };
    let pkcs1 = |digest, wrap| Before::Pad { digest, padding: Padding::Pkcs1 { wrap, size: 256 } };
    let pss = |digest, hash: Hash| Before::Pad {
        digest,
        padding: Padding::Pss { hash, mgf_hash: hash, salt: hash.size(), size: 256 },
    };
    let (sha256, sha384, sha512) = (Hash::Sha256, Hash::Sha384, Hash::Sha512);
    let (ec, rsa, ed) = (Algorithm::P256, Algorithm::Rsa2048, Algorithm::Ed25519);
    let table = [
        (EcdsaSha256, ec, FULL, Some((Before::AsIs, EcdsaSha256))),
        (EcdsaSha256, ec, DIGESTS, Some((Before::Digest(sha256), Ecdsa))),
        (EcdsaSha512, ec, DIGESTS, Some((Before::Digest(sha512), Ecdsa))),
        (Ecdsa, ec, DIGESTS, Some((Before::AsIs, Ecdsa))),
        (Eddsa, ed, DIGESTS, Some((Before::AsIs, Eddsa))),
        (Eddsa, ed, RAW, None),
        (RsaPkcs, rsa, DIGESTS, Some((Before::AsIs, RsaPkcs))),
        (RsaPkcs, rsa, RAW, Some((pkcs1(None, None), RsaX509))),
        (Sha256RsaPkcs, rsa, FULL, Some((Before::AsIs, Sha256RsaPkcs))),
        (Sha256RsaPkcs, rsa, DIGESTS, Some((Before::DigestInfo(sha256), RsaPkcs))),
        (Sha256RsaPkcs, rsa, RAW, Some((pkcs1(Some(sha256), Some(sha256)), RsaX509))),
        (RsaPkcsPss, rsa, RAW, Some((pss(None, sha256), RsaX509))),
        (Sha384RsaPkcsPss, rsa, FULL, Some((Before::AsIs, Sha384RsaPkcsPss))),
        (Sha384RsaPkcsPss, rsa, DIGESTS, Some((Before::Digest(sha384), RsaPkcsPss))),
        (Sha384RsaPkcsPss, rsa, RAW, Some((pss(Some(sha384), sha384), RsaX509))),
        (EcdsaSha256, rsa, FULL, None),
        (RsaX509, rsa, FULL, None),
    ];
    for (mechanism, algorithm, token, expected) in table {
        assert_eq!(signing(mechanism, algorithm, token), expected, "{mechanism} {algorithm} {token:?}");
    }
}

#[test]
fn the_host_unpads_where_the_token_has_only_the_rsa_primitive() {
    use Mechanism::{RsaPkcs, RsaPkcsOaep, RsaX509};
    let parameters = Parameters { label: Some(vec![1]), hash: Some(Hash::Sha384), ..Parameters::default() };
    let oaep = After::Unpad(Unpadding::Oaep(parameters.clone()));
    let none = Parameters::default();
    let table = [
        (RsaPkcs, &none, PIV, RsaX509, After::Unpad(Unpadding::Pkcs1)),
        (RsaPkcsOaep, &parameters, PIV, RsaX509, oaep),
        (RsaPkcs, &none, OPENPGP, RsaPkcs, After::Plaintext),
        (RsaPkcs, &none, FULL, RsaPkcs, After::Plaintext),
        (RsaPkcsOaep, &parameters, FULL, RsaPkcsOaep, After::Plaintext),
        (RsaPkcsOaep, &parameters, OPENSC, RsaX509, After::Unpad(Unpadding::Oaep(parameters.clone()))),
    ];
    for (mechanism, parameters, token, runs, after) in table {
        let request =
            Request { parameters: parameters.clone(), ..request(Purpose::Decrypt, Some(mechanism)) };
        let plan = planned(&request, Algorithm::Rsa2048, token, Input::Bytes(256)).expect("it is planned");
        assert_eq!((plan.before, plan.mechanism, plan.after), (Before::AsIs, runs, after), "{mechanism}");
    }
    let oaep = request(Purpose::Decrypt, Some(RsaPkcsOaep));
    let refused = planned(&oaep, Algorithm::Rsa2048, OPENPGP, Input::Bytes(256));
    assert_eq!(refused, Err(Refusal::MechanismNotSupported(RsaPkcsOaep, Algorithm::Rsa2048)));
}

/// The three kinds of card: which mechanisms callers get with which keys.
#[test]
fn every_kind_of_card_signs_what_its_mechanisms_allow() {
    use Mechanism::{
        Ecdsa, EcdsaSha256, EcdsaSha384, EcdsaSha512, Eddsa, RsaPkcs, RsaPkcsPss, Sha256RsaPkcs,
        Sha256RsaPkcsPss, Sha384RsaPkcs, Sha384RsaPkcsPss, Sha512RsaPkcs, Sha512RsaPkcsPss,
    };
    let ec: &[Mechanism] = &[Ecdsa, EcdsaSha256, EcdsaSha384, EcdsaSha512];
    let pkcs1: &[Mechanism] = &[RsaPkcs, Sha256RsaPkcs, Sha384RsaPkcs, Sha512RsaPkcs];
    let pss: &[Mechanism] = &[RsaPkcsPss, Sha256RsaPkcsPss, Sha384RsaPkcsPss, Sha512RsaPkcsPss];
    let rsa = [pkcs1, pss].concat();
    let table: [(&str, &[Mechanism], Algorithm, &[Mechanism]); 8] = [
        ("PIV", PIV, Algorithm::P256, ec),
        ("PIV", PIV, Algorithm::Rsa3072, &rsa),
        ("PIV", PIV, Algorithm::Ed25519, &[Eddsa]),
        ("OpenPGP", OPENPGP, Algorithm::P521, ec),
        ("OpenPGP", OPENPGP, Algorithm::Rsa4096, pkcs1),
        ("OpenPGP", OPENPGP, Algorithm::Ed25519, &[Eddsa]),
        ("OpenSC", OPENSC, Algorithm::Rsa2048, &rsa),
        ("OpenSC", OPENSC, Algorithm::P384, ec),
    ];
    for (card, token, algorithm, signs) in table {
        for mechanism in Mechanism::ALL.into_iter().filter(|mechanism| mechanism.serves(Purpose::Sign)) {
            let size = match mechanism {
                RsaPkcs => 51,
                _ => 32,
            };
            let request = request(Purpose::Sign, Some(mechanism));
            let planned = planned(&request, algorithm, token, Input::Bytes(size)).is_ok();
            assert_eq!(planned, signs.contains(&mechanism), "{card} {algorithm} {mechanism}");
        }
    }
}

/// "The plan table covers a phone that cannot hash, cannot pad, cannot do EC": what it lacks the host does, what it has
/// it does itself, and what neither can is refused before the phone is asked.
#[test]
fn a_phone_does_what_it_says_it_can_and_the_host_the_rest() {
    use Mechanism::{
        Ecdh1Derive, Ecdsa, EcdsaSha256, EcdsaSha384, Eddsa, RsaPkcs, RsaPkcsOaep, RsaPkcsPss, RsaX509,
        Sha256RsaPkcs, Sha256RsaPkcsPss,
    };
    let no_hash: &[Mechanism] = &[Ecdsa, Eddsa, RsaPkcs, RsaPkcsPss, RsaPkcsOaep, Ecdh1Derive];
    let no_padding: &[Mechanism] = &[EcdsaSha256, Ecdsa, RsaX509];
    let no_curves: &[Mechanism] = &[Sha256RsaPkcs, RsaPkcs, RsaPkcsPss, RsaPkcsOaep];
    let sha256 = Hash::Sha256;
    let padded = Padding::Pkcs1 { wrap: Some(sha256), size: 256 };
    let pss = Padding::Pss { hash: sha256, mgf_hash: sha256, salt: 32, size: 256 };
    let pad = |padding| Before::Pad { digest: Some(sha256), padding };
    let (ec, rsa, ed) = (Algorithm::P256, Algorithm::Rsa2048, Algorithm::Ed25519);
    let table = [
        ("no hash", no_hash, EcdsaSha256, ec, Some((Before::Digest(sha256), Ecdsa))),
        ("no hash", no_hash, Sha256RsaPkcs, rsa, Some((Before::DigestInfo(sha256), RsaPkcs))),
        ("no hash", no_hash, Sha256RsaPkcsPss, rsa, Some((Before::Digest(sha256), RsaPkcsPss))),
        ("no hash", no_hash, Eddsa, ed, Some((Before::AsIs, Eddsa))),
        ("no padding", no_padding, EcdsaSha256, ec, Some((Before::AsIs, EcdsaSha256))),
        ("no padding", no_padding, EcdsaSha384, ec, Some((Before::Digest(Hash::Sha384), Ecdsa))),
        ("no padding", no_padding, Sha256RsaPkcs, rsa, Some((pad(padded), RsaX509))),
        ("no padding", no_padding, Sha256RsaPkcsPss, rsa, Some((pad(pss), RsaX509))),
        ("no padding", no_padding, Eddsa, ed, None),
        ("no curves", no_curves, Sha256RsaPkcs, rsa, Some((Before::AsIs, Sha256RsaPkcs))),
        ("no curves", no_curves, EcdsaSha256, ec, None),
        ("no curves", no_curves, Eddsa, ed, None),
    ];
    for (phone, token, mechanism, algorithm, expected) in table {
        assert_eq!(signing(mechanism, algorithm, token), expected, "{phone}: {mechanism} {algorithm}");
    }
    let decrypting = [(no_hash, RsaPkcsOaep), (no_padding, RsaX509), (no_curves, RsaPkcsOaep)];
    for (token, runs) in decrypting {
        let oaep = request(Purpose::Decrypt, Some(RsaPkcsOaep));
        let plan = planned(&oaep, rsa, token, Input::Bytes(256)).expect("it is planned");
        assert_eq!((plan.mechanism, matches!(plan.after, After::Unpad(_))), (runs, runs == RsaX509));
    }
    let agreeing = request(Purpose::Derive, Some(Ecdh1Derive));
    assert!(planned(&agreeing, ec, no_hash, Input::Bytes(65)).is_ok());
    let refused = planned(&agreeing, ec, no_curves, Input::Bytes(65));
    assert_eq!(refused, Err(Refusal::MechanismNotSupported(Ecdh1Derive, ec)));
}

#[test]
fn every_mechanism_and_key_that_fit_are_planned_and_no_others() {
    for mechanism in Mechanism::ALL {
        for algorithm in Algorithm::ALL {
            for purpose in [Purpose::Sign, Purpose::Decrypt, Purpose::Derive, Purpose::Decapsulate] {
                let size = match (purpose, algorithm.modulus_size()) {
                    (Purpose::Decrypt, Some(modulus)) => modulus,
                    _ => 32,
                };
                let result = planned(&request(purpose, Some(mechanism)), algorithm, FULL, Input::Bytes(size));
                let fits = mechanism.is_offered() && mechanism.serves(purpose) && mechanism.fits(algorithm);
                assert_eq!(result.is_ok(), fits, "{mechanism} {algorithm} {purpose:?}: {result:?}");
            }
        }
    }
}

#[test]
fn a_file_is_hashed_by_the_host_where_the_mechanism_allows_it() {
    let sign = |mechanism, algorithm| {
        planned(&request(Purpose::Sign, Some(mechanism)), algorithm, FULL, Input::Stream)
            .map(|plan| (plan.before, plan.mechanism))
    };
    let (ec, rsa) = (Algorithm::P256, Algorithm::Rsa2048);
    assert_eq!(sign(Mechanism::EcdsaSha256, ec), Ok((Before::Digest(Hash::Sha256), Mechanism::Ecdsa)));
    assert_eq!(
        sign(Mechanism::Sha512RsaPkcs, rsa),
        Ok((Before::DigestInfo(Hash::Sha512), Mechanism::RsaPkcs))
    );
    assert_eq!(
        sign(Mechanism::Sha256RsaPkcsPss, rsa),
        Ok((Before::Digest(Hash::Sha256), Mechanism::RsaPkcsPss))
    );
    assert_eq!(sign(Mechanism::Eddsa, Algorithm::Ed25519), Ok((Before::AsIs, Mechanism::Eddsa)));
    assert!(matches!(sign(Mechanism::Ecdsa, ec), Err(Refusal::InvalidArguments(_))));
}

#[test]
fn no_mechanism_means_the_keys_usual_signature() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.usage().sign) {
        let plan = planned(&request(Purpose::Sign, None), algorithm, FULL, Input::Bytes(10));
        assert_eq!(plan.map(|plan| Some(plan.mechanism)), Ok(algorithm.default_signature()));
    }
    let decrypt = planned(&request(Purpose::Decrypt, None), Algorithm::Rsa2048, FULL, Input::Bytes(256));
    assert!(matches!(decrypt, Err(Refusal::InvalidArguments(_))));
}

#[test]
fn a_parameter_that_the_mechanism_does_not_know_is_refused() {
    let hash = Some(Hash::Sha256);
    let cases = [
        (Mechanism::Ecdsa, Algorithm::P256, Parameters { hash, ..Parameters::default() }),
        (
            Mechanism::Sha256RsaPkcs,
            Algorithm::Rsa2048,
            Parameters { salt_length: Some(1), ..Parameters::default() },
        ),
        (Mechanism::Sha256RsaPkcsPss, Algorithm::Rsa2048, Parameters { hash, ..Parameters::default() }),
        (Mechanism::Eddsa, Algorithm::Ed25519, Parameters { context: Some(vec![]), ..Parameters::default() }),
        (
            Mechanism::MlDsa,
            Algorithm::MlDsa44,
            Parameters { context: Some(vec![0; 256]), ..Parameters::default() },
        ),
        (
            Mechanism::EcdsaSha256,
            Algorithm::P256,
            Parameters { label: Some(vec![]), ..Parameters::default() },
        ),
        (
            Mechanism::EcdsaSha256,
            Algorithm::P256,
            Parameters { kdf: Some(Kdf::Null), ..Parameters::default() },
        ),
    ];
    for (mechanism, algorithm, parameters) in cases {
        let request = Request { parameters, ..request(Purpose::Sign, Some(mechanism)) };
        let result = planned(&request, algorithm, FULL, Input::Bytes(32));
        assert!(matches!(result, Err(Refusal::InvalidArguments(_))), "{mechanism}: {result:?}");
    }
}

#[test]
fn der_is_a_form_of_ecdsa_signatures_only() {
    let der = |mechanism| Request { format: Format::Der, ..request(Purpose::Sign, Some(mechanism)) };
    let ecdsa = planned(&der(Mechanism::EcdsaSha256), Algorithm::P256, FULL, Input::Bytes(1));
    assert_eq!(ecdsa.map(|plan| plan.after), Ok(After::Signature(Format::Der)));
    let rsa = planned(&der(Mechanism::Sha256RsaPkcs), Algorithm::Rsa2048, FULL, Input::Bytes(1));
    assert!(matches!(rsa, Err(Refusal::InvalidArguments(_))));
}

#[test]
fn sha1_signs_nothing() {
    let parameters = Parameters { hash: Some(Hash::Sha1), ..Parameters::default() };
    let request = Request { parameters, ..request(Purpose::Sign, Some(Mechanism::RsaPkcsPss)) };
    let result = planned(&request, Algorithm::Rsa2048, FULL, Input::Bytes(20));
    assert!(matches!(result, Err(Refusal::NotSupported(_))));
}

#[test]
fn data_of_a_length_that_cannot_be_right_never_reach_the_token() {
    let cases = [
        (Purpose::Sign, Mechanism::Ecdsa, Algorithm::P256, 0),
        (Purpose::Sign, Mechanism::Ecdsa, Algorithm::P256, 65),
        (Purpose::Sign, Mechanism::RsaPkcs, Algorithm::Rsa2048, 0),
        (Purpose::Sign, Mechanism::RsaPkcs, Algorithm::Rsa2048, 246),
        (Purpose::Sign, Mechanism::RsaPkcsPss, Algorithm::Rsa2048, 20),
        (Purpose::Decrypt, Mechanism::RsaPkcs, Algorithm::Rsa2048, 255),
        (Purpose::Decrypt, Mechanism::RsaPkcsOaep, Algorithm::Rsa3072, 256),
    ];
    for (purpose, mechanism, algorithm, size) in cases {
        let result = planned(&request(purpose, Some(mechanism)), algorithm, FULL, Input::Bytes(size));
        assert!(matches!(result, Err(Refusal::DataInvalid(_))), "{mechanism} {size}: {result:?}");
    }
    let large = planned(&request(Purpose::Sign, None), Algorithm::P256, FULL, Input::Bytes(1001));
    assert_eq!(large, Err(Refusal::DataTooLarge { limit: 1000 }));
}

#[test]
fn the_salt_of_pss_fits_the_modulus() {
    let with = |salt| {
        let parameters = Parameters { salt_length: Some(salt), ..Parameters::default() };
        let request = Request { parameters, ..request(Purpose::Sign, Some(Mechanism::RsaPkcsPss)) };
        planned(&request, Algorithm::Rsa2048, FULL, Input::Bytes(32)).is_ok()
    };
    assert!(with(0) && with(256 - 34));
    assert!(!with(256 - 33) && !with(u32::MAX));
}

#[test]
fn a_derived_secret_comes_raw_or_through_hkdf() {
    let derive = |parameters| {
        let request = Request { parameters, ..request(Purpose::Derive, Some(Mechanism::Ecdh1Derive)) };
        planned(&request, Algorithm::P256, FULL, Input::Bytes(65)).map(|plan| plan.after)
    };
    let hkdf = Parameters { kdf: Some(Kdf::Hkdf), ..Parameters::default() };
    assert_eq!(derive(Parameters::default()), Ok(After::Secret));
    assert_eq!(
        derive(Parameters { length: Some(100), shared_info: Some(vec![7]), ..hkdf.clone() }),
        Ok(After::Hkdf { hash: Hash::Sha256, info: vec![7], length: 100 })
    );
    assert!(derive(Parameters { length: Some(255 * 32 + 1), ..hkdf.clone() }).is_err());
    assert!(derive(Parameters { length: Some(0), ..hkdf.clone() }).is_err());
    assert!(derive(Parameters { hash: Some(Hash::Sha1), ..hkdf }).is_err());
    assert!(derive(Parameters { length: Some(16), ..Parameters::default() }).is_err());
}

#[test]
fn possible_is_what_some_way_leads_to() {
    let openpgp = capabilities(OPENPGP);
    let can = |mechanism, purpose| is_possible(mechanism, purpose, Algorithm::Rsa2048, &openpgp);
    assert!(can(Mechanism::Sha512RsaPkcs, Purpose::Sign));
    assert!(can(Mechanism::RsaPkcs, Purpose::Decrypt));
    assert!(!can(Mechanism::Sha256RsaPkcsPss, Purpose::Sign));
    assert!(!can(Mechanism::RsaPkcsOaep, Purpose::Decrypt));
    let piv = capabilities(PIV);
    for mechanism in [Mechanism::Sha256RsaPkcsPss, Mechanism::RsaPkcsPss, Mechanism::RsaPkcs] {
        assert!(is_possible(mechanism, Purpose::Sign, Algorithm::Rsa2048, &piv), "{mechanism}");
    }
    assert!(is_possible(Mechanism::RsaPkcsOaep, Purpose::Decrypt, Algorithm::Rsa2048, &piv));
}
