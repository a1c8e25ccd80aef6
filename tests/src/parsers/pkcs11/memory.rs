use std::iter;

/// What the arguments of a call point to. Behind each piece is a border that nobody may write to.
#[derive(Default)]
pub(super) struct Memory {
    pieces: Vec<Piece>,
}

struct Piece {
    words: Vec<u64>,
    /// How many bytes of it are the program's.
    length: usize,
}

const BORDER: u8 = 0xa5;

impl Memory {
    /// Returns the address of a copy of `bytes`, at a multiple of eight.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> *mut u8 {
        let border = iter::repeat_n(BORDER, 24);
        let all: Vec<u8> = bytes.iter().copied().chain(border).collect();
        let words = all.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
        let mut piece = Piece { words: words.collect(), length: bytes.len() };
        let address = piece.words.as_mut_ptr().cast();
        self.pieces.push(piece);
        address
    }

    /// Returns the address of a struct of numbers and pointers.
    pub(super) fn words(&mut self, words: &[u64]) -> *mut u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.bytes(&bytes).cast()
    }

    /// Returns the numbers at an address that [`words`](Self::words) gave.
    pub(super) fn numbers_at(&self, address: *mut u64) -> &[u64] {
        let piece = self.pieces.iter().find(|piece| piece.words.as_ptr() == address.cast_const());
        piece.map_or(&[], |piece| &piece.words[..piece.length / 8])
    }

    /// Holds that no border was written to, and forgets all pieces.
    pub(super) fn clear(&mut self) {
        for Piece { words, length } in self.pieces.drain(..) {
            let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
            assert!(bytes.skip(length).all(|byte| byte == BORDER), "the module wrote beyond {length} bytes");
        }
    }
}
