//! DigestInfo (RFC 8017, 9.2): which digest it is, and the digest.

use claviger_token::{Hash, TokenError};

/// Returns the DER DigestInfo of a digest. The digest has the size of its hash, or nobody accepts the result.
pub fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    [&hash.digest_info_prefix()[..], digest].concat()
}

/// Returns the hash of a DigestInfo that is exactly the DER of one of the digests here.
///
/// # Errors
/// [`TokenError::DataInvalid`] where it is anything else.
pub fn check_digest_info(data: &[u8]) -> Result<Hash, TokenError> {
    Hash::ALL
        .into_iter()
        .find(|hash| {
            let digest = data.strip_prefix(&hash.digest_info_prefix()[..]);
            digest.is_some_and(|digest| digest.len() == hash.size())
        })
        .ok_or_else(|| TokenError::DataInvalid("they are no DER DigestInfo of a known digest".into()))
}

/// Pads a DigestInfo, or what stands in for one, to the size of a modulus (EMSA-PKCS1-v1_5, RFC 8017, 9.2):
/// `00 01 ff .. ff 00 DigestInfo`.
///
/// # Errors
/// [`TokenError::DataInvalid`] where the modulus is too short for it.
pub fn pkcs1_encode(info: &[u8], size: usize) -> Result<Vec<u8>, TokenError> {
    let padding = size.checked_sub(info.len() + 3).filter(|padding| *padding >= 8);
    let padding = padding.ok_or(TokenError::DataInvalid("they are too long for the key".into()))?;
    Ok([&[0, 1][..], &vec![0xff; padding], &[0], info].concat())
}

#[cfg(test)]
mod tests {
    use claviger_token::Hash;

    use super::{check_digest_info, digest_info, pkcs1_encode};

    /// RFC 8017, 9.2, note 1: "SHA-256: (0x)30 31 30 0d 06 09 60 86 48 01 65 03 04 02 01 05 00 04 20 || H".
    #[test]
    fn the_prefix_is_the_standard_s() {
        let info = digest_info(Hash::Sha256, &[0xaa; 32]);
        assert_eq!(
            info[..19],
            *b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        );
        let sha1 = digest_info(Hash::Sha1, &[0xaa; 20]);
        assert_eq!(sha1[..15], *b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14");
    }

    /// RFC 8017, 9.2, step 3: "If emLen < tLen + 11, output "intended encoded message length too short"".
    #[test]
    fn a_padded_block_has_at_least_eight_bytes_of_padding() {
        let block = pkcs1_encode(&[7; 5], 16).expect("it fits");
        assert_eq!(block, [&[0, 1][..], &[0xff; 8], &[0], &[7; 5]].concat());
        assert!(pkcs1_encode(&[7; 6], 16).is_err());
        assert!(pkcs1_encode(&[7; 60], 16).is_err());
    }

    #[test]
    fn only_a_whole_digest_info_is_one() {
        for hash in Hash::ALL {
            let info = digest_info(hash, &vec![7; hash.size()]);
            assert_eq!(check_digest_info(&info), Ok(hash));
            assert!(check_digest_info(&info[..info.len() - 1]).is_err(), "{hash}");
            assert!(check_digest_info(&[&info[..], &[0]].concat()).is_err(), "{hash}");
            assert!(check_digest_info(&info[1..]).is_err(), "{hash}");
        }
        assert!(check_digest_info(&[]).is_err());
    }
}
