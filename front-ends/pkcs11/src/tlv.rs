//! DER, as little as is needed to take certificates and points apart and to put keys together.

/// One element.
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// Returns the content where the tag is that one.
    pub(crate) fn content(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }
}

/// Returns the element at the start of `der`, of at most 65,535 bytes, and what follows it.
pub(crate) fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (header, length) = match *der {
        [_, length @ 0..=0x7f, ..] => (2, usize::from(length)),
        [_, 0x81, length @ 0x80..=0xff, ..] => (3, usize::from(length)),
        [_, 0x82, high @ 1..=0xff, low, ..] => (4, usize::from(high) << 8 | usize::from(low)),
        _ => return None,
    };
    let (whole, rest) = der.split_at_checked(header + length)?;
    Some((Element { tag: whole[0], content: &whole[header..], whole }, rest))
}

/// Returns an element. The parts of a private key among `parts` are the caller's to wipe, and
/// so is what is returned.
pub(crate) fn wrapped(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let digits = length.to_be_bytes();
    let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
    let mut der = Vec::with_capacity(2 + digits.len() + length);
    der.push(tag);
    match digits {
        [] => der.push(0),
        [low @ 0..=0x7f] => der.push(*low),
        // At most eight of them.
        _ => {
            der.push(0x80 | digits.len() as u8);
            der.extend_from_slice(digits);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

#[cfg(test)]
mod tests {
    use super::{element, wrapped};

    #[test]
    fn what_is_wrapped_is_read_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let content = vec![7; length];
            let der = wrapped(0x04, &[&content, b""]);
            let (read, rest) = element(&der).expect("an element");
            assert!(
                read.content(0x04) == Some(&content[..]) && read.content(0x02).is_none() && rest.is_empty()
            );
            assert_eq!(read.whole, der);
            assert!(element(&der[..der.len() - 1]).is_none(), "{length}");
        }
    }

    #[test]
    fn no_length_is_cut() {
        assert_eq!(wrapped(0x04, &[&vec![7; 0x1_0203]])[..6], [0x04, 0x83, 0x01, 0x02, 0x03, 7]);
    }
}
