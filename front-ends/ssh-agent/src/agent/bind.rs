use claviger_client::Error;

use crate::protocol::{Identity, PublicKey, SessionBind, read_signature};
use crate::sessions::{NotBound, Sessions};
use crate::store::Store;

use super::Agent;
use super::refusal::Refusal;

impl<S: Store> Agent<S> {
    /// Ties a connection to a session, whose host signed it.
    pub(super) async fn bind(&self, sessions: &mut Sessions, bind: &SessionBind<'_>) -> Result<(), Refusal> {
        let bound = match self.verify(bind).await {
            Ok(true) => sessions.bind(bind).map_err(Refusal::NotBound),
            Ok(false) => Err(Refusal::NotBound(NotBound::BadSignature)),
            Err(error) => Err(Refusal::Store("verify a host's signature", String::new(), error)),
        };
        if bound.is_err() {
            sessions.failed();
        }
        bound
    }

    /// Returns true where the host signed the session, and its authority the host's certificate.
    async fn verify(&self, bind: &SessionBind<'_>) -> Result<bool, Error> {
        let SessionBind { host, session, signature, is_forwarded: _ } = bind;
        if let Identity::Certificate(certificate) = host
            && !self.has_signed(&certificate.authority, &certificate.signed, &certificate.signature).await?
        {
            return Ok(false);
        }
        self.has_signed(host.key(), session, signature).await
    }

    async fn has_signed(&self, key: &PublicKey, data: &[u8], signature: &[u8]) -> Result<bool, Error> {
        match read_signature(key, signature) {
            Ok((scheme, signature)) => self.store.verify(key, scheme, data, &signature).await,
            Err(_) => Ok(false),
        }
    }
}
