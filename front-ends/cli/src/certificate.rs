//! Certificates: read from files, told in words, and written as PEM.
//!
//! Nothing is verified here: a certificate says what it says, and who may trust it is for others to judge.

use std::path::Path;

use claviger_client::names::DATA_LIMIT;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;

use crate::import::pem_blocks;
use crate::show::{Facts, plain, time};
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
}

impl Certificate {
    /// Returns what a DER certificate says, if it is one.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = CertificateInner::<Raw>::from_der(der).ok()?;
        let said = certificate.tbs_certificate();
        let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).ok();
        Some(Self {
            subject: said.subject().to_string(),
            issuer: said.issuer().to_string(),
            serial: HEXLOWER.encode(said.serial_number().as_bytes()),
            not_before: seconds(said.validity().not_before)?,
            not_after: seconds(said.validity().not_after)?,
        })
    }

    /// Returns a DER certificate in one line: whose it is and until when.
    pub(crate) fn summary(der: &[u8]) -> String {
        match Self::read(der) {
            Some(said) => format!("{}, until {}", plain(&said.subject), time(said.not_after)),
            None => format!("{} bytes that are no certificate", der.len()),
        }
    }

    /// Returns it in words.
    pub(crate) fn facts(&self) -> Facts {
        let Self { subject, issuer, serial, not_before, not_after } = self;
        let mut facts = Facts::default();
        facts
            .add("subject", plain(subject))
            .add("issuer", plain(issuer))
            .add("serial", serial)
            .add("not before", time(*not_before))
            .add("not after", time(*not_after));
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
    })
}

/// Reads certificates from a file, in their order: PEM with anything around it, or one in DER.
pub(crate) fn read_all(path: &Path) -> Result<Vec<Vec<u8>>, Problem> {
    let name = files::display(Some(path));
    let contents = files::read(Some(path), DATA_LIMIT)?;
    let blocks =
        pem_blocks(&contents).map_err(|error| Problem::Failed(format!("cannot read {name}: {error}")))?;
    let in_pem = blocks.into_iter().filter(|block| block.label == "CERTIFICATE");
    let mut certificates: Vec<Vec<u8>> = in_pem.map(|block| block.der.to_vec()).collect();
    if certificates.is_empty() {
        certificates.push(contents.to_vec());
    }
    if certificates.iter().any(|der| Certificate::read(der).is_none()) {
        return Err(Problem::Failed(format!("cannot read {name}: it is no certificate (PEM or DER)")));
    }
    Ok(certificates)
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
