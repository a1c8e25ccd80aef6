use claviger_token::{Algorithm, KeyId, Usage};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

/// One key as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDocument {
    /// Its id, which its record is bound to.
    pub id: KeyId,
    /// What people call it.
    pub label: String,
    /// What kind it is.
    pub algorithm: Algorithm,
    /// What it can be used for.
    pub usage: Usage,
    /// When it was made, seconds since 1970; its record is bound to it.
    pub created: i64,
    /// The computer that asked for it.
    pub made_by: String,
    /// The public half, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The private half, sealed.
    pub record: Vec<u8>,
    /// Its certificates, DER, its own first.
    pub certificates: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Text {
    version: u32,
    id: String,
    label: String,
    algorithm: String,
    usage: Vec<String>,
    created: i64,
    made_by: String,
    public_key: String,
    record: String,
    certificates: Vec<String>,
}

impl KeyDocument {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { id, label, algorithm, usage, created, made_by, public_key, record, certificates } = self;
        let text = Text {
            version: VERSION,
            id: id.to_string(),
            label: label.clone(),
            algorithm: algorithm.name().to_owned(),
            usage: usage.names().map(str::to_owned).collect(),
            created: *created,
            made_by: made_by.clone(),
            public_key: BASE64.encode(public_key),
            record: BASE64.encode(record),
            certificates: certificates.iter().map(|der| BASE64.encode(der)).collect(),
        };
        // Texts and numbers only: there is always a JSON of them.
        serde_json::to_vec_pretty(&text).unwrap_or_default()
    }

    pub(super) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let text: Text = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Text { version, id, label, algorithm, usage, created, made_by, public_key, record, certificates } =
            text;
        if version != VERSION {
            return Err(format!("its version is {version}, which is not known here"));
        }
        if id != name {
            return Err("it is another key's".to_owned());
        }
        let base64 = |text: &String| BASE64.decode(text.as_bytes()).map_err(|error| error.to_string());
        Ok(Self {
            id: id.parse().map_err(|_| "its id is none".to_owned())?,
            label,
            algorithm: Algorithm::from_name(&algorithm)
                .ok_or_else(|| format!("its algorithm {algorithm} is not known here"))?,
            usage: Usage::from_names(usage.iter().map(String::as_str))
                .map_err(|name| format!("its usage {name} is not known here"))?,
            created,
            made_by,
            public_key: base64(&public_key)?,
            record: base64(&record)?,
            certificates: certificates.iter().map(base64).collect::<Result<_, _>>()?,
        })
    }
}

const VERSION: u32 = 1;
