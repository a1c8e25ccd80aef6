use claviger_token::{Algorithm, Generated, Mechanism, Parameters, Secret, Site, Spare};

/// How the PIN comes to the card.
#[derive(Clone, Copy)]
pub enum Pin<'a> {
    /// Not at all: keys that want none still work, others answer [`CardError::PinNeeded`](crate::CardError).
    None,
    /// It was given before and is sent along.
    Given(&'a Secret),
    /// The person enters it at the reader.
    Pad,
}

/// What an application on a card is asked for.
///
/// Whatever needs the PIN does VERIFY, the operation and the logout in this one transaction; a PIN is never sent
/// twice for one operation, and never where the card says that no more tries are left than [`Spare`] keeps.
#[derive(Clone)]
pub enum CardOp {
    /// Checks the PIN and nothing else; the card is logged out again.
    Verify {
        /// The tries that are not spent on it.
        spare: Spare,
    },
    /// Signs.
    Sign {
        /// The place of the key.
        reference: String,
        /// What kind of key it is.
        algorithm: Algorithm,
        /// How: one of the capabilities' mechanisms.
        mechanism: Mechanism,
        /// With what beside the data.
        parameters: Parameters,
        /// What is signed, as the mechanism wants it.
        data: Vec<u8>,
    },
    /// Checks the PIN and signs, in one go: a login. Unlike [`CardOp::Sign`] it shows the PIN whatever the key wants, and
    /// not before the tries were looked at.
    Authenticate {
        /// The place of the key.
        reference: String,
        /// What kind of key it is.
        algorithm: Algorithm,
        /// How: one of the capabilities' mechanisms.
        mechanism: Mechanism,
        /// With what beside the data.
        parameters: Parameters,
        /// What is signed, as the mechanism wants it.
        data: Vec<u8>,
        /// The tries that are not spent on it.
        spare: Spare,
    },
    /// Decrypts.
    Decrypt {
        /// The place of the key.
        reference: String,
        /// What kind of key it is.
        algorithm: Algorithm,
        /// How.
        mechanism: Mechanism,
        /// With what beside the data.
        parameters: Parameters,
        /// One block of the modulus's size.
        ciphertext: Vec<u8>,
    },
    /// Agrees on a secret.
    Derive {
        /// The place of the key.
        reference: String,
        /// What kind of key it is.
        algorithm: Algorithm,
        /// The peer's public key as [`claviger_token::TokenOp::Derive`] takes it.
        peer: Vec<u8>,
    },
    /// Makes a key.
    Generate {
        /// What kind.
        algorithm: Algorithm,
        /// Where, by whose leave.
        site: Site,
    },
    /// Takes a key.
    Import {
        /// DER PKCS#8.
        private_key: Secret,
        /// Where, by whose leave.
        site: Site,
    },
    /// Writes a certificate beside a key.
    WriteCertificate {
        /// The place of the key.
        reference: String,
        /// The certificate, DER; empty erases it.
        certificate: Vec<u8>,
        /// By whose leave (management key, Admin PIN).
        authority: Option<Secret>,
    },
    /// Replaces the PIN; [`Pin`] beside this operation is not looked at.
    ChangePin {
        /// The PIN that holds now.
        old: Secret,
        /// The one that shall.
        new: Secret,
        /// The tries that are not spent on it.
        spare: Spare,
    },
    /// Sets a new PIN where the old one is blocked or forgotten.
    UnblockPin {
        /// The PUK or reset code.
        puk: Secret,
        /// The PIN that shall hold.
        new: Secret,
    },
    /// Prepares a new card for use: a fresh random identity where the card lets one be written (PIV: CHUID and
    /// CCC). Keys and PINs stay as they are. Refused with [`claviger_token::TokenError::NotSupported`] where the
    /// card has its identity from its maker.
    Initialize {
        /// By whose leave.
        authority: Option<Secret>,
    },
    /// Says how a key was made.
    Attest {
        /// The place of the key.
        reference: String,
    },
}

impl CardOp {
    /// Returns true for what a stranger at a login prompt can ask for. A wrong PIN that came with it says nothing of the
    /// one that is kept, and must not take it from the card's owner.
    pub(crate) fn is_login(&self) -> bool {
        matches!(self, Self::Verify { spare: Spare::Two } | Self::Authenticate { .. })
    }

    /// Returns true where what stands on the card is another thing afterwards, and must be read anew.
    pub(crate) fn changes(&self) -> bool {
        match self {
            Self::Generate { .. }
            | Self::Import { .. }
            | Self::WriteCertificate { .. }
            | Self::ChangePin { .. }
            | Self::UnblockPin { .. }
            | Self::Initialize { .. } => true,
            Self::Verify { .. }
            | Self::Sign { .. }
            | Self::Authenticate { .. }
            | Self::Decrypt { .. }
            | Self::Derive { .. }
            | Self::Attest { .. } => false,
        }
    }
}

/// What an application on a card gives back.
pub enum CardOutput {
    /// A signature as [`claviger_token::TokenOutput::Signature`] has it.
    Signature(Vec<u8>),
    /// A decrypted message; for `RSA_X_509` the whole block.
    Plaintext(Secret),
    /// An agreed secret.
    SharedSecret(Secret),
    /// A key came to stand on the card.
    Generated(Generated),
    /// DER certificates, the one that speaks of the key first.
    Attestation(Vec<Vec<u8>>),
    /// It is done and there is nothing to give.
    Done,
}
