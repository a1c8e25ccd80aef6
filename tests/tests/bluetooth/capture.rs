//! What went over the air, as whoever records it and has the link's keys reads it.
//!
//! The recording has HCI packets (datalink 1002: H4). In them is L2CAP, in that RFCOMM (TS 07.10), in whose information
//! frames are the bytes that both ends said.

use std::collections::BTreeMap;

use memchr::memmem;

/// A recording, taken apart.
pub(crate) struct Capture {
    whole: Vec<u8>,
    streams: [Vec<u8>; 2],
}

impl Capture {
    /// Takes a recording apart.
    pub(crate) fn of(recording: Vec<u8>) -> Self {
        let mut streams = [Vec::new(), Vec::new()];
        // By direction and connection: L2CAP frames of which the rest has not come yet.
        let mut partial: BTreeMap<(usize, u16), Vec<u8>> = BTreeMap::new();
        let mut rest = &recording[FILE_HEAD..];
        while rest.len() >= RECORD_HEAD {
            let (length, direction) = (number(&rest[4..8]), number(&rest[8..12]) & 1);
            let packet = &rest[RECORD_HEAD..RECORD_HEAD + length];
            rest = &rest[RECORD_HEAD + length..];
            let [DATA, handle, flags, _, _, data @ ..] = packet else { continue };
            let begins = flags & 0x30 != 0x10;
            let frame = partial.entry((direction, u16::from_le_bytes([*handle, flags & 0x0F]))).or_default();
            if begins {
                frame.clear();
            }
            frame.extend_from_slice(data);
            if let [low, high, _, _, payload @ ..] = frame.as_slice()
                && payload.len() == usize::from(u16::from_le_bytes([*low, *high]))
            {
                streams[direction].extend_from_slice(information(payload));
            }
        }
        Self { whole: recording, streams }
    }

    /// Returns true where these bytes are anywhere in it: as they were recorded, or in what both ends said.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        let places = [&self.whole, &self.streams[0], &self.streams[1]];
        places.iter().any(|place| memmem::find(place, bytes).is_some())
    }

    /// Returns the lines that both ends said.
    pub(crate) fn lines(&self) -> Vec<String> {
        let said = self.streams.iter().map(|stream| String::from_utf8_lossy(stream));
        said.flat_map(|said| said.split(['\r', '\n']).map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.is_empty())
            .collect()
    }
}

/// Returns what an RFCOMM frame carries of the stream; nothing where it is no such frame.
fn information(frame: &[u8]) -> &[u8] {
    let [address, control, rest @ ..] = frame else { return &[] };
    // Channel 0 is the multiplexer's; a stream's frames are UIH, with or without credits.
    let credits = match control {
        0xEF => 0,
        0xFF => 1,
        _ => return &[],
    };
    if address & 1 == 0 || address >> 2 == 0 {
        return &[];
    }
    let (length, rest) = match rest {
        [length, rest @ ..] if length & 1 == 1 => (usize::from(length >> 1), rest),
        [low, high, rest @ ..] => (usize::from(low >> 1) | usize::from(*high) << 7, rest),
        _ => return &[],
    };
    rest.get(credits..credits + length).unwrap_or_default()
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

const FILE_HEAD: usize = 16;
const RECORD_HEAD: usize = 24;
const DATA: u8 = 2;
