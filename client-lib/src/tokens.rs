use std::os::fd::AsFd;

use claviger_dbus::wire::{
    ChangePinOptions, EnrolOptions, InitCardOptions, NoOptions, PairOptions, TokenFilter, TokenRow,
    UnlockTokenOptions,
};

use crate::{Client, Error, Secret};

/// What the caller's keys live on. `token` is an id; empty for the caller's only card. All bytes of a secret count.
///
/// A PIN among the options is a descriptor, [`Secret::to_descriptor`], that is read once: make the options anew
/// for another call.
impl Client {
    /// Lists tokens: id and attributes.
    pub async fn list_tokens(&self, filter: &TokenFilter) -> Result<Vec<(String, TokenRow)>, Error> {
        self.operate(|daemon| async move { daemon.tokens.list_tokens(filter).await }).await
    }

    /// Returns the attributes of one token, with the keys on it as it tells them itself.
    pub async fn token(&self, token: &str) -> Result<TokenRow, Error> {
        self.operate(|daemon| async move { daemon.tokens.get_token(token, &NoOptions {}).await }).await
    }

    /// Makes a card the caller's; returns the ids of its keys. Empty is the only card that is nobody's.
    pub async fn enrol_card(&self, token: &str, options: &EnrolOptions) -> Result<Vec<String>, Error> {
        self.call(|daemon| async move { daemon.tokens.enrol_card(token, options).await }).await
    }

    /// Takes a card out of the account, and the keys with it that stand nowhere else.
    pub async fn forget_token(&self, token: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.tokens.forget_token(token, &NoOptions {}).await }).await
    }

    /// Checks a card's PIN and keeps it, until it is locked.
    pub async fn unlock_token(&self, token: &str, options: &UnlockTokenOptions) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.tokens.unlock_token(token, options).await }).await
    }

    /// Wipes the PIN that was kept.
    pub async fn lock_token(&self, token: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.tokens.lock_token(token, &NoOptions {}).await }).await
    }

    /// Changes a card's PIN.
    pub async fn change_pin(
        &self,
        token: &str,
        old: &Secret,
        new: &Secret,
        options: &ChangePinOptions,
    ) -> Result<(), Error> {
        let (old, new) = (old.to_descriptor()?, new.to_descriptor()?);
        let (old, new) = (old.as_fd(), new.as_fd());
        self.call(
            |daemon| async move { daemon.tokens.change_pin(token, old.into(), new.into(), options).await },
        )
        .await
    }

    /// Sets a card's PIN with its PUK.
    pub async fn unblock_pin(&self, token: &str, puk: &Secret, new: &Secret) -> Result<(), Error> {
        let (puk, new) = (puk.to_descriptor()?, new.to_descriptor()?);
        let (puk, new) = (puk.as_fd(), new.as_fd());
        self.call(|daemon| async move {
            daemon.tokens.unblock_pin(token, puk.into(), new.into(), &NoOptions {}).await
        })
        .await
    }

    /// Gives a card a fresh identity; returns the token's new id.
    pub async fn init_card(&self, token: &str, options: &InitCardOptions) -> Result<String, Error> {
        self.call(|daemon| async move { daemon.tokens.init_card(token, options).await }).await
    }

    /// Pairs a phone; returns the new token's id. What people must see goes over the conversation among the options:
    /// [`Conversation`](crate::Conversation). It takes as long as people do; dropping it gives the pairing up.
    pub async fn pair_phone(&self, options: &PairOptions) -> Result<String, Error> {
        self.call(|daemon| async move { daemon.tokens.pair_phone(options).await }).await
    }

    /// Takes a phone out of the account, and the keys with it that stand nowhere else.
    pub async fn unpair(&self, token: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.tokens.unpair(token, &NoOptions {}).await }).await
    }
}
