use claviger_core::Refusal;
use claviger_core::policy::own_account;
use claviger_dbus::wire::{AccountRow, NoOptions, RegisterOptions, UnlockOptions};
use claviger_dbus::{CallError, names};
use claviger_token::Secret;
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::{parse, rows};
use crate::accounts::{backup, passphrase, registration, removal};
use crate::agents::Asking;
use crate::callers::{Peer, Visit};
use crate::{secrets, settle};

/// `org.claviger.KeyStore1.Account`: the caller's own account.
pub struct AccountFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Account", introspection_docs = false)]
impl AccountFace {
    async fn register(
        &self,
        passphrase: OwnedFd,
        options: RegisterOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let Self(door) = self;
        door.call(&header, "register", None, async |peer| {
            let algorithms = match options.keys {
                Some(names) => names.iter().map(|name| parse::algorithm(name)).collect::<Result<_, _>>()?,
                None => door.service.config.first_keys.clone(),
            };
            let (visit, passphrase) = self.with_secret(peer, passphrase).await?;
            registration::register(&door.service, visit, passphrase, algorithms).await
        })
        .await
    }

    async fn consent(
        &self,
        phrase: OwnedFd,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "consent", None, async |peer| {
            let (visit, phrase) = self.with_secret(peer, phrase).await?;
            registration::consent(&door.service, visit, phrase).await
        })
        .await
    }

    async fn unlock(
        &self,
        passphrase: OwnedFd,
        options: UnlockOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let Self(door) = self;
        door.call(&header, "unlock your local key store", options.timeout_ms, async |peer| {
            let idle = parse::idle(options.idle, door.service.config.idle);
            let (visit, passphrase) = self.with_secret(peer, passphrase).await?;
            passphrase::unlock(&door.service, visit, passphrase, idle).await
        })
        .await
    }

    async fn lock(&self, options: NoOptions, #[zbus(header)] header: Header<'_>) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "lock your local key store", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let seat = door.service.accounts.seat(visit.caller.uid);
            crate::accounts::registered(seat.account(&door.service.table).await?.as_ref())?;
            passphrase::lock_everything(&door.service, &seat).await;
            Ok(())
        })
        .await
    }

    async fn change_passphrase(
        &self,
        old_passphrase: OwnedFd,
        new_passphrase: OwnedFd,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "change your pass phrase", None, async |peer| {
            let (visit, old) = self.with_secret(peer, old_passphrase).await?;
            let new = secrets::read(new_passphrase.into(), names::SECRET_LIMIT).await?;
            passphrase::change(&door.service, visit, old, new).await
        })
        .await
    }

    #[zbus(out_args("code"))]
    async fn make_recovery_code(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "make a recovery code", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let code = passphrase::make_recovery_code(&door.service, visit).await?;
            secrets::hand_out(&code).map(OwnedFd::from)
        })
        .await
    }

    async fn recover(
        &self,
        code: OwnedFd,
        new_passphrase: OwnedFd,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "recover your account", None, async |peer| {
            let (visit, code) = self.with_secret(peer, code).await?;
            let new = secrets::read(new_passphrase.into(), names::SECRET_LIMIT).await?;
            passphrase::recover(&door.service, visit, code, new).await
        })
        .await
    }

    #[zbus(out_args("backup"))]
    async fn backup(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "back up your account", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            backup::backup(&door.service, &visit).await.map(OwnedFd::from)
        })
        .await
    }

    async fn restore(
        &self,
        backup: OwnedFd,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "restore your account", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            backup::restore(&door.service, visit, backup.into()).await
        })
        .await
    }

    async fn set_removal_action(
        &self,
        action: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "set what follows a removal", None, async |peer| {
            let action = parse::action(action)?;
            let visit = door.service.visit(peer).await?;
            let asking = Asking::of(peer, &header, None);
            settle::set_removal_action(&door.service, asking, &visit.caller).await?;
            removal::set_action(&door.service, &visit, action).await
        })
        .await
    }

    #[zbus(out_args("account"))]
    async fn get_account(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<AccountRow, CallError> {
        let NoOptions {} = options;
        let Self(door) = self;
        door.call(&header, "show your account", None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let seat = door.service.accounts.seat(visit.caller.uid);
            let account = seat.account(&door.service.table).await?;
            let own = account.filter(|account| own_account(&visit.caller, &account.user).is_ok());
            let removal = &door.service.config.removal;
            Ok(rows::account_row(&seat, &visit.caller.user_name, own.as_deref(), removal))
        })
        .await
    }
}

impl AccountFace {
    /// Identifies the caller, then reads the secret: nobody unknown makes the service wait for one.
    async fn with_secret(&self, peer: &Peer, descriptor: OwnedFd) -> Result<(Visit, Secret), Refusal> {
        let Self(door) = self;
        let visit = door.service.visit(peer).await?;
        let secret = secrets::read(descriptor.into(), names::SECRET_LIMIT).await?;
        Ok((visit, secret))
    }
}
