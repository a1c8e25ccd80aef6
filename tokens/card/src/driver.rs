use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_token::{PinPolicy, TokenId, TouchPolicy};

use crate::connection::Transacting;
use crate::link::{Link, Service};
use crate::opensc::Helper;
use crate::reader::{Next, Reader};
use crate::registry::Registry;
use crate::ticket::{Done, ExpectedKey, Outcome, PinSource, Request, Ticket, Work};
use crate::{CardError, CardKey, CardOp, CardOutput, CardsConfig, Contents, Kind, Pin, application, tries};

use reading::Reading;

/// What the thread of a reader does: it alone speaks to the cards in it, one request after the other.
pub(crate) struct Driver {
    registry: Arc<Registry>,
    reader: Arc<Reader>,
    link: Link,
    helper: Option<Helper>,
    card: Option<Known>,
    retry: Option<Retry>,
}

/// The card that was identified.
struct Known {
    stay: u64,
    contents: Vec<Arc<Contents>>,
    /// Keys that were made during this stay; some cards do not tell of them.
    made: Vec<(TokenId, CardKey)>,
    /// The tokens at whose PIN a try was lost; the next right one brings it back.
    worn: Vec<TokenId>,
    /// Where not all of the card could be read: the tokens that were there before, and may be still.
    unread: Option<Vec<TokenId>>,
}

/// Another attempt at a card that could not be read.
struct Retry {
    stay: u64,
    attempts: u32,
    due: Instant,
}

impl Driver {
    pub(crate) fn new(registry: Arc<Registry>, reader: Arc<Reader>) -> Self {
        let link = Link::new(Arc::clone(&reader));
        Self { registry, reader, link, helper: None, card: None, retry: None }
    }

    /// Works until the reader is gone.
    pub(crate) fn run(mut self) {
        loop {
            let linger = self.linger().map(|time| Instant::now() + time);
            let retry = self.retry.as_ref().map(|retry| retry.due);
            let until = [linger, retry].into_iter().flatten().min();
            match self.reader.next(until) {
                Next::Identify(stay) => self.identify(stay, 0),
                Next::Ticket(ticket) => self.serve(&ticket),
                Next::Idle if retry.is_some_and(|due| due <= Instant::now()) => {
                    if let Some(Retry { stay, attempts, .. }) = self.retry.take() {
                        self.identify(stay, attempts);
                    }
                }
                Next::Idle => {
                    self.link.close();
                    self.drop_helper();
                }
                Next::Close => return,
            }
            self.reader.rest();
        }
    }

    /// Returns how long what is open stays so.
    fn linger(&self) -> Option<Duration> {
        match (&self.helper, self.link.is_open()) {
            (Some(_), _) => Some(HELPER_LINGER),
            (None, true) => Some(self.registry.config.linger),
            (None, false) => None,
        }
    }

    fn identify(&mut self, stay: u64, attempts: u32) {
        self.retry = None;
        self.drop_helper();
        if self.card.as_ref().is_some_and(|card| card.stay != stay) {
            self.card = None;
        }
        match self.read_card() {
            Ok(reading) => self.identified(stay, attempts, reading),
            Err(error) => self.cannot_identify(stay, attempts, error),
        }
    }

    fn identified(&mut self, stay: u64, attempts: u32, reading: Reading) {
        let name = &self.reader.name;
        let unread = reading.unread(&self.registry.held(name));
        let Reading { found, failed } = reading;
        let before = self.card.take().map(|card| card.made).unwrap_or_default();
        let found: Vec<_> =
            found.into_iter().map(|contents| Arc::new(with_made(contents, &before))).collect();
        let tokens: Vec<_> = found.iter().map(|contents| contents.token().to_string()).collect();
        tracing::debug!("{name}: the card is [{}]", tokens.join(", "));
        self.registry.stands(name, stay, (&found, unread.as_deref()));
        let worn =
            found.iter().filter(|contents| contents.tries_left.is_some_and(|tries| tries < USUAL_TRIES));
        let worn = worn.map(|contents| contents.token()).collect();
        if unread.is_some()
            && let Some((_, error)) = failed.last()
        {
            self.try_again(stay, attempts, error);
        }
        self.card = Some(Known { stay, contents: found, made: before, worn, unread });
    }

    fn cannot_identify(&mut self, stay: u64, attempts: u32, error: CardError) {
        let name = &self.reader.name;
        tracing::info!("cannot read the card in {name}: {error}");
        self.card = None;
        let again = self.try_again(stay, attempts, &error);
        // One that is just being pulled is the watcher's, who tells whether it is removed.
        if !(again && error == CardError::Gone) {
            self.registry.unreadable(&self.reader.name, stay, error);
        }
    }

    /// Has the card read again in a while, unless that was done often enough; returns whether it was not.
    fn try_again(&mut self, stay: u64, attempts: u32, error: &CardError) -> bool {
        let again = attempts < MOST_ATTEMPTS;
        if again || matches!(error, CardError::Busy(_) | CardError::Timeout) {
            let pause = FIRST_PAUSE * (1 << attempts.min(MOST_ATTEMPTS));
            self.retry = Some(Retry { stay, attempts: attempts + 1, due: Instant::now() + pause });
        }
        again
    }

    /// Asks the card for every application; OpenSC, which resets cards and knows those two as well, only where it
    /// has none of the others.
    fn read_card(&mut self) -> Result<Reading, CardError> {
        let CardsConfig { wait, deadline, applications, .. } = &self.registry.config;
        let ticket = Ticket::unattended(Arc::clone(&self.reader.activity), *wait);
        self.registry.deadlines.add(Instant::now() + *wait, &ticket);
        let deadlines = &self.registry.deadlines;
        let service = Service { ticket: &ticket, deadlines, limit: *deadline, patient: false };
        let reading = self.link.transact(&service, |card, recognized| {
            let reading = Reading::of(applications, card)?;
            *recognized = true;
            Ok(reading)
        });
        self.registry.deadlines.remove(&ticket);
        if self.link.is_open() {
            // Whatever was out before: this card has been asked since.
            self.link.take_departed();
        }
        let mut reading = reading?;
        let held = self.registry.held(&self.reader.name);
        if self.speaks_opensc() && reading.leaves_room_for_opensc(&held) {
            let deadline = Instant::now() + *deadline;
            reading.add_opensc(self.helper(deadline)?.read(deadline)?, &held);
        }
        reading.or_failure()
    }

    fn speaks_opensc(&self) -> bool {
        let CardsConfig { applications, opensc_socket, .. } = &self.registry.config;
        applications.contains(&Kind::OpenSc) && opensc_socket.is_some()
    }

    /// Returns the OpenSC helper for this reader, in whose way we are not.
    fn helper(&mut self, deadline: Instant) -> Result<&mut Helper, CardError> {
        self.link.close();
        let socket = self.registry.config.opensc_socket.as_deref();
        let socket = socket.ok_or(CardError::ServiceGone("the OpenSC helper".into()))?;
        match &mut self.helper {
            Some(helper) => Ok(helper),
            none => {
                let helper = Helper::connect(socket, &self.reader.name, deadline)?;
                self.reader.set_line(Some(helper.line()?));
                Ok(none.insert(helper))
            }
        }
    }

    fn drop_helper(&mut self) {
        self.reader.set_line(None);
        self.helper = None;
    }

    fn serve(&mut self, ticket: &Ticket) {
        let outcome = match ticket.take_work() {
            Some(work) if ticket.is_wanted() => self.carry_out(ticket, &work),
            _ => Err(CardError::Timeout),
        };
        if self.link.take_departed() {
            // Another card may be in now, without that pcscd saw the change.
            self.registry.doubt(&self.reader.name, self.stay());
        }
        ticket.answer(outcome);
        self.registry.deadlines.remove(ticket);
    }

    fn carry_out(&mut self, ticket: &Ticket, work: &Work) -> Outcome {
        match work {
            Work::Read { token } => {
                let contents = self.contents(token)?;
                let limit = self.registry.config.deadline;
                let read = match contents.kind {
                    Kind::OpenSc => self.with_helper(ticket, limit, |helper, deadline| helper.read(deadline)),
                    kind => self.with(ticket, &contents, limit, |card, _| application::read(kind, card)),
                };
                self.replace(&contents, read?);
                Ok(Done { output: CardOutput::Done, contents: self.contents(token)? })
            }
            Work::Perform(request) => self.perform(ticket, request),
        }
    }

    /// Returns what stands on the token, which must be in the reader still.
    fn contents(&self, token: &TokenId) -> Result<Arc<Contents>, CardError> {
        let card = self.card.as_ref().ok_or(CardError::Gone)?;
        let found = card.contents.iter().find(|contents| contents.token() == *token);
        found.cloned().ok_or(CardError::Gone)
    }

    fn perform(&mut self, ticket: &Ticket, request: &Request) -> Outcome {
        let Request { token, key, pin, operation, changes, limit } = request;
        let contents = with_expected_key(self.contents(token)?, key.as_ref())?;
        let worn = self.card.as_ref().is_some_and(|card| card.worn.contains(token));
        let restores = worn && !matches!(pin, PinSource::None);
        let changes = *changes || restores;
        let guessed = operation.is_login() && self.registry.is_guessed(token);
        let kept;
        let shown = match pin {
            PinSource::None => Pin::None,
            PinSource::Given(secret) => Pin::Given(secret),
            PinSource::Kept(pin) => {
                kept = pin.get().ok_or(CardError::PinNeeded)?;
                Pin::Given(&kept)
            }
            PinSource::Pad => Pin::Pad,
        };
        let performed = if contents.kind == Kind::OpenSc {
            if guessed {
                tries::after_a_guess(false)?;
            }
            self.with_helper(ticket, *limit, |helper, deadline| {
                let output = helper.perform(&contents, shown, operation.clone(), deadline)?;
                Ok((output, changes.then(|| helper.read(deadline))))
            })
        } else {
            self.with(ticket, &contents, *limit, |card, contents| {
                if guessed {
                    tries::after_a_guess(application::tells_tries(contents.kind, card)?)?;
                }
                card.arm();
                let output = application::perform(card, contents, shown, operation.clone())?;
                let read = changes.then(|| application::read(contents.kind, card));
                Ok((output, read))
            })
        };
        if let (Err(CardError::WrongPin { .. } | CardError::PinBlocked), PinSource::Kept(pin)) =
            (&performed, pin)
        {
            // Now, before the next of those that wait is served.
            pin.forget();
        }
        self.note_guess(token, (operation, pin), performed.as_ref().err());
        let (output, read) = performed.inspect_err(|error| self.note_tries(&contents, error))?;
        self.remember(token, &output, operation);
        if let Some(card) = self.card.as_mut().filter(|_| restores) {
            card.worn.retain(|worn| worn != token);
        }
        let token = match read {
            None => token.clone(),
            Some(Ok(read)) => self.replace(&contents, read),
            Some(Err(error)) => {
                // It is done all the same; what stands there now is found out apart.
                tracing::info!("cannot read {token} after a change: {error}");
                self.registry.doubt(&self.reader.name, self.stay());
                token.clone()
            }
        };
        Ok(Done { output, contents: self.contents(&token).unwrap_or(contents) })
    }

    /// Does the work inside a transaction with the very card of these contents.
    fn with<T>(
        &mut self,
        ticket: &Ticket,
        contents: &Contents,
        limit: Duration,
        mut work: impl FnMut(&mut Transacting<'_>, &Contents) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let service = Service { ticket, deadlines: &self.registry.deadlines, limit, patient: true };
        let mut another = false;
        let result = self.link.transact(&service, |card, recognized| {
            if !*recognized {
                let found = application::recognize(contents, card);
                another = matches!(found, Err(CardError::Wrong(_)));
                found?;
                *recognized = true;
            }
            work(card, contents)
        });
        if another {
            self.registry.doubt(&self.reader.name, self.stay());
        }
        result
    }

    /// Does the work with OpenSC's helper, which sees for itself that it is the very card.
    fn with_helper<T>(
        &mut self,
        ticket: &Ticket,
        limit: Duration,
        work: impl FnOnce(&mut Helper, Instant) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        // OpenSC waits for another program's transaction without end and without a word, so this is done before; then
        // the card is its own.
        let service = Service { ticket, deadlines: &self.registry.deadlines, limit, patient: true };
        self.link.transact(&service, |_, _| Ok(()))?;
        let deadline = Instant::now() + limit;
        let result = self.helper(deadline).and_then(|helper| work(helper, deadline));
        match &result {
            Err(CardError::Timeout | CardError::ServiceGone(_) | CardError::Gone) => self.drop_helper(),
            Err(CardError::Wrong(_)) => self.registry.doubt(&self.reader.name, self.stay()),
            _ => {}
        }
        result.map_err(|error| match error {
            // The card is there: nobody is helped by being told to insert it.
            gone @ CardError::ServiceGone(_) => CardError::Reader(gone.to_string().into()),
            error => error,
        })
    }

    fn stay(&self) -> u64 {
        self.card.as_ref().map_or(0, |card| card.stay)
    }

    /// Puts what was read in the place of what was known, and returns the id of the token that it is now.
    fn replace(&mut self, before: &Contents, read: Option<Contents>) -> TokenId {
        let (token, stay) = (before.token(), self.stay());
        let Some(read) = read else {
            self.registry.doubt(&self.reader.name, stay);
            return token;
        };
        let Some(card) = &mut self.card else { return token };
        let now = read.token();
        for (owner, _) in card.made.iter_mut().filter(|(owner, _)| *owner == token) {
            *owner = now.clone();
        }
        let read = Arc::new(with_made(read, &card.made));
        card.contents.retain(|contents| contents.token() != token);
        card.contents.push(Arc::clone(&read));
        if now != token {
            // It was in the reader all the time: nobody may hear that it went.
            self.registry.rename(&self.reader.name, &token, &read);
        }
        self.registry.stands(&self.reader.name, stay, (&card.contents, card.unread.as_deref()));
        now
    }

    /// Keeps a key that was made: a PIV card without metadata does not tell of it until it has a certificate.
    fn remember(&mut self, token: &TokenId, output: &CardOutput, operation: &CardOp) {
        let CardOutput::Generated(made) = output else { return };
        let Some(card) = &mut self.card else { return };
        let (CardOp::Generate { site, .. } | CardOp::Import { site, .. }) = operation else { return };
        let key = CardKey {
            reference: made.reference.clone(),
            algorithm: made.algorithm,
            public_key: made.public_key.as_slice().into(),
            usage: made.usage,
            pin_policy: site.pin_policy.unwrap_or(PinPolicy::Once),
            touch_policy: site.touch_policy.unwrap_or(TouchPolicy::Never),
            certificates: Vec::new(),
        };
        card.made.retain(|(owner, other)| owner != token || other.reference != key.reference);
        card.made.push((token.clone(), key));
    }

    /// Keeps that a login did not know the PIN, until somebody does.
    fn note_guess(
        &self,
        token: &TokenId,
        (operation, pin): (&CardOp, &PinSource),
        error: Option<&CardError>,
    ) {
        let sets_pin = matches!(operation, CardOp::ChangePin { .. } | CardOp::UnblockPin { .. });
        match error {
            None if sets_pin || !matches!(pin, PinSource::None) => self.registry.set_guessed(token, false),
            Some(CardError::WrongPin { .. }) if operation.is_login() => {
                self.registry.set_guessed(token, true);
            }
            _ => {}
        }
    }

    /// Keeps how many tries are left after a wrong PIN.
    fn note_tries(&mut self, contents: &Contents, error: &CardError) {
        let tries = match error {
            CardError::WrongPin { tries_left: Some(tries) } => *tries,
            CardError::PinBlocked => 0,
            _ => return,
        };
        let Some(card) = &mut self.card else { return };
        let token = contents.token();
        if let Some(known) = card.contents.iter_mut().find(|contents| contents.token() == token) {
            Arc::make_mut(known).tries_left = Some(tries);
            card.worn.push(token);
            self.registry.stands(&self.reader.name, card.stay, (&card.contents, card.unread.as_deref()));
        }
    }
}

/// Returns the contents, with the key that is expected at its place; refuses where another one is there.
///
/// A PIV card without metadata tells of a key by its certificate only. Where it tells nothing of the place, the key
/// is taken to be there as the host remembers it: the card says so if there is none, and a signature is checked.
fn with_expected_key(
    contents: Arc<Contents>,
    expected: Option<&ExpectedKey>,
) -> Result<Arc<Contents>, CardError> {
    let Some(ExpectedKey { reference, algorithm, public_key }) = expected else { return Ok(contents) };
    match contents.key(reference) {
        Some(key) if key.public_key == *public_key => Ok(contents),
        Some(_) => Err(CardError::Wrong(format!("another key stands at {reference} than before").into())),
        None if contents.kind == Kind::Piv => {
            let mut contents = Arc::unwrap_or_clone(contents);
            contents.keys.push(CardKey {
                reference: reference.to_string(),
                algorithm: *algorithm,
                public_key: Arc::clone(public_key),
                usage: algorithm.usage(),
                pin_policy: PinPolicy::Once,
                touch_policy: TouchPolicy::Never,
                certificates: Vec::new(),
            });
            Ok(Arc::new(contents))
        }
        None => Err(CardError::NoSuchKey),
    }
}

/// Returns the contents, with those keys that were made on it and that the card does not tell of.
fn with_made(mut contents: Contents, made: &[(TokenId, CardKey)]) -> Contents {
    let token = contents.token();
    for (_, key) in made.iter().filter(|(owner, _)| *owner == token) {
        if contents.key(&key.reference).is_none() {
            contents.keys.push(key.clone());
        }
    }
    contents
}

/// How many tries a PIN has on most cards: with fewer, some may have been lost.
const USUAL_TRIES: u32 = 3;

/// A card that could not be read is read again after 0.2, 0.4, … 6.4 seconds; one that was busy ever after.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MOST_ATTEMPTS: u32 = 5;

/// The helper has OpenSC loaded, which takes a while; it keeps the card connected, in shared mode.
const HELPER_LINGER: Duration = Duration::from_secs(10);

mod reading;
#[cfg(test)]
mod tests;
