use claviger_token::Hash;

use crate::{CardError, spki};

/// Checks that the data are the DER DigestInfo of a digest (RFC 8017, 9.2): a card pads whatever it gets, and a
/// signature over anything else is good for mischief only.
pub(crate) fn check_digest_info(data: &[u8]) -> Result<(), CardError> {
    let is_one = || {
        let (content, []) = spki::take(0x30, data)? else { return None };
        let (algorithm, rest) = spki::take(0x30, content)?;
        let (digest, []) = spki::take(0x04, rest)? else { return None };
        let (name, [0x05, 0x00]) = spki::take(0x06, algorithm)? else { return None };
        let size = match name {
            b"\x2b\x0e\x03\x02\x1a" => Hash::Sha1.size(),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number] => nist(*number)?.size(),
            _ => return None,
        };
        (digest.len() == size).then_some(())
    };
    is_one().ok_or_else(|| CardError::DataInvalid("RSA_PKCS signs a DER DigestInfo of a known digest".into()))
}

/// Returns the hash of that number under 2.16.840.1.101.3.4.2.
const fn nist(number: u8) -> Option<Hash> {
    Some(match number {
        1 => Hash::Sha256,
        2 => Hash::Sha384,
        3 => Hash::Sha512,
        4 => Hash::Sha224,
        7 => Hash::Sha3_224,
        8 => Hash::Sha3_256,
        9 => Hash::Sha3_384,
        10 => Hash::Sha3_512,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::check_digest_info;

    #[test]
    fn only_a_digest_info_is_signed_with_rsa() {
        let prefix = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
        let info = [&prefix[..], &[7; 32]].concat();
        assert_eq!(check_digest_info(&info), Ok(()));
        for length in 0..info.len() {
            assert!(check_digest_info(&info[..length]).is_err(), "{length}");
        }
        assert!(check_digest_info(&[&info[..], &[0]].concat()).is_err());
        assert!(check_digest_info(&[1; 32]).is_err());
        let mut other = info;
        other[14] = 2;
        assert!(check_digest_info(&other).is_err(), "SHA-384 has 48 bytes");
    }
}
