use claviger_token::Algorithm;
use cryptoki_sys as sys;

use crate::key::ec_params;
use crate::rv::{Answer, Rv};

/// Returns the curve of that `CKA_EC_PARAMS`: its object identifier or, for Edwards and Montgomery, its name too.
///
/// # Errors
/// `CKR_CURVE_NOT_SUPPORTED`.
pub(super) fn curve(kind: sys::CK_KEY_TYPE, params: &[u8]) -> Answer<Algorithm> {
    let (curves, name): (&[Algorithm], &[u8]) = match kind {
        sys::CKK_EC => (&[Algorithm::P256, Algorithm::P384, Algorithm::P521], b""),
        sys::CKK_EC_EDWARDS => (&[Algorithm::Ed25519], b"\x13\x0cedwards25519"),
        sys::CKK_EC_MONTGOMERY => (&[Algorithm::X25519], b"\x13\x0acurve25519"),
        _ => (&[], b""),
    };
    let by_name = (!name.is_empty() && params == name).then(|| curves.first().copied()).flatten();
    let by_id = || curves.iter().copied().find(|curve| ec_params(*curve) == Some(params));
    by_name.or_else(by_id).ok_or(Rv::CURVE_NOT_SUPPORTED)
}
