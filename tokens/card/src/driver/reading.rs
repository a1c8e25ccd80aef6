use claviger_token::TokenId;

use crate::{CardError, Contents, Exchange, Kind, application};

/// What a card told of its applications, and what that says of the tokens that were in the reader before.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) found: Vec<Contents>,
    /// The applications that answered something else than what they hold, or that they are not there.
    pub(super) failed: Vec<(Kind, CardError)>,
}

impl Reading {
    /// Reads every application. One that answers nonsense does not hide another.
    pub(super) fn of(kinds: &[Kind], card: &mut dyn Exchange) -> Result<Self, CardError> {
        let mut reading = Self { found: Vec::new(), failed: Vec::new() };
        for kind in kinds {
            match application::read(*kind, card) {
                Ok(contents) => reading.found.extend(contents),
                Err(error @ (CardError::Gone | CardError::Timeout | CardError::ServiceGone(_))) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::info!("cannot read the {kind} application of a card: {error}");
                    reading.failed.push((*kind, error));
                }
            }
        }
        Ok(reading)
    }

    /// Returns true where nothing was found that OpenSC would find too, under another name.
    pub(super) fn leaves_room_for_opensc(&self, before: &[TokenId]) -> bool {
        let is_dubious =
            |(_, error): &(Kind, CardError)| matches!(error, CardError::Malformed(_) | CardError::Status(..));
        // What was PIV a moment ago is not OpenSC's because it failed once.
        let waits = |kind: Kind| before.iter().any(|token| is_of(token, kind));
        self.found.is_empty()
            && self.failed.iter().all(is_dubious)
            && !self.failed.iter().any(|(kind, _)| waits(*kind))
    }

    /// Takes in what OpenSC found. Nothing at all is no proof that its token, which was here, is not.
    pub(super) fn add_opensc(&mut self, found: Option<Contents>, before: &[TokenId]) {
        if found.is_none() && before.iter().any(|token| is_of(token, Kind::OpenSc)) {
            self.failed.push((Kind::OpenSc, CardError::Malformed("OpenSC knows it no longer".into())));
        }
        self.found.extend(found);
    }

    /// Returns itself, or why nothing was found where something failed.
    pub(super) fn or_failure(mut self) -> Result<Self, CardError> {
        match self.failed.pop() {
            Some((_, error)) if self.found.is_empty() => Err(error),
            last => {
                self.failed.extend(last);
                Ok(self)
            }
        }
    }

    /// Returns `None` where this is all that the card is; else those of the tokens that were here before which it may be
    /// still: their application failed, and nothing shows that it is another card.
    pub(super) fn unread(&self, before: &[TokenId]) -> Option<Vec<TokenId>> {
        let is_found = |token: &TokenId| self.found.iter().any(|contents| contents.token() == *token);
        let failed = |token: &TokenId| self.failed.iter().any(|(kind, _)| is_of(token, *kind));
        let differs = |token: &TokenId| self.found.iter().any(|contents| is_of(token, contents.kind));
        let is_another = !before.iter().any(is_found) && before.iter().any(differs);
        let unread: Vec<_> =
            before.iter().filter(|token| !is_another && !is_found(token) && failed(token)).cloned().collect();
        // One that was never anybody's, without an identity, is left alone.
        let is_blank = |error: &CardError| matches!(error, CardError::NotSupported(_));
        let is_whole = unread.is_empty() && self.failed.iter().all(|(_, error)| is_blank(error));
        (!is_whole).then_some(unread)
    }
}

fn is_of(token: &TokenId, kind: Kind) -> bool {
    Kind::of_token(token).is_some_and(|(other, _)| other == kind)
}

#[cfg(test)]
mod tests {
    use super::super::tests::contents;
    use super::*;
    use crate::replay::Replay;

    use Kind::{OpenPgp, OpenSc, Piv};

    const FAULT: CardError = CardError::Status("SELECT", 0x6F00);

    fn reading(found: &[Kind], failed: &[Kind]) -> Reading {
        Reading {
            found: found.iter().map(|kind| (*contents(*kind)).clone()).collect(),
            failed: failed.iter().map(|kind| (*kind, FAULT)).collect(),
        }
    }

    fn tokens(kinds: &[Kind]) -> Vec<TokenId> {
        kinds.iter().map(|kind| contents(*kind).token()).collect()
    }

    #[test]
    fn what_failed_may_be_what_it_was_unless_another_card_is_here_for_certain() {
        let nothing: &[TokenId] = &[];
        let whole =
            [(&[Piv, OpenPgp][..], &[Piv, OpenPgp][..]), (&[OpenPgp], &[Piv, OpenPgp]), (&[], &[Piv])];
        for (found, before) in whole {
            assert_eq!(reading(found, &[]).unread(&tokens(before)), None, "{found:?} after {before:?}");
        }
        let failed = reading(&[OpenPgp], &[Piv]);
        assert_eq!(failed.unread(&tokens(&[Piv, OpenPgp])), Some(tokens(&[Piv])));
        assert_eq!(failed.unread(&tokens(&[Piv])), Some(tokens(&[Piv])));
        assert_eq!(failed.unread(nothing).as_deref(), Some(nothing), "it may be one that is missed");
        let another = [OpenPgp.token("of another card"), Piv.token("of another card")];
        assert_eq!(failed.unread(&another).as_deref(), Some(nothing));
        let blank = CardError::NotSupported("be told from other cards");
        let blank = Reading { failed: vec![(Piv, blank)], ..reading(&[OpenPgp], &[]) };
        assert_eq!(blank.unread(nothing), None);
        assert_eq!(blank.unread(&tokens(&[Piv])), Some(tokens(&[Piv])));
    }

    #[test]
    fn nothing_found_and_something_failed_is_a_failure_with_opensc_and_without() {
        assert_eq!(reading(&[], &[Piv]).or_failure().err(), Some(FAULT));
        assert!(reading(&[], &[]).or_failure().is_ok_and(|reading| reading.found.is_empty()));
        assert!(reading(&[OpenPgp], &[Piv]).or_failure().is_ok_and(|reading| reading.failed.len() == 1));
        let mut unknown = reading(&[], &[Piv]);
        unknown.add_opensc(None, &[]);
        assert_eq!(unknown.or_failure().err(), Some(FAULT));
        let mut forgotten = reading(&[], &[]);
        forgotten.add_opensc(None, &tokens(&[OpenSc]));
        assert!(matches!(forgotten.or_failure().err(), Some(CardError::Malformed(_))));
        let mut known = reading(&[], &[Piv]);
        known.add_opensc(Some((*contents(OpenSc)).clone()), &[]);
        assert!(known.or_failure().is_ok_and(|reading| reading.found.len() == 1));
    }

    #[test]
    fn opensc_gets_no_card_whose_own_application_failed_a_moment_ago() {
        for (found, failed, before, expected) in [
            (&[][..], &[][..], &[Piv][..], true),
            (&[], &[Piv], &[], true),
            (&[], &[Piv], &[OpenSc], true),
            (&[], &[Piv], &[Piv], false),
            (&[OpenPgp], &[], &[], false),
        ] {
            let asked = reading(found, failed).leaves_room_for_opensc(&tokens(before));
            assert_eq!(asked, expected, "{found:?} {failed:?} {before:?}");
        }
        let broken = Reading { found: Vec::new(), failed: vec![(Piv, CardError::Reader("it broke".into()))] };
        assert!(!broken.leaves_room_for_opensc(&[]));
    }

    #[test]
    fn one_application_that_fails_hides_no_other_and_a_card_that_goes_is_no_answer() {
        let turns = |word: &[u8]| [(Vec::new(), word.to_vec()), (Vec::new(), b"\x6a\x82".to_vec())];
        let read = |card: &mut Replay| Reading::of(&[Piv, OpenPgp], card);
        let failed = read(&mut Replay::new(turns(b"\x6f\x00"))).expect("it is read");
        assert_eq!((failed.found.len(), failed.failed), (0, vec![(Piv, FAULT)]));
        let none = read(&mut Replay::new(turns(b"\x6d\x00"))).expect("it is read");
        assert!(none.found.is_empty() && none.failed.is_empty());
        for error in [CardError::Gone, CardError::Timeout, CardError::ServiceGone("pcscd".into())] {
            assert_eq!(read(&mut Replay::new([]).then_fails(error.clone())).err(), Some(error));
        }
    }
}
