//! Who may do what. Pure: everything it needs comes in, and only this file makes an [`Authorized`].

use claviger_token::{Purpose, TokenId, TokenKind};

use crate::selector::purpose_name;
use crate::{Confirm, Key, KeyState, Refusal, Registration, User, places};

/// Who asks, as the bus vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's number.
    pub uid: u32,
    /// The name that the system gives for it now.
    pub user_name: String,
}

/// The leave to use one key for one purpose. Only [`authorize`] makes it and the plan takes it by value: no
/// path leads round the policy.
#[derive(Debug)]
#[must_use]
pub struct Authorized {
    purpose: Purpose,
}

impl Authorized {
    /// Returns what the key may be used for now.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// What is decided of a request that is not refused.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It may be done.
    Allow(Authorized),
    /// It may be done once the owner said yes.
    Ask(Challenge),
}

/// A leave that wants the owner's yes first.
#[derive(Debug)]
#[must_use]
pub struct Challenge {
    authorized: Authorized,
}

impl Challenge {
    /// Returns the leave, where the owner said yes.
    pub fn answered(self, yes: bool) -> Result<Authorized, Refusal> {
        if yes { Ok(self.authorized) } else { Err(Refusal::Declined) }
    }
}

/// How things stand around a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// The owner's screen is locked, and no session of theirs is open.
    pub frozen: bool,
    /// The owner said yes to this key in this session already.
    pub confirmed: bool,
    /// The program wants the owner asked, whatever the key's policy is.
    pub wanted: bool,
    /// Where the program wants the key used; `None` leaves it open.
    pub at: Option<&'a TokenId>,
}

/// Decides whether `caller` may use `key` of `user` for `purpose`.
pub fn authorize(
    caller: &Caller,
    user: &User,
    key: &Key,
    purpose: Purpose,
    circumstances: Circumstances<'_>,
) -> Result<Verdict, Refusal> {
    let Circumstances { frozen, confirmed, wanted, at } = circumstances;
    let authorized = may_use(caller, user, key, purpose)?;
    if frozen {
        return Err(Refusal::SessionLocked);
    }
    Ok(match key.confirm {
        Confirm::Always => Verdict::Ask(Challenge { authorized }),
        Confirm::Session if !confirmed => Verdict::Ask(Challenge { authorized }),
        Confirm::Session | Confirm::Never if wanted && !asks_itself(key, at) => {
            Verdict::Ask(Challenge { authorized })
        }
        Confirm::Session | Confirm::Never => Verdict::Allow(authorized),
    })
}

/// Returns true for a key that is used where its person is asked anyway, on whichever token that is: one question is enough.
fn asks_itself(key: &Key, at: Option<&TokenId>) -> bool {
    let mut kinds = places(key, at).map(|placement| placement.kind).peekable();
    kinds.peek().is_some()
        && kinds.all(|kind| match kind {
            TokenKind::Phone => true,
            TokenKind::Local | TokenKind::Card => false,
        })
}

/// Decides whether what [`authorize`] granted still holds after the owner was asked something: meanwhile a key may have been
/// revoked, or the screen locked.
pub fn still_holds(
    caller: &Caller,
    user: &User,
    key: &Key,
    purpose: Purpose,
    frozen: bool,
) -> Result<(), Refusal> {
    match may_use(caller, user, key, purpose)? {
        Authorized { .. } if frozen => Err(Refusal::SessionLocked),
        Authorized { .. } => Ok(()),
    }
}

fn may_use(caller: &Caller, user: &User, key: &Key, purpose: Purpose) -> Result<Authorized, Refusal> {
    own_account(caller, user)?;
    active(user)?;
    if key.binding.uid != caller.uid {
        return Err(Refusal::NoSuchKey);
    }
    let usage = key.info.usage;
    let (meant, retired_may) = match purpose {
        Purpose::Sign => (usage.sign, false),
        Purpose::Decrypt => (usage.decrypt, true),
        Purpose::Derive | Purpose::Decapsulate => (usage.derive, true),
    };
    match key.state {
        KeyState::Revoked => Err(Refusal::KeyRevoked),
        _ if !meant => Err(Refusal::UsageNotAllowed(purpose_name(purpose))),
        KeyState::Retired if !retired_may => Err(Refusal::UsageNotAllowed(purpose_name(purpose))),
        KeyState::Retired | KeyState::Current => Ok(Authorized { purpose }),
    }
}

/// Decides whether the row is really the caller's: the number and the name must both agree, for a number may
/// have been given to another person since.
pub fn own_account(caller: &Caller, user: &User) -> Result<(), Refusal> {
    if caller.uid != user.uid || caller.user_name != user.name {
        return Err(Refusal::AccessDenied(
            format!(
                "the account of uid {} was made for a user of another name; an administrator can remove it",
                caller.uid
            )
            .into(),
        ));
    }
    Ok(())
}

/// Decides whether an account is in use.
pub fn active(user: &User) -> Result<(), Refusal> {
    match user.registration {
        Registration::Active => Ok(()),
        Registration::Applied | Registration::Pending => Err(Refusal::RegistrationPending(user.registration)),
        Registration::None | Registration::Revoked => Err(Refusal::NotRegistered(user.registration)),
    }
}

/// Who administers the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Administration {
    /// On the system bus: root.
    Root,
    /// Off the system bus (demo, trying out, tests): the daemon's own user.
    Uid(u32),
}

/// Decides whether the caller may speak for a user who logs in: an administrator, or the user.
pub fn may_authenticate(caller_uid: u32, uid: u32, administration: Administration) -> Result<(), Refusal> {
    if caller_uid == uid || administrator(caller_uid, administration).is_ok() {
        return Ok(());
    }
    Err(Refusal::AccessDenied("only root authenticates others".into()))
}

/// Decides whether the caller administers the service.
pub fn administrator(caller_uid: u32, administration: Administration) -> Result<(), Refusal> {
    let allowed = match administration {
        Administration::Root => 0,
        Administration::Uid(uid) => uid,
    };
    if caller_uid == allowed {
        return Ok(());
    }
    Err(Refusal::AccessDenied(match administration {
        Administration::Root => "only root administers accounts".into(),
        Administration::Uid(uid) => {
            format!("off the system bus only the daemon's own user (uid {uid}) administers accounts").into()
        }
    }))
}

#[cfg(test)]
mod tests;
