use crate::spki::take;

/// What is looked at in a certificate (RFC 5280, 4.1); nothing in it is verified.
pub(crate) struct Fields<'a> {
    /// The issuer's name, the content of its DER.
    pub(crate) issuer: &'a [u8],
    /// The subject's name, likewise.
    pub(crate) subject: &'a [u8],
    /// The DER SubjectPublicKeyInfo.
    pub(crate) public_key: &'a [u8],
    /// What follows: unique ids, extensions.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Returns the fields of a DER certificate, `None` where it is none.
    pub(crate) fn of(certificate: &'a [u8]) -> Option<Self> {
        let (whole, []) = take(0x30, certificate)? else { return None };
        let (signed, _) = take(0x30, whole)?;
        let after_version = take(0xa0, signed).map_or(signed, |(_, rest)| rest);
        let (_serial, rest) = take(0x02, after_version)?;
        let (_signature, rest) = take(0x30, rest)?;
        let (issuer, rest) = take(0x30, rest)?;
        let (_validity, rest) = take(0x30, rest)?;
        let (subject, rest) = take(0x30, rest)?;
        let (_, after) = take(0x30, rest)?;
        let public_key = &rest[..rest.len() - after.len()];
        Some(Self { issuer, subject, public_key, rest: after })
    }

    /// Returns true where it may sign other certificates (RFC 5280, 4.2.1.9), as far as it says so itself.
    pub(crate) fn is_authority(&self) -> bool {
        let Some((extensions, _)) = take(0xa3, self.rest) else { return false };
        let Some((mut extensions, _)) = take(0x30, extensions) else { return false };
        while let Some((extension, rest)) = take(0x30, extensions) {
            if let Some(value) = extension.strip_prefix(BASIC_CONSTRAINTS) {
                let value = take(0x01, value).map_or(value, |(_critical, value)| value);
                let constraints = take(0x04, value).and_then(|(value, _)| take(0x30, value));
                return constraints
                    .is_some_and(|(constraints, _)| constraints.starts_with(&[0x01, 0x01, 0xff]));
            }
            extensions = rest;
        }
        false
    }
}

/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = b"\x06\x03\x55\x1d\x13";
/// Returns the certificate and, one by one, those of its issuers; nothing where it is another key's.
pub(crate) fn chain(certificate: Option<&[u8]>, public_key: &[u8], issuers: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut chain: Vec<Vec<u8>> = Vec::new();
    let mut next =
        certificate.filter(|it| Fields::of(it).is_some_and(|fields| fields.public_key == public_key));
    while let Some(certificate) = next {
        chain.push(certificate.to_vec());
        next = Fields::of(certificate).and_then(|fields| {
            let signs = |it: &&&[u8]| Fields::of(it).is_some_and(|signer| signer.subject == fields.issuer);
            let is_new = |it: &&&[u8]| !chain.iter().any(|there| there == *it);
            issuers.iter().filter(is_new).find(signs).copied()
        });
    }
    chain
}
