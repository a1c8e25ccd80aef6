use claviger_client::{ByteBuf, CertificateOptions};
use serde_json::{Value, json};

use super::patience::Patience;
use super::{connect, look_at, say};
use crate::certificate::{self, to_pem};
use crate::cli::{Certificate, CertificateFormat, Global};
use crate::files::{Form, Output};
use crate::{Problem, files};

/// `claviger key certificate`
pub(super) fn run(global: &Global, options: Certificate) -> Result<(), Problem> {
    if options.set.is_some() || options.remove { set(global, &options) } else { show(global, options) }
}

fn show(global: &Global, options: Certificate) -> Result<(), Problem> {
    let Certificate { key, chain, format, output, .. } = options;
    if chain && format == Some(CertificateFormat::Der) {
        return Err(Problem::Usage("cannot write a chain as DER: that takes one certificate".to_owned()));
    }
    let client = connect(global)?;
    // The default key is found by asking for it: certificates are asked of a key that is named.
    let key = if key.is_empty() { look_at(&client, "", "show the certificate of")?.0 } else { key };
    let mut certificates = client.certificates(&key)?;
    if certificates.is_empty() {
        return Err(Problem::Failed(
            "cannot show the certificate: the key has none; `claviger key certificate KEY --set FILE` gives it one"
                .to_owned(),
        ));
    }
    if !chain {
        certificates.truncate(1);
    }
    let alone = format.is_some() || output.is_some();
    let output = Output::new(output, global.json);
    match format {
        Some(CertificateFormat::Der) => output.bytes("certificate", &certificates.concat(), Form::Binary),
        None if global.json && !alone => {
            let certificates: Value = certificates.iter().map(|der| certificate::to_json(der)).collect();
            files::json(&json!({ "certificates": certificates }))
        }
        Some(CertificateFormat::Pem) | None => {
            let text = if alone { to_pem(&certificates) } else { in_words(&certificates) };
            print(global, &output, &text)
        }
    }
}

/// Returns PEM with what each certificate says before it: readers of PEM pass it over (RFC 7468, section 2).
fn in_words(certificates: &[Vec<u8>]) -> String {
    let told = |der: &Vec<u8>| {
        let words = match certificate::Certificate::read(der) {
            Some(said) => said.facts().lines().join("\n"),
            None => certificate::Certificate::summary(der),
        };
        format!("{words}\n{}", to_pem(std::slice::from_ref(der)))
    };
    certificates.iter().map(told).collect::<Vec<_>>().join("\n")
}

fn set(global: &Global, options: &Certificate) -> Result<(), Problem> {
    let mut certificates = Vec::new();
    if let Some(file) = &options.set {
        certificates = certificate::read_all(file)?;
    }
    if let Some(file) = &options.chain_file {
        certificates.extend(certificate::read_all(file)?);
    }
    let mut certificates = certificates.into_iter();
    // An empty certificate takes the old one away.
    let own = certificates.next().unwrap_or_default();
    let chain: Vec<_> = certificates.map(ByteBuf::from).collect();
    let authority = options.authority.authority().get()?;
    let wanted = CertificateOptions {
        chain: (!chain.is_empty()).then_some(chain),
        authority: authority.map(|secret| secret.to_descriptor()).transpose()?,
    };
    let is_written = wanted.authority.is_some();
    connect(global)?.set_certificate(&options.key, &own, &wanted)?;
    match (options.remove, is_written) {
        (true, _) => say(global, "the key has no certificate now"),
        (false, true) => say(global, "the certificate is set, and written to the card"),
        (false, false) => say(global, "the certificate is set"),
    }
}

/// `claviger key attest`
pub(super) fn attest(global: &Global, key: &str, output: Output) -> Result<(), Problem> {
    let client = connect(global)?;
    let waiting = Patience::with("asking the card");
    let certificates = client.attest(key)?;
    drop(waiting);
    print(global, &output, &to_pem(&certificates))
}

/// Writes text to a file, or to standard output, as JSON where that is wanted.
fn print(global: &Global, output: &Output, text: &str) -> Result<(), Problem> {
    if global.json && output.is_standard() {
        return files::json(&json!({ "certificates": text }));
    }
    output.write(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn words_stand_before_the_pem_and_not_in_it() {
        let text = in_words(&[vec![1, 2, 3], vec![4]]);
        let begin = "-----BEGIN CERTIFICATE-----";
        assert_eq!(text.matches(begin).count(), 2);
        assert!(text.starts_with("3 bytes that are no certificate\n-----BEGIN"));
        assert!(text.contains("-----END CERTIFICATE-----\n\n1 bytes that"));
    }
}
