use super::{Garbage, LINE_LIMIT, Line, Lines, escape, parse};
use zeroize::Zeroizing;

fn data(bytes: &[u8]) -> Option<Line> {
    Some(Line::Data(Zeroizing::new(bytes.to_vec())))
}

#[test]
fn every_kind_of_line_is_read() {
    for (line, expected) in [
        (&b"OK"[..], Some(Line::Done)),
        (b"OK Pleased to meet you, process 42", Some(Line::Done)),
        (b"D 123456", data(b"123456")),
        (b"D ", data(b"")),
        (b"D", data(b"")),
        (b"D  a b ", data(b" a b ")),
        (b"D 100%25%0A%ff", data(b"100%\n\xff")),
        (b"ERR 83886179 Operation cancelled <Pinentry>", Some(Line::Failed(99))),
        (b"ERR 83886194", Some(Line::Failed(114))),
        (b"S PIN_REPEATED", Some(Line::Passing)),
        (b"# comment", Some(Line::Passing)),
        (b"", Some(Line::Passing)),
        (b"D %", None),
        (b"D %4", None),
        (b"D %zz", None),
        (b"D %+1", None),
        (b"ERR", None),
        (b"ERR many", None),
        (b"ERR 99999999999", None),
        (b"INQUIRE QUALITY 12", None),
        (b"ok", None),
        (b"HTTP/1.1 200 OK", None),
        (b"\xff\xfe", None),
    ] {
        assert!(parse(line).ok() == expected, "{:?}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_text_cannot_end_its_line() {
    assert_eq!(escape("a\nBYE\r\0"), "a%0ABYE%0D%00");
    assert_eq!(escape("%0ABYE"), "%250ABYE");
    assert_eq!(escape("K\u{fc}che"), "K\u{fc}che");
}

fn fed(pieces: &[&[u8]]) -> Vec<Result<Line, Garbage>> {
    let mut lines = Lines::default();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && seen.last() != Some(&Err(Garbage)) {
            let room = lines.room();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            lines.read(count);
            rest = &rest[count..];
            while let Some(line) = lines.next_line() {
                let is_end = line.is_err();
                seen.push(line);
                if is_end {
                    break;
                }
            }
        }
    }
    seen
}

#[test]
fn lines_come_in_pieces_and_together() {
    let expected = [Ok(Line::Done), Ok(Line::Data(Zeroizing::new(b"1 2".to_vec()))), Ok(Line::Done)];
    assert!(fed(&[b"OK\nD 1 2\nOK\n"]) == expected);
    assert!(fed(&[b"O", b"K\r\nD 1", b" 2", b"\n", b"OK\n", b"no end"]) == expected);
}

#[test]
fn a_line_without_an_end_is_garbage_at_its_limit() {
    let long = vec![b'#'; LINE_LIMIT];
    assert!(fed(&[&long]) == [Err(Garbage)]);
    let mut fits = vec![b'#'; LINE_LIMIT];
    fits[LINE_LIMIT - 1] = b'\n';
    assert!(fed(&[&fits, b"OK\n"]) == [Ok(Line::Passing), Ok(Line::Done)]);
}

#[test]
fn nothing_of_a_line_stays_behind() {
    let mut lines = Lines::default();
    lines.room()[..14].copy_from_slice(b"D 123456\nOK\nD ");
    lines.read(14);
    while lines.next_line().is_some() {}
    assert_eq!(&lines.room[..4], b"D \0\0");
    assert!(lines.room[2..].iter().all(|&byte| byte == 0));
}

#[test]
fn no_bytes_make_it_panic() {
    // A small generator: what matters is that many odd lines are seen.
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 24
    };
    let letters = b"D %ERROK0aS#\r\xff ";
    for _ in 0..20_000 {
        let length = next() % 24;
        let line: Vec<u8> = (0..length).map(|_| letters[next() as usize % letters.len()]).collect();
        if let Ok(Line::Data(data)) = parse(&line) {
            assert!(data.len() <= line.len());
        }
    }
}
