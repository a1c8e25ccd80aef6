//! What a fault of the table means to a caller. Paths stay in the log: a caller may not know them.

use claviger_core::Refusal;

use super::error::{Existing, TableError};

impl From<TableError> for Refusal {
    fn from(error: TableError) -> Self {
        let refusal = match &error {
            TableError::NoSuchUser(_) => return Self::NoSuchUser,
            TableError::NoSuchKey(_) | TableError::NotTheUsersKey(_) => return Self::NoSuchKey,
            TableError::NoSuchToken(_) => return Self::NoSuchToken,
            TableError::KeyRevoked(_) => return Self::KeyRevoked,
            TableError::UnfitCertificate { misfit, .. } => {
                return Self::DataInvalid(misfit.to_string().into());
            }
            TableError::AlreadyExists(existing) => return Self::AlreadyExists(what(existing)),
            TableError::StoreFull { .. } => Self::StoreFull("no space is left".into()),
            TableError::ReadOnly { .. } => Self::StoreFull("it cannot be written".into()),
            TableError::StoreCorrupt { .. } => Self::StoreCorrupt("the user info table".into()),
            TableError::InUse { .. }
            | TableError::Unsafe { .. }
            | TableError::TooNew { .. }
            | TableError::Foreign { .. }
            | TableError::Io { .. }
            | TableError::Sqlite { .. }
            | TableError::Stopped => {
                Self::Internal("the user info table cannot be used; the log says why".into())
            }
        };
        tracing::error!("{error}");
        refusal
    }
}

fn what(existing: &Existing) -> std::borrow::Cow<'static, str> {
    match existing {
        Existing::User(uid) => format!("a row of uid {uid}").into(),
        Existing::UserName(name) => format!("a row of user {name:?} (of another uid)").into(),
        Existing::Registration(_) => "an account".into(),
        Existing::Key(_) => "the key".into(),
        Existing::Label(label) => format!("a key with the label {label:?}").into(),
        // Nothing of whose it is.
        Existing::Token(token) => format!("an enrolment of {:?}", token.as_str()).into(),
        Existing::LocalStore(_) => "a local store".into(),
    }
}
