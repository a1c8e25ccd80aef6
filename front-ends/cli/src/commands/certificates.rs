use claviger_client::blocking::Client;
use claviger_client::{ByteBuf, CertificateOptions, KeyFilter, KeyRow};
use serde_json::{Value, json};

use super::patience::Patience;
use super::{connect, look_at, requests, say};
use crate::certificate::{self, to_pem};
use crate::cli::{Certificate, CertificateFormat, Global};
use crate::files::{Form, Output};
use crate::show::plain;
use crate::x509::chain::{self, Chain, Unfit};
use crate::{Problem, files};

/// `claviger key certificate`
pub(super) fn run(global: &Global, options: Certificate) -> Result<(), Problem> {
    if options.self_signed {
        return self_sign(global, &options);
    }
    if !options.own.is_empty() {
        return Err(Problem::Usage(
            "cannot say how a certificate is to be but with --self-signed; `claviger key request` asks an authority for one"
                .to_owned(),
        ));
    }
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
    let client = connect(global)?;
    if options.remove {
        // An empty certificate takes the old one away.
        give(&client, options, Vec::new())?;
        return say(global, "the key has no certificate now");
    }
    let (_, row) = look_at(&client, &options.key, "set the certificate of")?;
    let Chain { certificates, left_out } = match chain::in_order(&certificates, &row.public_key) {
        Ok(chain) => chain,
        Err(unfit) => return Err(refusal(&client, &unfit)),
    };
    if left_out > 0 {
        eprintln!("warning: {left_out} of the certificates given are not of its chain, and were left out");
    }
    for der in &certificates {
        if let Some(doubt) = certificate::Certificate::read(der).and_then(|said| said.doubt()) {
            eprintln!("warning: {doubt}");
        }
    }
    let told = match certificates.len() {
        1 => "the certificate is set".to_owned(),
        count => format!("the certificate is set, with {} above it", count - 1),
    };
    let is_written = give(&client, options, certificates)?;
    say(global, &if is_written { format!("{told}, and written to the card") } else { told })
}

/// Says why certificates cannot be set, and for which of the user's keys they are.
fn refusal(client: &Client, unfit: &Unfit) -> Problem {
    let whose = match unfit {
        Unfit::Damaged(_) => None,
        Unfit::OfAnotherKey(public_key) => client
            .list_keys(&KeyFilter::default())
            .unwrap_or_default()
            .into_iter()
            .find(|(_, row): &(String, KeyRow)| row.public_key.as_slice() == public_key.as_slice()),
    };
    let hint = match (unfit, whose) {
        (Unfit::Damaged(_), _) => String::new(),
        (_, Some((id, row))) => {
            format!(": it is for your key {id} {}", plain(&row.label)).trim_end().to_owned()
        }
        (_, None) => " that you do not have; `claviger key request` asks for one for this key".to_owned(),
    };
    Problem::Failed(format!("cannot set the certificate: {unfit}{hint}"))
}

fn self_sign(global: &Global, options: &Certificate) -> Result<(), Problem> {
    let client = connect(global)?;
    let certificate = requests::self_signed(&client, options)?;
    let told =
        format!("the key signed its own certificate: {}", certificate::Certificate::summary(&certificate));
    let is_written = give(&client, options, vec![certificate])?;
    say(global, &if is_written { format!("{told}; it is written to the card") } else { told })
}

/// Gives a key its certificates, its own first; none takes them away. Returns whether the card has it too.
fn give(client: &Client, options: &Certificate, certificates: Vec<Vec<u8>>) -> Result<bool, Problem> {
    let mut certificates = certificates.into_iter();
    let own = certificates.next().unwrap_or_default();
    let chain: Vec<_> = certificates.map(ByteBuf::from).collect();
    let authority = options.authority.authority().get()?;
    let wanted = CertificateOptions {
        chain: (!chain.is_empty()).then_some(chain),
        authority: authority.map(|secret| secret.to_descriptor()).transpose()?,
    };
    client.set_certificate(&options.key, &own, &wanted)?;
    Ok(wanted.authority.is_some())
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
