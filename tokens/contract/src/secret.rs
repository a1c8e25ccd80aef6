use zeroize::{Zeroize, Zeroizing};

/// Bytes that are wiped when dropped and have no `Debug`: a pass phrase, a PIN, a shared secret, a private key.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; the vector must not have grown while it was filled, or copies stay behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Copies the bytes and wipes the source.
    pub fn take(source: &mut [u8]) -> Self {
        let secret = Self::new(source.to_vec());
        source.zeroize();
        secret
    }

    /// Returns the bytes, for as long as they are needed.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns true where there is not one byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
