//! BER-TLV as cards write it (ISO/IEC 7816-4, 5.2.2): tags of up to three bytes, definite lengths.
//!
//! Whatever a card sends is read here; a length that does not fit what is there is refused, never cut down.

use zeroize::Zeroizing;

/// One element: its tag and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u32,
    pub(crate) value: &'a [u8],
}

/// Returns the first element and what follows it.
pub(crate) fn split(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, bytes) = tag(bytes)?;
    let (length, bytes) = length(bytes)?;
    let (value, rest) = bytes.split_at_checked(length)?;
    Some((Element { tag, value }, rest))
}

/// Returns the value of the element with that tag, where it is all there is.
pub(crate) fn only(bytes: &[u8], tag: u32) -> Option<&[u8]> {
    match split(bytes)? {
        (element, []) if element.tag == tag => Some(element.value),
        _ => None,
    }
}

/// Returns all elements, where nothing but elements is there.
pub(crate) fn all(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = split(bytes)?;
        elements.push(element);
        bytes = rest;
    }
    Some(elements)
}

/// Returns the value of the first element with that tag.
pub(crate) fn find<'a>(elements: &[Element<'a>], tag: u32) -> Option<&'a [u8]> {
    elements.iter().find(|element| element.tag == tag).map(|element| element.value)
}

/// Writes an element of less than 64 KiB whose value are the parts, one after the other. It is wiped when dropped: it
/// may be of a secret.
pub(crate) fn element(tag: u32, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Nothing may be left behind where a vector grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 7));
    let tag = tag.to_be_bytes();
    let start = tag.iter().position(|byte| *byte != 0).unwrap_or(3);
    bytes.extend_from_slice(&tag[start..]);
    match length {
        0..=0x7f => bytes.push(length as u8),
        0x80..=0xff => bytes.extend_from_slice(&[0x81, length as u8]),
        _ => bytes.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

fn tag(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut tag = u32::from(*first);
    if first & 0x1f != 0x1f {
        return Some((tag, rest));
    }
    for _ in 0..2 {
        let (next, after) = rest.split_first()?;
        tag = tag << 8 | u32::from(*next);
        rest = after;
        if next & 0x80 == 0 {
            return Some((tag, rest));
        }
    }
    None
}

/// Cards do write lengths longer than need be; the indefinite form and four bytes they do not.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length, rest @ ..] => Some((usize::from(*length), rest)),
        [0x82, high, low, rest @ ..] => Some((usize::from(*high) << 8 | usize::from(*low), rest)),
        [0x83, 0, high, low, rest @ ..] => Some((usize::from(*high) << 8 | usize::from(*low), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, all, element, find, only, split};

    #[test]
    fn what_was_written_is_read_back() {
        for tag in [0x53, 0x7C, 0x5F2F, 0x7F49, 0x1F_81_01] {
            for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
                let value = vec![0xA5; length];
                let (head, tail) = value.split_at(length / 3);
                let written = element(tag, &[head, tail]);
                let read = split(&written);
                assert_eq!(read, Some((Element { tag, value: &value }, &[][..])), "{tag:x} {length}");
                assert_eq!(only(&written, tag), Some(&value[..]));
                for cut in 0..written.len() {
                    assert_eq!(split(&written[..cut]), None, "{tag:x} {length} {cut}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_end_or_never_ends_is_refused() {
        for bytes in [
            &b""[..],
            b"\x53",
            b"\x53\x80\x00\x00",
            b"\x53\x01",
            b"\x53\x84\x00\x00\x00\x00",
            b"\x53\x83\x01\x00\x00",
            b"\x1f\x81\x81\x01\x00",
            b"\x7f",
        ] {
            assert_eq!(split(bytes), None, "{bytes:02x?}");
        }
        assert_eq!(all(b"\x70\x00\x71\x01"), None);
        assert_eq!(only(b"\x70\x00\x71\x00", 0x70), None, "it is not all there is");
        assert_eq!(only(b"\x70\x00", 0x71), None);
    }

    #[test]
    fn the_first_of_a_tag_is_found() {
        let elements = all(b"\x70\x01\x0a\x71\x00\x70\x01\x0b").expect("they are sound");
        assert_eq!(find(&elements, 0x70), Some(&b"\x0a"[..]));
        assert_eq!(find(&elements, 0x71), Some(&b""[..]));
        assert_eq!(find(&elements, 0x72), None);
    }
}
