//! What reads a card's bytes, as the fuzz targets of `tests/src/parsers` call it. Nothing else is meant to use this.

use crate::{CardError, CardOp, CardOutput, Contents, Exchange, Pin, openpgp, piv};

/// Reads what stands in a PIV application.
///
/// # Errors
/// As the application reports.
pub fn piv_read(card: &mut dyn Exchange) -> Result<Option<Contents>, CardError> {
    piv::read(card)
}

/// Holds that a card is the one of that serial.
///
/// # Errors
/// As the application reports.
pub fn piv_recognize(card: &mut dyn Exchange, serial: &str) -> Result<(), CardError> {
    piv::recognize(card, serial)
}

/// Does what is asked for.
///
/// # Errors
/// As the application reports.
pub fn piv_perform(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    op: CardOp,
) -> Result<CardOutput, CardError> {
    piv::perform(card, contents, pin, op)
}

/// Reads one object, or answer, as whatever of PIV's it may be; true where it is one of them.
///
/// # Panics
/// Where two readings contradict each other.
pub fn piv_object(bytes: &[u8]) -> bool {
    piv::parse_anything(bytes)
}

/// Reads what stands in an OpenPGP application.
///
/// # Errors
/// As the application reports.
pub fn openpgp_read(card: &mut dyn Exchange) -> Result<Option<Contents>, CardError> {
    openpgp::read(card)
}

/// Does what is asked for.
///
/// # Errors
/// As the application reports.
pub fn openpgp_perform(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    op: CardOp,
) -> Result<CardOutput, CardError> {
    openpgp::perform(card, contents, pin, op)
}
