//! Which of a key's places an operation goes to. Pure.

use claviger_token::TokenId;

use crate::{Key, Placement, PlacementState, Refusal};

/// How a place stands at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its token cannot be reached.
    Away,
    /// Its token is there and wants a secret first.
    Locked,
    /// The key can be used there at once.
    Ready,
}

/// Returns the place where a key is used: the one that is told; else the first that is ready, else the first whose token is
/// there.
///
/// # Errors
/// [`Refusal::TokenAbsent`] where no token of the key is there, or the one that is told is not; `name` says what people call
/// each of them. [`Refusal::KeyElsewhere`] where the key does not stand on the one that is told.
pub fn choose<'a>(
    key: &'a Key,
    at: Option<&TokenId>,
    standing: impl Fn(&Placement) -> Standing,
    name: impl Fn(&Placement) -> String,
) -> Result<&'a Placement, Refusal> {
    let current = || places(key, at).filter(|placement| placement.state == PlacementState::Current);
    if at.is_some() && current().next().is_none() {
        return Err(Refusal::KeyElsewhere);
    }
    let mut best: Option<(&Placement, Standing)> = None;
    for placement in current() {
        match (best, standing(placement)) {
            (_, Standing::Ready) => return Ok(placement),
            (_, Standing::Away) | (Some(_), Standing::Locked) => {}
            (None, Standing::Locked) => best = Some((placement, Standing::Locked)),
        }
    }
    match best {
        Some((placement, _)) => Ok(placement),
        None => Err(Refusal::TokenAbsent(absent(current().map(name).collect()).into())),
    }
}

/// Returns the places that come into question: all of the key's, or the one on the token that is told.
pub fn places<'a>(key: &'a Key, at: Option<&TokenId>) -> impl Iterator<Item = &'a Placement> {
    key.placements.iter().filter(move |placement| at.is_none_or(|token| placement.token == *token))
}

/// Says what would have to be there.
fn absent(names: Vec<String>) -> String {
    match names.as_slice() {
        [] => "any token with this key".into(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} or {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, TokenId, TokenKind};

    use super::{Standing, choose};
    use crate::{Key, KeyState, Placement, PlacementState, Refusal};

    fn key(places: &[(&str, PlacementState)]) -> Key {
        let id = KeyId::from_bytes([1; 16]);
        let algorithm = Algorithm::P256;
        let placement = |(token, state): &(&str, PlacementState)| Placement {
            token: TokenId::new(*token),
            kind: TokenKind::Card,
            reference: "9a".into(),
            state: *state,
            record: None,
        };
        Key {
            info: Arc::new(KeyInfo { id, algorithm, usage: algorithm.usage(), public_key: [][..].into() }),
            binding: Arc::new(Binding { uid: 1, user_name: "alice".into(), key: id, created: 0 }),
            label: String::new(),
            state: KeyState::Current,
            last_used: None,
            placements: places.iter().map(placement).collect(),
            certificates: Vec::new(),
            attestation: Vec::new(),
            confirm: crate::Confirm::Never,
        }
    }

    fn chosen(places: &[(&str, PlacementState, Standing)]) -> Result<String, Refusal> {
        let key = key(&places.iter().map(|(token, state, _)| (*token, *state)).collect::<Vec<_>>());
        let standing = |placement: &Placement| {
            places
                .iter()
                .find(|place| place.0 == placement.token.as_str())
                .map_or(Standing::Away, |place| place.2)
        };
        choose(&key, None, standing, |placement| format!("card {}", placement.token))
            .map(|placement| placement.token.to_string())
    }

    #[test]
    fn a_ready_place_is_taken_before_a_locked_one_and_never_one_that_is_away() {
        use PlacementState::{Current, Erasing, Writing};
        use Standing::{Away, Locked, Ready};
        let table: [(&[_], Option<&str>); 7] = [
            (&[("a", Current, Ready), ("b", Current, Ready)], Some("a")),
            (&[("a", Current, Locked), ("b", Current, Ready)], Some("b")),
            (&[("a", Current, Away), ("b", Current, Locked)], Some("b")),
            (&[("a", Current, Locked), ("b", Current, Locked)], Some("a")),
            (&[("a", Writing, Ready), ("b", Current, Locked)], Some("b")),
            (&[("a", Erasing, Ready)], None),
            (&[("a", Current, Away)], None),
        ];
        for (places, expected) in table {
            assert_eq!(chosen(places).ok().as_deref(), expected, "{places:?}");
        }
    }

    #[test]
    fn a_place_that_is_told_is_taken_or_none() {
        use PlacementState::{Current, Erasing};
        use Standing::{Away, Locked, Ready};
        let (away, locked) = (("a", Current), ("b", Current));
        let (ready, erasing) = (("c", Current), ("d", Erasing));
        let key = key(&[away, locked, ready, erasing]);
        let standing = |placement: &Placement| match placement.token.as_str() {
            "a" => Away,
            "b" => Locked,
            _ => Ready,
        };
        let chosen = |token: &str| {
            let token = TokenId::new(token);
            let name = |placement: &Placement| format!("card {}", placement.token);
            choose(&key, Some(&token), standing, name).map(|placement| placement.token.to_string())
        };
        assert_eq!(chosen("a"), Err(Refusal::TokenAbsent("card a".into())));
        assert_eq!(chosen("b"), Ok("b".into()));
        assert_eq!(chosen("c"), Ok("c".into()));
        assert_eq!(chosen("d"), Err(Refusal::KeyElsewhere));
        assert_eq!(chosen("e"), Err(Refusal::KeyElsewhere));
    }

    #[test]
    fn the_refusal_names_every_card_that_would_do() {
        use PlacementState::Current;
        use Standing::Away;
        let text = |places: &[_]| chosen(places).map_err(|refusal| refusal.to_string());
        let one = [("a", Current, Away)];
        let two = [("a", Current, Away), ("b", Current, Away)];
        assert_eq!(text(&one), Err("card a is not there".into()));
        assert_eq!(text(&two), Err("card a or card b is not there".into()));
        assert_eq!(text(&[]), Err("any token with this key is not there".into()));
    }
}
