use std::collections::BTreeMap;

use claviger_card::CardError;
use claviger_card::opensc::protocol::{Found, FoundKey, FoundPublic};
use claviger_token::{Mechanism, Purpose};
use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::Session;
use cryptoki::slot::TokenInfo;

use crate::attributes::{Attributes, objects};
use crate::card::Card;
use crate::refusal::refusal;

impl Card {
    /// Returns what stands on the card, without a PIN.
    pub(crate) fn read(&self) -> Result<Found, CardError> {
        let token = self.token()?;
        let session = self.session()?;
        let text = |text: &str| text.trim().to_owned();
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Ok(Found {
            serial: text(token.serial_number()),
            label: text(token.label()),
            manufacturer: text(token.manufacturer_id()),
            shortest_pin: length(token.min_pin_length()),
            longest_pin: length(token.max_pin_length()),
            tries_left: tries_left(&token),
            mechanisms: self.mechanisms()?,
            keys: keys(&session)?,
        })
    }

    /// Returns the numbers of the mechanisms that private keys have here.
    fn mechanisms(&self) -> Result<Vec<u64>, CardError> {
        let mut uses = Vec::new();
        for kind in self.module().get_mechanism_list(self.slot()).map_err(refusal)? {
            let info = self.module().get_mechanism_info(self.slot(), kind).map_err(refusal)?;
            if info.sign() || info.decrypt() || info.derive() {
                uses.push(*kind);
            }
        }
        Ok(uses)
    }

    /// Returns true where keys are used so here.
    pub(crate) fn has(&self, mechanism: Mechanism, purpose: Purpose) -> bool {
        let Ok(kind) = MechanismType::try_from(mechanism.number()) else { return false };
        let Ok(info) = self.module().get_mechanism_info(self.slot(), kind) else { return false };
        match purpose {
            Purpose::Sign => info.sign(),
            Purpose::Decrypt => info.decrypt(),
            Purpose::Derive => info.derive(),
            Purpose::Decapsulate => false,
        }
    }
}

/// Returns how many tries are left, as far as PKCS#11's flags tell.
pub(crate) fn tries_left(token: &TokenInfo) -> Option<u32> {
    match (token.user_pin_locked(), token.user_pin_final_try()) {
        (true, _) => Some(0),
        (false, true) => Some(1),
        (false, false) => None,
    }
}

/// Returns how many tries must be reckoned with: the flag that says that some were lost does not say how many, and most
/// cards had three.
pub(crate) fn fewest_tries(token: &TokenInfo) -> Option<u32> {
    tries_left(token).or_else(|| token.user_pin_count_low().then_some(2))
}

/// Returns the key of that id, as far as it can be seen now.
pub(crate) fn key(session: &Session, id: &[u8]) -> Result<Option<FoundKey>, CardError> {
    Ok(gather(session, Some(id))?.into_values().next())
}

fn keys(session: &Session) -> Result<Vec<FoundKey>, CardError> {
    Ok(gather(session, None)?.into_values().collect())
}

/// Gathers public keys, private keys and certificates by their ids. Most cards hide the private halves until somebody
/// is logged in.
fn gather(session: &Session, id: Option<&[u8]>) -> Result<BTreeMap<Vec<u8>, FoundKey>, CardError> {
    let mut keys = BTreeMap::new();
    for object in objects(session, ObjectClass::PUBLIC_KEY, id)? {
        let found = Attributes::of(session, object, &PUBLIC)?;
        let key = of_id(&mut keys, &found);
        key.public = public(&found);
        key.sign = found.says(&Attribute::Verify(true));
        key.decrypt = found.says(&Attribute::Encrypt(true));
        key.derive = found.says(&Attribute::Derive(true));
    }
    for object in objects(session, ObjectClass::CERTIFICATE, id)? {
        let found = Attributes::of(session, object, &[AttributeType::Id, AttributeType::Value])?;
        let key = of_id(&mut keys, &found);
        if key.certificate.is_none() {
            key.certificate = found.value();
        }
    }
    for object in objects(session, ObjectClass::PRIVATE_KEY, id)? {
        let found = Attributes::of(session, object, &PRIVATE)?;
        let key = of_id(&mut keys, &found);
        if key.public == FoundPublic::None {
            key.public = public(&found);
        }
        key.seen = true;
        key.sign = found.says(&Attribute::Sign(true));
        key.decrypt = found.says(&Attribute::Decrypt(true));
        key.derive = found.says(&Attribute::Derive(true));
        key.open = found.says(&Attribute::Private(false));
        key.always = found.says(&Attribute::AlwaysAuthenticate(true));
    }
    Ok(keys)
}

/// Returns the key of the same id. One of which only the certificate is seen may do everything, as far as one knows.
fn of_id<'a>(keys: &'a mut BTreeMap<Vec<u8>, FoundKey>, found: &Attributes) -> &'a mut FoundKey {
    let id = found.id();
    keys.entry(id.clone()).or_insert(FoundKey {
        id,
        public: FoundPublic::None,
        sign: true,
        decrypt: true,
        derive: true,
        seen: false,
        open: false,
        always: false,
        certificate: None,
    })
}

fn public(found: &Attributes) -> FoundPublic {
    match found.key_type() {
        Some(KeyType::RSA) => found.rsa().map(|(modulus, exponent)| FoundPublic::Rsa { modulus, exponent }),
        Some(KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY) => {
            found.curve().map(|(parameters, point)| FoundPublic::Curve { parameters, point })
        }
        _ => None,
    }
    .unwrap_or(FoundPublic::None)
}

const PUBLIC: [AttributeType; 9] = [
    AttributeType::Id,
    AttributeType::KeyType,
    AttributeType::Modulus,
    AttributeType::PublicExponent,
    AttributeType::EcParams,
    AttributeType::EcPoint,
    AttributeType::Verify,
    AttributeType::Encrypt,
    AttributeType::Derive,
];

const PRIVATE: [AttributeType; 11] = [
    AttributeType::Id,
    AttributeType::KeyType,
    AttributeType::Modulus,
    AttributeType::PublicExponent,
    AttributeType::EcParams,
    AttributeType::EcPoint,
    AttributeType::Sign,
    AttributeType::Decrypt,
    AttributeType::Derive,
    AttributeType::Private,
    AttributeType::AlwaysAuthenticate,
];
