mod expected;
mod identity;
mod sleep;

use std::time::{Duration, Instant};

use claviger_token::{Presence, TokenId};

use super::{Change, GRACE, Observed, Presences, Slot};

use Presence::{Present, Removed, Unreachable};

/// What happens, one after the other.
enum Input {
    /// pcscd reports: reader, slot, count.
    Sees(&'static [(&'static str, Slot, u16)]),
    /// The same, and another program has the card in the first reader for itself alone.
    SeesHeld(&'static [(&'static str, Slot, u16)]),
    /// The card in that reader turns out to be these tokens.
    Is(&'static str, &'static [&'static str]),
    /// The card in that reader turns out to be the first tokens; whether it is the others, which it was, does not.
    IsPart(&'static str, &'static [&'static str], &'static [&'static str]),
    /// The card in that reader got a fresh identity: the first token is the second now.
    Renamed(&'static str, &'static str, &'static str),
    /// The card in that reader cannot be read.
    Unreadable(&'static str),
    /// The reader's thread finds that it may be another card.
    Doubted(&'static str),
    /// pcscd is gone.
    Lost,
    /// So many seconds pass, and the clock ticks.
    Seconds(u64),
    /// pcscd answers again after it hung.
    AnswersAgain,
    Sleep,
    Wake,
    /// Sessions hang on that token.
    Expects(&'static str),
}

use Input::{
    AnswersAgain, Doubted, Expects, Is, IsPart, Lost, Renamed, Seconds, Sees, SeesHeld, Sleep, Unreadable,
    Wake,
};
use Slot::{Card, Empty, Unclear};

/// A story: inputs, each with the tokens whose presence changes by it.
type Story = &'static [(Input, &'static [(&'static str, Presence)])];

#[test]
fn what_is_gone_and_what_is_only_out_of_reach() {
    let stories: &[(&str, Story)] = &[
        (
            "a card is put in and pulled",
            &[
                (Sees(&[("A", Empty, 0)]), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv", "pgp"]), &[("piv", Present), ("pgp", Present)]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed), ("pgp", Removed)]),
            ],
        ),
        (
            "a reader is pulled with the card in it",
            &[
                (Sees(&[("A", Card, 1), ("B", Empty, 0)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sees(&[("B", Empty, 0)]), &[("piv", Removed)]),
            ],
        ),
        (
            "pcscd crashes and comes back with the card",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Lost, &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
            ],
        ),
        (
            "pcscd crashes and comes back without the card",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Lost, &[("piv", Unreachable)]),
                (Sees(&[("A", Empty, 0)]), &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "the ten seconds begin anew with each crash",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Lost, &[("piv", Unreachable)]),
                (Sees(&[]), &[]),
                (Seconds(9), &[]),
                (Lost, &[]),
                (Seconds(9), &[]),
                (Sees(&[]), &[]),
                (Seconds(9), &[]),
                (Seconds(1), &[("piv", Removed)]),
            ],
        ),
        (
            "a card that nobody can read may be the one that is missed",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Lost, &[("piv", Unreachable)]),
                (SeesHeld(&[("A", Card, 1)]), &[]),
                (Unreadable("A"), &[]),
                (Seconds(3600), &[]),
                (Is("A", &[]), &[("piv", Removed)]),
            ],
        ),
        (
            "another card in its place is evidence",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sees(&[("A", Card, 3)]), &[]),
                (Is("A", &["other"]), &[("piv", Removed), ("other", Present)]),
            ],
        ),
        (
            "the same card, out and in unseen, was never away to sessions",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sees(&[("A", Card, 3)]), &[]),
                (Is("A", &["piv"]), &[]),
                (Doubted("A"), &[]),
                (Is("A", &["piv"]), &[]),
            ],
        ),
        (
            "a card that another program gave a fresh identity is another token",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv", "pgp"]), &[("piv", Present), ("pgp", Present)]),
                (Is("A", &["new", "pgp"]), &[("piv", Removed), ("new", Present)]),
            ],
        ),
        (
            "a mute card is neither there nor gone",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sees(&[("A", Unclear, 1)]), &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Sees(&[("A", Unclear, 1)]), &[("piv", Unreachable)]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed)]),
            ],
        ),
        (
            "a card that stops to answer is out of reach until it is pulled",
            &[
                (Sees(&[("A", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Doubted("A"), &[]),
                (Unreadable("A"), &[("piv", Unreachable)]),
                (Seconds(3600), &[]),
                (Sees(&[("A", Empty, 2)]), &[("piv", Removed)]),
            ],
        ),
        (
            "a card that moves to another reader while pcscd is away",
            &[
                (Sees(&[("A", Card, 1), ("B", Empty, 0)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Lost, &[("piv", Unreachable)]),
                (Sees(&[("A", Empty, 0), ("B", Card, 1)]), &[]),
                (Is("B", &["piv"]), &[("piv", Present)]),
                (Seconds(3600), &[]),
            ],
        ),
        (
            "a double in another reader keeps the token",
            &[
                (Sees(&[("A", Card, 1), ("B", Card, 1)]), &[]),
                (Is("A", &["piv"]), &[("piv", Present)]),
                (Is("B", &["piv"]), &[]),
                (Sees(&[("A", Empty, 2), ("B", Card, 1)]), &[]),
                (Sees(&[("A", Empty, 2), ("B", Empty, 2)]), &[("piv", Removed)]),
            ],
        ),
    ];
    for (name, story) in stories {
        tell(name, story);
    }
}

/// Plays a story and holds each of its steps against what is expected.
fn tell(name: &str, story: Story) {
    let (mut presences, mut now) = (Presences::default(), Instant::now());
    for (step, (input, expected)) in story.iter().enumerate() {
        let changes = play(&mut presences, &mut now, input);
        let tokens = changes.into_iter().filter_map(|change| match change {
            Change::Token(token, presence) => Some((token.as_str().to_owned(), presence)),
            _ => None,
        });
        let tokens: Vec<_> = tokens.collect();
        let expected: Vec<_> =
            expected.iter().map(|(token, presence)| ((*token).to_owned(), *presence)).collect();
        assert_eq!(tokens, expected, "{name}, step {step}");
    }
}

fn play(presences: &mut Presences, now: &mut Instant, input: &Input) -> Vec<Change> {
    match input {
        Sees(readers) => presences.observe(*now, &observed(readers, false)),
        SeesHeld(readers) => presences.observe(*now, &observed(readers, true)),
        Is(reader, tokens) => {
            let tokens: Vec<_> = tokens.iter().map(|token| TokenId::new(*token)).collect();
            presences.identified(*now, reader, stay(presences, reader), Some(&tokens))
        }
        IsPart(reader, found, unread) => {
            let [found, unread] =
                [found, unread].map(|ids| ids.iter().map(|id| TokenId::new(*id)).collect::<Vec<_>>());
            presences.identified_in_part(*now, reader, stay(presences, reader), (&found, &unread))
        }
        Renamed(reader, old, new) => presences.rename(reader, &TokenId::new(*old), &TokenId::new(*new)),
        Unreadable(reader) => presences.identified(*now, reader, stay(presences, reader), None),
        Doubted(reader) => presences.doubt(reader, stay(presences, reader)),
        Lost => presences.lose(),
        Seconds(seconds) => {
            *now += Duration::from_secs(*seconds);
            presences.tick(*now)
        }
        Sleep => {
            presences.sleep();
            Vec::new()
        }
        AnswersAgain => {
            presences.answers_again(*now);
            Vec::new()
        }
        Wake => presences.wake(*now),
        Expects(token) => presences.expect(*now, &[TokenId::new(*token)]),
    }
}

fn stay(presences: &Presences, reader: &str) -> u64 {
    presences.slots[reader].stay
}

fn observed(readers: &[(&str, Slot, u16)], exclusive: bool) -> Vec<Observed> {
    let observed = |(reader, slot, count): &(&str, Slot, u16)| Observed {
        reader: (*reader).to_owned(),
        slot: *slot,
        count: *count,
        exclusive,
    };
    readers.iter().map(observed).collect()
}

#[test]
fn a_card_is_identified_once_for_each_time_it_comes() {
    let (mut presences, now) = (Presences::default(), Instant::now());
    let identify = |changes: Vec<Change>| {
        let stays = changes.into_iter().filter_map(|change| match change {
            Change::Identify(reader, stay) => Some((reader, stay)),
            _ => None,
        });
        stays.collect::<Vec<_>>()
    };
    let seen = |presences: &mut Presences, slot, count, exclusive| {
        identify(presences.observe(now, &observed(&[("A", slot, count)], exclusive)))
    };
    assert_eq!(seen(&mut presences, Card, 1, false), [("A".to_owned(), 1)]);
    assert_eq!(seen(&mut presences, Card, 1, false), [], "what is the same is not identified again");
    assert_eq!(seen(&mut presences, Card, 3, true), [("A".to_owned(), 2)], "it was out");
    presences.identified(now, "A", 2, None);
    assert_eq!(seen(&mut presences, Card, 3, false), [("A".to_owned(), 2)], "its holder let go");
    presences.identified(now, "A", 2, Some(&[]));
    seen(&mut presences, Card, 3, true);
    assert_eq!(seen(&mut presences, Card, 3, false), [], "it was identified before");
    assert_eq!(identify(presences.doubt("A", 2)), [("A".to_owned(), 3)]);
    assert_eq!(identify(presences.doubt("A", 2)), [], "a doubt of an earlier card is late");
    assert_eq!(seen(&mut presences, Empty, 4, false), []);
    assert_eq!(seen(&mut presences, Card, 5, false), [("A".to_owned(), 4)]);
}

#[test]
fn what_was_found_of_an_earlier_card_is_not_believed() {
    let (mut presences, now) = (Presences::default(), Instant::now());
    presences.observe(now, &observed(&[("A", Card, 1)], false));
    presences.observe(now, &observed(&[("A", Card, 3)], false));
    assert_eq!(presences.identified(now, "A", 1, Some(&[TokenId::new("piv")])), []);
    presences.observe(now, &observed(&[("A", Empty, 4)], false));
    assert_eq!(presences.identified(now, "A", 2, Some(&[TokenId::new("piv")])), []);
    assert_eq!(
        presences.identified(now, "B", 2, Some(&[TokenId::new("piv")])),
        [],
        "there is no such reader"
    );
    assert_eq!(presences.whereabouts(&TokenId::new("piv")), None);
}

#[test]
fn a_doubted_card_costs_its_pin_and_not_its_presence() {
    let (mut presences, now) = (Presences::default(), Instant::now());
    presences.observe(now, &observed(&[("A", Card, 1)], false));
    let token = TokenId::new("piv");
    presences.identified(now, "A", 1, Some(std::slice::from_ref(&token)));
    let changes = presences.observe(now, &observed(&[("A", Card, 3)], false));
    assert_eq!(changes, [Change::Doubted(token.clone()), Change::Identify("A".to_owned(), 2)]);
    assert_eq!(presences.presence(now, &token), Present);
    assert_eq!(presences.whereabouts(&token), Some(("A", 2)));
}

#[test]
fn a_token_that_was_never_seen_is_removed_only_when_it_had_its_time() {
    let (mut presences, start) = (Presences::default(), Instant::now());
    let early = TokenId::new("early");
    assert_eq!(presences.presence(start, &early), Unreachable, "pcscd does not answer");
    assert_eq!(presences.next_tick(start), None);
    presences.observe(start, &[]);
    assert_eq!(presences.next_tick(start), Some(start + GRACE));
    assert_eq!(presences.presence(start, &TokenId::new("soon")), Unreachable);
    let changes = presences.tick(start + GRACE);
    assert_eq!(changes, [Change::Token(early, Removed), Change::Token(TokenId::new("soon"), Removed)]);
    assert_eq!(presences.presence(start + GRACE, &TokenId::new("late")), Removed);
    assert_eq!(presences.next_tick(start + GRACE), None);
}

#[test]
fn readers_come_and_go_with_what_shows_it() {
    let (mut presences, now) = (Presences::default(), Instant::now());
    let came = presences.observe(now, &observed(&[("A", Empty, 0)], false));
    assert_eq!(came, [Change::ReaderCame("A".to_owned()), Change::Readers]);
    assert_eq!(presences.readers().collect::<Vec<_>>(), [("A", Empty, false)]);
    assert_eq!(presences.observe(now, &observed(&[("A", Empty, 0)], false)), []);
    let gone = presences.observe(now, &[]);
    assert_eq!(gone, [Change::ReaderGone("A".to_owned()), Change::Readers]);
    assert_eq!(presences.readers().count(), 0);
}

#[test]
fn pcscd_is_asked_again_before_a_card_counts_as_taken_away() {
    let (mut presences, now) = (Presences::default(), Instant::now());
    presences.observe(now, &observed(&[("A", Card, 1), ("B", Card, 1)], false));
    presences.identified(now, "A", 1, Some(&[TokenId::new("piv")]));
    presences.identified(now, "B", 2, Some(&[]));
    let both = |a, b| observed(&[("A", a, 1), ("B", b, 1)], false);
    for (readers, expected) in [
        (both(Card, Card), false),
        (both(Empty, Card), true),
        (both(Unclear, Card), false),
        (both(Card, Empty), false),
        (observed(&[("B", Card, 1)], false), true),
        (observed(&[("A", Card, 1)], false), false),
    ] {
        assert_eq!(presences.would_take_away(&readers), expected, "{readers:?}");
    }
}
