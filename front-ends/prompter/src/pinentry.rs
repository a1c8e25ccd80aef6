//! One pinentry, from its start to its end.

mod environment;
mod trouble;
mod window;

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_client::Secret;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(crate) use environment::Environment;
pub(crate) use trouble::Trouble;

use crate::assuan::escape;
use crate::text::Texts;
use crate::{Problem, clean};
use window::Window;

/// The pinentry to ask through, and where.
pub(crate) struct Pinentry {
    program: PathBuf,
    environment: Environment,
    /// One place for each that runs.
    places: Arc<Semaphore>,
}

impl Pinentry {
    /// Finds the program: the one that was named, else `pinentry` in PATH.
    pub(crate) fn find(named: Option<PathBuf>, environment: Environment) -> Result<Self, Problem> {
        let named = named.unwrap_or_else(|| "pinentry".into());
        let found =
            find(&named).ok_or_else(|| Problem::NoPinentry(clean::clean(&named.to_string_lossy(), 200)))?;
        Ok(Self { program: found, environment, places: Arc::new(Semaphore::new(PLACES as usize)) })
    }

    /// Asks for a secret.
    pub(crate) async fn secret(&self, texts: &Texts) -> Result<Secret, Trouble> {
        let mut window = self.open(texts).await?;
        window.tell(&format!("SETPROMPT {}:", capitalised(texts.field))).await?;
        let entered = window.answer("GETPIN").await?;
        window.close().await;
        Ok(Secret::from(entered))
    }

    /// Asks for a yes.
    pub(crate) async fn confirm(&self, texts: &Texts) -> Result<bool, Trouble> {
        let mut window = self.open(texts).await?;
        window.tell("SETOK Allow").await?;
        window.tell("SETCANCEL Refuse").await?;
        let is_yes = match window.answer("CONFIRM").await {
            Ok(_) => true,
            Err(Trouble::Declined) => false,
            Err(trouble) => return Err(trouble),
        };
        window.close().await;
        Ok(is_yes)
    }

    /// Shows a text until the person closes it.
    pub(crate) async fn show(&self, texts: &Texts) -> Result<(), Trouble> {
        let mut window = self.open(texts).await?;
        window.tell("SETOK Close").await?;
        window.answer("MESSAGE").await?;
        window.close().await;
        Ok(())
    }

    /// Waits until every one has ended that is no longer wanted: the runtime may go then.
    pub(crate) async fn rest(&self) {
        drop(timeout(window::GRACE * 4, self.places.acquire_many(PLACES)).await);
    }

    /// Starts the program and tells it what every question has.
    async fn open(&self, texts: &Texts) -> Result<Window, Trouble> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let mut window = Window::open(&self.program, place.ok()).await?;
        for option in self.environment.options() {
            window.suggest(&format!("OPTION {}", escape(&option))).await?;
        }
        window.suggest("SETTITLE Claviger").await?;
        let description = texts.description.join("\n\n");
        window.tell(&format!("SETDESC {}", escape(&self.environment.writable(&description)))).await?;
        if let Some(error) = &texts.error {
            window.tell(&format!("SETERROR {}", escape(error))).await?;
        }
        Ok(window)
    }
}

/// Returns the file of a program that can be run.
fn find(named: &Path) -> Option<PathBuf> {
    if named.components().count() > 1 {
        return is_program(named).then(|| named.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(named)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    let metadata: io::Result<_> = file.metadata();
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// How many can run at once: a question, and more codes than anybody looks at.
const PLACES: u32 = 8;
