use std::fmt;
use std::str::FromStr;

/// A one-time authentication on its way from `auth` to `session`: whose, and its id.
///
/// It travels as a variable of the PAM environment: sshd authenticates in a child process, of which the environment comes back
/// and nothing else does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) uid: u32,
    pub(crate) authentication: String,
}

/// The text is no proof.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoProof;

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.uid, self.authentication)
    }
}

impl FromStr for Proof {
    type Err = NoProof;

    fn from_str(text: &str) -> Result<Self, NoProof> {
        let (uid, authentication) = text.split_once(':').ok_or(NoProof)?;
        let uid = uid.parse().map_err(|_| NoProof)?;
        let plain = !authentication.is_empty()
            && authentication.len() <= MOST
            && authentication.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| Self { uid, authentication: authentication.to_owned() }).ok_or(NoProof)
    }
}

/// The variable of the PAM environment. It is taken out when the session opens, and never reaches the user's programs.
pub(crate) const VARIABLE: &str = "CLAVIGER_AUTHENTICATION";

/// An id has 32 letters; this leaves room.
const MOST: usize = 128;

#[cfg(test)]
mod tests {
    use super::{NoProof, Proof};

    #[test]
    fn a_proof_is_read_back() {
        let proof = Proof { uid: 1000, authentication: "0123abcd:e".to_owned() };
        assert_eq!(proof.to_string(), "1000:0123abcd:e");
        assert_eq!(proof.to_string().parse(), Ok(proof));
    }

    #[test]
    fn what_somebody_else_put_there_is_none() {
        let long = format!("1000:{}", "a".repeat(129));
        for text in ["", "1000", "1000:", ":abc", "-1:abc", "4294967296:abc", "1000:a b", "1000:a\n", &long] {
            assert_eq!(text.parse::<Proof>(), Err(NoProof), "{text:?}");
        }
    }
}
