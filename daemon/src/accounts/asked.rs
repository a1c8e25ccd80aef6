//! What a token was asked to make or to take, held against its answer.

use claviger_core::Refusal;
use claviger_soft as soft;
use claviger_token::{Algorithm, Binding, Generated, TokenKind};

use super::guess;
use super::keys::Origin;

/// What a token has to answer: a phone says what it likes.
pub(super) enum Asked {
    /// A key of that algorithm.
    Made(Algorithm),
    /// The key of that public half, DER SubjectPublicKeyInfo.
    Taken(Vec<u8>),
    /// What stands at this machine takes the very key that it was given.
    Trusted,
}

impl Asked {
    /// Returns what is to be answered by a token of that kind.
    pub(super) fn of(origin: &Origin, binding: &Binding, kind: TokenKind) -> Result<Self, Refusal> {
        match (origin, kind) {
            (Origin::Generate(algorithm), _) => Ok(Self::Made(*algorithm)),
            (Origin::Import(_), TokenKind::Local | TokenKind::Card) => Ok(Self::Trusted),
            // Parsed as a local store would, and sealed with a key that nobody keeps.
            (Origin::Import(private_key), TokenKind::Phone) => {
                let nobodys = soft::DataKey::generate().map_err(guess::refusal)?;
                Ok(Self::Taken(soft::import_with(&nobodys, private_key, binding)?.public_key))
            }
        }
    }

    /// Refuses another key than was asked for, and a usage that its algorithm has not.
    pub(super) fn check(&self, made: &Generated) -> Result<(), Refusal> {
        let is_asked_for = match self {
            Self::Made(algorithm) => made.algorithm == *algorithm,
            Self::Taken(public_key) => made.public_key == *public_key,
            Self::Trusted => true,
        };
        if !is_asked_for {
            return Err(Refusal::WrongToken("the token answered with another key than was asked for".into()));
        }
        if !made.usage.is_within(made.algorithm.usage()) {
            return Err(Refusal::WrongToken("the token says of the key what its algorithm cannot".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;
    use claviger_token::{Algorithm, Generated, Usage};

    fn answer(algorithm: Algorithm, usage: Usage) -> Generated {
        Generated {
            algorithm,
            usage,
            public_key: vec![1],
            reference: "k1".to_owned(),
            record: None,
            attestation: Vec::new(),
        }
    }

    #[test]
    fn a_token_that_answers_with_another_key_than_was_asked_for_is_not_believed() {
        let (p256, ed25519) = (Algorithm::P256, Algorithm::Ed25519);
        let asked = Asked::Made(p256);
        assert!(asked.check(&answer(p256, p256.usage())).is_ok());
        assert!(asked.check(&answer(ed25519, ed25519.usage())).is_err());
        assert!(Asked::Taken(vec![1]).check(&answer(p256, p256.usage())).is_ok());
        assert!(Asked::Taken(vec![2]).check(&answer(p256, p256.usage())).is_err());
    }

    #[test]
    fn a_key_cannot_do_more_than_its_algorithm() {
        let (x25519, all) = (Algorithm::X25519, Algorithm::P256.usage());
        assert!(!all.is_within(x25519.usage()));
        assert!(Asked::Made(x25519).check(&answer(x25519, all)).is_err());
    }
}
