use std::os::fd::AsFd;

use claviger_dbus::wire::VerifyOptions;
use claviger_dbus::{CallError, ErrorName};

use crate::{Client, Error};

impl Client {
    /// Returns true where `signature` is a signature of a file's contents, of any size.
    ///
    /// The daemon verifies no files, so the file is digested by descriptor and the digest verified. That works
    /// for mechanisms that digest the message themselves; `mechanism` must name one.
    pub async fn verify_file(
        &self,
        public_key: &[u8],
        mechanism: &str,
        file: &impl AsFd,
        signature: &[u8],
        options: &VerifyOptions,
    ) -> Result<bool, Error> {
        let Some(Digested { hash, over_digest, prefix }) = digested(mechanism) else {
            let text = format!(
                "cannot verify the file: {} takes at most 1 MiB of data",
                if mechanism.is_empty() { "the usual mechanism" } else { mechanism }
            );
            return Err(Error::Refused(CallError::new(ErrorName::DataTooLarge, text)));
        };
        let mut data = prefix.to_vec();
        data.extend_from_slice(&self.digest_file(hash, file).await?);
        let mut options = options.clone();
        if over_digest == "RSA_PKCS_PSS" {
            options.hash.get_or_insert_with(|| hash.to_owned());
        }
        self.verify(public_key, over_digest, &data, signature, &options).await
    }
}

/// How a mechanism that digests the message is done with a digest.
struct Digested {
    hash: &'static str,
    over_digest: &'static str,
    /// What stands before the digest.
    prefix: &'static [u8],
}

fn digested(mechanism: &str) -> Option<Digested> {
    let (hash, over_digest, prefix): (_, _, &[u8]) = match mechanism {
        "ECDSA_SHA256" => ("SHA256", "ECDSA", &[]),
        "ECDSA_SHA384" => ("SHA384", "ECDSA", &[]),
        "ECDSA_SHA512" => ("SHA512", "ECDSA", &[]),
        "SHA256_RSA_PKCS" => ("SHA256", "RSA_PKCS", &SHA256_DIGEST_INFO),
        "SHA384_RSA_PKCS" => ("SHA384", "RSA_PKCS", &SHA384_DIGEST_INFO),
        "SHA512_RSA_PKCS" => ("SHA512", "RSA_PKCS", &SHA512_DIGEST_INFO),
        "SHA256_RSA_PKCS_PSS" => ("SHA256", "RSA_PKCS_PSS", &[]),
        "SHA384_RSA_PKCS_PSS" => ("SHA384", "RSA_PKCS_PSS", &[]),
        "SHA512_RSA_PKCS_PSS" => ("SHA512", "RSA_PKCS_PSS", &[]),
        _ => return None,
    };
    Some(Digested { hash, over_digest, prefix })
}

// The DER of DigestInfo up to the digest: RFC 8017, section 9.2, note 1.
const SHA256_DIGEST_INFO: [u8; 19] = digest_info(0x01, 32);
const SHA384_DIGEST_INFO: [u8; 19] = digest_info(0x02, 48);
const SHA512_DIGEST_INFO: [u8; 19] = digest_info(0x03, 64);

const fn digest_info(algorithm: u8, size: u8) -> [u8; 19] {
    [
        0x30,
        17 + size,
        0x30,
        0x0d,
        0x06,
        0x09,
        0x60,
        0x86,
        0x48,
        0x01,
        0x65,
        0x03,
        0x04,
        0x02,
        algorithm,
        0x05,
        0x00,
        0x04,
        size,
    ]
}

#[cfg(test)]
mod tests {
    use super::{SHA256_DIGEST_INFO, SHA384_DIGEST_INFO, SHA512_DIGEST_INFO};

    #[test]
    fn digest_infos_are_those_of_rfc_8017() {
        // "SHA-256: (0x)30 31 30 0d 06 09 60 86 48 01 65 03 04 02 01 05 00 04 20 || H."
        assert_eq!((SHA256_DIGEST_INFO[1], SHA256_DIGEST_INFO[14], SHA256_DIGEST_INFO[18]), (0x31, 1, 0x20));
        // "SHA-384: (0x)30 41 30 0d 06 09 60 86 48 01 65 03 04 02 02 05 00 04 30 || H."
        assert_eq!((SHA384_DIGEST_INFO[1], SHA384_DIGEST_INFO[14], SHA384_DIGEST_INFO[18]), (0x41, 2, 0x30));
        // "SHA-512: (0x)30 51 30 0d 06 09 60 86 48 01 65 03 04 02 03 05 00 04 40 || H."
        assert_eq!((SHA512_DIGEST_INFO[1], SHA512_DIGEST_INFO[14], SHA512_DIGEST_INFO[18]), (0x51, 3, 0x40));
    }
}
