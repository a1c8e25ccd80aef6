//! EMSA-PSS (RFC 8017, 9.1.1), for tokens that know only the RSA primitive.

use claviger_token::{Algorithm, Hash, Parameters, TokenError};

use crate::digest::digest;
use crate::evp::rsa::Pss;
use crate::random::random;

/// Pads a digest for the RSA primitive of a key of `algorithm`. `hash` is the digest that was computed; the
/// salt is random and as long as the parameters say.
///
/// # Errors
/// [`TokenError::DataInvalid`] where the digest has another size, the salt does not fit or the key is not RSA.
pub fn pss_encode(
    algorithm: Algorithm,
    hash: Hash,
    parameters: &Parameters,
    message_digest: &[u8],
) -> Result<Vec<u8>, TokenError> {
    let pss = parameters_of(algorithm, hash, parameters)?;
    if message_digest.len() != hash.size() {
        return Err(digest_size(hash));
    }
    let size = modulus_size(algorithm)?;
    let salt = random(pss.salt_length as usize)?;
    let inner = digest(hash, &[&[0; 8], message_digest, salt.expose()].concat());
    // DB = PS || 0x01 || salt, masked with MGF1(H); the modulus has 8 * size bits, so one bit is cleared.
    let mut block = vec![0; size - hash.size() - 1];
    let start = block.len() - salt.expose().len();
    block[start - 1] = 1;
    block[start..].copy_from_slice(salt.expose());
    mask(&mut block, pss.mgf_hash, &inner);
    block[0] &= 0x7f;
    block.extend_from_slice(&inner);
    block.push(0xbc);
    Ok(block)
}

/// Returns what PSS is told, checked: the salt must fit into the modulus.
pub(crate) fn parameters_of(
    algorithm: Algorithm,
    hash: Hash,
    parameters: &Parameters,
) -> Result<Pss, TokenError> {
    let most = modulus_size(algorithm)? - hash.size() - 2;
    let salt_length = parameters.salt_length.unwrap_or(hash.size() as u32);
    if salt_length as usize > most {
        return Err(TokenError::DataInvalid(
            format!("a salt of {salt_length} bytes does not fit: at most {most}").into(),
        ));
    }
    Ok(Pss { hash, mgf_hash: parameters.mgf_hash_or(hash), salt_length })
}

pub(crate) fn digest_size(hash: Hash) -> TokenError {
    TokenError::DataInvalid(format!("a {hash} digest has {} bytes", hash.size()).into())
}

/// MGF1 (RFC 8017, B.2.1), added to the block.
fn mask(block: &mut [u8], hash: Hash, seed: &[u8]) {
    for (counter, part) in block.chunks_mut(hash.size()).enumerate() {
        let pad = digest(hash, &[seed, &(counter as u32).to_be_bytes()].concat());
        part.iter_mut().zip(pad).for_each(|(byte, pad)| *byte ^= pad);
    }
}

fn modulus_size(algorithm: Algorithm) -> Result<usize, TokenError> {
    algorithm
        .modulus_size()
        .ok_or_else(|| TokenError::DataInvalid(format!("{algorithm} keys make no PSS signatures").into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::RsaKeyPair;
    use claviger_token::{Algorithm, Hash, Mechanism, Parameters};

    use super::pss_encode;
    use crate::digest::digest;
    use crate::evp::Pkey;
    use crate::verify;

    /// A token that has only the RSA primitive signs the block; ring and aws-lc verify the signature.
    #[test]
    fn a_padded_block_under_the_primitive_is_a_pss_signature() {
        for (size, algorithm) in
            [(KeySize::Rsa2048, Algorithm::Rsa2048), (KeySize::Rsa3072, Algorithm::Rsa3072)]
        {
            let key = RsaKeyPair::generate(size).unwrap();
            let document: Pkcs8V1Der<'_> = key.as_der().unwrap();
            let key = Pkey::from_pkcs8(document.as_ref()).unwrap();
            for (hash, mgf_hash, salt_length) in [
                (Hash::Sha256, None, None),
                (Hash::Sha512, Some(Hash::Sha256), Some(0)),
                (Hash::Sha384, Some(Hash::Sha3_512), Some(17)),
                (Hash::Sha512, None, Some(190)),
            ] {
                let parameters =
                    Parameters { hash: Some(hash), mgf_hash, salt_length, ..Parameters::default() };
                let digest = digest(hash, b"message");
                let block = pss_encode(algorithm, hash, &parameters, &digest).unwrap();
                let signature = key.private_transform(&block).unwrap();
                let spki = key.to_spki().unwrap();
                let held = verify(&spki, Mechanism::RsaPkcsPss, &parameters, &digest, signature.expose());
                assert_eq!(held, Ok(true), "{hash}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let salt = |salt_length| Parameters { salt_length: Some(salt_length), ..Parameters::default() };
        let encode = |algorithm, parameters: &Parameters, size| {
            pss_encode(algorithm, Hash::Sha512, parameters, &vec![1; size]).is_ok()
        };
        // RFC 8017, 9.1.1: emLen must not be less than hLen + sLen + 2.
        assert!(encode(Algorithm::Rsa2048, &salt(190), 64));
        assert!(!encode(Algorithm::Rsa2048, &salt(191), 64));
        assert!(!encode(Algorithm::Rsa2048, &salt(u32::MAX), 64));
        assert!(!encode(Algorithm::Rsa2048, &salt(0), 63));
        assert!(!encode(Algorithm::P256, &salt(0), 64));
    }
}
