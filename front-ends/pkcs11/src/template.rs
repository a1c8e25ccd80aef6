use cryptoki_sys as sys;
use zeroize::Zeroizing;

use crate::rv::{Answer, Rv};

/// A template, copied from the application: attribute types and values, in the application's order. Values may be
/// private keys, and are wiped.
#[derive(Clone, Default)]
pub(crate) struct Template(Vec<(sys::CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>)>);

impl Template {
    /// Takes attributes as they were read.
    ///
    /// # Errors
    /// `CKR_TEMPLATE_INCONSISTENT` where one stands there twice with different values.
    pub(crate) fn new(attributes: Vec<(sys::CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>)>) -> Answer<Self> {
        for (place, (kind, value)) in attributes.iter().enumerate() {
            if attributes[..place].iter().any(|(other, before)| other == kind && before != value) {
                return Err(Rv::TEMPLATE_INCONSISTENT);
            }
        }
        Ok(Self(attributes))
    }

    /// Returns the template with an attribute that it has not, where it has none of that type.
    pub(crate) fn or(mut self, kind: sys::CK_ATTRIBUTE_TYPE, value: &[u8]) -> Self {
        if self.bytes(kind).is_none() {
            self.0.push((kind, value.to_vec().into()));
        }
        self
    }

    /// Returns every attribute.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (sys::CK_ATTRIBUTE_TYPE, &[u8])> {
        self.0.iter().map(|(kind, value)| (*kind, value.as_slice()))
    }

    /// Returns the value of an attribute, if it stands there.
    pub(crate) fn bytes(&self, kind: sys::CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// Returns the value of an attribute that must stand there.
    ///
    /// # Errors
    /// `CKR_TEMPLATE_INCOMPLETE`.
    pub(crate) fn required(&self, kind: sys::CK_ATTRIBUTE_TYPE) -> Answer<&[u8]> {
        self.bytes(kind).ok_or(Rv::TEMPLATE_INCOMPLETE)
    }

    /// Returns a `CK_ULONG`, if it stands there.
    ///
    /// # Errors
    /// `CKR_ATTRIBUTE_VALUE_INVALID` where it is of another size.
    pub(crate) fn number(&self, kind: sys::CK_ATTRIBUTE_TYPE) -> Answer<Option<sys::CK_ULONG>> {
        let number = |value: &[u8]| {
            let bytes = value.try_into().map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?;
            Ok(sys::CK_ULONG::from_ne_bytes(bytes))
        };
        self.bytes(kind).map(number).transpose()
    }

    /// Returns a `CK_BBOOL`, if it stands there.
    ///
    /// # Errors
    /// `CKR_ATTRIBUTE_VALUE_INVALID` where it is neither true nor false.
    pub(crate) fn flag(&self, kind: sys::CK_ATTRIBUTE_TYPE) -> Answer<Option<bool>> {
        match self.bytes(kind) {
            None => Ok(None),
            Some(&[sys::CK_TRUE]) => Ok(Some(true)),
            Some(&[sys::CK_FALSE]) => Ok(Some(false)),
            Some(_) => Err(Rv::ATTRIBUTE_VALUE_INVALID),
        }
    }

    /// Returns a text, if it stands there.
    ///
    /// # Errors
    /// `CKR_ATTRIBUTE_VALUE_INVALID` where it is not UTF-8.
    pub(crate) fn text(&self, kind: sys::CK_ATTRIBUTE_TYPE) -> Answer<Option<&str>> {
        let text = |value| str::from_utf8(value).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID);
        self.bytes(kind).map(text).transpose()
    }
}
