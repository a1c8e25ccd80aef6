//! Certificates in their order: the key's own, who issued it, who issued that, and so on.

use std::fmt;

use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{self, Decode, Encode};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};

/// Certificates in their order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The key's own first, then its issuer's as far as they were there.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// How many others were there that do not belong to it.
    pub(crate) left_out: usize,
}

/// Why certificates are no chain for a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// One of them cannot be read.
    Damaged(der::Error),
    /// None is of the key; the first is of this one (DER SubjectPublicKeyInfo).
    OfAnotherKey(Vec<u8>),
}

/// What of a certificate ties it to others.
struct Link<'a> {
    der: &'a [u8],
    public_key: Vec<u8>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    id: Option<Vec<u8>>,
    issuer_id: Option<Vec<u8>>,
}

impl<'a> Link<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let certificate = CertificateInner::<Raw>::from_der(der)?;
        let content = certificate.tbs_certificate();
        // An extension that cannot be read ties nothing.
        let id = content.get_extension::<SubjectKeyIdentifier>().ok().flatten();
        let issuer_id = content.get_extension::<AuthorityKeyIdentifier>().ok().flatten();
        Ok(Self {
            der,
            public_key: content.subject_public_key_info().to_der()?,
            subject: content.subject().to_der()?,
            issuer: content.issuer().to_der()?,
            id: id.map(|(_, id)| id.0.as_bytes().to_vec()),
            issuer_id: issuer_id.and_then(|(_, id)| id.key_identifier).map(|id| id.as_bytes().to_vec()),
        })
    }

    fn is_issued_by(&self, other: &Self) -> bool {
        let ids_fit = match (&self.issuer_id, &other.id) {
            (Some(wanted), Some(id)) => wanted == id,
            (None, _) | (_, None) => true,
        };
        self.issuer == other.subject && ids_fit
    }
}

/// Puts certificates into the order of a chain that begins with the first one of that key (DER SubjectPublicKeyInfo). Names and key
/// identifiers tie them; no signature is looked at.
pub(crate) fn in_order(certificates: &[Vec<u8>], public_key: &[u8]) -> Result<Chain, Unfit> {
    let mut rest: Vec<Link<'_>> = Vec::new();
    for der in certificates {
        if rest.iter().all(|link| link.der != der.as_slice()) {
            rest.push(Link::read(der).map_err(Unfit::Damaged)?);
        }
    }
    let Some(own) = rest.iter().position(|link| link.public_key == public_key) else {
        let public_key = rest.into_iter().next().map(|link| link.public_key).unwrap_or_default();
        return Err(Unfit::OfAnotherKey(public_key));
    };
    let mut last = rest.remove(own);
    let mut chain = vec![last.der.to_vec()];
    // One that names itself its issuer is the end.
    while last.issuer != last.subject
        && let Some(next) = rest.iter().position(|link| last.is_issued_by(link))
    {
        last = rest.remove(next);
        chain.push(last.der.to_vec());
    }
    Ok(Chain { certificates: chain, left_out: rest.len() })
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => write!(formatter, "it is no certificate: {error}"),
            Self::OfAnotherKey(_) => formatter.write_str("it is of another key"),
        }
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test fails by panicking")]

    use super::{Chain, Unfit, in_order};
    use std::path::Path;
    use std::process::Command;

    /// Runs openssl commands, one a line.
    fn openssl(folder: &Path, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let ran = Command::new("openssl").args(line.split(' ')).current_dir(folder).output();
            let ran = ran.expect("openssl");
            assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
        }
    }

    fn read(folder: &Path, name: &str) -> Vec<u8> {
        std::fs::read(folder.join(name)).expect("a file")
    }

    /// Two authorities that certified one another, and a holder of the first one's certificate.
    fn cross_signed(folder: &Path) {
        std::fs::write(folder.join("ca.ext"), "basicConstraints=CA:TRUE\nsubjectKeyIdentifier=hash\n")
            .expect("a file");
        openssl(
            folder,
            "req -new -newkey ed25519 -nodes -subj /CN=A -keyout a.key -out a.csr
             req -new -newkey ed25519 -nodes -subj /CN=B -keyout b.key -out b.csr
             req -new -newkey ed25519 -nodes -subj /CN=Holder -keyout own.key -out own.csr
             req -x509 -key a.key -subj /CN=A -out a-alone.crt
             req -x509 -key b.key -subj /CN=B -out b-alone.crt
             x509 -req -in a.csr -CA b-alone.crt -CAkey b.key -set_serial 1 -extfile ca.ext -outform DER -out a-by-b
             x509 -req -in b.csr -CA a-alone.crt -CAkey a.key -set_serial 2 -extfile ca.ext -outform DER -out b-by-a
             x509 -req -in own.csr -CA a-alone.crt -CAkey a.key -set_serial 3 -outform DER -out own
             pkey -in own.key -pubout -outform DER -out own.pub",
        );
    }

    #[test]
    fn a_chain_is_put_into_order_and_ends_where_authorities_certify_one_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        cross_signed(folder);
        let [own, a, b] = ["own", "a-by-b", "b-by-a"].map(|name| read(folder, name));
        let key = read(folder, "own.pub");
        let given = [b.clone(), own.clone(), a.clone(), own.clone()];
        let chain = in_order(&given, &key);
        assert_eq!(chain, Ok(Chain { certificates: vec![own, a, b], left_out: 0 }));
        // Of its own authority there is nothing: what has the authority's name but another key is not put there.
        openssl(
            folder,
            "req -x509 -newkey ed25519 -nodes -keyout x.key -subj /CN=A -outform DER -out another-a",
        );
        openssl(
            folder,
            "x509 -req -in own.csr -CA a-alone.crt -CAkey a.key -set_serial 4 -extfile ca.ext -outform DER -out tied",
        );
        let tied = read(folder, "tied");
        let chain = in_order(&[tied.clone(), read(folder, "another-a")], &key);
        assert_eq!(chain, Ok(Chain { certificates: vec![tied], left_out: 1 }));
    }

    #[test]
    fn without_the_keys_own_there_is_no_chain() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        cross_signed(folder);
        openssl(folder, "pkey -in a.key -pubout -outform DER -out a.pub");
        let unfit = in_order(&[read(folder, "a-by-b")], &read(folder, "own.pub"));
        assert_eq!(unfit, Err(Unfit::OfAnotherKey(read(folder, "a.pub"))));
        assert!(matches!(in_order(&[b"junk".to_vec()], b""), Err(Unfit::Damaged(_))));
    }
}
