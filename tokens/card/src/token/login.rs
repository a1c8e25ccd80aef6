use claviger_token::{Purpose, Secret, Spare, TokenError, TokenOp, TokenOutput};

use super::{CardToken, expected, fit, output};
use crate::CardOp;
use crate::ticket::PinSource;

impl CardToken {
    /// Proves that whoever is at a login prompt has the PIN and the card, and returns the signature that says so.
    ///
    /// It is one request and one transaction: the PIN that is given here, and no other, goes to the card, which must take
    /// it before the key signs, even a key that wants none. A PIN that is kept from an earlier unlock is not looked at, so
    /// that it never stands in for this one; a wrong one here leaves it kept, so that a stranger at the prompt cannot lock
    /// the owner's card. The right one is kept from now on, unless the card was locked meanwhile. Without a PIN the
    /// reader's pin pad asks for it, once.
    ///
    /// # Errors
    /// [`TokenError::TriesKept`] before anything is tried, [`TokenError::WrongSecret`], [`TokenError::Blocked`],
    /// [`TokenError::SecretUnfit`] for a PIN that never goes to the card, [`TokenError::Locked`] without a PIN and
    /// without a pin pad, [`TokenError::NotSupported`] for another operation than [`TokenOp::Sign`], and those of signing.
    pub async fn authenticate(
        &self,
        secret: Option<Secret>,
        spare: Spare,
        sign: TokenOp,
    ) -> Result<TokenOutput, TokenError> {
        let TokenOp::Sign { key, mechanism, parameters, data } = sign else {
            return Err(TokenError::NotSupported("log in by anything but a signature"));
        };
        self.check(&key, mechanism, Purpose::Sign)?;
        self.check_size(&data)?;
        let contents = self.present()?;
        let pin = match &secret {
            Some(secret) => {
                fit(&contents, secret)?;
                PinSource::Given(secret.clone())
            }
            None if self.has_pin_pad() => PinSource::Pad,
            None => return Err(TokenError::Locked),
        };
        let (reference, algorithm) = (key.reference.to_string(), key.info.algorithm);
        let operation = CardOp::Authenticate { reference, algorithm, mechanism, parameters, data, spare };
        let locks = self.pin.locks();
        let done = self.ask(operation, Some(expected(&key)), pin).await?;
        let kept = secret.is_some_and(|secret| self.pin.keep(secret, locks));
        tracing::debug!("{}: a login, unlocked: {kept}", self.id);
        output(done.output)
    }
}

#[cfg(test)]
mod tests;
