//! Algorithm attributes (4.4.3.9): which algorithm a place has, and which it may be given.

use std::collections::BTreeSet;

use claviger_token::Algorithm;
use openpgp_card::ocard::algorithm::{
    AlgorithmAttributes, AlgorithmInformation, Curve, EccAttributes, RsaAttributes,
};
use openpgp_card::ocard::crypto::EccType;

use super::application::Application;
use super::slot::Slot;

/// A place can be given a key of this algorithm, with these attributes.
pub(super) struct Offer {
    pub(super) slot: Slot,
    pub(super) algorithm: Algorithm,
    pub(super) attributes: AlgorithmAttributes,
}

/// Returns what the card announces: by its algorithm information where it has that, else what its places have now,
/// and RSA of other lengths where a place has RSA and may be changed.
pub(super) fn offers(application: &Application, information: Option<&AlgorithmInformation>) -> Vec<Offer> {
    let changeable = application.capabilities.algo_attrs_changeable();
    let mut offers = Vec::new();
    for slot in Slot::ALL {
        let current = application.attributes(slot);
        let announced = match information {
            Some(information) if changeable => {
                information.for_keytype(slot.key_type()).into_iter().cloned().collect()
            }
            _ if changeable => related(current),
            _ => vec![current.clone()],
        };
        for attributes in announced {
            if let Some(algorithm) = algorithm(&attributes, slot) {
                // SmartPGP announces RSA with two formats and means the last.
                offers.retain(|offer: &Offer| offer.slot != slot || offer.algorithm != algorithm);
                offers.push(Offer { slot, algorithm, attributes: settled(attributes, slot) });
            }
        }
    }
    offers
}

/// Returns the algorithms of which a key can be made somewhere on the card.
pub(super) fn algorithms(offers: &[Offer]) -> BTreeSet<Algorithm> {
    offers.iter().map(|offer| offer.algorithm).collect()
}

/// Returns the algorithm of a key with such attributes at a place; `None` where Claviger has no such algorithm.
///
/// What kind of use the attributes name is not looked at: YubiKeys announce EdDSA over Curve25519 for decryption,
/// Gnuk ECDSA, and both mean ECDH.
pub(super) fn algorithm(attributes: &AlgorithmAttributes, slot: Slot) -> Option<Algorithm> {
    match attributes {
        AlgorithmAttributes::Rsa(rsa) => match rsa.len_n() {
            2048 => Some(Algorithm::Rsa2048),
            3072 => Some(Algorithm::Rsa3072),
            4096 => Some(Algorithm::Rsa4096),
            _ => None,
        },
        AlgorithmAttributes::Ecc(ecc) => match (ecc.curve(), slot) {
            (Curve::NistP256r1, _) => Some(Algorithm::P256),
            (Curve::NistP384r1, _) => Some(Algorithm::P384),
            (Curve::NistP521r1, _) => Some(Algorithm::P521),
            (Curve::Ed25519, Slot::Sign | Slot::Authenticate) => Some(Algorithm::Ed25519),
            (Curve::Curve25519, Slot::Decrypt) => Some(Algorithm::X25519),
            _ => None,
        },
        AlgorithmAttributes::Unknown(_) => None,
    }
}

/// Returns the value of the object that gives a place these attributes.
pub(super) fn value(attributes: &AlgorithmAttributes) -> Vec<u8> {
    match attributes {
        AlgorithmAttributes::Rsa(rsa) => {
            let [n_high, n_low] = rsa.len_n().to_be_bytes();
            let [e_high, e_low] = rsa.len_e().to_be_bytes();
            vec![0x01, n_high, n_low, e_high, e_low, rsa.import_format()]
        }
        AlgorithmAttributes::Ecc(ecc) => {
            let kind = match ecc.ecc_type() {
                EccType::ECDH => 0x12,
                EccType::ECDSA => 0x13,
                EccType::EdDSA => 0x16,
            };
            let format: &[u8] = if wants_public_key(attributes) { &[0xff] } else { &[] };
            [&[kind], ecc.oid(), format].concat()
        }
        AlgorithmAttributes::Unknown(bytes) => bytes.clone(),
    }
}

/// Returns true where a key that is imported must bring its public key (4.4.3.9, import format FF).
pub(super) fn wants_public_key(attributes: &AlgorithmAttributes) -> bool {
    matches!(attributes, AlgorithmAttributes::Ecc(ecc) if ecc.import_format() == Some(0xff))
}

/// Returns the attributes with the use that the place makes of the curve.
fn settled(attributes: AlgorithmAttributes, slot: Slot) -> AlgorithmAttributes {
    let AlgorithmAttributes::Ecc(ecc) = &attributes else { return attributes };
    let kind = match (slot, ecc.curve()) {
        (Slot::Decrypt, _) => EccType::ECDH,
        (_, Curve::Ed25519) => EccType::EdDSA,
        _ => EccType::ECDSA,
    };
    let format = ecc.import_format().filter(|format| *format == 0xff);
    AlgorithmAttributes::Ecc(EccAttributes::new(kind, ecc.curve().clone(), format))
}

/// Returns what a place that may be changed probably takes, where the card has no list.
fn related(current: &AlgorithmAttributes) -> Vec<AlgorithmAttributes> {
    let AlgorithmAttributes::Rsa(rsa) = current else { return vec![current.clone()] };
    [2048, 3072, 4096]
        .map(|length| AlgorithmAttributes::Rsa(RsaAttributes::new(length, rsa.len_e(), rsa.import_format())))
        .to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use claviger_token::Algorithm;
    use openpgp_card::ocard::algorithm::AlgorithmAttributes;

    use super::{algorithm, settled, value};
    use crate::openpgp::slot::Slot;

    #[test]
    fn attributes_are_written_as_they_were_read() {
        for bytes in [
            &b"\x01\x08\x00\x00\x11\x00"[..],
            b"\x01\x10\x00\x00\x20\x02",
            b"\x13\x2a\x86\x48\xce\x3d\x03\x01\x07",
            b"\x12\x2b\x81\x04\x00\x22\xff",
            b"\x16\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
        ] {
            assert_eq!(value(&AlgorithmAttributes::try_from(bytes).unwrap()), bytes);
        }
    }

    /// YubiKey 5 announces `16` (EdDSA) over Curve25519 at the decryption place.
    #[test]
    fn a_curve_is_put_to_the_use_of_its_place() {
        let bytes = b"\x16\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01";
        let attributes = AlgorithmAttributes::try_from(&bytes[..]).unwrap();
        assert_eq!(algorithm(&attributes, Slot::Decrypt), Some(Algorithm::X25519));
        assert_eq!(algorithm(&attributes, Slot::Sign), None);
        assert_eq!(value(&settled(attributes, Slot::Decrypt))[0], 0x12);
        let brainpool =
            AlgorithmAttributes::try_from(&b"\x13\x2b\x24\x03\x03\x02\x08\x01\x01\x07"[..]).unwrap();
        assert_eq!(algorithm(&brainpool, Slot::Sign), None);
    }
}
