use zeroize::Zeroizing;

use crate::at::{Argument, BadArguments, Information, Writer};
use crate::message::clean;
use crate::{Change, Notice};

impl Notice {
    /// The longest silence that may be announced, in seconds.
    pub const PAUSE_LIMIT: u32 = 120;

    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        match self {
            Self::Bye(reason) => Writer::one("+CKBYE: ", &[Argument::Text(&clean(reason, REASON_LIMIT))]),
            Self::Pause(seconds) => {
                Writer::one("+CKPAUSE: ", &[Argument::Number((*seconds).min(Self::PAUSE_LIMIT).into())])
            }
            Self::Changed(change) => Writer::one("+CKCHG: ", &[Argument::Text(change.name())]),
        }
    }

    /// Reads a line; `None` where it is no notice that is known here.
    pub(super) fn from_line(line: &Information<'_>) -> Result<Option<Self>, BadArguments> {
        let mut arguments = line.arguments()?;
        Ok(match line.name.as_str() {
            "+CKBYE" => Some(Self::Bye(clean(&arguments.text()?, REASON_LIMIT))),
            "+CKPAUSE" => Some(Self::Pause(arguments.small()?.min(Self::PAUSE_LIMIT))),
            "+CKCHG" => Change::from_name(&arguments.text()?).map(Self::Changed),
            _ => None,
        })
    }
}

impl Change {
    const fn name(self) -> &'static str {
        match self {
            Self::Unlocked => "unlocked",
            Self::Locked => "locked",
            Self::Keys => "keys",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Unlocked, Self::Locked, Self::Keys].into_iter().find(|change| change.name() == name)
    }
}

/// The most bytes of a reason.
pub(super) const REASON_LIMIT: usize = 256;
