//! The one pairing that the person has invited, if any.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_phone_protocol::{Hello, PairingUri, Refusal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::hosts::Host;
use crate::question::Question;

/// The place for one invitation.
#[derive(Default)]
pub struct Invitations(Mutex<Place>);

#[derive(Default)]
struct Place {
    last: u64,
    standing: Option<Standing>,
}

struct Standing {
    number: u64,
    invited: Invited,
    /// Whether the person can answer where they gave the invitation.
    answers: bool,
    taken: bool,
    news: UnboundedSender<News>,
}

/// Who is invited.
#[derive(Clone)]
pub enum Invited {
    /// The computer of this URI.
    Uri(PairingUri),
    /// Whichever computer shows the same digits.
    Numbers,
}

/// What becomes of an invitation.
pub enum News {
    /// These digits are to be compared.
    Code(String),
    /// A computer asks to be paired; the answer is wanted.
    Asked(Box<Question>, oneshot::Sender<bool>),
    /// It is paired.
    Paired(Arc<Host>),
    /// The person said no.
    Refused,
    /// A computer came and it did not work out: why.
    Failed(String),
    /// The computer was being paired and says that it does not want to be any more: why.
    GivenUp(String),
}

/// An invitation. It stands until this is dropped.
pub struct Invitation {
    place: Arc<Invitations>,
    number: u64,
    /// What becomes of it.
    pub news: UnboundedReceiver<News>,
}

/// The way to the person who gave an invitation.
pub struct Asker(UnboundedSender<News>);

/// An invitation that a computer has taken up, on one stream. Dropping it lets another try, unless digits were shown: whoever could
/// have them drawn anew, again and again, would get theirs.
pub struct Taken {
    place: Arc<Invitations>,
    number: u64,
    /// Who is invited.
    pub invited: Invited,
    answers: bool,
    is_shown: bool,
    news: UnboundedSender<News>,
}

impl Invitations {
    /// Invites; `answers` says that the person can be asked where the invitation was given. `None` while another stands.
    pub fn invite(self: &Arc<Self>, invited: Invited, answers: bool) -> Option<Invitation> {
        let mut place = self.place();
        if place.standing.is_some() {
            return None;
        }
        place.last += 1;
        let (number, (sender, news)) = (place.last, unbounded_channel());
        place.standing = Some(Standing { number, invited, answers, taken: false, news: sender });
        drop(place);
        Some(Invitation { place: Arc::clone(self), number, news })
    }

    /// Takes the invitation up for a computer that introduces itself so.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] where nobody invited it, [`Refusal::Busy`] where another is being paired.
    pub fn take(self: &Arc<Self>, hello: Hello) -> Result<Taken, Refusal> {
        let mut place = self.place();
        let standing = place.standing.as_mut().ok_or(Refusal::NotAllowed)?;
        match (hello, &standing.invited) {
            (Hello::Uri(id), Invited::Uri(uri)) if uri.pairing == id => {}
            (Hello::Numbers(_), Invited::Numbers) => {}
            (Hello::Uri(_) | Hello::Numbers(_), Invited::Uri(_) | Invited::Numbers) => {
                return Err(Refusal::Busy);
            }
            (Hello::Known(_), _) => return Err(Refusal::UnknownPairing),
        }
        if standing.taken {
            return Err(Refusal::Busy);
        }
        standing.taken = true;
        Ok(Taken {
            place: Arc::clone(self),
            number: standing.number,
            invited: standing.invited.clone(),
            answers: standing.answers,
            is_shown: false,
            news: standing.news.clone(),
        })
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing<T>(&self, number: u64, change: impl FnOnce(&mut Option<Standing>) -> T) -> Option<T> {
        let mut place = self.place();
        let is_it = place.standing.as_ref().is_some_and(|standing| standing.number == number);
        is_it.then(|| change(&mut place.standing))
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        drop(self.place.standing(self.number, Option::take));
    }
}

impl Taken {
    /// Returns true while the person has not taken the invitation back.
    pub fn stands(&self) -> bool {
        !self.news.is_closed()
    }

    /// Waits until the person takes the invitation back.
    pub fn withdrawn(&self) -> impl Future<Output = ()> + use<> {
        let news = self.news.clone();
        async move { news.closed().await }
    }

    /// Shows the digits. From now on the invitation is this stream's alone, and ends with it.
    pub fn show(&mut self, code: String) {
        self.is_shown = true;
        self.tell(News::Code(code));
    }

    /// Returns the way to the person, where they can answer where they gave the invitation.
    pub fn asker(&self) -> Option<Asker> {
        self.answers.then(|| Asker(self.news.clone()))
    }

    /// Tells whoever invited.
    pub fn tell(&self, news: News) {
        // Who took the invitation back does not want to know.
        drop(self.news.send(news));
    }
}

impl Asker {
    /// Tells whoever invited.
    pub fn tell(&self, news: News) {
        drop(self.0.send(news));
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.is_shown {
            // Whoever has heard already what came of it does not listen any more.
            self.tell(News::Failed("the computer hung up".to_owned()));
        }
        self.place.standing(self.number, |standing| {
            if self.is_shown {
                *standing = None;
            } else if let Some(standing) = standing {
                standing.taken = false;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Invitations, Invited, News};
    use claviger_phone_protocol::{Hello, PairingId, Refusal};
    use std::sync::Arc;

    const NUMBERS: Hello = Hello::Numbers(PairingId::from_bytes([1; 16]));

    #[test]
    fn digits_that_were_shown_are_not_drawn_again() {
        let place = Arc::new(Invitations::default());
        let mut invitation = place.invite(Invited::Numbers, false).expect("room");
        let mut taken = place.take(NUMBERS).expect("invited");
        taken.show("123456".to_owned());
        drop(taken);
        assert_eq!(place.take(NUMBERS).err(), Some(Refusal::NotAllowed));
        assert!(matches!(invitation.news.try_recv(), Ok(News::Code(_))));
        assert!(matches!(invitation.news.try_recv(), Ok(News::Failed(_))));
    }

    #[test]
    fn nobody_is_paired_uninvited_and_only_one_at_a_time() {
        let place = Arc::new(Invitations::default());
        assert_eq!(place.take(NUMBERS).err(), Some(Refusal::NotAllowed));
        let invitation = place.invite(Invited::Numbers, false).expect("room");
        assert!(place.invite(Invited::Numbers, false).is_none(), "one at a time");
        assert_eq!(
            place.take(Hello::Uri(PairingId::from_bytes([1; 16]))).err(),
            Some(Refusal::Busy),
            "somebody else is invited"
        );
        let taken = place.take(NUMBERS).expect("invited");
        assert_eq!(place.take(NUMBERS).err(), Some(Refusal::Busy));
        drop(taken);
        let taken = place.take(NUMBERS).expect("another try");
        assert!(taken.stands());
        drop(invitation);
        assert!(!taken.stands());
        assert_eq!(place.take(NUMBERS).err(), Some(Refusal::NotAllowed));
        let _next = place.invite(Invited::Numbers, false).expect("room again");
        drop(taken);
        assert!(place.take(NUMBERS).is_ok(), "the one before does not touch the next");
    }
}
