use crate::LINE_LIMIT;

/// Cuts a stream into lines. CR and LF both end one; blank ones are passed over.
#[derive(Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where no end was found.
    seen: usize,
}

/// A line has more than [`LINE_LIMIT`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// Takes what the stream brought.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns how many bytes wait.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Returns the next whole line without its end. What is longer than it may be is not waited for.
    pub(crate) fn next_line(&mut self) -> Option<Result<Vec<u8>, TooLong>> {
        loop {
            let fresh = &self.buffer[self.seen..];
            let Some(length) = fresh.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
                self.seen = self.buffer.len();
                return (self.waiting() > LINE_LIMIT).then_some(Err(TooLong));
            };
            let line = self.start..self.seen + length;
            self.start = line.end + 1;
            self.seen = self.start;
            if line.len() > LINE_LIMIT {
                return Some(Err(TooLong));
            }
            if !line.is_empty() {
                return Some(Ok(self.buffer[line].to_vec()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, TooLong};
    use crate::LINE_LIMIT;

    fn lines(pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, TooLong>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece);
            found.extend(std::iter::from_fn(|| lines.next_line()).take(3));
        }
        found
    }

    #[test]
    fn any_cut_and_any_end_gives_the_same_lines() {
        let wanted = vec![Ok(b"AT".to_vec()), Ok(b"OK".to_vec())];
        assert_eq!(lines(&[b"AT\r\r\nOK\r\n"]), wanted);
        assert_eq!(lines(&[b"A", b"T", b"\r", b"\n", b"\r\n", b"O", b"K\n", b"half"]), wanted);
    }

    #[test]
    fn a_line_of_the_most_bytes_is_taken_and_a_longer_one_is_not_waited_for() {
        let long = vec![b'x'; LINE_LIMIT];
        assert_eq!(lines(&[&long, b"\r"]), [Ok(long.clone())]);
        assert_eq!(lines(&[&long, b"x"])[0], Err(TooLong));
        assert_eq!(lines(&[&[&long[..], b"xx\r"].concat()])[0], Err(TooLong));
    }
}
