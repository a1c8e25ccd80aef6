use crate::VERSIONS;
use crate::at::{Arguments, BadArguments};

/// The versions that both ends offer, as they said it. All of it goes into the prologue, so that nobody takes one away.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    pub(super) host: Vec<u32>,
    pub(super) phone: Vec<u32>,
}

impl Versions {
    pub(crate) fn new(host: Vec<u32>, phone: Vec<u32>) -> Self {
        Self { host, phone }
    }

    /// Takes an offer: what is left of a command or a result, numbers only.
    pub(crate) fn take(arguments: &mut Arguments<'_>) -> Result<Vec<u32>, BadArguments> {
        let offer = arguments.rest(Arguments::small)?;
        if offer.is_empty() || offer.len() > OFFER_LIMIT {
            Err(BadArguments("an offer is none"))
        } else {
            Ok(offer)
        }
    }

    /// Returns the host's offer.
    pub(crate) fn host(&self) -> &[u32] {
        &self.host
    }

    /// Returns what this end offers.
    pub(crate) fn ours() -> Vec<u32> {
        VERSIONS.to_vec()
    }

    /// Writes an offer as it stands in commands, results and the prologue.
    pub(crate) fn text(offer: &[u32]) -> String {
        offer.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    }

    /// Returns the highest that both offer.
    pub(crate) fn common(&self) -> Option<u32> {
        self.host.iter().copied().filter(|version| self.phone.contains(version)).max()
    }
}

/// The most versions of one offer.
const OFFER_LIMIT: usize = 16;
