use claviger_phone_protocol::{Command, DATA_LIMIT, Failure, Info, Mechanics, NewKey, PairingId, Reply, Rv};
use claviger_soft as soft;
use claviger_token::{Algorithm, Errand, Purpose, Secret, Spare, TokenError, TokenOp, TokenOutput};

use super::leave::Needs;
use super::{SecurityManager, Session};
use crate::hosts::Host;
use crate::module::{Making, ModuleKey};
use crate::question::{Operation, Question};

/// A private key's use that a host asks for.
struct Use {
    purpose: Purpose,
    with: Mechanics,
    /// What is signed, decrypted or opened, or the peer's public key.
    data: Vec<u8>,
    errand: Errand,
}

impl SecurityManager {
    /// Does what a host asks. Dropping it takes the question back and gives the operation up.
    ///
    /// # Errors
    /// What the host is answered.
    pub async fn request(&self, session: &Session, command: Command) -> Result<Reply, Failure> {
        match command {
            Command::Info => Ok(Reply::Info(self.info(session))),
            Command::Find => Ok(Reply::Keys(self.module().keys().iter().map(|key| key.entry()).collect())),
            Command::Attributes { key } => Ok(Reply::Key(self.key(&key)?.entry())),
            Command::Certificates { key } => Ok(Reply::Certificates(self.key(&key)?.certificates.clone())),
            Command::Sign { with, data, errand } => {
                self.use_key(session, Use { purpose: Purpose::Sign, with, data, errand }).await
            }
            Command::Decrypt { with, ciphertext: data, errand } => {
                self.use_key(session, Use { purpose: Purpose::Decrypt, with, data, errand }).await
            }
            Command::Derive { with, peer: data, errand } => {
                self.use_key(session, Use { purpose: Purpose::Derive, with, data, errand }).await
            }
            Command::Decapsulate { with, ciphertext: data, errand } => {
                self.use_key(session, Use { purpose: Purpose::Decapsulate, with, data, errand }).await
            }
            Command::Generate { algorithm, new, errand } => {
                self.generate(session, algorithm, new, &errand).await
            }
            Command::Import { private_key, new, errand } => {
                self.import(session, private_key, new, &errand).await
            }
            Command::Certify { key, certificates, errand } => {
                self.certify(session, &key, certificates, &errand).await
            }
            Command::Delete { key, errand } => self.delete(session, &key, &errand).await,
            Command::Verify { with, data, signature } => self.verify(&with, &data, &signature),
            Command::Encrypt { with, plaintext } => self.encrypt(&with, &plaintext),
            Command::Random { length } => random(length),
            Command::Digest { hash, data } => Ok(Reply::Digest(soft::digest(hash, &data))),
            Command::Login { secret, spare, errand } => self.login(session, secret, spare, &errand).await,
            Command::Logout => {
                session.log_out();
                self.allowances().forget_host(&session.pairing);
                Ok(Reply::Done)
            }
            Command::Ping => Ok(Reply::Done),
            Command::Unpair => self.unpair(session.host.known.pairing),
        }
    }

    fn info(&self, session: &Session) -> Info {
        Info {
            label: self.name.clone(),
            manufacturer: "Claviger".to_owned(),
            model: format!("{} ({})", self.model, self.module().name()),
            serial: String::new(),
            unlocked: self.module().is_unlocked() && !session.is_logged_out(),
            asks_itself: true,
            capabilities: (*self.module().capabilities()).clone(),
        }
    }

    /// Uses a private key, which is asked about.
    async fn use_key(&self, session: &Session, wanted: Use) -> Result<Reply, Failure> {
        let Use { purpose, with, data, errand } = wanted;
        let key = self.key_for(&with, purpose)?;
        self.check_size(&data)?;
        let question =
            self.about(operation(purpose), session, &errand, &key).with_data(with.mechanism, &data);
        let leave = self.leave(session, question, Some(&key)).await?;
        let Mechanics { mechanism, parameters, .. } = with;
        let key = key.handle.clone();
        let operation = match purpose {
            Purpose::Sign => TokenOp::Sign { key, mechanism, parameters, data },
            Purpose::Decrypt => TokenOp::Decrypt { key, mechanism, parameters, ciphertext: data },
            Purpose::Derive => TokenOp::Derive { key, mechanism, peer: data },
            Purpose::Decapsulate => TokenOp::Decapsulate { key, mechanism, ciphertext: data },
        };
        let output = self.module().perform(operation).await;
        leave.finish(output.and_then(|output| reply(purpose, output)))
    }

    async fn generate(
        &self,
        session: &Session,
        algorithm: Algorithm,
        new: NewKey,
        errand: &Errand,
    ) -> Result<Reply, Failure> {
        if !self.module().capabilities().generates.contains(&algorithm) {
            return Err(TokenError::AlgorithmNotSupported(algorithm).into());
        }
        self.check_room()?;
        let question =
            self.question(Operation::Generate, session, errand).with_key("", &new.label, algorithm);
        let leave = self.leave(session, question, None).await?;
        let made = self.module().make(Making::Generate(algorithm), new, &session.host.name).await;
        leave.finish(made.map(|key| Reply::Key(key.entry())))
    }

    async fn import(
        &self,
        session: &Session,
        private_key: Secret,
        new: NewKey,
        errand: &Errand,
    ) -> Result<Reply, Failure> {
        if self.module().capabilities().imports.is_empty() {
            return Err(TokenError::NotSupported("take keys from outside").into());
        }
        self.check_room()?;
        let mut question = self.question(Operation::Import, session, errand);
        question.errand.purpose =
            format!("{} (\"{}\")", question.errand.purpose, crate::text::clean(&new.label, 80));
        let leave = self.leave(session, question, None).await?;
        let made = self.module().make(Making::Import(private_key), new, &session.host.name).await;
        leave.finish(made.map(|key| Reply::Key(key.entry())))
    }

    async fn certify(
        &self,
        session: &Session,
        key: &str,
        certificates: Vec<Vec<u8>>,
        errand: &Errand,
    ) -> Result<Reply, Failure> {
        let key = self.key(key)?;
        if certificates.iter().map(Vec::len).sum::<usize>() > CHAIN_LIMIT {
            return Err(TokenError::DataTooLarge { limit: CHAIN_LIMIT }.into());
        }
        let leave = self.leave(session, self.about(Operation::Certify, session, errand, &key), None).await?;
        leave.finish(self.module().certify(&key, certificates).await.map(|()| Reply::Done))
    }

    async fn delete(&self, session: &Session, key: &str, errand: &Errand) -> Result<Reply, Failure> {
        let key = self.key(key)?;
        if !self.module().capabilities().erases {
            return Err(TokenError::NotSupported("erase a key").into());
        }
        let leave = self.leave(session, self.about(Operation::Delete, session, errand, &key), None).await?;
        leave.finish(self.module().erase(&key).await.map(|()| Reply::Done))
    }

    fn verify(&self, with: &Mechanics, data: &[u8], signature: &[u8]) -> Result<Reply, Failure> {
        let key = self.key(&with.key)?;
        let public_key = &key.handle.info.public_key;
        match soft::verify(public_key, with.mechanism, &with.parameters, data, signature)? {
            true => Ok(Reply::Done),
            false => Err(Failure::new(Rv::SignatureInvalid, "the signature is not by this key")),
        }
    }

    fn encrypt(&self, with: &Mechanics, plaintext: &Secret) -> Result<Reply, Failure> {
        let key = self.key(&with.key)?;
        let public_key = &key.handle.info.public_key;
        let ciphertext = soft::encrypt(public_key, with.mechanism, &with.parameters, plaintext.expose())?;
        Ok(Reply::Ciphertext(ciphertext))
    }

    /// Lets the host use the module again, or for the first time: the person says so, or the host brings the secret and the
    /// person lets it.
    async fn login(
        &self,
        session: &Session,
        secret: Option<Secret>,
        spare: Spare,
        errand: &Errand,
    ) -> Result<Reply, Failure> {
        let question = self.question(Operation::Unlock, session, errand);
        let Some(secret) = secret else {
            let leave = self.ask(session, question, Needs::Module).await?;
            let done = leave.finish(Ok(Reply::Done))?;
            session.log_in();
            return Ok(done);
        };
        if !session.may_guess() {
            return Err(Failure::new(Rv::PinLocked, "too many wrong secrets came by this channel"));
        }
        let warning = match spare {
            Spare::Nothing => "it brings the secret itself, and a wrong one may take the last try",
            Spare::Last | Spare::Two => "it brings the secret itself",
        };
        let leave = self.ask(session, question.with_warning(warning), Needs::Nothing).await?;
        let unlocked = self.module().unlock(secret, spare).await;
        if unlocked.is_err() {
            session.guessed_wrong();
        }
        let done = leave.finish(unlocked.map(|()| Reply::Done))?;
        session.log_in();
        Ok(done)
    }

    fn unpair(&self, pairing: PairingId) -> Result<Reply, Failure> {
        let forgotten = self.hosts.forget(pairing).map_err(TokenError::from)?;
        self.allowances().forget_host(&pairing.to_string());
        if let Some(host) = forgotten {
            eprintln!(
                "claviger-phone: {} is not paired any more: it says so",
                crate::text::clean(&host.name, 80)
            );
        }
        Ok(Reply::Done)
    }

    /// Returns a question of this host.
    fn question(&self, operation: Operation, session: &Session, errand: &Errand) -> Question {
        let Host { known, name, user, .. } = &*session.host;
        let question = Question::new(operation, &session.pairing, name, errand).paired_for(user, known.uid);
        if self.hosts.has_namesake(known.pairing, name) {
            let text = format!("two computers have this name; this one is {}", session.pairing);
            return question.with_warning(&text);
        }
        question
    }

    /// Returns the question about an operation with a key.
    fn about(&self, operation: Operation, session: &Session, errand: &Errand, key: &ModuleKey) -> Question {
        let algorithm = key.handle.info.algorithm;
        self.question(operation, session, errand).with_key(key.reference(), &key.label, algorithm)
    }
}

fn random(length: u32) -> Result<Reply, Failure> {
    let length = length as usize;
    if length > DATA_LIMIT {
        return Err(TokenError::DataTooLarge { limit: DATA_LIMIT }.into());
    }
    Ok(Reply::Random(soft::random(length)?))
}

const fn operation(purpose: Purpose) -> Operation {
    match purpose {
        Purpose::Sign => Operation::Sign,
        Purpose::Decrypt => Operation::Decrypt,
        Purpose::Derive => Operation::Derive,
        Purpose::Decapsulate => Operation::Decapsulate,
    }
}

fn reply(purpose: Purpose, output: TokenOutput) -> Result<Reply, TokenError> {
    match (purpose, output) {
        (Purpose::Sign, TokenOutput::Signature(signature)) => Ok(Reply::Signature(signature)),
        (Purpose::Decrypt, TokenOutput::Plaintext(plaintext)) => Ok(Reply::Plaintext(plaintext)),
        (Purpose::Derive | Purpose::Decapsulate, TokenOutput::SharedSecret(secret)) => {
            Ok(Reply::SharedSecret(secret))
        }
        _ => Err(odd()),
    }
}

fn odd() -> TokenError {
    TokenError::Internal("the module gave something else than was asked for".into())
}

/// The most bytes of certificates beside a key.
const CHAIN_LIMIT: usize = 64 * 1024;
