use claviger_token::Secret;
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};

/// A secret of this host (systemd credential `claviger.host`): with it in the derivation a stolen database
/// alone cannot be guessed at.
pub struct HostSecret {
    raw_id: [u8; Self::ID_SIZE],
    id: String,
    bytes: Secret,
}

impl HostSecret {
    /// Takes the bytes over. The id is the first 16 bytes of SHA-256("claviger host secret id" || bytes).
    pub fn from_bytes(bytes: Secret) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(b"claviger host secret id");
        context.update(bytes.expose());
        let mut raw_id = [0; Self::ID_SIZE];
        raw_id.copy_from_slice(&context.finish().as_ref()[..Self::ID_SIZE]);
        Self { raw_id, id: HEXLOWER.encode(&raw_id), bytes }
    }

    /// Returns the id in 32 hexadecimal digits; it says nothing of the secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) const fn raw_id(&self) -> &[u8] {
        &self.raw_id
    }

    pub(super) fn expose(&self) -> &[u8] {
        self.bytes.expose()
    }

    /// The size of an id before it is written as digits.
    pub(super) const ID_SIZE: usize = 16;
}
