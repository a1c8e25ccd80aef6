//! What a key may be used for only.

use super::{Identity, Malformed, PublicKey, Reader, Writer};

/// What a key may be used for only, as `ssh-add` said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// How long, in seconds (`ssh-add -t`).
    pub lifetime: Option<u32>,
    /// Each use is to be asked for (`ssh-add -c`).
    pub confirm: bool,
    /// The hops that it may be used on (`ssh-add -h`); everywhere where there are none.
    pub destinations: Vec<Destination>,
}

/// One permitted hop: `restrict-destination-v00@openssh.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// From where; from here where it names no keys.
    pub from: Hop,
    /// To where.
    pub to: Hop,
}

/// One end of a hop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// The user there, a pattern; any where it is empty.
    pub user: String,
    /// The host's name; empty for the place where the agent is.
    pub host: String,
    /// The keys that the host may have, and which of them are authorities.
    pub keys: Vec<(PublicKey, bool)>,
}

impl Constraints {
    /// Reads everything that is left.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let mut constraints = Self::default();
        while !reader.is_empty() {
            match reader.byte()? {
                LIFETIME => constraints.lifetime = Some(reader.u32()?),
                CONFIRM => constraints.confirm = true,
                EXTENSION if reader.text()? == RESTRICT_DESTINATION => {
                    if !constraints.destinations.is_empty() {
                        return Err(Malformed::Inconsistent("constraints"));
                    }
                    constraints.destinations = read_destinations(reader.bytes()?)?;
                }
                // What is not understood would not be held: the key is not taken then.
                _ => return Err(Malformed::Unknown("constraint")),
            }
        }
        Ok(constraints)
    }
}

/// Reads the hops of `restrict-destination-v00@openssh.com`, which are also how they are kept.
pub fn read_destinations(bytes: &[u8]) -> Result<Vec<Destination>, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut destinations = Vec::new();
    while !reader.is_empty() {
        let mut one = Reader::new(reader.bytes()?);
        let (from, to) = (read_hop(one.bytes()?)?, read_hop(one.bytes()?)?);
        if !one.bytes()?.is_empty() {
            return Err(Malformed::Unknown("extension of a hop"));
        }
        one.end()?;
        if from.host.is_empty() != from.keys.is_empty() || !from.user.is_empty() {
            return Err(Malformed::Inconsistent("beginning of a hop"));
        }
        if to.host.is_empty() || to.keys.is_empty() {
            return Err(Malformed::Inconsistent("end of a hop"));
        }
        destinations.push(Destination { from, to });
    }
    if destinations.is_empty() {
        return Err(Malformed::Inconsistent("hops"));
    }
    Ok(destinations)
}

/// Writes hops as they are read.
pub fn write_destinations(destinations: &[Destination]) -> Vec<u8> {
    let hop = |hop: &Hop| {
        let names = Writer::new().bytes(hop.user.as_bytes()).bytes(hop.host.as_bytes()).bytes(b"");
        let keys = hop.keys.iter();
        keys.fold(names, |writer, (key, is_ca)| writer.bytes(&key.to_blob()).byte(u8::from(*is_ca))).done()
    };
    let written = destinations.iter().fold(Writer::new(), |writer, destination| {
        let one = Writer::new().bytes(&hop(&destination.from)).bytes(&hop(&destination.to)).bytes(b"");
        writer.bytes(&one.done())
    });
    written.done()
}

fn read_hop(bytes: &[u8]) -> Result<Hop, Malformed> {
    let mut reader = Reader::new(bytes);
    let (user, host) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    if !reader.bytes()?.is_empty() {
        return Err(Malformed::Unknown("extension of a hop"));
    }
    let mut keys = Vec::new();
    while !reader.is_empty() {
        if host.is_empty() {
            return Err(Malformed::Inconsistent("hop"));
        }
        let blob = reader.bytes()?;
        let is_authority = reader.boolean()?;
        match Identity::parse(blob) {
            Ok(Identity::Key(key)) => keys.push((key, is_authority)),
            Ok(Identity::Certificate(_)) => return Err(Malformed::Inconsistent("key of a hop")),
            // known_hosts may have kinds that are not known here (sk-…, DSA): such a host cannot be told, and
            // so it is not permitted.
            Err(Malformed::Unknown(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Hop { user, host, keys })
}

/// The name of the constraint on destinations.
pub const RESTRICT_DESTINATION: &str = "restrict-destination-v00@openssh.com";
const LIFETIME: u8 = 1;
const CONFIRM: u8 = 2;
const EXTENSION: u8 = 255;
