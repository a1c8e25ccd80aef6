//! What the person is asked.

use claviger_token::{Algorithm, Errand, Hash, Mechanism};

use crate::text::clean;

/// What a host wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A signature.
    Sign,
    /// A decryption.
    Decrypt,
    /// A secret agreed with a peer.
    Derive,
    /// An encapsulated secret opened.
    Decapsulate,
    /// A new key.
    Generate,
    /// A key made elsewhere that comes to stand here.
    Import,
    /// A key erased.
    Delete,
    /// The certificates of a key replaced.
    Certify,
    /// The keys made usable for a host.
    Unlock,
    /// A host made known.
    Pair,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::Sign,
        Self::Decrypt,
        Self::Derive,
        Self::Decapsulate,
        Self::Generate,
        Self::Import,
        Self::Delete,
        Self::Certify,
        Self::Unlock,
        Self::Pair,
    ];

    /// Returns the name that policies and the audit list have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
            Self::Derive => "derive",
            Self::Decapsulate => "decapsulate",
            Self::Generate => "generate",
            Self::Import => "import",
            Self::Delete => "delete",
            Self::Certify => "certify",
            Self::Unlock => "unlock",
            Self::Pair => "pair",
        }
    }

    /// Returns the operation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// Returns what happens, as the beginning of a question.
    const fn phrase(self) -> &'static str {
        match self {
            Self::Sign => "Sign",
            Self::Decrypt => "Decrypt",
            Self::Derive => "Agree on a secret",
            Self::Decapsulate => "Open a secret",
            Self::Generate => "Make a new key",
            Self::Import => "Take a key over",
            Self::Delete => "ERASE a key",
            Self::Certify => "Replace the certificates of a key",
            Self::Unlock => "Make the keys usable",
            Self::Pair => "Pair with this computer",
        }
    }

    /// Returns true where a yes may hold for some minutes: the everyday uses of one key. Keys do not come or go by an
    /// answer that was given to something else.
    pub const fn may_be_allowed_for_a_while(self) -> bool {
        match self {
            Self::Sign | Self::Decrypt | Self::Derive | Self::Decapsulate => true,
            Self::Generate | Self::Import | Self::Delete | Self::Certify | Self::Unlock | Self::Pair => false,
        }
    }
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// Its name in the module.
    pub reference: String,
    /// What people call it.
    pub label: String,
    /// What kind it is.
    pub algorithm: Algorithm,
}

/// One question. Whatever another chose is cleaned when it is made: it can be shown as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The pairing by which the host is known, 32 hexadecimal digits.
    pub pairing: String,
    /// The host's name.
    pub host: String,
    /// For whom, as the host says.
    pub errand: Errand,
    /// What.
    pub operation: Operation,
    /// With which key.
    pub key: Option<ShownKey>,
    /// How.
    pub mechanism: Option<Mechanism>,
    /// SHA-256 of the data, or the digest itself where the mechanism takes one; hexadecimal.
    pub digest: Option<String>,
    /// Whether the digest is what the host gave.
    pub digest_is_given: bool,
    /// Six digits that the host shows too.
    pub code: Option<String>,
    /// For whom the host was paired, as the person agreed to it then.
    pub paired_for: Option<String>,
    /// What the person should beware of.
    pub warning: Option<String>,
}

impl Question {
    /// Makes a question about that; the rest is filled in by whoever knows more.
    pub fn new(operation: Operation, pairing: &str, host: &str, errand: &Errand) -> Self {
        let Errand { user, application, purpose } = errand;
        Self {
            pairing: pairing.to_owned(),
            host: clean(host, ROOM),
            errand: Errand {
                user: clean(user, ROOM),
                application: clean(application, ROOM),
                purpose: clean(purpose, Errand::TEXT_LIMIT),
            },
            operation,
            key: None,
            mechanism: None,
            digest: None,
            digest_is_given: false,
            code: None,
            paired_for: None,
            warning: None,
        }
    }

    /// Says for whom the host was paired.
    #[must_use]
    pub fn paired_for(mut self, user: &str, uid: u32) -> Self {
        self.paired_for = Some(format!("{} ({uid})", clean(user, ROOM)));
        self
    }

    /// Says what to beware of; `text` is not another's.
    #[must_use]
    pub fn with_warning(mut self, text: &str) -> Self {
        self.warning = Some(match self.warning.take() {
            Some(before) => format!("{before}; {text}"),
            None => text.to_owned(),
        });
        self
    }

    /// Returns true for the signature by which somebody logs in at the host.
    pub fn is_of_a_login(&self) -> bool {
        self.operation == Operation::Sign && self.errand.purpose == LOGIN
    }

    /// Makes it the question whether the host may use the keys.
    #[must_use]
    pub fn into_unlock(self) -> Self {
        let (key, mechanism, digest) = (None, None, None);
        Self { operation: Operation::Unlock, key, mechanism, digest, digest_is_given: false, ..self }
    }

    /// Says with which key.
    #[must_use]
    pub fn with_key(mut self, reference: &str, label: &str, algorithm: Algorithm) -> Self {
        self.key = Some(ShownKey { reference: reference.to_owned(), label: clean(label, ROOM), algorithm });
        self
    }

    /// Says with which mechanism, on which data.
    #[must_use]
    pub fn with_data(mut self, mechanism: Mechanism, data: &[u8]) -> Self {
        self.mechanism = Some(mechanism);
        let given = match mechanism {
            // These take a digest from their caller: it is what other programs show of the document.
            Mechanism::Ecdsa | Mechanism::RsaPkcsPss if data.len() <= 64 => Some(data),
            Mechanism::RsaPkcs => {
                let hash = claviger_soft::check_digest_info(data);
                hash.ok().map(|hash| &data[data.len() - hash.size()..])
            }
            _ => None,
        };
        self.digest_is_given = given.is_some();
        self.digest = Some(given.map_or_else(|| hex(&claviger_soft::digest(Hash::Sha256, data)), hex));
        self
    }

    /// Returns the question in a few words.
    pub fn title(&self) -> String {
        let what = self.operation.phrase();
        match &self.key {
            Some(key) => format!("{what}: \"{}\"", key.label),
            None => what.to_owned(),
        }
    }

    /// Returns everything else that the person should know, line by line: what it is, and what was found out.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let Self { host, errand, key, mechanism, digest, digest_is_given, code, paired_for, warning, .. } =
            self;
        // The host is known by its key; who asks there, and what for, is only what it says.
        let mut lines = vec![("Computer", host.clone())];
        let mut add = |name, text: &str| {
            if !text.is_empty() {
                lines.push((name, text.to_owned()));
            }
        };
        if let Some(paired_for) = paired_for {
            add("Paired for", paired_for);
        }
        if let Some(warning) = warning {
            add("Beware", warning);
        }
        add("User, it says", &errand.user);
        add("Program, it says", &errand.application);
        add("For, it says", &errand.purpose);
        if let Some(key) = key {
            add("Key", &format!("\"{}\" ({})", key.label, key.algorithm));
        }
        if let Some(mechanism) = mechanism {
            add("Mechanism", mechanism.name());
        }
        if let Some(digest) = digest {
            add(if *digest_is_given { "Digest" } else { "SHA-256 of it" }, digest);
        }
        if let Some(code) = code {
            add("Code", code);
        }
        lines
    }
}

/// Returns the bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The purpose of a login (docs/phone-protocol.md).
const LOGIN: &str = "login";

/// How many letters of a text that another chose are shown.
const ROOM: usize = 80;

#[cfg(test)]
mod tests {
    use super::{Operation, Question};
    use claviger_token::{Algorithm, Errand, Hash, Mechanism};

    #[test]
    fn every_operation_is_read_back_from_its_name() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
        }
        assert_eq!(Operation::from_name("fly"), None);
    }

    #[test]
    fn nothing_from_outside_reaches_the_screen_as_it_came() {
        let errand = Errand {
            user: "ali\u{202e}ce".to_owned(),
            application: "mail\n\u{1b}[2J".to_owned(),
            purpose: "x".repeat(1000),
        };
        let question = Question::new(Operation::Sign, "00", "lap\u{0}top", &errand)
            .with_key("k", "<b>key</b>", Algorithm::P256)
            .with_data(Mechanism::EcdsaSha256, b"abc");
        let shown: String = question.lines().iter().map(|(name, text)| format!("{name}: {text}\n")).collect();
        assert!(
            shown.starts_with("Computer: laptop\nUser, it says: alice\nProgram, it says: mail [2J\n"),
            "{shown}"
        );
        assert!(shown.contains("Key: \"(b)key(/b)\" (P-256)\nMechanism: ECDSA_SHA256\n"), "{shown}");
        // FIPS 180-4's example "abc".
        assert!(
            shown.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            "{shown}"
        );
        assert!(
            shown.len() < 700 && !shown.contains(|letter: char| letter.is_control() && letter != '\n'),
            "{shown}"
        );
    }

    #[test]
    fn a_digest_is_shown_as_it_is() {
        let question = Question::new(Operation::Sign, "00", "laptop", &Errand::default());
        let digest = question.clone().with_data(Mechanism::Ecdsa, &[0xab; 32]).digest;
        assert_eq!(digest, Some("ab".repeat(32)));
        let names =
            |question: Question| question.lines().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert!(names(question.clone().with_data(Mechanism::Ecdsa, &[0xab; 32])).contains(&"Digest"));
        assert!(names(question.clone().with_data(Mechanism::EcdsaSha256, b"abc")).contains(&"SHA-256 of it"));
        let info = claviger_soft::digest_info(Hash::Sha384, &[0xcd; 48]);
        let digest = question.with_data(Mechanism::RsaPkcs, &info).digest;
        assert_eq!(digest, Some("cd".repeat(48)));
    }
}
