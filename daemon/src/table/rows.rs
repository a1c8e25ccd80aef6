//! A row of the database to a row type. What is read is validated: the file may be damaged, or an
//! administrator's hand may have been in it.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use claviger_core::{
    Action, Binding as SessionBinding, Confirm, Defaults, EnrolledToken, Guesses, How, Key, KeyState, Place,
    Placement, PlacementState, Registration, SessionId, User,
};
use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, Secret, TokenId, TokenKind, Usage};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};

use super::archive::{Archived, Ending};
use super::der;
use super::error::Damage;
use super::phones::{LINK_END, Phone};
use super::users::{Origin, UserSummary};

/// Returns the row of `USER` and `USER_BY_NAME`.
pub(super) fn user(row: &Row<'_>) -> Result<User, Damage> {
    let row = Reader::new("user", row);
    Ok(User {
        uid: row.get("uid")?,
        name: row.get("name")?,
        location: row.named("location", TokenKind::from_name)?,
        registration: row.named("state", Registration::from_name)?,
        defaults: defaults(&row)?,
        guesses: guesses(&row)?,
        login_guesses: Guesses {
            failed: row.get("login_guesses_failed")?,
            last: row.get("login_guesses_last")?,
        },
        removal: row.maybe_named("removal", Action::from_name)?,
        created: row.get("created")?,
        slots: row.maybe_bytes("slots")?,
    })
}

/// Returns the row of `USERS_FROM`.
pub(super) fn summary(row: &Row<'_>) -> Result<UserSummary, Damage> {
    let row = Reader::new("user", row);
    Ok(UserSummary {
        uid: row.get("uid")?,
        name: row.get("name")?,
        location: row.named("location", TokenKind::from_name)?,
        registration: row.named("state", Registration::from_name)?,
        defaults: defaults(&row)?,
        guesses: guesses(&row)?,
        created: row.get("created")?,
        origin: row.named("origin", Origin::from_name)?,
        keys: row.get("keys")?,
    })
}

/// Returns the row of `KEYS_OF_USER`, as yet without placements.
pub(super) fn key(row: &Row<'_>) -> Result<Key, Damage> {
    let row = Reader::new("key", row);
    let info = info("id", &row)?;
    Ok(Key {
        binding: Arc::new(Binding {
            uid: row.get("uid")?,
            user_name: row.get("user_name")?,
            key: info.id,
            created: row.get("created")?,
        }),
        info: Arc::new(info),
        label: row.get("label")?,
        state: row.named("state", KeyState::from_name)?,
        last_used: row.get("last_used")?,
        certificates: row.documents("certificates")?,
        attestation: row.documents("attestation")?,
        confirm: row.named("confirm", Confirm::from_name)?,
        placements: Vec::new(),
    })
}

/// Returns the row of `PLACEMENTS_OF_USER`, and whose it is.
pub(super) fn placement(row: &Row<'_>) -> Result<(KeyId, Placement), Damage> {
    let row = Reader::new("placement", row);
    let placement = Placement {
        token: TokenId::new(row.get::<String>("token")?),
        kind: row.named("kind", TokenKind::from_name)?,
        reference: row.get::<String>("reference")?.into(),
        state: row.named("state", PlacementState::from_name)?,
        record: row.maybe_bytes("record")?,
    };
    Ok((row.parsed("key")?, placement))
}

/// Returns the row of `TOKENS_OF_USER`.
pub(super) fn token(row: &Row<'_>) -> Result<EnrolledToken, Damage> {
    let row = Reader::new("token", row);
    Ok(EnrolledToken {
        id: TokenId::new(row.get::<String>("id")?),
        kind: row.named("kind", TokenKind::from_name)?,
        name: row.get("name")?,
        created: row.get("created")?,
    })
}

/// Returns the row of `PHONES`.
pub(super) fn phone(row: &Row<'_>) -> Result<Phone, Damage> {
    let row = Reader::new("phone", row);
    let links: String = row.get("links")?;
    Ok(Phone {
        uid: row.get("uid")?,
        token: EnrolledToken {
            id: TokenId::new(row.get::<String>("token")?),
            kind: row.named("kind", TokenKind::from_name)?,
            name: row.get("name")?,
            created: row.get("created")?,
        },
        model: row.get("model")?,
        host_key: Secret::take(&mut row.key::<{ Phone::KEY_SIZE }>("host_key")?),
        phone_key: row.key("phone_key")?,
        links: links.split_terminator(LINK_END).map(str::to_owned).collect(),
        info: row.get("info")?,
    })
}

/// Returns the row of `PHONE_WAYS`.
pub(super) fn phone_ways(row: &Row<'_>) -> Result<(String, Vec<String>), Damage> {
    let row = Reader::new("phone", row);
    let links: String = row.get("links")?;
    Ok((row.get("model")?, links.split_terminator(LINK_END).map(str::to_owned).collect()))
}

/// Returns the row of `BINDINGS`.
pub(super) fn binding(row: &Row<'_>) -> Result<SessionBinding, Damage> {
    let row = Reader::new("binding", row);
    Ok(SessionBinding {
        session: SessionId::new(row.get::<String>("session")?),
        started: row.get::<i64>("started")?.cast_unsigned(),
        boot: row.get("boot")?,
        uid: row.get("uid")?,
        token: TokenId::new(row.get::<String>("token")?),
        how: row.named("how", How::from_name)?,
        place: Place { seat: row.get("seat")?, tty: row.get("tty")?, remote_host: row.get("remote_host")? },
        bound: row.get("bound")?,
    })
}

/// Returns the row of `ARCHIVED_OF_USER`.
pub(super) fn archived(row: &Row<'_>) -> Result<Archived, Damage> {
    let row = Reader::new("archive", row);
    Ok(Archived {
        info: info("key", &row)?,
        uid: row.get("uid")?,
        user_name: row.get("user_name")?,
        label: row.get("label")?,
        created: row.get("created")?,
        ended: row.get("ended")?,
        ending: row.named("ending", Ending::from_name)?,
    })
}

/// Returns the state in the first column, of the user or key that the message names.
pub(super) fn state<T>(
    table: &'static str,
    name: impl Display,
    row: &Row<'_>,
    from_name: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Damage> {
    Reader { row, table, name: name.to_string() }.named("state", from_name)
}

/// Returns the text that `usage` is stored as: `sign,derive`.
pub(super) fn usage_text(usage: Usage) -> String {
    usage.names().collect::<Vec<_>>().join(",")
}

fn usage_from_text(text: &str) -> Option<Usage> {
    Usage::from_names(text.split(',').filter(|name| !name.is_empty())).ok()
}

fn info(id: &'static str, row: &Reader<'_>) -> Result<KeyInfo, Damage> {
    Ok(KeyInfo {
        id: row.parsed(id)?,
        algorithm: row.named("algorithm", Algorithm::from_name)?,
        usage: row.named("usage", usage_from_text)?,
        public_key: row.get::<Vec<u8>>("public_key")?.into(),
    })
}

fn defaults(row: &Reader<'_>) -> Result<Defaults, Damage> {
    Ok(Defaults {
        sign: row.maybe_parsed("default_sign")?,
        decrypt: row.maybe_parsed("default_decrypt")?,
        derive: row.maybe_parsed("default_derive")?,
        authenticate: row.maybe_parsed("default_authenticate")?,
    })
}

fn guesses(row: &Reader<'_>) -> Result<Guesses, Damage> {
    Ok(Guesses { failed: row.get("guesses_failed")?, last: row.get("guesses_last")? })
}

/// A row under reading, which knows its name for the message.
struct Reader<'a> {
    row: &'a Row<'a>,
    table: &'static str,
    name: String,
}

impl<'a> Reader<'a> {
    /// Reads a row of `table` that is named by its first column.
    fn new(table: &'static str, row: &'a Row<'a>) -> Self {
        let name = match row.get_ref(0) {
            Ok(ValueRef::Integer(number)) => number.to_string(),
            Ok(ValueRef::Text(text)) => shorten(&String::from_utf8_lossy(text)),
            _ => "?".to_owned(),
        };
        Self { row, table, name }
    }

    /// Returns the column as it is stored.
    fn get<T: FromSql>(&self, column: &'static str) -> Result<T, Damage> {
        self.row.get(column).map_err(|error| self.damage(format!("{column}: {error}")))
    }

    fn maybe_bytes(&self, column: &'static str) -> Result<Option<Arc<[u8]>>, Damage> {
        Ok(self.get::<Option<Vec<u8>>>(column)?.map(Arc::from))
    }

    /// Returns a column that has exactly so many bytes.
    fn key<const SIZE: usize>(&self, column: &'static str) -> Result<[u8; SIZE], Damage> {
        let bytes = Secret::new(self.get(column)?);
        bytes.expose().try_into().map_err(|_| self.damage(format!("{column} has not {SIZE} bytes")))
    }

    /// Returns the DER documents in the column.
    fn documents(&self, column: &'static str) -> Result<Vec<Vec<u8>>, Damage> {
        let bytes: Option<Vec<u8>> = self.get(column)?;
        let documents = bytes.map_or(Ok(Vec::new()), |bytes| der::split(&bytes));
        documents.map_err(|misfit| self.damage(format!("{column}: {misfit}")))
    }

    /// Returns the column as one of the values that have a name.
    fn named<T>(&self, column: &'static str, from_name: impl FnOnce(&str) -> Option<T>) -> Result<T, Damage> {
        let name: String = self.get(column)?;
        from_name(&name).ok_or_else(|| self.unknown(column, &name))
    }

    fn maybe_named<T>(
        &self,
        column: &'static str,
        from_name: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Damage> {
        let name: Option<String> = self.get(column)?;
        name.map(|name| from_name(&name).ok_or_else(|| self.unknown(column, &name))).transpose()
    }

    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, Damage> {
        self.named(column, |text| text.parse().ok())
    }

    fn maybe_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, Damage> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| self.unknown(column, &text))).transpose()
    }

    fn unknown(&self, column: &str, text: &str) -> Damage {
        self.damage(format!("{column}: there is no `{}`", shorten(text)))
    }

    fn damage(&self, problem: String) -> Damage {
        Damage::Row { table: self.table, row: self.name.clone(), problem }
    }
}

/// Returns the start of a text of which nobody knows what it is: it goes to a log.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().to_string()
}
