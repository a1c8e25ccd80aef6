use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use claviger_phone_protocol::{Command, Info, KeyEntry, Mechanics, NewKey, Reply};
use claviger_token::{
    Capabilities, Errand, Generated, KeyHandle, Mechanism, Pace, Parameters, Performing, Presence, Purpose,
    Secret, Spare, Token, TokenError, TokenId, TokenKind, TokenOp, TokenOutput,
};

use crate::ask::ask;
use crate::registry::WeakRegistry;
use crate::view::View;

/// One phone, wherever it is now.
///
/// Every operation goes to the phone, which asks its person. While the phone is away it is refused at once; a cut of a few
/// seconds is waited out.
pub struct PhoneToken {
    id: TokenId,
    registry: WeakRegistry,
    /// This computer locked it: new channels are locked, too, until somebody unlocks it.
    locked: AtomicBool,
}

impl PhoneToken {
    pub(crate) fn new(id: TokenId, registry: WeakRegistry) -> Self {
        Self { id, registry, locked: AtomicBool::new(false) }
    }

    /// Returns what the phone says of itself, or said when it was last there.
    pub fn info(&self) -> Option<Arc<Info>> {
        self.registry.upgrade()?.info(&self.id)
    }

    /// Returns what its owner calls it.
    pub fn name(&self) -> Option<String> {
        self.registry.upgrade()?.name(&self.id)
    }

    /// Returns the token as one that works on behalf of somebody, and calls keys that come to stand on it by that name.
    pub fn making(self: &Arc<Self>, errand: Errand, label: &str) -> Arc<dyn Token> {
        Arc::new(View { token: Arc::clone(self), errand, label: label.to_owned() })
    }

    /// Returns the keys on the phone that this computer's user may see. Whether they are the phone's is not proven by this.
    ///
    /// # Errors
    /// [`TokenError::Absent`], and whatever a phone may answer.
    pub async fn keys(&self) -> Result<Vec<KeyEntry>, TokenError> {
        match self.ask(Command::Find).await? {
            Reply::Keys(keys) => Ok(keys),
            other => Err(unexpected(&other)),
        }
    }

    /// Returns the certificates that stand beside a key on the phone: DER, the key's own first.
    ///
    /// # Errors
    /// [`TokenError::NoSuchKey`], [`TokenError::Absent`], and whatever a phone may answer.
    pub async fn certificates(&self, reference: &str) -> Result<Vec<Vec<u8>>, TokenError> {
        match self.ask(Command::Certificates { key: reference.to_owned() }).await? {
            Reply::Certificates(certificates) => Ok(certificates),
            other => Err(unexpected(&other)),
        }
    }

    /// Puts certificates beside a key on the phone; none takes away those that are there.
    ///
    /// # Errors
    /// As [`certificates`](Self::certificates), and [`TokenError::Declined`].
    pub async fn certify(
        &self,
        reference: &str,
        certificates: Vec<Vec<u8>>,
        errand: Errand,
    ) -> Result<(), TokenError> {
        let key = reference.to_owned();
        done(&self.ask(Command::Certify { key, certificates, errand }).await?).map(drop)
    }

    /// Returns random bytes of the phone's.
    ///
    /// # Errors
    /// [`TokenError::Absent`], and whatever a phone may answer.
    pub async fn random(&self, length: u32) -> Result<Secret, TokenError> {
        match self.ask(Command::Random { length }).await? {
            Reply::Random(bytes) if bytes.expose().len() == length as usize => Ok(bytes),
            Reply::Random(_) => Err(TokenError::Device("the phone gave another number of bytes".into())),
            other => Err(unexpected(&other)),
        }
    }

    /// Has the phone ask its own person to unlock it.
    ///
    /// # Errors
    /// [`TokenError::Declined`], [`TokenError::Timeout`], [`TokenError::Absent`], [`TokenError::NotSupported`] where the phone
    /// does not ask.
    pub async fn login(&self, errand: Errand) -> Result<(), TokenError> {
        self.log_in(None, Spare::Last, &errand).await.map(drop)
    }

    /// Has the phone sign for a login although this computer locked it: its person is asked for both at once, and a yes makes
    /// its keys usable from here again. The errand's purpose must be `login`.
    ///
    /// # Errors
    /// [`TokenError::Locked`] where the phone wants [`login`](Self::login) first; else as every signature.
    pub async fn sign_to_log_in(&self, wanted: TokenOp, errand: Errand) -> Result<TokenOutput, TokenError> {
        let TokenOp::Sign { key, mechanism, parameters, data } = wanted else {
            return Err(TokenError::NotSupported("log somebody in by that"));
        };
        self.check(&key, mechanism, Purpose::Sign)?;
        self.check_size(&data)?;
        let with = with(&key, mechanism, parameters);
        let output = output(self.ask(Command::Sign { with, data, errand }).await?)?;
        self.note_unlocked();
        Ok(output)
    }

    /// Locks it for this computer, at once and over every reconnection; the phone is told where it is there.
    pub fn lock(&self) {
        let was_locked = self.locked.swap(true, Ordering::AcqRel);
        let Some(registry) = self.registry.upgrade() else { return };
        registry.set_unlocked(&self.id, false);
        if !was_locked && registry.presence(&self.id) == Presence::Present {
            let told = ask(&registry, &self.id, Command::Logout, registry.config.request);
            // Nobody waits for it: this computer keeps to it by itself, and a new channel is told again.
            registry.runtime.spawn(async move {
                if let Err(error) = told.await {
                    tracing::debug!("the phone was not told that it is locked: {error}");
                }
            });
        }
    }

    pub(crate) fn is_locked_here(&self) -> bool {
        self.locked.load(Ordering::Acquire)
    }

    pub(crate) async fn run(
        &self,
        operation: TokenOp,
        errand: &Errand,
        label: &str,
    ) -> Result<TokenOutput, TokenError> {
        let errand = errand.clone();
        match operation {
            TokenOp::Sign { key, mechanism, parameters, data } => {
                self.check(&key, mechanism, Purpose::Sign)?;
                self.check_size(&data)?;
                let with = with(&key, mechanism, parameters);
                self.use_key(Command::Sign { with, data, errand }).await
            }
            TokenOp::Decrypt { key, mechanism, parameters, ciphertext } => {
                self.check(&key, mechanism, Purpose::Decrypt)?;
                if key.info.algorithm.modulus_size() != Some(ciphertext.len()) {
                    return Err(TokenError::DataInvalid("not one block of the modulus's size".into()));
                }
                let with = with(&key, mechanism, parameters);
                self.use_key(Command::Decrypt { with, ciphertext, errand }).await
            }
            TokenOp::Derive { key, mechanism, peer } => {
                self.check(&key, mechanism, Purpose::Derive)?;
                self.check_size(&peer)?;
                let with = with(&key, mechanism, Parameters::default());
                self.use_key(Command::Derive { with, peer, errand }).await
            }
            TokenOp::Decapsulate { key, mechanism, ciphertext } => {
                self.check(&key, mechanism, Purpose::Decapsulate)?;
                self.check_size(&ciphertext)?;
                let with = with(&key, mechanism, Parameters::default());
                self.use_key(Command::Decapsulate { with, ciphertext, errand }).await
            }
            TokenOp::Generate { algorithm, binding, .. } => {
                if !self.capabilities().generates.contains(&algorithm) {
                    return Err(TokenError::AlgorithmNotSupported(algorithm));
                }
                let new = NewKey { id: binding.key, label: label.to_owned() };
                self.use_key(Command::Generate { algorithm, new, errand }).await
            }
            TokenOp::Import { private_key, binding, .. } => {
                if self.capabilities().imports.is_empty() {
                    return Err(TokenError::NotSupported("take keys from outside"));
                }
                self.check_size(private_key.expose())?;
                let new = NewKey { id: binding.key, label: label.to_owned() };
                self.use_key(Command::Import { private_key, new, errand }).await
            }
            TokenOp::Delete { key } => {
                if !self.capabilities().erases {
                    return Err(TokenError::NotSupported("erase a key"));
                }
                self.use_key(Command::Delete { key: key.reference.to_string(), errand }).await
            }
            TokenOp::Unlock { secret, spare, .. } => {
                let secret = Some(secret).filter(|secret| !secret.is_empty());
                self.log_in(secret, spare, &errand).await
            }
            TokenOp::Lock => {
                self.lock();
                Ok(TokenOutput::Done)
            }
        }
    }

    async fn log_in(
        &self,
        secret: Option<Secret>,
        spare: Spare,
        errand: &Errand,
    ) -> Result<TokenOutput, TokenError> {
        let command = Command::Login { secret, spare, errand: errand.clone() };
        let reply = self.ask(command).await?;
        let output = done(&reply)?;
        self.note_unlocked();
        Ok(output)
    }

    fn note_unlocked(&self) {
        self.locked.store(false, Ordering::Release);
        if let Some(registry) = self.registry.upgrade() {
            registry.set_unlocked(&self.id, true);
        }
    }

    /// Refuses what the phone cannot do; so that this is said of a phone that is away, too, it comes first.
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

    async fn use_key(&self, command: Command) -> Result<TokenOutput, TokenError> {
        if self.is_locked_here() {
            return Err(TokenError::Locked);
        }
        output(self.ask(command).await?)
    }

    async fn ask(&self, command: Command) -> Result<Reply, TokenError> {
        let registry = self.registry.upgrade().ok_or(TokenError::Absent)?;
        if registry.presence(&self.id) != Presence::Present {
            return Err(TokenError::Absent);
        }
        let limit = registry.config.request;
        ask(&registry, &self.id, command, limit).await
    }
}

impl Token for PhoneToken {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn kind(&self) -> TokenKind {
        TokenKind::Phone
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        let said = self.registry.upgrade().and_then(|registry| registry.capabilities(&self.id));
        said.unwrap_or_else(|| {
            Arc::new(Capabilities {
                mechanisms: [].into(),
                generates: [].into(),
                imports: [].into(),
                erases: false,
                data_limit: claviger_phone_protocol::DATA_LIMIT,
            })
        })
    }

    fn presence(&self) -> Presence {
        self.registry.upgrade().map_or(Presence::Unreachable, |registry| registry.presence(&self.id))
    }

    fn is_unlocked(&self) -> bool {
        let unlocked = || self.registry.upgrade().is_some_and(|registry| registry.is_unlocked(&self.id));
        !self.is_locked_here() && unlocked()
    }

    /// The phone asks its own person where it is locked itself; only what this computer locked, and what cannot ask, must be
    /// unlocked first.
    fn is_ready(&self, _key: &KeyHandle) -> bool {
        let asks = self.info().is_some_and(|info| info.asks_itself);
        if asks { !self.is_locked_here() } else { self.is_unlocked() }
    }

    fn pace(&self, _operation: &TokenOp) -> Pace {
        Pace::Own
    }

    fn perform(&self, operation: TokenOp) -> Performing<'_> {
        Box::pin(async move { self.run(operation, &Errand::default(), "").await })
    }

    fn on_behalf_of(self: Arc<Self>, errand: Errand) -> Arc<dyn Token> {
        self.making(errand, "")
    }
}

fn with(key: &KeyHandle, mechanism: Mechanism, parameters: Parameters) -> Mechanics {
    Mechanics { key: key.reference.to_string(), mechanism, parameters }
}

fn output(reply: Reply) -> Result<TokenOutput, TokenError> {
    match reply {
        Reply::Done => Ok(TokenOutput::Done),
        Reply::Signature(signature) => Ok(TokenOutput::Signature(signature)),
        Reply::Plaintext(plaintext) => Ok(TokenOutput::Plaintext(plaintext)),
        Reply::SharedSecret(secret) => Ok(TokenOutput::SharedSecret(secret)),
        Reply::Key(KeyEntry { reference, algorithm, usage, public_key, .. }) => {
            let (record, attestation) = (None, Vec::new());
            Ok(TokenOutput::Generated(Generated {
                algorithm,
                usage,
                public_key,
                reference,
                record,
                attestation,
            }))
        }
        other @ (Reply::Info(_)
        | Reply::Keys(_)
        | Reply::Ciphertext(_)
        | Reply::Random(_)
        | Reply::Digest(_)
        | Reply::Certificates(_)) => Err(unexpected(&other)),
    }
}

fn done(reply: &Reply) -> Result<TokenOutput, TokenError> {
    match reply {
        Reply::Done => Ok(TokenOutput::Done),
        other => Err(unexpected(other)),
    }
}

/// The channel lets no answer of another kind through.
fn unexpected(_reply: &Reply) -> TokenError {
    TokenError::Internal("the phone gave something else than was asked for".into())
}
