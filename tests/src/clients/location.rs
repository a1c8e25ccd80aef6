use crate::account::PASSPHRASE;
use crate::cards::PIN;

/// Where keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In alice's store on the computer.
    Local,
    /// On a PIV card in a reader.
    Card,
    /// On a phone at the other end of a serial line.
    Phone,
}

impl Location {
    /// Returns what a program gives when it logs in; nothing where the token asks its person itself.
    pub fn pin(self) -> Option<&'static str> {
        match self {
            Self::Local => Some(PASSPHRASE),
            Self::Card => Some(PIN),
            Self::Phone => None,
        }
    }

    /// Returns the same as it stands in a URI.
    pub fn pin_in_uri(self) -> String {
        self.pin().map(|pin| format!("?pin-value={}", pin.replace(' ', "%20"))).unwrap_or_default()
    }
}
