//! Reads the files in `data/`: blocks of `name = value`, apart by empty lines.

use std::collections::HashMap;

use data_encoding::HEXLOWER;

/// One vector.
pub(crate) struct Block(HashMap<&'static str, &'static str>);

impl Block {
    /// Returns the value.
    pub(crate) fn text(&self, name: &str) -> &'static str {
        self.0[name]
    }

    /// Returns true where the value is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the bytes that the value's hexadecimal digits say.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        HEXLOWER.decode(self.0[name].as_bytes()).unwrap()
    }
}

/// Returns the vectors of a file.
pub(crate) fn blocks(file: &'static str) -> Vec<Block> {
    let lines = |block: &'static str| block.lines().filter_map(|line| line.split_once(" = ")).collect();
    let blocks = file.split("\n\n").map(|block| Block(lines(block)));
    blocks.filter(|block| !block.0.is_empty()).collect()
}
