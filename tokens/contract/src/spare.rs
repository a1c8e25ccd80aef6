/// How many of the tries at a PIN are not this caller's to spend.
///
/// A secret is tried only where more tries are left than [`Spare::keeps`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spare {
    /// The person said that even the last try may be spent.
    Nothing,
    /// The last try is kept: a slip of the finger must not block a card.
    #[default]
    Last,
    /// Two are kept: whoever stands at a login prompt may be a stranger, and must leave the owner room for a mistake of
    /// her own.
    Two,
}

impl Spare {
    /// Returns how many tries are left over whatever happens.
    pub const fn keeps(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Last => 1,
            Self::Two => 2,
        }
    }
}
