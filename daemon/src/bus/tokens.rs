use std::time::Duration;

use claviger_core::Refusal;
use claviger_dbus::wire::{
    ChangePinOptions, EnrolOptions, InitCardOptions, NoOptions, PairOptions, TokenFilter, TokenRow,
    UnlockTokenOptions,
};
use claviger_dbus::{CallError, names};
use claviger_token::{Secret, Spare, TokenId};
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::{parse, token_rows};
use crate::accounts::cards::{self, Enrolment, Given};
use crate::accounts::pairing::{self, Wanted};
use crate::accounts::{Holder, card_care, phone_keys, phones};
use crate::agents::Asking;
use crate::conversation::Conversation;
use crate::errand::errand;
use crate::{secrets, settle};

/// `org.claviger.KeyStore1.Tokens`: what the caller's keys live on.
pub struct TokensFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Tokens", introspection_docs = false)]
impl TokensFace {
    #[zbus(out_args("tokens"))]
    async fn list_tokens(
        &self,
        options: TokenFilter,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<(String, TokenRow)>, CallError> {
        let Self(door) = self;
        door.call(&header, "list your tokens", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            token_rows::list(&door.service, &visit, options.all.unwrap_or(false)).await
        })
        .await
    }

    #[zbus(out_args("attributes"))]
    async fn get_token(
        &self,
        token: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<TokenRow, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "show a token", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            token_rows::one(&door.service, &visit, &TokenId::new(token)).await
        })
        .await
    }

    #[zbus(out_args("keys"))]
    async fn enrol_card(
        &self,
        token: &str,
        options: EnrolOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>, CallError> {
        let Self(door) = self;
        let EnrolOptions { pin, default, label, last_try, timeout_ms } = options;
        door.call(&header, "enrol the card", timeout_ms, async |peer| {
            let (label, default) = (label.unwrap_or_default(), default.unwrap_or(false));
            let (token, visit) = (TokenId::new(token), door.service.visit(peer).await?);
            if Holder::of(&token) == Holder::Phone {
                no_pin(pin.as_ref())?;
                let enrolment = phone_keys::Enrolment { label, default };
                let keys = phone_keys::enrol(&door.service, &visit, &token, enrolment).await?;
                return Ok(keys.iter().map(ToString::to_string).collect());
            }
            let enrolment = Enrolment { label, default };
            let given = self.given(pin, last_try, None).await?;
            let keys = cards::enrol(&door.service, visit, token, given, enrolment).await?;
            Ok(keys.iter().map(ToString::to_string).collect())
        })
        .await
    }

    async fn forget_token(
        &self,
        token: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "forget the token", None, async |peer| {
            let (token, visit) = (TokenId::new(token), door.service.visit(peer).await?);
            match Holder::of(&token) {
                Holder::Phone => phones::unpair(&door.service, visit, token).await,
                Holder::Card | Holder::Store => cards::forget(&door.service, visit, token).await,
            }
        })
        .await
    }

    async fn unlock_token(
        &self,
        token: &str,
        options: UnlockTokenOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let Self(door) = self;
        let UnlockTokenOptions { pin, last_try, idle, timeout_ms } = options;
        door.call(&header, "unlock the token", timeout_ms, async |peer| {
            let visit = door.service.visit(peer).await?;
            let id = TokenId::new(token);
            if Holder::of(&id) == Holder::Phone {
                no_pin(pin.as_ref())?;
                let errand = errand(&door.service, (peer, &visit.caller), "unlock").await;
                let idle = parse::idle(idle, door.service.config.idle);
                return phones::unlock(&door.service, &visit, &id, (errand, idle)).await;
            }
            let given = self.given(pin, last_try, idle).await?;
            cards::unlock(&door.service, visit, id, given).await
        })
        .await
    }

    async fn lock_token(
        &self,
        token: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "lock the token", None, async |peer| {
            let (token, visit) = (TokenId::new(token), door.service.visit(peer).await?);
            match Holder::of(&token) {
                Holder::Phone => phones::lock(&door.service, &visit, &token).await,
                Holder::Card | Holder::Store => cards::lock(&door.service, &visit, &token).await,
            }
        })
        .await
    }

    async fn change_pin(
        &self,
        token: &str,
        old_pin: OwnedFd,
        new_pin: OwnedFd,
        options: ChangePinOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let Self(door) = self;
        let spare = spare(options.last_try);
        door.call(&header, "change the card's PIN", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let pins = (secret(old_pin).await?, secret(new_pin).await?);
            card_care::change_pin(&door.service, &visit, TokenId::new(token), pins, spare).await
        })
        .await
    }

    async fn unblock_pin(
        &self,
        token: &str,
        puk: OwnedFd,
        new_pin: OwnedFd,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "unblock the card's PIN", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let secrets = (secret(puk).await?, secret(new_pin).await?);
            card_care::unblock_pin(&door.service, &visit, TokenId::new(token), secrets).await
        })
        .await
    }

    #[zbus(out_args("new_token"))]
    async fn init_card(
        &self,
        token: &str,
        options: InitCardOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let Self(door) = self;
        door.call(&header, "initialize the card", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let authority = parse::optional_secret(options.authority).await?;
            let new = card_care::initialize(&door.service, visit, TokenId::new(token), authority).await?;
            Ok(new.to_string())
        })
        .await
    }

    #[zbus(out_args("token"))]
    async fn pair_phone(
        &self,
        options: PairOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let Self(door) = self;
        let PairOptions { conversation, link, method, name, default, timeout_ms } = options;
        let until = Door::ends(timeout_ms) - MARGIN;
        door.call(&header, "pair the phone", timeout_ms, async |peer| {
            let wanted = Wanted {
                link: parse::link(link.as_deref())?,
                method: parse::pairing_method(method.as_deref())?,
                name,
                default: default.unwrap_or(false),
                until,
            };
            let visit = door.service.visit(peer).await?;
            let conversation = conversation.ok_or_else(|| parse::invalid("a conversation is needed"))?;
            let conversation = Conversation::over(conversation.into())?;
            settle::pair(&door.service, Asking::of(peer, &header, None), &visit.caller).await?;
            Ok(pairing::pair(&door.service, visit, wanted, conversation).await?.to_string())
        })
        .await
    }

    async fn unpair(
        &self,
        token: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "unpair the phone", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            phones::unpair(&door.service, visit, TokenId::new(token)).await
        })
        .await
    }
}

impl TokensFace {
    async fn given(
        &self,
        pin: Option<OwnedFd>,
        last_try: Option<bool>,
        idle: Option<u32>,
    ) -> Result<Given, Refusal> {
        let Self(door) = self;
        let configured: Option<Duration> = door.service.config.idle;
        Ok(Given {
            pin: parse::optional_secret(pin).await?,
            spare: spare(last_try),
            idle: parse::idle(idle, configured),
        })
    }
}

/// A phone's PIN is between the phone and its person.
fn no_pin(pin: Option<&OwnedFd>) -> Result<(), Refusal> {
    match pin {
        Some(_) => Err(Refusal::NotSupported("a PIN for a phone".into())),
        None => Ok(()),
    }
}

/// The option `last-try`: whether the person said that the last try may be spent.
fn spare(last_try: Option<bool>) -> Spare {
    if last_try.unwrap_or(false) { Spare::Nothing } else { Spare::Last }
}

async fn secret(descriptor: OwnedFd) -> Result<Secret, Refusal> {
    secrets::read(descriptor.into(), names::SECRET_LIMIT).await
}

/// So much before its end a call is answered with what was done until then.
const MARGIN: Duration = Duration::from_secs(3);
