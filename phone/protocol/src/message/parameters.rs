use std::fmt::Write;

use claviger_token::{Hash, Kdf, Parameters};
use data_encoding::BASE64;

use crate::at::base64;
use crate::{Failure, Rv};

/// Writes parameters as `name=value` parted by `;`, those that are given, in the order of the table in docs/phone-protocol.md.
pub(super) fn to_text(parameters: &Parameters) -> String {
    let Parameters { hash, mgf_hash, salt_length, label, kdf, shared_info, length, context } = parameters;
    let mut text = String::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let separator = if text.is_empty() { "" } else { ";" };
            // Writing to a string does not fail.
            let _ = write!(text, "{separator}{name}={value}");
        }
    };
    put("hash", hash.map(|hash| hash.name().to_owned()));
    put("mgf-hash", mgf_hash.map(|hash| hash.name().to_owned()));
    put("salt-length", salt_length.map(|length| length.to_string()));
    put("label", label.as_ref().map(|label| BASE64.encode(label)));
    put("kdf", kdf.map(|kdf| kdf_name(kdf).to_owned()));
    put("shared-info", shared_info.as_ref().map(|info| BASE64.encode(info)));
    put("length", length.map(|length| length.to_string()));
    put("context", context.as_ref().map(|context| BASE64.encode(context)));
    text
}

/// Reads parameters in any order, each at most once.
pub(super) fn from_text(text: &str) -> Result<Parameters, Failure> {
    let mut parameters = Parameters::default();
    for pair in text.split(';').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| bad("a parameter has no value"))?;
        let Parameters { hash, mgf_hash, salt_length, label, kdf, shared_info, length, context } =
            &mut parameters;
        match name {
            "hash" => fill(hash, Hash::from_name(value))?,
            "mgf-hash" => fill(mgf_hash, Hash::from_name(value))?,
            "salt-length" => fill(salt_length, value.parse().ok())?,
            "label" => fill(label, base64(value))?,
            "kdf" => fill(kdf, kdf_from_name(value))?,
            "shared-info" => fill(shared_info, base64(value))?,
            "length" => fill(length, value.parse().ok())?,
            "context" => fill(context, base64(value))?,
            _ => return Err(bad("a parameter is not known")),
        }
    }
    Ok(parameters)
}

fn fill<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Failure> {
    let value = value.ok_or_else(|| bad("the value of a parameter is none"))?;
    if place.replace(value).is_some() { Err(bad("a parameter comes twice")) } else { Ok(()) }
}

const fn kdf_name(kdf: Kdf) -> &'static str {
    match kdf {
        Kdf::Null => "null",
        Kdf::Hkdf => "hkdf",
    }
}

fn kdf_from_name(name: &str) -> Option<Kdf> {
    [Kdf::Null, Kdf::Hkdf].into_iter().find(|kdf| kdf_name(*kdf) == name)
}

fn bad(why: &str) -> Failure {
    Failure::new(Rv::MechanismParamInvalid, why)
}

/// Returns PKCS#11's `CKM_` number of a digest.
pub(super) const fn digest_number(hash: Hash) -> u64 {
    match hash {
        Hash::Sha1 => 0x220,
        Hash::Sha224 => 0x255,
        Hash::Sha256 => 0x250,
        Hash::Sha384 => 0x260,
        Hash::Sha512 => 0x270,
        Hash::Sha3_224 => 0x2b5,
        Hash::Sha3_256 => 0x2b0,
        Hash::Sha3_384 => 0x2c0,
        Hash::Sha3_512 => 0x2d0,
    }
}

/// Returns the digest of that number.
pub(super) fn digest_from_number(number: u64) -> Option<Hash> {
    Hash::ALL.into_iter().find(|hash| digest_number(*hash) == number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use claviger_token::{Hash, Kdf, Parameters};

    use super::{digest_from_number, digest_number, from_text, to_text};

    #[test]
    fn parameters_are_read_back_as_they_were_written() {
        let full = Parameters {
            hash: Some(Hash::Sha3_256),
            mgf_hash: Some(Hash::Sha1),
            salt_length: Some(0),
            label: Some(b"la=b;el".to_vec()),
            kdf: Some(Kdf::Hkdf),
            shared_info: Some(Vec::new()),
            length: Some(u32::MAX),
            context: Some(vec![0, 255]),
        };
        assert_eq!(
            to_text(&full),
            "hash=SHA3_256;mgf-hash=SHA_1;salt-length=0;label=bGE9Yjtl bA==;kdf=hkdf;shared-info=;length=4294967295;context=AP8="
                .replace(' ', "")
        );
        for parameters in [full, Parameters::default()] {
            assert_eq!(from_text(&to_text(&parameters)), Ok(parameters));
        }
        assert_eq!(from_text("length=1;hash=sha-256").unwrap().hash, Some(Hash::Sha256), "any order");
    }

    #[test]
    fn wrong_parameters_are_refused() {
        for bad in
            ["hash", "hash=", "hash=md5", "speed=1", "length=1;length=1", "length=-1", "label=Q", "kdf=x"]
        {
            assert!(from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_digest_is_found_by_its_number() {
        for hash in Hash::ALL {
            assert_eq!(digest_from_number(digest_number(hash)), Some(hash));
        }
        assert_eq!(digest_from_number(0x210), None, "CKM_MD5");
    }
}
