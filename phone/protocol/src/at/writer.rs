use data_encoding::BASE64;
use zeroize::Zeroizing;

/// One value to be written.
#[derive(Clone, Copy)]
pub(crate) enum Argument<'a> {
    Number(u64),
    Text(&'a str),
    /// Bytes, which are written in base64.
    Data(&'a [u8]),
}

/// Writes text that may hold secrets: the buffer is made large enough before, because one that grows leaves a copy behind.
pub(crate) struct Writer {
    text: Zeroizing<String>,
}

impl Writer {
    /// Begins a text of no more than `room` bytes.
    pub(crate) fn with_room(room: usize) -> Self {
        Self { text: Zeroizing::new(String::with_capacity(room)) }
    }

    /// Writes `head` and the values behind it, on a line of their own.
    pub(crate) fn line(&mut self, head: &str, arguments: &[Argument<'_>]) {
        let separator = if self.text.is_empty() { "" } else { "\r\n" };
        let more = separator.len() + room(head, arguments);
        if self.text.capacity() - self.text.len() < more {
            let mut wider = Zeroizing::new(String::with_capacity(2 * (self.text.len() + more)));
            wider.push_str(&self.text);
            self.text = wider;
        }
        self.text.push_str(separator);
        // No space at the end of a line.
        self.text.push_str(if arguments.is_empty() { head.trim_end() } else { head });
        for (place, argument) in arguments.iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            match argument {
                Argument::Number(number) => self.text.push_str(&number.to_string()),
                Argument::Text(text) => self.string(text),
                Argument::Data(data) => {
                    self.text.push('"');
                    BASE64.encode_append(data, &mut self.text);
                    self.text.push('"');
                }
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.escape(byte),
                b' '..=b'~' => self.text.push(char::from(byte)),
                0..b' ' | 0x7f.. => self.escape(byte),
            }
        }
        self.text.push('"');
    }

    fn escape(&mut self, byte: u8) {
        self.text.push('\\');
        for nibble in [byte >> 4, byte & 15] {
            self.text.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
        }
    }

    /// Returns the text.
    pub(crate) fn finish(self) -> Zeroizing<String> {
        self.text
    }

    /// Returns one line.
    pub(crate) fn one(head: &str, arguments: &[Argument<'_>]) -> Zeroizing<String> {
        let mut writer = Self::with_room(room(head, arguments));
        writer.line(head, arguments);
        writer.finish()
    }
}

/// Returns the most bytes that a line takes.
fn room(head: &str, arguments: &[Argument<'_>]) -> usize {
    let each = arguments.iter().map(|argument| match argument {
        Argument::Number(_) => 21,
        Argument::Text(text) => 3 * text.len() + 3,
        Argument::Data(data) => BASE64.encode_len(data.len()) + 3,
    });
    head.len() + each.sum::<usize>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::{Argument, Writer};
    use crate::at::Arguments;

    #[test]
    fn what_was_written_is_read_back_and_is_printable() {
        let text: String = (0..0x250).filter_map(char::from_u32).collect();
        let data: Vec<u8> = (0..=255).collect();
        let line =
            Writer::one("AT+X=", &[Argument::Text(&text), Argument::Number(u64::MAX), Argument::Data(&data)]);
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        let mut arguments = Arguments::parse(line.strip_prefix("AT+X=").unwrap()).unwrap();
        assert_eq!(arguments.text().unwrap(), text);
        assert_eq!(arguments.number(), Ok(u64::MAX));
        assert_eq!(arguments.data().unwrap(), data);
        assert_eq!(arguments.end(), Ok(()));
    }

    #[test]
    fn lines_are_parted_as_results_are() {
        let mut writer = Writer::with_room(0);
        writer.line("+CKE: ", &[Argument::Text("a\"b"), Argument::Number(5)]);
        writer.line("ERROR", &[]);
        assert_eq!(*writer.finish(), "+CKE: \"a\\22b\",5\r\nERROR");
    }
}
