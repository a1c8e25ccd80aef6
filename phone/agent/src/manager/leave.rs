use std::time::Duration;

use claviger_phone_protocol::{Failure, Rv};
use claviger_token::{Spare, TokenError};

use super::{SecurityManager, Session};
use crate::approval::{A_WHILE, Unlocking, Verdict};
use crate::audit::Entry;
use crate::clock::since_boot;
use crate::module::ModuleKey;
use crate::question::Question;

/// The person's yes to one operation. Whatever comes of it is noted: at the latest when this is dropped.
#[must_use]
pub(super) struct Leave<'a> {
    manager: &'a SecurityManager,
    question: Question,
    how: &'static str,
    is_noted: bool,
}

/// What must be unlocked for an operation.
#[derive(Clone, Copy)]
pub(super) enum Needs<'a> {
    /// Nothing: the operation itself unlocks.
    Nothing,
    /// The module.
    Module,
    /// That key.
    Key(&'a ModuleKey),
    /// That key, and an answer to this very question: no yes for a while counts.
    KeyAndAnswer(&'a ModuleKey),
}

impl SecurityManager {
    /// Asks the person for one operation of this host.
    ///
    /// # Errors
    /// No leave: the failure that the host is answered. It is noted already.
    pub(super) async fn leave(
        &self,
        session: &Session,
        question: Question,
        key: Option<&ModuleKey>,
    ) -> Result<Leave<'_>, Failure> {
        match (session.is_logged_out(), key) {
            (false, _) => self.ask(session, question, key.map_or(Needs::Module, Needs::Key)).await,
            (true, Some(key)) if question.is_of_a_login() => self.let_back(session, question, key).await,
            (true, _) => Err(TokenError::Locked.into()),
        }
    }

    /// Asks the person of a host that logged out for two things at once: to sign for somebody's login there, and to let the
    /// host use the keys again. The person reads both, and rules are asked for each.
    async fn let_back(
        &self,
        session: &Session,
        question: Question,
        key: &ModuleKey,
    ) -> Result<Leave<'_>, Failure> {
        if !self.approver().has_screen() {
            self.ask(session, question.clone().into_unlock(), Needs::Module).await?.finish(Ok(()))?;
        }
        let question = question.with_warning("it was locked; a yes makes the keys usable for it again");
        let leave = self.ask(session, question, Needs::KeyAndAnswer(key)).await?;
        session.log_in();
        Ok(leave)
    }

    /// Asks the person, whether or not the host is logged in.
    ///
    /// # Errors
    /// As [`leave`](Self::leave).
    pub(super) async fn ask(
        &self,
        session: &Session,
        question: Question,
        needs: Needs<'_>,
    ) -> Result<Leave<'_>, Failure> {
        let (logouts, place) = (session.logouts(), self.module().place());
        // From here on there is something to be noted, also where nobody waits for the answer any longer.
        let mut leave = Leave { manager: self, question, how: "given up", is_noted: false };
        match tokio::time::timeout(PATIENCE, self.answer(&leave.question, needs)).await {
            // A logout is for everything that was asked before it, whatever the person says afterwards.
            Ok(Ok(_)) if session.logouts() != logouts => {
                leave.note("logged out meanwhile")?;
                Err(TokenError::Locked.into())
            }
            Ok(Ok(_)) if place.is_some() && self.module().place() != place => {
                leave.note("another card came meanwhile")?;
                Err(TokenError::Absent.into())
            }
            Ok(Ok(yes)) => {
                leave.how = yes.how;
                if let (Some(term), Needs::Key(key)) = (yes.term, needs) {
                    let Question { pairing, .. } = &leave.question;
                    self.allowances().allow(pairing, &key.handle.info.public_key, since_boot(), term);
                }
                Ok(leave)
            }
            Ok(Err(NoLeave { outcome, failure, is_refused: _ })) => {
                leave.note(&outcome)?;
                Err(failure)
            }
            Err(_elapsed) => {
                leave.note("nobody answered")?;
                Err(TokenError::Timeout.into())
            }
        }
    }

    /// Returns how the leave was given.
    async fn answer(&self, question: &Question, needs: Needs<'_>) -> Result<Yes, NoLeave> {
        if self.is_ready(needs) && self.is_allowed(question, needs) {
            return Ok(Yes::once("allowed"));
        }
        let Ok(turn) = self.turn(&question.pairing).await else { return Err(NoLeave::too_many()) };
        let answer = self.put(question, needs).await;
        match (turn, &answer) {
            (Some(turn), Err(NoLeave { is_refused: true, .. })) => turn.refused(),
            (Some(turn), Ok(_) | Err(_)) => turn.answered(),
            (None, _) => {}
        }
        answer
    }

    /// Asks the person, who looks at no other question now.
    async fn put(&self, question: &Question, needs: Needs<'_>) -> Result<Yes, NoLeave> {
        if !self.is_ready(needs) && self.unlock_for(question, needs).await? {
            return Ok(Yes::once("approved by unlocking"));
        }
        // While this question waited for the screen, the one before it may have been allowed for a while.
        if self.is_allowed(question, needs) {
            return Ok(Yes::once("allowed"));
        }
        match self.approver().approve(question).await {
            Verdict::Approved => Ok(Yes::once("approved")),
            Verdict::ApprovedFor(term) => {
                let is_everyday = question.operation.may_be_allowed_for_a_while();
                Ok(Yes { how: "approved for a while", term: is_everyday.then(|| term.min(A_WHILE)) })
            }
            Verdict::Refused => Err(NoLeave::refused()),
            Verdict::Impossible(why) => Err(NoLeave::impossible(&why)),
        }
    }

    fn is_ready(&self, needs: Needs<'_>) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Module => self.module().is_unlocked(),
            Needs::Key(key) | Needs::KeyAndAnswer(key) => self.module().is_ready(key),
        }
    }

    fn is_allowed(&self, question: &Question, needs: Needs<'_>) -> bool {
        let Needs::Key(key) = needs else { return false };
        question.operation.may_be_allowed_for_a_while()
            && self.allowances().allows(&question.pairing, &key.handle.info.public_key, since_boot())
    }

    /// Waits until it is ready: whoever tells of changes is not believed, but the module asked.
    async fn ready(&self, needs: Needs<'_>) {
        let mut changes = self.module().changes();
        while !self.is_ready(needs) {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Has the person unlock the module. Returns true where they did so by an answer to this very question, which is a yes to
    /// it; false where it was unlocked elsewhere meanwhile.
    async fn unlock_for(&self, question: &Question, needs: Needs<'_>) -> Result<bool, NoLeave> {
        let place = self.module().place();
        let mut hint = None;
        for _ in 0..MOST_TRIES {
            let answer = tokio::select! {
                answer = self.approver().unlock(question, self.module().wants(), hint.as_deref()) => answer,
                () = self.ready(needs) => return Ok(false),
            };
            // The secret is for the card that was there when it was asked for.
            if place.is_some() && self.module().place() != place {
                return Err(NoLeave::failed(TokenError::Absent));
            }
            match answer {
                Unlocking::Secret(secret) => match self.module().unlock(secret, Spare::Last).await {
                    Ok(()) => return Ok(true),
                    Err(error @ (TokenError::WrongSecret { .. } | TokenError::SecretUnfit(_))) => {
                        hint = Some(error.to_string());
                    }
                    Err(error) => return Err(NoLeave::failed(error)),
                },
                Unlocking::Refused => return Err(NoLeave::refused()),
                Unlocking::Impossible(why) => {
                    return Err(NoLeave {
                        outcome: format!("locked: {why}"),
                        failure: TokenError::Locked.into(),
                        is_refused: false,
                    });
                }
            }
        }
        Err(NoLeave::failed(TokenError::WrongSecret { tries_left: None }))
    }
}

/// A yes.
struct Yes {
    /// How it was given.
    how: &'static str,
    /// For how long it holds for more of the same.
    term: Option<Duration>,
}

impl Yes {
    const fn once(how: &'static str) -> Self {
        Self { how, term: None }
    }
}

/// Why there is no leave: what is noted, and what the host is told.
struct NoLeave {
    outcome: String,
    failure: Failure,
    /// The person said no.
    is_refused: bool,
}

impl NoLeave {
    fn refused() -> Self {
        Self { outcome: "refused".to_owned(), failure: TokenError::Declined.into(), is_refused: true }
    }

    fn too_many() -> Self {
        let failure = Failure::new(Rv::OperationActive, "too many questions of this computer wait already");
        Self { outcome: "too many questions".to_owned(), failure, is_refused: false }
    }

    fn impossible(why: &str) -> Self {
        let failure = Failure::new(Rv::FunctionRejected, "nobody could be asked at the phone");
        Self { outcome: format!("nobody could be asked: {why}"), failure, is_refused: false }
    }

    fn failed(error: TokenError) -> Self {
        Self { outcome: format!("failed: {error}"), failure: error.into(), is_refused: false }
    }
}

impl Leave<'_> {
    /// Notes what came of the operation. What cannot be noted is not handed out.
    pub(super) fn finish<T>(mut self, outcome: Result<T, TokenError>) -> Result<T, Failure> {
        let how = self.how;
        match outcome {
            Ok(done) => self.note(how).map(|()| done),
            Err(error) => {
                self.note(&format!("{how}, failed: {error}"))?;
                Err(error.into())
            }
        }
    }

    fn note(&mut self, outcome: &str) -> Result<(), Failure> {
        self.is_noted = true;
        self.manager.audit.note(&Entry::new(&self.question, outcome)).map_err(|error| {
            eprintln!("claviger-phone: cannot note what was done: {error}");
            Failure::new(Rv::DeviceMemory, "the phone cannot note what was done")
        })
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.is_noted {
            let how = if self.how == "given up" { "given up" } else { "approved, given up" };
            // Nobody waits for the outcome; the log says why it is not noted.
            drop(self.note(how));
        }
    }
}

/// How long a person is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often one question asks for the pass phrase.
const MOST_TRIES: usize = 3;
