//! The name service: which user a number is.

use std::fmt;
use std::sync::Arc;

use claviger_core::Refusal;
use nix::unistd::{Uid, User};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The name service. It may ask the network and hang: look-ups run on threads of their own, a few at a time, so
/// that slow ones hold up nothing but other look-ups.
#[derive(Debug)]
pub struct Names {
    runtime: Handle,
    turns: Arc<Semaphore>,
}

/// Why a look-up gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// There is no such user.
    NoSuchUser,
    /// The name service does not answer: nobody can tell whether there is one.
    NoAnswer(String),
}

impl Names {
    /// Returns the name service, asked on the threads of `runtime`.
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, turns: Arc::new(Semaphore::new(LOOK_UPS)) }
    }

    /// Returns the name that the system gives for `uid` now.
    pub async fn user_name(&self, uid: u32) -> Result<String, NameError> {
        let gone = || NameError::NoAnswer("it was given up".to_owned());
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| gone())?;
        let look_up = move || {
            let found = User::from_uid(Uid::from_raw(uid));
            drop(turn);
            found
        };
        match self.runtime.spawn_blocking(look_up).await.map_err(|_| gone())? {
            Ok(Some(user)) => Ok(user.name),
            Ok(None) => Err(NameError::NoSuchUser),
            Err(error) => Err(NameError::NoAnswer(error.to_string())),
        }
    }
}

impl NameError {
    /// Returns what it means where the number is the caller's own.
    pub fn of(self, uid: u32) -> Refusal {
        Refusal::UnknownCaller(match self {
            Self::NoSuchUser => format!("the system knows no user with uid {uid}").into(),
            Self::NoAnswer(_) => self.to_string().into(),
        })
    }
}

/// What it means where the number is somebody else's.
impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        match error {
            NameError::NoSuchUser => Self::NoSuchUser,
            NameError::NoAnswer(_) => Self::Internal(error.to_string().into()),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser => formatter.write_str("there is no such user"),
            Self::NoAnswer(why) => write!(formatter, "the name service does not answer ({why})"),
        }
    }
}

impl std::error::Error for NameError {}

/// Look-ups at a time.
const LOOK_UPS: usize = 4;
