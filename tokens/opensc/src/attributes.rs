use claviger_card::CardError;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::refusal::refusal;

/// An object's attributes, those that it has.
pub(crate) struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Asks for those of these types.
    pub(crate) fn of(
        session: &Session,
        object: ObjectHandle,
        types: &[AttributeType],
    ) -> Result<Self, CardError> {
        session.get_attributes(object, types).map(Self).map_err(refusal)
    }

    /// Returns CKA_ID; empty where there is none.
    pub(crate) fn id(&self) -> Vec<u8> {
        self.find(|it| if let Attribute::Id(id) = it { Some(id.clone()) } else { None }).unwrap_or_default()
    }

    /// Returns CKA_VALUE.
    pub(crate) fn value(&self) -> Option<Vec<u8>> {
        self.find(|it| if let Attribute::Value(value) = it { Some(value.clone()) } else { None })
    }

    /// Returns CKA_KEY_TYPE.
    pub(crate) fn key_type(&self) -> Option<KeyType> {
        self.find(|it| if let Attribute::KeyType(kind) = it { Some(*kind) } else { None })
    }

    /// Returns CKA_MODULUS and CKA_PUBLIC_EXPONENT.
    pub(crate) fn rsa(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let modulus =
            self.find(|it| if let Attribute::Modulus(it) = it { Some(it.clone()) } else { None })?;
        let exponent =
            self.find(|it| if let Attribute::PublicExponent(it) = it { Some(it.clone()) } else { None })?;
        Some((modulus, exponent))
    }

    /// Returns CKA_EC_PARAMS and CKA_EC_POINT.
    pub(crate) fn curve(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let parameters =
            self.find(|it| if let Attribute::EcParams(it) = it { Some(it.clone()) } else { None })?;
        let point = self.find(|it| if let Attribute::EcPoint(it) = it { Some(it.clone()) } else { None })?;
        Some((parameters, point))
    }

    /// Returns true where this very attribute is there.
    pub(crate) fn says(&self, attribute: &Attribute) -> bool {
        self.0.contains(attribute)
    }

    fn find<T>(&self, pick: impl Fn(&Attribute) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }
}

/// Returns the objects of a class, and of an id where one is given.
pub(crate) fn objects(
    session: &Session,
    class: ObjectClass,
    id: Option<&[u8]>,
) -> Result<Vec<ObjectHandle>, CardError> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    session.find_objects(&template).map_err(refusal)
}
