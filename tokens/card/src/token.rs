use std::sync::Arc;
use std::time::Duration;

use claviger_token::{
    Algorithm, Capabilities, Errand, KeyHandle, Mechanism, Pace, Performing, PinPolicy, Presence, Purpose,
    Secret, Spare, Token, TokenError, TokenId, TokenKind, TokenOp, TokenOutput,
};

use crate::kept_pin::KeptPin;
use crate::pin_pad;
use crate::registry::{Registry, WeakRegistry};
use crate::ticket::{Done, ExpectedKey, PinSource, Request, Work};
use crate::{CardError, CardOp, CardOutput, Contents, Kind, application};

/// One application on one card, wherever it is now.
///
/// Every operation finds the reader in which the card is and waits for that reader's thread; of a card that is
/// nowhere it is refused at once.
pub struct CardToken {
    id: TokenId,
    registry: WeakRegistry,
    pin: Arc<KeptPin>,
}

impl CardToken {
    pub(crate) fn new(id: TokenId, registry: WeakRegistry) -> Self {
        Self { id, registry, pin: Arc::default() }
    }

    /// Returns what stands on the card, or stood when it was last seen.
    pub fn contents(&self) -> Option<Arc<Contents>> {
        self.registry()?.last_seen(&self.id)
    }

    /// Returns the name of the reader in which the card is.
    pub fn reader(&self) -> Option<String> {
        self.registry()?.locate(&self.id).map(|(reader, _)| reader.name.clone())
    }

    /// Returns true where the card is in a reader with a pin pad.
    pub fn has_pin_pad(&self) -> bool {
        let located = self.registry().and_then(|registry| registry.locate(&self.id));
        located.is_some_and(|(reader, _)| reader.has_pin_pad())
    }

    /// Forgets the PIN. An operation that has begun ends.
    pub fn lock(&self) {
        self.pin.forget();
    }

    /// Checks the PIN that the person enters at the reader's pin pad.
    ///
    /// # Errors
    /// As [`TokenOp::Unlock`]; [`TokenError::NotSupported`] where the reader has no pin pad.
    pub async fn verify_on_pad(&self, spare: Spare) -> Result<(), TokenError> {
        self.present()?;
        if !self.has_pin_pad() {
            return Err(TokenError::NotSupported("take a PIN at its reader"));
        }
        self.ask(CardOp::Verify { spare }, None, PinSource::Pad).await.map(drop)
    }

    /// Replaces the PIN; the card is locked afterwards.
    ///
    /// # Errors
    /// [`TokenError::WrongSecret`], [`TokenError::Blocked`], [`TokenError::LastTry`], [`TokenError::SecretUnfit`]
    /// for a PIN of either kind that no such card has, and those of a card that is not there or not well.
    pub async fn change_pin(&self, old: Secret, new: Secret, spare: Spare) -> Result<(), TokenError> {
        let contents = self.present()?;
        fit(&contents, &old)?;
        fit(&contents, &new)?;
        self.lock();
        let outcome = self.ask(CardOp::ChangePin { old, new, spare }, None, PinSource::None).await;
        self.lock();
        outcome.map(drop)
    }

    /// Sets a new PIN where the old one is blocked or forgotten; the card is locked afterwards.
    ///
    /// # Errors
    /// [`TokenError::WrongAuthority`], [`TokenError::SecretUnfit`], and those of a card that is not there or not
    /// well.
    pub async fn unblock_pin(&self, puk: Secret, new: Secret) -> Result<(), TokenError> {
        let contents = self.present()?;
        fit(&contents, &new)?;
        self.lock();
        let outcome = self.ask(CardOp::UnblockPin { puk, new }, None, PinSource::None).await;
        self.lock();
        outcome.map(drop)
    }

    /// Writes a certificate beside the key at that place; an empty one erases it.
    ///
    /// # Errors
    /// [`TokenError::AuthorityNeeded`], [`TokenError::WrongAuthority`], [`TokenError::DataInvalid`], and those of a
    /// card that is not there or not well.
    pub async fn write_certificate(
        &self,
        reference: &str,
        certificate: Vec<u8>,
        authority: Option<Secret>,
    ) -> Result<(), TokenError> {
        self.present()?;
        let operation = CardOp::WriteCertificate { reference: reference.to_owned(), certificate, authority };
        self.ask(operation, None, self.cached_pin()).await.map(drop)
    }

    /// Prepares a new card for use. Its identity may be another afterwards: returns the token that it is then.
    ///
    /// # Errors
    /// [`TokenError::AuthorityNeeded`], [`TokenError::WrongAuthority`], [`TokenError::NotSupported`] where the
    /// card's identity is its maker's, and those of a card that is not there or not well.
    pub async fn initialize(&self, authority: Option<Secret>) -> Result<TokenId, TokenError> {
        self.present()?;
        let done = self.ask(CardOp::Initialize { authority }, None, self.cached_pin()).await?;
        Ok(done.contents.token())
    }

    /// Returns what the card says of how the key at that place was made: DER certificates, the one that speaks of
    /// the key first.
    ///
    /// # Errors
    /// [`TokenError::NotSupported`], [`TokenError::NoSuchKey`], [`TokenError::Locked`] where the card wants its PIN, and
    /// those of a card that is not there or not well.
    pub async fn attest(&self, reference: &str) -> Result<Vec<Vec<u8>>, TokenError> {
        self.present()?;
        let operation = CardOp::Attest { reference: reference.to_owned() };
        // Of these only an OpenPGP card wants the PIN for it.
        let wanted = Kind::of_token(&self.id).is_some_and(|(kind, _)| kind == Kind::OpenPgp);
        let pin = if wanted { self.cached_pin() } else { PinSource::None };
        match self.ask(operation, None, pin).await?.output {
            CardOutput::Attestation(certificates) => Ok(certificates),
            _ => Err(TokenError::Internal("the card gave something else than an attestation".into())),
        }
    }

    async fn run(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        match operation {
            TokenOp::Sign { key, mechanism, parameters, data } => {
                self.check(&key, mechanism, Purpose::Sign)?;
                self.check_size(&data)?;
                let operation = CardOp::Sign {
                    reference: key.reference.to_string(),
                    algorithm: key.info.algorithm,
                    mechanism,
                    parameters,
                    data,
                };
                self.use_key(&key, operation).await
            }
            TokenOp::Decrypt { key, mechanism, parameters, ciphertext } => {
                self.check(&key, mechanism, Purpose::Decrypt)?;
                if key.info.algorithm.modulus_size() != Some(ciphertext.len()) {
                    return Err(TokenError::DataInvalid("not one block of the modulus's size".into()));
                }
                let operation = CardOp::Decrypt {
                    reference: key.reference.to_string(),
                    algorithm: key.info.algorithm,
                    mechanism,
                    parameters,
                    ciphertext,
                };
                self.use_key(&key, operation).await
            }
            TokenOp::Derive { key, mechanism, peer } => {
                self.check(&key, mechanism, Purpose::Derive)?;
                self.check_size(&peer)?;
                let (reference, algorithm) = (key.reference.to_string(), key.info.algorithm);
                self.use_key(&key, CardOp::Derive { reference, algorithm, peer }).await
            }
            TokenOp::Decapsulate { key, mechanism, .. } => {
                Err(TokenError::MechanismNotSupported(mechanism, key.info.algorithm))
            }
            TokenOp::Generate { algorithm, site, .. } => {
                // Of a card that was never seen nobody knows what it makes.
                self.present()?;
                if !self.capabilities().generates.contains(&algorithm) {
                    return Err(TokenError::AlgorithmNotSupported(algorithm));
                }
                self.make(CardOp::Generate { algorithm, site }).await
            }
            TokenOp::Import { private_key, site, .. } => {
                self.present()?;
                if self.capabilities().imports.is_empty() {
                    return Err(TokenError::NotSupported("take keys from outside"));
                }
                self.make(CardOp::Import { private_key, site }).await
            }
            TokenOp::Delete { .. } => Err(TokenError::NotSupported("erase a key")),
            TokenOp::Unlock { secret, spare, .. } => self.unlock(secret, spare).await,
            TokenOp::Lock => {
                self.lock();
                Ok(TokenOutput::Done)
            }
        }
    }

    /// Refuses what the card cannot do; so that this is said of a card that is away, too, it comes first.
    fn check(&self, key: &KeyHandle, mechanism: Mechanism, purpose: Purpose) -> Result<(), TokenError> {
        let algorithm = key.info.algorithm;
        let can = self.capabilities().mechanisms.contains(&mechanism);
        match can && mechanism.fits(algorithm) && mechanism.serves(purpose) {
            true => Ok(()),
            false => Err(TokenError::MechanismNotSupported(mechanism, algorithm)),
        }
    }

    fn check_size(&self, data: &[u8]) -> Result<(), TokenError> {
        let limit = self.capabilities().data_limit;
        if data.len() > limit { Err(TokenError::DataTooLarge { limit }) } else { Ok(()) }
    }

    async fn use_key(&self, key: &KeyHandle, operation: CardOp) -> Result<TokenOutput, TokenError> {
        let contents = self.present()?;
        let pin = self.pin_for(wants_pin(&contents, key))?;
        self.ask(operation, Some(expected(key)), pin).await.and_then(|done| output(done.output))
    }

    async fn make(&self, operation: CardOp) -> Result<TokenOutput, TokenError> {
        self.present()?;
        let pin = self.pin_for(true)?;
        self.ask(operation, None, pin).await.and_then(|done| output(done.output))
    }

    async fn unlock(&self, secret: Secret, spare: Spare) -> Result<TokenOutput, TokenError> {
        let contents = self.present()?;
        fit(&contents, &secret)?;
        let locks = self.pin.locks();
        let pin = PinSource::Given(secret.clone());
        self.ask(CardOp::Verify { spare }, None, pin).await?;
        if !self.pin.keep(secret, locks) {
            return Err(TokenError::Locked);
        }
        Ok(TokenOutput::Done)
    }

    /// Returns the PIN as it comes to the card, where it is wanted and there is one.
    fn pin_for(&self, wanted: bool) -> Result<PinSource, TokenError> {
        match self.cached_pin() {
            _ if !wanted => Ok(PinSource::None),
            PinSource::None if self.has_pin_pad() => Ok(PinSource::Pad),
            PinSource::None => Err(TokenError::Locked),
            pin => Ok(pin),
        }
    }

    fn cached_pin(&self) -> PinSource {
        if self.pin.is_kept() { PinSource::Kept(Arc::clone(&self.pin)) } else { PinSource::None }
    }

    async fn ask(
        &self,
        operation: CardOp,
        key: Option<ExpectedKey>,
        pin: PinSource,
    ) -> Result<Done, TokenError> {
        let registry = self.registry().ok_or(TokenError::Absent)?;
        let limit = limit(&registry, &operation, &pin);
        let (changes, is_login) = (operation.changes(), operation.is_login());
        let token = self.id.clone();
        let request = Request { token, key, pin, operation, changes, limit };
        let outcome = registry.ask(&self.id, Work::Perform(Box::new(request))).await;
        if !is_login && let Err(CardError::WrongPin { .. } | CardError::PinBlocked) = &outcome {
            self.lock();
        }
        outcome.map_err(TokenError::from)
    }

    /// Returns what stands on the card, which must be in a reader.
    fn present(&self) -> Result<Arc<Contents>, TokenError> {
        let located = self.registry().and_then(|registry| registry.locate(&self.id));
        located.map(|(_, contents)| contents).ok_or(TokenError::Absent)
    }

    fn registry(&self) -> Option<Arc<Registry>> {
        self.registry.upgrade()
    }
}

impl Token for CardToken {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn kind(&self) -> TokenKind {
        TokenKind::Card
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        let presumed = || {
            let kind = Kind::of_token(&self.id).map_or(Kind::OpenSc, |(kind, _)| kind);
            application::presumed_capabilities(kind)
        };
        self.contents().map_or_else(presumed, |contents| Arc::clone(&contents.capabilities))
    }

    fn presence(&self) -> Presence {
        self.registry().map_or(Presence::Unreachable, |registry| registry.presence(&self.id))
    }

    fn is_unlocked(&self) -> bool {
        self.pin.is_kept()
    }

    fn is_ready(&self, key: &KeyHandle) -> bool {
        self.is_unlocked()
            || self.has_pin_pad()
            || self.contents().is_some_and(|contents| !wants_pin(&contents, key))
    }

    fn pace(&self, _operation: &TokenOp) -> Pace {
        Pace::Own
    }

    fn perform(&self, operation: TokenOp) -> Performing<'_> {
        Box::pin(self.run(operation))
    }

    fn on_behalf_of(self: Arc<Self>, _errand: Errand) -> Arc<dyn Token> {
        self
    }
}

/// Returns true unless the card says that the key never wants the PIN.
fn wants_pin(contents: &Contents, key: &KeyHandle) -> bool {
    contents.key(&key.reference).is_none_or(|key| key.pin_policy != PinPolicy::Never)
}

/// Returns the key as it must stand on the card.
fn expected(key: &KeyHandle) -> ExpectedKey {
    ExpectedKey {
        reference: Arc::clone(&key.reference),
        algorithm: key.info.algorithm,
        public_key: Arc::clone(&key.info.public_key),
    }
}

/// Refuses a PIN that cannot be right, before it costs a try.
fn fit(contents: &Contents, pin: &Secret) -> Result<(), TokenError> {
    match contents.pin.misfit(pin.expose()) {
        Some(why) => Err(TokenError::SecretUnfit(why.into())),
        None => Ok(()),
    }
}

/// Returns how long the operation may take.
fn limit(registry: &Registry, operation: &CardOp, pin: &PinSource) -> Duration {
    let limit = match operation {
        CardOp::Generate {
            algorithm: Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096, ..
        } => registry.config.generation,
        _ => registry.config.deadline,
    };
    if matches!(pin, PinSource::Pad) { limit + pin_pad::TIME } else { limit }
}

fn output(output: CardOutput) -> Result<TokenOutput, TokenError> {
    match output {
        CardOutput::Signature(signature) => Ok(TokenOutput::Signature(signature)),
        CardOutput::Plaintext(plaintext) => Ok(TokenOutput::Plaintext(plaintext)),
        CardOutput::SharedSecret(secret) => Ok(TokenOutput::SharedSecret(secret)),
        CardOutput::Generated(generated) => Ok(TokenOutput::Generated(generated)),
        CardOutput::Done => Ok(TokenOutput::Done),
        CardOutput::Attestation(_) => {
            Err(TokenError::Internal("the card gave an attestation that nobody asked for".into()))
        }
    }
}

mod login;
#[cfg(test)]
mod tests;
