use std::fmt;
use std::path::{Path, PathBuf};

use claviger_phone_protocol::PairingId;
use serde::Deserialize;

use super::{Approver, Asking, Unlocking, Verdict};
use crate::question::{Operation, Question};

/// Rules that answer instead of a person: the first that fits counts, and what none fits is refused.
///
/// ```toml
/// [[rule]]
/// host = "laptop"          # its name or its pairing; each of these left out means: whichever
/// user = "alice"
/// application = "mail"
/// key = "signing"          # its label, or its name in the module
/// purpose = "sign"         # as the host says, without what the program says behind it
/// operation = "sign"       # sign decrypt derive decapsulate generate import delete certify unlock pair
/// answer = "approve"       # approve, refuse, or ignore: as if nobody looked at the screen
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    host: Option<String>,
    user: Option<String>,
    application: Option<String>,
    key: Option<String>,
    purpose: Option<String>,
    #[serde(default, deserialize_with = "operation")]
    operation: Option<Operation>,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Approve,
    Refuse,
    Ignore,
}

/// Why there is no such policy.
#[derive(Debug)]
pub enum PolicyError {
    /// The file cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// It is no policy: where and why.
    Invalid(PathBuf, String),
}

impl Policy {
    /// Reads the rules of that file.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| PolicyError::Unreadable(path.to_owned(), error))?;
        Self::parse(&text).map_err(|why| PolicyError::Invalid(path.to_owned(), why))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self { rules: document.rule })
    }

    fn answer(&self, question: &Question) -> Answer {
        let fitting = self.rules.iter().find(|rule| rule.fits(question));
        fitting.map_or(Answer::Refuse, |rule| rule.answer)
    }
}

impl Rule {
    fn fits(&self, question: &Question) -> bool {
        let Self { host, user, application, key, purpose, operation, answer: _ } = self;
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        let is_key = |wanted: &String| {
            question.key.as_ref().is_some_and(|key| key.label == *wanted || key.reference == *wanted)
        };
        host.as_ref().is_none_or(|wanted| is_host(wanted, question))
            && is(user, &question.errand.user)
            && is(application, &question.errand.application)
            && is(purpose, word(&question.errand.purpose))
            && key.as_ref().is_none_or(is_key)
            && operation.is_none_or(|operation| operation == question.operation)
    }
}

/// Returns the word that a purpose begins with; what the program says of it stands behind a semicolon, and no rule goes by that.
fn word(purpose: &str) -> &str {
    purpose.split_once(';').map_or(purpose, |(word, _)| word)
}

/// Returns whether a rule's computer asks. A name that looks like a pairing is nobody's: a computer chooses its name itself, and
/// could choose another one's pairing.
fn is_host(wanted: &str, question: &Question) -> bool {
    match wanted.parse::<PairingId>() {
        Ok(pairing) => pairing.to_string() == question.pairing,
        Err(_) => wanted == question.host,
    }
}

impl Approver for Policy {
    fn has_screen(&self) -> bool {
        false
    }

    fn approve<'a>(&'a self, question: &'a Question) -> Asking<'a, Verdict> {
        Box::pin(async move {
            match self.answer(question) {
                Answer::Approve => Verdict::Approved,
                Answer::Refuse => Verdict::Refused,
                Answer::Ignore => std::future::pending().await,
            }
        })
    }

    fn unlock<'a>(&'a self, question: &'a Question, _: &'a str, _: Option<&'a str>) -> Asking<'a, Unlocking> {
        Box::pin(async move {
            match self.answer(question) {
                Answer::Approve | Answer::Refuse => {
                    Unlocking::Impossible("rules know no pass phrase".to_owned())
                }
                Answer::Ignore => std::future::pending().await,
            }
        })
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(formatter, "cannot read the policy {}: {error}", path.display())
            }
            Self::Invalid(path, why) => {
                write!(formatter, "cannot follow the policy {}: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Invalid(..) => None,
        }
    }
}

fn operation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Operation>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = || serde::de::Error::custom(format!("there is no operation \"{name}\""));
    Operation::from_name(&name).map(Some).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Policy};
    use crate::question::{Operation, Question};
    use claviger_token::{Algorithm, Errand};

    fn question(host: &str, purpose: &str) -> Question {
        let errand =
            Errand { user: "alice".to_owned(), application: "mail".to_owned(), purpose: purpose.to_owned() };
        Question::new(Operation::Sign, &"0".repeat(32), host, &errand).with_key(
            "4711",
            "signing",
            Algorithm::P256,
        )
    }

    fn policy(text: &str) -> Policy {
        Policy::parse(text).expect("a policy")
    }

    #[test]
    fn what_no_rule_fits_is_refused() {
        assert_eq!(policy("").answer(&question("laptop", "sign")), Answer::Refuse);
        let other = policy("[[rule]]\nhost = 'desk'\nanswer = 'approve'");
        assert_eq!(other.answer(&question("laptop", "sign")), Answer::Refuse);
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let policy = policy(
            "[[rule]]\npurpose = 'login'\nanswer = 'refuse'\n\
             [[rule]]\nhost = 'laptop'\nuser = 'alice'\napplication = 'mail'\nkey = 'signing'\noperation = 'sign'\nanswer = 'approve'\n\
             [[rule]]\nanswer = 'ignore'",
        );
        assert_eq!(policy.answer(&question("laptop", "login")), Answer::Refuse);
        assert_eq!(policy.answer(&question("laptop", "sign")), Answer::Approve);
        assert_eq!(policy.answer(&question("desk", "sign")), Answer::Ignore);
        let mut generation = question("laptop", "sign");
        generation.operation = Operation::Generate;
        assert_eq!(policy.answer(&generation), Answer::Ignore);
    }

    #[test]
    fn a_rule_goes_by_the_purpose_and_not_by_what_the_program_says_of_it() {
        let policy = policy("[[rule]]\npurpose = 'sign'\nanswer = 'approve'\n[[rule]]\nanswer = 'ignore'");
        let answer = |purpose| policy.answer(&question("laptop", purpose));
        assert_eq!(answer("sign; the program says: log in; now"), Answer::Approve);
        assert_eq!(answer("decrypt; the program says: sign"), Answer::Ignore);
        assert_eq!(answer("signing"), Answer::Ignore);
    }

    #[test]
    fn a_key_goes_by_its_label_and_by_its_name_in_the_module() {
        for (key, expected) in
            [("signing", Answer::Approve), ("4711", Answer::Approve), ("other", Answer::Refuse)]
        {
            let policy = policy(&format!("[[rule]]\nkey = '{key}'\nanswer = 'approve'"));
            assert_eq!(policy.answer(&question("laptop", "sign")), expected, "{key}");
            let mut unnamed = question("laptop", "sign");
            unnamed.key = None;
            assert_eq!(policy.answer(&unnamed), Answer::Refuse, "no key is no such key");
        }
    }

    #[test]
    fn a_computer_goes_by_its_name_and_by_its_pairing() {
        let (own, other) = ("0".repeat(32), "1".repeat(32));
        for (host, expected) in
            [("laptop", Answer::Approve), (own.as_str(), Answer::Approve), (other.as_str(), Answer::Refuse)]
        {
            let policy = policy(&format!("[[rule]]\nhost = '{host}'\nanswer = 'approve'"));
            assert_eq!(policy.answer(&question("laptop", "sign")), expected, "{host}");
            // A computer that calls itself as another is known.
            assert_eq!(policy.answer(&question(&other, "sign")) == Answer::Approve, host == own, "{host}");
        }
    }

    #[test]
    fn what_is_no_policy_is_told() {
        for text in [
            "[[rule]]\nhost = 'laptop'",
            "[[rule]]\nanswer = 'maybe'",
            "[[rule]]\nanswer = 'approve'\noperation = 'fly'",
            "[[rule]]\nanswer = 'approve'\nhots = 'laptop'",
            "[rule]\nanswer = 'approve'",
            "answer",
        ] {
            assert!(Policy::parse(text).is_err(), "{text}");
        }
    }
}
