//! Suspend and resume.

use std::time::Instant;

use claviger_token::TokenId;

use super::Input::{Is, Lost, Seconds, Sees, Sleep, Unreadable, Wake};
use super::Presence::{Present, Removed, Unreachable};
use super::Slot::{Card, Empty, Unclear};
use super::{Change, GRACE, Presences, Story, observed, tell};

#[test]
fn sleep_takes_no_card_away_and_hides_none_that_was_taken() {
    let stories: &[(&str, Story)] = &[
        (
            "readers vanish in suspend and come back",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sleep, &[]),
                (Sees(&[]), &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Wake, &[]),
                (Seconds(5), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed)]),
            ],
        ),
        (
            "a card that was pulled during suspend is removed ten seconds after",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sleep, &[]),
                (Wake, &[]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Unreachable)]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "a card that stays through suspend was never away",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sleep, &[]),
                (Seconds(3600), &[]),
                (Wake, &[]),
                (Seconds(3600), &[]),
                (Is("A", &["piv"]), &[]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "a card that was changed for another during suspend is removed ten seconds after",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sleep, &[]),
                (Wake, &[]),
                (Is("A", &["other"]), &[("piv", Unreachable), ("other", Present)]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "a card that nobody can read after suspend is out of reach until it can be read",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sleep, &[]),
                (Wake, &[]),
                (Unreadable("A"), &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
            ],
        ),
        (
            "pcscd that goes as the computer wakes begins the ten seconds anew",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sleep, &[]),
                (Wake, &[]),
                (Seconds(9), &[]),
                (Lost, &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
    ];
    for (name, story) in stories {
        tell(name, story);
    }
}

#[test]
fn every_card_is_identified_anew_and_loses_its_pin_when_the_computer_wakes() {
    let (mut presences, now) = (Presences::default(), Instant::now());
    presences.observe(now, &observed(&[("A", Card, 1), ("B", Empty, 0), ("C", Unclear, 1)], false));
    let token = TokenId::new("piv");
    presences.identified(now, "A", 1, Some(std::slice::from_ref(&token)));
    presences.sleep();
    let changes = presences.wake(now);
    assert_eq!(changes, [Change::Doubted(token.clone()), Change::Identify("A".to_owned(), 2)]);
    assert_eq!(presences.presence(now, &token), Present, "for what can be said, it is there");
    let late = presences.identified(now, "A", 1, Some(&[TokenId::new("other")]));
    assert_eq!(late, [], "what was found before the sleep is not believed");
    assert_eq!(presences.next_tick(now), Some(now + GRACE));
}
