use std::collections::BTreeSet;

/// What stands between OpenSC and the card: which reader there is, and whether a PIN that somebody gave is still in
/// force on the card when others get at it.
///
/// OpenSC logs out as the driver of the card can, and many cannot. Its own settings know only "reset always" and
/// "reset never"; a reset takes everybody's state away, so it is done only where the card was not seen to log out.
#[derive(Default)]
pub(crate) struct Fence {
    /// The one reader that OpenSC sees.
    reader: Vec<u8>,
    /// References (P2) whose verification was seen, and no logout since.
    verified: BTreeSet<u8>,
    /// Something was proven to the card in a way that shows no reference: at the pin pad, or a login of which no
    /// VERIFY was seen.
    unseen: bool,
    /// A command did not reach the card, or its answer did not come back.
    lost: bool,
}

impl Fence {
    /// Returns a fence with no reader behind it.
    pub(crate) const fn new() -> Self {
        Self { reader: Vec::new(), verified: BTreeSet::new(), unseen: false, lost: false }
    }

    /// Names the one reader.
    pub(crate) fn set_reader(&mut self, reader: &str) {
        self.reader = reader.as_bytes().to_vec();
    }

    /// Returns the multi-string (names, each ended by a zero, and one more zero) of the readers of `all` that OpenSC
    /// sees; `None` where there is none.
    pub(crate) fn readers(&self, all: &[u8]) -> Option<Vec<u8>> {
        let mut names = all.split(|byte| *byte == 0);
        let there = !self.reader.is_empty() && names.any(|name| name == self.reader);
        there.then(|| [&self.reader[..], &[0, 0]].concat())
    }

    /// Looks at a command and its answer.
    pub(crate) fn observe(&mut self, command: &[u8], answer: &[u8]) {
        // Some drivers call it a success when a card is pulled under a command.
        self.lost |= answer.len() < 2;
        let ([_, instruction, p1, reference, body @ ..], true) = (command, answer.ends_with(&[0x90, 0x00]))
        else {
            return;
        };
        // ISO 7816-4, 11.5.6: VERIFY without data asks for the status; P1 FF without data ends it (11.5.6.2).
        let has_data = body.len() > 1;
        match (*instruction, *p1) {
            (VERIFY, 0xff) if !has_data => drop(self.verified.remove(reference)),
            (VERIFY | CHANGE_REFERENCE_DATA | RESET_RETRY_COUNTER, _) if has_data => {
                self.verified.insert(*reference);
            }
            (VERIFY_BER | EXTERNAL_AUTHENTICATE, _) if has_data => self.unseen = true,
            _ => {}
        }
    }

    /// Looks at what a reader answered to a command of its own: two bytes 9000 come from a pin pad.
    pub(crate) fn observe_control(&mut self, answer: &[u8]) {
        self.unseen |= answer == [0x90, 0x00];
    }

    /// Learns from OpenSC that somebody is logged in. Where no VERIFY was seen, the card has its own way.
    pub(crate) fn logged_in(&mut self) {
        self.unseen |= self.verified.is_empty();
    }

    /// Learns that PC/SC failed at a command.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    /// Returns whether PC/SC failed at a command since this was last asked: whatever OpenSC calls that, the card went
    /// away, or was reset.
    pub(crate) fn take_lost(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    /// Returns true where the card must be reset before anybody else gets at it.
    pub(crate) fn must_reset(&self) -> bool {
        self.unseen || !self.verified.is_empty()
    }

    /// Learns that the card was reset.
    pub(crate) fn was_reset(&mut self) {
        self.verified.clear();
        self.unseen = false;
    }
}

const VERIFY: u8 = 0x20;
const VERIFY_BER: u8 = 0x21;
const CHANGE_REFERENCE_DATA: u8 = 0x24;
const RESET_RETRY_COUNTER: u8 = 0x2c;
const EXTERNAL_AUTHENTICATE: u8 = 0x82;

#[cfg(test)]
mod tests {
    use super::Fence;

    const OK: &[u8] = &[0x90, 0x00];

    fn after(exchanges: &[(&[u8], &[u8])]) -> bool {
        let mut fence = Fence::new();
        for (command, answer) in exchanges {
            fence.observe(command, answer);
        }
        fence.must_reset()
    }

    #[test]
    fn a_pin_that_was_taken_and_not_given_back_means_a_reset() {
        let verify: &[u8] = &[0x00, 0x20, 0x00, 0x80, 0x02, 0x31, 0x32];
        let logout: &[u8] = &[0x00, 0x20, 0xff, 0x80];
        let other: &[u8] = &[0x00, 0x20, 0xff, 0x81, 0x00];
        let status: &[u8] = &[0x00, 0x20, 0x00, 0x80];
        let change: &[u8] = &[0x00, 0x24, 0x00, 0x80, 0x02, 0x31, 0x32];
        let unblock: &[u8] = &[0x00, 0x2c, 0x00, 0x80, 0x02, 0x31, 0x32];
        let authenticate: &[u8] = &[0x00, 0x82, 0x00, 0x80, 0x02, 0x31, 0x32];
        for (exchanges, reset) in [
            (&[(verify, OK)][..], true),
            (&[(verify, &[0x63, 0xc2][..])], false),
            (&[(verify, OK), (logout, OK)], false),
            (&[(verify, OK), (logout, &[0x6a, 0x86])], true),
            (&[(verify, OK), (other, OK)], true),
            (&[(status, OK)], false),
            (&[(verify, OK), (status, OK)], true),
            (&[(change, OK)], true),
            (&[(unblock, OK)], true),
            (&[(authenticate, OK)], true),
            (&[(&[0x00, 0xa4, 0x04, 0x00, 0x01, 0x00], OK)], false),
            (&[(&[0x00, 0x20], OK), (&[], &[])], false),
        ] {
            assert_eq!(after(exchanges), reset, "{exchanges:02x?}");
        }
    }

    #[test]
    fn a_login_of_which_nothing_was_seen_means_a_reset() {
        let mut fence = Fence::new();
        fence.logged_in();
        assert!(fence.must_reset());
        fence.was_reset();
        assert!(!fence.must_reset());
        fence.observe_control(&[0x06, 0x04, 0x42, 0x33, 0x00, 0x06]);
        assert!(!fence.must_reset(), "a list of features is no PIN");
        fence.observe_control(&[0x63, 0xc1]);
        assert!(!fence.must_reset());
        fence.observe_control(OK);
        assert!(fence.must_reset());
    }

    #[test]
    fn a_command_that_got_lost_is_told_once() {
        let mut fence = Fence::new();
        assert!(!fence.take_lost());
        fence.lose();
        assert!(fence.take_lost());
        assert!(!fence.take_lost());
        fence.observe(&[0x00, 0xb0, 0x00, 0x00, 0x00], &[]);
        assert!(fence.take_lost());
        fence.observe(&[0x00, 0xb0, 0x00, 0x00, 0x00], &[0x69, 0x82]);
        assert!(!fence.take_lost());
    }

    #[test]
    fn only_one_reader_is_seen() {
        let mut fence = Fence::new();
        assert_eq!(fence.readers(b"One\0Two\0\0"), None);
        fence.set_reader("Two");
        assert_eq!(fence.readers(b"One\0Two\0\0"), Some(b"Two\0\0".to_vec()));
        assert_eq!(fence.readers(b"One\0Two 00\0\0"), None);
        assert_eq!(fence.readers(b"\0"), None);
    }
}
