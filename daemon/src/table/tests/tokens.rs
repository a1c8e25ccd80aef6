use claviger_core::{Defaults, EnrolledToken, Key, KeyState, Placement, PlacementState, User};
use claviger_token::{TokenId, TokenKind};

use super::changes::{archived, assert_exists, state_of};
use super::{
    account, card, card_key, certificate, id, key, on, record, reopen, said, two_users, user, with_card,
};
use crate::table::{Ending, Existing, Misfit, Table, TableError};

/// Returns what all keys of a user say.
async fn keys_of(table: &Table, uid: u32) -> Vec<String> {
    account(table, uid).await.keys.iter().map(said).collect()
}

fn assert_no_such_token<T: std::fmt::Debug>(result: Result<T, TableError>, expected: &TokenId) {
    assert!(matches!(&result, Err(TableError::NoSuchToken(token)) if token == expected), "{result:?}");
}

/// A key whose places are exactly these.
fn placed(key: Key, placements: &[Placement]) -> Key {
    Key { placements: placements.to_vec(), ..key }
}

/// The place of a key of 1000 in the local store.
fn local(number: u8) -> Placement {
    key(1000, number).placements[0].clone()
}

#[tokio::test]
async fn a_card_comes_with_its_keys_and_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let table = reopen(table, folder.path()).await;

    let found = account(&table, 1000).await;
    assert_eq!(found.tokens, [card('A')]);
    let defaults =
        Defaults { sign: Some(id(1)), derive: Some(id(2)), authenticate: Some(id(5)), decrypt: None };
    assert_eq!(found.user, User { defaults, ..user(1000) });
    let first = placed(key(1000, 1), &[local(1), on('A', "9C")]);
    assert_eq!(
        keys_of(&table, 1000).await,
        [first, key(1000, 2), card_key(1000, 5, 'A')].map(|key| said(&key))
    );
    assert!(found.keys[2].placements[0].record.is_none());
    assert_eq!(table.token_owner(card('A').id).await.unwrap(), Some(1000));
    assert_eq!(table.token_owner(card('B').id).await.unwrap(), None);
    assert!(account(&table, 1001).await.tokens.is_empty());
}

#[tokio::test]
async fn one_key_stands_on_two_cards() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let later = EnrolledToken { created: card('A').created + 1, ..card('0') };
    table.enrol_token(1000, later.clone(), Vec::new(), vec![(id(5), on('0', "9A"))], None).await.unwrap();
    let found = account(&table, 1000).await;
    assert_eq!(found.tokens, [card('A'), later], "in the order of their enrolment");
    assert_eq!(found.keys[2].placements, [on('A', "9A"), on('0', "9A")]);
    assert_eq!(found.user.defaults.authenticate, Some(id(5)), "defaults that are not given stay");
}

#[tokio::test]
async fn a_card_is_one_users_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let before = state_of(&table).await;
    let stolen = EnrolledToken { name: "mine".into(), ..card('A') };
    let taken = table.enrol_token(1001, stolen, vec![card_key(1001, 6, 'A')], Vec::new(), None).await;
    assert_exists(taken, &Existing::Token(card('A').id));
    assert_eq!(state_of(&table).await, before);

    table.forget_token(1000, &card('A').id, 5).await.unwrap();
    table.enrol_token(1001, card('A'), vec![card_key(1001, 6, 'A')], Vec::new(), None).await.unwrap();
    assert_eq!(table.token_owner(card('A').id).await.unwrap(), Some(1001));
    assert!(account(&table, 1000).await.tokens.is_empty());
}

#[tokio::test]
async fn enrolling_ones_own_card_again_renames_it_and_adds_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let again = EnrolledToken { name: "renamed".into(), created: 9, ..card('A') };
    let placements = vec![(id(5), on('A', "9A")), (id(1), on('A', "9C")), (id(2), on('A', "9D"))];
    let new = card_key(1000, 6, 'A');
    table.enrol_token(1000, again, vec![new.clone()], placements, None).await.unwrap();

    let found = account(&table, 1000).await;
    assert_eq!(found.tokens, [EnrolledToken { name: "renamed".into(), ..card('A') }]);
    let expected = [
        placed(key(1000, 1), &[local(1), on('A', "9C")]),
        placed(key(1000, 2), &[local(2), on('A', "9D")]),
        card_key(1000, 5, 'A'),
        new,
    ];
    assert_eq!(keys_of(&table, 1000).await, expected.map(|key| said(&key)), "nothing stands there twice");
}

#[tokio::test]
async fn an_enrolment_that_fails_leaves_the_account_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.revoke_key(1000, id(2), 5).await.unwrap();
    let before = state_of(&table).await;
    let enrol = async |keys: Vec<Key>, placements, defaults| {
        let refused = table.enrol_token(1000, card('B'), keys, placements, defaults).await;
        assert_eq!(state_of(&table).await, before, "{refused:?}");
        assert_eq!(table.token_owner(card('B').id).await.unwrap(), None);
        refused.expect_err("it is refused")
    };
    let new = || card_key(1000, 6, 'B');

    let error = enrol(vec![new(), key(1000, 3)], Vec::new(), None).await;
    assert!(matches!(error, TableError::AlreadyExists(Existing::Key(key)) if key == id(3)), "{error:?}");
    let error = enrol(vec![new(), card_key(1001, 7, 'B')], Vec::new(), None).await;
    assert!(matches!(error, TableError::NotTheUsersKey(key) if key == id(7)), "{error:?}");
    let error = enrol(vec![new(), card_key(1000, 7, 'C')], Vec::new(), None).await;
    assert!(matches!(&error, TableError::NoSuchToken(token) if *token == card('C').id), "{error:?}");
    let same_label = Key { label: "label 1".into(), ..card_key(1000, 7, 'B') };
    let error = enrol(vec![new(), same_label], Vec::new(), None).await;
    assert!(matches!(error, TableError::AlreadyExists(Existing::Label(_))), "{error:?}");
    let unfit = Key { attestation: vec![vec![0x30]], ..card_key(1000, 7, 'B') };
    let error = enrol(vec![new(), unfit], Vec::new(), None).await;
    let is_unfit = matches!(error, TableError::UnfitCertificate { key, misfit: Misfit::Cut } if key == id(7));
    assert!(is_unfit, "{error:?}");
    for foreign in [id(3), id(9)] {
        let error = enrol(vec![new()], vec![(id(1), on('B', "9A")), (foreign, on('B', "9A"))], None).await;
        assert!(matches!(error, TableError::NoSuchKey(key) if key == foreign), "{error:?}");
        let defaults = Defaults { sign: Some(foreign), ..Defaults::default() };
        let error = enrol(vec![new()], Vec::new(), Some(defaults)).await;
        assert!(matches!(error, TableError::NoSuchKey(key) if key == foreign), "{error:?}");
    }
    let error = enrol(vec![new()], vec![(id(2), on('B', "9A"))], None).await;
    assert!(matches!(error, TableError::KeyRevoked(key) if key == id(2)), "{error:?}");
    let unknown = table.enrol_token(7, card('B'), Vec::new(), Vec::new(), None).await;
    assert!(matches!(unknown, Err(TableError::NoSuchUser(7))), "{unknown:?}");
}

#[tokio::test]
async fn keys_that_stand_nowhere_else_go_with_a_forgotten_card() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let retired = Key { state: KeyState::Retired, ..card_key(1000, 6, 'A') };
    table.insert_key(retired.clone(), None).await.unwrap();
    table.forget_token(1000, &card('A').id, 400).await.unwrap();

    let found = account(&table, 1000).await;
    assert!(found.tokens.is_empty());
    assert_eq!(keys_of(&table, 1000).await, [key(1000, 1), key(1000, 2)].map(|key| said(&key)));
    let defaults = Defaults { sign: Some(id(1)), derive: Some(id(2)), ..Defaults::default() };
    assert_eq!(found.user.defaults, defaults, "the gone key's alone is forgotten");
    let kept = [card_key(1000, 5, 'A'), retired].map(|key| archived(&key, 400, Ending::Forgotten));
    assert_eq!(table.archived(1000).await.unwrap(), kept);
    assert_no_such_token(table.forget_token(1000, &card('A').id, 5).await, &card('A').id);
}

#[tokio::test]
async fn a_key_on_another_card_outlives_a_forgotten_one() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.enrol_token(1000, card('B'), Vec::new(), vec![(id(5), on('B', "9A"))], None).await.unwrap();
    // Two places on one card are still that card alone.
    table.enrol_token(1000, card('C'), vec![card_key(1000, 6, 'C')], vec![], None).await.unwrap();
    table.add_placement(1000, id(6), on('C', "9D")).await.unwrap();

    table.forget_token(1000, &card('A').id, 5).await.unwrap();
    table.forget_token(1000, &card('C').id, 5).await.unwrap();
    let found = account(&table, 1000).await;
    assert_eq!(found.tokens, [card('B')]);
    assert_eq!(found.keys.iter().map(Key::id).collect::<Vec<_>>(), [id(1), id(2), id(5)]);
    assert_eq!(found.keys[2].placements, [on('B', "9A")]);
    assert_eq!(found.user.defaults.authenticate, Some(id(5)));
    let kept: Vec<_> = table.archived(1000).await.unwrap().into_iter().map(|kept| kept.info.id).collect();
    assert_eq!(kept, [id(6)]);
}

#[tokio::test]
async fn a_foreign_token_is_no_such_token() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let before = state_of(&table).await;
    for (uid, letter) in [(1001, 'A'), (1000, 'B'), (7, 'A')] {
        let token = card(letter).id;
        assert_no_such_token(table.forget_token(uid, &token, 5).await, &token);
        assert_no_such_token(table.rename_token(uid, &token, card('C')).await, &token);
    }
    assert_no_such_token(table.add_placement(1001, id(3), on('A', "9A")).await, &card('A').id);
    assert_no_such_token(table.insert_key(card_key(1001, 6, 'A'), None).await, &card('A').id);
    let as_phone = Placement { kind: TokenKind::Phone, ..on('A', "9A") };
    assert_no_such_token(table.add_placement(1000, id(2), as_phone).await, &card('A').id);
    let as_local = Placement { kind: TokenKind::Local, ..on('A', "9A") };
    assert_no_such_token(table.add_placement(1000, id(2), as_local).await, &card('A').id);
    assert_no_such_token(table.add_placement(1001, id(3), local(1)).await, &TokenId::local(1000));
    assert_eq!(state_of(&table).await, before);
}

#[tokio::test]
async fn a_card_with_a_new_identity_keeps_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.rename_token(1000, &card('A').id, card('N')).await.unwrap();

    let table = reopen(table, folder.path()).await;
    let found = account(&table, 1000).await;
    assert_eq!(found.tokens, [card('N')]);
    assert_eq!(found.keys[0].placements, [local(1), on('N', "9C")]);
    assert_eq!(found.keys[2].placements, [on('N', "9A")]);
    assert_eq!(table.token_owner(card('A').id).await.unwrap(), None);
    assert_eq!(table.token_owner(card('N').id).await.unwrap(), Some(1000));

    let same = EnrolledToken { name: "another name".into(), ..card('N') };
    table.rename_token(1000, &card('N').id, same.clone()).await.expect("its own id is no obstacle");
    assert_eq!(account(&table, 1000).await.tokens, [same]);
}

#[tokio::test]
async fn a_new_identity_must_be_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.enrol_token(1000, card('B'), Vec::new(), vec![(id(5), on('B', "9A"))], None).await.unwrap();
    table.enrol_token(1001, card('C'), Vec::new(), Vec::new(), None).await.unwrap();
    let before = state_of(&table).await;
    for letter in ['B', 'C'] {
        let taken = table.rename_token(1000, &card('A').id, card(letter)).await;
        assert_exists(taken, &Existing::Token(card(letter).id));
    }
    assert_eq!(state_of(&table).await, before);
}

#[tokio::test]
async fn a_key_comes_to_a_card_and_leaves_the_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let place = |placement: Placement, state| Placement { state, ..placement };
    let there = on('A', "82");
    table.add_placement(1000, id(2), place(there.clone(), PlacementState::Writing)).await.unwrap();
    let stands = async || account(&table, 1000).await.keys[1].placements.clone();
    assert_eq!(stands().await, [local(2), place(there.clone(), PlacementState::Writing)]);
    table.add_placement(1000, id(2), there.clone()).await.unwrap();
    let going = place(local(2), PlacementState::Erasing);
    table.add_placement(1000, id(2), going.clone()).await.unwrap();
    assert_eq!(stands().await, [going, there.clone()]);
    table.remove_placement(1000, id(2), &TokenId::local(1000)).await.unwrap();
    table.remove_placement(1000, id(2), &TokenId::local(1000)).await.expect("again it changes nothing");
    assert_eq!(stands().await, std::slice::from_ref(&there));

    let back = Placement { record: Some(record(9)), ..local(2) };
    table.add_placement(1000, id(2), back.clone()).await.unwrap();
    assert_eq!(stands().await, [there, back]);
    assert_eq!(account(&table, 1000).await.keys[0].placements, [local(1), on('A', "9C")], "others stay");
}

#[tokio::test]
async fn a_foreign_or_revoked_key_is_placed_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.revoke_key(1000, id(2), 5).await.unwrap();
    let before = state_of(&table).await;
    for (uid, number) in [(1001, 5), (1000, 3), (1000, 9), (7, 5)] {
        let missing = |result: Result<(), TableError>| {
            assert!(matches!(result, Err(TableError::NoSuchKey(key)) if key == id(number)), "{uid} {number}");
        };
        missing(table.add_placement(uid, id(number), on('A', "9A")).await);
        missing(table.remove_placement(uid, id(number), &card('A').id).await);
        missing(table.set_certificates(uid, id(number), vec![certificate(1)]).await);
    }
    let refused = table.add_placement(1000, id(2), on('A', "9A")).await;
    assert!(matches!(refused, Err(TableError::KeyRevoked(key)) if key == id(2)), "{refused:?}");
    assert_eq!(state_of(&table).await, before);
}

#[tokio::test]
async fn a_key_that_another_displaced_goes_where_it_stands_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.add_placement(1000, id(2), on('A', "9C")).await.unwrap();
    table.displace_key(1000, id(2), &card('A').id, 300).await.unwrap();
    let stays = account(&table, 1000).await;
    assert_eq!(stays.keys.iter().find(|key| key.id() == id(2)).map(|key| key.placements.len()), Some(1));

    table.displace_key(1000, id(5), &card('A').id, 300).await.unwrap();
    let found = account(&table, 1000).await;
    assert!(found.keys.iter().all(|key| key.id() != id(5)));
    assert_eq!(found.tokens, [card('A')], "the card stays");
    assert_eq!(
        table.archived(1000).await.unwrap(),
        [archived(&card_key(1000, 5, 'A'), 300, Ending::Forgotten)]
    );
}

#[tokio::test]
async fn certificates_are_replaced_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let chain: Vec<_> = (1..=3).map(certificate).collect();
    table.set_certificates(1000, id(5), chain.clone()).await.unwrap();
    let table = reopen(table, folder.path()).await;
    let expected = Key { certificates: chain, ..card_key(1000, 5, 'A') };
    assert_eq!(keys_of(&table, 1000).await[2], said(&expected));

    table.set_certificates(1000, id(5), Vec::new()).await.unwrap();
    let expected = Key { certificates: Vec::new(), ..expected };
    assert_eq!(keys_of(&table, 1000).await[2], said(&expected));
}

#[tokio::test]
async fn what_could_not_be_read_back_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    let before = state_of(&table).await;
    let cases = [
        (vec![certificate(1), Vec::new()], Misfit::Empty),
        (vec![b"-----BEGIN CERTIFICATE-----".to_vec()], Misfit::NoSequence),
        (vec![[certificate(1), certificate(2)].concat()], Misfit::Trailing),
        (vec![certificate(1)[..4].to_vec(), certificate(2)], Misfit::Cut),
        (vec![certificate(1); 17], Misfit::TooMany),
    ];
    for (certificates, expected) in cases {
        let error = table.set_certificates(1000, id(5), certificates).await.expect_err("it is refused");
        let is_unfit = |key, misfit| (key, misfit) == (id(5), expected);
        assert!(
            matches!(error, TableError::UnfitCertificate { key, misfit } if is_unfit(key, misfit)),
            "{error:?}"
        );
        assert!(error.to_string().contains(&id(5).to_string()), "{error}");
    }
    assert_eq!(state_of(&table).await, before);
}

#[tokio::test]
async fn a_revoked_key_leaves_its_card_and_the_card_stays() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_card(folder.path()).await;
    table.revoke_key(1000, id(5), 300).await.unwrap();
    let found = account(&table, 1000).await;
    assert_eq!(found.tokens, [card('A')]);
    assert_eq!((found.keys[2].state, found.keys[2].placements.len()), (KeyState::Revoked, 0));
    table.forget_token(1000, &card('A').id, 400).await.unwrap();
    let kept = [archived(&card_key(1000, 5, 'A'), 300, Ending::Revoked)];
    assert_eq!(table.archived(1000).await.unwrap(), kept, "it stood nowhere, so it is not forgotten");
    assert_eq!(account(&table, 1000).await.keys.len(), 3);
}

#[tokio::test]
async fn the_cards_of_an_account_that_ends_are_free_again() {
    for ending in ["revoked", "removed", "replaced", "registered anew"] {
        let folder = tempfile::tempdir().unwrap();
        let table = with_card(folder.path()).await;
        match ending {
            "revoked" => table.revoke_user(1000, 9).await.unwrap(),
            "removed" => table.remove_user(1000, 9).await.unwrap(),
            "replaced" => table.replace_account(user(1000), vec![key(1000, 1)]).await.unwrap(),
            _ => {
                table.set_registration(1000, claviger_core::Registration::None, None).await.unwrap();
                table.register(user(1000), vec![key(1000, 6)]).await.unwrap();
            }
        }
        assert_eq!(table.token_owner(card('A').id).await.unwrap(), None, "{ending}");
        if let Some(found) = table.account(1000).await.unwrap() {
            assert!(found.tokens.is_empty(), "{ending}");
            let on_cards = found.keys.iter().flat_map(|key| &key.placements);
            assert!(on_cards.clone().all(|placement| placement.kind == TokenKind::Local), "{ending}");
        }
        let kept = table.archived(1000).await.unwrap();
        assert!(kept.iter().any(|kept| kept.info.id == id(5)), "{ending}");
        let key = card_key(1001, 7, 'A');
        table.enrol_token(1001, card('A'), vec![key], Vec::new(), None).await.expect(ending);
    }
}

#[tokio::test]
async fn a_card_of_another_user_is_not_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let table = two_users(folder.path()).await;
    table.enrol_token(1001, card('B'), vec![card_key(1001, 7, 'B')], Vec::new(), None).await.unwrap();
    table.revoke_user(1000, 9).await.unwrap();
    table.remove_user(1000, 9).await.unwrap();
    let found = account(&table, 1001).await;
    assert_eq!((found.tokens, found.keys.len()), (vec![card('B')], 2));
}
