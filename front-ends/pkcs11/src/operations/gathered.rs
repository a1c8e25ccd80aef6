use zeroize::Zeroizing;

use crate::rv::{Answer, Rv};

/// Data that come piece by piece and are needed whole; wiped when dropped.
pub(super) struct Gathered {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    begun: bool,
}

impl Gathered {
    /// Begins; there will be at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::new()), limit, begun: false }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE` where there are too many bytes now.
    pub(super) fn update(&mut self, data: &[u8]) -> Answer<()> {
        self.begun = true;
        let length = self.bytes.len().checked_add(data.len()).filter(|length| *length <= self.limit);
        let length = length.ok_or(Rv::DATA_LEN_RANGE)?;
        if length > self.bytes.capacity() {
            // A vector that grows by itself leaves its old bytes behind, unwiped.
            let mut grown = Zeroizing::new(Vec::with_capacity(length.next_power_of_two()));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Returns the bytes.
    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    /// Passes where no piece came yet: the whole comes at once.
    ///
    /// # Errors
    /// `CKR_OPERATION_NOT_INITIALIZED` where pieces came already, `CKR_DATA_LEN_RANGE` where the whole is too long.
    pub(super) fn check_once(&self, data: &[u8]) -> Answer<()> {
        match (self.begun, data.len() <= self.limit) {
            (true, _) => Err(Rv::OPERATION_NOT_INITIALIZED),
            (false, false) => Err(Rv::DATA_LEN_RANGE),
            (false, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gathered;
    use crate::rv::Rv;

    #[test]
    fn pieces_come_together_up_to_the_limit() {
        let mut gathered = Gathered::new(5);
        for piece in [&b"he"[..], b"", b"llo"] {
            assert_eq!(gathered.update(piece), Ok(()));
        }
        assert_eq!(gathered.update(b"!"), Err(Rv::DATA_LEN_RANGE));
        assert_eq!(gathered.check_once(b""), Err(Rv::OPERATION_NOT_INITIALIZED));
        assert_eq!(gathered.finish().as_slice(), b"hello");
    }

    #[test]
    fn a_whole_message_has_the_same_limit() {
        let gathered = Gathered::new(5);
        assert_eq!(gathered.check_once(b"hello"), Ok(()));
        assert_eq!(gathered.check_once(b"hello!"), Err(Rv::DATA_LEN_RANGE));
    }
}
