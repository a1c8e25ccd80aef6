use claviger_core::policy::active;
use claviger_core::{Format, KeyState, Refusal};
use claviger_dbus::wire::{EncryptOptions, NoOptions, PublicKeyRow, RandomOptions, VerifyOptions};
use claviger_dbus::{ByteBuf, CallError, names};
use claviger_soft as soft;
use claviger_token::{Mechanism, Purpose, TokenId};
use serde_bytes::Bytes;
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::{parse, rows};
use crate::accounts::phones;
use crate::files;

/// `org.claviger.KeyStore1.Public`: what needs no private key.
pub struct PublicFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Public", introspection_docs = false)]
impl PublicFace {
    #[zbus(out_args("digest"))]
    async fn digest(
        &self,
        hash: &str,
        data: &Bytes,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let NoOptions {} = options;
        let hash = parse::hash(hash);
        let data = parse::bounded(data);
        self.compute(&header, "digest", async |_| {
            let (hash, data) = (hash?, data?);
            Ok(move || Ok(ByteBuf::from(soft::digest(hash, &data))))
        })
        .await
    }

    #[zbus(out_args("digest"))]
    async fn digest_file(
        &self,
        hash: &str,
        file: OwnedFd,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "digest a file", None, async |peer| {
            let hash = parse::hash(hash)?;
            let visit = door.service.visit(peer).await?;
            files::digest(&door.service.permits, visit.caller.uid, file.into(), hash).await.map(ByteBuf::from)
        })
        .await
    }

    #[zbus(out_args("valid"))]
    async fn verify(
        &self,
        public_key: &Bytes,
        mechanism: &str,
        data: &Bytes,
        signature: &Bytes,
        options: VerifyOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<bool, CallError> {
        self.compute(&header, "verify a signature", async |_| {
            let (spki, data, signature) =
                (parse::bounded(public_key)?, parse::bounded(data)?, parse::bounded(signature)?);
            let (parameters, format) = parse::verify(options)?;
            let algorithm = soft::algorithm_of(&spki)?;
            let mechanism = match parse::mechanism(mechanism)? {
                Some(mechanism) => mechanism,
                None => algorithm.default_signature().ok_or_else(|| {
                    Refusal::NotSupported(format!("verifying with a {algorithm} key").into())
                })?,
            };
            Ok(move || {
                let signature = match format {
                    Format::Raw => signature,
                    Format::Der => match soft::ecdsa_der_to_raw(algorithm, &signature) {
                        Ok(raw) => raw,
                        Err(_) => return Ok(false),
                    },
                };
                Ok(soft::verify(&spki, mechanism, &parameters, &data, &signature)?)
            })
        })
        .await
    }

    #[zbus(out_args("ciphertext"))]
    async fn encrypt(
        &self,
        public_key: &Bytes,
        mechanism: &str,
        data: &Bytes,
        options: EncryptOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        self.compute(&header, "encrypt", async |_| {
            let (spki, data) = (parse::bounded(public_key)?, parse::bounded(data)?);
            let mechanism = serving(mechanism, Purpose::Decrypt)?;
            let parameters = parse::encrypt(options)?;
            Ok(move || Ok(ByteBuf::from(soft::encrypt(&spki, mechanism, &parameters, &data)?)))
        })
        .await
    }

    #[zbus(out_args("ciphertext", "secret"))]
    async fn encapsulate(
        &self,
        public_key: &Bytes,
        mechanism: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(ByteBuf, ByteBuf), CallError> {
        let NoOptions {} = options;
        self.compute(&header, "encapsulate a secret", async |_| {
            let spki = parse::bounded(public_key)?;
            serving(mechanism, Purpose::Decapsulate)?;
            Ok(move || {
                let (ciphertext, secret) = soft::encapsulate(&spki)?;
                Ok((ByteBuf::from(ciphertext), ByteBuf::from(secret.expose())))
            })
        })
        .await
    }

    #[zbus(out_args("bytes"))]
    async fn random(
        &self,
        length: u32,
        options: RandomOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let RandomOptions { token } = options;
        if let Some(token) = token {
            return self.random_of(&header, length, &TokenId::new(token)).await;
        }
        self.compute(&header, "make random bytes", async |_| {
            let length = usize::try_from(length).ok().filter(|length| *length <= names::DATA_LIMIT);
            let length = length.ok_or(Refusal::TooMuchWanted { limit: names::DATA_LIMIT })?;
            Ok(move || Ok(ByteBuf::from(soft::random(length)?.expose())))
        })
        .await
    }

    #[zbus(out_args("keys"))]
    async fn get_public_keys(
        &self,
        user: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<(String, PublicKeyRow)>, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "list a user's public keys", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let service = &door.service;
            let uid = match user.parse() {
                _ if user.is_empty() => visit.caller.uid,
                Ok(uid) => uid,
                Err(_) => service.table.user_by_name(user).await?.ok_or(Refusal::NoSuchUser)?.uid,
            };
            let account = service.accounts.seat(uid).account(&service.table).await?;
            let account = account.ok_or(Refusal::NoSuchUser)?;
            active(&account.user).map_err(|_| Refusal::NoSuchUser)?;
            // A number that was given to another person: the keys are not that person's.
            if service.names.user_name(uid).await? != account.user.name {
                return Err(Refusal::NoSuchUser);
            }
            let keys = account.keys.iter().filter(|key| key.state != KeyState::Revoked);
            Ok(keys.map(|key| (key.id().to_string(), rows::public_key_row(&account.user, key))).collect())
        })
        .await
    }
}

impl PublicFace {
    async fn random_of(
        &self,
        header: &Header<'_>,
        length: u32,
        token: &TokenId,
    ) -> Result<ByteBuf, CallError> {
        let Self(door) = self;
        door.call(header, "make random bytes", None, async |peer| {
            if length > MOST_OF_A_PHONE {
                return Err(Refusal::TooMuchWanted { limit: MOST_OF_A_PHONE as usize });
            }
            let visit = door.service.visit(peer).await?;
            match phones::random(&door.service, &visit, token, length).await {
                Ok(bytes) => Ok(ByteBuf::from(bytes.expose())),
                // The phone gives even less at a time.
                Err(Refusal::DataTooLarge { limit }) => Err(Refusal::TooMuchWanted { limit }),
                Err(refusal) => Err(refusal),
            }
        })
        .await
    }

    /// Prepares a computation, then runs it on a worker when it is the caller's turn.
    async fn compute<T, W>(
        &self,
        header: &Header<'_>,
        doing: &str,
        prepare: impl AsyncFnOnce(&Door) -> Result<W, Refusal>,
    ) -> Result<T, CallError>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, Refusal> + Send + 'static,
    {
        let Self(door) = self;
        door.call(header, doing, None, async |peer| {
            let work = prepare(door).await?;
            let visit = door.service.visit(peer).await?;
            door.service.workers.run(visit.caller.uid, work).await?
        })
        .await
    }
}

/// Returns the mechanism, if its private side serves that purpose.
fn serving(name: &str, purpose: Purpose) -> Result<Mechanism, Refusal> {
    let mechanism = parse::named_mechanism(name)?;
    if mechanism.serves(purpose) {
        return Ok(mechanism);
    }
    Err(parse::invalid(format!("{mechanism} is not for that")))
}

/// Random bytes that are asked of a phone at a time.
const MOST_OF_A_PHONE: u32 = 4096;
