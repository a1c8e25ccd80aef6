use std::fmt;
use std::sync::Arc;

use claviger_core::{KeyState, Refusal, Request, Selector};
use claviger_dbus::wire::{
    CertificateOptions, DecapsulateOptions, DecryptOptions, DeriveOptions, ExplainOptions, Explanation,
    KeyFilter, KeyRow, NewKeyOptions, NoOptions, SignOptions,
};
use claviger_dbus::{ByteBuf, CallError, names};
use claviger_token::{Purpose, Site, TokenId};
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::{parse, rows};
use crate::accounts::keys::{Change, NewKey, Origin, Place};
use crate::accounts::{Seat, certificates, keys};
use crate::agents::Asking;
use crate::callers::Peer;
use crate::errand::application;
use crate::pipeline::{self, Data};
use crate::table::Account;
use crate::{secrets, settle};

/// `org.claviger.KeyStore1.Keys`: the caller's own keys.
pub struct KeysFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Keys", introspection_docs = false)]
impl KeysFace {
    #[zbus(out_args("keys"))]
    async fn list_keys(
        &self,
        filter: KeyFilter,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<(String, KeyRow)>, CallError> {
        let Self(door) = self;
        door.call(&header, "list your keys", None, async |peer| {
            let wanted = Wanted::parse(filter)?;
            let (seat, account) = self.account(peer).await?;
            let keys = account.keys.iter().filter(|key| wanted.includes(key));
            Ok(keys.map(|key| (key.id().to_string(), rows::key_row(&seat, &account, key))).collect())
        })
        .await
    }

    #[zbus(out_args("id", "attributes"))]
    async fn get_key(
        &self,
        key: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(String, KeyRow), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, Doing("show", key), None, async |peer| {
            let selector = Selector::parse(key)?;
            let (seat, account) = self.account(peer).await?;
            let key = selector.find(&account.keys, &account.user.defaults, Some(Purpose::Sign))?;
            Ok((key.id().to_string(), rows::key_row(&seat, &account, key)))
        })
        .await
    }

    #[zbus(out_args("signature"))]
    async fn sign(
        &self,
        key: &str,
        mechanism: &str,
        data: &serde_bytes::Bytes,
        options: SignOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let wanted = (options.timeout_ms, options.no_prompt);
        let request = || parse::request(key, Purpose::Sign, mechanism, parse::sign(options)?);
        self.operate(&header, "sign with", (key, wanted), request, || bytes(data)).await
    }

    #[zbus(out_args("signature"))]
    async fn sign_file(
        &self,
        key: &str,
        mechanism: &str,
        file: OwnedFd,
        options: SignOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let wanted = (options.timeout_ms, options.no_prompt);
        let request = || parse::request(key, Purpose::Sign, mechanism, parse::sign(options)?);
        self.operate(&header, "sign with", (key, wanted), request, || Ok(Data::File(file.into()))).await
    }

    #[zbus(out_args("plaintext"))]
    async fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &serde_bytes::Bytes,
        options: DecryptOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let wanted = (options.timeout_ms, options.no_prompt);
        let request = || parse::request(key, Purpose::Decrypt, mechanism, parse::decrypt(options)?);
        self.operate(&header, "decrypt with", (key, wanted), request, || bytes(data)).await
    }

    #[zbus(out_args("secret"))]
    async fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &serde_bytes::Bytes,
        options: DeriveOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let wanted = (options.timeout_ms, options.no_prompt);
        let request = || parse::request(key, Purpose::Derive, mechanism, parse::derive(options)?);
        self.operate(&header, "derive with", (key, wanted), request, || bytes(peer)).await
    }

    #[zbus(out_args("secret"))]
    async fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &serde_bytes::Bytes,
        options: DecapsulateOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<ByteBuf, CallError> {
        let wanted = (options.timeout_ms, options.no_prompt);
        let request = || parse::request(key, Purpose::Decapsulate, mechanism, parse::decapsulate(options));
        self.operate(&header, "decapsulate with", (key, wanted), request, || bytes(ciphertext)).await
    }

    #[zbus(out_args("id"))]
    async fn generate_key(
        &self,
        algorithm: &str,
        options: NewKeyOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let Self(door) = self;
        let time = options.timeout_ms;
        door.call(&header, "make a key", time, async |peer| {
            let origin = Origin::Generate(parse::algorithm(algorithm)?);
            let visit = door.service.visit(peer).await?;
            let wanted = self.wanted(peer, options).await?;
            keys::create(&door.service, visit, origin, wanted).await.map(|id| id.to_string())
        })
        .await
    }

    #[zbus(out_args("id"))]
    async fn import_key(
        &self,
        private_key: OwnedFd,
        options: NewKeyOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let Self(door) = self;
        let time = options.timeout_ms;
        door.call(&header, "import a key", time, async |peer| {
            let visit = door.service.visit(peer).await?;
            let wanted = self.wanted(peer, options).await?;
            let origin = Origin::Import(secrets::read(private_key.into(), names::SECRET_LIMIT).await?);
            keys::create(&door.service, visit, origin, wanted).await.map(|id| id.to_string())
        })
        .await
    }

    async fn delete_key(
        &self,
        key: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, Doing("delete", key), None, async |peer| {
            let selector = Selector::parse(key)?;
            let visit = door.service.visit(peer).await?;
            keys::change(&door.service, visit, selector, Change::Delete).await
        })
        .await
    }

    async fn set_default_key(
        &self,
        purpose: &str,
        key: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "set a default key", None, async |peer| {
            let selector = Selector::parse(key)?;
            let visit = door.service.visit(peer).await?;
            let change = Change::DefaultFor(purpose.to_owned());
            keys::change(&door.service, visit, selector, change).await
        })
        .await
    }

    async fn set_label(
        &self,
        key: &str,
        label: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, Doing("label", key), None, async |peer| {
            let selector = Selector::parse(key)?;
            let visit = door.service.visit(peer).await?;
            let change = Change::Label(label.to_owned());
            keys::change(&door.service, visit, selector, change).await
        })
        .await
    }

    async fn set_confirm(
        &self,
        key: &str,
        policy: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, Doing("set how often to ask for", key), None, async |peer| {
            let (selector, confirm) = (Selector::parse(key)?, parse::confirm(policy)?);
            let visit = door.service.visit(peer).await?;
            let asking = Asking::of(peer, &header, None);
            settle::set_confirm(&door.service, asking, &visit.caller, (&selector, confirm)).await?;
            keys::change(&door.service, visit, selector, Change::Confirm(confirm)).await
        })
        .await
    }

    #[zbus(out_args("certificates"))]
    async fn get_certificates(
        &self,
        key: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<ByteBuf>, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, Doing("show the certificates of", key), None, async |peer| {
            let selector = Selector::parse(key)?;
            let (_, account) = self.account(peer).await?;
            let key = selector.find(&account.keys, &account.user.defaults, Some(Purpose::Sign))?;
            Ok(key.certificates.iter().cloned().map(ByteBuf::from).collect())
        })
        .await
    }

    async fn set_certificate(
        &self,
        key: &str,
        certificate: &serde_bytes::Bytes,
        options: CertificateOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let Self(door) = self;
        let CertificateOptions { chain, authority } = options;
        door.call(&header, Doing("set the certificate of", key), None, async |peer| {
            let selector = Selector::parse(key)?;
            let certificates = parse::chain(certificate, chain)?;
            let visit = door.service.visit(peer).await?;
            let authority = parse::optional_secret(authority).await?;
            certificates::set(&door.service, visit, selector, certificates, authority).await
        })
        .await
    }

    #[zbus(out_args("certificates"))]
    async fn attest(
        &self,
        key: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<ByteBuf>, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, Doing("attest", key), None, async |peer| {
            let selector = Selector::parse(key)?;
            let visit = door.service.visit(peer).await?;
            let attestation = certificates::attest(&door.service, &visit, &selector).await?;
            Ok(attestation.into_iter().map(ByteBuf::from).collect())
        })
        .await
    }

    #[zbus(out_args("explanation"))]
    async fn explain(
        &self,
        key: &str,
        mechanism: &str,
        options: ExplainOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Explanation, CallError> {
        let Self(door) = self;
        let (time, no_prompt) = (options.timeout_ms, options.no_prompt);
        door.call(&header, Doing("explain", key), time, async |peer| {
            let named = parse::mechanism(mechanism)?;
            let purpose = parse::purpose(options.purpose.as_deref(), named)?;
            let request = parse::request(key, purpose, mechanism, parse::explain(options)?)?;
            let visit = door.service.visit(peer).await?;
            let asking = Asking::of(peer, &header, no_prompt);
            super::explain::explain(&door.service, (asking, &visit.caller), &request).await
        })
        .await
    }
}

impl KeysFace {
    /// Sends one operation on its path.
    async fn operate(
        &self,
        header: &Header<'_>,
        verb: &'static str,
        (key, (timeout_ms, no_prompt)): (&str, (Option<u32>, Option<bool>)),
        request: impl FnOnce() -> Result<Request, Refusal>,
        data: impl FnOnce() -> Result<Data, Refusal>,
    ) -> Result<ByteBuf, CallError> {
        let Self(door) = self;
        door.call(header, Doing(verb, key), timeout_ms, async |peer| {
            let asking = Asking::of(peer, header, no_prompt);
            let reply = pipeline::run(&door.service, asking, request()?, data()?).await?;
            Ok(ByteBuf::from(reply))
        })
        .await
    }

    async fn account(&self, peer: &Peer) -> Result<(Arc<Seat>, Arc<Account>), Refusal> {
        let Self(door) = self;
        let visit = door.service.visit(peer).await?;
        let seat = door.service.accounts.seat(visit.caller.uid);
        let account = seat.callers(&door.service.table, &visit.caller).await?;
        Ok((seat, account))
    }

    async fn wanted(&self, peer: &Peer, options: NewKeyOptions) -> Result<NewKey, Refusal> {
        let NewKeyOptions {
            timeout_ms: _,
            no_prompt,
            label,
            usage,
            location,
            token,
            slot,
            pin_policy,
            touch_policy,
            authority,
        } = options;
        let location = location.map(|name| parse::location(&name)).transpose()?;
        Ok(NewKey {
            label: label.unwrap_or_default(),
            usage: usage.map(|names| parse::usage(&names)).transpose()?,
            place: Place { location, token: token.map(TokenId::new) },
            site: Site {
                slot,
                pin_policy: pin_policy.map(|name| parse::pin_policy(&name)).transpose()?,
                touch_policy: touch_policy.map(|name| parse::touch_policy(&name)).transpose()?,
                authority: parse::optional_secret(authority).await?,
            },
            application: application(&self.0.service, peer).await,
            no_prompt: no_prompt.unwrap_or(false),
        })
    }
}

fn bytes(data: &serde_bytes::Bytes) -> Result<Data, Refusal> {
    parse::bounded(data).map(Data::Bytes)
}

/// What is done with a key, as messages say it: the key as the caller named it, without what would spoil a
/// terminal. It is only written when there is something to say.
struct Doing<'a>(&'static str, &'a str);

impl fmt::Display for Doing<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(verb, key) = self;
        let name: String = key.chars().filter(|character| !character.is_control()).take(80).collect();
        if name.is_empty() {
            write!(formatter, "{verb} the default key")
        } else {
            write!(formatter, "{verb} key {name}")
        }
    }
}

/// A filter, understood.
struct Wanted {
    label: Option<String>,
    algorithm: Option<claviger_token::Algorithm>,
    usage: Option<claviger_token::Usage>,
    location: Option<claviger_token::TokenKind>,
    state: Option<KeyState>,
}

impl Wanted {
    fn parse(filter: KeyFilter) -> Result<Self, Refusal> {
        let KeyFilter { label, algorithm, usage, location, state } = filter;
        let key_state = |name: String| {
            KeyState::from_name(&name).ok_or_else(|| parse::invalid(format!("{name:?} is no state of a key")))
        };
        Ok(Self {
            label,
            algorithm: algorithm.map(|name| parse::algorithm(&name)).transpose()?,
            usage: usage.map(|name| parse::usage(&[name])).transpose()?,
            location: location.map(|name| parse::location(&name)).transpose()?,
            state: state.map(key_state).transpose()?,
        })
    }

    fn includes(&self, key: &claviger_core::Key) -> bool {
        let Self { label, algorithm, usage, location, state } = self;
        label.as_ref().is_none_or(|label| *label == key.label)
            && algorithm.is_none_or(|algorithm| algorithm == key.info.algorithm)
            && usage.is_none_or(|usage| usage.is_within(key.info.usage))
            && location.is_none_or(|kind| key.placements.iter().any(|placement| placement.kind == kind))
            && state.map_or(key.state != KeyState::Revoked, |state| state == key.state)
    }
}
