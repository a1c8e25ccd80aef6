use crate::message::{Command, Reply};

/// The table of commands: what each is called, and what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Info,
    Find,
    Attributes,
    Generate,
    Import,
    Sign,
    Verify,
    Encrypt,
    Decrypt,
    Derive,
    Decapsulate,
    Random,
    Digest,
    Certificates,
    Certify,
    Delete,
    Login,
    Logout,
    Ping,
    Unpair,
}

impl Verb {
    pub(crate) const ALL: [Self; 20] = [
        Self::Info,
        Self::Find,
        Self::Attributes,
        Self::Generate,
        Self::Import,
        Self::Sign,
        Self::Verify,
        Self::Encrypt,
        Self::Decrypt,
        Self::Derive,
        Self::Decapsulate,
        Self::Random,
        Self::Digest,
        Self::Certificates,
        Self::Certify,
        Self::Delete,
        Self::Login,
        Self::Logout,
        Self::Ping,
        Self::Unpair,
    ];

    /// Returns the name. `+CKCERT` reads with a key alone and writes with more behind it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Info => "+CKINFO",
            Self::Find => "+CKFIND",
            Self::Attributes => "+CKATTR",
            Self::Generate => "+CKGEN",
            Self::Import => "+CKIMP",
            Self::Sign => "+CKSIGN",
            Self::Verify => "+CKVFY",
            Self::Encrypt => "+CKENC",
            Self::Decrypt => "+CKDEC",
            Self::Derive => "+CKDER",
            Self::Decapsulate => "+CKDCP",
            Self::Random => "+CKRND",
            Self::Digest => "+CKDIG",
            Self::Certificates | Self::Certify => "+CKCERT",
            Self::Delete => "+CKDEL",
            Self::Login => "+CKLOGIN",
            Self::Logout => "+CKLOGOUT",
            Self::Ping => "+CKPING",
            Self::Unpair => "+CKUNPAIR",
        }
    }

    /// Returns the first command of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// Returns the one that `command` is.
    pub(crate) const fn of(command: &Command) -> Self {
        match command {
            Command::Info => Self::Info,
            Command::Find => Self::Find,
            Command::Attributes { .. } => Self::Attributes,
            Command::Generate { .. } => Self::Generate,
            Command::Import { .. } => Self::Import,
            Command::Sign { .. } => Self::Sign,
            Command::Verify { .. } => Self::Verify,
            Command::Encrypt { .. } => Self::Encrypt,
            Command::Decrypt { .. } => Self::Decrypt,
            Command::Derive { .. } => Self::Derive,
            Command::Decapsulate { .. } => Self::Decapsulate,
            Command::Random { .. } => Self::Random,
            Command::Digest { .. } => Self::Digest,
            Command::Certificates { .. } => Self::Certificates,
            Command::Certify { .. } => Self::Certify,
            Command::Delete { .. } => Self::Delete,
            Command::Login { .. } => Self::Login,
            Command::Logout => Self::Logout,
            Command::Ping => Self::Ping,
            Command::Unpair => Self::Unpair,
        }
    }

    /// Returns whether that is what it gives.
    pub(crate) const fn gives(self, reply: &Reply) -> bool {
        match self {
            Self::Info => matches!(reply, Reply::Info(_)),
            Self::Find => matches!(reply, Reply::Keys(_)),
            Self::Attributes | Self::Generate | Self::Import => matches!(reply, Reply::Key(_)),
            Self::Sign => matches!(reply, Reply::Signature(_)),
            Self::Encrypt => matches!(reply, Reply::Ciphertext(_)),
            Self::Decrypt => matches!(reply, Reply::Plaintext(_)),
            Self::Derive | Self::Decapsulate => matches!(reply, Reply::SharedSecret(_)),
            Self::Random => matches!(reply, Reply::Random(_)),
            Self::Digest => matches!(reply, Reply::Digest(_)),
            Self::Certificates => matches!(reply, Reply::Certificates(_)),
            Self::Verify
            | Self::Certify
            | Self::Delete
            | Self::Login
            | Self::Logout
            | Self::Ping
            | Self::Unpair => matches!(reply, Reply::Done),
        }
    }
}
