//! The status word that ends every answer (ISO/IEC 7816-4, 5.6).

use crate::CardError;

/// SW1 and SW2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16);

impl Status {
    /// The command was carried out.
    pub(crate) const OK: Self = Self(0x9000);
    /// The comparison failed, and the card does not count.
    pub(crate) const NOT_VERIFIED: Self = Self(0x6300);
    /// Of a pin pad (PC/SC part 10, 2.5.2): nobody entered anything in time.
    pub(crate) const PAD_TIMEOUT: Self = Self(0x6400);
    /// Of a pin pad: the person pressed cancel.
    pub(crate) const PAD_CANCELLED: Self = Self(0x6401);
    /// Of a pin pad: what was entered is too short or too long.
    pub(crate) const PAD_MISFIT: Self = Self(0x6403);
    /// The length of the data does not fit.
    pub(crate) const WRONG_LENGTH: Self = Self(0x6700);
    /// A PIN, a key or a touch is missing.
    pub(crate) const SECURITY: Self = Self(0x6982);
    /// The PIN is blocked.
    pub(crate) const BLOCKED: Self = Self(0x6983);
    /// Now is not the time for this.
    pub(crate) const CONDITIONS: Self = Self(0x6985);
    /// The data are not what they should be.
    pub(crate) const WRONG_DATA: Self = Self(0x6A80);
    /// The card cannot do such a thing.
    pub(crate) const NO_FUNCTION: Self = Self(0x6A81);
    /// There is no such file, object or application.
    pub(crate) const NOT_FOUND: Self = Self(0x6A82);
    /// There is no room for the data.
    pub(crate) const NO_SPACE: Self = Self(0x6A84);
    /// P1 or P2 is wrong: an algorithm, or a place, that the card does not know.
    pub(crate) const WRONG_PARAMETERS: Self = Self(0x6A86);
    /// There is no such key or PIN.
    pub(crate) const NO_REFERENCE: Self = Self(0x6A88);
    /// The card knows no such instruction.
    pub(crate) const NO_INSTRUCTION: Self = Self(0x6D00);
    /// The card knows no such class.
    pub(crate) const NO_CLASS: Self = Self(0x6E00);

    /// Returns true for what ISO/IEC 7816-3 allows as a status word at all.
    pub(crate) const fn is_one(self) -> bool {
        matches!(self.0 >> 12, 6 | 9) && self.0 >> 8 != 0x60
    }

    /// Returns true where the command failed: neither done nor done with a warning.
    pub(crate) const fn is_failure(self) -> bool {
        !matches!(self.0 >> 8, 0x61..=0x63 | 0x90..)
    }

    /// Returns how many bytes of the answer wait to be fetched (`61xx`); 256 where the card does not tell.
    pub(crate) const fn waiting(self) -> Option<u8> {
        if self.0 >> 8 == 0x61 { Some(self.0 as u8) } else { None }
    }

    /// Returns the length that should have been expected (`6Cxx`).
    pub(crate) const fn right_length(self) -> Option<u8> {
        if self.0 >> 8 == 0x6C { Some(self.0 as u8) } else { None }
    }

    /// Returns how many tries are left (`63Cx`).
    pub(crate) fn tries(self) -> Option<u32> {
        (self.0 & 0xFFF0 == 0x63C0).then(|| u32::from(self.0 & 0xF))
    }

    /// Returns true where what was asked for is not there.
    pub(crate) fn is_absent(self) -> bool {
        matches!(self, Self::NOT_FOUND | Self::NO_REFERENCE)
    }

    /// Returns true where the card knows no such command.
    pub(crate) fn is_unknown_command(self) -> bool {
        matches!(self, Self::NO_INSTRUCTION | Self::NO_CLASS | Self::NO_FUNCTION)
    }

    /// Returns true where a card says by this, to a SELECT, that it has no such application. Whatever else it says is a
    /// fault, which says nothing of what the card has.
    pub(crate) fn is_no_application(self) -> bool {
        self.is_absent() || self.is_unknown_command()
    }

    /// Returns the fault that this is where nothing better is known of it.
    pub(crate) const fn fault(self, asked: &'static str) -> CardError {
        CardError::Status(asked, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn a_status_word_says_what_is_left() {
        assert_eq!(Status(0x63C0).tries(), Some(0));
        assert_eq!(Status(0x63CF).tries(), Some(15));
        assert_eq!(Status(0x6300).tries(), None);
        assert_eq!(Status(0x6110).waiting(), Some(0x10));
        assert_eq!(Status(0x6C10).right_length(), Some(0x10));
        assert_eq!((Status::OK.waiting(), Status::OK.right_length()), (None, None));
    }

    #[test]
    fn two_bytes_of_data_are_no_status_word() {
        for word in [0x0000, 0x5302, 0x60FF, 0x7C20, 0x8000, 0xA000, 0xFFFF] {
            assert!(!Status(word).is_one(), "{word:04X}");
        }
        for word in [0x6100, 0x6A82, 0x6FFF, 0x9000] {
            assert!(Status(word).is_one(), "{word:04X}");
        }
    }
}
