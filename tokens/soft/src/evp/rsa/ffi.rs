#![expect(unsafe_code, reason = "aws-lc's safe API lacks these; see evp.rs")]

use std::marker::PhantomData;

use aws_lc_sys as lc;
use claviger_token::{Hash, Secret};
use zeroize::Zeroizing;

use crate::evp::ffi::{Context, Failed, Pkey, done, fill, md, refused};

/// What PSS is told beside the digest (RFC 8017, 9.1).
#[derive(Clone, Copy)]
pub(crate) struct Pss {
    /// The digest that was signed.
    pub(crate) hash: Hash,
    /// The digest inside MGF1.
    pub(crate) mgf_hash: Hash,
    /// The salt, in bytes.
    pub(crate) salt_length: u32,
}

/// What OAEP is told beside the data (RFC 8017, 7.1).
#[derive(Clone, Copy)]
pub(crate) struct Oaep<'label> {
    /// The digest of the label.
    pub(crate) hash: Hash,
    /// The digest inside MGF1.
    pub(crate) mgf_hash: Hash,
    /// The label.
    pub(crate) label: &'label [u8],
}

impl Pkey {
    /// Pads a DigestInfo, or what stands in for one, as RSASSA-PKCS1-v1_5 does and signs it.
    pub(crate) fn sign_pkcs1(&self, digest_info: &[u8]) -> Result<Vec<u8>, Failed> {
        let rsa = self.rsa()?;
        let mut signature = vec![0; rsa.size()];
        let mut length = 0;
        // SAFETY: the RSA key lives as long as `self`; both slices are valid for their lengths.
        done(unsafe {
            lc::RSA_sign_raw(
                rsa.0,
                &raw mut length,
                signature.as_mut_ptr(),
                signature.len(),
                digest_info.as_ptr(),
                digest_info.len(),
                lc::RSA_PKCS1_PADDING,
            )
        })?;
        signature.truncate(length);
        Ok(signature)
    }

    /// Returns what was padded in an RSASSA-PKCS1-v1_5 signature whose padding is exactly right.
    pub(crate) fn recover_pkcs1(&self, signature: &[u8]) -> Result<Vec<u8>, Failed> {
        self.recover(signature, lc::RSA_PKCS1_PADDING)
    }

    /// Raises a signature to the public exponent: RSAVP1 (RFC 8017, 5.2.2).
    pub(crate) fn public_transform(&self, signature: &[u8]) -> Result<Vec<u8>, Failed> {
        self.recover(signature, lc::RSA_NO_PADDING)
    }

    fn recover(&self, signature: &[u8], padding: i32) -> Result<Vec<u8>, Failed> {
        let rsa = self.rsa()?;
        let mut recovered = vec![0; rsa.size()];
        let mut length = 0;
        // SAFETY: the RSA key lives as long as `self`; both slices are valid for their lengths.
        done(unsafe {
            lc::RSA_verify_raw(
                rsa.0,
                &raw mut length,
                recovered.as_mut_ptr(),
                recovered.len(),
                signature.as_ptr(),
                signature.len(),
                padding,
            )
        })?;
        recovered.truncate(length);
        Ok(recovered)
    }

    /// Raises a block of the modulus's size to the private exponent: RSADP (RFC 8017, 5.1.2), blinded.
    pub(crate) fn private_transform(&self, block: &[u8]) -> Result<Secret, Failed> {
        let rsa = self.rsa()?;
        let mut output = Zeroizing::new(vec![0; rsa.size()]);
        let mut length = 0;
        // SAFETY: the RSA key lives as long as `self`; both slices are valid for their lengths.
        done(unsafe {
            lc::RSA_decrypt(
                rsa.0,
                &raw mut length,
                output.as_mut_ptr(),
                output.len(),
                block.as_ptr(),
                block.len(),
                lc::RSA_NO_PADDING,
            )
        })?;
        Ok(Secret::new(std::mem::take(&mut *output)))
    }

    /// Returns the private exponent, big-endian, as long as the modulus.
    pub(crate) fn private_exponent(&self) -> Result<Secret, Failed> {
        let rsa = self.rsa()?;
        let mut exponent = Zeroizing::new(vec![0; rsa.size()]);
        // SAFETY: the RSA key lives as long as `self`, and its exponent with it; null is refused; the buffer
        // is valid for its length.
        unsafe {
            let number = lc::RSA_get0_d(rsa.0);
            if number.is_null() {
                return Err(Failed);
            }
            done(lc::BN_bn2bin_padded(exponent.as_mut_ptr(), exponent.len(), number))?;
        }
        Ok(Secret::new(std::mem::take(&mut *exponent)))
    }

    /// Encrypts with RSAES-PKCS1-v1_5.
    pub(crate) fn encrypt_pkcs1(&self, plaintext: &[u8]) -> Result<Vec<u8>, Failed> {
        let rsa = self.rsa()?;
        let mut ciphertext = vec![0; rsa.size()];
        let mut length = 0;
        // SAFETY: the RSA key lives as long as `self`; both slices are valid for their lengths.
        done(unsafe {
            lc::RSA_encrypt(
                rsa.0,
                &raw mut length,
                ciphertext.as_mut_ptr(),
                ciphertext.len(),
                plaintext.as_ptr(),
                plaintext.len(),
                lc::RSA_PKCS1_PADDING,
            )
        })?;
        Ok(ciphertext)
    }

    /// Signs a digest with RSASSA-PSS.
    pub(crate) fn sign_pss(&self, digest: &[u8], pss: Pss) -> Result<Vec<u8>, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid; `fill` gives a buffer that is null or valid for the length that it
        // tells; the digest is valid for its length.
        let signature = unsafe {
            done(lc::EVP_PKEY_sign_init(context.as_ptr()))?;
            context.set_pss(pss)?;
            fill(|out, length| {
                lc::EVP_PKEY_sign(context.as_ptr(), out, length, digest.as_ptr(), digest.len())
            })
        };
        signature.map(|signature| signature.expose().to_vec())
    }

    /// Returns true where the signature is RSASSA-PSS's of the digest, with exactly that salt length.
    pub(crate) fn verify_pss(&self, digest: &[u8], pss: Pss, signature: &[u8]) -> Result<bool, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid; the slices are valid for their lengths and only read.
        Ok(unsafe {
            done(lc::EVP_PKEY_verify_init(context.as_ptr()))?;
            context.set_pss(pss)?;
            done(lc::EVP_PKEY_verify(
                context.as_ptr(),
                signature.as_ptr(),
                signature.len(),
                digest.as_ptr(),
                digest.len(),
            ))
            .is_ok()
        })
    }

    /// Decrypts with RSAES-OAEP.
    pub(crate) fn decrypt_oaep(&self, ciphertext: &[u8], oaep: Oaep<'_>) -> Result<Secret, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid; `fill` gives a buffer that is null or valid for the length that it
        // tells; the ciphertext is valid for its length.
        unsafe {
            done(lc::EVP_PKEY_decrypt_init(context.as_ptr()))?;
            context.set_oaep(oaep)?;
            fill(|out, length| {
                lc::EVP_PKEY_decrypt(context.as_ptr(), out, length, ciphertext.as_ptr(), ciphertext.len())
            })
        }
    }

    /// Encrypts with RSAES-OAEP.
    pub(crate) fn encrypt_oaep(&self, plaintext: &[u8], oaep: Oaep<'_>) -> Result<Vec<u8>, Failed> {
        let context = Context::of(self)?;
        // SAFETY: the context is valid; `fill` gives a buffer that is null or valid for the length that it
        // tells; the plaintext is valid for its length.
        let ciphertext = unsafe {
            done(lc::EVP_PKEY_encrypt_init(context.as_ptr()))?;
            context.set_oaep(oaep)?;
            fill(|out, length| {
                lc::EVP_PKEY_encrypt(context.as_ptr(), out, length, plaintext.as_ptr(), plaintext.len())
            })
        };
        ciphertext.map(|ciphertext| ciphertext.expose().to_vec())
    }

    /// Returns the RSA key inside, or a failure where it is of another algorithm.
    fn rsa(&self) -> Result<Rsa<'_>, Failed> {
        // SAFETY: the key is valid; the pointer it gives is null or lives as long as the key.
        let rsa = unsafe { lc::EVP_PKEY_get0_RSA(self.as_ptr()) };
        if rsa.is_null() { Err(refused()) } else { Ok(Rsa(rsa, PhantomData)) }
    }
}

/// An RSA key, borrowed from its [`Pkey`].
struct Rsa<'key>(*mut lc::RSA, PhantomData<&'key Pkey>);

impl Rsa<'_> {
    /// Returns the size of the modulus in bytes.
    fn size(&self) -> usize {
        // SAFETY: the pointer is valid while the borrow lasts.
        unsafe { lc::RSA_size(self.0) as usize }
    }
}

impl Context<'_> {
    fn set_pss(&self, pss: Pss) -> Result<(), Failed> {
        let salt_length = i32::try_from(pss.salt_length).map_err(|_| Failed)?;
        // SAFETY: the context is valid; the digests are constants.
        unsafe {
            done(lc::EVP_PKEY_CTX_set_rsa_padding(self.as_ptr(), lc::RSA_PKCS1_PSS_PADDING))?;
            done(lc::EVP_PKEY_CTX_set_signature_md(self.as_ptr(), md(pss.hash)))?;
            done(lc::EVP_PKEY_CTX_set_rsa_mgf1_md(self.as_ptr(), md(pss.mgf_hash)))?;
            done(lc::EVP_PKEY_CTX_set_rsa_pss_saltlen(self.as_ptr(), salt_length))
        }
    }

    fn set_oaep(&self, oaep: Oaep<'_>) -> Result<(), Failed> {
        // SAFETY: the context is valid; the digests are constants.
        unsafe {
            done(lc::EVP_PKEY_CTX_set_rsa_padding(self.as_ptr(), lc::RSA_PKCS1_OAEP_PADDING))?;
            done(lc::EVP_PKEY_CTX_set_rsa_oaep_md(self.as_ptr(), md(oaep.hash)))?;
            done(lc::EVP_PKEY_CTX_set_rsa_mgf1_md(self.as_ptr(), md(oaep.mgf_hash)))?;
        }
        if oaep.label.is_empty() {
            return Ok(());
        }
        // SAFETY: the label is valid for its length; the context takes the copy over only where it succeeds,
        // so a copy that it refuses is freed here.
        unsafe {
            let copy = lc::OPENSSL_memdup(oaep.label.as_ptr().cast(), oaep.label.len());
            if copy.is_null() {
                return Err(Failed);
            }
            done(lc::EVP_PKEY_CTX_set0_rsa_oaep_label(self.as_ptr(), copy.cast(), oaep.label.len()))
                .inspect_err(|Failed| lc::OPENSSL_free(copy))
        }
    }
}
