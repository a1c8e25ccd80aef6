//! Options as parameters: names become types here, once.

use std::time::Duration;

use claviger_core::{Action, Confirm, Format, Refusal, Request, Selector};
use claviger_dbus::wire::{
    DecapsulateOptions, DecryptOptions, DeriveOptions, EncryptOptions, ExplainOptions, SignOptions,
    VerifyOptions,
};
use claviger_dbus::{ByteBuf, Bytes, names, steers};
use claviger_phone_token::{InvalidLink, Link, Method};
use claviger_token::{
    Algorithm, Hash, Kdf, Mechanism, Parameters, PinPolicy, Purpose, Secret, TokenId, TokenKind, TouchPolicy,
    Usage,
};
use zbus::OwnedFd;

use crate::secrets;

pub(super) fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::InvalidArguments(why.into().into())
}

/// Returns data that came by value, if they are not too many.
pub(super) fn bounded(data: &Bytes) -> Result<Vec<u8>, Refusal> {
    if data.len() > names::DATA_LIMIT {
        return Err(Refusal::DataTooLarge { limit: names::DATA_LIMIT });
    }
    Ok(data.to_vec())
}

pub(super) fn mechanism(name: &str) -> Result<Option<Mechanism>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    Mechanism::from_name(name).filter(|mechanism| mechanism.is_offered()).map(Some).ok_or_else(|| {
        invalid(format!("{name:?} is no mechanism; property Mechanisms of .Service has them all"))
    })
}

pub(super) fn named_mechanism(name: &str) -> Result<Mechanism, Refusal> {
    mechanism(name)?.ok_or_else(|| invalid("a mechanism must be named here"))
}

pub(super) fn hash(name: &str) -> Result<Hash, Refusal> {
    Hash::from_name(name).ok_or_else(|| invalid(format!("{name:?} is no hash; SHA256 is one")))
}

pub(super) fn algorithm(name: &str) -> Result<Algorithm, Refusal> {
    Algorithm::from_name(name).ok_or_else(|| {
        let all: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
        invalid(format!("{name:?} is no algorithm; there are {}", all.join(", ")))
    })
}

pub(super) fn location(name: &str) -> Result<TokenKind, Refusal> {
    TokenKind::from_name(name)
        .ok_or_else(|| invalid(format!("{name:?} is no location; there are local, card, phone")))
}

/// Returns the way to a phone, if one is told.
pub(super) fn link(text: Option<&str>) -> Result<Option<Link>, Refusal> {
    text.map(|text| text.parse().map_err(|error: InvalidLink| invalid(error.to_string()))).transpose()
}

/// Returns how both sides of a pairing know each other.
pub(super) fn pairing_method(name: Option<&str>) -> Result<Method, Refusal> {
    match name {
        None | Some("uri") => Ok(Method::Uri),
        Some("numbers") => Ok(Method::Numbers),
        Some(other) => Err(invalid(format!("{other:?} is no method; there are uri, numbers"))),
    }
}

pub(super) fn confirm(name: &str) -> Result<Confirm, Refusal> {
    Confirm::from_name(name)
        .ok_or_else(|| invalid(format!("{name:?} is no policy; there are never, session, always")))
}

/// Returns what happens on removal; nothing where the text is empty.
pub(super) fn action(name: &str) -> Result<Option<Action>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    Action::from_name(name)
        .map(Some)
        .ok_or_else(|| invalid(format!("{name:?} is no action; there are none, lock, terminate")))
}

pub(super) fn pin_policy(name: &str) -> Result<PinPolicy, Refusal> {
    PinPolicy::from_name(name)
        .ok_or_else(|| invalid(format!("{name:?} is no PIN policy; there are never, once, always")))
}

pub(super) fn touch_policy(name: &str) -> Result<TouchPolicy, Refusal> {
    TouchPolicy::from_name(name)
        .ok_or_else(|| invalid(format!("{name:?} is no touch policy; there are never, always, cached")))
}

/// Returns a certificate and its chain; an empty certificate without a chain is none.
pub(super) fn chain(certificate: &Bytes, chain: Option<Vec<ByteBuf>>) -> Result<Vec<Vec<u8>>, Refusal> {
    let chain = chain.unwrap_or_default();
    match (certificate.is_empty(), chain.is_empty()) {
        (true, true) => Ok(Vec::new()),
        (true, false) => Err(invalid("a chain goes with a certificate")),
        (false, _) => {
            Ok([certificate.to_vec()].into_iter().chain(chain.into_iter().map(ByteBuf::into_vec)).collect())
        }
    }
}

/// Reads a secret that came among the options.
pub(super) async fn optional_secret(descriptor: Option<OwnedFd>) -> Result<Option<Secret>, Refusal> {
    match descriptor {
        Some(descriptor) => secrets::read(descriptor.into(), names::SECRET_LIMIT).await.map(Some),
        None => Ok(None),
    }
}

/// Returns the idle time that holds: the one asked for, but never more than configured.
pub(super) fn idle(asked: Option<u32>, configured: Option<Duration>) -> Option<Duration> {
    let asked = asked.map(|seconds| Duration::from_secs(seconds.into()));
    match (asked, configured) {
        (Some(Duration::ZERO) | None, configured) => configured,
        (Some(asked), Some(most)) => Some(asked.min(most)),
        (Some(asked), None) => Some(asked),
    }
}

pub(super) fn usage(names: &[String]) -> Result<Usage, Refusal> {
    Usage::from_names(names.iter().map(String::as_str))
        .map_err(|name| invalid(format!("{name:?} is no usage; there are sign, decrypt, derive")))
}

pub(super) fn format(name: Option<&str>) -> Result<Format, Refusal> {
    match name {
        None | Some("raw") => Ok(Format::Raw),
        Some("der") => Ok(Format::Der),
        Some(other) => Err(invalid(format!("format {other:?} is neither raw nor der"))),
    }
}

fn kdf(name: Option<&str>) -> Result<Option<Kdf>, Refusal> {
    match name {
        None => Ok(None),
        Some("null") => Ok(Some(Kdf::Null)),
        Some("hkdf") => Ok(Some(Kdf::Hkdf)),
        Some(other) => Err(invalid(format!("kdf {other:?} is neither null nor hkdf"))),
    }
}

fn optional_hash(name: Option<&String>) -> Result<Option<Hash>, Refusal> {
    name.map(|name| hash(name)).transpose()
}

fn bytes(value: Option<ByteBuf>) -> Option<Vec<u8>> {
    value.map(ByteBuf::into_vec)
}

/// Returns the request for an operation; its parameters and format come from the options.
pub(super) fn request(
    key: &str,
    purpose: Purpose,
    mechanism_name: &str,
    Operation { parameters, format, confirm, reason, token }: Operation,
) -> Result<Request, Refusal> {
    let mechanism = mechanism(mechanism_name)?;
    let (confirm, reason) = (confirm.unwrap_or(false), reason.as_deref().map(spoken).transpose()?.flatten());
    let (selector, at) = (Selector::parse(key)?, token.map(named_token).transpose()?);
    Ok(Request { selector, at, purpose, mechanism, parameters, format, confirm, reason })
}

/// What the options of an operation say of it.
#[derive(Default)]
pub(super) struct Operation {
    parameters: Parameters,
    format: Format,
    confirm: Option<bool>,
    reason: Option<String>,
    token: Option<String>,
}

/// Returns the token of that id. An empty one would leave it open to somebody who means one of them.
fn named_token(id: String) -> Result<TokenId, Refusal> {
    if id.is_empty() {
        Err(invalid("the token has no name; leave it out for any"))
    } else {
        Ok(TokenId::new(id))
    }
}

/// Returns a reason as people can be shown it: one line, nothing that steers a terminal; `None` where nothing is left.
fn spoken(reason: &str) -> Result<Option<String>, Refusal> {
    if reason.len() > names::REASON_LIMIT {
        return Err(invalid(format!("the reason has more than {} bytes", names::REASON_LIMIT)));
    }
    let letters = reason.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter });
    let spoken: String = letters.filter(|letter| !steers(*letter)).collect();
    let spoken = spoken.trim();
    Ok((!spoken.is_empty()).then(|| spoken.to_owned()))
}

pub(super) fn sign(options: SignOptions) -> Result<Operation, Refusal> {
    let SignOptions {
        timeout_ms: _,
        no_prompt: _,
        confirm,
        reason,
        token,
        hash,
        mgf_hash,
        salt_length,
        context,
        format,
    } = options;
    let (parameters, format) = verify(VerifyOptions { hash, mgf_hash, salt_length, context, format })?;
    Ok(Operation { parameters, format, confirm, reason, token })
}

pub(super) fn verify(options: VerifyOptions) -> Result<(Parameters, Format), Refusal> {
    let VerifyOptions { hash, mgf_hash, salt_length, context, format: form } = options;
    let parameters = Parameters {
        hash: optional_hash(hash.as_ref())?,
        mgf_hash: optional_hash(mgf_hash.as_ref())?,
        salt_length,
        context: bytes(context),
        ..Parameters::default()
    };
    Ok((parameters, format(form.as_deref())?))
}

pub(super) fn decrypt(options: DecryptOptions) -> Result<Operation, Refusal> {
    let DecryptOptions { timeout_ms: _, no_prompt: _, confirm, reason, token, hash, mgf_hash, label } =
        options;
    let parameters = encrypt(EncryptOptions { hash, mgf_hash, label })?;
    Ok(Operation { parameters, format: Format::Raw, confirm, reason, token })
}

pub(super) fn encrypt(options: EncryptOptions) -> Result<Parameters, Refusal> {
    let EncryptOptions { hash, mgf_hash, label } = options;
    Ok(Parameters {
        hash: optional_hash(hash.as_ref())?,
        mgf_hash: optional_hash(mgf_hash.as_ref())?,
        label: bytes(label),
        ..Parameters::default()
    })
}

pub(super) fn derive(options: DeriveOptions) -> Result<Operation, Refusal> {
    let DeriveOptions {
        timeout_ms: _,
        no_prompt: _,
        confirm,
        reason,
        token,
        kdf: kdf_name,
        hash,
        shared_info,
        length,
    } = options;
    let parameters = Parameters {
        kdf: kdf(kdf_name.as_deref())?,
        hash: optional_hash(hash.as_ref())?,
        shared_info: bytes(shared_info),
        length,
        ..Parameters::default()
    };
    Ok(Operation { parameters, format: Format::Raw, confirm, reason, token })
}

pub(super) fn decapsulate(options: DecapsulateOptions) -> Operation {
    let DecapsulateOptions { timeout_ms: _, no_prompt: _, confirm, reason, token } = options;
    Operation { confirm, reason, token, ..Operation::default() }
}

/// Returns the purpose that is meant: the one told, else the first that the mechanism serves.
pub(super) fn purpose(name: Option<&str>, mechanism: Option<Mechanism>) -> Result<Purpose, Refusal> {
    let all = [Purpose::Sign, Purpose::Decrypt, Purpose::Derive, Purpose::Decapsulate];
    match name {
        Some("sign") => Ok(Purpose::Sign),
        Some("decrypt") => Ok(Purpose::Decrypt),
        Some("derive") => Ok(Purpose::Derive),
        Some("decapsulate") => Ok(Purpose::Decapsulate),
        Some(other) => Err(invalid(format!("{other:?} is no purpose"))),
        None => Ok(all
            .into_iter()
            .find(|purpose| mechanism.is_none_or(|mechanism| mechanism.serves(*purpose)))
            .unwrap_or(Purpose::Sign)),
    }
}

pub(super) fn explain(options: ExplainOptions) -> Result<Operation, Refusal> {
    let ExplainOptions {
        timeout_ms: _,
        no_prompt: _,
        confirm,
        reason,
        token,
        purpose: _,
        hash,
        mgf_hash,
        salt_length,
        label,
        kdf: kdf_name,
        shared_info,
        length,
        context,
        format: form,
    } = options;
    let parameters = Parameters {
        hash: optional_hash(hash.as_ref())?,
        mgf_hash: optional_hash(mgf_hash.as_ref())?,
        salt_length,
        label: bytes(label),
        kdf: kdf(kdf_name.as_deref())?,
        shared_info: bytes(shared_info),
        length,
        context: bytes(context),
    };
    Ok(Operation { parameters, format: format(form.as_deref())?, confirm, reason, token })
}
