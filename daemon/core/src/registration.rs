use std::fmt;

/// How far an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Registration {
    /// The row exists (an administrator enrolled the user); nothing is registered.
    None,
    /// The user applied; an administrator has not consented yet. Nothing is usable.
    Applied,
    /// A consent phrase was issued; the user has not entered it yet. Nothing is usable.
    Pending,
    /// The account is in use.
    Active,
    /// An administrator revoked the account.
    Revoked,
}

/// A step in the life of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The user registers where the policy asks for no consent.
    Register,
    /// The user registers where the policy asks for consent.
    Apply,
    /// An administrator issues a consent phrase.
    IssueConsent,
    /// The user enters it.
    Consent,
    /// An administrator revokes the account.
    Revoke,
}

/// The step does not follow from where the account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongStep {
    /// Where the account is.
    pub from: Registration,
    /// What was asked.
    pub step: Step,
}

impl Registration {
    /// Every state there is.
    pub const ALL: [Self; 5] = [Self::None, Self::Applied, Self::Pending, Self::Active, Self::Revoked];

    /// Returns `none`, `applied`, `pending`, `active` or `revoked`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }

    /// Returns the state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Returns where the account is after `step`, or why it cannot be taken.
    ///
    /// A second application is refused while one stands. Issuing again voids the application: nobody has the
    /// first phrase's inner copy any more, so the account falls back to [`Registration::None`].
    pub const fn after(self, step: Step) -> Result<Self, WrongStep> {
        match (self, step) {
            (Self::None | Self::Revoked, Step::Register) => Ok(Self::Active),
            (Self::None | Self::Revoked, Step::Apply) => Ok(Self::Applied),
            (Self::Applied, Step::IssueConsent) => Ok(Self::Pending),
            (Self::Pending, Step::IssueConsent) => Ok(Self::None),
            (Self::Pending, Step::Consent) => Ok(Self::Active),
            (Self::Applied | Self::Pending | Self::Active | Self::None, Step::Revoke) => Ok(Self::Revoked),
            (from, step) => Err(WrongStep { from, step }),
        }
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Registration, Step};

    #[test]
    fn every_pair_of_state_and_step_is_decided() {
        use Registration::{Active, Applied, None, Pending, Revoked};
        use Step::{Apply, Consent, IssueConsent, Register, Revoke};
        let allowed = [
            (None, Register, Active),
            (None, Apply, Applied),
            (None, Revoke, Revoked),
            (Applied, IssueConsent, Pending),
            (Applied, Revoke, Revoked),
            (Pending, IssueConsent, None),
            (Pending, Consent, Active),
            (Pending, Revoke, Revoked),
            (Active, Revoke, Revoked),
            (Revoked, Register, Active),
            (Revoked, Apply, Applied),
        ];
        for from in Registration::ALL {
            for step in [Register, Apply, IssueConsent, Consent, Revoke] {
                let expected = allowed.iter().find(|row| (row.0, row.1) == (from, step)).map(|row| row.2);
                assert_eq!(from.after(step).ok(), expected, "{from} {step:?}");
            }
        }
    }

    #[test]
    fn every_state_is_read_back_from_its_name() {
        for state in Registration::ALL {
            assert_eq!(Registration::from_name(state.name()), Some(state));
        }
    }
}
