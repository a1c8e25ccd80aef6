use std::sync::atomic::Ordering;

use claviger_core::{Refusal, Resource, Selector};
use claviger_dbus::CallError;
use claviger_dbus::wire::{NoOptions, Statistics, UserPage, UserRow};
use claviger_token::Token;
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::{parse, rows};
use crate::accounts::keys::End;
use crate::accounts::{keys, registration};
use crate::agents::Asking;
use crate::callers::Visit;
use crate::{secrets, settle};

/// `org.claviger.KeyStore1.Admin`: what administrators do. It is served on the bus alone.
pub struct AdminFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Admin", introspection_docs = false)]
impl AdminFace {
    #[zbus(out_args("users"))]
    async fn list_users(
        &self,
        options: UserPage,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<(u32, UserRow)>, CallError> {
        self.administer(&header, "list users", async |door, _| {
            let UserPage { after, limit } = options;
            let limit = limit.unwrap_or(PAGE).min(PAGE) as usize;
            let users = door.service.table.users(after, limit).await?;
            Ok(users.into_iter().map(rows::summary_row).collect())
        })
        .await
    }

    #[zbus(out_args("user"))]
    async fn get_user(
        &self,
        uid: u32,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<UserRow, CallError> {
        let NoOptions {} = options;
        self.administer(&header, "show a user", async |door, _| {
            let account = door.service.accounts.seat(uid).account(&door.service.table).await?;
            account.map(|account| rows::user_row(&account)).ok_or(Refusal::NoSuchUser)
        })
        .await
    }

    async fn enrol_user(
        &self,
        uid: u32,
        location: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.administer(&header, "enrol a user", async |door, visit| {
            registration::enrol(&door.service, visit, uid, parse::location(location)?).await
        })
        .await
    }

    async fn set_location(
        &self,
        uid: u32,
        location: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.administer(&header, "set where a user's new keys are made", async |door, visit| {
            registration::set_location(&door.service, visit, uid, parse::location(location)?).await
        })
        .await
    }

    #[zbus(out_args("phrase"))]
    async fn issue_consent(
        &self,
        uid: u32,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd, CallError> {
        let NoOptions {} = options;
        self.administer(&header, "consent to a registration", async |door, visit| {
            let phrase = registration::issue_consent(&door.service, visit, uid).await?;
            secrets::hand_out(&phrase).map(OwnedFd::from)
        })
        .await
    }

    async fn revoke_key(
        &self,
        uid: u32,
        key: &str,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.administer(&header, "revoke a key", async |door, visit| match Selector::parse(key)? {
            Selector::Default => keys::end_account(&door.service, visit, uid, End::Revoke).await,
            selector => keys::revoke(&door.service, visit, uid, selector).await,
        })
        .await
    }

    async fn remove_user(
        &self,
        uid: u32,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        self.administer(&header, "remove a user", async |door, visit| {
            keys::end_account(&door.service, visit, uid, End::Remove).await
        })
        .await
    }

    #[zbus(out_args("statistics"))]
    async fn statistics(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Statistics, CallError> {
        let NoOptions {} = options;
        self.administer(&header, "show statistics", async |door, _| {
            let service = &door.service;
            let stored = service.table.statistics().await?;
            let unlocked = service.accounts.all().iter().filter(|seat| seat.token.is_unlocked()).count();
            let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            Ok(Statistics {
                started: service.started,
                users: number(stored.users),
                keys: number(stored.keys),
                unlocked: number(unlocked as u64),
                channels: service.permits.taken(Resource::Channels),
                subscriptions: service.permits.taken(Resource::Subscriptions),
                operations: service.counts.granted.load(Ordering::Relaxed),
                failures: service.counts.refused.load(Ordering::Relaxed),
            })
        })
        .await
    }
}

impl AdminFace {
    async fn administer<T>(
        &self,
        header: &Header<'_>,
        doing: &str,
        work: impl AsyncFnOnce(&Door, Visit) -> Result<T, Refusal>,
    ) -> Result<T, CallError> {
        let Self(door) = self;
        door.call(header, doing, None, async |peer| {
            let visit = door.service.visit(peer).await?;
            let asking = Asking::of(peer, header, None);
            settle::administer(&door.service, asking, &visit.caller).await?;
            work(door, visit).await
        })
        .await
    }
}

/// The most users that one call lists.
const PAGE: u32 = 1000;
