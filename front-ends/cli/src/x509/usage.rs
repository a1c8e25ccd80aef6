//! What a certificate is for, and the extensions that say so (RFC 5280, 4.2.1).

use clap::ValueEnum;
use sha2::{Digest, Sha256};
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{self, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::name::Name;

use crate::public::Kind;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// To log in to servers (TLS client).
    Client,
    /// To be a server (TLS server).
    Server,
    /// To sign and decrypt mail (S/MIME).
    Email,
    /// To sign programs.
    #[value(name = "codesigning")]
    CodeSigning,
}

impl Purpose {
    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Server => SERVER,
            Self::Client => CLIENT,
            Self::CodeSigning => CODE_SIGNING,
            Self::Email => EMAIL,
        }
    }

    /// Returns what an extended key usage is for, as on the command line; its number where it has no name there.
    pub(crate) fn told(oid: &ObjectIdentifier) -> String {
        match *oid {
            SERVER => "server".to_owned(),
            CLIENT => "client".to_owned(),
            CODE_SIGNING => "codesigning".to_owned(),
            EMAIL => "email".to_owned(),
            oid => oid.to_string(),
        }
    }
}

/// The key that is certified: its kind, and what its owner lets it be used for.
#[derive(Clone, Copy)]
pub(crate) struct Ability<'a> {
    pub(crate) kind: Kind,
    /// `sign`, `decrypt`, `derive`.
    pub(crate) usage: &'a [String],
}

impl Ability<'_> {
    fn may(self, usage: &str) -> bool {
        self.usage.iter().any(|allowed| allowed == usage)
    }

    /// Returns what the certificate says that the key is for: no more than the key does, and no more than is wanted.
    fn bits(self, purposes: &[Purpose], is_authority: bool) -> FlagSet<KeyUsages> {
        let mut bits = FlagSet::default();
        if self.may("sign") {
            bits |= KeyUsages::DigitalSignature;
        }
        let for_anything = purposes.is_empty() && !is_authority;
        let for_mail = for_anything || purposes.contains(&Purpose::Email);
        // A server's RSA key takes part in old key exchanges.
        let for_tls = for_mail || purposes.contains(&Purpose::Server);
        if self.kind == Kind::Rsa && self.may("decrypt") && for_tls {
            bits |= KeyUsages::KeyEncipherment;
        }
        if matches!(self.kind, Kind::Ec(_)) && self.may("derive") && for_mail {
            bits |= KeyUsages::KeyAgreement;
        }
        if is_authority {
            bits |= KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        }
        bits
    }
}

/// What a request or a certificate says of its holder.
pub(crate) struct Claim {
    /// Whose it is.
    pub(crate) subject: Name,
    /// The other names.
    pub(crate) names: Vec<GeneralName>,
    /// What for; anything where there is none.
    pub(crate) purposes: Vec<Purpose>,
    /// Whether the holder certifies others.
    pub(crate) is_authority: bool,
}

impl Claim {
    /// Returns the extensions of a request: what for, and the other names.
    pub(crate) fn request_extensions(&self, ability: Ability<'_>) -> der::Result<Vec<Extension>> {
        let mut extensions = Vec::new();
        // RFC 5280, 4.2.1.3: "at least one of the bits MUST be set to 1".
        let bits = ability.bits(&self.purposes, self.is_authority);
        if !bits.is_empty() {
            extensions.push(extension(true, &KeyUsage(bits))?);
        }
        if !self.purposes.is_empty() {
            let oids = self.purposes.iter().map(|purpose| purpose.oid()).collect();
            extensions.push(extension(false, &ExtendedKeyUsage(oids))?);
        }
        if !self.names.is_empty() {
            // 4.2.1.6: "If the subject field contains an empty sequence, […] the subjectAltName extension [is] critical".
            extensions.push(extension(self.subject.is_empty(), &SubjectAltName(self.names.clone()))?);
        }
        Ok(extensions)
    }

    /// Returns the extensions of a certificate over the key with these bits (the content of its subjectPublicKey).
    pub(crate) fn certificate_extensions(
        &self,
        ability: Ability<'_>,
        key: &[u8],
    ) -> der::Result<Vec<Extension>> {
        let constraints = BasicConstraints { ca: self.is_authority, path_len_constraint: None };
        // RFC 7093, 2, method 1: "the leftmost 160-bits of the SHA-256 hash of the value of the BIT STRING".
        let digest = Sha256::digest(key);
        let id = SubjectKeyIdentifier(OctetString::new(&digest[..20])?);
        let mut extensions = vec![extension(true, &constraints)?];
        extensions.extend(self.request_extensions(ability)?);
        extensions.push(extension(false, &id)?);
        Ok(extensions)
    }
}

fn extension<T: Encode + AssociatedOid>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

const SERVER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const EMAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");

#[cfg(test)]
mod tests {
    use super::{Ability, Purpose};
    use crate::public::{Curve, Kind};
    use x509_cert::der::flagset::FlagSet;
    use x509_cert::ext::pkix::KeyUsages as U;

    fn bits(kind: Kind, usage: &[&str], purposes: &[Purpose], is_authority: bool) -> FlagSet<U> {
        let usage: Vec<String> = usage.iter().map(|word| (*word).to_owned()).collect();
        Ability { kind, usage: &usage }.bits(purposes, is_authority)
    }

    #[test]
    fn a_key_is_certified_for_what_it_does_and_is_wanted_for() {
        let (rsa, ec) = (Kind::Rsa, Kind::Ec(Curve::P256));
        let both = ["sign", "decrypt"];
        assert_eq!(bits(rsa, &both, &[], false), U::DigitalSignature | U::KeyEncipherment);
        assert_eq!(bits(rsa, &both, &[Purpose::Server], false), U::DigitalSignature | U::KeyEncipherment);
        assert_eq!(bits(rsa, &both, &[Purpose::Client], false), FlagSet::from(U::DigitalSignature));
        assert_eq!(bits(rsa, &["sign"], &[], false), FlagSet::from(U::DigitalSignature));
        assert_eq!(
            bits(ec, &["sign", "derive"], &[Purpose::Email], false),
            U::DigitalSignature | U::KeyAgreement
        );
        assert_eq!(
            bits(ec, &["sign", "derive"], &[Purpose::Server], false),
            FlagSet::from(U::DigitalSignature)
        );
        assert_eq!(
            bits(Kind::Ed25519, &["sign"], &[], true),
            U::DigitalSignature | U::KeyCertSign | U::CRLSign
        );
        assert!(bits(Kind::X25519, &["derive"], &[Purpose::Client], false).is_empty());
    }
}
