use std::sync::Arc;

use claviger_card::CardToken;
use claviger_core::policy::Caller;
use claviger_core::{Placement, Refusal};
use claviger_dbus::wire::Prompt;
use claviger_token::{KeyHandle, Secret, Spare, Token, TokenError, TokenKind};
use zbus::names::OwnedUniqueName;

use super::flights::Matter;
use super::key_use::KeyUse;
use super::question::{Question, Unanswered};
use super::registry::Registration;
use crate::accounts::cards::Given;
use crate::accounts::{cards, passphrase, phones};
use crate::callers::Visit;
use crate::clock::now;
use crate::errand::{errand, with_reason};
use crate::service::Service;

/// Has the person unlock the token that a key is to be used on. However many requests want it, they are asked once. A phone
/// asks its person itself: no agent is needed, and none could help.
///
/// # Errors
/// [`Refusal::Locked`] or [`Refusal::PinNeeded`] at once, where nobody may be asked or nobody asks; what the person
/// and the token answer otherwise.
pub async fn unlock(
    service: &Arc<Service>,
    caller: &Arc<Caller>,
    of: KeyUse<'_>,
    placement: &Placement,
) -> Result<(), Refusal> {
    if placement.kind == TokenKind::Phone {
        return unlock_phone(service, caller, of, placement).await;
    }
    let locked = Refusal::of_token(placement.kind, TokenError::Locked);
    let Ok(agent) = of.asking.agent(service, caller.uid).await else { return Err(locked) };
    let token = of.seat.token(placement)?;
    let matter = Matter::Unlock(caller.uid, placement.token.clone());
    let work = || {
        let unlocking = Unlocking {
            service: Arc::clone(service),
            caller: Arc::clone(caller),
            peer: of.asking.peer.name.clone(),
            agent,
            token,
            card: of.card(),
            key: of.key.handle(placement),
            prompt: of.prompt(),
            locked,
        };
        unlocking.run()
    };
    service.agents.flights.join(&service.runtime, matter, work).await
}

async fn unlock_phone(
    service: &Arc<Service>,
    caller: &Arc<Caller>,
    of: KeyUse<'_>,
    placement: &Placement,
) -> Result<(), Refusal> {
    let purpose = of.request.map_or("unlock".into(), |request| with_reason("unlock", request));
    let errand = errand(service, (of.asking.peer, caller), &purpose).await;
    let phone = of.seat.phone(&placement.token)?;
    let (matter, key) = (Matter::Unlock(caller.uid, placement.token.clone()), of.key.handle(placement));
    let work = || {
        let (service, seat) = (Arc::clone(service), Arc::clone(of.seat));
        async move {
            if phone.is_ready(&key) {
                return Ok(());
            }
            let idle = service.config.idle;
            phones::log_in(&service, &seat, &phone, (errand, idle)).await
        }
    };
    service.agents.flights.join(&service.runtime, matter, work).await
}

/// A token that is being unlocked, on behalf of the first request that wanted it.
struct Unlocking {
    service: Arc<Service>,
    caller: Arc<Caller>,
    peer: OwnedUniqueName,
    agent: Registration,
    token: Arc<dyn Token>,
    card: Option<Arc<CardToken>>,
    key: KeyHandle,
    prompt: Prompt,
    locked: Refusal,
}

/// How far the asking is.
#[derive(Debug)]
struct Standing {
    tries_left: Option<u32>,
    last_try: bool,
    wrong: bool,
    refusal: Refusal,
}

impl Unlocking {
    /// Asks until the secret is right, or it was wrong too often. The person types each one: none is tried twice.
    async fn run(self) -> Result<(), Refusal> {
        // Somebody may have unlocked it just before this began.
        if self.token.is_ready(&self.key) {
            return Ok(());
        }
        let mut standing = self.standing().await?;
        for _ in 0..QUESTIONS {
            let secret = self.ask(&standing).await?;
            match self.give(secret, standing.last_try).await {
                Ok(()) => return Ok(()),
                Err(refusal) => standing = standing.after(refusal)?,
            }
        }
        Err(standing.refusal)
    }

    /// Returns how it stands before the first question; refuses where no answer could help.
    async fn standing(&self) -> Result<Standing, Refusal> {
        let tries_left = match &self.card {
            Some(card) => card.contents().and_then(|contents| contents.tries_left),
            None => {
                let seat = self.service.accounts.seat(self.caller.uid);
                let account = seat.own(&self.service.table, &self.caller).await?;
                match account.user.guesses.wait(now()) {
                    0 => None,
                    seconds => return Err(Refusal::TryLater { seconds }),
                }
            }
        };
        if tries_left == Some(0) {
            return Err(Refusal::PinLocked);
        }
        Ok(Standing {
            tries_left,
            last_try: tries_left == Some(1),
            wrong: false,
            refusal: self.locked.clone(),
        })
    }

    async fn ask(&self, standing: &Standing) -> Result<Secret, Refusal> {
        let no_agent = |unanswered| match unanswered {
            Unanswered::NoAgent => self.locked.clone(),
            Unanswered::Refused(refusal) => refusal,
        };
        let rules = self.card.as_ref().and_then(|card| card.contents()).map(|contents| contents.pin);
        let size = |size: usize| u32::try_from(size).ok();
        let prompt = Prompt {
            secret: Some(secret_name(self.token.kind()).to_owned()),
            tries_left: standing.tries_left,
            last_try: standing.last_try.then_some(true),
            wrong: standing.wrong.then_some(true),
            shortest: rules.and_then(|rules| size(rules.shortest)),
            longest: rules.and_then(|rules| size(rules.longest)),
            ..self.prompt.clone()
        };
        let because = (self.caller.uid, &self.peer);
        let question = Question::new(&self.service, self.agent.clone(), because, prompt).await;
        question.map_err(no_agent)?.secret().await.map_err(no_agent)
    }

    /// Gives the token what was typed; the last try is spent only where the question said so.
    async fn give(&self, secret: Secret, last_try: bool) -> Result<(), Refusal> {
        let visit = Visit::within(Arc::clone(&self.caller));
        let idle = self.service.config.idle;
        if self.card.is_none() {
            return passphrase::unlock(&self.service, visit, secret, idle).await;
        }
        let spare = if last_try { Spare::Nothing } else { Spare::Last };
        let given = Given { pin: Some(secret), spare, idle };
        cards::unlock(&self.service, visit, self.token.id().clone(), given).await
    }
}

impl Standing {
    /// Returns how it stands after the token refused what was typed, where another question makes sense.
    fn after(self, refusal: Refusal) -> Result<Self, Refusal> {
        match refusal {
            // It was not tried: the person is told first that it is the last one.
            Refusal::LastTry => Ok(Self { tries_left: Some(1), last_try: true, wrong: false, refusal }),
            Refusal::BadPin { tries_left } if tries_left != Some(0) => {
                Ok(Self { tries_left, last_try: tries_left == Some(1), wrong: true, refusal })
            }
            // A PIN that no such card has was not tried either, and is as wrong.
            Refusal::WrongPassphrase | Refusal::InvalidArguments(_) => {
                Ok(Self { wrong: true, refusal, ..self })
            }
            refusal => Err(refusal),
        }
    }
}

/// Returns the word for what unlocks a token of that kind.
const fn secret_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Local => "passphrase",
        TokenKind::Card | TokenKind::Phone => "pin",
    }
}

/// How often a person is asked because of one request.
const QUESTIONS: usize = 3;

#[cfg(test)]
mod tests {
    use claviger_core::Refusal;

    use super::Standing;

    fn standing() -> Standing {
        Standing { tries_left: Some(3), last_try: false, wrong: false, refusal: Refusal::PinNeeded }
    }

    /// "The last try needs the owner's explicit yes in their own session" (security.md).
    #[test]
    fn the_last_try_is_spent_only_after_a_question_that_says_so() {
        for refusal in [Refusal::LastTry, Refusal::BadPin { tries_left: Some(1) }] {
            let wrong = refusal != Refusal::LastTry;
            let next = standing().after(refusal).expect("another question");
            assert_eq!((next.tries_left, next.last_try, next.wrong), (Some(1), true, wrong));
        }
        let next = standing().after(Refusal::BadPin { tries_left: Some(2) }).expect("another question");
        assert_eq!((next.tries_left, next.last_try, next.wrong), (Some(2), false, true));
        let unknown = standing().after(Refusal::BadPin { tries_left: None }).expect("another question");
        assert_eq!((unknown.tries_left, unknown.last_try, unknown.wrong), (None, false, true));
    }

    #[test]
    fn what_no_secret_mends_ends_the_asking() {
        let ends = [
            Refusal::BadPin { tries_left: Some(0) },
            Refusal::PinLocked,
            Refusal::TryLater { seconds: 1 },
            Refusal::TokenRemoved,
            Refusal::Declined,
        ];
        for refusal in ends {
            assert_eq!(standing().after(refusal.clone()).err(), Some(refusal));
        }
        let unfit = Refusal::InvalidArguments("too short".into());
        let next = standing().after(unfit.clone()).expect("another question");
        assert_eq!((next.tries_left, next.wrong, next.refusal), (Some(3), true, unfit));
    }
}
