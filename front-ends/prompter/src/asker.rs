use std::sync::Arc;

use claviger_client::{Agent, NoAnswer, Prompt, Secret, SessionWhy};

use crate::pinentry::Pinentry;
use crate::terminal::Terminal;
use crate::{Application, endings, text};

/// The agent: it asks the person, and tells them things. Clones ask at the same place.
#[derive(Clone)]
pub(crate) enum Asker {
    /// Through a program that knows the screen.
    Pinentry(Arc<Pinentry>),
    /// Where it was started.
    Terminal(Arc<Terminal>),
}

impl Asker {
    /// Waits until nothing of a question is before the person any more, once nothing is asked.
    pub(crate) async fn rest(&self) {
        match self {
            Self::Pinentry(pinentry) => pinentry.rest().await,
            // It gives the terminal back in the instant in which a question is taken back.
            Self::Terminal(_) => {}
        }
    }

    /// Tells the person why a session ends.
    pub(crate) async fn tell_ending(&self, session: &str, why: &SessionWhy) {
        let text = endings::text(session, why);
        match self {
            Self::Pinentry(_) => {
                if let Err(error) = claviger_client::notify(endings::summary(why), &text).await {
                    // Without a desktop, the journal is all there is.
                    eprintln!("claviger-prompter: {text} (No notification: {error})");
                }
            }
            Self::Terminal(terminal) => report(terminal.tell(&text).await),
        }
    }
}

impl Agent for Asker {
    async fn secret(&self, prompt: Prompt) -> Result<Secret, NoAnswer> {
        let texts = text::secret(&prompt, &Application::of(prompt.pid));
        let answer = match self {
            Self::Pinentry(pinentry) => pinentry.secret(&texts).await.map_err(NoAnswer::from),
            Self::Terminal(terminal) => terminal.secret(&texts).await,
        };
        // Nothing is no secret: no try is spent on it.
        let answer = answer.and_then(|secret| match secret.as_bytes() {
            [] => Err(NoAnswer::Declined),
            _ => Ok(secret),
        });
        told(answer)
    }

    async fn confirm(&self, prompt: Prompt) -> Result<bool, NoAnswer> {
        let texts = text::confirmation(&prompt, &Application::of(prompt.pid));
        told(match self {
            Self::Pinentry(pinentry) => pinentry.confirm(&texts).await.map_err(NoAnswer::from),
            Self::Terminal(terminal) => terminal.confirm(&texts).await,
        })
    }

    async fn display(&self, prompt: Prompt) {
        let texts = text::code(&prompt);
        match self {
            Self::Pinentry(pinentry) => report(pinentry.show(&texts).await),
            Self::Terminal(terminal) => report(terminal.tell(&texts.description.join("\n")).await),
        }
    }
}

/// Tells the journal why a question could not be put: the key store will only say that nobody answered.
fn told<T>(answer: Result<T, NoAnswer>) -> Result<T, NoAnswer> {
    if let Err(NoAnswer::Impossible(why)) = &answer {
        eprintln!("claviger-prompter: {why}");
    }
    answer
}

fn report<E: std::fmt::Display>(shown: Result<(), E>) {
    if let Err(error) = shown {
        eprintln!("claviger-prompter: {error}");
    }
}
