use zeroize::Zeroizing;

use super::constraint::Constraints;
use super::{Identity, Malformed, PrivateKey, PublicKey, Reader};

/// What a client asks (draft-ietf-sshm-ssh-agent, section 3), where it stands in its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `SSH_AGENTC_REQUEST_IDENTITIES`
    List,
    /// `SSH_AGENTC_SIGN_REQUEST`
    Sign {
        /// The blob as the client named it.
        blob: &'a [u8],
        /// What it is.
        identity: Identity,
        /// What to sign.
        data: &'a [u8],
        /// How.
        flags: u32,
    },
    /// `SSH_AGENTC_ADD_IDENTITY`, `SSH_AGENTC_ADD_ID_CONSTRAINED`
    Add {
        /// The key.
        key: PrivateKey<'a>,
        /// What `ssh-add` calls it.
        comment: String,
        /// What it may be used for.
        constraints: Constraints,
    },
    /// `SSH_AGENTC_REMOVE_IDENTITY`
    Remove {
        /// The blob as the client named it.
        blob: &'a [u8],
        /// What it is.
        identity: Identity,
    },
    /// `SSH_AGENTC_REMOVE_ALL_IDENTITIES`
    RemoveAll,
    /// `SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES` of the first version of ssh: there are none.
    RemoveAllOfVersion1,
    /// `SSH_AGENTC_ADD_SMARTCARD_KEY`, its constrained form, and the removal.
    Smartcard,
    /// `SSH_AGENTC_LOCK`
    Lock(Passphrase),
    /// `SSH_AGENTC_UNLOCK`
    Unlock(Passphrase),
    /// `SSH_AGENTC_EXTENSION` `query`
    Query,
    /// `SSH_AGENTC_EXTENSION` `session-bind@openssh.com`
    Bind(Box<SessionBind<'a>>),
    /// Another extension.
    Extension(&'a str),
    /// A message of another number.
    Unknown(u8),
}

/// What `ssh-add -x` was told; wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(pub Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Passphrase(…)")
    }
}

/// Ties a connection to the ssh session that it is used in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionBind<'a> {
    /// The host's key, or its certificate.
    pub host: Identity,
    /// The session.
    pub session: &'a [u8],
    /// The host's signature of it.
    pub signature: &'a [u8],
    /// True where the connection is a forwarded one.
    pub is_forwarded: bool,
}

impl<'a> Request<'a> {
    /// Reads a message.
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let request = match reader.byte()? {
            11 => Self::List,
            13 => {
                let blob = reader.bytes()?;
                let (data, flags) = (reader.bytes()?, reader.u32()?);
                Self::Sign { blob, identity: Identity::parse(blob)?, data, flags }
            }
            17 => {
                let (key, comment) = read_key(&mut reader)?;
                Self::Add { key, comment, constraints: Constraints::default() }
            }
            25 => {
                let (key, comment) = read_key(&mut reader)?;
                return Ok(Self::Add { key, comment, constraints: Constraints::read(reader)? });
            }
            18 => {
                let blob = reader.bytes()?;
                Self::Remove { blob, identity: Identity::parse(blob)? }
            }
            19 => Self::RemoveAll,
            9 => Self::RemoveAllOfVersion1,
            20 | 21 | 26 => return Ok(Self::Smartcard),
            22 => Self::Lock(passphrase(&mut reader)?),
            23 => Self::Unlock(passphrase(&mut reader)?),
            27 => return Self::read_extension(reader),
            number => return Ok(Self::Unknown(number)),
        };
        reader.end()?;
        Ok(request)
    }

    fn read_extension(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        match reader.text()? {
            "query" => reader.end().map(|()| Self::Query),
            SESSION_BIND => {
                let host = Identity::parse(reader.bytes()?)?;
                let (session, signature) = (reader.bytes()?, reader.bytes()?);
                let is_forwarded = reader.boolean()?;
                reader.end()?;
                Ok(Self::Bind(Box::new(SessionBind { host, session, signature, is_forwarded })))
            }
            name => Ok(Self::Extension(name)),
        }
    }
}

fn read_key<'a>(reader: &mut Reader<'a>) -> Result<(PrivateKey<'a>, String), Malformed> {
    let key = PrivateKey::read(reader)?;
    let comment = String::from_utf8_lossy(reader.bytes()?).into_owned();
    Ok((key, comment))
}

fn passphrase(reader: &mut Reader<'_>) -> Result<Passphrase, Malformed> {
    Ok(Passphrase(Zeroizing::new(reader.bytes()?.to_vec())))
}

/// What a client is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `SSH_AGENT_FAILURE`: no, whyever; the log says why.
    Failure,
    /// `SSH_AGENT_SUCCESS`
    Success,
    /// `SSH_AGENT_IDENTITIES_ANSWER`: blobs and comments.
    Identities(Vec<(Vec<u8>, String)>),
    /// `SSH_AGENT_SIGN_RESPONSE`
    Signature(Vec<u8>),
    /// `SSH_AGENT_EXTENSION_RESPONSE` of `query`: the names of the extensions.
    Extensions(&'static [&'static str]),
}

impl Answer {
    /// Returns the message.
    pub fn to_message(&self) -> Vec<u8> {
        use super::Writer;
        match self {
            Self::Failure => vec![5],
            Self::Success => vec![6],
            Self::Identities(identities) => {
                let count = u32::try_from(identities.len()).unwrap_or(u32::MAX);
                let head = Writer::new().byte(12).u32(count);
                let all = identities.iter();
                all.fold(head, |writer, (blob, comment)| writer.bytes(blob).bytes(comment.as_bytes())).done()
            }
            Self::Signature(blob) => Writer::new().byte(14).bytes(blob).done(),
            Self::Extensions(names) => {
                let head = Writer::new().byte(29).bytes(b"query");
                names.iter().fold(head, |writer, name| writer.bytes(name.as_bytes())).done()
            }
        }
    }
}

/// Returns the public key of whatever a blob is.
pub fn key_of(blob: &[u8]) -> Result<PublicKey, Malformed> {
    Identity::parse(blob).map(|identity| identity.key().clone())
}

/// The name of the extension that ties a connection to a session.
pub const SESSION_BIND: &str = "session-bind@openssh.com";
