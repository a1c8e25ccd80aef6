//! Every statement that the table runs, in one list: a test has SQLite explain each of them and sees that none
//! goes through a whole table, for there may be a million users.

macro_rules! statements {
    ($($(#[$about:meta])* $name:ident: $text:expr;)*) => {
        $($(#[$about])* pub(super) const $name: &str = $text;)*
        /// All of them, each with its name.
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

statements! {
    // Users.
    USER: "SELECT uid, name, location, state, default_sign, default_decrypt, default_derive, default_authenticate,
        guesses_failed, guesses_last, login_guesses_failed, login_guesses_last, removal, created, slots FROM user
        WHERE uid = ?1";
    USER_BY_NAME: "SELECT uid, name, location, state, default_sign, default_decrypt, default_derive,
        default_authenticate, guesses_failed, guesses_last, login_guesses_failed, login_guesses_last, removal, created,
        slots FROM user WHERE name = ?1";
    /// Page by page; the columns are those of a summary.
    USERS_FROM: "SELECT uid, name, location, state, default_sign, default_decrypt, default_derive,
        default_authenticate, guesses_failed, guesses_last, created, origin,
        (SELECT count(*) FROM key WHERE key.uid = user.uid AND key.state <> 'revoked') AS keys
        FROM user WHERE uid >= ?1 ORDER BY uid";
    USER_STATE: "SELECT state FROM user WHERE uid = ?1";
    USER_NAMED: "SELECT uid FROM user WHERE name = ?1";
    /// `origin` stays as it is where the row is there already.
    PUT_USER: "INSERT INTO user (uid, name, location, state, default_sign, default_decrypt, default_derive,
        default_authenticate, guesses_failed, guesses_last, login_guesses_failed, login_guesses_last, removal,
        created, slots, origin)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
        ON CONFLICT (uid) DO UPDATE SET name = excluded.name, location = excluded.location,
        state = excluded.state, default_sign = excluded.default_sign, default_decrypt = excluded.default_decrypt,
        default_derive = excluded.default_derive, default_authenticate = excluded.default_authenticate,
        guesses_failed = excluded.guesses_failed, guesses_last = excluded.guesses_last,
        login_guesses_failed = excluded.login_guesses_failed, login_guesses_last = excluded.login_guesses_last,
        removal = excluded.removal, created = excluded.created, slots = excluded.slots";
    SET_REGISTRATION: "UPDATE user SET state = ?2, slots = ?3 WHERE uid = ?1";
    HAS_SLOTS: "SELECT slots IS NOT NULL FROM user WHERE uid = ?1";
    SET_SLOTS: "UPDATE user SET slots = ?2 WHERE uid = ?1";
    SET_GUESSES: "UPDATE user SET guesses_failed = ?2, guesses_last = ?3 WHERE uid = ?1";
    SET_LOGIN_GUESSES: "UPDATE user SET login_guesses_failed = ?2, login_guesses_last = ?3 WHERE uid = ?1";
    SET_REMOVAL: "UPDATE user SET removal = ?2 WHERE uid = ?1";
    SET_LOCATION: "UPDATE user SET location = ?2 WHERE uid = ?1";
    SET_DEFAULTS: "UPDATE user SET default_sign = ?2, default_decrypt = ?3, default_derive = ?4,
        default_authenticate = ?5 WHERE uid = ?1";
    FORGET_DEFAULT: "UPDATE user SET default_sign = nullif(default_sign, ?2),
        default_decrypt = nullif(default_decrypt, ?2), default_derive = nullif(default_derive, ?2),
        default_authenticate = nullif(default_authenticate, ?2) WHERE uid = ?1";
    DELETE_USER: "DELETE FROM user WHERE uid = ?1";

    // Keys.
    KEYS_OF_USER: "SELECT id, uid, user_name, label, algorithm, usage, public_key, state, created, last_used,
        certificates, attestation, confirm FROM key WHERE uid = ?1 ORDER BY number";
    PLACEMENTS_OF_USER: "SELECT placement.key, token, kind, reference, placement.state, record
        FROM key JOIN placement ON placement.key = key.id WHERE key.uid = ?1 ORDER BY placement.number";
    COUNT_KEYS: "SELECT count(*) FROM key WHERE uid = ?1";
    KEY_STATE: "SELECT state FROM key WHERE id = ?1 AND uid = ?2";
    KEY_EXISTS: "SELECT 1 FROM key WHERE id = ?1";
    LABEL_TAKEN: "SELECT 1 FROM key WHERE uid = ?1 AND label = ?2 AND label <> '' AND state = 'current'
        AND id <> ?3";
    PUT_KEY: "INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created, last_used,
        certificates, attestation, confirm) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    /// A key that stands there already comes or goes: its state and its record become these.
    PUT_PLACEMENT: "INSERT INTO placement (key, token, kind, reference, state, record)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key, token, reference) DO UPDATE SET kind = excluded.kind,
        state = excluded.state, record = excluded.record";
    SET_CERTIFICATES: "UPDATE key SET certificates = ?3 WHERE id = ?1 AND uid = ?2";
    SET_CONFIRM: "UPDATE key SET confirm = ?3 WHERE id = ?1 AND uid = ?2";
    SET_LABEL: "UPDATE key SET label = ?3 WHERE id = ?1 AND uid = ?2";
    REVOKE_KEY: "UPDATE key SET state = 'revoked' WHERE id = ?1";
    REVOKE_KEYS_OF_USER: "UPDATE key SET state = 'revoked' WHERE uid = ?1";
    /// Never back in time: the clock may have been set back, or an older batch come late.
    TOUCH: "UPDATE key SET last_used = max(?2, coalesce(last_used, ?2)) WHERE id = ?1";
    DELETE_KEY: "DELETE FROM key WHERE id = ?1";
    DELETE_KEYS_OF_USER: "DELETE FROM key WHERE uid = ?1";
    DELETE_PLACEMENTS: "DELETE FROM placement WHERE key = ?1";
    DELETE_PLACEMENTS_OF_USER: "DELETE FROM placement WHERE key IN (SELECT id FROM key WHERE uid = ?1)";
    DELETE_PLACEMENT: "DELETE FROM placement WHERE key = ?1 AND token = ?2";

    // Tokens.
    TOKENS_OF_USER: "SELECT id, kind, name, created FROM token WHERE uid = ?1 ORDER BY created, id";
    TOKEN_OWNER: "SELECT uid FROM token WHERE id = ?1";
    TOKEN_OF_KIND: "SELECT 1 FROM token WHERE id = ?1 AND uid = ?2 AND kind = ?3";
    /// Whoever enrols their own token again gives it its name anew; whose it is was checked before.
    PUT_TOKEN: "INSERT INTO token (id, uid, kind, name, created) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name";
    RENAME_TOKEN: "UPDATE token SET id = ?2, kind = ?3, name = ?4, created = ?5 WHERE id = ?1";
    DELETE_TOKEN: "DELETE FROM token WHERE id = ?1";
    DELETE_TOKENS_OF_USER: "DELETE FROM token WHERE uid = ?1";
    IS_PLACED: "SELECT 1 FROM placement WHERE key = ?1";
    KEYS_ONLY_ON_TOKEN: "SELECT id FROM key WHERE uid = ?1
        AND EXISTS (SELECT 1 FROM placement WHERE placement.key = key.id AND token = ?2)
        AND NOT EXISTS (SELECT 1 FROM placement WHERE placement.key = key.id AND token <> ?2) ORDER BY number";
    /// By the user's keys, which have an index, and not by the token, which has none among the placements.
    DELETE_PLACEMENTS_ON_TOKEN: "DELETE FROM placement WHERE token = ?2
        AND key IN (SELECT id FROM key WHERE uid = ?1)";
    MOVE_PLACEMENTS: "UPDATE placement SET token = ?3, kind = ?4 WHERE token = ?2
        AND key IN (SELECT id FROM key WHERE uid = ?1)";

    // Phones.
    /// All of them: there are no more than people have paired.
    PHONES: "SELECT phone.token, uid, kind, name, created, model, host_key, phone_key, links, info
        FROM phone JOIN token ON token.id = phone.token ORDER BY created, phone.token";
    PUT_PHONE: "INSERT INTO phone (token, model, host_key, phone_key, links, info) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (token) DO UPDATE SET model = excluded.model, host_key = excluded.host_key,
        phone_key = excluded.phone_key, links = excluded.links, info = excluded.info";
    PHONE_WAYS: "SELECT model, links FROM phone WHERE token = ?1";
    SET_PHONE_INFO: "UPDATE phone SET info = ?2 WHERE token = ?1";
    DELETE_PHONE: "DELETE FROM phone WHERE token = ?1";
    DELETE_PHONES_OF_USER: "DELETE FROM phone WHERE token IN (SELECT id FROM token WHERE uid = ?1)";

    // Bindings.
    /// All of them: there are no more than sessions are open.
    BINDINGS: "SELECT session, started, boot, uid, token, how, seat, tty, remote_host, bound FROM binding
        ORDER BY bound, session";
    PUT_BINDING: "INSERT INTO binding (session, started, boot, uid, token, how, seat, tty, remote_host, bound)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (session) DO UPDATE SET started = excluded.started, boot = excluded.boot, uid = excluded.uid,
        token = excluded.token, how = excluded.how, seat = excluded.seat, tty = excluded.tty,
        remote_host = excluded.remote_host, bound = excluded.bound";
    DELETE_BINDING: "DELETE FROM binding WHERE session = ?1";
    DELETE_BINDINGS_OF_USER: "DELETE FROM binding WHERE uid = ?1";
    DELETE_BINDINGS_TO_TOKEN: "DELETE FROM binding WHERE uid = ?1 AND token = ?2 AND how = 'manual'
        RETURNING session";
    MOVE_BINDINGS: "UPDATE binding SET token = ?3 WHERE uid = ?1 AND token = ?2";

    // Archive.
    ARCHIVE_KEY: "INSERT INTO archive (key, uid, user_name, label, algorithm, usage, public_key, created, ended,
        ending) SELECT id, uid, user_name, label, algorithm, usage, public_key, created, ?2, ?3 FROM key
        WHERE id = ?1";
    /// A revoked key is there already, with the time of its revocation, unless it came with a backup.
    KEYS_TO_ARCHIVE: "SELECT id FROM key WHERE uid = ?1 AND (state <> 'revoked'
        OR NOT EXISTS (SELECT 1 FROM archive WHERE archive.key = key.id)) ORDER BY number";
    ARCHIVED_OF_USER: "SELECT key, uid, user_name, label, algorithm, usage, public_key, created, ended, ending
        FROM archive WHERE uid = ?1 ORDER BY number";

    // Counts: these alone go through a whole table or index.
    COUNT_USERS: "SELECT count(*) FROM user";
    COUNT_ALL_KEYS: "SELECT count(*) FROM key";
    COUNT_ARCHIVE: "SELECT count(*) FROM archive";
    COUNT_CARDS: "SELECT count(*) FROM token WHERE kind = 'card'";
    COUNT_PHONES: "SELECT count(*) FROM token WHERE kind = 'phone'";
}
