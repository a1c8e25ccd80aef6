use super::{Identity, Malformed, Reader};

/// What a signature is for, as far as what is signed says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A login (RFC 4252, section 7; `publickey-hostbound-v00@openssh.com`).
    Login(Login<'a>),
    /// A signature of a file or a commit (`PROTOCOL.sshsig`): the namespace.
    File(&'a str),
    /// Nobody knows.
    Other,
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// The session that it is in.
    pub session: &'a [u8],
    /// The user there.
    pub user: &'a str,
    /// The host's key, where the client says it.
    pub host: Option<Identity>,
}

impl<'a> Purpose<'a> {
    /// Reads what is to be signed with the key of that blob.
    pub fn of(blob: &[u8], data: &'a [u8]) -> Self {
        if let Ok(login) = read_login(blob, data) {
            return Self::Login(login);
        }
        read_namespace(data).map_or(Self::Other, Self::File)
    }
}

fn read_login<'a>(blob: &[u8], data: &'a [u8]) -> Result<Login<'a>, Malformed> {
    let mut reader = Reader::new(data);
    let session = reader.bytes()?;
    if session.is_empty() || reader.byte()? != USERAUTH_REQUEST {
        return Err(Malformed::Unknown("message"));
    }
    let (user, service, method) = (reader.text()?, reader.text()?, reader.text()?);
    if service != "ssh-connection" || reader.byte()? != 1 {
        return Err(Malformed::Unknown("message"));
    }
    let _algorithm = reader.text()?;
    if reader.bytes()? != blob {
        return Err(Malformed::Inconsistent("key"));
    }
    let host = match method {
        "publickey" => None,
        "publickey-hostbound-v00@openssh.com" => Some(Identity::parse(reader.bytes()?)?),
        _ => return Err(Malformed::Unknown("method")),
    };
    reader.end()?;
    Ok(Login { session, user, host })
}

fn read_namespace(data: &[u8]) -> Option<&str> {
    let mut reader = Reader::new(data.strip_prefix(b"SSHSIG")?);
    let namespace = reader.text().ok()?;
    let _reserved = reader.bytes().ok()?;
    let _hash = reader.text().ok()?;
    let _digest = reader.bytes().ok()?;
    // "The namespace value must not be the empty string."
    (reader.is_empty() && !namespace.is_empty()).then_some(namespace)
}

const USERAUTH_REQUEST: u8 = 50;

#[cfg(test)]
mod tests {
    use super::{Login, Purpose};
    use crate::protocol::{Identity, PublicKey, Writer};

    fn login(key: &[u8], method: &str) -> Writer {
        let request = Writer::new().bytes(b"session").byte(50).bytes(b"alice").bytes(b"ssh-connection");
        request.bytes(method.as_bytes()).byte(1).bytes(b"ssh-ed25519").bytes(key)
    }

    #[test]
    fn logins_are_told_from_files_and_from_anything_else() {
        let key = PublicKey::Ed25519([7; 32]);
        let blob = key.to_blob();
        let plain = login(&blob, "publickey").done();
        let expected = Login { session: b"session", user: "alice", host: None };
        assert_eq!(Purpose::of(&blob, &plain), Purpose::Login(expected));

        let bound = login(&blob, "publickey-hostbound-v00@openssh.com").bytes(&blob).done();
        let expected = Login { session: b"session", user: "alice", host: Some(Identity::Key(key)) };
        assert_eq!(Purpose::of(&blob, &bound), Purpose::Login(expected));

        let fields = Writer::new().bytes(b"git").bytes(b"").bytes(b"sha512").bytes(&[1; 64]).done();
        let file = [b"SSHSIG".as_slice(), &fields].concat();
        assert_eq!(Purpose::of(&blob, &file), Purpose::File("git"));

        let foreign = login(b"another key", "publickey").done();
        for other in [foreign, [plain, vec![0]].concat(), [bound, vec![0]].concat(), b"SSHSIG".to_vec()] {
            assert_eq!(Purpose::of(&blob, &other), Purpose::Other);
        }
    }
}
