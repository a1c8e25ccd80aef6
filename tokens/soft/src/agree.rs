use aws_lc_rs::agreement::{
    Algorithm as Curve, ECDH_P256, ECDH_P384, ECDH_P521, EphemeralPrivateKey, UnparsedPublicKey, X25519,
    agree_ephemeral,
};
use aws_lc_rs::rand::SystemRandom;
use claviger_token::{Algorithm, Mechanism, Secret, TokenError};

use crate::spki;

/// Agrees with a public key, DER SubjectPublicKeyInfo, by a key that is made for this once: returns the public
/// half of that, an uncompressed point or 32 bytes of X25519, and the secret.
///
/// # Errors
/// [`TokenError::DataInvalid`] for a key that is none, [`TokenError::MechanismNotSupported`] for one that does not
/// agree.
pub fn agree(public_key: &[u8]) -> Result<(Vec<u8>, Secret), TokenError> {
    let (algorithm, _) = spki::parse(public_key)?;
    let curve: &Curve = match algorithm {
        Algorithm::P256 => &ECDH_P256,
        Algorithm::P384 => &ECDH_P384,
        Algorithm::P521 => &ECDH_P521,
        Algorithm::X25519 => &X25519,
        _ => return Err(TokenError::MechanismNotSupported(Mechanism::Ecdh1Derive, algorithm)),
    };
    let failed = || TokenError::Internal("the cryptographic library does not agree".into());
    let key = EphemeralPrivateKey::generate(curve, &SystemRandom::new()).map_err(|_| failed())?;
    let public = key.compute_public_key().map_err(|_| failed())?.as_ref().to_vec();
    let peer = UnparsedPublicKey::new(curve, spki::raw(public_key)?);
    let secret = agree_ephemeral(key, peer, failed(), |secret| Ok(Secret::new(secret.to_vec())))?;
    Ok((public, secret))
}

#[cfg(test)]
mod tests {
    use claviger_token::Algorithm;

    use super::agree;
    use crate::evp::Pkey;
    use crate::{peer, pkcs8};

    #[test]
    fn both_sides_have_the_same_secret() {
        let algorithm = Algorithm::X25519;
        let document = pkcs8::from_random_seed(algorithm).expect("random").expect("a key from a seed");
        let Ok(key) = Pkey::from_pkcs8(document.expose()) else { panic!("a key") };
        let Ok(public_key) = key.to_spki() else { panic!("its public key") };
        let (public, secret) = agree(&public_key).expect("they agree");
        let peer = peer::parse(algorithm, &public).expect("the other public key");
        let Ok(other) = key.agree(&peer) else { panic!("they agree") };
        assert_eq!(other.expose(), secret.expose());
    }
}
