//! Login by challenge and response: whoever is at a prompt shows that they have the user's token.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Claim`]: somebody who claims to be a user; what they are asked for, and whether it is right |
//! | `means` | [`Wish`]: which token and key serve (pure) |
//! | `store`, `card`, `phone` | the proof by pass phrase, by card, by phone |
//! | `patience` | `Patience`: how often a phone is asked (pure) |
//! | `logins` | [`Logins`]: logins that no session was opened for yet |
//!
//! Here the secret that is given now is what counts: nothing that is unlocked stands in for it, nothing wrong here locks
//! what is unlocked, and guesses here slow down logins only. Nobody is asked by an agent and no key is frozen: there may be
//! no session yet, or a locked one that this login is to unlock.

mod card;
mod logins;
mod means;
mod patience;
mod phone;
mod store;

use std::sync::Arc;
use std::time::Instant;

use claviger_core::policy::Caller;
use claviger_core::{Refusal, Registration};
use claviger_token::{Presence, Secret, Spare, Token, TokenId, TokenKind};

use super::{Seat, token_name};
use crate::callers::Visit;
use crate::clock::now;
use crate::names::NameError;
use crate::service::Service;
use crate::table::Account;
pub use logins::{Login, Logins, Occasion};
pub use means::Wish;
use means::{Means, choose};
use patience::Whence;

/// Somebody who claims to be a user, at a program that may ask them.
pub struct Claim {
    service: Arc<Service>,
    _visit: Visit,
    caller: Caller,
    seat: Arc<Seat>,
}

/// What somebody can log in with now, and is to be asked for.
pub struct Offer {
    /// The token.
    pub token: TokenId,
    /// Its kind.
    pub kind: TokenKind,
    /// What people call it.
    pub name: String,
    /// Nothing is asked for here: the reader asks for the PIN, or the phone for a yes.
    pub pin_pad: bool,
    /// Tries left at the PIN, where they are known.
    pub tries_left: Option<u32>,
}

/// What somebody gives as a proof.
pub enum Proof {
    /// A PIN or a pass phrase.
    Secret(Secret),
    /// The PIN is typed at the reader, or the yes given on the phone.
    PinPad,
}

/// Returns the claim to be the user of that number, where the caller may speak for them and they have an account that is
/// in use.
pub async fn claim(service: &Arc<Service>, visit: Visit, uid: u32) -> Result<Claim, Refusal> {
    service.may_authenticate(&visit.caller, uid)?;
    let user_name = match service.names.user_name(uid).await {
        Err(NameError::NoSuchUser) => return Err(Refusal::NotRegistered(Registration::None)),
        named => named?,
    };
    let (caller, seat) = (Caller { uid, user_name }, service.accounts.seat(uid));
    seat.own(&service.table, &caller).await?;
    Ok(Claim { service: Arc::clone(service), _visit: visit, caller, seat })
}

/// Takes a login that was granted, once, to bind a session to its token.
pub fn take(service: &Service, id: &str, uid: u32) -> Result<Login, Refusal> {
    service.accounts.logins.take(id, uid, Instant::now()).ok_or_else(|| {
        let why = "there is no such authentication: it was used, is too old, or is another user's";
        Refusal::AccessDenied(why.into())
    })
}

impl Claim {
    /// Tells what the person is to be asked for. Nothing is tried.
    pub async fn offer(&self, wish: &Wish) -> Result<Offer, Refusal> {
        let account = self.seat.own(&self.service.table, &self.caller).await?;
        let offer = match self.within_patience(&account, wish).await? {
            // Guesses at secrets keep nobody from being asked on their phone; that has a patience of its own.
            Means::Phone(_, place) => {
                let enrolled = account.tokens.iter().find(|enrolled| enrolled.id == place.token);
                return Ok(Offer {
                    token: place.token.clone(),
                    kind: TokenKind::Phone,
                    name: enrolled.map_or_else(|| place.token.to_string(), |enrolled| enrolled.name.clone()),
                    pin_pad: true,
                    tries_left: None,
                });
            }
            Means::Store(_) => Offer {
                token: self.seat.token.id().clone(),
                kind: TokenKind::Local,
                name: STORE_NAME.to_owned(),
                pin_pad: false,
                tries_left: None,
            },
            Means::Card(_, place) => {
                let card = self.seat.card(&place.token)?;
                let enrolled = account.tokens.iter().find(|enrolled| enrolled.id == place.token);
                Offer {
                    token: place.token.clone(),
                    kind: TokenKind::Card,
                    name: enrolled.map_or_else(|| place.token.to_string(), |enrolled| enrolled.name.clone()),
                    pin_pad: card.has_pin_pad() && !wish.no_pin_pads,
                    tries_left: card.contents().and_then(|contents| contents.tries_left),
                }
            }
        };
        match (account.user.login_guesses.wait(now()), offer.tries_left) {
            (seconds @ 1.., _) => Err(Refusal::TryLater { seconds }),
            (0, Some(0)) => Err(Refusal::PinLocked),
            (0, Some(tries_left)) if tries_left <= Spare::Two.keeps() => {
                Err(Refusal::TriesKept { tries_left })
            }
            (0, _) => Ok(offer),
        }
    }

    /// Checks the proof with the token, unlocks the token for its user, and returns the id of this login.
    pub async fn authenticate(self, wish: Wish, proof: Proof, occasion: Occasion) -> Result<String, Refusal> {
        let account = self.seat.own(&self.service.table, &self.caller).await?;
        // Chosen once: what a phone is asked is not carried to its end for a caller who is gone.
        let means = self.means(&account, &wish)?;
        if let Means::Phone(..) = means {
            // A phone asks for as long as somebody waits for it, and no longer.
            return self.settle((&account, means, &wish), proof, occasion).await;
        }
        let service = Arc::clone(&self.service);
        service.to_its_end(async move { self.settle((&account, means, &wish), proof, occasion).await }).await
    }

    async fn settle(
        self,
        with: (&Account, Means, &Wish),
        proof: Proof,
        occasion: Occasion,
    ) -> Result<String, Refusal> {
        let Occasion { service, tty, remote_host, requesting_user } = occasion.clone();
        let outcome = match self.prove(with, proof, &occasion).await {
            Ok(token) => self.grant(token, occasion),
            Err(refusal) => Err(refusal),
        };
        match &outcome {
            Ok(_) => {
                tracing::info!(
                    uid = self.caller.uid,
                    service,
                    tty,
                    remote_host,
                    requesting_user,
                    "a login was granted"
                );
            }
            Err(refusal) => tracing::info!(
                uid = self.caller.uid,
                service,
                tty,
                remote_host,
                requesting_user,
                "a login was refused: {refusal}"
            ),
        }
        outcome
    }

    async fn prove(
        &self,
        (account, means, wish): (&Account, Means, &Wish),
        proof: Proof,
        occasion: &Occasion,
    ) -> Result<TokenId, Refusal> {
        if wish.no_pin_pads && matches!((&means, &proof), (Means::Card(..), Proof::PinPad)) {
            return Err(Refusal::AccessDenied(
                "nobody types a PIN at a reader for another user's program".into(),
            ));
        }
        match (means, proof) {
            (Means::Store(key), Proof::Secret(passphrase)) => {
                store::prove(self, account, key.as_ref().map(|(key, place)| (key, place)), passphrase).await
            }
            (Means::Store(_), Proof::PinPad) => {
                Err(Refusal::InvalidArguments("a pass phrase is not typed at a reader".into()))
            }
            (Means::Card(key, place), Proof::Secret(pin)) => card::prove(self, &key, &place, Some(pin)).await,
            (Means::Card(key, place), Proof::PinPad) => card::prove(self, &key, &place, None).await,
            (Means::Phone(key, place), Proof::PinPad) => {
                phone::prove(self, &key, &place, (occasion, whence(wish))).await
            }
            (Means::Phone(..), Proof::Secret(_)) => {
                Err(Refusal::InvalidArguments("a phone takes no secret from here".into()))
            }
        }
    }

    fn means(&self, account: &Account, wish: &Wish) -> Result<Means, Refusal> {
        choose(account, wish, |token| self.service.presence(token) == Presence::Present)
    }

    /// Returns what the login is made with, as far as phones may be asked now. One that is away is dialled, and waited for a
    /// moment: it may have been cut off and its person stand before this machine.
    ///
    /// # Errors
    /// [`Refusal::TryLater`] where nothing is in the way but that a phone was asked just now.
    async fn within_patience(&self, account: &Account, wish: &Wish) -> Result<Means, Refusal> {
        let phones = account.tokens.iter().filter(|token| token.kind == TokenKind::Phone);
        let phones: Vec<_> = phones.filter(|token| wish.may_serve(TokenKind::Phone, &token.id)).collect();
        if phones.is_empty() {
            return self.means(account, wish);
        }
        let whom = (self.seat.uid, whence(wish));
        if let Some(seconds) = self.service.accounts.logins.patience.wait(whom, Instant::now()) {
            let others = self.means(account, &Wish { no_phones: true, ..wish.clone() });
            return others.or_else(|_| match self.means(account, wish)? {
                Means::Phone(..) => Err(Refusal::TryLater { seconds }),
                // It came in that very moment.
                means @ (Means::Card(..) | Means::Store(_)) => Ok(means),
            });
        }
        if !matches!(self.means(account, wish), Ok(Means::Card(..) | Means::Phone(..))) {
            self.seat.dial(phones.into_iter().map(|token| &token.id)).await;
        }
        self.means(account, wish)
    }

    fn grant(&self, token: TokenId, occasion: Occasion) -> Result<String, Refusal> {
        let login = Login { uid: self.caller.uid, token, occasion };
        let lifetime = self.service.config.login.lifetime;
        Ok(self.service.accounts.logins.enter(login, Instant::now(), lifetime)?)
    }
}

/// Returns from where a login is wanted, as it counts for how often a phone is asked.
const fn whence(wish: &Wish) -> Whence {
    if wish.remote || wish.no_pin_pads { Whence::Elsewhere } else { Whence::Here }
}

/// What people call the local store.
const STORE_NAME: &str = "local key store";
