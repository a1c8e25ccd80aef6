//! The places for keys (SP 800-73-4 part 1, table 4) and what PIV means each of them for.

use claviger_token::{Algorithm, PinPolicy, Usage};

/// A key reference: 9A, 9C, 9D, 9E, or one of the twenty retired ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u8);

impl Place {
    /// PIV Authentication.
    pub(crate) const AUTHENTICATION: Self = Self(0x9A);
    /// Digital Signature.
    pub(crate) const SIGNATURE: Self = Self(0x9C);
    /// Key Management.
    pub(crate) const KEY_MANAGEMENT: Self = Self(0x9D);
    /// Card Authentication.
    pub(crate) const CARD_AUTHENTICATION: Self = Self(0x9E);

    /// Returns every place, in the order in which they are shown.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let active = [Self::AUTHENTICATION, Self::SIGNATURE, Self::KEY_MANAGEMENT, Self::CARD_AUTHENTICATION];
        active.into_iter().chain(Self::retired())
    }

    fn retired() -> impl Iterator<Item = Self> {
        (0x82..=0x95).map(Self)
    }

    /// Returns the place of that name: two hexadecimal digits.
    pub(crate) fn from_reference(reference: &str) -> Option<Self> {
        let number = u8::from_str_radix(reference, 16).ok().filter(|_| reference.len() == 2)?;
        Self::all().find(|place| place.0 == number)
    }

    /// Returns the name, in lower case.
    pub(crate) fn reference(self) -> String {
        format!("{:02x}", self.0)
    }

    /// Returns the key reference.
    pub(crate) const fn key(self) -> u8 {
        self.0
    }

    /// Returns true for the places of keys that were in use once.
    pub(crate) const fn is_retired(self) -> bool {
        matches!(self.0, 0x82..=0x95)
    }

    /// Returns the tag of the object with the certificate (SP 800-73-4 part 1, table 3).
    pub(crate) const fn certificate(self) -> u32 {
        match self {
            Self::AUTHENTICATION => 0x5F_C1_05,
            Self::SIGNATURE => 0x5F_C1_0A,
            Self::KEY_MANAGEMENT => 0x5F_C1_0B,
            Self::CARD_AUTHENTICATION => 0x5F_C1_01,
            Self(retired) => 0x5F_C1_0D + (retired as u32 - 0x82),
        }
    }

    /// Returns what a key here is for: what its algorithm can, narrowed to what PIV means the place for.
    ///
    /// Cards themselves know no difference between an RSA signature and an RSA decryption, and most let any key do
    /// anything. But a usage is also what picks a default key, and there PIV's meaning is what people expect: 9C's key
    /// signs contracts and never decrypts, 9E's is used without a PIN, mail is encrypted to 9D's. The retired places are
    /// left as wide as the algorithm: PIV keeps old decryption keys there, but on cards in the wild they are where
    /// whoever has more than four keys puts them, for signing as well. A key whose algorithm cannot do what the place
    /// is for (Ed25519 in 9D) does what it can.
    pub(crate) fn usage(self, algorithm: Algorithm) -> Usage {
        let can = algorithm.usage();
        let meant = match self {
            Self::AUTHENTICATION | Self::SIGNATURE | Self::CARD_AUTHENTICATION => {
                Usage { sign: can.sign, ..Usage::default() }
            }
            Self::KEY_MANAGEMENT => Usage { sign: false, ..can },
            _ => can,
        };
        if meant.is_empty() { can } else { meant }
    }

    /// Returns when a key here wants the PIN, unless the card says otherwise.
    pub(crate) const fn pin_policy(self) -> PinPolicy {
        match self {
            Self::SIGNATURE => PinPolicy::Always,
            Self::CARD_AUTHENTICATION => PinPolicy::Never,
            _ => PinPolicy::Once,
        }
    }

    /// Returns the places that a new key may take by itself, the best first. Never 9E: a key that wants no PIN is
    /// somebody's decision.
    pub(crate) fn candidates(algorithm: Algorithm) -> impl Iterator<Item = Self> {
        let can = algorithm.usage();
        let own: &[Self] = match (can.sign, can.decrypt || can.derive) {
            (true, false) => &[Self::AUTHENTICATION, Self::SIGNATURE],
            (true, true) => &[Self::AUTHENTICATION, Self::SIGNATURE, Self::KEY_MANAGEMENT],
            _ => &[Self::KEY_MANAGEMENT],
        };
        own.iter().copied().chain(Self::retired())
    }
}

#[cfg(test)]
mod tests {
    use claviger_token::Algorithm;

    use super::Place;

    #[test]
    fn every_place_is_found_by_its_name() {
        assert_eq!(Place::all().count(), 24);
        for place in Place::all() {
            assert_eq!(Place::from_reference(&place.reference()), Some(place));
            assert_eq!(Place::from_reference(&place.reference().to_uppercase()), Some(place));
        }
        for name in ["", "9", "9b", "09a", "81", "96", "+9", "sign"] {
            assert_eq!(Place::from_reference(name), None, "{name}");
        }
    }

    /// SP 800-73-4 part 1, table 3: the first retired certificate is 5FC10D, the twentieth 5FC120.
    #[test]
    fn every_place_has_a_certificate_of_its_own() {
        let mut objects: Vec<u32> = Place::all().map(Place::certificate).collect();
        assert_eq!(objects[..4], [0x5F_C1_05, 0x5F_C1_0A, 0x5F_C1_0B, 0x5F_C1_01]);
        assert_eq!((objects[4], objects[23]), (0x5F_C1_0D, 0x5F_C1_20));
        objects.sort_unstable();
        objects.dedup();
        assert_eq!(objects.len(), 24);
    }

    #[test]
    fn no_key_is_useless_and_none_can_more_than_its_algorithm() {
        for place in Place::all() {
            for algorithm in Algorithm::ALL {
                let usage = place.usage(algorithm);
                assert!(!usage.is_empty() && usage.is_within(algorithm.usage()), "{place:?} {algorithm}");
            }
        }
        assert!(!Place::SIGNATURE.usage(Algorithm::Rsa2048).decrypt);
        assert!(!Place::KEY_MANAGEMENT.usage(Algorithm::P256).sign);
        assert!(Place::KEY_MANAGEMENT.usage(Algorithm::Ed25519).sign);
    }

    #[test]
    fn a_new_key_never_goes_where_no_pin_is_wanted() {
        for algorithm in Algorithm::ALL {
            assert!(Place::candidates(algorithm).all(|place| place != Place::CARD_AUTHENTICATION));
            let first = Place::candidates(algorithm).next().expect("there is a place");
            assert!(!first.usage(algorithm).is_empty());
        }
    }
}
