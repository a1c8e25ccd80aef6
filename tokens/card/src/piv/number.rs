//! The numbers of the algorithms (SP 800-78-4, table 6-2; 3072 and 4096 bits and Curve25519 as YubiKey 5.7 has them, which
//! SP 800-78-5 took over for RSA-3072).

use claviger_token::Algorithm;

/// Returns the number of a key's algorithm, where PIV cards have it.
pub(crate) const fn of(algorithm: Algorithm) -> Option<u8> {
    match algorithm {
        Algorithm::Rsa3072 => Some(0x05),
        Algorithm::Rsa2048 => Some(0x07),
        Algorithm::P256 => Some(0x11),
        Algorithm::P384 => Some(0x14),
        Algorithm::Rsa4096 => Some(0x16),
        Algorithm::Ed25519 => Some(0xE0),
        Algorithm::X25519 => Some(0xE1),
        _ => None,
    }
}

/// Returns the algorithm of that number.
pub(crate) fn algorithm(number: u8) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| of(*algorithm) == Some(number))
}

#[cfg(test)]
mod tests {
    use claviger_token::Algorithm;

    use super::{algorithm, of};

    #[test]
    fn every_number_finds_its_algorithm() {
        let known = Algorithm::ALL.into_iter().filter_map(|known| Some((of(known)?, known)));
        assert_eq!(known.clone().count(), 7);
        for (number, known) in known {
            assert_eq!(algorithm(number), Some(known));
        }
        assert_eq!(algorithm(0x06), None, "RSA with 1024 bits is too weak to be taken");
        assert_eq!(algorithm(0x03), None, "3DES is not a key pair");
    }
}
