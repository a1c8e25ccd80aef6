//! Tokens that are missed before they were ever seen.

use super::Input::{AnswersAgain, Expects, Is, Lost, Seconds, Sees, Sleep, Unreadable, Wake};
use super::Presence::{Present, Removed};
use super::Slot::{Card, Empty};
use super::{Story, tell};

/// After a start the daemon knows of sessions, and the cards that they hang on were never seen.
#[test]
fn a_token_that_sessions_hang_on_is_gone_only_when_it_had_its_time_to_show_itself() {
    let stories: &[(&str, Story)] = &[
        (
            "absent at the start",
            &[
                (Expects("piv"), &[]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
            ],
        ),
        (
            "absent at the start, and not even a reader",
            &[(Sees(&[]), &[]), (Expects("piv"), &[]), (Seconds(10), &[("piv", Removed)])],
        ),
        (
            "present at the start",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Seconds(3600), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed)]),
            ],
        ),
        (
            "present before anybody missed it",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Expects("piv"), &[]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "put in within the ten seconds",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Seconds(1), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "another card is put in within the ten seconds",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Seconds(9), &[]),
                (Is("A", &["other"]), &[("other", Present), ("piv", Removed)]),
            ],
        ),
        (
            "put in after it was given up",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(10), &[("piv", Removed)]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
            ],
        ),
        (
            "missed long after the start",
            &[
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(3600), &[]),
                (Expects("piv"), &[("piv", Removed)]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "pulled before anybody missed it",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed)]),
                (Expects("piv"), &[("piv", Removed)]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "a card is there that nobody can read: it may be the one",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Unreadable("A"), &[]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed)]),
            ],
        ),
        (
            "pcscd starts late, and with the card",
            &[
                (Expects("piv"), &[]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Card, 0)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
            ],
        ),
        (
            "pcscd never starts",
            &[(Expects("piv"), &[]), (Seconds(86400), &[]), (Lost, &[]), (Seconds(86400), &[])],
        ),
        (
            "pcscd starts anew in the middle",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Lost, &[]),
                (Seconds(9), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "pcscd hangs in the middle",
            &[
                (Expects("piv"), &[]),
                (AnswersAgain, &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (AnswersAgain, &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "the computer sleeps in the middle",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Sleep, &[]),
                (Seconds(3600), &[]),
                (Wake, &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "the computer sleeps in the middle, and wakes with the card",
            &[
                (Expects("piv"), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Sleep, &[]),
                (Wake, &[]),
                (Seconds(9), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Seconds(1), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
            ],
        ),
    ];
    for (name, story) in stories {
        tell(name, story);
    }
}
