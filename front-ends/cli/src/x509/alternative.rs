//! The other names of whom a certificate is for (RFC 5280, 4.2.1.6): read from the command line, and told in words.

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use x509_cert::der::asn1::Ia5String;
use x509_cert::ext::pkix::name::GeneralName;

/// Reads a DNS name, which may begin with `*.`.
pub(crate) fn dns(text: &str) -> Result<GeneralName, String> {
    if !text.is_ascii() {
        return Err("write it in ASCII (xn--…)".to_owned());
    }
    let host = text.strip_prefix("*.").unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if text.len() > 253 || !host.split('.').all(is_label) {
        return Err("it is no DNS name like www.example.org".to_owned());
    }
    ascii(text).map(GeneralName::DnsName)
}

/// Reads an e-mail address.
pub(crate) fn email(text: &str) -> Result<GeneralName, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b','));
    match text.split_once('@') {
        Some((local, domain)) if is_plain && !local.is_empty() && dns(domain).is_ok() => {
            ascii(text).map(GeneralName::Rfc822Name)
        }
        _ => Err("it is no address like alice@example.org, in ASCII".to_owned()),
    }
}

/// Reads an IP address.
pub(crate) fn ip(text: &str) -> Result<GeneralName, String> {
    let address: IpAddr = text.parse().map_err(|_| "it is no IP address".to_owned())?;
    Ok(GeneralName::from(address))
}

/// Reads a URI, which must name its scheme (RFC 5280: "The name MUST NOT be a relative URI").
pub(crate) fn uri(text: &str) -> Result<GeneralName, String> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    match text.split_once(':') {
        Some((scheme, rest))
            if is_scheme(scheme) && !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            ascii(text).map(GeneralName::UniformResourceIdentifier)
        }
        _ => Err("it is no URI like https://example.org/, in ASCII".to_owned()),
    }
}

fn ascii(text: &str) -> Result<Ia5String, String> {
    Ia5String::new(text).map_err(|_| "it is not ASCII".to_owned())
}

/// Returns a name as OpenSSL writes it: `DNS:example.org`.
pub(crate) fn told(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => format!("DNS:{name}"),
        GeneralName::Rfc822Name(name) => format!("email:{name}"),
        GeneralName::UniformResourceIdentifier(name) => format!("URI:{name}"),
        GeneralName::IpAddress(octets) => format!("IP:{}", address(octets.as_bytes())),
        GeneralName::DirectoryName(name) => format!("name:{name}"),
        GeneralName::RegisteredId(oid) => format!("OID:{oid}"),
        GeneralName::OtherName(name) => format!("other:{}", name.type_id),
        GeneralName::EdiPartyName(_) => "EDI party".to_owned(),
    }
}

fn address(octets: &[u8]) -> String {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let address = four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    address.map_or_else(|_| HEXLOWER.encode(octets), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::{dns, email, ip, told, uri};
    use x509_cert::ext::pkix::name::GeneralName;

    #[test]
    fn names_are_read_and_told() {
        type Read = fn(&str) -> Result<GeneralName, String>;
        let cases: [(Read, &str, &str); 7] = [
            (dns, "www.example.org", "DNS:www.example.org"),
            (dns, "*.example.org", "DNS:*.example.org"),
            (dns, "localhost", "DNS:localhost"),
            (email, "alice@example.org", "email:alice@example.org"),
            (ip, "127.0.0.1", "IP:127.0.0.1"),
            (ip, "2001:db8::1", "IP:2001:db8::1"),
            (uri, "spiffe://example.org/alice", "URI:spiffe://example.org/alice"),
        ];
        for (read, text, words) in cases {
            assert_eq!(read(text).map(|name| told(&name)).as_deref(), Ok(words));
        }
    }

    #[test]
    fn what_is_no_such_name_is_refused() {
        for text in ["", "a..b", "-a.org", "a b", "ü.org", "a.*.org", "*.", &"a".repeat(64)] {
            assert!(dns(text).is_err(), "{text}");
        }
        for text in ["alice", "@example.org", "alice@", "alice@a@b", "älice@example.org", "A <a@b.org>"] {
            assert!(email(text).is_err(), "{text}");
        }
        assert!(ip("127.0.0").is_err() && ip("localhost").is_err());
        for text in ["example.org", "/path", ":x", "http:", "http://ü", "1a:b"] {
            assert!(uri(text).is_err(), "{text}");
        }
    }
}
