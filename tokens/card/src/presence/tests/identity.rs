//! Cards of which only part can be read, and cards that get a fresh identity.

use super::Input::{Doubted, Expects, Is, IsPart, Lost, Renamed, Seconds, Sees};
use super::Presence::{Present, Removed, Unreachable};
use super::Slot::{Card, Empty};
use super::{Story, tell};

#[test]
fn an_application_that_fails_takes_nothing_away() {
    let stories: &[(&str, Story)] = &[
        (
            "it fails once",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv", "pgp"]), &[("piv", Present), ("pgp", Present)]),
                (Doubted("A"), &[]),
                (IsPart("A", &["pgp"], &["piv"]), &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Expects("piv"), &[]),
                (Is("A", &["pgp", "piv"]), &[("piv", Present)]),
            ],
        ),
        (
            "it fails, and the card is pulled",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv", "pgp"]), &[("piv", Present), ("pgp", Present)]),
                (IsPart("A", &["pgp"], &["piv"]), &[("piv", Unreachable)]),
                (Sees(&[("A", Empty, 2)]), &[("pgp", Removed), ("piv", Removed)]),
            ],
        ),
        (
            "it fails on a card that was never seen: it may be the one that is missed",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (IsPart("A", &["pgp"], &[]), &[("pgp", Present)]),
                (Seconds(3600), &[]),
                (Is("A", &["piv", "pgp"]), &[("piv", Present)]),
            ],
        ),
        (
            "it fails, and then it turns out not to be there",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv", "pgp"]), &[("piv", Present), ("pgp", Present)]),
                (IsPart("A", &["pgp"], &["piv"]), &[("piv", Unreachable)]),
                (Is("A", &["pgp"]), &[("piv", Removed)]),
            ],
        ),
    ];
    for (name, story) in stories {
        tell(name, story);
    }
}

/// A session hangs on the old id until the daemon has written the new one down.
#[test]
fn a_card_that_gets_a_fresh_identity_was_never_away_under_the_old_one() {
    let stories: &[(&str, Story)] = &[
        (
            "and is pulled before anybody has heard of the new one",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["old", "pgp"]), &[("old", Present), ("pgp", Present)]),
                (Renamed("A", "old", "new"), &[("new", Present)]),
                (Is("A", &["new", "pgp"]), &[]),
                (Seconds(3600), &[]),
                (Expects("old"), &[]),
                (Sees(&[("A", Empty, 2)]), &[("new", Removed), ("old", Removed), ("pgp", Removed)]),
                (Expects("new"), &[("new", Removed)]),
            ],
        ),
        (
            "although it was in doubt just then",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["old"]), &[("old", Present)]),
                (Doubted("A"), &[]),
                (Renamed("A", "old", "new"), &[("new", Present)]),
                (Is("A", &["new"]), &[]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "and goes with pcscd as any other",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["old"]), &[("old", Present)]),
                (Renamed("A", "old", "new"), &[("new", Present)]),
                (Lost, &[("new", Unreachable), ("old", Unreachable)]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Seconds(3600), &[]),
                (Is("A", &["new"]), &[("new", Present), ("old", Present)]),
                (Lost, &[("new", Unreachable), ("old", Unreachable)]),
                (Sees(&[("A", Empty, 2)]), &[]),
                (Seconds(10), &[("new", Removed), ("old", Removed)]),
            ],
        ),
        (
            "nor when it gets yet another, and the first one back",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["old"]), &[("old", Present)]),
                (Renamed("A", "old", "mid"), &[("mid", Present)]),
                (Renamed("A", "mid", "new"), &[("new", Present)]),
                (Renamed("A", "new", "old"), &[]),
                (Sees(&[("A", Empty, 2)]), &[("old", Removed), ("mid", Removed), ("new", Removed)]),
            ],
        ),
        (
            "until another card has the old one",
            &[
                (Sees(&[("A", Card, 1), ("B", Empty, 0)]), &[]),
                (Is("A", &["old"]), &[("old", Present)]),
                (Renamed("A", "old", "new"), &[("new", Present)]),
                (Sees(&[("A", Card, 1), ("B", Card, 1)]), &[]),
                (Is("B", &["old"]), &[]),
                (Sees(&[("A", Empty, 2), ("B", Card, 1)]), &[("new", Removed)]),
                (Sees(&[("A", Empty, 2), ("B", Empty, 2)]), &[("old", Removed)]),
            ],
        ),
        (
            "unless it was pulled before that could be said",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["old"]), &[("old", Present)]),
                (Sees(&[("A", Empty, 2)]), &[("old", Removed)]),
                (Renamed("A", "old", "new"), &[]),
            ],
        ),
    ];
    for (name, story) in stories {
        tell(name, story);
    }
}
