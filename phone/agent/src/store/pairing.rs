use claviger_phone_protocol::{Known, PairingId, PublicKey, StaticKey};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

/// One paired computer as it lies on disk.
#[derive(Clone)]
pub struct PairingDocument {
    /// What opens a channel.
    pub known: Known,
    /// The computer's name.
    pub host: String,
    /// The user's name there.
    pub user: String,
    /// When it was paired, seconds since 1970.
    pub paired: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Text {
    version: u32,
    id: String,
    uid: u32,
    host: String,
    user: String,
    paired: i64,
    host_key: String,
    own_key: String,
}

impl PairingDocument {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let Self { known, host, user, paired } = self;
        let mut text = Text {
            version: VERSION,
            id: known.pairing.to_string(),
            uid: known.uid,
            host: host.clone(),
            user: user.clone(),
            paired: *paired,
            host_key: BASE64.encode(known.peer.as_bytes()),
            own_key: BASE64.encode(known.own.expose()),
        };
        // Room for everything: a vector that grows leaves copies of the key behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024 + 6 * (host.len() + user.len())));
        if serde_json::to_writer_pretty(&mut *bytes, &text).is_err() {
            // Cannot be: texts and numbers only, into memory.
            bytes.clear();
        }
        text.own_key.zeroize();
        bytes
    }

    pub(super) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let text: Text = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Text { version, id, uid, host, user, paired, host_key, own_key } = text;
        let own_key = Zeroizing::new(own_key);
        if version != VERSION {
            return Err(format!("its version is {version}, which is not known here"));
        }
        if id != name {
            return Err("it is another computer's".to_owned());
        }
        let pairing: PairingId = id.parse().map_err(|_| "its id is none".to_owned())?;
        let own = key(&own_key).ok_or("its own key is none")?;
        let known = Known {
            pairing,
            uid,
            own: StaticKey::from_bytes(&own),
            peer: PublicKey::from_bytes(*key(&host_key).ok_or("its host's key is none")?),
        };
        Ok(Self { known, host, user, paired })
    }
}

fn key(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

const VERSION: u32 = 1;
