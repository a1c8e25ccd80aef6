use std::time::{Duration, Instant};

use claviger_phone_protocol::{Failure, Rv};
use claviger_token::{Spare, TokenError};

use super::{SecurityManager, Session};
use crate::approval::{A_WHILE, Unlocking, Verdict};
use crate::audit::Entry;
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
        if session.is_logged_out() {
            return Err(TokenError::Locked.into());
        }
        self.ask(question, key.map_or(Needs::Module, Needs::Key)).await
    }

    /// Asks the person, whether or not the host is logged in.
    ///
    /// # Errors
    /// As [`leave`](Self::leave).
    pub(super) async fn ask(&self, question: Question, needs: Needs<'_>) -> Result<Leave<'_>, Failure> {
        // From here on there is something to be noted, also where nobody waits for the answer any longer.
        let mut leave = Leave { manager: self, question, how: "given up", is_noted: false };
        match tokio::time::timeout(PATIENCE, self.answer(&leave.question, needs)).await {
            Ok(Ok(how)) => {
                leave.how = how;
                Ok(leave)
            }
            Ok(Err(NoLeave { outcome, failure })) => {
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
    async fn answer(&self, question: &Question, needs: Needs<'_>) -> Result<&'static str, NoLeave> {
        let is_ready = || match needs {
            Needs::Nothing => true,
            Needs::Module => self.module().is_unlocked(),
            Needs::Key(key) => self.module().is_ready(key),
        };
        if is_ready() && self.is_allowed(question) {
            return Ok("allowed");
        }
        let _screen = self.screen().await;
        if !is_ready() && self.unlock_for(question).await? {
            return Ok("approved by unlocking");
        }
        // While this question waited for the screen, the one before it may have been allowed for a while.
        if self.is_allowed(question) {
            return Ok("allowed");
        }
        match self.approver().approve(question).await {
            Verdict::Approved => Ok("approved"),
            Verdict::ApprovedFor(term) => {
                if let Some(key) = &question.key
                    && question.operation.may_be_allowed_for_a_while()
                {
                    let term = term.min(A_WHILE);
                    self.allowances().allow(&question.pairing, &key.reference, Instant::now(), term);
                }
                Ok("approved for a while")
            }
            Verdict::Refused => Err(NoLeave::refused()),
            Verdict::Impossible(why) => Err(NoLeave::impossible(&why)),
        }
    }

    fn is_allowed(&self, question: &Question) -> bool {
        question.operation.may_be_allowed_for_a_while()
            && question.key.as_ref().is_some_and(|key| {
                self.allowances().allows(&question.pairing, &key.reference, Instant::now())
            })
    }

    /// Has the person unlock the module. Returns true where they did so by an answer to this very question, which is a yes to
    /// it; false where it was unlocked elsewhere meanwhile.
    async fn unlock_for(&self, question: &Question) -> Result<bool, NoLeave> {
        let mut changes = self.module().changes();
        let mut hint = None;
        for _ in 0..MOST_TRIES {
            let answer = tokio::select! {
                answer = self.approver().unlock(question, self.module().wants(), hint.as_deref()) => answer,
                _ = changes.wait_for(|stand| stand.unlocked) => return Ok(false),
            };
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
                    });
                }
            }
        }
        Err(NoLeave::failed(TokenError::WrongSecret { tries_left: None }))
    }
}

/// Why there is no leave: what is noted, and what the host is told.
struct NoLeave {
    outcome: String,
    failure: Failure,
}

impl NoLeave {
    fn refused() -> Self {
        Self { outcome: "refused".to_owned(), failure: TokenError::Declined.into() }
    }

    fn impossible(why: &str) -> Self {
        let failure = Failure::new(Rv::FunctionRejected, "nobody could be asked at the phone");
        Self { outcome: format!("nobody could be asked: {why}"), failure }
    }

    fn failed(error: TokenError) -> Self {
        Self { outcome: format!("failed: {error}"), failure: error.into() }
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
