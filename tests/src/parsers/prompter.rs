use claviger_prompter::assuan::{LINE_LIMIT, Line, Lines, escape};
use claviger_prompter::clean::clean;

/// What a pinentry answers, and what strangers chose, shown by one.
pub(super) fn assuan(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let line = escape(&clean(&text, ROOM));
    assert!(line.len() <= ROOM + "...".len(), "a name takes more than its room: {line:?}");
    assert!(!escape(&text).contains(|letter: char| letter.is_ascii_control()), "a text ends its line");

    let mut lines = Lines::default();
    let (mut rest, mut taken) = (bytes, 0);
    while !rest.is_empty() {
        let room = lines.room();
        let count = room.len().min(rest.len());
        assert!(count > 0, "a full room is garbage");
        room[..count].copy_from_slice(&rest[..count]);
        lines.read(count);
        rest = &rest[count..];
        while let Some(line) = lines.next_line() {
            match line {
                Ok(Line::Data(data)) => assert!(data.len() < LINE_LIMIT),
                Ok(Line::Done | Line::Failed(_) | Line::Passing) => {}
                Err(_) => return false,
            }
            taken += 1;
        }
    }
    taken > 0
}

const ROOM: usize = 80;
