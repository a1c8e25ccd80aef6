//! `claviger key request`, and certificates that keys give themselves.

use std::time::SystemTime;

use claviger_client::blocking::Client;
use claviger_client::{KeyRow, SignOptions};
use serde_json::json;
use x509_cert::name::Name;

use super::patience::Patience;
use super::{connect, look_at};
use crate::certificate::Certificate;
use crate::cli::{self, CertificateFormat, Global, Request, SelfSigned, Wanted};
use crate::files::{Form, Output};
use crate::public::Kind;
use crate::show::plain;
use crate::x509::document::{self, Holder, Term};
use crate::x509::name;
use crate::x509::usage::{Ability, Claim};
use crate::{Problem, files};

/// `claviger key request`
pub(super) fn request(global: &Global, options: Request) -> Result<(), Problem> {
    let Request { key, wanted, format, output } = options;
    let claim = claim(&wanted, false);
    if claim.subject.is_empty() && claim.names.is_empty() {
        return Err(Problem::Usage(
            "cannot make a request for nobody: say whose it is to be with --subject CN=NAME, or --dns, --email, --ip or --uri"
                .to_owned(),
        ));
    }
    let client = connect(global)?;
    let (id, row) = look_at(&client, &key, "make a request with")?;
    let request = document::request(&holder(&row, "make a request")?, &claim, |content| {
        sign(&client, &id, &row, (content, "a certificate request"))
    })?;
    let output = Output::new(output, global.json);
    match format {
        CertificateFormat::Der => output.bytes("request", &request, Form::Binary),
        CertificateFormat::Pem => {
            let text = files::pem("CERTIFICATE REQUEST", &request);
            if global.json && output.is_standard() {
                return files::json(&json!({ "request": text }));
            }
            output.write(text.as_bytes())
        }
    }
}

/// Has a key give itself a certificate, and returns it.
pub(super) fn self_signed(client: &Client, options: &cli::Certificate) -> Result<Vec<u8>, Problem> {
    let SelfSigned { days, ca, wanted } = &options.own;
    let (id, row) = look_at(client, &options.key, "sign a certificate with")?;
    spare(row.certificate.as_ref().map(|der| der.as_slice()))?;
    let mut claim = claim(wanted, *ca);
    // It is its own issuer too, and an issuer has a name (RFC 5280, 4.1.2.4).
    if claim.subject.is_empty() {
        claim.subject = usual_subject(&id, &row);
    }
    let mut serial = client.random(SERIAL)?.as_bytes().to_vec();
    // A positive number, and one that has all its bytes (RFC 5280, 4.1.2.2).
    serial.iter_mut().take(1).for_each(|first| *first = *first & 0x7f | 0x40);
    let term = Term { serial, from: SystemTime::now(), days: days.unwrap_or(DAYS) };
    let holder = holder(&row, "sign a certificate")?;
    document::self_signed(&holder, &claim, &term, |content| {
        sign(client, &id, &row, (content, "its own certificate"))
    })
}

/// Refuses where an authority's certificate would be lost.
fn spare(certificate: Option<&[u8]>) -> Result<(), Problem> {
    let Some(said) = certificate.and_then(Certificate::read) else { return Ok(()) };
    if said.subject == said.issuer {
        return Ok(());
    }
    Err(Problem::Failed(format!(
        "cannot sign a certificate: the key has one already, from {}; `claviger key certificate KEY --remove` takes it away first",
        plain(&said.issuer)
    )))
}

/// Returns the key's label as a name, or its id where it has no label or one that no name can have.
fn usual_subject(id: &str, row: &KeyRow) -> Name {
    let common_name = |text: &str| {
        let escape = |letter: char| match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | ' ' | '#' | '=' => format!("\\{letter}"),
            letter => letter.to_string(),
        };
        name::parse(&format!("CN={}", text.chars().map(escape).collect::<String>()))
    };
    common_name(&row.label).or_else(|_| common_name(id)).unwrap_or_default()
}

fn claim(wanted: &Wanted, is_authority: bool) -> Claim {
    let Wanted { subject, dns, email, ip, uri, purposes } = wanted;
    let names = [dns, email, ip, uri].into_iter().flatten().cloned().collect();
    Claim { subject: subject.clone().unwrap_or_default(), names, purposes: purposes.clone(), is_authority }
}

fn holder<'a>(row: &'a KeyRow, doing: &str) -> Result<Holder<'a>, Problem> {
    let kind = Kind::of_public_key(&row.public_key);
    if kind.usual_signature().is_none() {
        return Err(Problem::Failed(format!(
            "cannot {doing}: keys of {} make no signatures; `claviger key list --usage sign` shows those that do",
            plain(&row.algorithm)
        )));
    }
    Ok(Holder { ability: Ability { kind, usage: &row.usage }, public_key: &row.public_key })
}

/// Has the key store sign content of that kind with the key's usual mechanism, as X.509 writes signatures.
fn sign(client: &Client, id: &str, row: &KeyRow, (content, what): (&[u8], &str)) -> Result<Vec<u8>, Problem> {
    let kind = Kind::of_public_key(&row.public_key);
    let mechanism = kind.usual_signature().unwrap_or_default();
    let format = matches!(kind, Kind::Ec(_)).then(|| "der".to_owned());
    let waiting = Patience::with("signing");
    let options = SignOptions { format, reason: Some(what.to_owned()), ..SignOptions::default() };
    let signature = client.sign(id, mechanism, content, &options)?;
    drop(waiting);
    Ok(signature)
}

/// How long a self-signed certificate holds unless told.
const DAYS: u32 = 365;
/// Bytes of a serial number (RFC 5280, 4.1.2.2: at most 20).
const SERIAL: u32 = 16;

#[cfg(test)]
mod tests {
    use super::{spare, usual_subject};
    use claviger_client::KeyRow;

    #[test]
    fn a_key_names_itself_by_its_label_if_that_can_be_a_name() {
        let named = |label: &str| {
            let row = KeyRow { label: label.to_owned(), ..KeyRow::default() };
            usual_subject("00ff", &row).to_string()
        };
        assert_eq!(named("mail, work"), r"CN=mail\, work");
        assert_eq!(named(" a=b#"), r"CN=\ a=b#");
        assert_eq!(named(""), "CN=00ff");
        assert_eq!(named(&"long".repeat(20)), "CN=00ff");
        assert_eq!(named("a\u{1b}[2J"), "CN=00ff");
    }

    #[test]
    fn what_is_no_certificate_is_no_loss() {
        assert!(spare(None).is_ok() && spare(Some(b"junk")).is_ok());
    }
}
