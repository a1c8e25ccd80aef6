//! What the keys do: COMPUTE DIGITAL SIGNATURE, INTERNAL AUTHENTICATE, DECIPHER (7.2.10, 7.2.11, 7.2.13).

use claviger_token::{Algorithm, Mechanism, Secret, Spare, TouchPolicy};
use zeroize::Zeroizing;

use super::channel::{Expect, Order};
use super::session::Session;
use super::slot::Slot;
use crate::apdu::Answer;
use crate::status::Status;
use crate::{CardError, CardKey, Contents, Pin, peer, spki, tlv};

/// A key on the card, and who may use it.
pub(super) struct Use<'a> {
    pub(super) contents: &'a Contents,
    pub(super) key: &'a CardKey,
    pub(super) slot: Slot,
    pub(super) pin: Pin<'a>,
}

impl Use<'_> {
    /// Signs a digest, what the card is to pad, or (Ed25519) a message.
    pub(super) fn sign(
        &self,
        session: &mut Session<'_>,
        mechanism: Mechanism,
        data: &[u8],
    ) -> Result<Vec<u8>, CardError> {
        let algorithm = self.key.algorithm;
        let (input, size) = match (mechanism, algorithm) {
            _ if !self.key.usage.sign => return Err(CardError::MechanismNotSupported(mechanism, algorithm)),
            (Mechanism::Ecdsa, Algorithm::P256 | Algorithm::P384 | Algorithm::P521) => {
                (digest(algorithm, data)?, spki::field_size(algorithm).map(|size| 2 * size))
            }
            (Mechanism::Eddsa, Algorithm::Ed25519) => (data.to_vec(), Some(64)),
            (Mechanism::RsaPkcs, Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096) => {
                (padded(algorithm, data)?, algorithm.modulus_size())
            }
            _ => return Err(CardError::MechanismNotSupported(mechanism, algorithm)),
        };
        let order = match self.slot {
            Slot::Sign => Order { what: "signing", ins: 0x2a, p1: 0x9e, p2: 0x9a },
            _ => Order { what: "signing", ins: 0x88, p1: 0x00, p2: 0x00 },
        };
        let signature = self.run(session, order, &input)?;
        if Some(signature.len()) == size {
            Ok(signature.to_vec())
        } else {
            Err(CardError::Malformed("a signature of another size".into()))
        }
    }

    /// Decrypts one block; the card takes the padding off (PKCS#1, version 1.5).
    pub(super) fn decrypt(
        &self,
        session: &mut Session<'_>,
        mechanism: Mechanism,
        ciphertext: &[u8],
    ) -> Result<Secret, CardError> {
        let algorithm = self.key.algorithm;
        if !self.key.usage.decrypt || mechanism != Mechanism::RsaPkcs {
            return Err(CardError::MechanismNotSupported(mechanism, algorithm));
        }
        let size = algorithm.modulus_size().ok_or(CardError::MechanismNotSupported(mechanism, algorithm))?;
        if ciphertext.len() != size {
            return Err(CardError::DataInvalid(format!("a block of {algorithm} has {size} bytes").into()));
        }
        // "Padding indicator byte 00 for RSA" stands before the cryptogram.
        let plaintext = self.run(session, DECIPHER, &[&[0], ciphertext].concat())?;
        if plaintext.len() + 11 > size {
            return Err(CardError::Malformed("a plaintext longer than its block".into()));
        }
        Ok(Secret::new(plaintext.to_vec()))
    }

    /// Agrees with a peer on a secret.
    pub(super) fn derive(&self, session: &mut Session<'_>, peer: &[u8]) -> Result<Secret, CardError> {
        let algorithm = self.key.algorithm;
        let point = peer::parse(algorithm, peer)?;
        if !self.key.usage.derive {
            return Err(CardError::MechanismNotSupported(Mechanism::Ecdh1Derive, algorithm));
        }
        let cipher = tlv::element(0xa6, &[&tlv::element(0x7f49, &[&tlv::element(0x86, &[point])])]);
        let secret = self.run(session, DECIPHER, &cipher)?;
        shared(algorithm, &secret)
            .map(|secret| Secret::new(secret.to_vec()))
            .ok_or_else(|| CardError::Malformed("an agreed secret of another size".into()))
    }

    /// Verifies the PIN and has the card do it.
    fn run(
        &self,
        session: &mut Session<'_>,
        order: Order,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        if matches!(self.pin, Pin::Pad) {
            // A PIN that is given was verified before; one that is entered now may be the last.
            session.check_tries(Spare::Last)?;
        }
        session.verify_user(self.contents, self.slot.password(), self.pin)?;
        let expect = match self.key.algorithm.modulus_size() {
            Some(size) if size > 256 => Expect::Long,
            _ => Expect::Short,
        };
        let answer = session.channel.send(order, data, expect)?;
        self.verdict(order, answer)
    }

    fn verdict(&self, order: Order, answer: Answer) -> Result<Zeroizing<Vec<u8>>, CardError> {
        /// Spec 4.4.3.6: "security related issues (for example UIF)".
        const UIF: Status = Status(0x6600);
        let touched = self.key.touch_policy != TouchPolicy::Never;
        match answer.status {
            // The PIN was just verified: what is missing is the touch.
            UIF => Err(CardError::NotTouched),
            Status::SECURITY | Status::CONDITIONS if touched => Err(CardError::NotTouched),
            Status::NO_REFERENCE | Status::NOT_FOUND => Err(CardError::NoSuchKey),
            Status::WRONG_DATA | Status::WRONG_LENGTH | Status::NO_SPACE => {
                Err(CardError::DataInvalid("the card does not take these data".into()))
            }
            _ => answer.success(order.what),
        }
    }
}

/// Returns a digest in the size that the cards want: that of the hash that goes with the curve (7.2.10).
///
/// It is the same number to ECDSA (FIPS 186-5, 6.4.1): zeros before it change nothing, and of a longer one only the
/// leftmost bits count.
fn digest(algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, CardError> {
    let size = match algorithm {
        Algorithm::P256 => 32,
        Algorithm::P384 => 48,
        _ => 64,
    };
    if data.is_empty() || data.len() > 64 {
        return Err(CardError::DataInvalid("ECDSA signs a digest of 1 to 64 bytes".into()));
    }
    let data = &data[..data.len().min(size)];
    Ok([&vec![0; size - data.len()], data].concat())
}

/// Returns what the card pads: "the hash input shall not be longer than 40 % of the length of the modulus" (7.2.10.2),
/// which is seen before the PIN is asked for.
fn padded(algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, CardError> {
    let most = algorithm.modulus_size().map_or(0, |modulus| modulus * 2 / 5);
    if data.is_empty() || data.len() > most {
        return Err(CardError::DataInvalid(
            format!("an OpenPGP card pads 1 to {most} bytes for {algorithm}").into(),
        ));
    }
    Ok(data.to_vec())
}

/// Returns the agreed secret as PKCS#11 has it: the x coordinate. Some cards give the whole point.
fn shared(algorithm: Algorithm, secret: &[u8]) -> Option<&[u8]> {
    let Some(size) = spki::field_size(algorithm) else {
        return (secret.len() == 32).then_some(secret);
    };
    match secret {
        [0x04, point @ ..] if point.len() == 2 * size => point.get(..size),
        _ => (secret.len() == size).then_some(secret),
    }
}

const DECIPHER: Order = Order { what: "deciphering", ins: 0x2a, p1: 0x80, p2: 0x86 };

#[cfg(test)]
mod tests {
    use claviger_token::Algorithm;

    use super::{digest, shared};

    /// FIPS 186-5, 6.4.1: "the leftmost min(N, outlen) bits of Hash(M)".
    #[test]
    fn a_digest_gets_the_size_of_the_curve_and_keeps_its_number() {
        assert_eq!(digest(Algorithm::P256, &[7; 20]), Ok([&[0; 12][..], &[7; 20]].concat()));
        assert_eq!(digest(Algorithm::P256, &[7; 64]), Ok(vec![7; 32]));
        assert_eq!(digest(Algorithm::P521, &[7; 32]), Ok([&[0; 32][..], &[7; 32]].concat()));
        assert!(digest(Algorithm::P384, &[]).is_err());
        assert!(digest(Algorithm::P384, &[7; 65]).is_err());
    }

    #[test]
    fn the_secret_is_the_x_coordinate() {
        let point = [&[4][..], &[1; 32], &[2; 32]].concat();
        assert_eq!(shared(Algorithm::P256, &point), Some(&[1; 32][..]));
        assert_eq!(shared(Algorithm::P256, &point[1..33]), Some(&[1; 32][..]));
        assert_eq!(shared(Algorithm::P256, &point[1..32]), None);
        assert_eq!(shared(Algorithm::X25519, &[1; 32]), Some(&[1; 32][..]));
        assert_eq!(shared(Algorithm::X25519, &[1; 33]), None);
    }
}
