//! Requests (PKCS#10, RFC 2986) and self-signed certificates (RFC 5280). Who signs them is passed in.

use std::time::{Duration, SystemTime};

use x509_cert::certificate::Rfc5280;
use x509_cert::der::asn1::{Any, BitString, ContextSpecific, ObjectIdentifier, SetOfVec};
use x509_cert::der::{self, Decode, Encode, Tag, TagMode, TagNumber};
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::usage::{Ability, Claim};
use crate::Problem;
use crate::public::{Curve, Kind};

/// The key that is certified and that signs.
pub(crate) struct Holder<'a> {
    /// What it is, and may be used for.
    pub(crate) ability: Ability<'a>,
    /// DER SubjectPublicKeyInfo.
    pub(crate) public_key: &'a [u8],
}

/// How a self-signed certificate is numbered, and how long it holds.
pub(crate) struct Term {
    /// 16 random bytes.
    pub(crate) serial: Vec<u8>,
    /// When it begins to hold.
    pub(crate) from: SystemTime,
    /// For how many days.
    pub(crate) days: u32,
}

/// Returns a request for a certificate, DER. `sign` is given what is to be signed with the kind's usual mechanism.
pub(crate) fn request(
    holder: &Holder<'_>,
    claim: &Claim,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Problem>,
) -> Result<Vec<u8>, Problem> {
    let info = request_info(holder, claim).map_err(unwritable)?;
    let algorithm = algorithm(holder).map_err(unwritable)?;
    let signature = sign(&info.to_der().map_err(unwritable)?)?;
    let signed = || CertReq { info, algorithm, signature: BitString::from_bytes(&signature)? }.to_der();
    signed().map_err(unwritable)
}

fn request_info(holder: &Holder<'_>, claim: &Claim) -> der::Result<CertReqInfo> {
    let extensions = claim.request_extensions(holder.ability)?;
    let mut attributes = SetOfVec::new();
    if !extensions.is_empty() {
        attributes.insert(ExtensionReq(extensions).try_into()?)?;
    }
    let public_key = SubjectPublicKeyInfoOwned::from_der(holder.public_key)?;
    Ok(CertReqInfo { version: Version::V1, subject: claim.subject.clone(), public_key, attributes })
}

/// Returns a certificate that the key gives itself, DER.
pub(crate) fn self_signed(
    holder: &Holder<'_>,
    claim: &Claim,
    term: &Term,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Problem>,
) -> Result<Vec<u8>, Problem> {
    let algorithm = algorithm(holder).map_err(unwritable)?;
    let content = certificate_content(holder, claim, term, &algorithm).map_err(unwritable)?;
    let signature = sign(&content)?;
    let signed = || sequence(&[content, algorithm.to_der()?, BitString::from_bytes(&signature)?.to_der()?]);
    signed().map_err(unwritable)
}

/// Returns a TBSCertificate. x509-cert lets nobody put one together but through its builder, which wants a key to hand.
fn certificate_content(
    holder: &Holder<'_>,
    claim: &Claim,
    term: &Term,
    algorithm: &AlgorithmIdentifierOwned,
) -> der::Result<Vec<u8>> {
    let public_key = SubjectPublicKeyInfoOwned::from_der(holder.public_key)?;
    let extensions =
        claim.certificate_extensions(holder.ability, public_key.subject_public_key.raw_bytes())?;
    let until = term.from + Duration::from_secs(u64::from(term.days) * 24 * 3600);
    let validity = Validity::<Rfc5280>::new(Time::try_from(term.from)?, Time::try_from(until)?);
    let name = claim.subject.to_der()?;
    sequence(&[
        explicit(0, x509_cert::Version::V3)?,
        SerialNumber::<Rfc5280>::new(&term.serial)?.to_der()?,
        algorithm.to_der()?,
        name.clone(),
        validity.to_der()?,
        name,
        public_key.to_der()?,
        explicit(3, extensions)?,
    ])
}

fn sequence(parts: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    Any::new(Tag::Sequence, parts.concat())?.to_der()
}

fn explicit<T: der::EncodeValue + der::Tagged>(number: u32, value: T) -> der::Result<Vec<u8>> {
    ContextSpecific { tag_number: TagNumber(number), tag_mode: TagMode::Explicit, value }.to_der()
}

/// Returns the algorithm of the key's usual signature (RFC 3279, 4055, 5758, 8410, 9881).
fn algorithm(holder: &Holder<'_>) -> der::Result<AlgorithmIdentifierOwned> {
    let (oid, parameters) = match holder.ability.kind {
        Kind::Ec(Curve::P256) => (ECDSA_SHA256, None),
        Kind::Ec(Curve::P384) => (ECDSA_SHA384, None),
        Kind::Ec(Curve::P521) => (ECDSA_SHA512, None),
        // RFC 4055, 5: "the parameters field MUST be NULL".
        Kind::Rsa => (RSA_SHA256, Some(Any::null())),
        // The key's own number is the signature's too; those that do not sign are sent back before.
        Kind::Ed25519 | Kind::MlDsa | Kind::X25519 | Kind::MlKem | Kind::Other => {
            (SubjectPublicKeyInfoOwned::from_der(holder.public_key)?.algorithm.oid, None)
        }
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters })
}

fn unwritable(error: der::Error) -> Problem {
    Problem::Failed(format!("cannot write it as X.509 wants it: {error}"))
}

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
