//! How one request is split between the host and a token. Pure: mechanism x capabilities -> plan.

use claviger_token::{Algorithm, Capabilities, Hash, Kdf, KeyInfo, Mechanism, Parameters, Purpose};

use crate::policy::Authorized;
use crate::{Format, Input, Refusal, Request};

/// What the host does, what the token does, what the host does then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the host does with the data first.
    pub before: Before,
    /// What the token is asked for.
    pub purpose: Purpose,
    /// How the token does it.
    pub mechanism: Mechanism,
    /// With what beside the data.
    pub parameters: Parameters,
    /// What the host does with the result.
    pub after: After,
}

/// What the host does with the data before the token sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    AsIs,
    /// Hashes the message.
    Digest(Hash),
    /// Hashes the message and wraps the digest in a DigestInfo (RFC 8017, 9.2).
    DigestInfo(Hash),
    /// Pads for the RSA primitive.
    Pad {
        /// Hashes the message first, where the data are one.
        digest: Option<Hash>,
        /// How it pads.
        padding: Padding,
    },
}

/// A padding to the size of the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// EMSA-PKCS1-v1_5 (RFC 8017, 9.2): with a hash the digest is wrapped in a DigestInfo first.
    Pkcs1 {
        /// The hash whose DigestInfo is built; `None` where the data are one already.
        wrap: Option<Hash>,
        /// Bytes of the modulus.
        size: usize,
    },
    /// EMSA-PSS (RFC 8017, 9.1).
    Pss {
        /// The digest.
        hash: Hash,
        /// The digest inside MGF1.
        mgf_hash: Hash,
        /// Bytes of salt.
        salt: usize,
        /// Bytes of the modulus.
        size: usize,
    },
}

/// What the host does with the token's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Writes a signature in the form asked for.
    Signature(Format),
    /// Hands the plaintext on.
    Plaintext,
    /// Takes the padding off the decrypted block.
    Unpad(Unpadding),
    /// Hands an opened secret on.
    Secret,
    /// Derives from the agreed secret.
    Hkdf {
        /// The digest.
        hash: Hash,
        /// HKDF's info.
        info: Vec<u8>,
        /// Bytes wanted.
        length: usize,
    },
}

/// A padding that the host takes off, because the token has only the RSA primitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpadding {
    /// RSAES-PKCS1-v1_5 (RFC 8017, 7.2); wrong padding gives a synthetic message.
    Pkcs1,
    /// RSAES-OAEP (RFC 8017, 7.1) with `hash`, `mgf-hash` and `label` of these.
    Oaep(Parameters),
}

/// Plans one request, or refuses it before a token is touched.
pub fn plan(
    authorized: Authorized,
    request: &Request,
    key: &KeyInfo,
    capabilities: &Capabilities,
    input: Input,
) -> Result<Plan, Refusal> {
    let purpose = authorized.purpose();
    let mechanism = mechanism(request, key, purpose)?;
    check_parameters(mechanism, purpose, &request.parameters, key.algorithm)?;
    check_format(request.format, mechanism)?;
    check_length(mechanism, purpose, &request.parameters, key.algorithm, input)?;
    let after = after(purpose, request)?;
    let asked = mechanism;
    let (before, mechanism, parameters) = routes(mechanism, purpose, &request.parameters, key.algorithm)
        .into_iter()
        .filter(|(_, mechanism, _)| capabilities.mechanisms.contains(mechanism))
        .min_by_key(|(before, ..)| input == Input::Stream && *before == Before::AsIs)
        .ok_or(Refusal::MechanismNotSupported(mechanism, key.algorithm))?;
    match (before, input) {
        (Before::AsIs, Input::Bytes(size)) if size > capabilities.data_limit => {
            Err(Refusal::DataTooLarge { limit: capabilities.data_limit })
        }
        _ => Ok(Plan {
            before,
            purpose,
            mechanism,
            parameters,
            after: unpadding(asked, mechanism, request, after),
        }),
    }
}

/// Returns true where a token with these capabilities and the host together can do it.
pub fn is_possible(
    mechanism: Mechanism,
    purpose: Purpose,
    algorithm: Algorithm,
    capabilities: &Capabilities,
) -> bool {
    let ways = routes(mechanism, purpose, &Parameters::default(), algorithm);
    ways.iter().any(|(_, mechanism, _)| capabilities.mechanisms.contains(mechanism))
}

fn mechanism(request: &Request, key: &KeyInfo, purpose: Purpose) -> Result<Mechanism, Refusal> {
    let mechanism = match (request.mechanism, purpose) {
        (Some(mechanism), _) => mechanism,
        (None, Purpose::Sign) => key
            .algorithm
            .default_signature()
            .ok_or_else(|| Refusal::NotSupported(format!("signing with a {} key", key.algorithm).into()))?,
        (None, _) => return Err(Refusal::InvalidArguments("a mechanism must be named here".into())),
    };
    if mechanism.is_offered() && mechanism.serves(purpose) && mechanism.fits(key.algorithm) {
        Ok(mechanism)
    } else {
        Err(Refusal::MechanismNotSupported(mechanism, key.algorithm))
    }
}

/// The ways to run a mechanism, best first. Which one is taken depends on what the token can.
fn routes(
    mechanism: Mechanism,
    purpose: Purpose,
    parameters: &Parameters,
    algorithm: Algorithm,
) -> Vec<(Before, Mechanism, Parameters)> {
    let mut ways = vec![(Before::AsIs, mechanism, parameters.clone())];
    match purpose {
        Purpose::Sign => {}
        Purpose::Decrypt => {
            ways.push((Before::AsIs, Mechanism::RsaX509, Parameters::default()));
            return ways;
        }
        Purpose::Derive | Purpose::Decapsulate => return ways,
    }
    let digest = mechanism.hash();
    let none = Parameters::default;
    match (mechanism, digest, algorithm.modulus_size()) {
        (Mechanism::EcdsaSha256 | Mechanism::EcdsaSha384 | Mechanism::EcdsaSha512, Some(hash), _) => {
            ways.push((Before::Digest(hash), Mechanism::Ecdsa, none()));
        }
        (Mechanism::RsaPkcs, _, Some(size)) => {
            let padding = Padding::Pkcs1 { wrap: None, size };
            ways.push((Before::Pad { digest: None, padding }, Mechanism::RsaX509, none()));
        }
        (
            Mechanism::Sha256RsaPkcs | Mechanism::Sha384RsaPkcs | Mechanism::Sha512RsaPkcs,
            Some(hash),
            Some(size),
        ) => {
            ways.push((Before::DigestInfo(hash), Mechanism::RsaPkcs, none()));
            let padding = Padding::Pkcs1 { wrap: Some(hash), size };
            ways.push((Before::Pad { digest, padding }, Mechanism::RsaX509, none()));
        }
        (
            Mechanism::RsaPkcsPss
            | Mechanism::Sha256RsaPkcsPss
            | Mechanism::Sha384RsaPkcsPss
            | Mechanism::Sha512RsaPkcsPss,
            _,
            Some(size),
        ) => {
            let pss = Parameters { hash: Some(pss_hash(mechanism, parameters)), ..parameters.clone() };
            if let Some(hash) = digest {
                ways.push((Before::Digest(hash), Mechanism::RsaPkcsPss, pss.clone()));
            }
            let padding = pss_padding(&pss, size);
            ways.push((Before::Pad { digest, padding }, Mechanism::RsaX509, none()));
        }
        _ => {}
    }
    ways
}

/// Returns what comes after decryption: where the token runs only the RSA primitive, the host unpads.
fn unpadding(asked: Mechanism, runs: Mechanism, request: &Request, after: After) -> After {
    match (after, asked, runs) {
        (After::Plaintext, Mechanism::RsaPkcs, Mechanism::RsaX509) => After::Unpad(Unpadding::Pkcs1),
        (After::Plaintext, Mechanism::RsaPkcsOaep, Mechanism::RsaX509) => {
            After::Unpad(Unpadding::Oaep(request.parameters.clone()))
        }
        (after, ..) => after,
    }
}

fn pss_hash(mechanism: Mechanism, parameters: &Parameters) -> Hash {
    mechanism.hash().unwrap_or_else(|| parameters.hash_or_default())
}

fn pss_padding(parameters: &Parameters, size: usize) -> Padding {
    let hash = parameters.hash_or_default();
    let salt = parameters.salt_length.map_or(hash.size(), |salt| salt as usize);
    Padding::Pss { hash, mgf_hash: parameters.mgf_hash_or(hash), salt, size }
}

fn after(purpose: Purpose, request: &Request) -> Result<After, Refusal> {
    let parameters = &request.parameters;
    Ok(match purpose {
        Purpose::Sign => After::Signature(request.format),
        Purpose::Decrypt => After::Plaintext,
        Purpose::Decapsulate => After::Secret,
        Purpose::Derive => match parameters.kdf.unwrap_or_default() {
            Kdf::Null if parameters.hash.is_some() || parameters.shared_info.is_some() => {
                return Err(invalid("hash and shared-info go with kdf = hkdf only"));
            }
            Kdf::Null if parameters.length.is_some() => {
                return Err(invalid("length goes with kdf = hkdf only"));
            }
            Kdf::Null => After::Secret,
            Kdf::Hkdf => hkdf(parameters)?,
        },
    })
}

fn hkdf(parameters: &Parameters) -> Result<After, Refusal> {
    let hash = parameters.hash_or_default();
    if !matches!(hash, Hash::Sha256 | Hash::Sha384 | Hash::Sha512) {
        return Err(Refusal::NotSupported(format!("HKDF with {hash}").into()));
    }
    let length = parameters.length.map_or(hash.size(), |length| length as usize);
    // RFC 5869, 2.3: "L length of output keying material in octets (<= 255*HashLen)".
    if length == 0 || length > 255 * hash.size() {
        return Err(invalid(format!("HKDF with {hash} gives 1 to {} bytes", 255 * hash.size())));
    }
    Ok(After::Hkdf { hash, info: parameters.shared_info.clone().unwrap_or_default(), length })
}

/// Refuses a parameter that the mechanism does not know: silence would mean that it was honoured.
fn check_parameters(
    mechanism: Mechanism,
    purpose: Purpose,
    parameters: &Parameters,
    algorithm: Algorithm,
) -> Result<(), Refusal> {
    let Parameters { hash, mgf_hash, salt_length, label, kdf, shared_info, length, context } = parameters;
    let pss = matches!(
        mechanism,
        Mechanism::RsaPkcsPss
            | Mechanism::Sha256RsaPkcsPss
            | Mechanism::Sha384RsaPkcsPss
            | Mechanism::Sha512RsaPkcsPss
    );
    let oaep = mechanism == Mechanism::RsaPkcsOaep;
    let derive = purpose == Purpose::Derive;
    let given = [
        ("hash", hash.is_some(), mechanism == Mechanism::RsaPkcsPss || oaep || derive),
        ("mgf-hash", mgf_hash.is_some(), pss || oaep),
        ("salt-length", salt_length.is_some(), pss),
        ("label", label.is_some(), oaep),
        ("kdf", kdf.is_some(), derive),
        ("shared-info", shared_info.is_some(), derive),
        ("length", length.is_some(), derive),
        ("context", context.is_some(), mechanism == Mechanism::MlDsa),
    ];
    if let Some((name, ..)) = given.iter().find(|(_, given, known)| *given && !*known) {
        return Err(invalid(format!("{mechanism} takes no {name}")));
    }
    // FIPS 204, 5.2: a context string has at most 255 bytes.
    if context.as_ref().is_some_and(|context| context.len() > 255) {
        return Err(invalid("a context has at most 255 bytes"));
    }
    if pss { check_pss(mechanism, parameters, algorithm) } else { Ok(()) }
}

fn check_pss(mechanism: Mechanism, parameters: &Parameters, algorithm: Algorithm) -> Result<(), Refusal> {
    let hash = pss_hash(mechanism, parameters);
    if hash == Hash::Sha1 || parameters.mgf_hash == Some(Hash::Sha1) {
        return Err(Refusal::NotSupported("signing with SHA-1".into()));
    }
    let salt = parameters.salt_length.map_or(hash.size(), |salt| salt as usize);
    // RFC 8017, 9.1.1, step 3: "If emLen < hLen + sLen + 2, output "encoding error" and stop."
    let most = algorithm.modulus_size().unwrap_or(0).saturating_sub(hash.size() + 2);
    if salt > most {
        return Err(invalid(format!("the salt has at most {most} bytes with this key and hash")));
    }
    Ok(())
}

fn check_format(format: Format, mechanism: Mechanism) -> Result<(), Refusal> {
    let ecdsa = matches!(
        mechanism,
        Mechanism::Ecdsa | Mechanism::EcdsaSha256 | Mechanism::EcdsaSha384 | Mechanism::EcdsaSha512
    );
    if format == Format::Der && !ecdsa {
        return Err(invalid(format!("{mechanism} has no DER form; format = der goes with ECDSA only")));
    }
    Ok(())
}

/// Refuses data whose length cannot be right.
fn check_length(
    mechanism: Mechanism,
    purpose: Purpose,
    parameters: &Parameters,
    algorithm: Algorithm,
    input: Input,
) -> Result<(), Refusal> {
    let takes_digest = matches!(mechanism, Mechanism::Ecdsa | Mechanism::RsaPkcs | Mechanism::RsaPkcsPss);
    let Input::Bytes(size) = input else {
        return if takes_digest && purpose == Purpose::Sign {
            Err(invalid(format!("{mechanism} signs a digest, not a file; name a mechanism that hashes")))
        } else {
            Ok(())
        };
    };
    let wrong = |why: String| Err(Refusal::DataInvalid(why.into()));
    match (purpose, mechanism, algorithm.modulus_size()) {
        (Purpose::Sign, Mechanism::Ecdsa, _) if !(1..=64).contains(&size) => {
            wrong(format!("ECDSA signs a digest of 1 to 64 bytes, not {size}; ECDSA_SHA256 takes a message"))
        }
        (Purpose::Sign, Mechanism::RsaPkcs, Some(modulus)) if !algorithm.pads(size) => wrong(format!(
            "RSA_PKCS pads 1 to {} bytes, not {size}; SHA256_RSA_PKCS takes a message",
            modulus - 11
        )),
        (Purpose::Sign, Mechanism::RsaPkcsPss, _) if size != pss_hash(mechanism, parameters).size() => {
            let hash = pss_hash(mechanism, parameters);
            wrong(format!("RSA_PKCS_PSS with {hash} signs a digest of {} bytes, not {size}", hash.size()))
        }
        (Purpose::Decrypt, _, Some(modulus)) if size != modulus => {
            wrong(format!("a ciphertext for this key has {modulus} bytes, not {size}"))
        }
        _ => Ok(()),
    }
}

fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::InvalidArguments(why.into())
}

#[cfg(test)]
mod tests;
