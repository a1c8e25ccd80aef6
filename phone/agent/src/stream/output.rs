/// What is still to be written.
#[derive(Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    done: usize,
}

impl Output {
    pub(super) fn add(&mut self, mut bytes: Vec<u8>) {
        if self.is_empty() {
            *self = Self { bytes, done: 0 };
        } else {
            self.bytes.append(&mut bytes);
        }
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.done..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done == self.bytes.len()
    }

    /// Whoever does not read the answers is not read either.
    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() - self.done < OUTPUT_LIMIT
    }

    pub(super) fn written(&mut self, count: usize) {
        self.done += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// How much may wait to be written before nothing more is read.
const OUTPUT_LIMIT: usize = 256 * 1024;
