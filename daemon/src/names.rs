//! The name service: which user a number is.

use claviger_core::Refusal;
use nix::unistd::{Uid, User};

/// Returns the name that the system gives for `uid` now. The name service may ask the network: the look-up
/// runs on a thread of its own.
pub(crate) async fn user_name(uid: u32) -> Result<String, Refusal> {
    ask(move || User::from_uid(Uid::from_raw(uid)))
        .await?
        .map(|user| user.name)
        .ok_or_else(|| Refusal::UnknownCaller(format!("the system knows no user with uid {uid}").into()))
}

/// Returns the number of the user of that name.
pub(crate) async fn uid_of(name: &str) -> Result<u32, Refusal> {
    let name = name.to_owned();
    ask(move || User::from_name(&name)).await?.map(|user| user.uid.as_raw()).ok_or(Refusal::NoSuchUser)
}

/// A name service that fails is "cannot tell": refused for now, never taken for "no such user".
async fn ask(
    look_up: impl FnOnce() -> nix::Result<Option<User>> + Send + 'static,
) -> Result<Option<User>, Refusal> {
    match tokio::task::spawn_blocking(look_up).await {
        Ok(Ok(user)) => Ok(user),
        Ok(Err(error)) => {
            Err(Refusal::UnknownCaller(format!("the name service does not answer ({error})").into()))
        }
        Err(_) => Err(Refusal::Cancelled),
    }
}
