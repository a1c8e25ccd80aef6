use claviger_token::Spare;

use crate::CardError;

/// Says whether a PIN may be tried where so many tries are left. The one place that decides it, for every application
/// and for OpenSC's helper; it comes before anything secret goes to the card.
///
/// Where a card does not say how many are left, nobody can keep any here: the PIN may be tried. The reader's thread, which
/// remembers, lets a login try one more only after the right PIN was shown (`after_a_guess`).
///
/// # Errors
/// [`CardError::PinBlocked`] where none is left, [`CardError::LastTry`] and [`CardError::TriesKept`] where those that
/// are left are kept.
pub fn may_try(tries_left: Option<u32>, spare: Spare) -> Result<(), CardError> {
    match (tries_left, spare) {
        (None, _) => Ok(()),
        (Some(0), _) => Err(CardError::PinBlocked),
        (Some(tries), spare) if tries > spare.keeps() => Ok(()),
        (Some(_), Spare::Nothing | Spare::Last) => Err(CardError::LastTry),
        (Some(tries_left), Spare::Two) => Err(CardError::TriesKept { tries_left }),
    }
}

/// Says whether a login may try a PIN after a login tried a wrong one and nobody the right one since. A card that tells how
/// many tries are left decides that itself; any other is taken to have had three, as most do, and two are kept.
///
/// # Errors
/// [`CardError::TriesKept`].
pub(crate) fn after_a_guess(tells_tries: bool) -> Result<(), CardError> {
    if tells_tries { Ok(()) } else { Err(CardError::TriesKept { tries_left: Spare::Two.keeps() }) }
}

#[cfg(test)]
mod tests {
    use claviger_token::Spare::{self, Last, Nothing, Two};

    use super::may_try;
    use crate::CardError::{self, LastTry, PinBlocked, TriesKept};

    #[test]
    fn a_pin_is_tried_only_where_more_tries_are_left_than_are_kept() {
        let table: [(Option<u32>, Spare, Result<(), CardError>); 13] = [
            (None, Nothing, Ok(())),
            (None, Last, Ok(())),
            (None, Two, Ok(())),
            (Some(0), Nothing, Err(PinBlocked)),
            (Some(0), Last, Err(PinBlocked)),
            (Some(0), Two, Err(PinBlocked)),
            (Some(1), Nothing, Ok(())),
            (Some(1), Last, Err(LastTry)),
            (Some(1), Two, Err(TriesKept { tries_left: 1 })),
            (Some(2), Nothing, Ok(())),
            (Some(2), Last, Ok(())),
            (Some(2), Two, Err(TriesKept { tries_left: 2 })),
            (Some(3), Two, Ok(())),
        ];
        for (tries, spare, expected) in table {
            assert_eq!(may_try(tries, spare), expected, "{tries:?} {spare:?}");
        }
    }

    #[test]
    fn the_last_try_is_kept_unless_somebody_says_otherwise() {
        assert_eq!(Spare::default(), Last);
    }
}
