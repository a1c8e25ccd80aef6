//! Certificates: read from files, told in words, and written as PEM.
//!
//! Nothing is verified here: a certificate says what it says, and who may trust it is for others to judge.

use std::path::Path;
use std::time::SystemTime;

use claviger_client::names::DATA_LIMIT;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};

use crate::import::pem_blocks;
use crate::show::{Colour, Facts, plain, time};
use crate::x509::{Purpose, alternative};
use crate::{Problem, files};

/// What a certificate says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Whose it is, as in RFC 4514.
    pub(crate) subject: String,
    /// Who says so.
    pub(crate) issuer: String,
    /// Its number among the issuer's, in hexadecimal.
    pub(crate) serial: String,
    /// When it begins to hold, seconds since 1970.
    pub(crate) not_before: i64,
    /// When it ends to hold.
    pub(crate) not_after: i64,
    /// The other names of whom it is for, as OpenSSL writes them.
    pub(crate) names: Vec<String>,
    /// What it is for; anything where there is none.
    pub(crate) purposes: Vec<String>,
    /// Whether its holder certifies others.
    pub(crate) is_authority: bool,
    /// The SHA-256 of all of it, in hexadecimal.
    pub(crate) fingerprint: String,
}

impl Certificate {
    /// Returns what a DER certificate says, if it is one.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = CertificateInner::<Raw>::from_der(der).ok()?;
        let said = certificate.tbs_certificate();
        let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).ok();
        // An extension that cannot be read says nothing.
        let names = said.get_extension::<SubjectAltName>().ok().flatten();
        let purposes = said.get_extension::<ExtendedKeyUsage>().ok().flatten();
        let constraints = said.get_extension::<BasicConstraints>().ok().flatten();
        Some(Self {
            subject: said.subject().to_string(),
            issuer: said.issuer().to_string(),
            serial: HEXLOWER.encode(said.serial_number().as_bytes()),
            not_before: seconds(said.validity().not_before)?,
            not_after: seconds(said.validity().not_after)?,
            names: names.iter().flat_map(|(_, names)| &names.0).map(alternative::told).collect(),
            purposes: purposes.iter().flat_map(|(_, oids)| &oids.0).map(Purpose::told).collect(),
            is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
            fingerprint: HEXLOWER.encode(&Sha256::digest(der)),
        })
    }

    /// Returns a DER certificate in one line: whose it is and until when.
    pub(crate) fn summary(der: &[u8]) -> String {
        match Self::read(der) {
            Some(said) => format!("{}, until {}", said.holder(), time(said.not_after)),
            None => format!("{} bytes that are no certificate", der.len()),
        }
    }

    /// Returns whose it is: the subject, or the first other name where there is none.
    fn holder(&self) -> String {
        let name = if self.subject.is_empty() { self.names.first() } else { Some(&self.subject) };
        name.map_or_else(|| "nobody".to_owned(), |name| plain(name))
    }

    /// Returns why nobody will take it now, if that is so.
    pub(crate) fn doubt(&self) -> Option<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        if now > self.not_after {
            return Some(format!("the certificate of {} ended on {}", self.holder(), time(self.not_after)));
        }
        (now < self.not_before).then(|| {
            format!("the certificate of {} holds from {} only", self.holder(), time(self.not_before))
        })
    }

    /// Returns it in words.
    pub(crate) fn facts(&self) -> Facts {
        let Self {
            subject,
            issuer,
            serial,
            not_before,
            not_after,
            names,
            purposes,
            is_authority,
            fingerprint,
        } = self;
        let mut facts = Facts::default();
        facts
            .add("subject", plain(subject))
            .add("issuer", plain(issuer))
            .add("serial", serial)
            .add("not before", time(*not_before))
            .add("not after", time(*not_after));
        for name in names {
            facts.add("name", plain(name));
        }
        if !purposes.is_empty() {
            facts.add("usage", plain(&purposes.join(", ")));
        }
        if *is_authority {
            facts.add("authority", "yes: it certifies others");
        }
        facts.add("SHA-256", fingerprint);
        if let Some(doubt) = self.doubt() {
            facts.add("warning", Colour::Red.paint(&doubt));
        }
        facts
    }
}

/// Returns a DER certificate as JSON; what it says is `null` where it cannot be read.
pub(crate) fn to_json(der: &[u8]) -> Value {
    let said = Certificate::read(der);
    let said = said.as_ref();
    json!({
        "der": BASE64.encode(der),
        "subject": said.map(|said| &said.subject), "issuer": said.map(|said| &said.issuer),
        "serial": said.map(|said| &said.serial), "not-before": said.map(|said| said.not_before),
        "not-after": said.map(|said| said.not_after),
        "names": said.map(|said| &said.names), "usage": said.map(|said| &said.purposes),
        "authority": said.map(|said| said.is_authority), "sha-256": said.map(|said| &said.fingerprint),
    })
}

/// Reads certificates from a file, in their order: PEM with anything around it, or one in DER.
pub(crate) fn read_all(path: &Path) -> Result<Vec<Vec<u8>>, Problem> {
    let name = files::display(Some(path));
    let contents = files::read(Some(path), DATA_LIMIT)?;
    let blocks =
        pem_blocks(&contents).map_err(|error| Problem::Failed(format!("cannot read {name}: {error}")))?;
    let labels: Vec<String> = blocks.iter().map(|block| block.label.clone()).collect();
    let in_pem = blocks.into_iter().filter(|block| block.label == "CERTIFICATE");
    let mut certificates: Vec<Vec<u8>> = in_pem.map(|block| block.der.to_vec()).collect();
    if certificates.is_empty() {
        certificates.push(contents.to_vec());
    }
    if certificates.iter().any(|der| Certificate::read(der).is_none()) {
        let what = what_else(&labels);
        return Err(Problem::Failed(format!("cannot read {name}: it is no certificate (PEM or DER){what}")));
    }
    Ok(certificates)
}

/// Says what else a PEM file is, and what to do with it.
fn what_else(labels: &[String]) -> &'static str {
    let has = |label: &str| labels.iter().any(|there| there == label);
    if has("PKCS7") {
        ", but PKCS#7: `openssl pkcs7 -print_certs -in FILE -out CHAIN` takes the certificates out of it"
    } else if has("CERTIFICATE REQUEST") || has("NEW CERTIFICATE REQUEST") {
        ", but a request: give it to an authority, and set the certificate that comes back"
    } else if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
        ", but a private key: `claviger key import FILE` takes it in"
    } else {
        ""
    }
}

/// Returns certificates as PEM (RFC 7468), one after another.
pub(crate) fn to_pem(certificates: &[Vec<u8>]) -> String {
    certificates.iter().map(|der| files::pem("CERTIFICATE", der)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

    use super::{Certificate, read_all, to_json, to_pem};
    use std::path::Path;
    use std::process::Command;

    /// Has openssl make a certificate, `cert.pem` and `cert.der`.
    fn make(folder: &Path) {
        let run = |arguments: &[&str]| {
            let output =
                Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "key.pem",
            "-subj",
            "/C=DE/O=Claviger/CN=Alice Example",
            "-set_serial",
            "0x00c0ffee",
            "-days",
            "30",
            "-out",
            "cert.pem",
        ]);
        run(&["x509", "-in", "cert.pem", "-outform", "DER", "-out", "cert.der"]);
        run(&["x509", "-in", "cert.pem", "-noout", "-enddate", "-dateopt", "iso_8601", "-out", "end"]);
    }

    #[test]
    fn a_certificate_says_whose_it_is_and_until_when() {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path());
        let certificates = read_all(&folder.path().join("cert.pem")).expect("a certificate");
        assert_eq!(certificates, read_all(&folder.path().join("cert.der")).expect("a certificate"));
        let [der] = certificates.as_slice() else { panic!("one certificate") };
        let said = Certificate::read(der).expect("a certificate");
        assert_eq!(said.subject, "CN=Alice Example,O=Claviger,C=DE");
        assert_eq!(said.issuer, said.subject);
        assert!(said.serial.ends_with("c0ffee"), "{}", said.serial);
        assert_eq!(said.not_after - said.not_before, 30 * 24 * 3600);
        assert_eq!(to_json(der)["not-after"], said.not_after);
        // "notAfter=2026-12-21 12:00:00Z"
        let end = std::fs::read_to_string(folder.path().join("end")).expect("a file");
        let end = end.trim().trim_start_matches("notAfter=").replace(' ', "T");
        assert_eq!(Certificate::summary(der), format!("{}, until {end}", said.subject));
        assert_eq!(said.facts().lines()[4], format!("not after   {end}"));
    }

    #[test]
    fn pem_is_written_as_openssl_writes_it_and_a_chain_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path());
        let pem = std::fs::read_to_string(folder.path().join("cert.pem")).expect("a file");
        let der = std::fs::read(folder.path().join("cert.der")).expect("a file");
        assert_eq!(to_pem(std::slice::from_ref(&der)), pem);
        let chain = folder.path().join("chain.pem");
        std::fs::write(&chain, format!("subject=/CN=x\n{pem}issuer of it:\n{pem}")).expect("a file");
        assert_eq!(read_all(&chain).expect("certificates"), [der.clone(), der]);
    }

    #[test]
    fn what_is_no_certificate_is_refused_but_still_told() {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path());
        let why = read_all(&folder.path().join("key.pem")).expect_err("a private key");
        assert!(why.to_string().contains("no certificate"), "{why}");
        assert_eq!(Certificate::summary(b"hello"), "5 bytes that are no certificate");
        assert!(to_json(b"hello")["subject"].is_null());
    }
}
