use claviger_token::{Algorithm, PinPolicy, Site, TouchPolicy};

use super::{
    LOGOUT_ADMIN, NO_KDF, OK, POINT, RELATED, Turn, VERIFY_ADMIN, error, perform, related, secret, unsent,
};
use crate::openpgp::fingerprint::fingerprint;
use crate::openpgp::slot::Slot;
use crate::{CardError, CardOp, CardOutput, Pin, spki, tlv};

const INFORMATION: &[u8] = b"\x00\xca\x00\xfa\x00";
/// RSA-2048, P-256 and Ed25519 to sign; P-384 to decrypt, with the public key where it is imported.
const OFFERED: &[u8] = b"\xc1\x06\x01\x08\x00\x00\x20\x00\xc1\x09\x13\x2a\x86\x48\xce\x3d\x03\x01\x07\
    \xc1\x0a\x16\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\xc2\x07\x12\x2b\x81\x04\x00\x22\xff\
    \xc3\x0a\x16\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\x90\x00";
const GENERATE_SIGN: &[u8] = b"\x00\x47\x80\x00\x02\xb6\x00\x00";
const READ_SIGN: &[u8] = b"\x00\x47\x81\x00\x02\xb6\x00\x00";
/// A fingerprint and a time, which differ each time.
const ANY: Turn<'_> = (b"", OK);

fn site(slot: Option<&str>) -> Site {
    Site { slot: slot.map(str::to_owned), authority: Some(secret("12345678")), ..Site::default() }
}

fn generate(algorithm: Algorithm, site: Site) -> CardOp {
    CardOp::Generate { algorithm, site }
}

fn public_key(point: &[u8]) -> Vec<u8> {
    [&tlv::element(0x7f49, &[&tlv::element(0x86, &[point])])[..], OK].concat()
}

/// What is read before anything is decided.
fn asked(related: &[u8]) -> [Turn<'_>; 2] {
    [(RELATED, related), (INFORMATION, OFFERED)]
}

#[test]
fn a_key_is_made_where_it_is_wanted() {
    let related = related([3, 0, 3], &[0, 0x20]);
    let made = public_key(POINT);
    let turns =
        [&asked(&related)[..], &[NO_KDF, (VERIFY_ADMIN, OK), (GENERATE_SIGN, &made), ANY, ANY, LOGOUT_ADMIN]]
            .concat();
    let Ok(CardOutput::Generated(made)) = perform(&turns, generate(Algorithm::P256, site(Some("sign"))))
    else {
        panic!("it is made")
    };
    assert_eq!((made.algorithm, made.reference.as_str()), (Algorithm::P256, "sign"));
    assert_eq!(made.public_key, spki::of_point(Algorithm::P256, POINT).unwrap());
}

#[test]
fn a_place_gets_the_algorithm_and_the_policies_that_are_wanted() {
    let related = related([3, 0, 3], &[0, 0x20]);
    let made = public_key(&[9; 32]);
    let turns = [
        &asked(&related)[..],
        &[
            NO_KDF,
            (VERIFY_ADMIN, OK),
            (b"\x00\xda\x00\xc1\x0a\x16\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", OK),
            (b"\x00\xda\x00\xd6\x02\x01\x20", OK),
            (b"\x00\xda\x00\xc4\x01\x01", OK),
            (GENERATE_SIGN, &made),
            ANY,
            ANY,
            LOGOUT_ADMIN,
        ],
    ]
    .concat();
    let site = Site {
        touch_policy: Some(TouchPolicy::Always),
        pin_policy: Some(PinPolicy::Once),
        ..site(Some("sign"))
    };
    assert!(perform(&turns, generate(Algorithm::Ed25519, site)).is_ok());
}

#[test]
fn an_empty_place_is_found_and_no_key_is_overwritten_unasked() {
    // Only the place to authenticate is empty.
    let related = related([3, 0, 3], &[]);
    let made = public_key(&[9; 32]);
    let turns = [
        &asked(&related)[..],
        &[NO_KDF, (VERIFY_ADMIN, OK), (b"\x00\x47\x80\x00\x02\xa4\x00\x00", &made), ANY, ANY, LOGOUT_ADMIN],
    ]
    .concat();
    let Ok(CardOutput::Generated(made)) = perform(&turns, generate(Algorithm::Ed25519, site(None))) else {
        panic!("it is made")
    };
    assert_eq!(made.reference, "authenticate");
    let refused = error(perform(&asked(&related), generate(Algorithm::P256, site(None))));
    assert!(matches!(refused, CardError::DataInvalid(_)), "P-256 goes only where a key is");
}

#[test]
fn what_the_card_does_not_offer_is_refused_before_the_admin_pin() {
    let no_touch = related([3, 0, 3], &[]);
    let fixed = related([3, 0, 3], &[2, 0x20]);
    let refused =
        |related: &[u8], algorithm, site| error(perform(&asked(related), generate(algorithm, site)));
    let not_offered = |algorithm| CardError::AlgorithmNotSupported(algorithm);
    assert_eq!(refused(&no_touch, Algorithm::P521, site(None)), not_offered(Algorithm::P521));
    assert_eq!(refused(&no_touch, Algorithm::P256, site(Some("decrypt"))), not_offered(Algorithm::P256));
    assert!(matches!(refused(&no_touch, Algorithm::P256, site(Some("9a"))), CardError::DataInvalid(_)));
    let sign = || site(Some("sign"));
    let touched = |touch_policy| Site { touch_policy: Some(touch_policy), ..sign() };
    let supported = |error: CardError| !matches!(error, CardError::NotSupported(_));
    assert!(!supported(refused(&no_touch, Algorithm::P256, touched(TouchPolicy::Always))));
    assert!(!supported(refused(&fixed, Algorithm::P256, touched(TouchPolicy::Never))));
    let never = Site { pin_policy: Some(PinPolicy::Never), ..sign() };
    assert!(!supported(refused(&no_touch, Algorithm::P256, never)));
    let always = Site { pin_policy: Some(PinPolicy::Always), ..site(Some("authenticate")) };
    assert!(!supported(refused(&no_touch, Algorithm::Ed25519, always)));
}

#[test]
fn the_admin_pin_is_needed_and_not_wasted() {
    let op = || generate(Algorithm::P256, Site { authority: None, ..site(Some("sign")) });
    let pin = secret("123456");
    assert_eq!(unsent(Pin::Given(&pin), op()), CardError::AuthorityNeeded("Admin PIN"));
    let related_three = related([3, 0, 3], &[]);
    let with = |admin: &str| {
        generate(Algorithm::P256, Site { authority: Some(secret(admin)), ..site(Some("sign")) })
    };
    let turns = [&asked(&related_three)[..], &[NO_KDF]].concat();
    assert!(matches!(error(perform(&turns, with("1234567"))), CardError::SecretUnfit(_)));
    let turns = [&turns[..], &[(VERIFY_ADMIN, &b"\x63\xc2"[..])]].concat();
    assert_eq!(error(perform(&turns, with("12345678"))), CardError::WrongAuthority("Admin PIN"));
    let blocked = related([3, 0, 0], &[]);
    let turns = [&asked(&blocked)[..], &[NO_KDF]].concat();
    assert!(matches!(error(perform(&turns, with("12345678"))), CardError::NotSupported(_)));
}

#[test]
fn a_key_that_was_made_badly_is_not_believed() {
    let related = related([3, 0, 3], &[]);
    let mut off_the_curve = POINT.to_vec();
    off_the_curve[64] ^= 1;
    for point in [&POINT[1..], &off_the_curve, &[]] {
        let made = public_key(point);
        let before = [NO_KDF, (VERIFY_ADMIN, OK), (GENERATE_SIGN, &made[..]), LOGOUT_ADMIN];
        let turns = [&asked(&related)[..], &before].concat();
        let refused = error(perform(&turns, generate(Algorithm::P256, site(Some("sign")))));
        assert!(matches!(refused, CardError::Malformed(_)), "{point:02x?}");
    }
    let before = [NO_KDF, (VERIFY_ADMIN, OK), (GENERATE_SIGN, &b"\x6a\x81"[..]), LOGOUT_ADMIN];
    let turns = [&asked(&related)[..], &before].concat();
    let refused = error(perform(&turns, generate(Algorithm::P256, site(Some("sign")))));
    assert_eq!(refused, CardError::AlgorithmNotSupported(Algorithm::P256));
}

/// The private number 1, whose public key is the base point.
fn one() -> Vec<u8> {
    let number = [&[0; 31][..], &[1]].concat();
    let inner = tlv::element(0x30, &[b"\x02\x01\x01", &tlv::element(0x04, &[&number])]);
    let algorithm = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    tlv::element(0x30, &[b"\x02\x01\x00", algorithm, &tlv::element(0x04, &[&inner])]).to_vec()
}

fn import(document: Vec<u8>) -> CardOp {
    CardOp::Import { private_key: claviger_token::Secret::new(document), site: site(Some("sign")) }
}

#[test]
fn a_key_is_imported_and_looked_at() {
    let related = related([3, 0, 3], &[]);
    let number = [&[0; 31][..], &[1]].concat();
    let list = tlv::element(
        0x4d,
        &[b"\xb6\x00", &tlv::element(0x7f48, &[b"\x92\x20"]), &tlv::element(0x5f48, &[&number])],
    );
    let order = [&[0x00, 0xdb, 0x3f, 0xff, list.len() as u8], &list[..]].concat();
    let (right, wrong) = (public_key(POINT), b"\x6a\x88".to_vec());
    for (answer, is_ok) in [(right, true), (wrong, false)] {
        let after =
            [NO_KDF, (VERIFY_ADMIN, OK), (&order[..], OK), ANY, ANY, (READ_SIGN, &answer), LOGOUT_ADMIN];
        let turns = [&asked(&related)[..], &after].concat();
        let outcome = perform(&turns, import(one()));
        assert_eq!(outcome.is_ok(), is_ok);
    }
    let document = one();
    for length in 0..document.len() {
        let refused = error(perform(&[], import(document[..length].to_vec())));
        assert!(matches!(refused, CardError::DataInvalid(_)), "{length}");
    }
}

/// Points, times, and what gpg 2.2.40 says the fingerprints of such keys are.
#[test]
fn fingerprints_are_those_that_gpg_computes() {
    let point = |digits: &str| {
        let bytes = (0..digits.len()).step_by(2);
        bytes.map(|place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap()).collect::<Vec<_>>()
    };
    for (slot, algorithm, time, digits, print) in [
        (
            Slot::Authenticate,
            Algorithm::Ed25519,
            1_795_266_115,
            "8E7250A83708E93F8464BEB08BB43A0351C3616F38C37DF94690917FF6810057",
            "1547DC9778D71E38F12689F00D9F1C2ECBBFB523",
        ),
        (
            Slot::Decrypt,
            Algorithm::X25519,
            1_795_266_116,
            "4EFF368BEF5120585FD677F459E3DDB0A459066234BB8B1CAD202243745ECB18",
            "2D14529BE0127F190E9EF4B214C557891816DF52",
        ),
        (
            Slot::Sign,
            Algorithm::P256,
            1_795_266_118,
            "045D62F5CCAA7B20197D232CAD9377C234B858A9BDA8786609930ACC8FFEF64426B1A8CD0CA43C31495E3F551D717B86\
             52149210DB77427432731BFB5F0EA75698",
            "B0AACF93C5459BA2CD190A660C7055B829438771",
        ),
        (
            Slot::Decrypt,
            Algorithm::P384,
            1_795_266_118,
            "04AD9ED5750FC213F1F12F0EC510DF1D3FCAD4B3714F78CA1F9790B43FD04A231C07D9E7B9274C814A14C5D62681EEF1\
             F696601B29167CAFF9F1508BA16940A0DFEE87C2E7FD168CA93D130DA54AF11E61400489D19C249990D5C16843DC64AEC7",
            "4B8D6D1DCA78B6855505EE74A4F980E04FF28C06",
        ),
        (
            Slot::Decrypt,
            Algorithm::P521,
            1_795_266_121,
            "0400468CCD7FAAA275EF99739252BB49DEB94D2919090CE310675E59DBA4B9788D5CB8117B8821A511B4D3750BCE5BEF\
             EACED768790A826CA01C6A994C04A43A79100301D7EC9F7C2FDBA75D65A6C17D6A7EDE95A3B3AE074626B1E4C4ED22CB\
             5166B81C5DACA07048E432D6640A21FE899BBC1154C0435D25D57355127FFBDEACF970AC84",
            "0D45D64B3B3FD56475668BCA4995559382D5E097",
        ),
    ] {
        let document = spki::of_point(algorithm, &point(digits)).unwrap();
        assert_eq!(fingerprint(slot, &document, time).unwrap()[..], point(print), "{algorithm}");
    }
    assert_eq!(fingerprint(Slot::Sign, POINT, 0), None, "a point is no document");
}

#[test]
fn an_identity_is_not_written_anew() {
    let pin = secret("123456");
    let op = CardOp::Initialize { authority: Some(secret("12345678")) };
    assert!(matches!(unsent(Pin::Given(&pin), op), CardError::NotSupported(_)));
}

#[test]
fn a_certificate_is_written_by_leave_of_the_admin_pin() {
    let related = related([3, 0, 3], &[]);
    let write = |certificate: &[u8], authority: Option<&str>| CardOp::WriteCertificate {
        reference: "sign".to_owned(),
        certificate: certificate.to_vec(),
        authority: authority.map(secret),
    };
    let select: Turn<'_> = (b"\x00\xa5\x02\x04\x06\x60\x04\x5c\x02\x7f\x21", OK);
    let put: Turn<'_> = (b"\x00\xda\x7f\x21\x03\x30\x01\x2a", OK);
    let turns = [(RELATED, &related[..]), NO_KDF, (VERIFY_ADMIN, OK), select, put, LOGOUT_ADMIN];
    assert!(perform(&turns, write(b"\x30\x01\x2a", Some("12345678"))).is_ok());
    let pin = secret("123456");
    let refused = unsent(Pin::Given(&pin), write(b"\x30\x01\x2a", None));
    assert_eq!(refused, CardError::AuthorityNeeded("Admin PIN"));
    let long = tlv::element(0x30, &[&[0; 2100]]);
    let refused = error(perform(&[(RELATED, &related)], write(&long, Some("12345678"))));
    assert!(matches!(refused, CardError::DataInvalid(_)), "longer than the card takes");
    let turns = [(RELATED, &related[..]), NO_KDF, (VERIFY_ADMIN, OK), LOGOUT_ADMIN];
    let refused = error(perform(&turns, write(b"hello", Some("12345678"))));
    assert!(matches!(refused, CardError::DataInvalid(_)));
}
